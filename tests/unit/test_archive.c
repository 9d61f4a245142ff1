/* SPDX-License-Identifier: ISC */
/* The boundary between archive and ledger: the chain continues across it, and no record is folded on both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/hash.h"
#include "libnhi/ledger/chain.h"
#include "libnhi/ledger/fold.h"
#include "libnhi/ledger/ledger_archive.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_session.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/session/session_end.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW

static struct nhi_chain walked;
static int64_t first;
static int count;

static int walk(const struct nhi_event *e, void *ctx)
{
    struct nhi_chain *c = ctx;
    char *line = nhi_event_line(e);
    int64_t seq;

    if (count++ == 0)
        first = e->seq;
    assert_int_equal(nhi_chain_add(c, line, strlen(line), &seq), NHI_LINK_GOOD);
    free(line);
    return 0;
}

/* The ledger's events follow those that it has as archived. */
static struct nhi_settings proven(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    struct nhi_settings set;
    struct nhi_head head;

    count = 0;
    first = 0;
    assert_int_equal(nhi_ledger_settings(l, &set), NHI_OK);
    walked.seq = set.archived;
    memcpy(walked.hash, set.archived_hash, sizeof(walked.hash));
    assert_int_equal(nhi_event_each(l, 0, 1000, walk, &walked), NHI_OK);
    assert_int_equal(nhi_event_head(l, &head), NHI_OK);
    assert_int_equal(head.seq, walked.seq);
    assert_int_equal(head.given, walked.seq);
    assert_string_equal(head.hash, walked.hash);
    nhi_ledger_close(l);
    return set;
}

static void add(int64_t at)
{
    struct nhi_event e = { .at = at, .kind = "task-open", .agent = "ci-bot" };
    struct nhi_ledger *l = state_begin();

    assert_int_equal(nhi_event_add(l, &e), NHI_OK);
    state_end(l);
}

static int64_t cut(int64_t before)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    int64_t until = -1;

    assert_int_equal(nhi_archive_cut(l, before, &until), NHI_OK);
    nhi_ledger_close(l);
    return until;
}

static int64_t needed(int64_t now)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    int64_t since = -1;

    assert_int_equal(nhi_archive_needed(l, now, &since), NHI_OK);
    nhi_ledger_close(l);
    return since;
}

/* A live ticket needs the issue of the first of its lineage; an open session its grant and its ticket. */
static void needs_what_is_live(void **state)
{
    struct nhi_ticket t = state_ticket(1), next = state_ticket(2), third = state_ticket(3);
    struct nhi_ticket_row old;
    struct nhi_session_end end = { .at = NOW + 90, .reason = NHI_END_GONE };
    struct nhi_ledger *l;
    bool told = false;

    (void)state;
    assert_true(needed(NOW) == INT64_MAX);
    next.exp = t.exp + 600;
    third.exp = t.exp + 300;
    l = state_begin();
    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, NOW + 1), NHI_OK);
    assert_int_equal(nhi_ticket_record(l, &third, NHI_ORIGIN_ISSUED, NOW + 3), NHI_OK);
    state_end(l);
    assert_int_equal(needed(NOW), NOW + 1);
    assert_int_equal(needed(t.exp), NOW + 3);
    l = state_begin();
    assert_int_equal(nhi_ticket_get(l, t.jti, &old), NHI_OK);
    assert_int_equal(nhi_ticket_renew(l, &old, &next, false, NOW + 4), NHI_OK);
    state_end(l);
    assert_int_equal(needed(t.exp), NOW + 1);
    assert_true(needed(next.exp) == INT64_MAX);
    end.g = state_grant(3, 1);
    end.g.at = NOW + 2;
    snprintf(end.handle, sizeof(end.handle), "audit-7");
    l = state_begin();
    assert_int_equal(nhi_session_note(l, &end.g, end.handle), NHI_OK);
    state_end(l);
    assert_int_equal(needed(next.exp), NOW + 2);
    l = state_begin();
    assert_int_equal(nhi_session_record_end(l, &end, &told), NHI_OK);
    state_end(l);
    assert_true(needed(next.exp) == INT64_MAX);
}

static enum nhi_err take(int64_t until, const char *hash)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_WRITE);
    enum nhi_err err;

    assert_int_equal(nhi_archive_note_records(l, NHI_STATE_DIR), NHI_OK);
    assert_int_equal(nhi_ledger_begin(l, NOW), NHI_OK);
    err = nhi_archive_remove(l, until, hash, NOW + 100);
    if (err == NHI_OK)
        state_end(l);
    else
        nhi_ledger_close(l);
    return err;
}

/* Events of decisions come late: a younger event is not archived for the sake of those after it. */
static void cuts_before_the_first_younger(void **state)
{
    (void)state;
    assert_int_equal(cut(NOW), 0);
    add(NOW + 1);
    add(NOW + 3);
    add(NOW + 2);
    assert_int_equal(cut(NOW + 1), 0);
    assert_int_equal(cut(NOW + 2), 1);
    assert_int_equal(cut(NOW + 3), 1);
    assert_int_equal(cut(NOW + 4), 3);
}

static void goes_on(void **state)
{
    struct nhi_settings set;
    char middle[NHI_DIGEST_LEN + 1];

    (void)state;
    add(NOW + 1);
    add(NOW + 2);
    (void)proven();
    memcpy(middle, walked.hash, sizeof(middle));
    add(NOW + 3);
    assert_int_equal(take(2, NHI_NO_EVENT), NHI_ERR_STATE);
    assert_int_equal(take(4, middle), NHI_ERR_STATE);
    (void)proven();
    assert_int_equal(count, 3);
    assert_int_equal(take(2, middle), NHI_OK);
    set = proven();
    assert_int_equal(set.archived, 2);
    assert_string_equal(set.archived_hash, middle);
    assert_int_equal(set.archived_before, NOW + 100);
    assert_int_equal(first, 3);
    assert_int_equal(take(2, middle), NHI_ERR_STATE);
    /* Everything that is left: the next one still follows it. */
    assert_int_equal(take(3, walked.hash), NHI_OK);
    (void)proven();
    assert_int_equal(count, 0);
    assert_int_equal(walked.seq, 3);
    add(NOW + 4);
    (void)proven();
    assert_int_equal(first, 4);
}

static struct nhi_fold_result fold(int64_t now)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_WRITE);
    struct nhi_fold_result r;

    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, now, &r), NHI_OK);
    nhi_ledger_close(l);
    return r;
}

static int64_t remembered(void)
{
    char out[32] = "";
    FILE *p = popen("sqlite3 -readonly " STATE_LEDGER " 'SELECT count(*) FROM archived_record'", "re");

    assert_non_null(p);
    assert_non_null(fgets(out, sizeof(out), p));
    (void)pclose(p);
    return strtoll(out, NULL, 10);
}

/* A counted use stays among the grants as long as its ticket is valid. */
static void folds_nothing_twice(void **state)
{
    struct nhi_ticket t = state_ticket(1);
    struct nhi_grant g = state_grant(1, 1);
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket_row row;

    (void)state;
    t.uses = 3;
    g.ticket.uses = 3;
    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
    state_end(l);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    assert_int_equal(fold(NOW + 50).folded, 1);
    assert_int_equal(state_count(STATE_GRANTS, "u-"), 1);
    (void)proven();
    assert_int_equal(count, 1);
    assert_int_equal(take(1, walked.hash), NHI_OK);
    assert_int_equal(remembered(), 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fold(NOW + 60).folded, 0);
        (void)proven();
        assert_int_equal(count, 0);
        add(NOW + 60);
        (void)proven();
        assert_int_equal(take(walked.seq, walked.hash), NHI_OK);
        assert_int_equal(remembered(), 1);
    }
    l = state_open(NHI_LEDGER_READ);
    assert_int_equal(nhi_ticket_get(l, t.jti, &row), NHI_OK);
    assert_int_equal(row.grants, 1);
    nhi_ledger_close(l);
    /* What was remembered about a record is removed with it. */
    assert_int_equal(fold(t.exp + 1000).removed, 1);
    add(NOW + 70);
    (void)proven();
    assert_int_equal(take(walked.seq, walked.hash), NHI_OK);
    assert_int_equal(remembered(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(cuts_before_the_first_younger, state_ready),
        cmocka_unit_test_setup(needs_what_is_live, state_ready),
        cmocka_unit_test_setup(goes_on, state_ready),
        cmocka_unit_test_setup(folds_nothing_twice, state_ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}

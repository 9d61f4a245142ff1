/* SPDX-License-Identifier: ISC */
/* The table of kinds has each record that is made, and nothing else; a record without a kind is not folded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/grant/grant_kind.h"
#include "libnhi/ledger/fold.h"
#include "libnhi/ledger/ledger_archive.h"
#include "libnhi/ledger/ledger_event.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW
#define UNKNOWN "/x-AAAAAAAAAAAAAAAAAAAAAA"

static enum nhi_err make_permit(struct nhi_grant *g)
{
    return nhi_grant_commit(NHI_STATE_DIR, g);
}

static enum nhi_err make_use(struct nhi_grant *g)
{
    g->ticket.uses = 2;
    return nhi_grant_commit(NHI_STATE_DIR, g);
}

static enum nhi_err make_successor(struct nhi_grant *g)
{
    state_jti(2, g->renews);
    return nhi_grant_commit(NHI_STATE_DIR, g);
}

static enum nhi_err make_pin(struct nhi_grant *g)
{
    g->pin = NHI_PIN_REMOTE;
    snprintf(g->place, sizeof(g->place), "192.0.2.7");
    return nhi_grant_commit(NHI_STATE_DIR, g);
}

static enum nhi_err make_hour(struct nhi_grant *g)
{
    g->max_grants = 2;
    return nhi_grant_commit(NHI_STATE_DIR, g);
}

static enum nhi_err make_key(struct nhi_grant *g)
{
    g->root[0] = '\0';
    g->ticket.has_cnf = true;
    memset(g->ticket.cnf, 0x66, sizeof(g->ticket.cnf)); /* the base point */
    g->ticket.cnf[0] = 0x58;
    return nhi_grant_commit(NHI_STATE_DIR, g);
}

static enum nhi_err make_denial(struct nhi_grant *g)
{
    g->reason = NHI_DENY_SERVICE;
    return nhi_grant_deny(NHI_STATE_DIR, g);
}

static enum nhi_err make_observed(struct nhi_grant *g)
{
    g->observed = true;
    return nhi_grant_observe(NHI_STATE_DIR, g);
}

static enum nhi_err make_became(struct nhi_grant *g)
{
    g->became = true;
    return nhi_grant_became(NHI_STATE_DIR, g);
}

static enum nhi_err make_session(struct nhi_grant *g)
{
    return nhi_grant_opens(NHI_STATE_DIR, g, "a-01234567-1");
}

static enum nhi_err make_unused(struct nhi_grant *g)
{
    char of[NHI_JTI_LEN + 1];

    state_jti(2, of);
    return nhi_grant_unused(NHI_STATE_DIR, g, of);
}

static enum nhi_err make_index(struct nhi_grant *g)
{
    return nhi_grant_commit_for_parent(NHI_STATE_DIR, g);
}

/* with: the kind that is committed in addition; 0: none. */
static const struct {
    enum nhi_record letter, with;
    enum nhi_err (*make)(struct nhi_grant *g);
} makers[] = {
    { NHI_RECORD_PERMIT, 0, make_permit },
    { NHI_RECORD_USE, 0, make_use },
    { NHI_RECORD_SUCCESSOR, NHI_RECORD_PERMIT, make_successor },
    { NHI_RECORD_PIN, NHI_RECORD_PERMIT, make_pin },
    { NHI_RECORD_HOUR, NHI_RECORD_PERMIT, make_hour },
    { NHI_RECORD_KEY, NHI_RECORD_PERMIT, make_key },
    { NHI_RECORD_DENIAL, 0, make_denial },
    { NHI_RECORD_OBSERVED, 0, make_observed },
    { NHI_RECORD_BECAME, 0, make_became },
    { NHI_RECORD_SESSION, 0, make_session },
    { NHI_RECORD_UNUSED, 0, make_unused },
    { NHI_RECORD_INDEX, NHI_RECORD_PERMIT, make_index },
};
#define MAKERS (sizeof(makers) / sizeof(makers[0]))

static bool is_made(enum nhi_record letter)
{
    for (size_t i = 0; i < MAKERS; i++)
        if (makers[i].letter == letter)
            return true;
    return false;
}

static void each_has_a_maker(void **state)
{
    size_t kinds = 0;

    (void)state;
    for (int c = 1; c < 256; c++) {
        const char name[] = { (char)c, '-', 'x', '\0' }, no_name[] = { (char)c, 'x', '\0' };
        const struct nhi_record_kind *kind = nhi_record_kind_of(name);

        assert_null(nhi_record_kind_of(no_name));
        if (kind == NULL)
            continue;
        assert_int_equal((unsigned char)kind->letter, c);
        assert_true(is_made(kind->letter));
        kinds++;
    }
    assert_int_equal(kinds, MAKERS);
}

/* Which letters the names in the directory begin with, and that each has its kind. */
static bool has_only(enum nhi_record letter, enum nhi_record with)
{
    bool has = false, has_with = with == 0, only = true;
    DIR *d = opendir(STATE_GRANTS);
    const struct dirent *e;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        const struct nhi_record_kind *kind = nhi_record_kind_of(e->d_name);

        if (e->d_name[0] == '.')
            continue;
        has = has || (kind != NULL && kind->letter == letter);
        has_with = has_with || (kind != NULL && kind->letter == with);
        only = only && kind != NULL && (kind->letter == letter || kind->letter == with);
    }
    closedir(d);
    return has && has_with && only;
}

static void each_record_has_a_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < MAKERS; i++) {
        struct nhi_grant g = state_grant(1, 1);

        state_reset("64m");
        if (makers[i].make(&g) != NHI_OK)
            fail_msg("no record of kind '%c' was made", makers[i].letter);
        if (!has_only(makers[i].letter, makers[i].with))
            fail_msg("what makes '%c' made something else", makers[i].letter);
    }
}

/* Folding knows each kind: it reads what the name alone does not show, and takes that over or reports that it cannot.
 */
static void each_kind_is_folded(void **state)
{
    (void)state;
    for (size_t i = 0; i < MAKERS; i++) {
        const struct nhi_record_kind *kind = nhi_record_kind_of((const char[]){ (char)makers[i].letter, '-', '\0' });
        struct nhi_fold_result result = { .folded = 9 };
        struct nhi_ledger *l;
        char path[80];

        state_reset("64m");
        state_ledger();
        snprintf(path, sizeof(path), STATE_GRANTS "/%c-0", makers[i].letter);
        state_spill(path, "x", 1);
        l = state_open(NHI_LEDGER_WRITE);
        assert_int_equal(nhi_fold(NHI_STATE_DIR, l, NOW, &result), NHI_OK);
        nhi_ledger_close(l);
        assert_int_equal(result.folded, 0);
        assert_int_equal(result.bad, kind->rests != NHI_RESTS_RULE_HOUR);
        assert_int_equal(result.removed, kind->rests == NHI_RESTS_RULE_HOUR);
    }
}

static uint32_t fold(struct nhi_ledger *l, int64_t now)
{
    struct nhi_fold_result result;

    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, now, &result), NHI_OK);
    return result.folded;
}

/* A record that rests, or whose removal was cut short, is found again after its event was archived. */
static void none_is_folded_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < MAKERS; i++) {
        struct nhi_grant g = state_grant(1, 1);
        struct nhi_ledger *l;
        struct nhi_head head;

        state_reset("64m");
        state_ledger();
        assert_int_equal(makers[i].make(&g), NHI_OK);
        assert_int_equal(system("cp -a " STATE_GRANTS " " NHI_STATE_DIR "/copy"), 0);
        l = state_open(NHI_LEDGER_WRITE);
        if (fold(l, NOW) > 0) {
            assert_int_equal(system("cp -a " NHI_STATE_DIR "/copy/. " STATE_GRANTS), 0);
            assert_int_equal(nhi_event_head(l, &head), NHI_OK);
            assert_int_equal(nhi_archive_note_records(l, NHI_STATE_DIR), NHI_OK);
            assert_int_equal(nhi_ledger_begin(l, NOW), NHI_OK);
            assert_int_equal(nhi_archive_remove(l, head.seq, head.hash, NOW + 1), NHI_OK);
            assert_int_equal(nhi_ledger_commit(l), NHI_OK);
            if (fold(l, NOW) != 0)
                fail_msg("a record of kind '%c' was folded twice", makers[i].letter);
        }
        nhi_ledger_close(l);
    }
}

static void unknown_kind(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    struct nhi_fold_result result;
    struct nhi_ledger *l;
    static char record[8192];
    char name[80];
    int64_t at = 9;
    size_t len;

    (void)state;
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    snprintf(name, sizeof(name), STATE_GRANTS "/g-%s", g.id);
    len = state_slurp(name, record, sizeof(record));
    assert_int_equal(remove(name), 0);
    state_spill(STATE_GRANTS UNKNOWN, record, len);
    l = state_open(NHI_LEDGER_WRITE);
    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, NOW + 86400, &result), NHI_OK);
    nhi_ledger_close(l);
    assert_int_equal(result.folded + result.removed + result.bad, 0);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 1);
    assert_int_equal(nhi_fold_last_use(NHI_STATE_DIR, g.ticket.task, &at), NHI_OK);
    assert_int_equal(at, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_a_maker),
        cmocka_unit_test(each_record_has_a_kind),
        cmocka_unit_test(each_kind_is_folded),
        cmocka_unit_test(none_is_folded_twice),
        cmocka_unit_test_setup(unknown_kind, state_ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("grant_kind", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Folding: each record becomes one event, however often it is met; records that are still needed stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/grant/grant_record.h"
#include "libnhi/ledger/fold.h"
#include "libnhi/ledger/fold_resting.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/session/session.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW
#define MANY 1000

static struct nhi_fold_result result;

static enum nhi_err fold_at(int64_t now)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_WRITE);
    enum nhi_err err = nhi_fold(NHI_STATE_DIR, l, now, &result);

    nhi_ledger_close(l);
    return err;
}

static void folds(int64_t now, unsigned folded, unsigned removed, unsigned bad)
{
    assert_int_equal(fold_at(now), NHI_OK);
    assert_int_equal(result.folded, folded);
    assert_int_equal(result.removed, removed);
    assert_int_equal(result.bad, bad);
}

static void commit(unsigned ticket, unsigned id, uint32_t uses)
{
    struct nhi_grant g = state_grant(ticket, id);

    g.ticket.uses = uses;
    g.at = NOW + id;
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
}

static enum nhi_err deny_at(unsigned ticket, unsigned id, int64_t at)
{
    struct nhi_grant g = state_grant(ticket, id);

    g.reason = NHI_DENY_POLICY;
    g.at = at;
    return nhi_grant_deny(NHI_STATE_DIR, &g);
}

static void deny(unsigned ticket, unsigned id)
{
    assert_int_equal(deny_at(ticket, id, NOW), NHI_OK);
}

struct seen {
    int grants, denials;
    char detail[8192];
    struct nhi_event last;
};

static int see(const struct nhi_event *e, void *ctx)
{
    struct seen *s = ctx;

    s->grants += strcmp(e->kind, "grant") == 0;
    s->denials += strcmp(e->kind, "denial") == 0;
    assert_string_equal(e->agent, "ci-bot");
    assert_string_equal(e->task, "build-1");
    snprintf(s->detail, sizeof(s->detail), "%s", e->detail);
    s->last = *e;
    return 0;
}

static struct seen events(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    struct seen s = { .grants = 0 };

    assert_int_equal(nhi_event_each(l, 0, 1000000, see, &s), NHI_OK);
    nhi_ledger_close(l);
    return s;
}

static struct nhi_ticket_row ticket_row(unsigned n)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    struct nhi_ticket t = state_ticket(n);
    struct nhi_ticket_row r;

    assert_int_equal(nhi_ticket_get(l, t.jti, &r), NHI_OK);
    nhi_ledger_close(l);
    return r;
}

static void record(unsigned n)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(n);

    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
    state_end(l);
}

static void once(void **state)
{
    struct nhi_ledger *l;
    struct nhi_agent a;
    struct nhi_grant g;
    struct seen s;

    (void)state;
    record(1);
    commit(1, 10, 0);
    commit(1, 20, 0);
    deny(1, 30);
    folds(NOW + 50, 3, 2, 0);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 1); /* the denial, for the rest of its hour */
    folds(NOW + 50, 0, 0, 0);
    folds(NOW + 3600, 0, 1, 0);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 0);
    s = events();
    assert_int_equal(s.grants, 2);
    assert_int_equal(s.denials, 1);
    assert_int_equal(nhi_grant_decode(s.detail, strlen(s.detail), &g), NHI_OK);
    assert_int_equal(ticket_row(1).grants, 2);
    assert_int_equal(ticket_row(1).last_used, NOW + 20);
    l = state_open(NHI_LEDGER_READ);
    assert_int_equal(nhi_agent_get(l, "ci-bot", &a), NHI_OK);
    assert_int_equal(a.last_used, NOW + 20);
    nhi_ledger_close(l);
}

/* The event has the content of the record, and the owner of that time. */
static void all_of_it(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    struct nhi_event e;

    (void)state;
    record(1);
    snprintf(g.owner, sizeof(g.owner), "who it was");
    snprintf(g.within, sizeof(g.within), "AAAAAAAAAAAAAAAAAAAAAA");
    snprintf(g.rhost, sizeof(g.rhost), "192.0.2.7");
    snprintf(g.rule, sizeof(g.rule), "ci");
    memcpy(g.policy, STATE_HASH, sizeof(g.policy));
    g.reason = NHI_DENY_POLICY;
    assert_int_equal(nhi_grant_deny(NHI_STATE_DIR, &g), NHI_OK);
    folds(NOW + 50, 1, 0, 0);
    e = events().last;
    assert_string_equal(e.kind, "denial");
    assert_string_equal(e.owner, "who it was");
    assert_string_equal(e.within, "AAAAAAAAAAAAAAAAAAAAAA");
    assert_string_equal(e.record, g.id);
    assert_string_equal(e.host, STATE_HOST);
    assert_string_equal(e.jti, g.ticket.jti);
    assert_string_equal(e.kid, "k1");
    assert_string_equal(e.account, "ci-bot");
    assert_string_equal(e.service, "sshd");
    assert_string_equal(e.source, "prompt");
    assert_string_equal(e.from, "192.0.2.7");
    assert_string_equal(e.decision, "deny");
    assert_string_equal(e.reason, "policy");
    assert_string_equal(e.rule, "ci");
    assert_string_equal(e.policy, STATE_HASH);
    assert_string_equal(e.proof, "bearer");
    g = state_grant(1, 2);
    g.rhost[0] = '\0';
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    folds(NOW + 50, 1, 1, 0);
    e = events().last;
    assert_string_equal(e.kind, "grant");
    assert_string_equal(e.from, "local");
    assert_string_equal(e.owner, "ops@example.org");
    assert_string_equal(e.within, "");
}

/* As after a crash between the ledger's commit and the unlinking: the files exist again. */
static void once_across_a_crash(void **state)
{
    struct seen s;

    (void)state;
    record(1);
    commit(1, 10, 0);
    deny(1, 30);
    commit(1, 40, 3);
    assert_int_equal(system("cp -a " STATE_GRANTS " " NHI_STATE_DIR "/copy"), 0);
    folds(NOW, 3, 1, 0);
    assert_int_equal(system("cp -a " NHI_STATE_DIR "/copy/. " STATE_GRANTS), 0);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 3);
    folds(NOW, 0, 1, 0);
    s = events();
    assert_int_equal(s.grants, 2);
    assert_int_equal(s.denials, 1);
    assert_int_equal(ticket_row(1).grants, 2);
}

/* The slot shows that a use is used up: while the ticket can be used, with the skew, it stays. */
static void counted_slots(void **state)
{
    struct nhi_ticket t = state_ticket(1);
    struct nhi_grant g = state_grant(1, 99);

    (void)state;
    record(1);
    commit(1, 1, 2);
    commit(1, 2, 2);
    folds(NOW, 2, 0, 0);
    folds(t.exp, 0, 0, 0);
    folds(t.exp + NHI_CLOCK_SKEW, 0, 0, 0);
    assert_int_equal(state_count(STATE_GRANTS, "u-"), 2);
    g.ticket.uses = 2;
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_ERR_EXISTS);
    assert_int_equal(ticket_row(1).grants, 2);
    folds(t.exp + NHI_CLOCK_SKEW + 1, 0, 2, 0);
    assert_int_equal(state_count(STATE_GRANTS, "u-"), 0);
    assert_int_equal(ticket_row(1).grants, 2);
}

/* However many stay, they are not read again before their time. */
static void slots_rest(void **state)
{
    struct nhi_ticket t = state_ticket(1);

    (void)state;
    record(1);
    commit(1, 1, 2);
    folds(NOW, 1, 0, 0);
    assert_int_equal(system("f=$(echo " STATE_GRANTS "/u-*) && touch -r $f " NHI_STATE_DIR "/time && : >$f &&"
                            " touch -r " NHI_STATE_DIR "/time $f"),
                     0);
    folds(t.exp + NHI_CLOCK_SKEW - 1, 0, 0, 0);
    folds(t.exp + NHI_CLOCK_SKEW + 1, 0, 0, 1);
    /* One with the time of another clock. */
    commit(1, 2, 2);
    assert_int_equal(system("touch -d '2099-01-01 00:00:00.5' " STATE_GRANTS "/u-*"), 0);
    folds(NOW, 1, 0, 1);
}

#define PINS 100

/* A file has which records rest, so that not even their times are asked for. Without it, or with a damaged one, they
 * are. */
static void resting_are_not_asked(void **state)
{
    const struct nhi_ticket t = state_ticket(1);

    (void)state;
    for (unsigned n = 1; n <= PINS; n++) {
        struct nhi_grant g = state_grant(n, n);

        record(n);
        g.pin = NHI_PIN_LOCAL;
        snprintf(g.place, sizeof(g.place), "here");
        assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    }
    folds(NOW, PINS, PINS, 0);
    assert_int_equal(state_count(STATE_GRANTS, "i-"), PINS);
    assert_int_equal(access(NHI_STATE_DIR "/" NHI_RESTING_FILE, F_OK), 0);
    /* Now each of them would be read, and is no record. */
    assert_int_equal(system("for f in " STATE_GRANTS "/i-*; do : >$f; done"), 0);
    folds(NOW, 0, 0, 0);
    /* A new one is read all the same. */
    record(PINS + 1);
    commit(PINS + 1, PINS + 1, 2);
    folds(NOW, 1, 0, 0);
    folds(t.exp + NHI_CLOCK_SKEW - 1, 0, 0, 0);
    /* When their time has come, they are. */
    folds(t.exp + NHI_CLOCK_SKEW + 1, 0, 1, PINS);
    folds(NOW, 0, 0, 0);
    assert_int_equal(system("printf x | dd of=" NHI_STATE_DIR "/" NHI_RESTING_FILE
                            " bs=1 seek=100 conv=notrunc 2>" NHI_STATE_DIR "/log"),
                     0);
    folds(NOW, 0, 0, PINS);
    assert_int_equal(truncate(NHI_STATE_DIR "/" NHI_RESTING_FILE, 20), 0);
    folds(NOW, 0, 0, PINS);
    assert_int_equal(unlink(NHI_STATE_DIR "/" NHI_RESTING_FILE), 0);
    folds(NOW, 0, 0, PINS);
}

/* One record with two names: a process that is stopped between them gives it the second one later. */
static void slot_behind_a_pin(void **state)
{
    struct nhi_grant g = state_grant(1, 1);

    (void)state;
    record(1);
    g.ticket.uses = 2;
    g.pin = NHI_PIN_LOCAL;
    snprintf(g.place, sizeof(g.place), "here");
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    assert_int_equal(system("mv " STATE_GRANTS "/u-* " NHI_STATE_DIR "/slot"), 0);
    folds(NOW, 0, 0, 0);
    assert_int_equal(
        system("mv " NHI_STATE_DIR "/slot " STATE_GRANTS "/u-$(basename $(echo " STATE_GRANTS "/i-*) | cut -c3-34)-1"),
        0);
    folds(NOW, 1, 0, 0);
    assert_int_equal(events().grants, 1);
    folds(NOW, 0, 0, 0);
}

static int index_and_end(int i)
{
    struct nhi_grant g = state_grant(1, 1);

    (void)i;
    /* As if this process had a child that decided. */
    g.parent = g.self;
    return nhi_grant_commit_for_parent(NHI_STATE_DIR, &g) != NHI_OK;
}

/* A dead ticket has one limit, however often its denials are folded: this many events in an hour, and no more. */
static void denials_of_an_hour(void **state)
{
    unsigned n, recorded = 0;

    (void)state;
    assert_int_equal(NOW % 3600, 0);
    record(1);
    for (n = 0; n < 500; n++) {
        recorded += deny_at(1, n, NOW + n * 7) == NHI_OK;
        if (n % 20 == 0)
            assert_int_equal(fold_at(NOW + n * 7), NHI_OK);
    }
    assert_int_equal(recorded, 64);
    folds(NOW + 3599, 0, 0, 0);
    assert_int_equal(events().denials, 64);
    /* After the hour they are removed, and do not become events again. */
    folds(NOW + 3600, 0, 64, 0);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 0);
    assert_int_equal(deny_at(1, 500, NOW + 3600), NHI_OK);
    folds(NOW + 3600, 1, 0, 0);
    assert_int_equal(events().denials, 65);
    /* Nor does every command read them meanwhile, or are they kept until a time far in the future. */
    assert_int_equal(system("f=$(echo " STATE_GRANTS "/d-*) && touch -r $f " NHI_STATE_DIR "/time && : >$f &&"
                            " touch -r " NHI_STATE_DIR "/time $f"),
                     0);
    folds(NOW + 7199, 0, 0, 0);
    folds(NOW + 7200, 0, 0, 1);
    assert_int_equal(deny_at(2, 501, NOW + 90000), NHI_OK);
    folds(NOW, 1, 1, 0);
}

/* Those that stay do not count for the limit of one transaction. */
static void behind_many_that_stay(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 90 * 64; n++)
        assert_int_equal(deny_at(n / 64, n, NOW), NHI_OK);
    while (fold_at(NOW) == NHI_OK && result.folded > 0)
        ;
    assert_int_equal(events().denials, 90 * 64);
    record(1);
    for (unsigned n = 0; n < 50; n++)
        commit(1, 100000 + n, 0);
    folds(NOW, 50, 50, 0);
}

static void index_of_a_living_parent(void **state)
{
    struct nhi_grant mine = state_grant(2, 2), other_boot = state_grant(3, 3);

    (void)state;
    mine.parent = mine.self;
    assert_int_equal(nhi_grant_commit_for_parent(NHI_STATE_DIR, &mine), NHI_OK);
    assert_int_equal(state_parallel(1, index_and_end), 0);
    other_boot.boot[0] = other_boot.boot[0] == '0' ? '1' : '0';
    assert_int_equal(nhi_grant_commit_for_parent(NHI_STATE_DIR, &other_boot), NHI_OK);
    assert_int_equal(state_count(STATE_GRANTS, "p-"), 3);
    folds(NOW, 3, 3 + 2, 0);
    assert_int_equal(nhi_grant_of_child(NHI_STATE_DIR, &mine.self, "sshd", "ci-bot", &mine), NHI_OK);
    assert_int_equal(events().grants, 3);
}

/* What cannot be read is left to a person; the rest is folded all the same. */
static void unreadable(void **state)
{
    (void)state;
    record(1);
    commit(1, 1, 0);
    state_spill(STATE_GRANTS "/g-broken", "{\"v\":1", 6);
    state_spill(STATE_GRANTS "/u-empty-0", "", 0);
    state_spill(STATE_GRANTS "/d-unsafe", "{}", 2);
    assert_int_equal(chmod(STATE_GRANTS "/d-unsafe", 0644), 0);
    state_spill(STATE_GRANTS "/p-broken", "x", 1);
    state_spill(STATE_GRANTS "/something-else", "x", 1);
    assert_int_equal(symlink("/etc/passwd", STATE_GRANTS "/g-link"), 0);
    assert_int_equal(mkfifo(STATE_GRANTS "/g-fifo", 0600), 0);
    folds(NOW, 1, 1, 6);
    folds(NOW, 0, 0, 6);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 7);
    assert_int_equal(events().grants, 1);
}

static void many(void **state)
{
    (void)state;
    record(1);
    for (unsigned n = 0; n < MANY; n++)
        commit(1, n, 0);
    folds(NOW, MANY, MANY, 0);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 0);
    assert_int_equal(events().grants, MANY);
    assert_int_equal(ticket_row(1).grants, MANY);
}

static int fold_in_child(int i)
{
    (void)i;
    return fold_at(NOW) != NHI_OK;
}

static void at_once(void **state)
{
    (void)state;
    record(1);
    for (unsigned n = 0; n < 100; n++)
        commit(1, n, 0);
    assert_int_equal(state_parallel(4, fold_in_child), 0);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 0);
    assert_int_equal(events().grants, 100);
    assert_int_equal(ticket_row(1).grants, 100);
}

/* A ledger that does not accept them: every record stays. */
static void not_folded(void **state)
{
    struct nhi_ledger *l;

    (void)state;
    state_reset("2m");
    state_ledger();
    record(1);
    for (unsigned n = 0; n < 100; n++)
        commit(1, n, 0);
    state_disk_fill();
    assert_int_not_equal(fold_at(NOW), NHI_OK);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 100);
    state_disk_free();
    folds(NOW, 100, 100, 0);
    assert_int_equal(events().grants, 100);
    commit(1, 2000, 0);
    l = state_open(NHI_LEDGER_READ);
    assert_int_not_equal(nhi_fold(NHI_STATE_DIR, l, NOW, &result), NHI_OK);
    nhi_ledger_close(l);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(once, state_ready),
        cmocka_unit_test_setup(all_of_it, state_ready),
        cmocka_unit_test_setup(once_across_a_crash, state_ready),
        cmocka_unit_test_setup(slots_rest, state_ready),
        cmocka_unit_test_setup(resting_are_not_asked, state_ready),
        cmocka_unit_test_setup(slot_behind_a_pin, state_ready),
        cmocka_unit_test_setup(counted_slots, state_ready),
        cmocka_unit_test_setup(denials_of_an_hour, state_ready),
        cmocka_unit_test_setup(behind_many_that_stay, state_ready),
        cmocka_unit_test_setup(index_of_a_living_parent, state_ready),
        cmocka_unit_test_setup(unreadable, state_ready),
        cmocka_unit_test_setup(many, state_ready),
        cmocka_unit_test_setup(at_once, state_ready),
        cmocka_unit_test(not_folded),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}

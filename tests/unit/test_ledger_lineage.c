/* SPDX-License-Identifier: ISC */
/*
 * Tickets that were renewed, tickets of a process tree, and where tickets are first used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "libnhi/ledger/fold.h"
#include "libnhi/ledger/ledger_copy.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_restore.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/restore.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_list.h"
#include "tests/lib/asked.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW

static void record(struct nhi_ledger *l, const struct nhi_ticket *t)
{
    assert_int_equal(nhi_ticket_record(l, t, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
}

static struct nhi_ticket_row row_of(struct nhi_ledger *l, unsigned n)
{
    struct nhi_ticket_row row;
    char jti[NHI_JTI_LEN + 1];

    state_jti(n, jti);
    assert_int_equal(nhi_ticket_get(l, jti, &row), NHI_OK);
    return row;
}

/* n is renewed by next, a minute longer. */
static enum nhi_err renew(struct nhi_ledger *l, unsigned n, unsigned next, bool at_once)
{
    struct nhi_ticket_row old = row_of(l, n);
    struct nhi_ticket t = old.ticket;

    state_jti(next, t.jti);
    t.exp += 60;
    return nhi_ticket_renew(l, &old, &t, at_once, NOW);
}

static bool is_revoked(struct nhi_ledger *l, unsigned n)
{
    struct nhi_ticket t = state_ticket(n);
    struct nhi_facts f;
    bool revoked;

    assert_int_equal(ask_facts(l, &t, &f), NHI_OK);
    revoked = f.revoked;
    nhi_facts_free(&f);
    /* A look-up by account must give the same result. */
    assert_int_equal(row_of(l, n).revoked, revoked);
    return revoked;
}

static void two_texts_at_most(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1), got;
    struct nhi_ticket_row row;
    int64_t end;

    (void)state;
    record(l, &t);
    assert_int_equal(nhi_ticket_set_terms(l, t.jti, NOW + 5000, true), NHI_OK);
    assert_int_equal(renew(l, 1, 2, false), NHI_OK);
    assert_int_equal(renew(l, 1, 3, false), NHI_ERR_STATE);
    assert_false(row_of(l, 1).superseded);
    assert_int_equal(ask_ticket_for(l, "deploy", "sshd", NOW, &got), NHI_OK);
    assert_string_equal(got.jti, row_of(l, 2).ticket.jti);
    assert_int_equal(renew(l, 2, 3, false), NHI_OK);
    assert_true(row_of(l, 1).superseded);
    assert_false(row_of(l, 2).superseded);
    row = row_of(l, 3);
    assert_string_equal(row.root, t.jti);
    assert_int_equal(row.renew_until, NOW + 5000);
    assert_int_equal(renew(l, 3, 4, true), NHI_OK);
    assert_true(row_of(l, 3).superseded);
    assert_int_equal(nhi_ticket_last(l, t.jti, &row), NHI_OK);
    assert_string_equal(row.ticket.jti, row_of(l, 4).ticket.jti);
    assert_int_equal(nhi_ticket_lineage_end(l, t.jti, &end), NHI_OK);
    assert_int_equal(end, t.exp + 180);
    assert_int_equal(nhi_ticket_lineage_end(l, "AAAAAAAAAAAAAAAAAAAAAA", &end), NHI_ERR_NOT_FOUND);
    state_end(l);
}

/* Whichever ticket of a lineage is named, all of them end, and so do descendants of any of them. */
static void revoked_as_one(void **state)
{
    (void)state;
    for (unsigned named = 1; named <= 3; named++) {
        struct nhi_ledger *l;
        struct nhi_ticket t = state_ticket(1), child = state_ticket(10), other = state_ticket(11);
        char jti[NHI_JTI_LEN + 1];
        uint32_t live = 0;

        state_ready(NULL);
        l = state_begin();
        record(l, &t);
        record(l, &other);
        assert_int_equal(renew(l, 1, 2, false), NHI_OK);
        assert_int_equal(renew(l, 2, 3, false), NHI_OK);
        state_jti(2, child.parent);
        record(l, &child);
        state_jti(named, jti);
        assert_int_equal(nhi_revoke(l, NHI_REVOKE_TICKET, jti, "test", NOW, &live), NHI_OK);
        assert_int_equal(live, 3);
        assert_true(is_revoked(l, 3));
        assert_true(is_revoked(l, 10));
        assert_false(is_revoked(l, 11));
        state_end(l);
    }
}

/* Only what the tree opened ends with it. */
static void a_tree_ends(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1), other = state_ticket(2), got;
    struct nhi_task task;

    (void)state;
    record(l, &t);
    record(l, &other);
    assert_int_equal(nhi_ticket_bind_tree(l, &t, "p-00000000-1-2", false), NHI_OK);
    assert_int_equal(renew(l, 1, 3, true), NHI_OK);
    assert_string_equal(row_of(l, 3).tree, "p-00000000-1-2");
    /* A search does not find it. */
    assert_int_equal(ask_ticket_for(l, "deploy", "sshd", NOW, &got), NHI_OK);
    assert_string_equal(got.jti, other.jti);
    assert_int_equal(nhi_tree_end(l, "p-00000000-1-2", "test", NOW), NHI_OK);
    assert_true(row_of(l, 3).revoked);
    assert_false(row_of(l, 2).revoked);
    assert_int_equal(nhi_task_get(l, "build-1", &task), NHI_OK);
    assert_int_equal(task.state, NHI_TASK_OPEN);
    assert_int_equal(nhi_ticket_bind_tree(l, &other, "p-00000000-3-4", true), NHI_OK);
    assert_int_equal(nhi_tree_end(l, "p-00000000-3-4", "test", NOW), NHI_OK);
    assert_int_equal(nhi_task_get(l, "build-1", &task), NHI_OK);
    assert_int_equal(task.state, NHI_TASK_CLOSED);
    state_end(l);
}

static void only_living_trees_are_alive(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    char handle[NHI_TREE_MAX + 1];

    (void)state;
    nhi_session_handle(&g, handle);
    assert_true(nhi_session_is_alive(handle));
    nhi_session_tree(&g, handle);
    assert_true(nhi_session_is_alive(handle));
    g.self.start++;
    nhi_session_tree(&g, handle);
    assert_false(nhi_session_is_alive(handle));
    /* One of another PID namespace cannot be seen from here. */
    g.ns++;
    nhi_session_tree(&g, handle);
    assert_true(nhi_session_is_alive(handle));
    g.ns--;
    nhi_session_handle(&g, handle);
    assert_false(nhi_session_is_alive(handle));
    g.self.start--;
    memcpy(g.boot, "ffffffff", 8);
    nhi_session_handle(&g, handle);
    assert_false(nhi_session_is_alive(handle));
    assert_false(nhi_session_is_alive("nonsense"));
}

static void an_ended_process_is_gone_before_it_is_taken_in(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    char handle[NHI_TREE_MAX + 1];
    siginfo_t info;
    pid_t parent;
    int go[2];
    char c;

    (void)state;
    assert_int_equal(pipe(go), 0);
    g.self.pid = fork();
    if (g.self.pid == 0)
        _exit(close(go[1]) != 0 || read(go[0], &c, 1) != 0);
    assert_true(g.self.pid > 0);
    assert_int_equal(nhi_proc_read(g.self.pid, &g.self, &parent), NHI_OK);
    nhi_session_handle(&g, handle);
    assert_true(nhi_session_is_alive(handle));
    assert_int_equal(close(go[1]), 0);
    assert_int_equal(waitid(P_PID, (id_t)g.self.pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(nhi_session_is_alive(handle));
    assert_false(nhi_proc_is_alive(&g.self));
    assert_int_equal(waitpid(g.self.pid, NULL, 0), g.self.pid);
    assert_int_equal(close(go[0]), 0);
}

/* ---- uses of a lineage, and places ---- */

static struct nhi_grant use(unsigned n, unsigned id, enum nhi_pin pin, const char *place)
{
    struct nhi_grant g = state_grant(n, id);

    g.pin = pin;
    memcpy(g.place, place, strlen(place) + 1);
    state_jti(1, g.root);
    return g;
}

static void uses_are_the_lineages(void **state)
{
    struct nhi_grant g;

    (void)state;
    for (unsigned id = 1; id <= 3; id++) {
        g = use(id, id, NHI_PIN_NONE, "");
        g.ticket.uses = 2;
        assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), id <= 2 ? NHI_OK : NHI_ERR_EXISTS);
    }
}

/* Under the key of the first, whatever key has signed since. */
static void renewed_with_another_key(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1), next = state_ticket(2);
    struct nhi_facts facts = { .rules = NULL };
    struct nhi_ticket_row old;

    (void)state;
    state_issuer(l, "k2");
    record(l, &t);
    memcpy(next.kid, "k2", 3);
    old = row_of(l, 1);
    assert_int_equal(nhi_ticket_renew(l, &old, &next, false, NOW), NHI_OK);
    assert_int_equal(ask_facts(l, &next, &facts), NHI_OK);
    assert_string_equal(facts.root, t.jti);
    assert_string_equal(facts.root_kid, "k1");
    nhi_facts_free(&facts);
    memset(&facts, 0, sizeof(facts));
    assert_int_equal(ask_facts(l, &t, &facts), NHI_OK);
    assert_string_equal(facts.root_kid, "k1");
    nhi_facts_free(&facts);
    state_end(l);
}

static void first_use_of_a_successor(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1);
    struct nhi_grant g = use(2, 1, NHI_PIN_NONE, "");

    (void)state;
    record(l, &t);
    assert_int_equal(renew(l, 1, 2, false), NHI_OK);
    state_end(l);
    assert_false(nhi_grant_is_superseded(NHI_STATE_DIR, t.jti));
    memcpy(g.renews, t.jti, sizeof(g.renews));
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    assert_true(nhi_grant_is_superseded(NHI_STATE_DIR, t.jti));
    l = state_open(NHI_LEDGER_WRITE);
    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, NOW, NULL), NHI_OK);
    assert_true(row_of(l, 1).superseded);
    assert_false(row_of(l, 2).superseded);
    /* Its last name must stay until it is a grant. */
    assert_true(nhi_grant_is_superseded(NHI_STATE_DIR, t.jti));
    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, NOW + 11, NULL), NHI_OK);
    assert_false(nhi_grant_is_superseded(NHI_STATE_DIR, t.jti));
    nhi_ledger_close(l);
    /* True if it is not known. */
    assert_true(nhi_grant_is_superseded("/nonexistent", t.jti));
}

static enum nhi_err at(unsigned id, enum nhi_pin pin, const char *place)
{
    struct nhi_grant g = use(1, id, pin, place);

    return nhi_grant_commit(NHI_STATE_DIR, &g);
}

/* The first use of a renewal ends the renewed ticket, and the others find it ended. */
static void uses_of_what_renewed(void **state)
{
    struct nhi_grant g = use(2, 1, NHI_PIN_NONE, "");
    char place[NHI_PLACE_MAX + 1];

    (void)state;
    state_jti(1, g.renews);
    assert_false(nhi_grant_is_superseded(NHI_STATE_DIR, g.renews));
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    assert_true(nhi_grant_is_superseded(NHI_STATE_DIR, g.renews));
    g.id[1] = 'x';
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    assert_int_equal(state_count(STATE_GRANTS, "r-"), 1);
    assert_int_equal(state_count(STATE_GRANTS, "g-"), 2);
    /* Without the directory it is not known. */
    assert_true(nhi_grant_is_superseded(NHI_STATE_DIR "/none", "AAECAwQFBgcICQoLDA0ODw"));
    assert_int_not_equal(nhi_grant_pinned(NHI_STATE_DIR "/none", "k1", g.renews, NHI_PIN_LOCAL, place), NHI_OK);
}

/* A first place that cannot be read is not another one: nobody is permitted, and there is no hand-off. */
static void damaged_place(void **state)
{
    char path[256], root[NHI_JTI_LEN + 1], lineage[NHI_GRANT_NAME_LEN + 1];

    (void)state;
    state_jti(1, root);
    nhi_grant_name("k1", root, lineage);
    snprintf(path, sizeof(path), STATE_GRANTS "/i-%s-l", lineage);
    assert_int_equal(at(1, NHI_PIN_LOCAL, "s-1"), NHI_OK);
    state_spill(path, "rubbish", 7);
    assert_int_not_equal(at(2, NHI_PIN_LOCAL, "s-1"), NHI_OK);
    assert_int_not_equal(at(3, NHI_PIN_LOCAL, "s-2"), NHI_ERR_STATE);
    assert_int_not_equal(at(4, NHI_PIN_REMOTE, "192.0.2.1"), NHI_OK);
    assert_int_not_equal(at(5, NHI_PIN_REMOTE, "192.0.2.1"), NHI_ERR_STATE);
}

static void one_place_of_each_kind(void **state)
{
    char place[NHI_PLACE_MAX + 1], root[NHI_JTI_LEN + 1];
    struct nhi_grant g = use(1, 20, NHI_PIN_REMOTE, "192.0.2.3");
    struct nhi_ledger *l;

    (void)state;
    state_jti(1, root);
    assert_int_equal(nhi_grant_pinned(NHI_STATE_DIR, "k1", root, NHI_PIN_LOCAL, place), NHI_ERR_NOT_FOUND);
    assert_int_equal(at(1, NHI_PIN_LOCAL, "s-1"), NHI_OK);
    assert_int_equal(at(2, NHI_PIN_LOCAL, "s-1"), NHI_OK);
    assert_int_equal(at(3, NHI_PIN_LOCAL, "s-2"), NHI_ERR_STATE);
    assert_int_equal(at(4, NHI_PIN_REMOTE, "192.0.2.1"), NHI_OK);
    assert_int_equal(at(5, NHI_PIN_REMOTE, "192.0.2.1"), NHI_OK);
    assert_int_equal(at(6, NHI_PIN_REMOTE, "192.0.2.2"), NHI_ERR_STATE);
    assert_int_equal(at(7, NHI_PIN_LOCAL, "s-1"), NHI_OK);
    assert_int_equal(nhi_grant_pinned(NHI_STATE_DIR, "k1", root, NHI_PIN_LOCAL, place), NHI_OK);
    assert_string_equal(place, "s-1");
    assert_int_equal(state_count(STATE_GRANTS, "g-"), 5);
    g.handed_off = true;
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    /* They stay as long as any ticket of the lineage may be used. */
    l = state_open(NHI_LEDGER_WRITE);
    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, NOW, NULL), NHI_OK);
    assert_int_equal(state_count(STATE_GRANTS, "i-"), 2);
    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, NOW + 7200, NULL), NHI_OK);
    assert_int_equal(state_count(STATE_GRANTS, "i-"), 0);
    nhi_ledger_close(l);
}

static void local_is_first_or_never(void **state)
{
    char place[NHI_PLACE_MAX + 1], root[NHI_JTI_LEN + 1];

    (void)state;
    assert_int_equal(at(1, NHI_PIN_REMOTE, "192.0.2.1"), NHI_OK);
    assert_int_equal(at(2, NHI_PIN_LOCAL, "s-1"), NHI_ERR_STATE);
    assert_int_equal(state_count(STATE_GRANTS, "g-"), 1);
    /* A process that decided earlier, and was stopped until now, gets no place by having tried. */
    state_jti(1, root);
    assert_int_equal(nhi_grant_pinned(NHI_STATE_DIR, "k1", root, NHI_PIN_LOCAL, place), NHI_OK);
    assert_string_equal(place, "192.0.2.1");
    assert_int_equal(at(3, NHI_PIN_LOCAL, "s-1"), NHI_ERR_STATE);
    assert_int_equal(state_count(STATE_GRANTS, "g-"), 1);
}

static int here_or_there(int n)
{
    return at(100 + (unsigned)n, n % 2 == 0 ? NHI_PIN_REMOTE : NHI_PIN_LOCAL, n % 2 == 0 ? "192.0.2.1" : "s-1") ==
                   NHI_OK
               ? 0
               : 1;
}

/* All from the address are permitted; of those from here all or none. */
static void many_here_and_there(void **state)
{
    int refused;

    (void)state;
    refused = state_parallel(64, here_or_there);
    assert_true(refused == 0 || refused == 32);
    assert_int_equal(state_count(STATE_GRANTS, "g-"), 64 - refused);
}

static int from_somewhere(int n)
{
    char place[16];

    snprintf(place, sizeof(place), "192.0.2.%d", n % 4);
    return at(100 + (unsigned)n, NHI_PIN_REMOTE, place) == NHI_OK ? 0 : 1;
}

static void many_at_once(void **state)
{
    (void)state;
    /* A quarter of them come from the first place. */
    assert_int_equal(state_parallel(64, from_somewhere), 48);
    assert_int_equal(state_count(STATE_GRANTS, "g-"), 16);
}

/* Also a ticket that had expired by a clock that was ahead: when that is corrected, it must not be renewable. */
static void nothing_of_before_an_epoch_is_live(void **state)
{
    const struct nhi_restore how = { .trails = NHI_TRAIL_ON };
    struct nhi_ledger *l = state_begin(), *copy;
    struct nhi_ticket t = state_ticket(1);
    unsigned char *image = NULL;
    struct nhi_facts f;
    size_t len = 0;

    (void)state;
    record(l, &t);
    state_end(l);
    l = state_open(NHI_LEDGER_WRITE);
    assert_int_equal(nhi_ledger_image(l, &image, &len), NHI_OK);
    assert_int_equal(nhi_copy_open(image, len, &copy), NHI_OK);
    nhi_ledger_image_free(image);
    assert_int_equal(nhi_restore_attach(l, copy), NHI_OK);
    assert_int_equal(nhi_ledger_begin(l, NOW), NHI_OK);
    assert_false(row_of(l, 1).revoked);
    assert_int_equal(nhi_restore_run(l, &how, t.exp + 60), NHI_OK);
    assert_int_equal(nhi_ledger_set_clock(l, NOW), NHI_OK);
    assert_true(row_of(l, 1).revoked);
    assert_int_equal(ask_facts(l, &t, &f), NHI_OK);
    assert_true(f.former);
    nhi_facts_free(&f);
    state_end(l);
    nhi_ledger_close(copy);
}

#define TEST(f) cmocka_unit_test_setup(f, state_ready)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_texts_at_most),
        TEST(nothing_of_before_an_epoch_is_live),
        TEST(revoked_as_one),
        TEST(a_tree_ends),
        TEST(only_living_trees_are_alive),
        TEST(an_ended_process_is_gone_before_it_is_taken_in),
        TEST(uses_are_the_lineages),
        TEST(renewed_with_another_key),
        TEST(first_use_of_a_successor),
        TEST(uses_of_what_renewed),
        TEST(damaged_place),
        TEST(one_place_of_each_kind),
        TEST(local_is_first_or_never),
        TEST(many_at_once),
        TEST(many_here_and_there),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("ledger_lineage", tests, NULL, NULL);
}

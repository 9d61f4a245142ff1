/* SPDX-License-Identifier: ISC */
/*
 * What is published and the ledger agree, whatever changes and wherever its writer is killed.
 * Invariants: 4, 5.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "libnhi/check/facts.h"
#include "libnhi/check/find.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_fact.h"
#include "libnhi/ledger/ledger_fact_all.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/publish.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/state/state.h"
#include "libnhi/state/state_format.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW

/* ---- whether both say the same ---- */

struct comparing {
    struct nhi_fact_source published;
    unsigned facts, lists;
};

static enum nhi_err find_entry(struct nhi_value *entry, void *arg)
{
    const struct nhi_value *want = arg;

    return entry->len == want->len && memcmp(entry->bytes, want->bytes, want->len) == 0 ? NHI_ERR_EXISTS : NHI_OK;
}

static enum nhi_err compare(void *ctx, const struct nhi_fact_key *key, const struct nhi_value *v)
{
    struct comparing *c = ctx;
    struct nhi_value got = *v;

    if (NHI_FACT_IS_LIST(key->kind)) {
        assert_int_equal(c->published.each(c->published.ctx, key, find_entry, &got), NHI_ERR_EXISTS);
        c->lists++;
        return NHI_OK;
    }
    assert_int_equal(c->published.get(c->published.ctx, key, &got), NHI_OK);
    if (key->kind != NHI_FACT_HOST) {
        assert_int_equal(got.len, v->len);
        assert_memory_equal(got.bytes, v->bytes, v->len);
    }
    c->facts++;
    return NHI_OK;
}

/* Every fact of the ledger is published as it is, and as complete. */
static unsigned agree(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    struct nhi_state *s = NULL;
    struct comparing c = { .facts = 0 };
    int64_t generation;

    assert_int_equal(nhi_ledger_begin(l, NOW), NHI_OK);
    assert_int_equal(nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &s), NHI_OK);
    assert_int_equal(nhi_sql_number(l, &generation, "SELECT generation FROM setting", ""), NHI_OK);
    assert_int_equal(nhi_state_generation(s), generation);
    c.published = nhi_state_source(s);
    assert_int_equal(nhi_sql_facts(l, NOW, 0, compare, &c), NHI_OK);
    nhi_state_close(s);
    assert_true(nhi_ledger_is_published(l, NHI_STATE_DIR, NHI_RUN_DIR));
    nhi_ledger_close(l);
    return c.facts;
}

/* ---- what is changed ---- */

static void issue(struct nhi_ledger *l, unsigned n)
{
    struct nhi_ticket t = state_ticket(n);

    t.has_cnf = n % 3 == 0;
    memset(t.cnf, (int)n, sizeof(t.cnf));
    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
}

static void end_by(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id)
{
    assert_int_equal(nhi_revoke(l, kind, id, "because", NOW, NULL), NHI_OK);
}

static void renew(struct nhi_ledger *l, unsigned n, unsigned next, bool at_once)
{
    struct nhi_ticket t = state_ticket(next);
    struct nhi_ticket_row old;
    char jti[NHI_JTI_LEN + 1];

    state_jti(n, jti);
    t.exp += 60;
    assert_int_equal(nhi_ticket_get(l, jti, &old), NHI_OK);
    assert_int_equal(nhi_ticket_renew(l, &old, &t, at_once, NOW), NHI_OK);
}

static void one(struct nhi_ledger *l)
{
    issue(l, 10);
}
static void bound(struct nhi_ledger *l)
{
    issue(l, 12);
}
static void ended_ticket(struct nhi_ledger *l)
{
    char jti[NHI_JTI_LEN + 1];

    state_jti(1, jti);
    end_by(l, NHI_REVOKE_TICKET, jti);
}
static void ended_task(struct nhi_ledger *l)
{
    end_by(l, NHI_REVOKE_TASK, "build-1");
}
static void closed_task(struct nhi_ledger *l)
{
    assert_int_equal(nhi_task_close(l, "build-1", "done", NOW), NHI_OK);
}
static void suspended(struct nhi_ledger *l)
{
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_SUSPENDED, "odd", NOW), NHI_OK);
}
static void resumed(struct nhi_ledger *l)
{
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_ACTIVE, "fine", NOW), NHI_OK);
}
static void ended_agent(struct nhi_ledger *l)
{
    end_by(l, NHI_REVOKE_AGENT, "ci-bot");
}
static void retired_key(struct nhi_ledger *l)
{
    assert_int_equal(nhi_issuer_set_state(l, "k1", NHI_ISSUER_RETIRED, "old", NOW), NHI_OK);
}
static void renewed(struct nhi_ledger *l)
{
    renew(l, 1, 20, false);
}
static void renewed_at_once(struct nhi_ledger *l)
{
    renew(l, 1, 20, true);
}
static void other_policy(struct nhi_ledger *l)
{
    const struct nhi_rule rules[] = {
        { .name = "b", .agents = "ci-*", .accounts = "*", .services = "sudo" },
        { .name = "c", .forbid = true, .agents = "*", .accounts = "deploy", .services = "*", .zone = "UTC", .days = 1 },
    };
    const int32_t ahead = 3600;

    assert_int_equal(nhi_policy_replace(l, rules, 2, "ffeeddccbbaa99887766554433221100", NOW), NHI_OK);
    assert_int_equal(nhi_policy_add_zone(l, "UTC", 0, &ahead), NHI_OK);
    assert_int_equal(nhi_policy_add_zone(l, "UTC", NOW + 5000, NULL), NHI_OK);
}
static void settings(struct nhi_ledger *l)
{
    struct nhi_settings s;

    assert_int_equal(nhi_ledger_settings(l, &s), NHI_OK);
    s.pin_records = true;
    assert_int_equal(nhi_ledger_set(l, &s), NHI_OK);
}
static void another_agent(struct nhi_ledger *l)
{
    state_agent(l, "third-bot", STATE_UID_MIN + 3);
}
static void another_key(struct nhi_ledger *l)
{
    state_issuer(l, "k2");
}
static void many_tickets(struct nhi_ledger *l)
{
    for (unsigned n = 1000; n < 1500; n++)
        issue(l, n);
}
static void many_ended(struct nhi_ledger *l)
{
    char jti[NHI_JTI_LEN + 1];

    for (unsigned n = 0; n < 1500; n++) {
        state_jti(n, jti);
        end_by(l, NHI_REVOKE_TICKET, jti);
    }
}
static void nothing(struct nhi_ledger *l)
{
    (void)l;
}

static const struct {
    const char *name;
    void (*change)(struct nhi_ledger *l);
    bool ends; /* ticket 1 */
} changes[] = {
    { "nothing", nothing, false },
    { "issue", one, false },
    { "issue, bound to a key", bound, false },
    { "revoke a ticket", ended_ticket, true },
    { "revoke a task", ended_task, true },
    { "close a task", closed_task, true },
    { "suspend", suspended, true },
    { "revoke an agent", ended_agent, true },
    { "retire a key", retired_key, true },
    { "renew", renewed, false },
    { "renew at once", renewed_at_once, true },
    { "another policy", other_policy, false },
    { "settings", settings, false },
    { "an agent", another_agent, false },
    { "a key", another_key, false },
    { "500 tickets", many_tickets, false },
    { "1,500 revocations", many_ended, true },
};
#define COUNT (sizeof(changes) / sizeof(changes[0]))

static void begin_with_one(void)
{
    struct nhi_ledger *l;
    struct nhi_ticket other;

    (void)state_ready(NULL);
    l = state_begin();
    issue(l, 1);
    other = state_ticket(2);
    snprintf(other.agent, sizeof(other.agent), "other-bot");
    snprintf(other.task, sizeof(other.task), "other-1");
    assert_int_equal(
        nhi_task_open(l, &(struct nhi_task){ .id = "other-1", .agent = "other-bot", .deadline = NOW + 7200 }, NOW),
        NHI_OK);
    assert_int_equal(nhi_ticket_record(l, &other, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
    state_end(l);
}

static void each_change(void **state)
{
    struct nhi_ledger *l;
    unsigned facts;

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        begin_with_one();
        facts = agree();
        l = state_begin();
        changes[i].change(l);
        state_end(l);
        if (changes[i].change == nothing)
            assert_int_equal(agree(), facts);
        else
            assert_in_range(agree(), facts, 10000);
    }
}

static void one_after_the_other(void **state)
{
    struct nhi_ledger *l;
    char jti[NHI_JTI_LEN + 1];

    (void)state;
    begin_with_one();
    for (unsigned n = 100; n < 500; n++) {
        l = state_begin();
        issue(l, n);
        if (n % 7 == 0)
            suspended(l);
        else if (n % 7 == 1)
            resumed(l);
        state_jti(n - 1, jti);
        if (n % 5 == 0)
            end_by(l, NHI_REVOKE_TICKET, jti);
        state_end(l);
        if (n % 20 == 0)
            (void)agree();
    }
    (void)agree();
}

/* A ticket that changes is listed again, and is still one ticket. */
static void listed_again(void **state)
{
    const struct nhi_ticket first = state_ticket(1);
    struct nhi_fact_source from;
    struct nhi_state *s = NULL;
    struct nhi_ticket found;
    struct nhi_ledger *l;

    (void)state;
    begin_with_one();
    for (int64_t n = 0; n < 2; n++) {
        l = state_begin();
        assert_int_equal(nhi_ticket_set_terms(l, first.jti, 0, n == 0), NHI_OK);
        end_by(l, NHI_REVOKE_TASK, "other-1");
        state_end(l);
        assert_int_equal(nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &s), NHI_OK);
        from = nhi_state_source(s);
        assert_int_equal(nhi_find_for(&from, "deploy", "sshd", NOW, &found), NHI_OK);
        assert_string_equal(found.jti, first.jti);
        nhi_state_close(s);
    }
}

/* How much to do, in each kind of run. */
static unsigned depth(unsigned sample, unsigned sweep, unsigned torture)
{
    const char *d = getenv("DEPTH");

    return d == NULL ? sample : strcmp(d, "torture") == 0 ? torture : sweep;
}

/* ---- killed ---- */

/* What a login would be told about a ticket. */
static enum nhi_reason told(unsigned n)
{
    struct nhi_fact_ticket had;
    struct nhi_state *s = NULL;
    struct nhi_fact_source from;
    struct nhi_facts f;
    char jti[NHI_JTI_LEN + 1];
    enum nhi_reason r = NHI_DENY_STATE;
    enum nhi_err err;

    state_jti(n, jti);
    if (nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &s) != NHI_OK)
        return NHI_DENY_STATE;
    from = nhi_state_source(s);
    err = nhi_find_ticket(&from, jti, &had);
    if (err == NHI_OK)
        err = nhi_facts_load(&from, &had.ticket, &f);
    if (err == NHI_OK)
        r = f.superseded                        ? NHI_DENY_SUPERSEDED
            : f.agent_state != NHI_AGENT_ACTIVE ? NHI_DENY_AGENT_SUSPENDED
                                                : nhi_is_over(&had.ticket, &f, NOW);
    else if (err == NHI_ERR_NOT_FOUND)
        r = NHI_DENY_UNRECORDED;
    nhi_state_close(s);
    return r;
}

static void publish_again(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_WRITE);

    assert_int_equal(nhi_ledger_publish_if_stale(l, NOW), NHI_OK);
    nhi_ledger_close(l);
}

/* While a ticket ends because the one that renewed it was used, that one is not denied. */
static void used_meanwhile(void **state)
{
    const struct nhi_ticket first = state_ticket(1);
    struct nhi_ledger *l;
    int status;
    pid_t pid;

    (void)state;
    begin_with_one();
    l = state_begin();
    renewed(l);
    state_end(l);
    pid = fork();
    if (pid == 0) {
        l = state_begin();
        if (nhi_ticket_supersede(l, first.jti) != NHI_OK)
            _exit(1);
        (void)!l->hooks->commit(l);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(told(1), NHI_DENY_SUPERSEDED);
    assert_int_equal(told(20), NHI_PERMIT);
    publish_again();
    assert_int_equal(told(1), NHI_PERMIT);
}

static void stop_before_first(void)
{
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    (void)raise(SIGSTOP);
}

/* COUNT: resumes. */
static void write_one(size_t change)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_WRITE);

    stop_before_first();
    if (nhi_ledger_begin(l, NOW) != NHI_OK)
        _exit(1);
    if (change == COUNT)
        resumed(l);
    else
        changes[change].change(l);
    if (nhi_ledger_commit(l) != NHI_OK)
        _exit(1);
    _exit(0);
}

/* Starts a process that waits before its first call. */
static pid_t start(void (*fn)(size_t change), size_t change)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        fn(change);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status));
    return pid;
}

/* Lets it run to the beginning or the end of its next call. false: it has ended. */
static bool next_stop(pid_t pid)
{
    int status;

    assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    else
        assert_true(WIFSTOPPED(status));
    return WIFSTOPPED(status);
}

/* Kills a writer of that change at its stop number n. denied: whether readers denied ticket 1 just before. false: it
 * has fewer stops. */
static bool kill_at(size_t change, unsigned n, bool *denied)
{
    pid_t pid = start(write_one, change);
    bool more = true;
    int status;

    for (unsigned i = 0; more && i < n; i++)
        more = next_stop(pid);
    if (!more)
        return false;
    *denied = told(1) != NHI_PERMIT;
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return true;
}

/* Whether the ledger has ended ticket 1. */
static bool has_ended(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    const struct nhi_fact_source from = nhi_ledger_source(l);
    struct nhi_fact_ticket had;
    char jti[NHI_JTI_LEN + 1];
    struct nhi_facts f;
    bool ended;

    state_jti(1, jti);
    assert_int_equal(nhi_ledger_begin(l, NOW), NHI_OK);
    assert_int_equal(nhi_find_ticket(&from, jti, &had), NHI_OK);
    assert_int_equal(nhi_facts_load(&from, &had.ticket, &f), NHI_OK);
    ended = f.superseded || f.agent_state != NHI_AGENT_ACTIVE || nhi_is_over(&had.ticket, &f, NOW) != NHI_PERMIT;
    nhi_ledger_close(l);
    return ended;
}

static unsigned step = 1;

/* From the first record of an ending on, every reader denies until the writer is done. */
static void denies_from_then_on(size_t change)
{
    bool denied = false;
    pid_t pid;

    begin_with_one();
    pid = start(write_one, change);
    while (next_stop(pid)) {
        assert_true(!denied || told(1) != NHI_PERMIT);
        denied = told(1) != NHI_PERMIT;
    }
    assert_true(denied == changes[change].ends);
    assert_true(told(1) == NHI_PERMIT || changes[change].ends);
}

/* A kill takes nothing back: who was denied stays so. What was given is there or not; no other agent is touched; and
 * the next writer makes both agree, without losing what was revoked. */
static void killed_in(size_t change)
{
    bool denied = false, revoked, more = true;
    unsigned n;
    enum nhi_reason r;

    for (n = 1 + (unsigned)change % step; more; n += step) {
        begin_with_one();
        more = kill_at(change, n, &denied);
        r = told(1);
        assert_int_equal(told(2) == NHI_PERMIT || (change == COUNT - 1 && told(2) == NHI_DENY_REVOKED) ||
                             changes[change].change == retired_key,
                         true);
        if (!changes[change].ends)
            assert_int_equal(r, NHI_PERMIT);
        else if (has_ended() || (more && denied))
            assert_int_not_equal(r, NHI_PERMIT);
        revoked = r == NHI_DENY_REVOKED;
        publish_again();
        (void)agree();
        assert_true(!revoked || told(1) == NHI_DENY_REVOKED);
        assert_int_equal(told(1) != NHI_PERMIT, has_ended());
    }
    assert_in_range(n, 20, 100000);
}

/* A sample of the calls, which begins elsewhere for each change; every one in make torture. The two large changes are
 * many calls of one kind. */
static void killed_at_any_call(void **state)
{
    (void)state;
    step = depth(19, 5, 1);
    for (size_t i = 1; i < COUNT - 2; i++) {
        denies_from_then_on(i);
        killed_in(i);
    }
}

/* More endings than the tail has room for are published before the commit. If that does not come, the next writer takes
 * them into the ledger. */
static void killed_before_the_commit(void **state)
{
    struct nhi_ledger *l;
    int status;
    pid_t pid;

    (void)state;
    begin_with_one();
    pid = fork();
    if (pid == 0) {
        l = state_begin();
        many_ended(l);
        if (l->hooks->commit(l) != NHI_OK)
            _exit(1);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_false(has_ended());
    assert_int_equal(told(1), NHI_DENY_REVOKED);
    publish_again();
    assert_true(has_ended());
    assert_int_equal(told(1), NHI_DENY_REVOKED);
    (void)agree();
}

/* ---- a new file, beside other writers ---- */

static size_t bytes_in_tail(void)
{
    struct nhi_state *s = NULL;
    size_t used;

    assert_int_equal(nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &s), NHI_OK);
    used = nhi_state_used(s);
    nhi_state_close(s);
    return used;
}

/* The next ending always finds room. */
static void never_full(void **state)
{
    size_t was, most = 0, fewer = 0;
    struct nhi_ledger *l;

    (void)state;
    begin_with_one();
    for (unsigned n = 100; n < 500; n++) {
        was = bytes_in_tail();
        l = state_begin();
        issue(l, n);
        state_end(l);
        most = bytes_in_tail() > most ? bytes_in_tail() : most;
        fewer += bytes_in_tail() < was;
    }
    assert_in_range(most, STATE_TAIL_SIZE / 4, STATE_TAIL_SIZE / 4 * 3);
    assert_in_range(fewer, 1, 20);
    (void)agree();
}

/* Sizes of the base, and of the last one that was made from the ledger. */
static uint64_t base_sizes(uint64_t *whole)
{
    struct nhi_state *s = NULL;
    uint64_t size;

    assert_int_equal(nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &s), NHI_OK);
    size = nhi_state_head(s)->base_size;
    *whole = nhi_state_head(s)->whole_size;
    nhi_state_close(s);
    return size;
}

/* New files are made of old ones, until these have too much in them that no longer counts. */
static void merged_until_it_is_too_large(void **state)
{
    uint64_t whole, then, size;
    struct nhi_ledger *l;

    (void)state;
    begin_with_one();
    size = base_sizes(&whole);
    assert_int_equal(size, whole);
    then = whole;
    l = state_begin();
    many_tickets(l);
    state_end(l);
    assert_true(base_sizes(&whole) > size);
    assert_int_equal(whole, then);
    (void)agree();
    l = state_begin();
    ended_ticket(l);
    state_end(l);
    l = state_open(NHI_LEDGER_WRITE);
    size = base_sizes(&whole);
    assert_int_equal(nhi_ledger_refresh(l), NHI_OK);
    (void)base_sizes(&whole);
    assert_int_equal(whole, then);
    assert_int_equal(bytes_in_tail(), 0);
    (void)agree();
    assert_int_equal(told(1), NHI_DENY_REVOKED);
    assert_int_equal(nhi_ledger_publish(l, NOW), NHI_OK);
    size = base_sizes(&whole);
    assert_int_equal(size, whole);
    (void)agree();
    nhi_ledger_close(l);
    for (unsigned n = 0; n < 10000 && base_sizes(&then) == size; n += 500) {
        l = state_begin();
        for (unsigned i = 0; i < 500; i++)
            issue(l, 10000 + n + i);
        state_end(l);
        size = base_sizes(&whole) == whole ? 0 : base_sizes(&whole);
    }
    /* At last from the ledger. */
    assert_int_equal(base_sizes(&whole), whole);
    (void)agree();
}

/* any: whatever comes of it, and without waiting for another one. */
static void refresh(size_t any)
{
    struct nhi_ledger *l = state_open(any != 0 ? NHI_LEDGER_WRITE_NOW : NHI_LEDGER_WRITE);

    stop_before_first();
    _exit(nhi_ledger_refresh(l) == NHI_OK || any != 0 ? 0 : 1);
}

/* Whatever another writer does, and whenever, is in the new file as well. */
static void refreshed_beside(void **state)
{
    struct nhi_ledger *l;
    unsigned n = 1, held = 0;
    bool more = true;
    pid_t pid;

    (void)state;
    for (; more; n += step) {
        begin_with_one();
        l = state_begin();
        issue(l, 30);
        state_end(l);
        pid = start(refresh, 0);
        for (unsigned i = 0; more && i < n; i++)
            more = next_stop(pid);
        l = state_open(NHI_LEDGER_WRITE_NOW);
        if (nhi_ledger_begin(l, NOW) == NHI_OK) {
            ended_ticket(l);
            issue(l, 31);
            suspended(l);
            resumed(l);
            state_end(l);
            assert_int_equal(told(1), NHI_DENY_REVOKED);
        } else {
            nhi_ledger_close(l);
            held++;
        }
        while (more && next_stop(pid))
            assert_true(told(2) == NHI_PERMIT && told(30) == NHI_PERMIT);
        (void)agree();
    }
    /* Others wait only while it has its turn. */
    assert_in_range(n, 50, 100000);
    assert_in_range(held, 1, n / step * 2 / 3);
}

/* Two at once: each of them, and what is published, is whole. */
static void two_refreshers(void **state)
{
    struct nhi_ledger *l;
    bool more[2] = { true, true };
    unsigned n = 1;
    pid_t pid[2];

    (void)state;
    for (; more[0]; n += step / 4 + 1) {
        begin_with_one();
        pid[0] = start(refresh, true);
        pid[1] = start(refresh, true);
        for (unsigned i = 0; more[0] && i < n; i++)
            more[0] = next_stop(pid[0]);
        while (next_stop(pid[1]))
            ;
        l = state_open(NHI_LEDGER_WRITE_NOW);
        if (nhi_ledger_begin(l, NOW) == NHI_OK) {
            issue(l, 31);
            state_end(l);
        } else {
            nhi_ledger_close(l);
        }
        while (more[0] && next_stop(pid[0]))
            ;
        assert_int_equal(told(1), NHI_PERMIT);
        (void)agree();
        assert_int_equal(state_count(NHI_RUN_DIR, NHI_STATE_BASE), 1);
    }
    assert_in_range(n, 50, 100000);
}

/* While nothing can be published, nothing is lost: an older state that comes back is not that of the ledger. */
static void unsafe_for_a_while(void **state)
{
    struct nhi_ledger *l;

    (void)state;
    begin_with_one();
    assert_int_equal(chmod(NHI_RUN_DIR, 0777), 0);
    l = state_begin();
    ended_ticket(l);
    assert_int_equal(nhi_ledger_commit(l), NHI_OK);
    assert_int_equal(nhi_ledger_unpublished(l), NHI_ERR_UNSAFE);
    nhi_ledger_close(l);
    assert_int_equal(told(1), NHI_DENY_STATE);
    assert_int_equal(chmod(NHI_RUN_DIR, 0700), 0);
    l = state_open(NHI_LEDGER_WRITE);
    assert_false(nhi_ledger_is_published(l, NHI_STATE_DIR, NHI_RUN_DIR));
    nhi_ledger_close(l);
    publish_again();
    assert_int_equal(told(1), NHI_DENY_REVOKED);
    (void)agree();
}

/* What a writer lacks is no reason to go on without publishing: readers may have it. */
static void without_descriptors(void **state)
{
    struct rlimit had, few;
    struct nhi_ledger *l;
    enum nhi_err err;
    int refused = 0;

    (void)state;
    for (rlim_t n = 4; n < 24; n++) {
        begin_with_one();
        l = state_open(NHI_LEDGER_WRITE);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
        few = (struct rlimit){ n, had.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        err = nhi_ledger_begin(l, NOW);
        if (err == NHI_OK)
            err = nhi_revoke(l, NHI_REVOKE_TASK, "build-1", "because", NOW, NULL);
        if (err == NHI_OK)
            err = nhi_ledger_commit(l);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
        refused += err != NHI_OK;
        nhi_ledger_close(l);
        assert_true(err != NHI_OK || told(1) == NHI_DENY_REVOKED);
    }
    assert_in_range(refused, 1, 19);
}

/* A ledger that comes from another machine during this boot is known as such once it was published. */
static void notes_the_boot(void **state)
{
    struct nhi_ledger *l;
    int64_t strange = 0;

    (void)state;
    begin_with_one();
    l = state_begin();
    assert_int_equal(nhi_sql_run(l, NULL, "UPDATE setting SET boot = 'another', latest = ?", "i", nhi_now()), NHI_OK);
    assert_int_equal(sqlite3_exec(l->db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    nhi_ledger_close(l);
    l = state_open(NHI_LEDGER_WRITE);
    assert_int_equal(nhi_ledger_publish(l, nhi_now()), NHI_OK);
    assert_int_equal(nhi_sql_number(l, &strange, "SELECT strange FROM setting", ""), NHI_OK);
    assert_int_equal(strange, 1);
    nhi_ledger_close(l);
}

/* ---- two writers, and readers that stand still ---- */

static size_t number_of(void (*change)(struct nhi_ledger *l))
{
    size_t i = 0;

    while (changes[i].change != change)
        i++;
    return i;
}

/* However the calls of two writers follow each other, ledger and state agree when both have returned. */
static void suspended_and_resumed(void **state)
{
    const size_t which[] = { number_of(suspended), COUNT };
    bool runs[2];
    pid_t pid[2];

    (void)state;
    begin_with_one();
    for (unsigned n = 0; n < depth(40, 200, 10000); n++) {
        pid[0] = start(write_one, which[n % 2]);
        pid[1] = start(write_one, which[(n + 1) % 2]);
        runs[0] = runs[1] = true;
        while (runs[0] || runs[1]) {
            unsigned next = state_random() % 2;

            /* One of them goes on for a while, so that it meets the other at any place. */
            for (unsigned calls = state_random() % 50; runs[next] && calls > 0; calls--)
                runs[next] = next_stop(pid[next]);
        }
        (void)agree();
        assert_true(told(2) == NHI_PERMIT);
        assert_int_equal(told(1) == NHI_PERMIT, !has_ended());
    }
}

#define READERS 32

/* A reader keeps the memory of a file that was replaced. Endings find room all the same, and nothing else fails for
 * longer than it takes. */
static void readers_stand_still(void **state)
{
    struct nhi_state *s = NULL;
    struct nhi_ledger *l;
    pid_t pid[READERS];
    unsigned unpublished = 0, n = 0;
    int status;

    (void)state;
    begin_with_one();
    assert_int_equal(mount("none", NHI_RUN_DIR, NULL, MS_REMOUNT, "size=6m"), 0);
    for (size_t i = 0; i < READERS; i++) {
        l = state_begin();
        for (unsigned more = 0; more < 200; more++)
            issue(l, 100 + n++);
        assert_int_equal(nhi_ledger_commit(l), NHI_OK);
        unpublished += nhi_ledger_unpublished(l) != NHI_OK;
        nhi_ledger_close(l);
        pid[i] = fork();
        if (pid[i] == 0) {
            if (nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &s) == NHI_OK)
                (void)raise(SIGSTOP);
            _exit(0);
        }
        assert_int_equal(waitpid(pid[i], &status, WUNTRACED), pid[i]);
    }
    l = state_begin();
    ended_ticket(l);
    assert_int_equal(nhi_ledger_commit(l), NHI_OK);
    nhi_ledger_close(l);
    assert_int_not_equal(told(1), NHI_PERMIT);
    for (size_t i = 0; i < READERS; i++) {
        (void)kill(pid[i], SIGKILL);
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
    }
    publish_again();
    (void)agree();
    assert_int_equal(told(1), NHI_DENY_REVOKED);
    assert_in_range(unpublished, 0, READERS - 1);
}

/* ---- not committed ---- */

static void rolled_back(void **state)
{
    struct nhi_ledger *l;

    (void)state;
    for (size_t i = 1; i < COUNT; i++) {
        begin_with_one();
        l = state_begin();
        changes[i].change(l);
        nhi_ledger_rollback(l);
        nhi_ledger_close(l);
        assert_int_equal(told(1), NHI_PERMIT);
        (void)agree();
    }
}

/* The disk is full: nothing was changed, and what was revoked in the attempt stays so. */
static void full_disk(void **state)
{
    struct nhi_ledger *l;

    (void)state;
    for (size_t i = 3; i < 9; i++) {
        begin_with_one();
        l = state_begin();
        changes[i].change(l);
        state_disk_fill();
        assert_int_not_equal(nhi_ledger_commit(l), NHI_OK);
        nhi_ledger_close(l);
        state_disk_free();
        assert_true(told(1) == NHI_PERMIT || told(1) == NHI_DENY_REVOKED || told(1) == NHI_DENY_STATE);
        assert_int_equal(told(2), NHI_PERMIT);
        publish_again();
        (void)agree();
        assert_int_equal(told(1) != NHI_PERMIT, has_ended());
    }
}

/* Nobody could see it: then the ledger is written, and it is said that it was not published. */
static void cannot_publish(void **state)
{
    struct nhi_ledger *l;

    (void)state;
    begin_with_one();
    state_unpublish();
    assert_int_equal(mkdir(NHI_RUN_DIR "/state.lock", 0700), 0);
    l = state_begin();
    issue(l, 10);
    assert_int_equal(nhi_ledger_commit(l), NHI_OK);
    assert_int_not_equal(nhi_ledger_unpublished(l), NHI_OK);
    nhi_ledger_close(l);
    assert_int_equal(rmdir(NHI_RUN_DIR "/state.lock"), 0);
    assert_int_equal(told(1), NHI_DENY_STATE);
    publish_again();
    (void)agree();
    assert_int_equal(told(10), NHI_PERMIT);
    /* Readers see a state that no writer can change: nothing may end behind their back. */
    assert_int_equal(unlink(NHI_RUN_DIR "/state.lock"), 0);
    assert_int_equal(mkdir(NHI_RUN_DIR "/state.lock", 0700), 0);
    l = state_open(NHI_LEDGER_WRITE);
    assert_int_not_equal(nhi_ledger_begin(l, NOW), NHI_OK);
    nhi_ledger_close(l);
}

#define T(f) cmocka_unit_test_setup(f, state_empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_change),        T(one_after_the_other),      T(listed_again),        T(used_meanwhile),
        T(killed_at_any_call), T(killed_before_the_commit), T(never_full),          T(merged_until_it_is_too_large),
        T(refreshed_beside),   T(two_refreshers),           T(unsafe_for_a_while),  T(without_descriptors),
        T(notes_the_boot),     T(suspended_and_resumed),    T(readers_stand_still), T(rolled_back),
        T(full_disk),          T(cannot_publish),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}

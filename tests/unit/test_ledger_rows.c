/* SPDX-License-Identifier: ISC */
/*
 * Agents, tasks, issuers, policy and events: what is stored is read back, with the longest and oddest names that are
 * allowed; nothing is given twice; states only advance.
 * Invariant: 12.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_session.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/session/session_end.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW

static void fill_text(char *out, size_t len, char c)
{
    memset(out, c, len);
    out[len] = '\0';
}

/* A list of len characters: each name is one longer than the previous one, the last has another letter. */
static void fill_list(char *out, size_t len)
{
    size_t used = 0, n = 1;

    while (used < len) {
        size_t i, left = len - used;
        size_t take = left < n + 2 ? left : n;

        for (i = 0; i < take; i++)
            out[used++] = take == left ? 'b' : 'a';
        if (used < len)
            out[used++] = ' ';
        n++;
    }
    out[len] = '\0';
    assert_int_equal(strlen(out), len);
}

static struct nhi_agent longest(void)
{
    struct nhi_agent a = { .review_by = INT64_MAX };
    size_t used = 0;

    a.account.uid = STATE_UID_MAX;
    fill_text(a.account.name, NHI_AGENT_MAX, 'z');
    fill_text(a.owner, NHI_OWNER_MAX, 'o');
    memcpy(a.purpose, "l\xc3\xb6scht \xe2\x82\xac '; DROP TABLE agent; --", 34);
    fill_text(a.account.gecos, NHI_TEXT_MAX, 'g');
    fill_text(a.account.home, NHI_PATH_MAX, '/');
    fill_text(a.account.shell, NHI_PATH_MAX, '/');
    a.account.group_count = NHI_GROUPS_MAX;
    for (uint32_t i = 0; i < NHI_GROUPS_MAX; i++) {
        a.account.groups[i] = i == 0 ? UINT32_MAX - 1 : 5000 - i;
        used +=
            (size_t)snprintf(a.group_names + used, sizeof(a.group_names) - used, "%sgroup%02u", i > 0 ? " " : "", i);
    }
    assert_int_equal(used, NHI_LIST_MAX);
    return a;
}

static void agent_roundtrip(void **state)
{
    struct nhi_agent a = longest(), got;
    struct nhi_ledger *l = state_begin();
    struct nhi_settings s;

    (void)state;
    assert_int_equal(nhi_agent_add(l, &a, NOW), NHI_OK);
    state_end(l);
    l = state_open(NHI_LEDGER_READ);
    assert_int_equal(nhi_agent_get(l, a.account.name, &got), NHI_OK);
    a.state = NHI_AGENT_ACTIVE;
    a.created = a.changed = NOW;
    assert_string_equal(got.account.name, a.account.name);
    assert_int_equal(got.account.uid, a.account.uid);
    assert_string_equal(got.account.gecos, a.account.gecos);
    assert_string_equal(got.account.home, a.account.home);
    assert_string_equal(got.account.shell, a.account.shell);
    assert_int_equal(got.account.group_count, NHI_GROUPS_MAX);
    assert_memory_equal(got.account.groups, a.account.groups, sizeof(a.account.groups));
    assert_string_equal(got.group_names, a.group_names);
    assert_string_equal(got.owner, a.owner);
    assert_string_equal(got.purpose, a.purpose);
    assert_true(got.review_by == INT64_MAX);
    assert_int_equal(got.state, NHI_AGENT_ACTIVE);
    assert_int_equal(got.created, NOW);
    assert_int_equal(got.changed, NOW);
    assert_string_equal(got.reason, "");
    assert_int_equal(got.revoked_until, 0);
    assert_int_equal(got.last_used, 0);
    assert_int_equal(nhi_ledger_settings(l, &s), NHI_OK);
    assert_int_equal(s.next_uid, STATE_UID_MAX + 1);
    assert_int_equal(nhi_agent_get(l, "nobody", &got), NHI_ERR_NOT_FOUND);
    nhi_ledger_close(l);
}

static void agent_never_again(void **state)
{
    struct nhi_agent a = {
        .review_by = NOW, .owner = "o", .purpose = "p", .account = { .name = "new", .home = "/", .shell = "/" }
    };
    struct nhi_ledger *l = state_begin();

    (void)state;
    /* 65537 and 65538 are taken, 65536 is the group's. A uid may be skipped, and is lost then. */
    for (a.account.uid = 65535; a.account.uid <= 65538; a.account.uid++)
        assert_int_not_equal(nhi_agent_add(l, &a, NOW), NHI_OK);
    a.account.uid = 70000;
    assert_int_equal(nhi_agent_add(l, &a, NOW), NHI_OK);
    a.account.uid = 70001;
    assert_int_equal(nhi_agent_add(l, &a, NOW), NHI_ERR_EXISTS);
    memcpy(a.account.name, "newer", 6);
    a.account.uid = 69999;
    assert_int_equal(nhi_agent_add(l, &a, NOW), NHI_ERR_EXISTS);
    a.account.uid = STATE_UID_MAX + 1;
    assert_int_equal(nhi_agent_add(l, &a, NOW), NHI_ERR_ARG);
    /* Retired: neither its name nor its uid is given again. */
    assert_int_equal(nhi_agent_set_state(l, "new", NHI_AGENT_RETIRED, "done", NOW), NHI_OK);
    memcpy(a.account.name, "new", 4);
    a.account.uid = 70001;
    assert_int_equal(nhi_agent_add(l, &a, NOW), NHI_ERR_EXISTS);
    memcpy(a.account.name, "newest", 7);
    a.account.uid = 70000;
    assert_int_equal(nhi_agent_add(l, &a, NOW), NHI_ERR_EXISTS);
    state_end(l);
}

static void agent_refused(void **state)
{
    struct nhi_agent good = longest(), a;
    struct nhi_ledger *l = state_begin();

    (void)state;
#define REFUSED(change) \
    a = good; \
    change; \
    assert_int_equal(nhi_agent_add(l, &a, NOW), NHI_ERR_ARG)
    REFUSED(memcpy(a.account.name, "Root", 5));
    REFUSED(a.account.name[0] = '\0');
    REFUSED(a.owner[0] = '\0');
    REFUSED(a.owner[0] = '\n');
    REFUSED(a.purpose[0] = '\0');
    REFUSED(a.account.home[0] = 'x');
    REFUSED(a.account.shell[0] = '\0');
    REFUSED(a.review_by = 0);
    REFUSED(a.account.group_count = NHI_GROUPS_MAX + 1);
    REFUSED(a.account.groups[31] = 0);
    nhi_ledger_rollback(l);
    assert_int_equal(nhi_ledger_begin(l, NOW), NHI_OK);
    REFUSED(a.group_names[0] = '\0');
    nhi_ledger_rollback(l);
    nhi_ledger_close(l);
}

static void agent_states(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_agent a;

    (void)state;
    assert_int_equal(nhi_agent_set_state(l, "nobody", NHI_AGENT_RETIRED, "", NOW), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_SUSPENDED, "odd", NOW + 1), NHI_OK);
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_SUSPENDED, "again", NOW + 2), NHI_OK);
    assert_int_equal(nhi_agent_get(l, "ci-bot", &a), NHI_OK);
    assert_string_equal(a.reason, "odd");
    assert_int_equal(a.changed, NOW + 1);
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_ACTIVE, NULL, NOW + 3), NHI_OK);
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_RETIRED, "x", NOW + 4), NHI_OK);
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_ACTIVE, "", NOW + 5), NHI_ERR_STATE);
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_SUSPENDED, "", NOW), NHI_ERR_STATE);
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_RETIRED, "", NOW), NHI_OK);
    assert_int_equal(nhi_agent_get(l, "ci-bot", &a), NHI_OK);
    assert_int_equal(a.state, NHI_AGENT_RETIRED);
    state_end(l);
}

static int names(const struct nhi_agent *a, void *ctx)
{
    char *all = ctx;

    snprintf(all + strlen(all), 200 - strlen(all), "%s ", a->account.name);
    return strcmp(a->account.name, "stop") == 0;
}

static void agents_in_order(void **state)
{
    struct nhi_ledger *l = state_begin();
    char all[200] = "";

    (void)state;
    state_agent(l, "stop", 65600);
    state_agent(l, "after", 65601);
    assert_int_equal(nhi_agent_each(l, names, all), NHI_OK);
    assert_string_equal(all, "ci-bot other-bot stop ");
    state_end(l);
}

static int count_tasks(const struct nhi_task *t, void *ctx)
{
    (void)t;
    ++*(int *)ctx;
    return 0;
}

static void tasks(void **state)
{
    struct nhi_task t = { .agent = "ci-bot", .deadline = NOW + 10 }, got;
    struct nhi_ledger *l = state_begin();
    int n = 0;

    (void)state;
    fill_text(t.id, NHI_TASK_MAX, '~');
    assert_int_equal(nhi_task_open(l, &t, NOW), NHI_OK);
    assert_int_equal(nhi_task_get(l, t.id, &got), NHI_OK);
    assert_string_equal(got.id, t.id);
    assert_string_equal(got.agent, "ci-bot");
    assert_int_equal(got.state, NHI_TASK_OPEN);
    assert_int_equal(got.opened, NOW);
    assert_int_equal(got.deadline, NOW + 10);
    assert_int_equal(got.closed, 0);
    assert_int_equal(nhi_task_open(l, &t, NOW), NHI_ERR_EXISTS);
    assert_int_equal(nhi_task_close(l, t.id, "done", NOW + 5), NHI_OK);
    assert_int_equal(nhi_task_close(l, t.id, "done twice", NOW + 6), NHI_ERR_STATE);
    assert_int_equal(nhi_task_get(l, t.id, &got), NHI_OK);
    assert_int_equal(got.state, NHI_TASK_CLOSED);
    assert_int_equal(got.closed, NOW + 5);
    assert_string_equal(got.reason, "done");
    assert_int_equal(nhi_task_open(l, &t, NOW), NHI_ERR_EXISTS);
    memcpy(t.agent, "other-bot", 10);
    assert_int_equal(nhi_task_open(l, &t, NOW), NHI_ERR_EXISTS);
    assert_int_equal(nhi_task_close(l, "never", "", NOW), NHI_ERR_NOT_FOUND);
    memcpy(t.id, "a b", 4);
    assert_int_equal(nhi_task_open(l, &t, NOW), NHI_ERR_ARG);
    memcpy(t.id, "ab", 3);
    assert_int_equal(nhi_task_open(l, &t, NOW + 10), NHI_ERR_ARG);
    memcpy(t.agent, "unknown", 8);
    /* Not "used before": the caller reports what is missing. */
    assert_int_equal(nhi_task_open(l, &t, NOW), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_task_each(l, "ci-bot", count_tasks, &n), NHI_OK);
    assert_int_equal(n, 2);
    assert_int_equal(nhi_task_each(l, "other-bot", count_tasks, &n), NHI_OK);
    assert_int_equal(n, 2);
    assert_int_equal(nhi_task_each(l, NULL, count_tasks, &n), NHI_OK);
    assert_int_equal(n, 4);
    state_end(l);
}

static int see_end(const struct nhi_task *t, int64_t at, const char *why, void *ctx)
{
    struct nhi_event *seen = ctx;

    if (strcmp(t->id, "idle") != 0)
        return 0;
    seen->at = at;
    memcpy(seen->kind, why, strlen(why) + 1);
    return 0;
}

static void ends_at(struct nhi_ledger *l, int64_t at, const char *why)
{
    struct nhi_event seen = { .at = 0 };

    assert_int_equal(nhi_task_each_end(l, NOW + 1000, see_end, &seen), NHI_OK);
    assert_true(seen.at == at);
    assert_string_equal(seen.kind, why);
}

/* Each is a separate record. */
static enum nhi_err fold(struct nhi_ledger *l, struct nhi_event *e, bool counted)
{
    static unsigned n;
    bool folded;

    state_jti(++n, e->record);
    return nhi_event_fold(l, e, counted, &folded);
}

static void add_task(struct nhi_ledger *l, const char *id, int64_t deadline, int64_t idle)
{
    struct nhi_task t = { .agent = "ci-bot", .deadline = deadline, .idle = idle };

    snprintf(t.id, sizeof(t.id), "%s", id);
    assert_int_equal(nhi_task_open(l, &t, NOW), NHI_OK);
}

static int list_end(const struct nhi_task *t, int64_t at, const char *why, void *ctx)
{
    char *text = ctx;

    snprintf(text + strlen(text), 200 - strlen(text), "%s %d %s, ", t->id, (int)(at - NOW), why);
    return 0;
}

static void all_end(struct nhi_ledger *l, int64_t until, const char *wanted)
{
    char text[200] = "";

    assert_int_equal(nhi_task_each_end(l, until, list_end, text), NHI_OK);
    assert_string_equal(text, wanted);
}

static void open_and_first(struct nhi_ledger *l, int64_t now, int64_t open, int64_t first)
{
    int64_t n = -1;

    assert_int_equal(nhi_task_count_open(l, now, &n), NHI_OK);
    assert_int_equal(n, open);
    assert_int_equal(nhi_task_first_end(l, &n), NHI_OK);
    assert_true(n == first);
}

/* One that is idle the soonest is not the first to end while it has a session. */
static void first_to_end(void **state)
{
    struct nhi_session_end end = { .handle = "p-1", .reason = "closed", .at = NOW + 5 };
    struct nhi_ledger *l = state_begin();
    struct nhi_grant g = state_grant(1, 1);
    bool b = false;

    (void)state;
    assert_int_equal(nhi_task_close(l, "build-1", "", NOW), NHI_OK);
    open_and_first(l, NOW, 0, INT64_MAX);
    add_task(l, "late", NOW + 900, 0);
    add_task(l, "at-work", NOW + 300, 10);
    add_task(l, "idle", NOW + 500, 200);
    memcpy(g.ticket.task, "at-work", 8);
    assert_int_equal(nhi_session_note(l, &g, "p-1"), NHI_OK);
    open_and_first(l, NOW, 3, NOW + 200);
    all_end(l, NOW + 199, "");
    all_end(l, NOW + 200, "idle 200 idle, ");
    all_end(l, NOW + 300, "at-work 300 deadline, idle 200 idle, ");
    all_end(l, NOW + 900, "at-work 300 deadline, idle 200 idle, late 900 deadline, ");
    open_and_first(l, NOW + 300, 2, NOW + 200);
    end.g = g;
    g = state_grant(2, 2);
    memcpy(g.ticket.task, "idle", 5);
    assert_int_equal(nhi_session_note(l, &g, "p-2"), NHI_OK);
    open_and_first(l, NOW, 3, NOW + 300);
    assert_int_equal(nhi_session_record_end(l, &end, &b), NHI_OK);
    open_and_first(l, NOW, 3, NOW + 15);
    all_end(l, NOW + 15, "at-work 15 idle, ");
    assert_int_equal(nhi_task_close(l, "at-work", "", NOW), NHI_OK);
    assert_int_equal(nhi_task_close(l, "idle", "", NOW), NHI_OK);
    open_and_first(l, NOW + 899, 1, NOW + 900);
    open_and_first(l, NOW + 900, 0, NOW + 900);
    state_end(l);
}

/* Idle from its opening on, from the last grant, or from the end of the last session; never during one. */
static void idle_tasks(void **state)
{
    struct nhi_task t = { .id = "idle", .agent = "ci-bot", .deadline = NOW + 1000, .idle = 100 };
    struct nhi_event e = { .at = NOW + 50, .kind = "grant", .task = "idle", .detail = "{}" };
    struct nhi_grant g = state_grant(1, 1);
    struct nhi_session_end end = { .handle = "p-1", .reason = "closed", .at = NOW + 300 };
    struct nhi_session_end again = { .handle = "p-1", .reason = "gone", .at = NOW + 350 };
    struct nhi_ledger *l = state_begin();
    bool b = false;

    (void)state;
    assert_int_equal(nhi_task_open(l, &t, NOW), NHI_OK);
    ends_at(l, NOW + 100, "idle");
    assert_int_equal(fold(l, &e, false), NHI_OK);
    ends_at(l, NOW + 100, "idle");
    assert_int_equal(fold(l, &e, true), NHI_OK);
    ends_at(l, NOW + 150, "idle");
    memcpy(g.ticket.task, "idle", 5);
    end.g = again.g = g;
    assert_int_equal(nhi_session_note(l, &g, "p-1"), NHI_OK);
    ends_at(l, NOW + 1000, "deadline");
    assert_int_equal(nhi_session_record_end(l, &end, &b), NHI_OK);
    assert_true(b);
    ends_at(l, NOW + 400, "idle");
    assert_int_equal(nhi_session_record_end(l, &again, &b), NHI_OK);
    assert_false(b);
    ends_at(l, NOW + 400, "idle");
    e.at = NOW + 950;
    assert_int_equal(fold(l, &e, true), NHI_OK);
    ends_at(l, NOW + 1000, "deadline");
    assert_int_equal(nhi_task_get(l, "idle", &t), NHI_OK);
    assert_int_equal(t.idle, 100);
    assert_true(t.used == NOW + 950);
    assert_int_equal(nhi_task_close(l, "idle", "idle", NOW), NHI_OK);
    ends_at(l, 0, "");
    state_end(l);
}

static void issuers(void **state)
{
    struct nhi_issuer i = { .own = false, .opens_tasks = true, .max_ttl = INT64_MAX }, got;
    struct nhi_ledger *l = state_begin();
    enum nhi_issuer_state to;

    (void)state;
    fill_text(i.kid, NHI_KID_MAX, 'k');
    memset(i.pk, 0, sizeof(i.pk));
    fill_list(i.agents, NHI_LIST_MAX);
    fill_list(i.accounts, NHI_LIST_MAX);
    fill_list(i.services, NHI_LIST_MAX);
    assert_int_equal(nhi_issuer_add(l, &i, NOW), NHI_OK);
    assert_int_equal(nhi_issuer_get(l, i.kid, &got), NHI_OK);
    assert_string_equal(got.kid, i.kid);
    assert_memory_equal(got.pk, i.pk, sizeof(i.pk));
    assert_int_equal(got.state, NHI_ISSUER_ACTIVE);
    assert_false(got.own);
    assert_true(got.opens_tasks);
    assert_string_equal(got.agents, i.agents);
    assert_string_equal(got.accounts, i.accounts);
    assert_string_equal(got.services, i.services);
    assert_true(got.max_ttl == INT64_MAX);
    assert_int_equal(got.added, NOW);
    for (to = NHI_ISSUER_ACTIVE; to <= NHI_ISSUER_REVOKED; to++) {
        enum nhi_issuer_state back;

        assert_int_equal(nhi_issuer_set_state(l, i.kid, to, "on", NOW), NHI_OK);
        for (back = NHI_ISSUER_ACTIVE; back < to; back++)
            assert_int_equal(nhi_issuer_set_state(l, i.kid, back, "back", NOW), NHI_ERR_STATE);
        assert_int_equal(nhi_issuer_get(l, i.kid, &got), NHI_OK);
        assert_int_equal(got.state, to);
    }
    /* Neither the name with another key, nor the key under another name. */
    i.pk[0] = 1;
    assert_int_equal(nhi_issuer_add(l, &i, NOW), NHI_ERR_EXISTS);
    i.pk[0] = 0;
    memcpy(i.kid, "other", 6);
    assert_int_equal(nhi_issuer_add(l, &i, NOW), NHI_ERR_EXISTS);
    i.pk[0] = 1;
    i.accounts[0] = '\0';
    assert_int_equal(nhi_issuer_add(l, &i, NOW), NHI_ERR_ARG);
    assert_int_equal(nhi_issuer_get(l, "other", &got), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_issuer_set_state(l, "other", NHI_ISSUER_REVOKED, "", NOW), NHI_ERR_NOT_FOUND);
    state_end(l);
}

static void policy(void **state)
{
    struct nhi_rule r[20] = { { .forbid = true } }, *got = NULL;
    struct nhi_ledger *l = state_begin();
    size_t n = 0, i;

    (void)state;
    for (i = 0; i < 20; i++) {
        fill_list(r[i].agents, NHI_LIST_MAX - i);
        fill_list(r[i].accounts, NHI_LIST_MAX - i);
        fill_list(r[i].services, NHI_LIST_MAX - i);
        fill_text(r[i].name, NHI_TASK_MAX - i, 'r');
    }
    assert_int_equal(nhi_policy_replace(l, r, 20, STATE_HASH, NOW), NHI_OK);
    assert_int_equal(nhi_policy_load(l, 0, STATE_NOW, &got, &n), NHI_OK);
    assert_int_equal(n, 20);
    for (i = 0; i < 20; i++) {
        /* By name. */
        assert_string_equal(got[19 - i].name, r[i].name);
        assert_int_equal(got[19 - i].forbid, i == 0);
        assert_string_equal(got[19 - i].agents, r[i].agents);
        assert_string_equal(got[19 - i].accounts, r[i].accounts);
        assert_string_equal(got[19 - i].services, r[i].services);
    }
    free(got);
    state_end(l);
    /* A bad last rule: the old policy stays in force. */
    l = state_begin();
    r[1].services[0] = '\0';
    assert_int_equal(nhi_policy_replace(l, r, 2, STATE_HASH, NOW), NHI_ERR_ARG);
    nhi_ledger_rollback(l);
    assert_int_equal(nhi_policy_load(l, 0, STATE_NOW, &got, &n), NHI_OK);
    assert_int_equal(n, 20);
    free(got);
    assert_int_equal(nhi_ledger_begin(l, NOW), NHI_OK);
    assert_int_equal(nhi_policy_replace(l, NULL, 0, STATE_HASH, NOW), NHI_OK);
    assert_int_equal(nhi_policy_load(l, 0, STATE_NOW, &got, &n), NHI_OK);
    assert_int_equal(n, 0);
    free(got);
    state_end(l);
}

static struct nhi_event last;
static char last_detail[100000];
static int events;

static int see_event(const struct nhi_event *e, void *ctx)
{
    (void)ctx;
    last = *e;
    snprintf(last_detail, sizeof(last_detail), "%s", e->detail);
    events++;
    return 0;
}

static void event_rows(void **state)
{
    struct nhi_event e = { .at = NOW, .agent = "ci-bot" };
    struct nhi_ledger *l = state_begin();
    static char detail[60001];
    bool folded = false;
    int64_t seq;

    (void)state;
    fill_text(detail, sizeof(detail) - 1, 'x');
    fill_text(e.kind, sizeof(e.kind) - 1, 'k');
    fill_text(e.task, NHI_TASK_MAX, 't');
    state_jti(1, e.jti);
    e.detail = detail;
    assert_int_equal(nhi_event_add(l, &e), NHI_OK);
    assert_int_equal(nhi_event_each(l, 0, 10, see_event, NULL), NHI_OK);
    assert_int_equal(events, 1);
    assert_string_equal(last.kind, e.kind);
    assert_string_equal(last.agent, e.agent);
    assert_string_equal(last.task, e.task);
    assert_string_equal(last.jti, e.jti);
    assert_int_equal(last.at, NOW);
    assert_string_equal(last_detail, detail);
    seq = last.seq;
    e.detail = NULL;
    assert_int_equal(nhi_event_fold(l, &e, true, &folded), NHI_ERR_ARG);
    snprintf(e.record, sizeof(e.record), "record");
    assert_int_equal(nhi_event_fold(l, &e, true, &folded), NHI_OK);
    assert_true(folded);
    assert_int_equal(nhi_event_fold(l, &e, true, &folded), NHI_OK);
    assert_false(folded);
    e.record[0] = '\0';
    assert_int_equal(nhi_event_add(l, &e), NHI_OK);
    assert_int_equal(nhi_event_each(l, seq, 10, see_event, NULL), NHI_OK);
    assert_int_equal(events, 3);
    assert_true(last.seq > seq);
    assert_string_equal(last_detail, "{}");
    assert_int_equal(nhi_event_each(l, 0, 2, see_event, NULL), NHI_OK);
    assert_int_equal(events, 5);
    state_end(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(agent_roundtrip, state_ready), cmocka_unit_test_setup(agent_never_again, state_ready),
        cmocka_unit_test_setup(agent_refused, state_ready),   cmocka_unit_test_setup(agent_states, state_ready),
        cmocka_unit_test_setup(agents_in_order, state_ready), cmocka_unit_test_setup(tasks, state_ready),
        cmocka_unit_test_setup(idle_tasks, state_ready),      cmocka_unit_test_setup(first_to_end, state_ready),
        cmocka_unit_test_setup(issuers, state_ready),         cmocka_unit_test_setup(policy, state_ready),
        cmocka_unit_test_setup(event_rows, state_ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("ledger_rows", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Refusals without a record: each is recorded as an event, and a flood of them is a few events and a few lines, whoever
 * sends it. */
/* Invariant: 21. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/grant/refused.h"
#include "libnhi/ledger/event.h"
#include "libnhi/ledger/fold.h"
#include "libnhi/ledger/fold_refused.h"
#include "libnhi/ledger/ledger_event.h"
#include "tests/lib/state.h"

#define NOW (STATE_NOW / 3600 * 3600) /* an hour begins */
#define FLOOD 10000
#define KNOWN_MAX 128 /* slots for what is known here, and for strangers */
#define STRANGERS_MAX 64
#define EMPTIED NHI_RUN_DIR "/emptied"
#define PATH NHI_RUN_DIR "/" NHI_REFUSED_FILE

static struct nhi_refusal refusal(enum nhi_reason reason, const char *service, const char *account, unsigned jti)
{
    struct nhi_refusal r = { .at = NOW + 5, .reason = reason, .known = jti != 0 };

    snprintf(r.service, sizeof(r.service), "%s", service);
    snprintf(r.account, sizeof(r.account), "%s", account);
    snprintf(r.from, sizeof(r.from), "192.0.2.7");
    if (jti != 0) {
        snprintf(r.agent, sizeof(r.agent), "ci-bot");
        snprintf(r.task, sizeof(r.task), "build-1");
        state_jti(jti, r.jti);
    }
    return r;
}

static uint64_t note(const struct nhi_refusal *r)
{
    return nhi_refused_note(NHI_RUN_DIR, r);
}

static uint32_t fold_at(int64_t now)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_WRITE);
    uint32_t told = 0;

    assert_int_equal(nhi_fold_refused(NHI_RUN_DIR, l, now, &told), NHI_OK);
    nhi_ledger_close(l);
    return told;
}

struct seen {
    int events;
    uint64_t count;
    struct nhi_event last;
    char detail[1024];
};

static int see(const struct nhi_event *e, void *ctx)
{
    struct seen *s = ctx;
    json_t *o = json_loads(e->detail, 0, NULL);

    assert_non_null(o);
    assert_string_equal(e->kind, "refused");
    assert_string_equal(e->decision, "deny");
    s->events++;
    s->count += (uint64_t)json_integer_value(json_object_get(o, "count"));
    s->last = *e;
    snprintf(s->detail, sizeof(s->detail), "%s", e->detail);
    json_decref(o);
    return 0;
}

static struct seen events(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    struct seen s = { .events = 0 };

    assert_int_equal(nhi_event_each(l, 0, INT32_MAX, see, &s), NHI_OK);
    nhi_ledger_close(l);
    return s;
}

static off_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : -1;
}

/* ---- one ---- */

static void told_at_once(void **state)
{
    struct nhi_refusal r = refusal(NHI_DENY_EXPIRED, "sshd", "ci-bot", 1);
    struct seen s;

    (void)state;
    snprintf(r.key, sizeof(r.key), "SHA256:abcDEF+/09");
    assert_int_equal(note(&r), 1);
    assert_int_equal(fold_at(NOW + 6), 1);
    s = events();
    assert_int_equal(s.events, 1);
    assert_string_equal(s.last.agent, "ci-bot");
    assert_string_equal(s.last.task, "build-1");
    assert_string_equal(s.last.jti, r.jti);
    assert_string_equal(s.last.account, "ci-bot");
    assert_string_equal(s.last.service, "sshd");
    assert_string_equal(s.last.source, "key");
    assert_string_equal(s.last.from, "192.0.2.7");
    assert_string_equal(s.last.reason, "expired");
    assert_string_equal(s.detail,
                        "{\"count\":1,\"first\":\"2027-01-15T08:00:05Z\",\"last\":\"2027-01-15T08:00:05Z\","
                        "\"from\":[\"192.0.2.7\"],\"key\":\"SHA256:abcDEF+/09\",\"possession\":\"not proven\"}");
    assert_int_equal(fold_at(NOW + 7), 0);
}

/* The account of an agent belongs to that agent, whatever was shown; a person's does not concern us. */
static void whose_account(void **state)
{
    struct nhi_refusal own = refusal(NHI_DENY_NO_TICKET, "cron", "other-bot", 0),
                       person = refusal(NHI_DENY_ISSUER_UNKNOWN, "sshd", "alice", 0);

    (void)state;
    snprintf(person.kid, sizeof(person.kid), "k9");
    assert_int_equal(note(&own), 1);
    assert_int_equal(fold_at(NOW + 6), 1);
    assert_string_equal(events().last.agent, "other-bot");
    assert_string_equal(events().last.source, "");
    assert_int_equal(note(&person), 1);
    assert_int_equal(fold_at(NOW + 6), 1);
    assert_string_equal(events().last.agent, "");
    assert_string_equal(events().last.kid, "");
    assert_non_null(strstr(events().detail, "\"claims_issuer\":\"k9\""));
}

/* What the ledger does not accept is repeated the next time, and what it accepted is not. */
static int no(const struct nhi_refused *all, size_t count, void *ctx)
{
    (void)all;
    *(size_t *)ctx = count;
    return 1;
}

static int into_ledger(const struct nhi_refused *all, size_t count, void *ctx)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_event e = { .at = NOW, .detail = "{\"count\":1}" };
    bool folded = false;

    snprintf(e.kind, sizeof(e.kind), "refused");
    snprintf(e.decision, sizeof(e.decision), "deny");
    memcpy(e.record, all[0].record, sizeof(e.record));
    assert_int_equal(nhi_event_fold(l, &e, false, &folded), NHI_OK);
    state_end(l);
    *(size_t *)ctx = count;
    return 1; /* as if it had been killed before it could record that */
}

static void once(void **state)
{
    struct nhi_refusal r = refusal(NHI_DENY_REVOKED, "sshd", "ci-bot", 1);
    size_t due = 0;

    (void)state;
    (void)note(&r);
    assert_int_equal(nhi_refused_take(NHI_RUN_DIR, NOW + 6, no, &due), NHI_OK);
    assert_int_equal(due, 1);
    assert_int_equal(nhi_refused_take(NHI_RUN_DIR, NOW + 6, into_ledger, &due), NHI_OK);
    assert_int_equal(fold_at(NOW + 6), 0);
    assert_int_equal(events().events, 1);
}

/* ---- many ---- */

static void few_events(void **state)
{
    struct nhi_refusal r = refusal(NHI_DENY_EXPIRED, "sshd", "ci-bot", 1);

    (void)state;
    for (int i = 0; i < FLOOD; i++) {
        r.at = NOW + i * 3599 / FLOOD;
        assert_true((note(&r) == 1) == (i == 0));
        if (i % 50 == 0)
            (void)fold_at(r.at);
    }
    assert_in_range(events().events, 2, 12);
    (void)fold_at(NOW + 3600);
    assert_int_equal(events().count, FLOOD);
    assert_in_range(events().events, 2, 13);
    /* The next hour counts separately. */
    r.at = NOW + 3601;
    assert_int_equal(note(&r), 1);
    assert_int_equal(fold_at(r.at), 1);
}

static void flood_of_strangers(void **state)
{
    const off_t before = size_of(PATH);
    struct nhi_refusal r, mine = refusal(NHI_DENY_EXPIRED, "sshd", "ci-bot", 1),
                          cron = refusal(NHI_DENY_NO_TICKET, "cron", "ci-bot", 0);
    int lines = 0, told;
    char account[24];
    off_t size;

    (void)state;
    assert_int_equal(before, -1);
    for (int i = 0; i < FLOOD; i++) {
        snprintf(account, sizeof(account), "person-%d", i % 1000);
        r = refusal(i % 2 ? NHI_DENY_ISSUER_UNKNOWN : NHI_DENY_SIGNATURE, i % 3 ? "sshd" : "su", account, 0);
        r.at = NOW + i * 3599 / FLOOD;
        lines += note(&r) <= 1;
        if (i == 0)
            size = size_of(PATH);
        if (i % 500 == 0)
            (void)fold_at(r.at);
    }
    assert_int_equal(size_of(PATH), size);
    assert_in_range(lines, 1, STRANGERS_MAX + 1);
    told = events().events;
    assert_in_range(told, STRANGERS_MAX, 6 * STRANGERS_MAX);
    /* None of them took the room of what is known, or of what runs here by itself. */
    mine.at = cron.at = NOW + 3598;
    assert_int_equal(note(&mine), 1);
    assert_int_equal(note(&cron), 1);
    assert_int_equal(fold_at(NOW + 3598), 2);
    assert_int_equal(events().events, told + 2);
}

/* Knowing an agent's public key does not help to spread it over the accounts of the host. */
static void spread_over_accounts(void **state)
{
    struct nhi_refusal r;
    char account[24];
    int lines = 0;

    (void)state;
    for (int i = 0; i < FLOOD; i++) {
        snprintf(account, sizeof(account), "agent-%d", i);
        r = refusal(NHI_DENY_ACCOUNT, "sshd", account, 1);
        lines += note(&r) <= 1;
    }
    assert_int_equal(lines, 1);
    assert_int_equal(fold_at(NOW + 6), 1);
    assert_int_equal(events().count, FLOOD);
}

/* Nor does having a ticket, over accounts and services. */
static void spread_of_a_ticket(void **state)
{
    struct nhi_refusal r;
    char account[24];

    (void)state;
    for (int i = 0; i < FLOOD; i++) {
        snprintf(account, sizeof(account), "agent-%d", i);
        r = refusal(NHI_DENY_REVOKED, i % 3 ? "sshd" : "su", account, 1);
        assert_int_equal(note(&r), i + 1);
    }
    assert_int_equal(fold_at(NOW + 6), 1);
    assert_int_equal(events().count, FLOOD);
    r = refusal(NHI_DENY_REVOKED, "sshd", "ci-bot", 2);
    assert_int_equal(note(&r), 1);
    /* With the same ID, another issuer's ticket is another one. */
    snprintf(r.issuer, sizeof(r.issuer), "k2");
    assert_int_equal(note(&r), 1);
    assert_int_equal(fold_at(NOW + 7), 2);
    assert_string_equal(events().last.kid, "k2");
}

static void every_known_key(void **state)
{
    struct nhi_refusal r;
    int lines = 0;

    (void)state;
    for (unsigned i = 1; i <= 1000; i++) {
        r = refusal(NHI_DENY_EXPIRED, "sshd", "ci-bot", i);
        lines += note(&r) <= 1;
    }
    assert_int_equal(lines, KNOWN_MAX + 1);
    assert_int_equal(fold_at(NOW + 6), KNOWN_MAX);
}

/* ---- damage ---- */

static _Noreturn void note_for_ever(void)
{
    struct nhi_refusal r = refusal(NHI_DENY_SIGNATURE, "sshd", "ci-bot", 0);
    char account[24];

    for (unsigned i = 0;; i++) {
        snprintf(account, sizeof(account), "a%u", i % 50);
        memcpy(r.account, account, sizeof(account));
        (void)note(&r);
    }
}

static void cut_off(int signal)
{
    struct nhi_refusal r = refusal(NHI_DENY_EXPIRED, "sshd", "ci-bot", 1);
    uint64_t mine = 0;

    for (int i = 0; i < 50; i++) {
        pid_t pid;
        int status;

        (void)fflush(stdout);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            note_for_ever();
        (void)usleep((useconds_t)(state_random() % 1000));
        assert_int_equal(kill(pid, signal), 0);
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        (void)alarm(10);
        mine += note(&r) > 0;
        (void)fold_at(NOW + 6);
        (void)alarm(0);
        if (signal == SIGSTOP) {
            assert_int_equal(kill(pid, SIGKILL), 0);
            assert_int_equal(waitpid(pid, &status, 0), pid);
        }
    }
    assert_int_equal(mine, 50);
    (void)fold_at(NOW + 3600);
    assert_true(events().count >= 50);
}

static void killed(void **state)
{
    (void)state;
    cut_off(SIGKILL);
}

static void stopped(void **state)
{
    (void)state;
    cut_off(SIGSTOP);
}

static void hostile_names(void **state)
{
    struct nhi_refusal r = refusal(NHI_DENY_SIGNATURE, "su\n", "a \"b", 0);

    (void)state;
    memcpy(r.from, "fe80::1%\n\"", 11);
    assert_int_equal(note(&r), 1);
    r.reason = (enum nhi_reason)NHI_REASON_COUNT;
    assert_int_equal(note(&r), 0);
    r.reason = NHI_DENY_SIGNATURE;
    r.at = -1;
    assert_int_equal(note(&r), 0);
    assert_int_equal(fold_at(NOW + 6), 1);
    assert_string_equal(events().last.account, "?");
    assert_string_equal(events().last.service, "?");
    assert_string_equal(events().last.from, "");
}

/* Whatever a file of that kind has in it becomes an event that can be read. */
static void rubbish(void **state)
{
    struct nhi_refusal r = refusal(NHI_DENY_EXPIRED, "sshd", "ci-bot", 1);
    size_t size;
    uint8_t *all;

    (void)state;
    assert_int_equal(note(&r), 1);
    size = (size_t)size_of(PATH);
    all = malloc(size);
    assert_non_null(all);
    assert_int_equal(state_slurp(PATH, all, size), size);
    for (int i = 0; i < 20; i++) {
        for (size_t at = 24; at < size; at++)
            if (state_random() % 3 == 0)
                all[at] = (uint8_t)state_random();
        state_spill(PATH, all, size);
        assert_int_equal(chmod(PATH, 0600), 0);
        (void)fold_at(NOW + 6);
        (void)note(&r);
    }
    (void)events();
    free(all);
    state_spill(PATH, "short", 5);
    assert_int_equal(chmod(PATH, 0600), 0);
    assert_int_equal(note(&r), 0);
    assert_int_equal(fold_at(NOW + 6), 0);
    assert_int_equal(note(&r), 1);
}

/* /run is empty after a boot, and refusals are recorded then, too. */
static void no_directory(void **state)
{
    struct nhi_refusal r = refusal(NHI_DENY_UNSUPERVISED, "cron", "ci-bot", 0);

    (void)state;
    (void)note(&r);
    assert_int_equal(nhi_refused_note(EMPTIED, &r), 1);
    assert_int_equal(size_of(EMPTIED "/" NHI_REFUSED_FILE), size_of(PATH));
    assert_int_equal(nhi_refused_note(EMPTIED, &r), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(told_at_once, state_ready),
        cmocka_unit_test_setup(whose_account, state_ready),
        cmocka_unit_test_setup(once, state_ready),
        cmocka_unit_test_setup(few_events, state_ready),
        cmocka_unit_test_setup(flood_of_strangers, state_ready),
        cmocka_unit_test_setup(spread_over_accounts, state_ready),
        cmocka_unit_test_setup(every_known_key, state_ready),
        cmocka_unit_test_setup(spread_of_a_ticket, state_ready),
        cmocka_unit_test_setup(killed, state_ready),
        cmocka_unit_test_setup(stopped, state_ready),
        cmocka_unit_test_setup(hostile_names, state_ready),
        cmocka_unit_test_setup(rubbish, state_ready),
        cmocka_unit_test_setup(no_directory, state_ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("refused", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * Out of memory, at each allocation in turn: of our own, of jansson's and of SQLite's. An answer is complete and right,
 * or it is an error and nothing was written; nothing leaks; no revocation is missed.
 *
 * Linked with wraps for malloc and similar functions. Each case runs twice for each k: only the kth allocation fails,
 * or all from the kth on.
 * Invariants: 1, 6.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/check/check.h"
#include "libnhi/grant/grant_record.h"
#include "libnhi/grant/record_bytes.h"
#include "libnhi/key/paserk.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/policy/decide.h"
#include "libnhi/reserve/reserve_write.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_find.h"
#include "tests/lib/asked.h"
#include "tests/lib/state.h"

/* ---- allocations that fail ---- */

static long at = -1, count, live; /* at: which allocation fails, counted from 0; -1: none */
static bool from_there_on;

static bool fails(void)
{
    long n = count++;

    return at >= 0 && (from_there_on ? n >= at : n == at);
}

static void *counted(void *p)
{
    live += p != NULL;
    return p;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_realpath(const char *path, char *out);
ssize_t __real___getdelim(char **line, size_t *room, int delimiter, FILE *f);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_realpath(const char *path, char *out);
ssize_t __wrap___getdelim(char **line, size_t *room, int delimiter, FILE *f);
ssize_t __wrap_getline(char **line, size_t *room, FILE *f);
void __wrap_free(void *p);

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : counted(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : p == NULL ? counted(__real_realloc(p, n)) : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    if (fails())
        return NULL;
    return p == NULL ? counted(__real_reallocarray(p, n, size)) : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
    return fails() ? NULL : counted(__real_strdup(s));
}

char *__wrap_realpath(const char *path, char *out)
{
    if (out == NULL && fails()) {
        errno = ENOMEM;
        return NULL;
    }
    return out == NULL ? counted(__real_realpath(path, out)) : __real_realpath(path, out);
}

/* free also gets what libc allocates by itself. */
ssize_t __wrap___getdelim(char **line, size_t *room, int delimiter, FILE *f)
{
    bool had = *line != NULL;
    ssize_t len;

    if (fails()) {
        errno = ENOMEM;
        return -1;
    }
    len = __real___getdelim(line, room, delimiter, f);
    if (!had)
        (void)counted(*line);
    return len;
}

/* The compiler may use either. */
ssize_t __wrap_getline(char **line, size_t *room, FILE *f)
{
    return __wrap___getdelim(line, room, '\n', f);
}

void __wrap_free(void *p)
{
    live -= p != NULL;
    __real_free(p);
}

static sqlite3_mem_methods plain; /* SQLite's own functions, under ours */

static void *sql_malloc(int n)
{
    return fails() ? NULL : plain.xMalloc(n);
}

static void *sql_realloc(void *p, int n)
{
    return fails() ? NULL : plain.xRealloc(p, n);
}

static int setup(void **state)
{
    sqlite3_mem_methods m;

    (void)state;
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain) != SQLITE_OK)
        return -1;
    m = plain;
    m.xMalloc = sql_malloc;
    m.xRealloc = sql_realloc;
    /* No lookaside: small allocations are allocations, too. */
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &m) != SQLITE_OK ||
           sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK || sqlite3_initialize() != SQLITE_OK;
}

/* Calls fn with each allocation failing in turn until none fails any more, or with every seventh of them unless DEPTH
 * demands all. fn checks its result and returns whether it was a success; one success ends the loop, and at least
 * failures must have come before it. */
static void each_allocation(bool (*fn)(void), long failures)
{
    const long step = getenv("DEPTH") != NULL ? 1 : 7;

    for (int mode = 0; mode < 2; mode++) {
        long k, refused = 0;
        bool reached = true, ok = false;

        from_there_on = mode == 1;
        for (k = 0; reached; k += step) {
            long before = live;
            sqlite3_int64 sql = sqlite3_memory_used();

            count = 0;
            at = k;
            ok = fn();
            at = -1;
            reached = count > k;
            refused += !ok;
            if (live != before || sqlite3_memory_used() != sql)
                print_error("allocation %ld leaks: %ld, %lld\n", k, live - before,
                            (long long)(sqlite3_memory_used() - sql));
            assert_true(live == before && sqlite3_memory_used() == sql);
        }
        assert_true(ok);
        assert_true(refused * step >= failures);
    }
}

/* It asks for no memory: the callers of su and sudo choose how much is left. */
static void without_memory(bool (*fn)(void))
{
    long before = live;

    from_there_on = true;
    count = at = 0;
    assert_true(fn());
    at = -1;
    assert_true(live == before);
}

/* Checks that need all allocations to work. */
static void whole_again(void)
{
    at = -1;
}

/* ---- the ledger ---- */

static struct nhi_ticket asked;
static enum nhi_reason right; /* the decision with enough memory */

static enum nhi_reason decide(const struct nhi_facts *f)
{
    struct nhi_request q = { .now = STATE_NOW,
                             .service = "sshd",
                             .subject = "deploy",
                             .subject_uid = 1002,
                             .source = NHI_FROM_PROMPT,
                             .place = "192.0.2.1",
                             .remote = true,
                             .ticket = &asked };

    return nhi_decide(&q, f).reason;
}

/* From opening to the decision, as pam_nhi does it. */
static bool ask_the_ledger(void)
{
    struct nhi_facts f, before;
    struct nhi_ledger *l = NULL;
    enum nhi_err err;
    bool known;

    memset(&before, 7, sizeof(before));
    memcpy(&f, &before, sizeof(f));
    err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l);
    if (err == NHI_OK)
        err = nhi_ledger_begin(l, STATE_NOW);
    if (err == NHI_OK)
        err = ask_facts(l, &asked, &f);
    known = err == NHI_OK;
    if (known)
        err = nhi_sql_rules(l, asked.agent, STATE_NOW, &f);
    nhi_ledger_close(l);
    whole_again();
    if (err != NHI_OK && known)
        assert_true(f.rules == NULL && f.rule_count == 0);
    else if (err != NHI_OK)
        assert_memory_equal(&f, &before, sizeof(f));
    if (err != NHI_OK)
        return false;
    assert_int_equal(decide(&f), right);
    assert_int_equal(f.rule_count, 20);
    nhi_facts_free(&f);
    return true;
}

/* Twenty rules for ci-bot, so that the list grows more than once; the last one may forbid. */
static void rules(struct nhi_ledger *l, bool forbid)
{
    struct nhi_rule r[20];

    memset(r, 0, sizeof(r));
    for (size_t i = 0; i < 20; i++) {
        snprintf(r[i].name, sizeof(r[i].name), "rule-%02zu", i);
        memcpy(r[i].agents, "ci-bot", 7);
        memcpy(r[i].accounts, "deploy", 7);
        memcpy(r[i].services, "sshd", 5);
    }
    r[19].forbid = forbid;
    assert_int_equal(nhi_policy_replace(l, r, 20, STATE_HASH, STATE_NOW), NHI_OK);
}

/* Ticket 3, child of 2, child of 1. */
static void lineage(struct nhi_ledger *l)
{
    for (unsigned n = 1; n <= 3; n++) {
        asked = state_ticket(n);
        if (n > 1)
            state_jti(n - 1, asked.parent);
        assert_int_equal(nhi_ticket_record(l, &asked, NHI_ORIGIN_ISSUED, STATE_NOW), NHI_OK);
    }
}

static void ledger_with_rules(struct nhi_ledger *l, bool forbid, enum nhi_revoke_kind revoked, const char *id)
{
    rules(l, forbid);
    if (id != NULL)
        assert_int_equal(nhi_revoke(l, revoked, id, "", STATE_NOW, NULL), NHI_OK);
    state_end(l);
    each_allocation(ask_the_ledger, 100);
}

static void ledger_with(bool forbid, enum nhi_revoke_kind revoked, const char *id)
{
    struct nhi_ledger *l = state_begin();

    lineage(l);
    ledger_with_rules(l, forbid, revoked, id);
}

static void facts_permit(void **state)
{
    (void)state;
    right = NHI_PERMIT;
    ledger_with(false, NHI_REVOKE_TICKET, NULL);
}

static void facts_forbidden(void **state)
{
    (void)state;
    right = NHI_DENY_FORBIDDEN;
    ledger_with(true, NHI_REVOKE_TICKET, NULL);
}

static void facts_revoked(void **state)
{
    static const struct {
        enum nhi_revoke_kind kind;
        const char *id;
        enum nhi_reason reason;
    } by[] = { { NHI_REVOKE_TICKET, "000000000000000000003A", NHI_DENY_REVOKED },
               { NHI_REVOKE_TICKET, "000000000000000000001A", NHI_DENY_REVOKED },
               { NHI_REVOKE_TASK, "build-1", NHI_DENY_REVOKED },
               { NHI_REVOKE_AGENT, "ci-bot", NHI_DENY_REVOKED },
               { NHI_REVOKE_ISSUER, "k1", NHI_DENY_ISSUER_REVOKED } };

    (void)state;
    for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
        (void)state_ready(NULL);
        right = by[i].reason;
        ledger_with(false, by[i].kind, by[i].id);
    }
}

/* Ticket 4 renews 1, at once. */
static void facts_renewed(void **state)
{
    static const struct {
        unsigned shown;
        const char *revoked;
        enum nhi_reason reason;
    } of[] = { { 1, NULL, NHI_DENY_SUPERSEDED },
               { 4, NULL, NHI_PERMIT },
               { 4, "000000000000000000001A", NHI_DENY_REVOKED } };
    struct nhi_ticket_row old;

    (void)state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        struct nhi_ticket t = state_ticket(4);
        struct nhi_ledger *l;

        (void)state_ready(NULL);
        l = state_begin();
        lineage(l);
        assert_int_equal(nhi_ticket_get(l, "000000000000000000001A", &old), NHI_OK);
        assert_int_equal(nhi_ticket_renew(l, &old, &t, true, STATE_NOW), NHI_OK);
        asked = of[i].shown == 4 ? t : old.ticket;
        right = of[i].reason;
        ledger_with_rules(l, false, NHI_REVOKE_TICKET, of[i].revoked);
    }
}

static void facts_of_a_tree(void **state)
{
    struct nhi_ledger *l = state_begin();

    (void)state;
    asked = state_ticket(1);
    assert_int_equal(nhi_ticket_record(l, &asked, NHI_ORIGIN_ISSUED, STATE_NOW), NHI_OK);
    assert_int_equal(nhi_ticket_bind_tree(l, &asked, "p-boot-1-1", false), NHI_OK);
    right = NHI_DENY_TREE;
    ledger_with_rules(l, false, NHI_REVOKE_TICKET, NULL);
}

static bool load_policy(void)
{
    struct nhi_rule *r = NULL;
    struct nhi_ledger *l = NULL;
    size_t n = 77, i;
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l);

    if (err == NHI_OK)
        err = nhi_policy_load(l, 0, STATE_NOW, &r, &n);
    nhi_ledger_close(l);
    whole_again();
    if (err != NHI_OK) {
        assert_null(r);
        assert_int_equal(n, 77);
        return false;
    }
    assert_int_equal(n, 20);
    for (i = 0; i < n; i++)
        assert_true(r[i].forbid == (i == 19) && strcmp(r[i].agents, "ci-bot") == 0);
    free(r);
    return true;
}

static void policy(void **state)
{
    struct nhi_ledger *l = state_begin();

    (void)state;
    rules(l, true);
    state_end(l);
    each_allocation(load_policy, 100);
}

static bool find_ticket(void)
{
    struct nhi_ledger *l = NULL;
    struct nhi_ticket t;
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l);

    if (err == NHI_OK)
        err = ask_ticket_for(l, "deploy", "sshd", STATE_NOW, &t);
    nhi_ledger_close(l);
    whole_again();
    /* Two tickets match: neither may look like the only one, nor may it look as if there were none. */
    assert_true(err != NHI_OK && err != NHI_ERR_NOT_FOUND);
    return err == NHI_ERR_EXISTS;
}

static void two_tickets_fit(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1);

    (void)state;
    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, STATE_NOW), NHI_OK);
    t = state_ticket(2);
    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, STATE_NOW), NHI_OK);
    state_end(l);
    each_allocation(find_ticket, 100);
}

static unsigned next_task;

/* A writer: a commit that is reported exists, one that failed does not. */
static bool open_task(void)
{
    struct nhi_task t = { .agent = "ci-bot", .deadline = STATE_NOW + 100 }, got;
    struct nhi_ledger *l = NULL;
    enum nhi_err err, after;

    snprintf(t.id, sizeof(t.id), "task-%u", next_task++);
    err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_WRITE, &l);
    if (err == NHI_OK)
        err = nhi_ledger_begin(l, STATE_NOW);
    if (err == NHI_OK)
        err = nhi_task_open(l, &t, STATE_NOW);
    if (err == NHI_OK)
        err = nhi_ledger_commit(l);
    nhi_ledger_close(l);
    whole_again();
    l = state_open(NHI_LEDGER_READ);
    after = nhi_task_get(l, t.id, &got);
    nhi_ledger_close(l);
    assert_int_equal(after, err == NHI_OK ? NHI_OK : NHI_ERR_NOT_FOUND);
    return err == NHI_OK;
}

static void writer(void **state)
{
    (void)state;
    each_allocation(open_task, 100);
}

/* ---- grants ---- */

static struct nhi_grant granted;
static char *text;

static bool commit(void)
{
    enum nhi_err err = nhi_grant_commit(NHI_STATE_DIR, &granted);
    struct nhi_grant got;
    char buf[8192];

    whole_again();
    assert_int_equal(state_count(STATE_GRANTS, NULL), err == NHI_OK);
    if (err == NHI_OK) {
        char name[128];

        snprintf(name, sizeof(name), STATE_GRANTS "/g-%s", granted.id);
        assert_int_equal(nhi_record_decode(buf, state_slurp(name, buf, sizeof(buf)), &got), NHI_OK);
        assert_string_equal(got.ticket.jti, granted.ticket.jti);
        assert_int_equal(unlink(name), 0);
    }
    return err == NHI_OK;
}

static void grant_commit(void **state)
{
    (void)state;
    granted = state_grant(1, 1);
    without_memory(commit);
}

/* A first use leaves its pins and its grant. */
static bool pin(void)
{
    enum nhi_err err = nhi_grant_commit(NHI_STATE_DIR, &granted);
    char name[128], of[NHI_GRANT_NAME_LEN + 1], place[NHI_PLACE_MAX + 1];
    int pinned;

    whole_again();
    nhi_grant_name(granted.ticket.kid, granted.ticket.jti, of);
    pinned = state_count(STATE_GRANTS, "i-");
    assert_int_equal(state_count(STATE_GRANTS, "g-"), err == NHI_OK);
    assert_int_equal(pinned, err == NHI_OK ? 2 : 0);
    if (pinned == 2) {
        assert_int_equal(nhi_grant_pinned(NHI_STATE_DIR, "k1", granted.ticket.jti, NHI_PIN_REMOTE, place), NHI_OK);
        assert_string_equal(place, granted.place);
        snprintf(name, sizeof(name), STATE_GRANTS "/i-%s-r", of);
        assert_int_equal(unlink(name), 0);
    }
    snprintf(name, sizeof(name), STATE_GRANTS "/i-%s-l", of);
    assert_true(unlink(name) == 0 || pinned == 0);
    snprintf(name, sizeof(name), STATE_GRANTS "/g-%s", granted.id);
    (void)unlink(name);
    return err == NHI_OK;
}

/* From another place: refused for that reason. */
static bool use_elsewhere(void)
{
    enum nhi_err err = nhi_grant_commit(NHI_STATE_DIR, &granted);

    whole_again();
    assert_int_not_equal(err, NHI_OK);
    assert_int_equal(state_count(STATE_GRANTS, "g-"), 1);
    return err == NHI_ERR_STATE;
}

static void grant_pinned(void **state)
{
    (void)state;
    granted = state_grant(1, 1);
    granted.pin = NHI_PIN_REMOTE;
    memcpy(granted.place, "192.0.2.1", 10);
    without_memory(pin);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &granted), NHI_OK);
    granted = state_grant(1, 2);
    granted.pin = NHI_PIN_REMOTE;
    memcpy(granted.place, "192.0.2.9", 10);
    without_memory(use_elsewhere);
}

static bool decode(void)
{
    struct nhi_grant got, before;
    enum nhi_err err;

    memset(&before, 7, sizeof(before));
    memcpy(&got, &before, sizeof(got));
    err = nhi_grant_decode(text, strlen(text), &got);
    whole_again();
    if (err != NHI_OK) {
        assert_memory_equal(&got, &before, sizeof(got));
        return false;
    }
    assert_memory_equal(&got, &granted, sizeof(got));
    return true;
}

static void grant_decode(void **state)
{
    struct nhi_grant g = state_grant(1, 1);

    (void)state;
    assert_int_equal(nhi_grant_encode(&g, &text), NHI_OK);
    /* Through the text, so that the bytes between fields are those of the decoder. */
    assert_int_equal(nhi_grant_decode(text, strlen(text), &granted), NHI_OK);
    each_allocation(decode, 20);
    free(text);
}

/* ---- sessions ---- */

/* Inside a session: found. */
static bool find_session(void)
{
    struct nhi_grant g;
    enum nhi_err err = nhi_session_find(NHI_RUN_DIR, getpid(), &g);

    whole_again();
    assert_int_not_equal(err, NHI_ERR_NOT_FOUND);
    return err == NHI_OK;
}

static void session_find(void **state)
{
    struct nhi_grant g = state_grant(1, 1);

    (void)state;
    assert_int_equal(nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &g, NHI_OF_TREE, 0), NHI_OK);
    without_memory(find_session);
}

/* ---- tickets ---- */

static uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];
static struct nhi_ticket minted;

static bool verify(void)
{
    struct nhi_ticket got, before;
    enum nhi_err err;

    memset(&before, 7, sizeof(before));
    memcpy(&got, &before, sizeof(got));
    err = nhi_ticket_verify(text, strlen(text), pk, &got);
    whole_again();
    if (err != NHI_OK) {
        assert_memory_equal(&got, &before, sizeof(got));
        return false;
    }
    assert_string_equal(got.jti, minted.jti);
    assert_string_equal(got.accounts, minted.accounts);
    assert_int_equal(got.uses, minted.uses);
    return true;
}

static void ticket_verify(void **state)
{
    (void)state;
    minted = state_ticket(1);
    minted.uses = 3;
    assert_int_equal(nhi_key_generate(pk, sk), NHI_OK);
    assert_int_equal(nhi_ticket_mint(&minted, sk, &text), NHI_OK);
    each_allocation(verify, 3);
    nhi_text_free(text);
}

static int unseen;

/* A ticket that cannot be verified now is not a wrong one. */
static bool check_shown(void)
{
    const struct nhi_shown what = { .asked = { .source = NHI_FROM_PROMPT, .service = "sshd", .subject = "ci-bot" },
                                    .text = text };
    struct nhi_verdict v;

    nhi_check(&what, &v);
    whole_again();
    assert_int_not_equal(v.reason, NHI_PERMIT);
    assert_int_not_equal(v.reason, NHI_DENY_SIGNATURE);
    assert_int_not_equal(v.reason, NHI_DENY_ISSUER_UNKNOWN);
    unseen += v.reason == NHI_DENY_INTERNAL && !v.verified && v.kid[0] != '\0';
    assert_int_not_equal(v.reason, NHI_DENY_MALFORMED);
    return v.verified;
}

static void ticket_shown(void **state)
{
    struct nhi_issuer i = {
        .kid = "k2", .own = true, .max_ttl = 86400, .agents = "*", .accounts = "*", .services = "*"
    };
    struct nhi_ledger *l = state_begin();

    (void)state;
    minted = state_ticket(1);
    snprintf(minted.kid, sizeof(minted.kid), "%s", i.kid);
    assert_int_equal(nhi_key_generate(pk, sk), NHI_OK);
    memcpy(i.pk, pk, sizeof(i.pk));
    assert_int_equal(nhi_issuer_add(l, &i, STATE_NOW), NHI_OK);
    state_end(l);
    assert_int_equal(nhi_reserve_create(NHI_STATE_DIR), NHI_OK);
    assert_int_equal(nhi_ticket_mint(&minted, sk, &text), NHI_OK);
    each_allocation(check_shown, 10);
    assert_true(unseen > 0 || getenv("DEPTH") == NULL); /* a sample may have none */
    nhi_text_free(text);
}

static bool verify_damaged(void)
{
    struct nhi_ticket got;
    enum nhi_err err = nhi_ticket_verify(text, strlen(text), pk, &got);

    whole_again();
    assert_int_not_equal(err, NHI_OK);
    return err == NHI_ERR_SIGNATURE;
}

static void ticket_of_another_key(void **state)
{
    (void)state;
    minted = state_ticket(1);
    assert_int_equal(nhi_key_generate(pk, sk), NHI_OK);
    assert_int_equal(nhi_ticket_mint(&minted, sk, &text), NHI_OK);
    assert_int_equal(nhi_key_generate(pk, sk), NHI_OK);
    each_allocation(verify_damaged, 1);
    nhi_text_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ticket_shown, state_ready),
        cmocka_unit_test_setup(facts_permit, state_ready),
        cmocka_unit_test_setup(facts_forbidden, state_ready),
        cmocka_unit_test_setup(facts_revoked, state_ready),
        cmocka_unit_test_setup(facts_renewed, state_ready),
        cmocka_unit_test_setup(facts_of_a_tree, state_ready),
        cmocka_unit_test_setup(policy, state_ready),
        cmocka_unit_test_setup(two_tickets_fit, state_ready),
        cmocka_unit_test_setup(writer, state_ready),
        cmocka_unit_test_setup(grant_commit, state_empty),
        cmocka_unit_test_setup(grant_pinned, state_empty),
        cmocka_unit_test_setup(grant_decode, state_empty),
        cmocka_unit_test_setup(session_find, state_empty),
        cmocka_unit_test(ticket_verify),
        cmocka_unit_test(ticket_of_another_key),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("fault_alloc", tests, setup, NULL);
}

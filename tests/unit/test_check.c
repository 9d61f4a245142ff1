/* SPDX-License-Identifier: ISC */
/*
 * The subject of a decision, over the files of a host: which ticket, whose key, and how much was given already.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/last_seen.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/check/check.h"
#include "libnhi/check/gather.h"
#include "libnhi/check/key_bound.h"
#include "libnhi/check/privileged.h"
#include "libnhi/key/paserk.h"
#include "libnhi/ledger/ledger_fact.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_list.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_write.h"
#include "tests/lib/calls.h"

#define CI_BOT .service = "sshd", .subject = "ci-bot", .subject_uid = WORLD_AGENT_UID, .subject_in_range = true
static uint8_t key[NHI_PK_LEN], other_key[NHI_PK_LEN];

/* Recorded, and bound to key. */
static struct nhi_ticket bound(void)
{
    struct nhi_ticket t = world_ticket();

    t.has_cnf = true;
    memcpy(t.cnf, key, sizeof(key));
    record(&t);
    return t;
}

static struct nhi_verdict shown_key(const uint8_t *k, bool *known)
{
    const struct nhi_shown what = { .asked = { CI_BOT, .source = NHI_FROM_KEY, .from_unknown = true, .key = k } };
    struct nhi_verdict v;

    nhi_check(&what, &v);
    if (v.reason != NHI_PERMIT)
        nhi_check_refused(&what, &v, known);
    return v;
}

/* For a key that opens nothing, its owner and the reason are found. */
static void keys_that_are_refused(void **state)
{
    struct nhi_ticket t = bound();
    struct nhi_verdict v;
    bool known = false;

    (void)state;
    v = shown_key(key, &known);
    assert_int_equal(v.reason, NHI_PERMIT);
    assert_string_equal(v.ticket.jti, t.jti);
    v = shown_key(other_key, &known);
    assert_int_equal(v.reason, NHI_DENY_NO_TICKET);
    assert_false(known);
    assert_false(v.verified);
    revoke_task();
    v = shown_key(key, &known);
    assert_int_equal(v.reason, NHI_DENY_REVOKED);
    assert_true(known);
    assert_true(v.verified);
    assert_string_equal(v.ticket.jti, t.jti);
}

/* For any bound key: a rule about the source of a login denies nobody before sshd has reported the source. */
static void any_key(void **state)
{
    const struct nhi_request ci_bot = { CI_BOT };
    struct nhi_rule rule = { .name = "near", .agents = "*", .accounts = "*", .services = "sshd" };
    struct nhi_ticket t = bound();
    struct nhi_ledger *l;
    struct nhi_verdict v;

    (void)state;
    world_sql(WORLD_OWN); /* no other issuer's ticket may come that is not known yet */
    assert_int_equal(nhi_net_parse("192.0.2.0/24", &rule.nets[rule.net_count++]), NHI_OK);
    l = world_ledger();
    assert_int_equal(nhi_policy_replace(l, &rule, 1, "00000000000000000000000000000000", time(NULL)), NHI_OK);
    world_commit(l);
    nhi_check_any_key(&ci_bot, &v);
    assert_int_equal(v.reason, NHI_PERMIT);
    assert_string_equal(v.ticket.jti, t.jti);
}

/* The first one that would be permitted is enough, whatever the result for others. */
static void one_key_of_several(void **state)
{
    const struct nhi_request ci_bot = { CI_BOT };

    (void)state;
    for (int denied = 0; denied < 2; denied++) {
        struct nhi_task task = { .id = "build-2", .agent = "other-bot", .deadline = time(NULL) + 3600 };
        struct nhi_ticket t[2];
        struct nhi_ledger *l;
        struct nhi_verdict v;

        world_reset();
        world_sql(WORLD_OWN);
        l = world_ledger();
        assert_int_equal(nhi_task_open(l, &task, time(NULL)), NHI_OK);
        world_commit(l);
        for (int i = 0; i < 2; i++) {
            t[i] = world_ticket();
            t[i].has_cnf = true;
            memcpy(t[i].cnf, i == 0 ? key : other_key, sizeof(key));
            if (i == denied) {
                snprintf(t[i].agent, sizeof(t[i].agent), "other-bot");
                snprintf(t[i].task, sizeof(t[i].task), "build-2");
            }
            record(&t[i]);
        }
        nhi_check_any_key(&ci_bot, &v);
        assert_int_equal(v.reason, NHI_PERMIT);
        assert_string_equal(v.ticket.jti, t[!denied].jti);
    }
}

/* A result stays, unless it is an end: about that, the last ticket of the key may know more. */
static void refusals_that_are_known(void **state)
{
    const struct nhi_shown what = { .asked = { CI_BOT, .source = NHI_FROM_KEY, .key = key } };
    const struct nhi_shown text = { .asked = { CI_BOT, .source = NHI_FROM_KEY, .key = key }, .text = "v4.public.x" };
    static const enum nhi_reason dead[] = { NHI_DENY_REVOKED, NHI_DENY_EPOCH, NHI_DENY_TASK_CLOSED, NHI_DENY_TASK_ENDED,
                                            NHI_DENY_SUPERSEDED };
    struct nhi_ticket t = bound();
    bool known = false;

    (void)state;
    for (size_t i = 0; i < sizeof(dead) / sizeof(dead[0]) + 2; i++) {
        struct nhi_verdict v = { .reason = i < 5 ? dead[i] : NHI_DENY_POLICY, .verified = true };

        /* That one lives: it does not concern the one that is refused. */
        nhi_check_refused(i == 6 ? &text : &what, &v, &known);
        assert_true(known);
        assert_int_equal(v.reason, i < 5 ? dead[i] : NHI_DENY_POLICY);
        assert_string_equal(v.ticket.jti, "");
    }
    world_sql("UPDATE task SET state = 2");
    for (size_t i = 0; i < sizeof(dead) / sizeof(dead[0]) + 2; i++) {
        struct nhi_verdict v = { .reason = i < 5 ? dead[i] : NHI_DENY_POLICY, .verified = true };

        nhi_check_refused(i == 6 ? &text : &what, &v, &known);
        assert_true(known);
        assert_int_equal(v.reason, i < 5 ? NHI_DENY_TASK_CLOSED : NHI_DENY_POLICY);
        assert_string_equal(v.ticket.jti, i < 5 ? t.jti : "");
    }
}

/* If a key was bound for other accounts, that is the reason. */
static void key_of_another_account(void **state)
{
    const struct nhi_shown what = { .asked = { .service = "sshd",
                                               .subject = "alice",
                                               .subject_uid = WORLD_ALICE_UID,
                                               .source = NHI_FROM_KEY,
                                               .key = key } };
    struct nhi_ticket t = bound();
    struct nhi_verdict v;
    bool known = false;

    (void)state;
    nhi_check(&what, &v);
    assert_int_equal(v.reason, NHI_DENY_NO_TICKET);
    nhi_check_refused(&what, &v, &known);
    assert_int_equal(v.reason, NHI_DENY_ACCOUNT);
    assert_string_equal(v.ticket.jti, t.jti);
    assert_true(known);
}

static void keys_of_agents(void **state)
{
    int fd;

    (void)state;
    assert_int_equal(nhi_key_was_bound(key, "ci-bot"), NHI_ERR_NOT_FOUND);
    (void)bound();
    assert_int_equal(nhi_key_was_bound(key, "ci-bot"), NHI_OK);
    assert_int_equal(nhi_key_was_bound(key, "alice"), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_key_was_bound(other_key, "ci-bot"), NHI_ERR_NOT_FOUND);
    revoke_task();
    assert_int_equal(nhi_key_was_bound(key, "ci-bot"), NHI_OK);
    /* What cannot be read is not a "no". */
    fd = open(NHI_RUN_DIR "/" NHI_STATE_FILE, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "no state", 8), 8);
    close(fd);
    assert_int_equal(nhi_key_was_bound(key, "ci-bot"), NHI_OK);
    assert_int_not_equal(nhi_key_was_bound(other_key, "ci-bot"), NHI_ERR_NOT_FOUND);
    assert_int_equal(unlink(NHI_RUN_DIR "/" NHI_STATE_FILE), 0);
    assert_int_equal(nhi_key_was_bound(other_key, "ci-bot"), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_key_was_bound(key, "ci-bot"), NHI_OK);
    assert_int_equal(nhi_key_was_bound(key, "alice"), NHI_ERR_NOT_FOUND);
    assert_int_equal(chmod(NHI_STATE_DIR "/" NHI_GRANTS_DIR, 0777), 0);
    assert_int_not_equal(nhi_key_was_bound(other_key, "ci-bot"), NHI_ERR_NOT_FOUND);
}

/* As many as the reserve has places for, with names that fit. */
static void revoked_in_a_moment(void **state)
{
    struct nhi_moment *m = nhi_moment_begin();
    char id[NHI_TASK_MAX + 2];

    (void)state;
    assert_non_null(m);
    memset(id, 'x', sizeof(id));
    id[sizeof(id) - 1] = '\0';
    assert_int_equal(nhi_moment_revoke(m, NHI_REVOKE_TASK, id), NHI_ERR_TOO_LONG);
    id[sizeof(id) - 2] = '\0';
    for (int i = 0; i < NHI_RESERVE_SLOTS; i++)
        assert_int_equal(nhi_moment_revoke(m, NHI_REVOKE_TASK, id), NHI_OK);
    assert_int_equal(nhi_moment_revoke(m, NHI_REVOKE_TASK, "build-1"), NHI_ERR_FULL);
    nhi_moment_end(m);
}

static enum nhi_reason granted(const struct nhi_ticket *t, char *jti)
{
    const struct nhi_shown what = { .asked = { CI_BOT, .source = NHI_FROM_SESSION, .ticket = t, .granted = true,
                                               .registered = true } };
    struct nhi_verdict v;

    nhi_check(&what, &v);
    assert_true(v.verified);
    memcpy(jti, v.ticket.jti, sizeof(v.ticket.jti));
    return v.reason;
}

/* A session continues with the ticket that renewed its own once that has ended or is superseded, and not before. */
static void renewed(void **state)
{
    struct nhi_ticket old = world_ticket(), t = old;
    struct nhi_ticket_row row;
    struct nhi_ledger *l;
    char jti[NHI_JTI_LEN + 1];

    (void)state;
    record(&old);
    assert_int_equal(granted(&old, jti), NHI_PERMIT);
    l = world_ledger();
    assert_int_equal(nhi_ticket_get(l, old.jti, &row), NHI_OK);
    assert_int_equal(nhi_id_new(t.jti), NHI_OK);
    t.exp += 60;
    assert_int_equal(nhi_ticket_renew(l, &row, &t, false, time(NULL)), NHI_OK);
    world_commit(l);
    assert_int_equal(granted(&old, jti), NHI_PERMIT);
    assert_string_equal(jti, old.jti);
    l = world_ledger();
    assert_int_equal(nhi_ticket_supersede(l, old.jti), NHI_OK);
    world_commit(l);
    assert_int_equal(granted(&old, jti), NHI_PERMIT);
    assert_string_equal(jti, t.jti);
    /* A ticket that this ledger never saw stays what it is. */
    old = world_ticket();
    assert_int_equal(granted(&old, jti), NHI_PERMIT);
    assert_string_equal(jti, old.jti);
}

/* An account that does not exist, and one whose groups cannot be read. */
static void accounts_that_are_not_known(void **state)
{
    struct nhi_ticket t = world_ticket();
    struct nhi_shown what = { .asked = { .service = "sshd",
                                         .subject = "ghost",
                                         .subject_uid = 4711,
                                         .source = NHI_FROM_SESSION,
                                         .ticket = &t,
                                         .granted = true } };
    struct nhi_verdict v;

    (void)state;
    nhi_check(&what, &v);
    assert_int_equal(v.reason, NHI_DENY_SUBJECT);
    assert_string_equal(v.message, "");
    what.asked.subject = "deploy";
    what.asked.subject_uid = WORLD_DEPLOY_UID;
    nhi_check(&what, &v);
    assert_int_equal(v.reason, NHI_PERMIT);
    assert_int_equal(rename("/etc/group", "/etc/had"), 0);
    assert_int_equal(mkdir("/etc/group", 0755), 0);
    nhi_check(&what, &v);
    assert_int_equal(v.reason, NHI_DENY_GROUPS);
    assert_memory_equal(v.message, "account deploy: ", 16);
    assert_int_equal(rmdir("/etc/group"), 0);
    assert_int_equal(rename("/etc/had", "/etc/group"), 0);
}

static void over_ledger(const struct nhi_shown *what, struct nhi_verdict *v)
{
    struct nhi_ledger *l = NULL;
    struct nhi_moment *m;

    assert_int_equal(nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l), NHI_OK);
    assert_int_equal(nhi_ledger_begin(l, time(NULL)), NHI_OK);
    m = nhi_moment_over(nhi_ledger_source(l), NHI_FIT_HERE, time(NULL));
    assert_non_null(m);
    nhi_check_at(m, what, v);
    nhi_moment_end(m);
    nhi_ledger_close(l);
}

/* Without publishing that. */
static void break_ledger(const char *sql)
{
    struct nhi_ledger *l = NULL;

    assert_int_equal(nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_WRITE, &l), NHI_OK);
    assert_int_equal(nhi_ledger_begin(l, time(NULL)), NHI_OK);
    assert_int_equal(nhi_sql_run(l, NULL, sql, ""), NHI_OK);
    assert_int_equal(nhi_ledger_commit(l), NHI_OK);
    nhi_ledger_close(l);
}

/* If a part of the ledger is missing, it gives no answer, and reports that. */
static void torn_ledger(void **state)
{
    static const char *const parts[] = { "issuer", "ticket", "agent", "task", "rule_index" };

    (void)state;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct nhi_shown what = { .asked = { CI_BOT, .source = NHI_FROM_LEDGER } };
        struct nhi_shown shown = { .asked = { CI_BOT, .source = NHI_FROM_PROMPT } };
        struct nhi_ticket t;
        struct nhi_verdict v;
        char sql[80], *text;

        world_reset();
        t = world_ticket();
        record(&t);
        over_ledger(&what, &v);
        assert_int_equal(v.reason, NHI_PERMIT);
        snprintf(sql, sizeof(sql), "ALTER TABLE %s RENAME TO gone", parts[i]);
        break_ledger(sql);
        over_ledger(&what, &v);
        assert_int_equal(v.reason, NHI_DENY_LEDGER);
        assert_non_null(strstr(v.message, "no such table"));
        if (i == 0) {
            text = world_mint(&t);
            shown.text = text;
            over_ledger(&shown, &v);
            assert_int_equal(v.reason, NHI_DENY_LEDGER);
            assert_false(v.verified);
            nhi_text_free(text);
        }
        /* What was published does not change by that. */
        nhi_check(&what, &v);
        assert_int_equal(v.reason, NHI_PERMIT);
    }
}

/* Signed by a key that is not known on this host: only the key's name is reported, and nothing of the text is believed.
 */
static void unknown_issuer(void **state)
{
    struct nhi_ticket t = world_ticket();
    struct nhi_shown shown = { .asked = { CI_BOT, .source = NHI_FROM_PROMPT } };
    struct nhi_verdict v;
    char *text;

    (void)state;
    snprintf(t.kid, sizeof(t.kid), "strange");
    text = world_mint(&t);
    shown.text = text;
    nhi_check(&shown, &v);
    assert_int_equal(v.reason, NHI_DENY_ISSUER_UNKNOWN);
    assert_string_equal(v.kid, "strange");
    assert_false(v.verified);
    nhi_text_free(text);
}

/* The future of a permit is asked for a time to come. */
static void ahead(void **state)
{
    struct nhi_ticket t = world_ticket();
    struct nhi_shown what = { .asked = { CI_BOT, .source = NHI_FROM_SESSION, .ticket = &t, .granted = true,
                                         .registered = true } };
    struct nhi_verdict v;

    (void)state;
    record(&t);
    nhi_check(&what, &v);
    assert_int_equal(v.reason, NHI_PERMIT);
    assert_int_equal(v.then, 0);
    what.ahead = 60;
    nhi_check(&what, &v);
    assert_int_equal(v.reason, NHI_PERMIT);
    assert_int_equal(v.why, NHI_PERMIT);
    what.ahead = t.exp - time(NULL) + 60;
    nhi_check(&what, &v);
    assert_int_equal(v.reason, NHI_PERMIT);
    assert_int_equal(v.why, NHI_DENY_EXPIRED);
    assert_int_equal(v.until, t.exp);
    assert_int_equal(v.then, t.exp);
}

static struct nhi_grant of_rule(const char *rule)
{
    struct nhi_grant g = { .at = time(NULL),
                           .reason = NHI_PERMIT,
                           .source = NHI_FROM_PROMPT,
                           .service = "sshd",
                           .subject = "ci-bot",
                           .ticket = world_ticket(),
                           .max_grants = 9 };
    pid_t parent;

    snprintf(g.rule, sizeof(g.rule), "%s", rule);
    assert_int_equal(nhi_id_new(g.id), NHI_OK);
    assert_int_equal(nhi_boot_id(g.boot), NHI_OK);
    assert_int_equal(nhi_proc_read(getpid(), &g.self, &parent), NHI_OK);
    assert_int_equal(nhi_proc_read(parent, &g.parent, &parent), NHI_OK);
    g.ns = nhi_proc_namespace();
    return g;
}

/* Each rule has its own sessions and grants; what cannot be counted is an error. */
static void counts(void **state)
{
    const struct nhi_lookups *host = &nhi_lookups_of_host;
    struct nhi_grant g = of_rule("all");
    const int64_t now = time(NULL);
    struct nhi_grant ended;
    uint32_t n = 7;

    (void)state;
    assert_int_equal(host->sessions(NULL, "all", 5, &n), NHI_OK);
    assert_int_equal(n, 0);
    assert_int_equal(host->grants(NULL, "all", now, &n), NHI_OK);
    assert_int_equal(n, 0);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    assert_int_equal(nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &g, NHI_OF_TREE, 0), NHI_OK);
    assert_int_equal(host->sessions(NULL, "all", 5, &n), NHI_OK);
    assert_int_equal(n, 1);
    assert_int_equal(nhi_session_sweep(NHI_RUN_DIR, NULL), NHI_OK);
    assert_int_equal(host->sessions(NULL, "all", 5, &n), NHI_OK);
    assert_int_equal(n, 1);
    assert_int_equal(host->sessions(NULL, "all", 1, &n), NHI_OK);
    assert_int_equal(n, 1);
    /* One that has ended, and is still in the index: at the limit it does not count. */
    ended = g;
    ended.self = (struct nhi_proc){ .pid = 1, .start = 1 };
    assert_int_equal(nhi_id_new(ended.id), NHI_OK);
    assert_int_equal(nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &ended, NHI_OF_TREE, 0), NHI_OK);
    assert_int_equal(host->sessions(NULL, "all", 2, &n), NHI_OK);
    assert_int_equal(n, 1);
    assert_int_equal(host->sessions(NULL, "all", 3, &n), NHI_OK);
    assert_int_equal(n, 2);
    assert_int_equal(host->grants(NULL, "all", now, &n), NHI_OK);
    assert_int_equal(n, 1);
    assert_int_equal(host->sessions(NULL, "other", 5, &n), NHI_OK);
    assert_int_equal(n, 0);
    assert_int_equal(host->grants(NULL, "other", now, &n), NHI_OK);
    assert_int_equal(n, 0);
    assert_int_equal(rename(NHI_RUN_DIR "/sessions", NHI_RUN_DIR "/elsewhere"), 0);
    world_write(NHI_RUN_DIR "/sessions", "", 0600);
    assert_int_equal(rename(NHI_STATE_DIR "/" NHI_GRANTS_DIR, NHI_STATE_DIR "/elsewhere"), 0);
    assert_int_not_equal(host->sessions(NULL, "all", 1, &n), NHI_OK);
    assert_int_not_equal(host->grants(NULL, "all", now, &n), NHI_OK);
}

static struct nhi_grant from_there(void)
{
    struct nhi_grant g = of_rule("all");

    g.pin = NHI_PIN_REMOTE;
    snprintf(g.place, sizeof(g.place), "192.0.2.1");
    snprintf(g.rhost, sizeof(g.rhost), "192.0.2.1");
    return g;
}

/* A session is asked about as it was opened: through its service, from its place. */
static void inside_a_session(void **state)
{
    struct nhi_moment *m = nhi_moment_begin();
    struct nhi_grant g = from_there();
    struct nhi_verdict v;

    (void)state;
    assert_non_null(m);
    nhi_check_session(m, &g, 0, &v);
    assert_int_equal(v.reason, NHI_PERMIT);
    /* A session of nhictl run lives as long as the ticket opens anything. */
    snprintf(g.service, sizeof(g.service), "nhictl-run");
    nhi_check_session(m, &g, 0, &v);
    assert_int_equal(v.reason, NHI_PERMIT);
    snprintf(g.ticket.services, sizeof(g.ticket.services), "none other");
    nhi_check_session(m, &g, 0, &v);
    assert_int_not_equal(v.reason, NHI_PERMIT);
    snprintf(g.service, sizeof(g.service), "ftp");
    nhi_check_session(m, &g, 0, &v);
    assert_int_equal(v.reason, NHI_DENY_SERVICE);
    g = from_there();
    snprintf(g.subject, sizeof(g.subject), "ghost");
    nhi_check_session(m, &g, 0, &v);
    assert_int_equal(v.reason, NHI_DENY_SUBJECT);
    nhi_moment_end(m);
    /* With a remembered first use, by the kind of place. */
    g = from_there();
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    m = nhi_moment_begin();
    nhi_check_session(m, &g, 0, &v);
    assert_int_equal(v.reason, NHI_PERMIT);
    snprintf(g.place, sizeof(g.place), "192.0.2.2");
    nhi_check_session(m, &g, 0, &v);
    assert_int_equal(v.reason, NHI_DENY_PIN);
    nhi_moment_end(m);
}

static void limited(struct nhi_rule *rule)
{
    struct nhi_ledger *l = world_ledger();

    assert_int_equal(nhi_policy_replace(l, rule, 1, WORLD_HASH, time(NULL)), NHI_OK);
    world_commit(l);
}

static enum nhi_reason still(const struct nhi_grant *g)
{
    struct nhi_moment *m = nhi_moment_begin();
    struct nhi_verdict v;

    assert_non_null(m);
    nhi_check_session(m, g, 0, &v);
    nhi_moment_end(m);
    return v.reason;
}

/* Its own place among those of a rule is not counted twice, and it still comes from its source. */
static void rules_of_a_session(void **state)
{
    struct nhi_rule rule = { .name = "all", .agents = "*", .accounts = "*", .services = "*", .max_sessions = 1 };
    struct nhi_grant g = from_there(), here = g, gone = g;

    (void)state;
    here.pin = NHI_PIN_LOCAL;
    here.rhost[0] = '\0';
    snprintf(here.place, sizeof(here.place), "session");
    assert_int_equal(nhi_id_new(here.id), NHI_OK);
    limited(&rule);
    assert_int_equal(nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &g, NHI_OF_TREE, 0), NHI_OK);
    assert_int_equal(still(&g), NHI_PERMIT);
    /* Nor if its first process has ended, while another session lives. */
    gone.self.start++;
    assert_int_equal(still(&gone), NHI_PERMIT);
    /* First used here, and then from there: each kind of place has its own pin. */
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &here), NHI_OK);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    assert_int_equal(still(&g), NHI_PERMIT);
    rule.max_sessions = 0;
    assert_int_equal(nhi_net_parse("192.0.2.0/24", &rule.nets[rule.net_count++]), NHI_OK);
    limited(&rule);
    assert_int_equal(still(&g), NHI_PERMIT);
    assert_int_equal(still(&here), NHI_DENY_POLICY);
    rule.net_count = 0;
    rule.local = true;
    limited(&rule);
    assert_int_equal(still(&g), NHI_DENY_POLICY);
    assert_int_equal(still(&here), NHI_PERMIT);
}

/* An account in the range of agents belongs to its agent alone, and to nobody if the agent was removed. */
static void session_of_a_removed_agent(void **state)
{
    struct nhi_rule rule = { .name = "all", .agents = "*", .accounts = "*", .services = "*" };
    struct nhi_grant g = from_there();
    struct nhi_snapshot_writer *w;

    (void)state;
    limited(&rule);
    snprintf(g.subject, sizeof(g.subject), "deploy");
    assert_int_equal(still(&g), NHI_PERMIT);
    assert_int_equal(nhi_snapshot_begin(WORLD_DEPLOY_UID - 1, WORLD_DEPLOY_UID, &w), NHI_OK);
    assert_int_equal(nhi_snapshot_publish(w), NHI_OK);
    assert_int_equal(still(&g), NHI_DENY_ACCOUNT);
}

static enum nhi_err broken(void *ctx, const struct nhi_fact_key *asked, struct nhi_value *out)
{
    (void)ctx;
    (void)asked;
    (void)out;
    return NHI_ERR_CORRUPT;
}

/* The ledger decides which account is an agent's, and a ledger that does not answer is not a "no". */
static void namesakes(void **state)
{
    const struct nhi_lookups *host = &nhi_lookups_of_host;
    struct nhi_moment *m = nhi_moment_begin();
    uint32_t uid = 7;

    (void)state;
    assert_non_null(m);
    assert_int_equal(host->namesake(m, NULL, "ci-bot", &uid), NHI_OK);
    assert_int_equal(uid, WORLD_AGENT_UID);
    assert_int_equal(host->namesake(m, NULL, "alice", &uid), NHI_OK);
    assert_int_equal(uid, 0);
    nhi_moment_end(m);
    m = nhi_moment_over((struct nhi_fact_source){ .get = broken }, NHI_FIT_HERE, time(NULL));
    assert_non_null(m);
    assert_int_equal(host->namesake(m, NULL, "ci-bot", &uid), NHI_ERR_CORRUPT);
    nhi_moment_end(m);
}

/* A ledger of which this host has seen a newer state. */
static void behind_its_mark(void **state)
{
    const struct nhi_last_seen mark = { .epoch = 1, .event = 1000000, .latest = time(NULL), .next_uid = 70000 };
    struct nhi_ticket t = world_ticket();
    const struct nhi_shown what = { .asked = { CI_BOT, .source = NHI_FROM_LEDGER } };
    struct nhi_settings settings;
    struct nhi_moment *m;
    struct nhi_ledger *l;
    struct nhi_last_seen_answer seen;
    struct nhi_verdict v;

    (void)state;
    record(&t);
    nhi_check(&what, &v);
    assert_int_equal(v.reason, NHI_PERMIT);
    assert_int_equal(nhi_last_seen_store(NHI_STATE_DIR, NHI_RUN_DIR, &mark), NHI_OK);
    nhi_check(&what, &v);
    assert_int_equal(v.reason, NHI_DENY_ROLLED_BACK);
    nhi_last_seen_ask(NHI_STATE_DIR, NHI_RUN_DIR, &seen);
    l = world_ledger();
    assert_int_equal(nhi_ledger_settings(l, &settings), NHI_OK);
    m = nhi_moment_over(nhi_ledger_source(l), nhi_ledger_fit(l, &settings, &seen, time(NULL)), time(NULL));
    assert_non_null(m);
    assert_true(m->readable);
    assert_int_equal(m->reason, NHI_PERMIT);
    assert_int_equal(m->fit, NHI_FIT_BEHIND);
    nhi_check_at(m, &what, &v);
    assert_int_equal(v.reason, NHI_DENY_ROLLED_BACK);
    nhi_moment_end(m);
    /* It was borrowed, and is still open. */
    assert_int_equal(nhi_ledger_settings(l, &settings), NHI_OK);
    world_commit(l);
}

#define T(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(keys_that_are_refused),
        T(any_key),
        T(refusals_that_are_known),
        T(key_of_another_account),
        T(keys_of_agents),
        T(revoked_in_a_moment),
        T(renewed),
        T(counts),
        T(accounts_that_are_not_known),
        T(torn_ledger),
        T(ahead),
        T(unknown_issuer),
        T(inside_a_session),
        T(one_key_of_several),
        T(rules_of_a_session),
        T(session_of_a_removed_agent),
        T(namesakes),
        T(behind_its_mark),
    };
    uint8_t sk[NHI_SK_LEN];

    if (!world_enter())
        return 0;
    if (nhi_key_generate(key, sk) != NHI_OK || nhi_key_generate(other_key, sk) != NHI_OK)
        return 1;
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Grants: one link is the commit. A fixed number of uses and no more, whoever tries; what cannot be kept is not
 * granted. */
/* Invariant: 6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/base/time.h"
#include "libnhi/grant/grant_record.h"
#include "libnhi/grant/record.h"
#include "libnhi/grant/record_bytes.h"
#include "libnhi/session/session.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW
#define WORKERS 8
#define TRIES 100
#define USES 37
#define MUTATIONS 10000

static void same_grant(const struct nhi_grant *a, const struct nhi_grant *b)
{
    assert_string_equal(a->id, b->id);
    assert_true(a->at == b->at);
    assert_int_equal(a->reason, b->reason);
    assert_int_equal(a->source, b->source);
    assert_string_equal(a->service, b->service);
    assert_string_equal(a->subject, b->subject);
    assert_string_equal(a->boot, b->boot);
    assert_string_equal(a->rule, b->rule);
    assert_string_equal(a->rhost, b->rhost);
    assert_true(a->self.pid == b->self.pid && a->self.start == b->self.start);
    assert_true(a->parent.pid == b->parent.pid && a->parent.start == b->parent.start);
    assert_string_equal(a->ticket.kid, b->ticket.kid);
    assert_string_equal(a->ticket.jti, b->ticket.jti);
    assert_string_equal(a->ticket.agent, b->ticket.agent);
    assert_string_equal(a->ticket.task, b->ticket.task);
    assert_string_equal(a->ticket.host, b->ticket.host);
    assert_string_equal(a->ticket.accounts, b->ticket.accounts);
    assert_string_equal(a->ticket.services, b->ticket.services);
    assert_string_equal(a->ticket.parent, b->ticket.parent);
    assert_true(a->ticket.iat == b->ticket.iat && a->ticket.nbf == b->ticket.nbf && a->ticket.exp == b->ticket.exp &&
                a->ticket.uses == b->ticket.uses);
    assert_int_equal(a->ticket.has_cnf, b->ticket.has_cnf);
    assert_memory_equal(a->ticket.cnf, b->ticket.cnf, sizeof(a->ticket.cnf));
}

static struct nhi_grant widest(void)
{
    struct nhi_grant g = state_grant(1, 1);

    g.source = NHI_FROM_LEDGER;
    memset(g.service, 's', NHI_SERVICE_MAX);
    memset(g.subject, 'a', NHI_ACCOUNT_MAX);
    memset(g.rule, '#', NHI_TASK_MAX);
    memset(g.rhost, 'f', NHI_HOST_MAX);
    g.self = (struct nhi_proc){ .pid = 4194304, .start = INT64_MAX };
    g.parent = (struct nhi_proc){ .pid = 1, .start = 0 };
    memset(g.ticket.agent, 'b', NHI_AGENT_MAX);
    memset(g.ticket.task, '/', NHI_TASK_MAX);
    for (size_t i = 0; i < NHI_HOST_MAX; i++)
        g.ticket.host[i] = i % 10 == 9 ? '.' : 'h';
    g.ticket.nbf = NOW;
    g.ticket.exp = NHI_TIME_MAX;
    g.ticket.uses = NHI_USES_MAX;
    g.ticket.has_cnf = true;
    memset(g.ticket.cnf, 0x66, sizeof(g.ticket.cnf)); /* the base point */
    g.ticket.cnf[0] = 0x58;
    state_jti(2, g.ticket.parent);
    return g;
}

static void record_roundtrip(void **state)
{
    struct nhi_grant g = widest(), got;
    enum nhi_source source;
    char *text = NULL;

    (void)state;
    assert_int_equal(nhi_grant_encode(&g, &text), NHI_OK);
    assert_int_equal(nhi_grant_decode(text, strlen(text), &got), NHI_OK);
    same_grant(&got, &g);
    free(text);
    g = state_grant(1, 1);
    g.rule[0] = g.rhost[0] = '\0';
    for (unsigned r = 0; r < NHI_REASON_COUNT; r++)
        for (source = NHI_FROM_PROMPT; source <= NHI_FROM_KEY; source++) {
            g.reason = (enum nhi_reason)r;
            g.source = source;
            assert_int_equal(nhi_grant_encode(&g, &text), NHI_OK);
            assert_int_equal(nhi_grant_decode(text, strlen(text), &got), NHI_OK);
            same_grant(&got, &g);
            free(text);
        }
}

/* Or nhictl trace could not tell the first millisecond of a second from none. */
static void first_millisecond(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    char *text = NULL;

    (void)state;
    g.ms = 0;
    assert_int_equal(nhi_grant_encode(&g, &text), NHI_OK);
    assert_non_null(strstr(text, ",\"ms\":0,"));
    nhi_text_free(text);
}

static void decode_refuses(const char *text, const char *from, const char *to, enum nhi_err want)
{
    const char *at = strstr(text, from);
    struct nhi_grant got;
    char changed[8192];

    assert_non_null(at);
    snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    if (nhi_grant_decode(changed, strlen(changed), &got) != want)
        print_error("%s -> %s\n", from, to);
    assert_int_equal(nhi_grant_decode(changed, strlen(changed), &got), want);
}

/* Only a record without a decision may be without a ticket. */
static void observed_without_a_ticket(void **state)
{
    struct nhi_grant g = widest(), got;
    char *text = NULL, *at;

    (void)state;
    g.observed = true;
    assert_int_equal(nhi_grant_encode(&g, &text), NHI_OK);
    assert_int_equal(nhi_grant_decode(text, strlen(text), &got), NHI_OK);
    assert_true(got.observed);
    same_grant(&got, &g);
    free(text);
    memset(&g.ticket, 0, sizeof(g.ticket));
    assert_int_equal(nhi_grant_encode(&g, &text), NHI_OK);
    assert_int_equal(nhi_grant_decode(text, strlen(text), &got), NHI_OK);
    assert_true(got.observed);
    same_grant(&got, &g);
    at = strstr(text, "\"observed\":true");
    assert_non_null(at);
    memcpy(at, "\"observed\":null", 15);
    assert_int_equal(nhi_grant_decode(text, strlen(text), &got), NHI_ERR_CORRUPT);
    free(text);
    g.observed = false;
    text = NULL;
    assert_int_equal(nhi_grant_encode(&g, &text), NHI_ERR_FORMAT);
    assert_null(text);
    assert_int_equal(nhi_grant_observe(NHI_STATE_DIR, &g), NHI_ERR_ARG);
}

static void decode_errors(void **state)
{
    struct nhi_grant g = state_grant(1, 1), got, before;
    char *text = NULL;
    size_t len;

    (void)state;
    assert_int_equal(nhi_grant_encode(&g, &text), NHI_OK);
    len = strlen(text);
    memset(&before, 7, sizeof(before));
    memcpy(&got, &before, sizeof(got));
    for (size_t i = 0; i < len; i++)
        assert_int_not_equal(nhi_grant_decode(text, i, &got), NHI_OK);
    assert_memory_equal(&got, &before, sizeof(got));
    decode_refuses(text, "\"v\":1", "\"v\":2", NHI_ERR_VERSION);
    decode_refuses(text, "\"v\":1", "\"v\":0", NHI_ERR_VERSION);
    decode_refuses(text, "\"v\":1", "\"v\":4294967297", NHI_ERR_VERSION);
    decode_refuses(text, "\"v\":1", "\"v\":\"1\"", NHI_ERR_CORRUPT);
    decode_refuses(text, "\"v\":1", "\"v\":1,\"v\":1", NHI_ERR_CORRUPT);
    decode_refuses(text, "\"permit\"", "\"Permit\"", NHI_ERR_CORRUPT);
    decode_refuses(text, "\"prompt\"", "\"unknown\"", NHI_ERR_CORRUPT);
    decode_refuses(text, "\"sshd\"", "\"a-service-with-too-long-a-name-yes\"", NHI_ERR_CORRUPT);
    decode_refuses(text, "\"kid\":\"k1\"", "\"kid\":\"K 1\"", NHI_ERR_CORRUPT);
    decode_refuses(text, "\"at\":1800000000", "\"at\":-1", NHI_ERR_CORRUPT);
    decode_refuses(text, "\"at\":1800000000", "\"at\":1.5", NHI_ERR_CORRUPT);
    decode_refuses(text, "\"pid\":", "\"pid\":1844674407", NHI_ERR_CORRUPT);
    decode_refuses(text, "\"ppid\":", "\"ppid\":-", NHI_ERR_CORRUPT);
    decode_refuses(text, "\"start\":", "\"start\":-", NHI_ERR_CORRUPT);
    free(text);
}

/* Whatever happened to a record, reading it ends; and its result is whole. */
static void mutations(void **state)
{
    struct nhi_grant g = state_grant(1, 1), got;
    char *text = NULL, changed[8192];
    size_t len, read = 0;

    (void)state;
    assert_int_equal(nhi_grant_encode(&g, &text), NHI_OK);
    len = strlen(text);
    for (unsigned n = 0; n < MUTATIONS; n++) {
        size_t have = len;

        memcpy(changed, text, len);
        for (unsigned k = 1 + state_random() % 4; k > 0; k--) {
            size_t at = state_random() % have;

            switch (state_random() % 4) {
            case 0:
                changed[at] = (char)state_random();
                break;
            case 1:
                memmove(changed + at, changed + at + 1, --have - at);
                break;
            case 2:
                memmove(changed + at + 1, changed + at, have++ - at);
                break;
            default:
                changed[at] = "\"{}[],:0-\\"[state_random() % 10];
            }
        }
        if (nhi_grant_decode(changed, have, &got) == NHI_OK) {
            char *again = NULL;

            read++;
            assert_true(got.at >= 0 && got.self.pid > 0 && got.parent.pid >= 0);
            assert_int_equal(nhi_grant_encode(&got, &again), NHI_OK);
            free(again);
        }
    }
    assert_in_range(read, 1, MUTATIONS / 2);
    free(text);
}

static void commit_and_deny(void **state)
{
    struct nhi_grant g = state_grant(1, 1), d = state_grant(1, 2), got;
    char name[256], text[8192];
    struct stat st;
    size_t len;

    (void)state;
    (void)umask(0);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    (void)umask(0777);
    d.reason = NHI_DENY_EXPIRED;
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &d), NHI_ERR_ARG);
    assert_int_equal(nhi_grant_deny(NHI_STATE_DIR, &g), NHI_ERR_ARG);
    assert_int_equal(nhi_grant_deny(NHI_STATE_DIR, &d), NHI_OK);
    (void)umask(022);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 2);
    assert_int_equal(state_count(STATE_GRANTS, "d-"), 1);
    snprintf(name, sizeof(name), STATE_GRANTS "/g-%s", g.id);
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    len = state_slurp(name, text, sizeof(text));
    assert_int_equal(nhi_record_decode(text, len, &got), NHI_OK);
    same_grant(&got, &g);
    /* The same record ID again is not a second grant. */
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_ERR_EXISTS);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 2);
}

static int use(int who)
{
    struct nhi_grant g = state_grant(1, 1);
    int n, won = 0;

    g.ticket.uses = USES;
    for (n = 0; n < TRIES; n++) {
        enum nhi_err err;

        state_jti((unsigned)(who * TRIES + n), g.id);
        err = nhi_grant_commit(NHI_STATE_DIR, &g);
        if (err == NHI_OK)
            won++;
        else if (err != NHI_ERR_EXISTS)
            return 1;
    }
    return won > USES;
}

static void so_many_uses(void **state)
{
    struct nhi_grant g = state_grant(1, 99), other = state_grant(2, 98);
    char name[256], of[NHI_GRANT_NAME_LEN + 1];

    (void)state;
    assert_int_equal(state_parallel(WORKERS, use), 0);
    nhi_grant_name(g.ticket.kid, g.ticket.jti, of);
    assert_int_equal(strlen(of), NHI_GRANT_NAME_LEN);
    assert_int_equal(state_count(STATE_GRANTS, NULL), USES);
    for (int n = 0; n < USES; n++) {
        snprintf(name, sizeof(name), STATE_GRANTS "/u-%s-%d", of, n);
        assert_int_equal(access(name, F_OK), 0);
    }
    g.ticket.uses = USES;
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_ERR_EXISTS);
    other.ticket.uses = 1;
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &other), NHI_OK);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &other), NHI_ERR_EXISTS);
    /* A denial uses up nothing. */
    other.reason = NHI_DENY_POLICY;
    assert_int_equal(nhi_grant_deny(NHI_STATE_DIR, &other), NHI_OK);
    assert_int_equal(state_count(STATE_GRANTS, "u-"), USES + 1);
}

static int use_once(int who)
{
    struct nhi_grant g = state_grant(5, 1);
    char said[64];
    enum nhi_err err;

    g.ticket.uses = 1;
    state_jti((unsigned)who, g.id);
    err = nhi_grant_commit(NHI_STATE_DIR, &g);
    snprintf(said, sizeof(said), NHI_RUN_DIR "/once-%d", who);
    if (err == NHI_OK)
        state_spill(said, "", 0);
    return err != NHI_OK && err != NHI_ERR_EXISTS;
}

/* A thousand processes at once, for one use. */
static void one_use_for_a_thousand(void **state)
{
    (void)state;
    assert_int_equal(state_parallel(1000, use_once), 0);
    assert_int_equal(state_count(NHI_RUN_DIR, "once-"), 1);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 1);
}

/* Every success that was reported is one slot: none is given twice. */
static int use_and_say(int who)
{
    struct nhi_grant g = state_grant(3, 1);
    char said[64];

    g.ticket.uses = USES;
    for (int n = 0; n < TRIES; n++) {
        state_jti((unsigned)(who * TRIES + n), g.id);
        if (nhi_grant_commit(NHI_STATE_DIR, &g) == NHI_OK) {
            snprintf(said, sizeof(said), NHI_RUN_DIR "/won-%d-%d", who, n);
            state_spill(said, "", 0);
        }
    }
    return 0;
}

static void each_use_is_told_once(void **state)
{
    (void)state;
    assert_int_equal(state_parallel(WORKERS, use_and_say), 0);
    assert_int_equal(state_count(NHI_RUN_DIR, "won-"), USES);
}

/* Nobody can fill a disk with a dead ticket. Another ticket has its own limit, and so has another hour. */
static void bounded_denials(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    const int64_t hour = g.at / 3600 * 3600;

    (void)state;
    g.reason = NHI_DENY_EXPIRED;
    for (unsigned n = 0; n < 64; n++) {
        state_jti(n, g.id);
        g.at = hour + n * 57;
        assert_int_equal(nhi_grant_deny(NHI_STATE_DIR, &g), NHI_OK);
    }
    assert_int_equal(nhi_grant_deny(NHI_STATE_DIR, &g), NHI_ERR_EXISTS);
    assert_int_equal(state_count(STATE_GRANTS, "d-"), 64);
    g.at = hour + 3600;
    assert_int_equal(nhi_grant_deny(NHI_STATE_DIR, &g), NHI_OK);
    g = state_grant(2, 1);
    g.at = hour + 3599;
    g.reason = NHI_DENY_EXPIRED;
    assert_int_equal(nhi_grant_deny(NHI_STATE_DIR, &g), NHI_OK);
}

/* One account has as many as one ticket has denials, whatever is observed. */
static void bounded_observations(void **state)
{
    struct nhi_grant g = state_grant(1, 1);

    (void)state;
    g.observed = true;
    for (unsigned n = 0; n < 64; n++) {
        state_jti(n, g.id);
        assert_int_equal(nhi_grant_observe(NHI_STATE_DIR, &g), NHI_OK);
    }
    assert_int_equal(nhi_grant_observe(NHI_STATE_DIR, &g), NHI_ERR_EXISTS);
    assert_int_equal(state_count(STATE_GRANTS, "o-"), 64);
    assert_int_equal(chmod(STATE_GRANTS, 0770), 0);
    assert_int_equal(nhi_grant_observe(NHI_STATE_DIR, &g), NHI_ERR_UNSAFE);
}

/* A ticket that was renewed ends when its successor is first used. */
static void ended_by_what_renewed_it(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    char name[256];

    (void)state;
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    assert_false(nhi_grant_is_superseded(NHI_STATE_DIR, g.ticket.jti));
    snprintf(name, sizeof(name), STATE_GRANTS "/r-%s", g.ticket.jti);
    assert_return_code(close(open(name, O_WRONLY | O_CREAT | O_EXCL, 0600)), errno);
    errno = ENOENT; /* of another call */
    assert_true(nhi_grant_is_superseded(NHI_STATE_DIR, g.ticket.jti));
    /* A ticket that cannot be looked at has ended. */
    assert_int_equal(chmod(STATE_GRANTS, 0770), 0);
    assert_true(nhi_grant_is_superseded(NHI_STATE_DIR, "another"));
}

/* A path that does not fit is refused, also if it is too long by one character. */
static void long_paths(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    char dir[600];

    (void)state;
    for (size_t len = 480; len < sizeof(dir); len++) {
        enum nhi_err err;

        memset(dir, '/', len);
        dir[len] = '\0';
        memcpy(dir + len - strlen("no"), "no", strlen("no"));
        err = nhi_grant_commit(dir, &g);
        if (err != (len + strlen("/" NHI_GRANTS_DIR) < 512 ? NHI_ERR_NOT_FOUND : NHI_ERR_ARG))
            fail_msg("%zu: %s", len, nhi_strerror(err));
    }
}

/* ---- two issuers, one ID ---- */

static enum nhi_err use_of(const char *kid, unsigned id, uint32_t uses, const char *place)
{
    struct nhi_grant g = state_grant(1, id);

    snprintf(g.ticket.kid, sizeof(g.ticket.kid), "%s", kid);
    g.ticket.uses = uses;
    if (place != NULL) {
        g.pin = NHI_PIN_REMOTE;
        snprintf(g.place, sizeof(g.place), "%s", place);
    }
    return nhi_grant_commit(NHI_STATE_DIR, &g);
}

/* Knowing the ID of another issuer's ticket does not use up its uses, take its place, or count against its limits. */
static void same_id_of_another_issuer(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    char place[NHI_PLACE_MAX + 1];

    (void)state;
    assert_int_equal(use_of("k2", 1, 1, NULL), NHI_OK);
    assert_int_equal(use_of("k1", 2, 1, NULL), NHI_OK);
    assert_int_equal(use_of("k1", 3, 1, NULL), NHI_ERR_EXISTS);
    assert_int_equal(use_of("k2", 4, 1, NULL), NHI_ERR_EXISTS);
    assert_int_equal(use_of("k2", 5, 0, "192.0.2.2"), NHI_OK);
    assert_int_equal(nhi_grant_pinned(NHI_STATE_DIR, "k1", g.ticket.jti, NHI_PIN_REMOTE, place), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_grant_pinned(NHI_STATE_DIR, "k1", g.ticket.jti, NHI_PIN_LOCAL, place), NHI_ERR_NOT_FOUND);
    assert_int_equal(use_of("k1", 6, 0, "192.0.2.1"), NHI_OK);
    assert_int_equal(use_of("k1", 7, 0, "192.0.2.2"), NHI_ERR_STATE);
    assert_int_equal(use_of("k2", 8, 0, "192.0.2.1"), NHI_ERR_STATE);
    assert_int_equal(nhi_grant_pinned(NHI_STATE_DIR, "k1", g.ticket.jti, NHI_PIN_REMOTE, place), NHI_OK);
    assert_string_equal(place, "192.0.2.1");
    g.reason = NHI_DENY_EXPIRED;
    memcpy(g.ticket.kid, "k2", 3);
    for (unsigned n = 0; n < 64; n++)
        assert_int_equal(nhi_grant_deny(NHI_STATE_DIR, &g), NHI_OK);
    assert_int_equal(nhi_grant_deny(NHI_STATE_DIR, &g), NHI_ERR_EXISTS);
    memcpy(g.ticket.kid, "k1", 3);
    assert_int_equal(nhi_grant_deny(NHI_STATE_DIR, &g), NHI_OK);
}

/* A lineage stays one, though its key was rotated meanwhile. */
static void renewed_by_another_key(void **state)
{
    struct nhi_grant first = state_grant(1, 1), second = state_grant(2, 2);

    (void)state;
    first.ticket.uses = second.ticket.uses = 1;
    memcpy(first.root, first.ticket.jti, sizeof(first.root));
    memcpy(second.root, first.ticket.jti, sizeof(second.root));
    memcpy(first.root_kid, "k1", 3);
    memcpy(second.root_kid, "k1", 3);
    memcpy(second.ticket.kid, "k2", 3);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &first), NHI_OK);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &second), NHI_ERR_EXISTS);
}

static void full_disk(void **state)
{
    struct nhi_grant g = state_grant(1, 1), counted = state_grant(2, 2);

    (void)state;
    state_reset("1m");
    counted.ticket.uses = 1;
    state_disk_fill();
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_ERR_FULL);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &counted), NHI_ERR_FULL);
    assert_int_equal(nhi_grant_commit_for_parent(NHI_STATE_DIR, &g), NHI_ERR_FULL);
    g.reason = NHI_DENY_POLICY;
    assert_int_equal(nhi_grant_deny(NHI_STATE_DIR, &g), NHI_ERR_FULL);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 0);
    state_disk_free();
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &counted), NHI_OK);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 1);
}

static void unsafe_place(void **state)
{
    struct nhi_grant g = state_grant(1, 1);

    (void)state;
    assert_int_equal(chmod(STATE_GRANTS, 0770), 0);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_ERR_UNSAFE);
    assert_int_equal(chmod(STATE_GRANTS, 0700), 0);
    assert_int_equal(chown(STATE_GRANTS, 1, 0), 0);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_ERR_UNSAFE);
    assert_int_equal(chown(STATE_GRANTS, 0, 0), 0);
    assert_int_equal(chmod(NHI_STATE_DIR, 0757), 0);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_ERR_UNSAFE);
    assert_int_equal(chmod(NHI_STATE_DIR, 0755), 0);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 0);
    assert_int_equal(rmdir(STATE_GRANTS), 0);
    assert_int_not_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    /* A link that root made is followed to its target. */
    assert_int_equal(mkdir(NHI_STATE_DIR "/real", 0700), 0);
    assert_int_equal(symlink(NHI_STATE_DIR "/real", STATE_GRANTS), 0);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    assert_int_equal(state_count(NHI_STATE_DIR "/real", "g-"), 1);
}

static void of_a_child(void **state)
{
    struct nhi_grant first = state_grant(1, 1), second = state_grant(2, 2), got;
    struct nhi_proc other;

    (void)state;
    /* This process plays the child of its own parent. */
#define FIND(parent, service, subject) nhi_grant_of_child(NHI_STATE_DIR, parent, service, subject, &got)
    assert_int_equal(FIND(&first.parent, "sshd", "ci-bot"), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_grant_commit_for_parent(NHI_STATE_DIR, &first), NHI_OK);
    assert_int_equal(FIND(&first.parent, "sshd", "ci-bot"), NHI_OK);
    same_grant(&got, &first);
    assert_int_equal(FIND(&first.parent, "sudo", "ci-bot"), NHI_ERR_NOT_FOUND);
    assert_int_equal(FIND(&first.parent, "sshd", "deploy"), NHI_ERR_NOT_FOUND);
    other = first.parent;
    other.start++;
    assert_int_equal(FIND(&other, "sshd", "ci-bot"), NHI_ERR_NOT_FOUND);
    other = first.self;
    assert_int_equal(FIND(&other, "sshd", "ci-bot"), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_grant_commit_for_parent(NHI_STATE_DIR, &second), NHI_OK);
    assert_int_equal(FIND(&first.parent, "sshd", "ci-bot"), NHI_OK);
    same_grant(&got, &second);
    assert_int_equal(state_count(STATE_GRANTS, "p-"), 1);
}

static enum nhi_err found_as(struct nhi_grant *g, const struct nhi_proc *p)
{
    static unsigned id = 10;
    struct nhi_grant got;
    char from[256], to[256];
    enum nhi_err err;

    state_jti(id++, g->id);
    assert_int_equal(nhi_grant_commit_for_parent(NHI_STATE_DIR, g), NHI_OK);
    snprintf(from, sizeof(from), STATE_GRANTS "/p-%.8s-%ld-%llu", g->boot, (long)g->parent.pid,
             (unsigned long long)g->parent.start);
    snprintf(to, sizeof(to), STATE_GRANTS "/p-%.8s-%ld-%llu", g->boot, (long)p->pid, (unsigned long long)p->start);
    assert_int_equal(rename(from, to), 0);
    err = nhi_grant_of_child(NHI_STATE_DIR, p, "sshd", "ci-bot", &got);
    assert_int_equal(unlink(to), 0);
    return err;
}

/* Each half of a process's identity counts. */
static void of_a_child_like_another(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    struct nhi_proc p = g.parent;

    (void)state;
    assert_int_equal(found_as(&g, &p), NHI_OK);
    p.pid++;
    assert_int_equal(found_as(&g, &p), NHI_ERR_NOT_FOUND);
    p = g.parent;
    p.start++;
    assert_int_equal(found_as(&g, &p), NHI_ERR_NOT_FOUND);
}

/* What root became is recorded once an hour for each account, service and session, and nothing else. */
static void became(void **state)
{
    struct nhi_grant g = state_grant(1, 1), other;

    (void)state;
    g.became = true;
    g.at = NOW / NHI_HOUR * NHI_HOUR;
    assert_int_equal(nhi_grant_became(NHI_STATE_DIR, &g), NHI_OK);
    assert_int_equal(nhi_grant_became(NHI_STATE_DIR, &g), NHI_ERR_EXISTS);
    g.at += NHI_HOUR - 1;
    assert_int_equal(nhi_grant_became(NHI_STATE_DIR, &g), NHI_ERR_EXISTS);
    g.at++;
    assert_int_equal(nhi_grant_became(NHI_STATE_DIR, &g), NHI_OK);
    other = g;
    snprintf(other.service, sizeof(other.service), "su");
    assert_int_equal(nhi_grant_became(NHI_STATE_DIR, &other), NHI_OK);
    other = g;
    snprintf(other.subject, sizeof(other.subject), "deploy");
    assert_int_equal(nhi_grant_became(NHI_STATE_DIR, &other), NHI_OK);
    other = g;
    state_jti(9, other.within);
    assert_int_equal(nhi_grant_became(NHI_STATE_DIR, &other), NHI_OK);
    assert_int_equal(state_count(STATE_GRANTS, "b-"), 5);
    other = g;
    other.became = false;
    assert_int_equal(nhi_grant_became(NHI_STATE_DIR, &other), NHI_ERR_ARG);
    other = g;
    snprintf(other.subject, sizeof(other.subject), "../x");
    assert_int_equal(nhi_grant_became(NHI_STATE_DIR, &other), NHI_ERR_ARG);
    other = g;
    snprintf(other.service, sizeof(other.service), "../x");
    assert_int_equal(nhi_grant_became(NHI_STATE_DIR, &other), NHI_ERR_ARG);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 5);
}

/* Whatever was wrong before. */
static void superseded_for_sure(void **state)
{
    struct nhi_grant g = state_grant(2, 2);

    (void)state;
    state_jti(1, g.renews);
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    errno = ENOENT;
    assert_true(nhi_grant_is_superseded(NHI_STATE_DIR, g.renews));
    errno = 0;
    assert_false(nhi_grant_is_superseded(NHI_STATE_DIR, g.ticket.jti));
}

/* A handle that does not fit into a name is not recorded. */
static void handles_that_do_not_fit(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    char handle[97];

    (void)state;
    memset(handle, 'x', sizeof(handle));
    handle[96 - 3 - strlen(g.id)] = '\0'; /* with its prefix, a byte too many */
    assert_int_equal(nhi_grant_opens(NHI_STATE_DIR, &g, handle), NHI_ERR_TOO_LONG);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 0);
    handle[96 - 4 - strlen(g.id)] = '\0';
    assert_int_equal(nhi_grant_opens(NHI_STATE_DIR, &g, handle), NHI_OK);
    assert_int_equal(nhi_grant_opens(NHI_STATE_DIR, &g, handle), NHI_ERR_EXISTS);
    assert_int_equal(state_count(STATE_GRANTS, "s-"), 1);
    assert_int_equal(nhi_grant_unused(NHI_STATE_DIR, &g, g.id), NHI_OK);
    assert_int_equal(nhi_grant_unused(NHI_STATE_DIR, &g, g.id), NHI_ERR_EXISTS);
    assert_int_equal(state_count(STATE_GRANTS, "n-"), 1);
}

/* A record under the name of another boot or another process belongs to nobody. */
static void of_a_child_misnamed(void **state)
{
    struct nhi_grant g = state_grant(1, 1), got;
    char from[256], to[256];

    (void)state;
    assert_int_equal(nhi_grant_commit_for_parent(NHI_STATE_DIR, &g), NHI_OK);
    snprintf(from, sizeof(from), STATE_GRANTS "/p-%.8s-%ld-%llu", g.boot, (long)g.parent.pid,
             (unsigned long long)g.parent.start);
    snprintf(to, sizeof(to), STATE_GRANTS "/p-%.8s-%ld-%llu", g.boot, (long)g.self.pid,
             (unsigned long long)g.self.start);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(nhi_grant_of_child(NHI_STATE_DIR, &g.self, "sshd", "ci-bot", &got), NHI_ERR_NOT_FOUND);
    assert_int_equal(unlink(to), 0);
    state_jti(2, g.id);
    g.boot[30] = g.boot[30] == '0' ? '1' : '0'; /* beyond the part in the name */
    assert_int_equal(nhi_grant_commit_for_parent(NHI_STATE_DIR, &g), NHI_OK);
    assert_int_equal(nhi_grant_of_child(NHI_STATE_DIR, &g.parent, "sshd", "ci-bot", &got), NHI_ERR_NOT_FOUND);
    assert_int_equal(chmod(STATE_GRANTS, 0770), 0);
    assert_int_equal(nhi_grant_of_child(NHI_STATE_DIR, &g.parent, "sshd", "ci-bot", &got), NHI_ERR_UNSAFE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_roundtrip),
        cmocka_unit_test(first_millisecond),
        cmocka_unit_test(long_paths),
        cmocka_unit_test(observed_without_a_ticket),
        cmocka_unit_test(decode_errors),
        cmocka_unit_test(mutations),
        cmocka_unit_test_setup(commit_and_deny, state_empty),
        cmocka_unit_test_setup(so_many_uses, state_empty),
        cmocka_unit_test_setup(each_use_is_told_once, state_empty),
        cmocka_unit_test_setup(one_use_for_a_thousand, state_empty),
        cmocka_unit_test_setup(bounded_denials, state_empty),
        cmocka_unit_test_setup(bounded_observations, state_empty),
        cmocka_unit_test_setup(superseded_for_sure, state_empty),
        cmocka_unit_test_setup(handles_that_do_not_fit, state_empty),
        cmocka_unit_test_setup(ended_by_what_renewed_it, state_empty),
        cmocka_unit_test_setup(same_id_of_another_issuer, state_empty),
        cmocka_unit_test_setup(renewed_by_another_key, state_empty),
        cmocka_unit_test_setup(full_disk, state_empty),
        cmocka_unit_test_setup(of_a_child_like_another, state_empty),
        cmocka_unit_test_setup(became, state_empty),
        cmocka_unit_test_setup(unsafe_place, state_empty),
        cmocka_unit_test_setup(of_a_child, state_empty),
        cmocka_unit_test_setup(of_a_child_misnamed, state_empty),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}

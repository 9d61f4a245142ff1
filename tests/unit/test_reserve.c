/* SPDX-License-Identifier: ISC */
/* The reserve: revocation when the ledger cannot be written. Damage is noticed, and never loses one. */
/* Invariant: 6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_notes.h"
#include "libnhi/reserve/reserve_write.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW
#define FILE_MAX 70000
#define WORKERS 4
#define ADDS 60

static struct nhi_reserve got;

static int fresh(void **state)
{
    (void)state_ready(state);
    return nhi_reserve_create(NHI_STATE_DIR) == NHI_OK ? 0 : -1;
}

static bool lasts;

static enum nhi_err add(enum nhi_revoke_kind kind, const char *id, int64_t at)
{
    return nhi_reserve_add(NHI_STATE_DIR, kind, id, at);
}

static enum nhi_err load(void)
{
    return nhi_reserve_load(NHI_STATE_DIR, NHI_RUN_DIR, &got);
}

static bool has(enum nhi_revoke_kind kind, const char *id, int64_t at)
{
    for (size_t i = 0; i < got.count; i++)
        if (got.slots[i].kind == kind && strcmp(got.slots[i].id, id) == 0)
            return got.slots[i].at == at;
    return false;
}

static const char *jti(unsigned n)
{
    static char text[NHI_JTI_LEN + 1];

    state_jti(n, text);
    return text;
}

/* A process that is stopped while it moves revocations into the ledger holds up neither a revocation nor a lockdown. */
static void nobody_is_waited_for(void **state)
{
    int fd = open(STATE_RESERVE, O_RDWR | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    (void)alarm(20);
    assert_int_equal(add(NHI_REVOKE_TASK, "build-1", NOW), NHI_OK);
    assert_int_equal(nhi_reserve_lock_down(NHI_STATE_DIR, NHI_RUN_DIR, &lasts), NHI_OK);
    assert_true(lasts);
    (void)alarm(0);
    assert_int_equal(load(), NHI_OK);
    assert_true(got.lockdown);
    assert_true(has(NHI_REVOKE_TASK, "build-1", NOW));
    close(fd);
}

static void roundtrip(void **state)
{
    char longest[NHI_TASK_MAX + 1];
    struct stat st;

    (void)state;
    memset(longest, '~', NHI_TASK_MAX);
    longest[NHI_TASK_MAX] = '\0';
    assert_int_equal(nhi_reserve_create(NHI_STATE_DIR), NHI_ERR_EXISTS);
    assert_int_equal(stat(STATE_RESERVE, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(load(), NHI_OK);
    assert_int_equal(got.count, 0);
    assert_false(got.lockdown);
    assert_int_equal(add(NHI_REVOKE_TICKET, jti(1), NOW), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_TASK, longest, NOW + 1), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_AGENT, "ci-bot", 0), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_ISSUER, "k1", NHI_TIME_MAX), NHI_OK);
    assert_int_equal(load(), NHI_OK);
    assert_int_equal(got.count, 4);
    assert_true(has(NHI_REVOKE_TICKET, jti(1), NOW));
    assert_true(has(NHI_REVOKE_TASK, longest, NOW + 1));
    assert_true(has(NHI_REVOKE_AGENT, "ci-bot", 0));
    assert_true(has(NHI_REVOKE_ISSUER, "k1", NHI_TIME_MAX));
}

static void refused(void **state)
{
    (void)state;
    assert_int_equal(add(NHI_REVOKE_TICKET, "short", NOW), NHI_ERR_ARG);
    assert_int_equal(add(NHI_REVOKE_TASK, "", NOW), NHI_ERR_ARG);
    assert_int_equal(add(NHI_REVOKE_AGENT, "Root", NOW), NHI_ERR_ARG);
    assert_int_equal(add(NHI_REVOKE_ISSUER, "12345678901234567", NOW), NHI_ERR_ARG);
    assert_int_equal(add((enum nhi_revoke_kind)0, "x", NOW), NHI_ERR_ARG);
    assert_int_equal(add((enum nhi_revoke_kind)5, "x", NOW), NHI_ERR_ARG);
    assert_int_equal(load(), NHI_OK);
    assert_int_equal(got.count, 0);
}

static void idempotent(void **state)
{
    (void)state;
    assert_int_equal(add(NHI_REVOKE_TASK, "t", NOW), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_TASK, "t", NOW + 5), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_AGENT, "t", NOW + 7), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_AGENT, "t", NOW + 9), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_AGENT, "t", NOW + 8), NHI_OK);
    assert_int_equal(load(), NHI_OK);
    assert_int_equal(got.count, 2);
    assert_true(has(NHI_REVOKE_TASK, "t", NOW));
    assert_true(has(NHI_REVOKE_AGENT, "t", NOW + 9));
}

/* With every slot taken, and without losing one. */
static void locked_down(void **state)
{
    char id[24];

    (void)state;
    assert_int_equal(load(), NHI_OK);
    assert_false(got.lockdown);
    for (int i = 0; i < NHI_RESERVE_SLOTS; i++) {
        snprintf(id, sizeof(id), "task-%d", i);
        assert_int_equal(add(NHI_REVOKE_TASK, id, NOW), NHI_OK);
    }
    assert_int_equal(nhi_reserve_lock_down(NHI_STATE_DIR, NHI_RUN_DIR, &lasts), NHI_OK);
    assert_true(lasts);
    assert_int_equal(nhi_reserve_lock_down(NHI_STATE_DIR, NHI_RUN_DIR, &lasts), NHI_OK);
    assert_true(lasts);
    assert_int_equal(load(), NHI_OK);
    assert_true(got.lockdown);
    assert_int_equal(got.count, NHI_RESERVE_SLOTS);
    assert_int_equal(nhi_reserve_let_in(NHI_STATE_DIR, NHI_RUN_DIR), NHI_OK);
    assert_int_equal(load(), NHI_OK);
    assert_false(got.lockdown);
    assert_int_equal(got.count, NHI_RESERVE_SLOTS);
    assert_int_equal(nhi_reserve_lock_down("/nonexistent", "/nonexistent", &lasts), NHI_ERR_NOT_FOUND);
    assert_false(lasts);
}

static void full(void **state)
{
    unsigned n;

    (void)state;
    for (n = 0; n < NHI_RESERVE_SLOTS; n++)
        assert_int_equal(add(NHI_REVOKE_TICKET, jti(n), NOW), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_TICKET, jti(n), NOW), NHI_ERR_FULL);
    assert_int_equal(add(NHI_REVOKE_TICKET, jti(3), NOW), NHI_OK);
    assert_int_equal(load(), NHI_OK);
    assert_int_equal(got.count, NHI_RESERVE_SLOTS);
    for (n = 0; n < NHI_RESERVE_SLOTS; n++)
        assert_true(has(NHI_REVOKE_TICKET, jti(n), NOW));
}

/* Each byte of a file with two slots, in three ways if it is in use. All damage is noticed: the file then means
 * lockdown. */
static void damaged(void **state)
{
    static const unsigned char flips[] = { 0x01, 0x80, 0xff };
    static unsigned char good[FILE_MAX], bad[FILE_MAX];
    size_t len;

    (void)state;
    assert_int_equal(add(NHI_REVOKE_TICKET, jti(1), NOW), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_AGENT, "ci-bot", NOW), NHI_OK);
    len = state_slurp(STATE_RESERVE, good, sizeof(good));
    assert_int_equal(len, 512 * 128);
    for (size_t i = 0; i < len; i++)
        for (size_t f = 0; f < (i < 512 ? sizeof(flips) : 1); f++) {
            FILE *file = fopen(STATE_RESERVE, "r+");

            assert_non_null(file);
            assert_int_equal(fseek(file, (long)i, SEEK_SET), 0);
            assert_int_equal(fputc(good[i] ^ flips[f], file), good[i] ^ flips[f]);
            assert_int_equal(fclose(file), 0);
            if (load() != NHI_ERR_CORRUPT) {
                print_error("byte %zu ^ %#x went unseen\n", i, flips[f]);
                fail();
            }
            file = fopen(STATE_RESERVE, "r+");
            assert_non_null(file);
            assert_int_equal(fseek(file, (long)i, SEEK_SET), 0);
            assert_int_equal(fputc(good[i], file), good[i]);
            assert_int_equal(fclose(file), 0);
        }
    assert_int_equal(load(), NHI_OK);
    /* A damaged file is not written to: it is left to a person. */
    memcpy(bad, good, len);
    bad[128 + 20] ^= 1;
    state_spill(STATE_RESERVE, bad, len);
    assert_int_equal(add(NHI_REVOKE_TASK, "t", NOW), NHI_ERR_CORRUPT);
    memcpy(good, bad, len);
    assert_int_equal(state_slurp(STATE_RESERVE, bad, sizeof(bad)), len);
    assert_memory_equal(bad, good, len);
}

static void wrong_size_or_place(void **state)
{
    static unsigned char good[FILE_MAX];
    size_t len;

    (void)state;
    len = state_slurp(STATE_RESERVE, good, sizeof(good));
    state_spill(STATE_RESERVE, good, len - 1);
    assert_int_equal(load(), NHI_ERR_CORRUPT);
    state_spill(STATE_RESERVE, good, len + 1);
    assert_int_equal(load(), NHI_ERR_CORRUPT);
    state_spill(STATE_RESERVE, good, 0);
    assert_int_equal(load(), NHI_ERR_CORRUPT);
    state_spill(STATE_RESERVE, good, len);
    assert_int_equal(load(), NHI_OK);
    assert_int_equal(chmod(STATE_RESERVE, 0640), 0);
    assert_int_equal(load(), NHI_ERR_UNSAFE);
    assert_int_equal(add(NHI_REVOKE_TASK, "t", NOW), NHI_ERR_UNSAFE);
    assert_int_equal(chmod(STATE_RESERVE, 0600), 0);
    assert_int_equal(chown(STATE_RESERVE, 1, 0), 0);
    assert_int_equal(load(), NHI_ERR_UNSAFE);
    assert_int_equal(chown(STATE_RESERVE, 0, 0), 0);
    assert_int_equal(rename(STATE_RESERVE, NHI_STATE_DIR "/away"), 0);
    assert_int_equal(load(), NHI_ERR_NOT_FOUND);
    assert_int_equal(symlink(NHI_STATE_DIR "/away", STATE_RESERVE), 0);
    assert_int_equal(load(), NHI_ERR_UNSAFE);
}

static void on_a_full_disk(void **state)
{
    (void)state;
    state_reset("1m");
    assert_int_equal(nhi_reserve_create(NHI_STATE_DIR), NHI_OK);
    state_disk_fill();
    for (unsigned n = 0; n < NHI_RESERVE_SLOTS; n++)
        assert_int_equal(add(NHI_REVOKE_TICKET, jti(n), NOW), NHI_OK);
    assert_int_equal(load(), NHI_OK);
    assert_int_equal(got.count, NHI_RESERVE_SLOTS);
    state_disk_free();
}

static int count_event(const struct nhi_event *e, void *ctx)
{
    assert_string_equal(e->kind, "revoke");
    ++*(int *)ctx;
    return 0;
}

static void drained(void **state)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1), u = state_ticket(2);
    struct nhi_ticket_row r;
    struct nhi_issuer i;
    struct nhi_agent a;
    uint32_t moved = 99;
    int events = 0;

    (void)state;
    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
    memcpy(u.task, "other", 6);
    assert_int_equal(nhi_ticket_record(l, &u, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
    assert_int_equal(nhi_ledger_commit(l), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_TICKET, t.jti, NOW + 1), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_TASK, "other", NOW + 2), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_AGENT, "other-bot", NOW + 3), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_AGENT, "unknown-bot", NOW + 3), NHI_OK);
    assert_int_equal(add(NHI_REVOKE_ISSUER, "k1", NOW + 4), NHI_OK);
    assert_int_equal(nhi_reserve_drain(NHI_STATE_DIR, NHI_RUN_DIR, l, NOW + 5, &moved), NHI_OK);
    assert_int_equal(moved, 5);
    assert_int_equal(nhi_reserve_drain(NHI_STATE_DIR, NHI_RUN_DIR, l, NOW + 6, &moved), NHI_OK);
    assert_int_equal(moved, 0);
    assert_int_equal(nhi_reserve_drain(NHI_STATE_DIR, NHI_RUN_DIR, l, NOW + 6, NULL), NHI_OK);
    assert_int_equal(load(), NHI_OK);
    assert_int_equal(got.count, 0);
    assert_int_equal(nhi_ticket_get(l, t.jti, &r), NHI_OK);
    assert_string_equal(r.reason, "recorded in the reserve");
    assert_int_equal(nhi_ticket_get(l, u.jti, &r), NHI_OK);
    assert_string_equal(r.reason, "recorded in the reserve");
    assert_int_equal(nhi_agent_get(l, "other-bot", &a), NHI_OK);
    assert_int_equal(a.revoked_until, NOW + 3);
    assert_int_equal(nhi_issuer_get(l, "k1", &i), NHI_OK);
    assert_int_equal(i.state, NHI_ISSUER_REVOKED);
    assert_int_equal(nhi_event_each(l, 0, 100, count_event, &events), NHI_OK);
    assert_int_equal(events, 5);
    nhi_ledger_close(l);
}

static enum nhi_err note(enum nhi_revoke_kind kind, const char *id, const char *reason)
{
    struct nhi_reserve_note n = { .kind = kind, .at = NOW + 1, .uid = 0, .loginuid = 1000, .sudo_uid = -1 };

    snprintf(n.id, sizeof(n.id), "%s", id);
    snprintf(n.reason, sizeof(n.reason), "%s", reason);
    return nhi_reserve_note_add(NHI_STATE_DIR, &n);
}

static struct {
    int count, unsaid;
    char details[600];
} told;

static int hear(const struct nhi_event *e, void *ctx)
{
    (void)ctx;
    told.count++;
    told.unsaid += strcmp(e->cause, "recorded in the reserve") == 0;
    snprintf(told.details, sizeof(told.details), "%s", e->detail);
    return 0;
}

/* The place for notes is limited; their revocations have their own. */
static void notes_are_full(void **state)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_WRITE);
    char id[NHI_TASK_MAX + 1], longest[NHI_TEXT_MAX + 1];
    struct nhi_task task;
    struct stat before, after;

    (void)state;
    memset(longest, 'x', NHI_TEXT_MAX);
    longest[NHI_TEXT_MAX] = '\0';
    assert_int_equal(stat(NHI_STATE_DIR "/" NHI_NOTES_FILE, &before), 0);
    for (int i = 0; i < NHI_RESERVE_NOTES + 2; i++) {
        snprintf(id, sizeof(id), "task-%d", i);
        assert_int_equal(add(NHI_REVOKE_TASK, id, NOW + 1), NHI_OK);
        assert_int_equal(note(NHI_REVOKE_TASK, id, longest), i < NHI_RESERVE_NOTES ? NHI_OK : NHI_ERR_FULL);
    }
    assert_int_equal(stat(NHI_STATE_DIR "/" NHI_NOTES_FILE, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(nhi_reserve_drain(NHI_STATE_DIR, NHI_RUN_DIR, l, NOW + 5, NULL), NHI_OK);
    memset(&told, 0, sizeof(told));
    assert_int_equal(nhi_event_each(l, 0, 1000, hear, NULL), NHI_OK);
    assert_int_equal(told.count, NHI_RESERVE_NOTES + 2);
    assert_int_equal(told.unsaid, 2);
    /* There is room again, and nothing is recorded twice. */
    assert_int_equal(note(NHI_REVOKE_AGENT, "ci-bot", "why"), NHI_OK);
    assert_int_equal(nhi_reserve_drain(NHI_STATE_DIR, NHI_RUN_DIR, l, NOW + 6, NULL), NHI_OK);
    assert_int_equal(nhi_reserve_drain(NHI_STATE_DIR, NHI_RUN_DIR, l, NOW + 6, NULL), NHI_OK);
    memset(&told, 0, sizeof(told));
    assert_int_equal(nhi_event_each(l, 0, 1000, hear, NULL), NHI_OK);
    assert_int_equal(told.count, NHI_RESERVE_NOTES + 3);
    assert_string_equal(told.details,
                        "{\"held_in\":\"reserve\",\"kind\":\"agent\",\"id\":\"ci-bot\",\"uid\":0,\"loginuid\":1000}");
    assert_int_equal(nhi_task_get(l, "task-0", &task), NHI_ERR_NOT_FOUND);
    nhi_ledger_close(l);
}

/* As long as the ledger does not accept it, it stays here. */
static void not_drained(void **state)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    uint32_t moved = 99;

    (void)state;
    assert_int_equal(add(NHI_REVOKE_AGENT, "ci-bot", NOW + 1), NHI_OK);
    assert_int_not_equal(nhi_reserve_drain(NHI_STATE_DIR, NHI_RUN_DIR, l, NOW, &moved), NHI_OK);
    assert_int_equal(moved, 99);
    assert_int_equal(load(), NHI_OK);
    assert_true(has(NHI_REVOKE_AGENT, "ci-bot", NOW + 1));
    nhi_ledger_close(l);
}

#define RUN_RESERVE NHI_RUN_DIR "/" NHI_RESERVE_FILE
#define AWAY STATE_RESERVE ".away"

/* When the disk cannot be written, the run directory has what ends access, until the disk can. */
static void for_now(void **state)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_WRITE);
    struct nhi_agent a;
    uint32_t moved = 0;

    (void)state;
    assert_int_equal(rename(STATE_RESERVE, AWAY), 0);
    assert_int_equal(nhi_reserve_add_for_now(NHI_RUN_DIR, NHI_REVOKE_AGENT, "ci-bot", NOW + 1), NHI_OK);
    assert_int_equal(nhi_reserve_lock_down(NHI_STATE_DIR, NHI_RUN_DIR, &lasts), NHI_OK);
    assert_false(lasts);
    /* A second one goes to the same file, and takes nothing out of it. */
    assert_int_equal(nhi_reserve_add_for_now(NHI_RUN_DIR, NHI_REVOKE_TASK, "build-1", NOW + 2), NHI_OK);
    assert_int_equal(load(), NHI_ERR_NOT_FOUND);
    assert_int_equal(rename(AWAY, STATE_RESERVE), 0);
    assert_int_equal(add(NHI_REVOKE_TASK, "build-2", NOW), NHI_OK);
    assert_int_equal(load(), NHI_OK);
    assert_int_equal(got.count, 3);
    assert_true(got.lockdown && has(NHI_REVOKE_AGENT, "ci-bot", NOW + 1) && has(NHI_REVOKE_TASK, "build-1", NOW + 2));
    assert_true(nhi_reserve_is_locked_down(NHI_STATE_DIR, NHI_RUN_DIR));
    assert_int_equal(nhi_reserve_drain(NHI_STATE_DIR, NHI_RUN_DIR, l, NOW + 5, &moved), NHI_OK);
    assert_int_equal(moved, 3);
    assert_int_equal(nhi_agent_get(l, "ci-bot", &a), NHI_OK);
    assert_int_equal(a.revoked_until, NOW + 1);
    /* The lockdown is on the disk now. */
    assert_int_equal(unlink(RUN_RESERVE), 0);
    assert_int_equal(load(), NHI_OK);
    assert_true(got.lockdown && got.count == 0);
    nhi_ledger_close(l);
}

/* A lockdown ends in both places; one that cannot be read denies. */
static void run_reserve(void **state)
{
    (void)state;
    assert_int_equal(nhi_reserve_create(NHI_RUN_DIR), NHI_OK);
    assert_int_equal(load(), NHI_OK);
    assert_false(got.lockdown);
    assert_int_equal(rename(STATE_RESERVE, AWAY), 0);
    assert_int_equal(nhi_reserve_lock_down(NHI_STATE_DIR, NHI_RUN_DIR, &lasts), NHI_OK);
    assert_int_equal(rename(AWAY, STATE_RESERVE), 0);
    assert_int_equal(nhi_reserve_lock_down(NHI_STATE_DIR, NHI_RUN_DIR, &lasts), NHI_OK);
    assert_true(lasts);
    assert_int_equal(nhi_reserve_let_in(NHI_STATE_DIR, NHI_RUN_DIR), NHI_OK);
    assert_int_equal(load(), NHI_OK);
    assert_false(got.lockdown);
    assert_int_equal(truncate(RUN_RESERVE, 100), 0);
    assert_int_equal(load(), NHI_ERR_CORRUPT);
    assert_int_equal(unlink(RUN_RESERVE), 0);
    assert_int_equal(load(), NHI_OK);
}

static int add_many(int who)
{
    for (unsigned n = 0; n < ADDS; n++)
        if (add(NHI_REVOKE_TICKET, jti((unsigned)who * 1000 + n), NOW) != NHI_OK)
            return 1;
    return 0;
}

static void at_once(void **state)
{
    (void)state;
    assert_int_equal(state_parallel(WORKERS, add_many), 0);
    assert_int_equal(load(), NHI_OK);
    assert_int_equal(got.count, WORKERS * ADDS);
    for (unsigned who = 0; who < WORKERS; who++)
        for (unsigned n = 0; n < ADDS; n++)
            assert_true(has(NHI_REVOKE_TICKET, jti(who * 1000 + n), NOW));
}

/* ---- its effect on a decision ---- */

static bool own = true; /* the issuer is this host */

static struct nhi_facts applied(enum nhi_revoke_kind kind, const char *id, int64_t at)
{
    struct nhi_facts f = { .issuer = { .state = NHI_ISSUER_ACTIVE, .own = own }, .ancestor_count = 1 };
    struct nhi_ticket t = state_ticket(1);

    memset(&got, 0, sizeof(got));
    got.count = 1;
    got.slots[0].kind = kind;
    got.slots[0].at = at;
    snprintf(got.slots[0].id, sizeof(got.slots[0].id), "%s", id);
    state_jti(2, t.parent);
    state_jti(9, f.ancestors[0]);
    nhi_reserve_apply(&got, &t, &f);
    return f;
}

static void applies(void **state)
{
    struct nhi_facts f = { .lockdown = false };

    (void)state;
    assert_true(applied(NHI_REVOKE_TICKET, jti(1), NOW).revoked);
    assert_true(applied(NHI_REVOKE_TICKET, jti(2), NOW).revoked);
    assert_true(applied(NHI_REVOKE_TICKET, jti(9), NOW).revoked);
    assert_false(applied(NHI_REVOKE_TICKET, jti(3), NOW).revoked);
    assert_true(applied(NHI_REVOKE_TASK, "build-1", NOW).revoked);
    assert_false(applied(NHI_REVOKE_TASK, "build-2", NOW).revoked);
    assert_true(applied(NHI_REVOKE_AGENT, "ci-bot", NOW).revoked);
    assert_false(applied(NHI_REVOKE_AGENT, "ci-bot", NOW - 1).revoked);
    own = false;
    assert_true(applied(NHI_REVOKE_AGENT, "ci-bot", NOW - 30).revoked);
    assert_false(applied(NHI_REVOKE_AGENT, "ci-bot", NOW - 31).revoked);
    own = true;
    assert_false(applied(NHI_REVOKE_AGENT, "other-bot", NOW).revoked);
    assert_int_equal(applied(NHI_REVOKE_ISSUER, "k1", NOW).issuer.state, NHI_ISSUER_REVOKED);
    assert_int_equal(applied(NHI_REVOKE_ISSUER, "k2", NOW).issuer.state, NHI_ISSUER_ACTIVE);
    memset(&got, 0, sizeof(got));
    nhi_reserve_apply(&got, NULL, &f);
    assert_false(f.lockdown);
    got.lockdown = true;
    nhi_reserve_apply(&got, NULL, &f);
    assert_true(f.lockdown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nobody_is_waited_for, fresh),
        cmocka_unit_test_setup(roundtrip, fresh),
        cmocka_unit_test_setup(refused, fresh),
        cmocka_unit_test_setup(idempotent, fresh),
        cmocka_unit_test_setup(full, fresh),
        cmocka_unit_test_setup(locked_down, fresh),
        cmocka_unit_test_setup(damaged, fresh),
        cmocka_unit_test_setup(wrong_size_or_place, fresh),
        cmocka_unit_test(on_a_full_disk),
        cmocka_unit_test_setup(drained, fresh),
        cmocka_unit_test_setup(notes_are_full, fresh),
        cmocka_unit_test_setup(not_drained, fresh),
        cmocka_unit_test_setup(for_now, fresh),
        cmocka_unit_test_setup(run_reserve, fresh),
        cmocka_unit_test_setup(at_once, fresh),
        cmocka_unit_test(applies),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("reserve", tests, NULL, NULL);
}

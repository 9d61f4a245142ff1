/* SPDX-License-Identifier: ISC */
/*
 * How sessions end: each once, with the true reason, whoever notices first and whatever goes wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "libnhi/ledger/fold.h"
#include "libnhi/ledger/fold_session.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_session.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_end.h"
#include "libnhi/session/session_find.h"
#include "tests/lib/state.h"

#define SESSIONS NHI_RUN_DIR "/" NHI_SESSIONS_DIR
#define LOGIN_UID 1000
#define OTHER_BOOT "01234567-89ab-cdef-0123-456789abcdef"

/* ---- the events in the ledger ---- */

struct heard {
    int count;
    char reasons[1024]; /* each followed by a comma */
    char detail[512];   /* of the last */
    struct nhi_event last;
};
static struct heard heard;

static int hear(const struct nhi_event *e, void *ctx)
{
    (void)ctx;
    if (strcmp(e->kind, "session-end") != 0)
        return 0;
    heard.count++;
    heard.last = *e;
    snprintf(heard.detail, sizeof(heard.detail), "%s", e->detail);
    if (strlen(heard.reasons) < 900)
        snprintf(heard.reasons + strlen(heard.reasons), 100, "%s,", e->reason);
    return 0;
}

static void listen_again(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);

    memset(&heard, 0, sizeof(heard));
    assert_int_equal(nhi_event_each(l, 0, 1000, hear, NULL), NHI_OK);
    nhi_ledger_close(l);
}

static struct {
    bool does;
    int asked;
} down;

static bool goes_down(void)
{
    down.asked++;
    return down.does;
}

static enum nhi_err fold_now(void)
{
    struct nhi_ledger *l = NULL;
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_WRITE, &l);

    if (err == NHI_OK)
        err = nhi_fold(NHI_STATE_DIR, l, STATE_NOW, NULL);
    if (err == NHI_OK)
        err = nhi_fold_sessions(NHI_RUN_DIR, l, STATE_NOW, goes_down, NULL);
    nhi_ledger_close(l);
    return err;
}

/* Folds twice: the second time there is nothing new. */
static void told(const char *reasons)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fold_now(), NHI_OK);
        listen_again();
        assert_string_equal(heard.reasons, reasons);
    }
    assert_int_equal(state_count(SESSIONS, "e-"), 0);
    assert_int_equal(state_count(STATE_GRANTS, "s-"), 0);
}

static int count_open(const char *handle, const struct nhi_grant *g, void *ctx)
{
    (void)handle;
    (void)g;
    ++*(int *)ctx;
    return 0;
}

static int open_ones(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    int n = 0;

    assert_int_equal(nhi_session_each_open(l, NULL, count_open, &n), NHI_OK);
    nhi_ledger_close(l);
    return n;
}

/* ---- sessions ---- */

static int in_child(int (*fn)(void))
{
    int status;
    pid_t pid;

    (void)fflush(stdout);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fn());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static enum nhi_err register_as(const struct nhi_grant *g, enum nhi_session_of of)
{
    return nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, g, of, LOGIN_UID);
}

static unsigned number = 1; /* of the grant */

static int open_and_close(void)
{
    struct nhi_grant g = state_grant(number, number);

    if (register_as(&g, NHI_OF_TREE) != NHI_OK)
        return 1;
    nhi_session_close(NHI_RUN_DIR, &g);
    return 0;
}

static int open_and_die(void)
{
    struct nhi_grant g = state_grant(number, number);

    return register_as(&g, NHI_OF_TREE) != NHI_OK;
}

static void closed(void **state)
{
    struct nhi_grant g = state_grant(1, 1);

    (void)state;
    assert_int_equal(in_child(open_and_close), 0);
    told("closed,");
    assert_string_equal(heard.last.agent, "ci-bot");
    assert_string_equal(heard.last.task, "build-1");
    assert_string_equal(heard.last.jti, g.ticket.jti);
    assert_string_equal(heard.last.within, g.id);
    assert_string_equal(heard.last.account, g.subject);
    assert_string_equal(heard.last.service, g.service);
    assert_memory_equal(heard.last.session, "p-", 2);
    assert_non_null(strstr(heard.detail, "\"began\":\"2027-01-15T08:00:00Z\""));
    assert_int_equal(open_ones(), 0);
}

static void gone(void **state)
{
    (void)state;
    assert_int_equal(in_child(open_and_die), 0);
    told("gone,");
}

static int open_and_be_ended(void)
{
    struct nhi_grant g = state_grant(number, number);

    if (register_as(&g, NHI_OF_TREE) != NHI_OK)
        return 1;
    nhi_session_say_why(NHI_RUN_DIR, g.id, NHI_END_BY_HAND);
    nhi_session_close(NHI_RUN_DIR, &g);
    return 0;
}

/* Sessions that close, or are gone, during a shutdown were ended by it; a session that somebody ends then was not. */
static void host_goes_down(void **state)
{
    (void)state;
    down.does = true;
    down.asked = 0;
    told("");
    assert_int_equal(down.asked, 0);
    assert_int_equal(in_child(open_and_close), 0);
    told("reboot,");
    number = 2;
    assert_int_equal(down.asked, 1);
    assert_int_equal(in_child(open_and_die), 0);
    told("reboot,reboot,");
    assert_int_equal(down.asked, 2);
    number = 3;
    assert_int_equal(in_child(open_and_be_ended), 0);
    told("reboot,reboot,by-hand,");
    down.does = false;
    number = 4;
    assert_int_equal(in_child(open_and_close), 0);
    told("reboot,reboot,by-hand,closed,");
    number = 1;
}

/* Before its record was folded, or after. */
static void gone_later(void **state)
{
    struct nhi_grant g = state_grant(1, 1);

    (void)state;
    assert_int_equal(register_as(&g, NHI_OF_TREE), NHI_OK);
    told("");
    assert_int_equal(open_ones(), 1);
    nhi_session_close(NHI_RUN_DIR, &g);
    told("closed,");
    assert_int_equal(open_ones(), 0);
}

/* One process opens and closes one after another, as a daemon may. */
static void one_after_another(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 3; i++) {
        struct nhi_grant g = state_grant(i, i);

        assert_int_equal(register_as(&g, NHI_OF_TREE), NHI_OK);
        nhi_session_close(NHI_RUN_DIR, &g);
    }
    told("closed,closed,closed,");
}

static int new_audit_session(void)
{
    int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
    int rc = fd >= 0 && write(fd, "1000", 4) == 4 ? 0 : 1;
    uint32_t id;

    if (fd >= 0)
        close(fd);
    return rc != 0 || nhi_proc_audit(getpid(), &id) != NHI_OK;
}

static int log_in(void)
{
    struct nhi_grant g = state_grant(1, 1);

    return new_audit_session() != 0 || register_as(&g, NHI_OF_LOGIN) != NHI_OK;
}

static int log_in_and_out(void)
{
    struct nhi_grant g = state_grant(1, 1), found;

    if (log_in() != 0)
        return 1;
    nhi_session_close(NHI_RUN_DIR, &g);
    if (nhi_session_find(NHI_RUN_DIR, getpid(), &found) != NHI_OK)
        return 2;
    /* It is open as long as a process is inside. */
    return fold_now() != NHI_OK || nhi_session_find(NHI_RUN_DIR, getpid(), &found) != NHI_OK;
}

static void need_audit(void)
{
    if (in_child(new_audit_session) != 0) {
        print_message("this kernel gives no audit session\n");
        skip();
    }
}

static void audit_session_closed(void **state)
{
    (void)state;
    need_audit();
    assert_int_equal(in_child(log_in_and_out), 0);
    assert_int_equal(state_count(SESSIONS, "a-"), 1);
    told("closed,");
    assert_int_equal(state_count(SESSIONS, "a-"), 0);
}

static void audit_session_gone(void **state)
{
    (void)state;
    need_audit();
    assert_int_equal(in_child(log_in), 0);
    told("gone,");
}

/* A grant that opened no session has no end. */
static void never_opened(void **state)
{
    struct nhi_grant g = state_grant(1, 1);

    (void)state;
    assert_int_equal(nhi_grant_commit(NHI_STATE_DIR, &g), NHI_OK);
    told("");
    assert_int_equal(open_ones(), 0);
}

/* What cannot be recorded is not a session. */
static void full_disk(void **state)
{
    struct nhi_grant g = state_grant(1, 1), other = state_grant(2, 2);

    (void)state;
    assert_int_equal(register_as(&g, NHI_OF_TREE), NHI_OK);
    state_disk_fill();
    nhi_session_close(NHI_RUN_DIR, &g);
    assert_int_equal(register_as(&other, NHI_OF_TREE), NHI_ERR_FULL);
    assert_int_equal(state_count(SESSIONS, "p-"), 0);
    state_disk_free();
    told("closed,");
}

/* /run without space for anything: it is closed all the same. */
static void full_run(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    char name[] = NHI_RUN_DIR "/a";

    (void)state;
    assert_int_equal(register_as(&g, NHI_OF_TREE), NHI_OK);
    state_unpublish();
    assert_int_equal(mount("none", NHI_RUN_DIR, NULL, MS_REMOUNT, "size=4k,nr_inodes=7"), 0);
    while (symlink("x", name) == 0)
        name[strlen(name) - 1]++;
    assert_int_equal(errno, ENOSPC);
    nhi_session_close(NHI_RUN_DIR, &g);
    assert_int_equal(state_count(SESSIONS, "p-"), 0);
    told("closed,");
}

/* A boot empties /run, and leaves the ledger and unfolded records. */
static void rebooted(void **state)
{
    struct nhi_grant before = state_grant(1, 1), unfolded = state_grant(2, 2);

    (void)state;
    memcpy(before.boot, OTHER_BOOT, sizeof(before.boot));
    memcpy(unfolded.boot, OTHER_BOOT, sizeof(unfolded.boot));
    assert_int_equal(nhi_grant_opens(NHI_STATE_DIR, &before, "p-01234567-1-2"), NHI_OK);
    told("reboot,");
    assert_int_equal(nhi_grant_opens(NHI_STATE_DIR, &unfolded, "a-01234567-7"), NHI_OK);
    told("reboot,reboot,");
    assert_int_equal(open_ones(), 0);
}

/* A container may keep its /run. */
static void rebooted_with_run(void **state)
{
    struct nhi_grant g = state_grant(1, 1);

    (void)state;
    memcpy(g.boot, OTHER_BOOT, sizeof(g.boot));
    assert_int_equal(register_as(&g, NHI_OF_TREE), NHI_OK);
    told("reboot,");
    assert_int_equal(state_count(SESSIONS, "p-"), 0);
}

/* /run was cleared: how these ended is not known. */
static void handle_lost(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    char handle[NHI_TREE_MAX + 1], path[300];

    (void)state;
    assert_int_equal(register_as(&g, NHI_OF_TREE), NHI_OK);
    told("");
    nhi_session_handle(&g, handle);
    assert_true(nhi_session_remove(NHI_RUN_DIR, handle));
    told("gone,");
    assert_false(nhi_session_remove(NHI_RUN_DIR, handle));
    assert_false(nhi_session_remove(NHI_RUN_DIR "/elsewhere", handle));
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_false(nhi_session_remove(path, handle));
}

/* Its program closes it because it was told to end: that is not how it ended. */
static void ended_and_closed(void **state)
{
    struct nhi_grant g = state_grant(1, 1), other = state_grant(2, 2);

    (void)state;
    assert_int_equal(register_as(&g, NHI_OF_TREE), NHI_OK);
    nhi_session_say_why(NHI_RUN_DIR, g.id, "expired");
    nhi_session_say_why(NHI_RUN_DIR, g.id, "by-hand");
    told("");
    nhi_session_close(NHI_RUN_DIR, &g);
    told("expired,");
    assert_int_equal(register_as(&other, NHI_OF_TREE), NHI_OK);
    nhi_session_close(NHI_RUN_DIR, &other);
    told("expired,closed,");
    assert_int_equal(state_count(SESSIONS, NULL), 0);
}

/* ---- many at once ---- */

#define MANY 20

static int end_and_fold(int n)
{
    const char *reasons[] = { "expired", "by-hand", "revoked" };

    for (unsigned i = 1; i <= MANY; i++) {
        struct nhi_grant g = state_grant(i, i);
        char handle[NHI_TREE_MAX + 1];
        enum nhi_err err;

        g.self.pid = getppid();
        snprintf(handle, sizeof(handle), "p-%.8s-1-%u", g.boot, 1000 + i);
        err = nhi_session_end(NHI_RUN_DIR, handle, g.id, reasons[n % 3]);
        if ((err != NHI_OK && err != NHI_ERR_NOT_FOUND) || (i % 7 == 0 && fold_now() != NHI_OK))
            return 1;
    }
    return fold_now() != NHI_OK;
}

static void all_at_once(void **state)
{
    const char *p;
    int commas = 0;

    (void)state;
    for (unsigned i = 1; i <= MANY; i++) {
        struct nhi_grant g = state_grant(i, i);

        /* Without a process: a fold while it has its handle counts it as gone, and that is one end, too. */
        g.self.pid = 1;
        g.self.start = 1000 + i;
        assert_int_equal(register_as(&g, NHI_OF_TREE), NHI_OK);
    }
    assert_int_equal(state_parallel(8, end_and_fold), 0);
    assert_int_equal(fold_now(), NHI_OK);
    listen_again();
    for (p = heard.reasons; *p != '\0'; p++)
        commas += *p == ',';
    assert_int_equal(heard.count, MANY);
    assert_int_equal(commas, MANY);
    assert_int_equal(open_ones(), 0);
    assert_int_equal(state_count(SESSIONS, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(closed, state_ready),
        cmocka_unit_test_setup(gone, state_ready),
        cmocka_unit_test_setup(host_goes_down, state_ready),
        cmocka_unit_test_setup(gone_later, state_ready),
        cmocka_unit_test_setup(one_after_another, state_ready),
        cmocka_unit_test_setup(audit_session_closed, state_ready),
        cmocka_unit_test_setup(audit_session_gone, state_ready),
        cmocka_unit_test_setup(never_opened, state_ready),
        cmocka_unit_test_setup(full_disk, state_ready),
        cmocka_unit_test_setup(full_run, state_ready),
        cmocka_unit_test_setup(rebooted, state_ready),
        cmocka_unit_test_setup(rebooted_with_run, state_ready),
        cmocka_unit_test_setup(handle_lost, state_ready),
        cmocka_unit_test_setup(ended_and_closed, state_ready),
        cmocka_unit_test_setup(all_at_once, state_ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * Which session a process is inside, with real processes: fork, exec, setsid, orphans, hostile names, and the ways in
 * which looking can fail, none of which may mean "in none".
 * Invariants: 1, 7, 20.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_end.h"
#include "libnhi/session/session_find.h"
#include "libnhi/session/session_list.h"
#include "tests/lib/state.h"

#define SESSIONS NHI_RUN_DIR "/" NHI_SESSIONS_DIR
#define LOGIN_UID 1000
#define HOSTILE "a) R 1 ("

static char program[256];

/* What one process finds about itself, as an exit status. */
static int find_here(unsigned ticket)
{
    struct nhi_grant g = { .at = -1 };
    char jti[NHI_JTI_LEN + 1];
    enum nhi_err err = nhi_session_find(NHI_RUN_DIR, getpid(), &g);

    state_jti(ticket, jti);
    if (err == NHI_OK && strcmp(g.ticket.jti, jti) != 0)
        return 99;
    if (err != NHI_OK && g.at != -1)
        return 98; /* written after a failure */
    return (int)err;
}

/* In a child: returns fn's value, which is an exit status. */
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

/* The same one process further down, without assertions: runs in children. */
static int deeper(int (*fn)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(fn());
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}

static enum nhi_err register_self(unsigned ticket)
{
    struct nhi_grant g = state_grant(ticket, ticket);

    return nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &g, NHI_OF_TREE, 0);
}

static int find_1(void)
{
    return find_here(1);
}

static int find_after_setsid(void)
{
    return setsid() < 0 ? 96 : find_here(1);
}

static int find_two_down(void)
{
    return deeper(find_1);
}

static int find_setsid_two_down(void)
{
    return deeper(find_after_setsid);
}

static int find_after_exec(void)
{
    (void)execl(program, program, "find", NULL);
    return 95;
}

static int find_with_hostile_name(void)
{
    if (prctl(PR_SET_NAME, HOSTILE) != 0)
        return 94;
    return deeper(find_1);
}

static int register_and_find(void)
{
    if (find_here(1) != NHI_ERR_NOT_FOUND)
        return 93;
    if (register_self(1) != NHI_OK)
        return 92;
    if (find_here(1) != NHI_OK)
        return 91;
    if (deeper(find_1) != NHI_OK || deeper(find_two_down) != NHI_OK)
        return 90;
    if (deeper(find_after_setsid) != NHI_OK || deeper(find_setsid_two_down) != NHI_OK)
        return 89;
    if (deeper(find_after_exec) != NHI_OK)
        return 88;
    return deeper(find_with_hostile_name) != NHI_OK ? 87 : 0;
}

static void inside(void **state)
{
    struct nhi_grant g;
    struct stat st;

    (void)state;
    assert_int_equal(nhi_session_find(NHI_RUN_DIR, getpid(), &g), NHI_ERR_NOT_FOUND);
    assert_int_equal(in_child(register_and_find), 0);
    /* The parent of the process that opened it is not inside. */
    assert_int_equal(nhi_session_find(NHI_RUN_DIR, getpid(), &g), NHI_ERR_NOT_FOUND);
    assert_int_equal(state_count(SESSIONS, "p-"), 1);
    assert_int_equal(stat(NHI_RUN_DIR, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(SESSIONS, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

/* Several generations below, deeper than any person's shell. */
static int generations;

static int descend(void)
{
    return generations-- > 0 ? deeper(descend) : find_here(1);
}

static int deep(void)
{
    generations = 300;
    return register_self(1) != NHI_OK ? 92 : descend();
}

/* A directory of another user has no sessions. */
static void directories_of_others(void **state)
{
    (void)state;
    assert_int_equal(register_self(1), NHI_OK);
    assert_int_equal(chown(SESSIONS, 1001, 0), 0);
    assert_int_equal(register_self(2), NHI_ERR_UNSAFE);
    assert_int_equal(chown(SESSIONS, 0, 0), 0);
    assert_int_equal(chown(NHI_RUN_DIR, 1001, 0), 0);
    assert_int_equal(register_self(2), NHI_ERR_UNSAFE);
    assert_int_equal(chown(NHI_RUN_DIR, 0, 0), 0);
    assert_int_equal(chmod(SESSIONS, 0770), 0);
    assert_int_equal(register_self(1), NHI_OK);
}

/* Only the handles of an audit session and of a cgroup hold more than the process that registered. */
static void outlives(void **state)
{
    struct nhi_grant g = state_grant(1, 1);
    char handle[NHI_TREE_MAX + 1];

    (void)state;
    nhi_session_audit_handle(&g, 7, handle);
    assert_true(nhi_session_outlives(&g, handle));
    nhi_session_handle(&g, handle);
    assert_false(nhi_session_outlives(&g, handle));
    assert_false(nhi_session_outlives(&g, ""));
}

static void far_below(void **state)
{
    (void)state;
    assert_int_equal(in_child(deep), 0);
}

static int nested(void)
{
    if (register_self(1) != NHI_OK)
        return 92;
    return deeper(register_and_find);
}

static int inner_wins(void)
{
    int fd, rc;

    if (register_self(2) != NHI_OK)
        return 92;
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    rc = find_here(2);
    close(fd);
    return rc;
}

static int outer_then_inner(void)
{
    return register_self(1) != NHI_OK ? 92 : deeper(inner_wins);
}

static void innermost(void **state)
{
    (void)state;
    assert_int_equal(in_child(outer_then_inner), 0);
    /* The same ticket: register_and_find sees that it is already inside. */
    assert_int_equal(in_child(nested), 93);
}

static int register_twice(void)
{
    return register_self(1) == NHI_OK && register_self(1) == NHI_OK && register_self(2) == NHI_ERR_EXISTS &&
                   find_here(1) == NHI_OK
               ? 0
               : 1;
}

static void one_ticket_a_handle(void **state)
{
    (void)state;
    assert_int_equal(in_child(register_twice), 0);
    assert_int_equal(state_count(SESSIONS, NULL), 1);
}

/* ---- orphans ---- */

static int answer[2];

/* A child whose parent has ended reports what it finds. */
static int orphan(void)
{
    pid_t parent = getpid(), pid = fork();
    int rc;

    if (pid != 0)
        _exit(pid < 0);
    while (getppid() == parent)
        (void)usleep(100);
    rc = find_here(1);
    return write(answer[1], &rc, sizeof(rc)) != sizeof(rc);
}

static int ask_orphan(void)
{
    int rc = -1;

    if (pipe(answer) != 0 || deeper(orphan) != 0)
        return 97;
    return read(answer[0], &rc, sizeof(rc)) == sizeof(rc) ? rc : 96;
}

static int plain_orphan(void)
{
    return register_self(1) != NHI_OK ? 92 : ask_orphan();
}

static void orphan_leaves_a_process_handle(void **state)
{
    (void)state;
    assert_int_equal(in_child(plain_orphan), NHI_ERR_NOT_FOUND);
}

/* An audit session of its own, as pam_loginuid makes one. */
static int new_audit_session(void)
{
    int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
    int rc = fd >= 0 && write(fd, "1000", 4) == 4 ? 0 : 1;
    uint32_t id;

    if (fd >= 0)
        close(fd);
    return rc != 0 || nhi_proc_audit(getpid(), &id) != NHI_OK;
}

static void need_audit(void)
{
    if (in_child(new_audit_session) != 0) {
        print_message("this kernel gives no audit session\n");
        skip();
    }
}

static enum nhi_err register_login(unsigned ticket)
{
    struct nhi_grant g = state_grant(ticket, ticket);

    return nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &g, NHI_OF_LOGIN, LOGIN_UID);
}

static int audited_orphan(void)
{
    if (new_audit_session() != 0 || register_login(1) != NHI_OK)
        return 92;
    if (find_here(1) != NHI_OK || deeper(find_1) != NHI_OK)
        return 91;
    return ask_orphan();
}

static void orphan_stays_in_an_audit_session(void **state)
{
    (void)state;
    need_audit();
    assert_int_equal(in_child(audited_orphan), NHI_OK);
    assert_int_equal(state_count(SESSIONS, "a-"), 1);
    assert_int_equal(state_count(SESSIONS, "p-"), 0);
}

/* sudo inside a login: the audit session is the login's and must not become sudo's. */
static int not_a_fresh_login(void)
{
    return new_audit_session() != 0 || register_self(1) != NHI_OK;
}

/* The registered session is not the one that it came in. */
static int shares_its_parents(void)
{
    uint32_t before, after;

    return nhi_proc_audit(getpid(), &before) != NHI_OK || register_login(1) != NHI_OK ||
           nhi_proc_audit(getpid(), &after) != NHI_OK || after == before;
}

/* What pam_loginuid gave the login is the session, and no other is made. */
static int keeps_its_own(void)
{
    uint32_t before, after;

    return new_audit_session() != 0 || nhi_proc_audit(getpid(), &before) != NHI_OK || register_login(1) != NHI_OK ||
           nhi_proc_audit(getpid(), &after) != NHI_OK || after != before;
}

static int called_from_it(void)
{
    struct nhi_grant g = state_grant(1, 1);
    uint32_t before, after, uid;

    return new_audit_session() != 0 || nhi_proc_audit(getpid(), &before) != NHI_OK ||
           nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &g, NHI_OF_CALL, 4242) != NHI_OK ||
           nhi_proc_audit(getpid(), &after) != NHI_OK || after == before ||
           nhi_proc_loginuid(getpid(), &uid) != NHI_OK || uid != LOGIN_UID;
}

/* The audit session was set for another login. */
static int for_another_login(void)
{
    struct nhi_grant g = state_grant(1, 1);

    return new_audit_session() != 0 ||
           nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &g, NHI_OF_LOGIN, LOGIN_UID + 1) != NHI_OK;
}

static int below_an_audit_session(void)
{
    return new_audit_session() != 0 || deeper(shares_its_parents) != 0;
}

static void audit_session_of_another(void **state)
{
    (void)state;
    need_audit();
    assert_int_equal(in_child(keeps_its_own), 0);
    assert_int_equal(state_count(SESSIONS, "a-"), 1);
    state_reset("256m");
    assert_int_equal(in_child(not_a_fresh_login), 0);
    assert_int_equal(state_count(SESSIONS, "a-"), 0);
    assert_int_equal(in_child(below_an_audit_session), 0);
    assert_int_equal(in_child(for_another_login), 0);
    assert_int_equal(in_child(called_from_it), 0);
    assert_int_equal(state_count(SESSIONS, "a-"), 3);
    assert_int_equal(state_count(SESSIONS, "p-"), 1);
}

/* ---- forgotten ---- */

static int register_and_forget(void)
{
    struct nhi_grant g = state_grant(1, 1);

    struct nhi_grant other = state_grant(1, 2);

    nhi_session_close(NHI_RUN_DIR, &g);
    if (register_self(1) != NHI_OK || find_here(1) != NHI_OK)
        return 92;
    nhi_session_close(NHI_RUN_DIR, &other);
    if (find_here(1) != NHI_OK)
        return 91;
    nhi_session_close(NHI_RUN_DIR, &g);
    return find_here(1) != NHI_ERR_NOT_FOUND;
}

/* An audit session outlives the process that opened it. */
static int audited_is_not_forgotten(void)
{
    struct nhi_grant g = state_grant(1, 1);

    if (new_audit_session() != 0 || register_login(1) != NHI_OK)
        return 92;
    nhi_session_close(NHI_RUN_DIR, &g);
    return find_here(1) != NHI_OK;
}

static void forgotten(void **state)
{
    (void)state;
    assert_int_equal(in_child(register_and_forget), 0);
    assert_int_equal(state_count(SESSIONS, "p-"), 0);
    need_audit();
    assert_int_equal(in_child(audited_is_not_forgotten), 0);
}

/* ---- looking fails ---- */

static int find_without_descriptors(void)
{
    struct rlimit none = { 0, 0 };

    if (register_self(1) != NHI_OK || setrlimit(RLIMIT_NOFILE, &none) != 0)
        return 92;
    return find_here(1);
}

static int find_with_one_descriptor(void)
{
    struct rlimit few = { 0, 0 };
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    close(fd);
    /* One is enough to open the directory, and for nothing more. */
    few.rlim_cur = few.rlim_max = (rlim_t)fd + 1;
    if (register_self(1) != NHI_OK || setrlimit(RLIMIT_NOFILE, &few) != 0)
        return 92;
    return find_here(1);
}

static void no_descriptors(void **state)
{
    (void)state;
    assert_int_equal(in_child(find_without_descriptors), NHI_ERR_SYS);
    assert_int_equal(in_child(find_with_one_descriptor), NHI_ERR_SYS);
}

static int find_damaged(void)
{
    char path[512];
    struct nhi_grant g = state_grant(1, 1);
    int rc;

    if (register_self(1) != NHI_OK)
        return 92;
    snprintf(path, sizeof(path), SESSIONS "/p-%.8s-%ld-%llu", g.boot, (long)g.self.pid,
             (unsigned long long)g.self.start);
    state_spill(path, "{}", 2);
    rc = find_here(1);
    if (rc == NHI_OK || rc == NHI_ERR_NOT_FOUND)
        return 91;
    if (chmod(path, 0666) != 0)
        return 90;
    rc = find_here(1);
    return rc == NHI_OK || rc == NHI_ERR_NOT_FOUND ? 89 : 0;
}

static void damaged_handle(void **state)
{
    (void)state;
    assert_int_equal(in_child(find_damaged), 0);
}

static void processes(void **state)
{
    struct nhi_proc p, again;
    pid_t parent;
    char boot[37];

    (void)state;
    assert_int_equal(nhi_proc_read(getpid(), &p, &parent), NHI_OK);
    assert_int_equal(p.pid, getpid());
    assert_int_equal(parent, getppid());
    assert_true(p.start > 0);
    assert_int_equal(prctl(PR_SET_NAME, HOSTILE), 0);
    assert_int_equal(nhi_proc_read(getpid(), &again, &parent), NHI_OK);
    assert_true(again.start == p.start);
    assert_int_equal(parent, getppid());
    assert_int_equal(prctl(PR_SET_NAME, "x) S 1 1 1 1 1 "), 0);
    assert_int_equal(nhi_proc_read(getpid(), &again, &parent), NHI_OK);
    assert_true(again.start == p.start);
    assert_int_equal(parent, getppid());
    assert_int_equal(nhi_proc_read(0x7fffffff, &p, &parent), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_boot_id(boot), NHI_OK);
    assert_int_equal(strlen(boot), 36);
}

/* ---- lists ---- */

static int listed[2]; /* dead, alive */

static int see(const char *handle, const struct nhi_grant *g, bool alive, void *ctx)
{
    assert_true(handle[0] == 'p' || handle[0] == 'a');
    assert_string_equal(g->ticket.agent, "ci-bot");
    listed[alive]++;
    return *(int *)ctx;
}

static int register_and_end(void)
{
    return register_self(1) != NHI_OK;
}

static int register_audited_and_end(void)
{
    return new_audit_session() != 0 || register_login(1) != NHI_OK;
}

/* A process that stays inside until it is told to end. */
static pid_t resident(int (*fn)(void), int *end)
{
    int fds[2], ready = 0;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(pipe(answer), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char c;

        close(fds[1]);
        ready = fn();
        if (write(answer[1], &ready, sizeof(ready)) != sizeof(ready))
            _exit(1);
        _exit(read(fds[0], &c, 1) != 0);
    }
    assert_int_equal(read(answer[0], &ready, sizeof(ready)), sizeof(ready));
    assert_int_equal(ready, 0);
    close(answer[0]);
    close(answer[1]);
    close(fds[0]);
    *end = fds[1];
    return pid;
}

/* Only below a directory with a name, and no longer than names are. */
static void not_a_directory(void **state)
{
    char path[300];

    (void)state;
    assert_int_equal(nhi_session_make_dir("nhi"), NHI_ERR_ARG);
    assert_int_equal(nhi_session_make_dir("/"), NHI_ERR_ARG);
    assert_int_equal(nhi_session_make_dir("/run/"), NHI_ERR_ARG);
    memset(path, '/', sizeof(path));
    memcpy(path + 256, "/nhi", 5);
    assert_int_equal(nhi_session_make_dir(path), NHI_ERR_ARG);
    assert_int_equal(nhi_session_make_dir("/run/none/nhi"), NHI_ERR_NOT_FOUND);
}

/* The supervisor watches the directory, and creates it again with each heartbeat. */
static void made_again(void **state)
{
    char buf[512];
    struct stat st;
    int watch;

    (void)state;
    assert_int_equal(nhi_session_make_dir(NHI_RUN_DIR), NHI_OK);
    watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    assert_true(inotify_add_watch(watch, SESSIONS, IN_ALL_EVENTS & ~(IN_OPEN | IN_CLOSE)) >= 0);
    assert_int_equal(nhi_session_make_dir(NHI_RUN_DIR), NHI_OK);
    assert_true(read(watch, buf, sizeof(buf)) < 0);
    /* Unless somebody has opened it to others. */
    assert_int_equal(chmod(SESSIONS, 0755), 0);
    assert_int_equal(nhi_session_make_dir(NHI_RUN_DIR), NHI_OK);
    assert_int_equal(stat(SESSIONS, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    close(watch);
}

static void sweep(void **state)
{
    uint32_t removed = 99;
    int end, go_on = 0, stop = 1;
    pid_t pid;

    (void)state;
    assert_int_equal(nhi_session_sweep(NHI_RUN_DIR, &removed), NHI_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(in_child(register_and_end), 0);
    assert_int_equal(in_child(register_and_end), 0);
    pid = resident(register_and_end, &end);
    listed[0] = listed[1] = 0;
    assert_int_equal(nhi_session_each(NHI_RUN_DIR, see, &go_on), NHI_OK);
    assert_int_equal(listed[0], 2);
    assert_int_equal(listed[1], 1);
    assert_int_equal(nhi_session_each(NHI_RUN_DIR, see, &stop), NHI_OK);
    assert_int_equal(listed[0] + listed[1], 4);
    assert_int_equal(nhi_session_sweep(NHI_RUN_DIR, &removed), NHI_OK);
    assert_int_equal(removed, 2);
    assert_int_equal(state_count(SESSIONS, "p-"), 1);
    close(end);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(nhi_session_sweep(NHI_RUN_DIR, &removed), NHI_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(state_count(SESSIONS, "p-"), 0);
}

static void sweep_audited(void **state)
{
    uint32_t removed = 99;
    pid_t pid;
    int end;

    (void)state;
    need_audit();
    assert_int_equal(in_child(register_audited_and_end), 0);
    pid = resident(register_audited_and_end, &end);
    assert_int_equal(state_count(SESSIONS, "a-"), 2);
    assert_int_equal(nhi_session_sweep(NHI_RUN_DIR, &removed), NHI_OK);
    assert_int_equal(removed, 1);
    close(end);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(nhi_session_sweep(NHI_RUN_DIR, &removed), NHI_OK);
    assert_int_equal(removed, 1);
}

/* Logins all the time during sweeps: none that exists is forgotten. */
static int log_in_often(void)
{
    for (int n = 0; n < 150; n++)
        if (deeper(audited_orphan) != 0)
            return 1;
    return 0;
}

static void sweep_beside_logins(void **state)
{
    int status = 0;
    pid_t pid;

    (void)state;
    need_audit();
    assert_int_equal(in_child(register_audited_and_end), 0);
    (void)fflush(stdout);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(log_in_often());
    while (waitpid(pid, &status, WNOHANG) == 0)
        assert_int_equal(nhi_session_sweep(NHI_RUN_DIR, NULL), NHI_OK);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int sweep_without_descriptors(void)
{
    struct rlimit few = { 0, 0 };
    uint32_t removed = 0;
    enum nhi_err err;

    if (register_self(1) != NHI_OK)
        return 92;
    for (int limit = 32; limit >= 0; limit--) {
        few.rlim_cur = few.rlim_max = (rlim_t)limit;
        if (setrlimit(RLIMIT_NOFILE, &few) != 0)
            return 91;
        err = nhi_session_sweep(NHI_RUN_DIR, &removed);
        if (removed != 0)
            return 90;
    }
    return err == NHI_OK;
}

/* What cannot be looked at does not count as gone. */
static void sweep_that_cannot_look(void **state)
{
    (void)state;
    assert_int_equal(in_child(sweep_without_descriptors), 0);
    assert_int_equal(state_count(SESSIONS, NULL), 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(inside, state_empty),
        cmocka_unit_test_setup(outlives, state_empty),
        cmocka_unit_test_setup(directories_of_others, state_empty),
        cmocka_unit_test_setup(far_below, state_empty),
        cmocka_unit_test_setup(innermost, state_empty),
        cmocka_unit_test_setup(one_ticket_a_handle, state_empty),
        cmocka_unit_test_setup(orphan_leaves_a_process_handle, state_empty),
        cmocka_unit_test_setup(orphan_stays_in_an_audit_session, state_empty),
        cmocka_unit_test_setup(audit_session_of_another, state_empty),
        cmocka_unit_test_setup(forgotten, state_empty),
        cmocka_unit_test_setup(no_descriptors, state_empty),
        cmocka_unit_test_setup(damaged_handle, state_empty),
        cmocka_unit_test(processes),
        cmocka_unit_test(not_a_directory),
        cmocka_unit_test_setup(made_again, state_empty),
        cmocka_unit_test_setup(sweep, state_empty),
        cmocka_unit_test_setup(sweep_audited, state_empty),
        cmocka_unit_test_setup(sweep_beside_logins, state_empty),
        cmocka_unit_test_setup(sweep_that_cannot_look, state_empty),
    };
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

    if (argc == 2 && strcmp(argv[1], "find") == 0)
        return find_1();
    if (n <= 0 || !state_enter())
        return n <= 0;
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}

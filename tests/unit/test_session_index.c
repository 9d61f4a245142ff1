/* SPDX-License-Identifier: ISC */
/*
 * The index of registered sessions: a session that lives is found by whatever it belongs to, wherever the process that
 * registers or closes it is killed, and whatever is wrong with the index.
 * Invariants: 4, 5, 19, 20.
 */
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
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_end.h"
#include "libnhi/session/session_index.h"
#include "libnhi/session/session_list.h"
#include "tests/lib/state.h"

#define SESSIONS NHI_RUN_DIR "/" NHI_SESSIONS_DIR
#define INDEX NHI_RUN_DIR "/" NHI_SESSION_INDEX_DIR
#define JTI(n) "T2345678901234567890" n
#define PARENT JTI("PA")
#define ROOT JTI("RA")

/* ---- what is found ---- */

struct found {
    int count;
    char handles[8][NHI_TREE_MAX + 1];
};

static int note(const char *handle, const struct nhi_grant *g, bool alive, void *ctx)
{
    struct found *f = ctx;

    (void)g;
    (void)alive;
    assert_true(f->count < 8);
    snprintf(f->handles[f->count++], sizeof(f->handles[0]), "%s", handle);
    return 0;
}

static int found(struct nhi_session_about about)
{
    struct found f = { .count = 0 };

    assert_int_equal(nhi_session_each_about(NHI_RUN_DIR, &about, note, &f), NHI_OK);
    return f.count;
}

static int all(void)
{
    struct found f = { .count = 0 };

    assert_int_equal(nhi_session_each(NHI_RUN_DIR, note, &f), NHI_OK);
    return f.count;
}

static int names_in_index(void)
{
    static const struct nhi_session_about none = { .ticket = NULL };
    int dir = open(SESSIONS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct nhi_session_indexed *entries = NULL;
    size_t count = 0;

    assert_true(dir >= 0);
    assert_int_equal(nhi_session_index_read(dir, &none, &entries, &count), NHI_OK);
    free(entries);
    close(dir);
    return (int)count;
}

/* The rule's number of names, or minus the error. */
static int counted(const char *rule)
{
    uint32_t n = 0;
    enum nhi_err err = nhi_session_index_count(NHI_RUN_DIR, rule, &n);

    return err == NHI_OK ? (int)n : -(int)err;
}

/* Number n has process n, which does not exist. */
static struct nhi_grant session(unsigned n, const char *agent, const char *task)
{
    struct nhi_grant g = state_grant(n, n);

    g.self = (struct nhi_proc){ .pid = 1, .start = 1000 + n };
    snprintf(g.ticket.agent, sizeof(g.ticket.agent), "%s", agent);
    snprintf(g.ticket.task, sizeof(g.ticket.task), "%s", task);
    return g;
}

static void enter(const struct nhi_grant *g)
{
    assert_int_equal(nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, g, NHI_OF_TREE, 0), NHI_OK);
}

static void three(void)
{
    struct nhi_grant one = session(1, "ci-bot", "build-1"), two = session(2, "other-bot", "build-2"),
                     three = session(3, "ci-bot", "build-3");

    memcpy(two.ticket.parent, PARENT, sizeof(two.ticket.parent));
    memcpy(two.ticket.kid, "k2", 3);
    memcpy(three.root, ROOT, sizeof(three.root));
    snprintf(three.rule, sizeof(three.rule), "another rule");
    enter(&one);
    enter(&two);
    enter(&three);
}

static void by_each(void **state)
{
    char jti[NHI_JTI_LEN + 1];

    (void)state;
    three();
    state_jti(1, jti);
    assert_int_equal(found((struct nhi_session_about){ .ticket = jti }), 1);
    assert_int_equal(found((struct nhi_session_about){ .ticket = PARENT }), 1);
    assert_int_equal(found((struct nhi_session_about){ .ticket = ROOT }), 1);
    assert_int_equal(found((struct nhi_session_about){ .ticket = jti, .lineage = ROOT }), 2);
    assert_int_equal(found((struct nhi_session_about){ .agent = "ci-bot" }), 2);
    assert_int_equal(found((struct nhi_session_about){ .task = "build-3" }), 1);
    assert_int_equal(found((struct nhi_session_about){ .issuer = "k2" }), 1);
    assert_int_equal(found((struct nhi_session_about){ .issuer = "k1" }), 2);
    /* Nothing has no name, and is nobody's parent. */
    assert_int_equal(found((struct nhi_session_about){ .ticket = "" }), 0);
    assert_int_equal(found((struct nhi_session_about){ .task = "build-4" }), 0);
    assert_int_equal(found((struct nhi_session_about){ .ticket = "......................" }), 0);
    assert_int_equal(names_in_index(), 3);
}

/* Only records of sessions that are meant are read: that of another may be anything. */
static void others_are_not_read(void **state)
{
    struct nhi_grant one = session(1, "ci-bot", "build-1");
    char handle[NHI_TREE_MAX + 1], path[256];

    (void)state;
    three();
    nhi_session_handle(&one, handle);
    snprintf(path, sizeof(path), SESSIONS "/%s", handle);
    assert_int_equal(chown(path, 1001, 1001), 0);
    assert_int_equal(found((struct nhi_session_about){ .task = "build-3" }), 1);
    assert_int_equal(chown(path, 0, 0), 0);
}

static void ends(void **state)
{
    struct nhi_grant one = session(1, "ci-bot", "build-1"), own = state_grant(4, 4);
    char handle[NHI_TREE_MAX + 1];

    (void)state;
    three();
    nhi_session_handle(&one, handle);
    assert_int_equal(nhi_session_end(NHI_RUN_DIR, handle, one.id, "revoked"), NHI_OK);
    assert_int_equal(found((struct nhi_session_about){ .agent = "ci-bot" }), 1);
    assert_int_equal(names_in_index(), 2);
    enter(&own);
    assert_int_equal(names_in_index(), 3);
    nhi_session_close(NHI_RUN_DIR, &own);
    assert_int_equal(names_in_index(), 2);
    assert_int_equal(nhi_session_sweep(NHI_RUN_DIR, NULL), NHI_OK);
    assert_int_equal(names_in_index(), 0);
    assert_int_equal(all(), 0);
}

/* Counted by what is recorded: what began to end a session recorded why. */
static void counts(void **state)
{
    struct nhi_grant two = session(2, "other-bot", "build-2"), gone = session(9, "ci-bot", "build-9");
    struct nhi_session_count n = { .registered = 9 };
    char handle[NHI_TREE_MAX + 1];

    (void)state;
    assert_int_equal(nhi_session_count(NHI_RUN_DIR, &n), NHI_OK);
    assert_int_equal(n.registered, 0);
    three();
    assert_int_equal(nhi_session_count(NHI_RUN_DIR, &n), NHI_OK);
    assert_int_equal(n.registered, 3);
    assert_int_equal(n.ending, 0);
    nhi_session_say_why(NHI_RUN_DIR, two.id, "revoked");
    /* Of a session that is not registered. */
    nhi_session_say_why(NHI_RUN_DIR, gone.id, "revoked");
    assert_int_equal(nhi_session_count(NHI_RUN_DIR, &n), NHI_OK);
    assert_int_equal(n.registered, 3);
    assert_int_equal(n.ending, 1);
    nhi_session_handle(&two, handle);
    assert_string_equal(n.one, handle);
    assert_int_equal(nhi_session_end(NHI_RUN_DIR, handle, two.id, "revoked"), NHI_OK);
    assert_int_equal(nhi_session_count(NHI_RUN_DIR, &n), NHI_OK);
    assert_int_equal(n.registered, 2);
    assert_int_equal(n.ending, 0);
}

/* By their handles, and no others. */
static void some(void **state)
{
    struct nhi_grant one = session(1, "ci-bot", "build-1"), own = state_grant(4, 4);
    char handles[3][NHI_TREE_MAX + 1] = { "", "", "p-00000000-1-1" };
    const char(*these)[NHI_TREE_MAX + 1] = (const char(*)[NHI_TREE_MAX + 1]) handles;
    struct found f = { .count = 0 };

    (void)state;
    three();
    enter(&own);
    nhi_session_handle(&own, handles[0]);
    nhi_session_handle(&one, handles[1]);
    assert_int_equal(nhi_session_each_of(NHI_RUN_DIR, these, 3, note, &f), NHI_OK);
    assert_int_equal(f.count, 2);
    assert_string_equal(f.handles[0], handles[0]);
    assert_string_equal(f.handles[1], handles[1]);
    /* Only the one without a process ends, and no other without one. */
    assert_int_equal(nhi_session_sweep_of(NHI_RUN_DIR, these, 3), NHI_OK);
    assert_int_equal(all(), 3);
    f.count = 0;
    assert_int_equal(nhi_session_each_of(NHI_RUN_DIR, these, 3, note, &f), NHI_OK);
    assert_int_equal(f.count, 1);
    assert_string_equal(f.handles[0], handles[0]);
    assert_int_equal(nhi_session_each_of(NHI_RUN_DIR, these, 0, note, &f), NHI_OK);
    assert_int_equal(f.count, 1);
}

/* ---- an index that is wrong ---- */

/* Removes what the index has, as a session of an older release has nothing there. */
static void forget_index(void)
{
    assert_int_equal(system("rm -r " INDEX), 0);
}

static void without_index(void **state)
{
    struct nhi_grant four = session(4, "other-bot", "build-4");

    (void)state;
    three();
    forget_index();
    /* It is not known whose they are: each is looked at. */
    assert_int_equal(found((struct nhi_session_about){ .task = "build-9" }), 3);
    enter(&four);
    assert_int_equal(found((struct nhi_session_about){ .task = "build-9" }), 3);
    assert_int_equal(found((struct nhi_session_about){ .task = "build-4" }), 4);
}

/* A name of another file is no name of the session, though it has the same handle. */
static void stale(void **state)
{
    struct nhi_grant one = session(1, "ci-bot", "build-1"), again = session(2, "ci-bot", "build-2");
    char handle[NHI_TREE_MAX + 1], path[256];
    int dir;

    (void)state;
    again.self = one.self;
    nhi_session_handle(&one, handle);
    enter(&one);
    snprintf(path, sizeof(path), SESSIONS "/%s", handle);
    assert_int_equal(unlink(path), 0);
    enter(&again);
    assert_int_equal(names_in_index(), 2);
    dir = open(SESSIONS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir >= 0);
    nhi_session_index_drop(dir, &again, handle);
    close(dir);
    assert_int_equal(names_in_index(), 1);
    assert_int_equal(found((struct nhi_session_about){ .task = "build-2" }), 1);
    assert_int_equal(found((struct nhi_session_about){ .task = "build-9" }), 1);
}

static void adopted(void **state)
{
    struct nhi_grant own = state_grant(4, 4);

    (void)state;
    enter(&own);
    assert_int_equal(counted(own.rule), -(int)NHI_ERR_STATE);
    forget_index();
    assert_int_equal(counted(own.rule), -(int)NHI_ERR_STATE);
    assert_int_equal(nhi_session_sweep(NHI_RUN_DIR, NULL), NHI_OK);
    assert_int_equal(all(), 1);
    assert_int_equal(names_in_index(), 1);
    assert_int_equal(counted(own.rule), 1);
    assert_int_equal(counted("another rule"), 0);
    assert_int_equal(found((struct nhi_session_about){ .task = "build-9" }), 0);
    assert_int_equal(found((struct nhi_session_about){ .task = own.ticket.task }), 1);
    nhi_session_close(NHI_RUN_DIR, &own);
    assert_int_equal(counted(own.rule), 0);
}

/* An entry of the index that is not root's alone, and a directory that cannot be made. */
static void hostile(void **state)
{
    struct nhi_grant own = state_grant(4, 4);

    (void)state;
    three();
    assert_int_equal(chown(INDEX, 1001, 0), 0);
    assert_int_equal(nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &own, NHI_OF_TREE, 0), NHI_ERR_UNSAFE);
    assert_int_equal(all(), 3);
    forget_index();
    assert_int_equal(symlink("sessions", INDEX), 0);
    assert_int_not_equal(nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &own, NHI_OF_TREE, 0), NHI_OK);
    assert_int_equal(all(), 3);
    assert_int_equal(found((struct nhi_session_about){ .task = "build-9" }), 3);
    assert_int_equal(unlink(INDEX), 0);
    state_spill(INDEX, "", 0);
    assert_int_equal(found((struct nhi_session_about){ .task = "build-9" }), 3);
    assert_int_equal(counted("permit"), -(int)NHI_ERR_SYS);
    assert_int_equal(unlink(INDEX), 0);
}

/* What a killed process has left goes when that process has ended, and not before. */
static void swept(void **state)
{
    struct nhi_grant own = state_grant(4, 4), dead = session(5, "ci-bot", "build-5");
    char handle[NHI_TREE_MAX + 1], path[256];

    (void)state;
    enter(&own);
    enter(&dead);
    nhi_session_handle(&own, handle);
    snprintf(path, sizeof(path), SESSIONS "/%s", handle);
    assert_int_equal(unlink(path), 0);
    nhi_session_handle(&dead, handle);
    snprintf(path, sizeof(path), SESSIONS "/%s", handle);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(names_in_index(), 2);
    assert_int_equal(nhi_session_sweep(NHI_RUN_DIR, NULL), NHI_OK);
    assert_int_equal(names_in_index(), 1);
}

/* ---- killed ---- */

static bool next_stop(pid_t pid)
{
    int status;

    assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSTOPPED(status);
}

static void enter_and_close(bool close_too)
{
    struct nhi_grant g = state_grant(7, 7);
    pid_t parent;

    (void)!nhi_proc_read(getpid(), &g.self, &parent);
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    if (close_too && nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &g, NHI_OF_TREE, 0) != NHI_OK)
        _exit(1);
    (void)raise(SIGSTOP);
    if (close_too)
        nhi_session_close(NHI_RUN_DIR, &g);
    else if (nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &g, NHI_OF_TREE, 0) != NHI_OK)
        _exit(1);
    _exit(0);
}

/* Whether each session has its name in the index at this moment, and is found by it. */
static void check_found(const struct nhi_ticket *t)
{
    int here = all();

    assert_int_equal(found((struct nhi_session_about){ .ticket = t->jti }), here);
    assert_int_equal(found((struct nhi_session_about){ .task = t->task }), here);
    assert_int_equal(found((struct nhi_session_about){ .agent = t->agent }), here);
    assert_int_equal(found((struct nhi_session_about){ .issuer = t->kid }), here);
    assert_int_equal(found((struct nhi_session_about){ .task = "build-9" }), 0);
    assert_true(names_in_index() >= here);
}

/* Kills it at its stop number n. false: it has fewer. */
static bool kill_at(bool close_too, unsigned n, int *here)
{
    const struct nhi_ticket t = state_ticket(7);
    bool more = true;
    int status;
    pid_t pid;

    (void)fflush(stdout);
    assert_int_equal(nhi_session_make_dir(NHI_RUN_DIR), NHI_OK);
    pid = fork();
    if (pid == 0)
        enter_and_close(close_too);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status));
    for (unsigned i = 0; more && i < n; i++)
        more = next_stop(pid);
    *here = all();
    check_found(&t);
    if (more) {
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        check_found(&t);
    }
    assert_int_equal(nhi_session_sweep(NHI_RUN_DIR, NULL), NHI_OK);
    assert_int_equal(all(), 0);
    assert_int_equal(names_in_index(), 0);
    return more;
}

static void killed_at_any_call(void **state)
{
    const bool both[] = { false, true };

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        int with = 0, without = 0, here = 0;

        for (unsigned n = 0; kill_at(both[k], n, &here); n++) {
            with += here == 1;
            without += here == 0;
        }
        assert_true(with > 0);
        assert_true(without > 0);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, state_ready)
    const struct CMUnitTest tests[] = {
        T(by_each),
        T(others_are_not_read),
        T(ends),
        T(counts),
        T(some),
        T(without_index),
        T(stale),
        T(adopted),
        T(hostile),
        T(swept),
        T(killed_at_any_call),
    };

    return state_enter() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * nss_nhi as libc calls it, with lists of groups that are full, that must grow, and that cannot.
 * Invariant: 10.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <nss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_write.h"
#include "tests/lib/state.h"

#define GROUPS 20
#define AGENTS 65536 /* the gid of nhi-agents */

static enum nss_status (*initgroups)(const char *, gid_t, long *, long *, gid_t **, long, int *);

static void publish(void)
{
    struct nhi_account a = { .name = "ci-bot", .uid = 65537, .home = "/", .shell = "/bin/sh", .group_count = GROUPS };
    struct nhi_snapshot_writer *w;

    for (uint32_t i = 0; i < GROUPS; i++)
        a.groups[i] = 2000 + i;
    assert_int_equal(nhi_snapshot_begin(AGENTS, 70000, &w), NHI_OK);
    assert_int_equal(nhi_snapshot_add(w, &a), NHI_OK);
    assert_int_equal(nhi_snapshot_publish(w), NHI_OK);
}

struct list {
    long start, size;
    gid_t *gids;
};

static struct list with_room(long size, long used)
{
    struct list l = { used, size, calloc((size_t)size, sizeof(gid_t)) };

    assert_non_null(l.gids);
    for (long i = 0; i < used; i++)
        l.gids[i] = 7;
    return l;
}

static enum nss_status ask(struct list *l, gid_t own, long limit, int *why)
{
    *why = 0;
    return initgroups("ci-bot", own, &l->start, &l->size, &l->gids, limit, why);
}

/* However little room there was: existing groups stay, and all its memberships come after them. */
static void grows(void **state)
{
    int why;

    (void)state;
    for (long room = 1; room < 40; room += 6) {
        struct list l = with_room(room, 1);
        long i;

        assert_int_equal(ask(&l, 65537, 0, &why), NSS_STATUS_SUCCESS);
        assert_int_equal(l.start, 1 + 1 + GROUPS);
        assert_true(l.size >= l.start);
        assert_int_equal(l.gids[0], 7);
        assert_int_equal(l.gids[1], AGENTS);
        for (i = 0; i < GROUPS; i++)
            assert_int_equal(l.gids[2 + i], 2000 + i);
        free(l.gids);
    }
}

/* libc has a limit: this many, and not one more, in no more room. */
static void limited(void **state)
{
    int why;

    (void)state;
    for (long limit = 1; limit < GROUPS + 5; limit++) {
        struct list l = with_room(1, 1);

        assert_int_equal(ask(&l, 65537, limit, &why), NSS_STATUS_SUCCESS);
        assert_int_equal(l.start, limit < 2 + GROUPS ? limit : 2 + GROUPS);
        assert_true(l.size <= limit);
        free(l.gids);
    }
}

/* The group that the caller chose as its own is not added. */
static void own_group(void **state)
{
    struct list l = with_room(64, 0);
    int why;

    (void)state;
    assert_int_equal(ask(&l, AGENTS, 0, &why), NSS_STATUS_SUCCESS);
    assert_int_equal(l.start, GROUPS);
    l.start = 0;
    assert_int_equal(ask(&l, 2003, 0, &why), NSS_STATUS_SUCCESS);
    assert_int_equal(l.start, GROUPS);
    assert_int_equal(l.gids[4], 2004);
    free(l.gids);
}

#ifndef __SANITIZE_ADDRESS__
/* A list so long that there is no memory for a longer one. */
static int without_memory(void)
{
    const long size = 1 << 22;
    struct list l = with_room(size, size - 3);
    const struct rlimit none = { 0, 0 };
    int why;

    if (setrlimit(RLIMIT_AS, &none) != 0)
        return 2;
    return !(ask(&l, 65537, 0, &why) == NSS_STATUS_TRYAGAIN && why == ENOMEM && l.start == size - 3 && l.size == size &&
             l.gids[0] == 7 && l.gids[size - 4] == 7);
}

static void cannot_grow(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    (void)fflush(stdout);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(without_memory());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows),
        cmocka_unit_test(limited),
        cmocka_unit_test(own_group),
#ifndef __SANITIZE_ADDRESS__ /* which ends a program that is out of memory */
        cmocka_unit_test(cannot_grow),
#endif
    };
    const char *build = getenv("BUILD");
    union {
        void *p;
        enum nss_status (*fn)(const char *, gid_t, long *, long *, gid_t **, long, int *);
    } f = { NULL };
    char path[1024];
    void *lib;

    if (!state_enter())
        return 0;
    snprintf(path, sizeof(path), "%s/libnss_nhi.so.2", build != NULL ? build : "build");
    lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (lib != NULL)
        f.p = dlsym(lib, "_nss_nhi_initgroups_dyn");
    if (f.p == NULL) {
        printf("not ok 1 - cannot go on: %s\n", dlerror());
        return 1;
    }
    initgroups = f.fn;
    publish();
    return cmocka_run_group_tests_name("nss", tests, NULL, NULL);
}

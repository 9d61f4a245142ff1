/* SPDX-License-Identifier: ISC */
/*
 * People and root, whatever their names are and whatever is wrong with the files that distinguish agents from them.
 * Invariants: 1, 18.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "tests/lib/calls.h"

#define LONG "somebody.whose.name.is.longer.than.32@corp.example.org"
#define LONG_UID 1010
#define WIDE_UID 1011

static char passwd[4096], group[4096];

static void read_file(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    size_t n;

    assert_non_null(f);
    n = fread(out, 1, size - 1, f);
    fclose(f);
    out[n] = '\0';
}

/* As in a directory service: a name too long for utmp, and an entry that is larger than most. */
static void add_people(void)
{
    char gecos[20001], line[32768];

    memset(gecos, 'x', sizeof(gecos) - 1);
    gecos[sizeof(gecos) - 1] = '\0';
    snprintf(line, sizeof(line), "%s%s:*:%d:%d::/:/bin/sh\nwide:*:%d:%d:%s:/:/bin/sh\n", passwd, LONG, LONG_UID,
             LONG_UID, WIDE_UID, WIDE_UID, gecos);
    world_write("/etc/passwd", line, 0644);
}

static int as_it_was(void **state)
{
    world_write("/etc/passwd", passwd, 0644);
    (void)rmdir("/etc/group");
    world_write("/etc/group", group, 0644);
    return fresh(state);
}

static void goes_on(const char *name, uid_t uid)
{
    struct world_call c = login(name, "a password"), s = sudo(name, uid);
    struct world_call su = {
        .service = "su", .user = name, .ruser = "alice", .ruid = WORLD_ALICE_UID, .reply = "hers"
    };

    (void)world_reason();
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_int_equal(world_run(&c, NO_AUTH), PAM_SUCCESS);
    assert_int_equal(world_run(&s, ALL), PAM_SUCCESS);
    assert_int_equal(world_run(&s, NO_AUTH), PAM_SUCCESS);
    assert_string_equal(world_reason(), "");
    if (uid == 0)
        return;
    assert_int_equal(world_run(&su, ALL), PAM_SUCCESS);
    su.user = "alice";
    su.ruser = name;
    su.ruid = uid;
    assert_int_equal(world_run(&su, ALL), PAM_SUCCESS);
    assert_string_equal(world_reason(), "");
}

static void test_names_of_any_length(void **state)
{
    (void)state;
    add_people();
    goes_on(LONG, LONG_UID);
    goes_on("wide", WIDE_UID);
}

/* Their accounts may be made ticket-only, like any. */
static void test_long_name_in_the_group(void **state)
{
    struct world_call c = login(LONG, "a password");

    (void)state;
    add_people();
    world_write("/etc/group", "nhi-only:x:991:batch," LONG "\n", 0644);
    assert_int_not_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_int_not_equal(world_run(&c, NO_AUTH), PAM_SUCCESS);
    goes_on("alice", WORLD_ALICE_UID);
}

static int lines_with(const char *text)
{
    const char *at = world_log();
    int n = 0;

    for (; (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

/* A name as long as any that we know is logged; of a longer one nothing is. */
static void test_longest_name(void **state)
{
    char name[NHI_ACCOUNT_MAX + 2] = "", line[200], want[100];
    struct world_call c = login(name, "a password");

    (void)state;
    for (size_t len = NHI_ACCOUNT_MAX - 1; len <= NHI_ACCOUNT_MAX + 1; len++) {
        memset(name, 'n', len);
        name[len] = '\0';
        snprintf(line, sizeof(line), "%s%s:*:1012:1012::/:/bin/sh\n", "root:x:0:0::/root:/bin/sh\n", name);
        world_write("/etc/passwd", line, 0644);
        snprintf(line, sizeof(line), "nhi-only:x:991:%s\n", name);
        world_write("/etc/group", line, 0644);
        (void)world_reason();
        assert_int_equal(world_run(&c, WORLD_AUTH), PAM_AUTH_ERR);
        snprintf(want, sizeof(want), " account=%s ", len <= NHI_ACCOUNT_MAX ? name : "?");
        assert_int_equal(lines_with(want), 1);
    }
}

static void is_batch_ours(bool ours)
{
    struct world_call c = login("batch", "a password");

    assert_int_equal(world_run(&c, WORLD_AUTH) != PAM_SUCCESS, ours);
    assert_int_equal(world_run(&c, NO_AUTH) != PAM_SUCCESS, ours);
}

/* What counts as a member, and what does not. */
static void test_lines_of_the_group(void **state)
{
    static const struct {
        const char *line;
        bool ours;
    } lines[] = {
        { "nhi-only:x:991:batch\n", true },
        { "nhi-only:x:991:a,batch,b\n", true },
        { "nhi-only:x:991:batch", true },
        { "  nhi-only:x:991: batch\n", true },
        { "nhi-only:x:1003:\n", true },
        { "nhi-only:x:1003:x\n", true },
        { "nhi-only::991:batch\n", true },
        { "nhi-only:x:991:a\nnhi-only:x:991:batch\n", true },
        { "nhi-only:x::batch\n", true },
        { "nhi-only:x::\n", false },
        { "nhi-only:x:991:\n", false },
        { "nhi-only:x:991:batc,batchx,xbatch\n", false },
        { "nhi-onlyx:x:991:batch\n", false },
        { "nhi-onl:x:991:batch\n", false },
        { "xnhi-only:x:991:batch\n", false },
        { "nhi-only:x:10030:\n", false },
        { "nhi-only:x:1003x:\n", false },
        { "nhi-only:x:4294968299:\n", false },
        { "nhi-only\n", false },
        { "", false },
        { ":x:991:batch\n", false },
        { "other:x:991:nhi-only:x:991:batch\n", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        world_write("/etc/group", lines[i].line, 0644);
        is_batch_ours(lines[i].ours);
        goes_on("root", 0);
    }
}

/* The file is read in parts: wherever one ends, within the line or before it. */
static void test_lines_in_parts(void **state)
{
    static const char line[] = "\n  nhi-only:x:991:a,batch\n";
    static char text[32768];
    const size_t part = 16384, len = strlen(line);

    (void)state;
    for (size_t before = part - len - 1; before <= part + 1; before++) {
        for (size_t i = 0; i < before; i++)
            text[i] = i % 40 == 39 ? '\n' : 'o';
        memcpy(text + before, line, len + 1);
        world_write("/etc/group", text, 0644);
        is_batch_ours(true);
        memset(text, 'o', before);
        world_write("/etc/group", text, 0644);
        is_batch_ours(true);
        text[before] = 'o';
        world_write("/etc/group", text, 0644);
        is_batch_ours(false);
        (void)world_log(); /* otherwise the log's socket fills up, and syslog waits */
    }
}

/* A group that includes everybody with gid 0, and one that names root. */
static void test_root_is_in_no_group(void **state)
{
    (void)state;
    world_write("/etc/group", "nhi-only:x::batch\n", 0644);
    goes_on("root", 0);
    world_write("/etc/group", "nhi-only:x:0:root,batch\n", 0644);
    goes_on("root", 0);
}

/* Something else in the place of a file: the kind of account is not known. */
static void test_group_that_cannot_be_read(void **state)
{
    struct world_call c = login("alice", "a password"), agent = login("ci-bot", "a password");

    (void)state;
    assert_int_equal(unlink("/etc/group"), 0);
    assert_int_equal(mkdir("/etc/group", 0755), 0);
    (void)world_reason();
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_int_equal(lines_with("cannot read /etc/group"), 1);
    assert_int_equal(lines_with("cannot read /etc/group: missing, damaged, or writable by users other than root"), 1);
    assert_int_equal(lines_with("left by an agent's session"), 0);
    (void)world_reason();
    goes_on("alice", WORLD_ALICE_UID);
    goes_on("root", 0);
    (void)world_reason();
    assert_int_not_equal(world_run(&agent, ALL), PAM_SUCCESS);
    assert_int_equal(lines_with("denied: reason=internal account=ci-bot"), 1);
    assert_int_equal(lines_with("cannot read /etc/group: missing, damaged, or writable by users other than root"), 1);
    assert_int_equal(lines_with("left by an agent's session"), 0);
}

/* An agent whose name no longer resolves is not a person's account that is missing. */
static void test_agent_that_does_not_resolve(void **state)
{
    struct world_call c = { .service = "su", .user = "alice", .ruser = "?", .ruid = 65999, .reply = "hers" };

    (void)state;
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
}

static void for_each_record(char kind, bool cut)
{
    char path[512];
    struct dirent *e;
    DIR *d = opendir(NHI_STATE_DIR "/" NHI_GRANTS_DIR);

    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] == kind) {
            snprintf(path, sizeof(path), NHI_STATE_DIR "/" NHI_GRANTS_DIR "/%s", e->d_name);
            assert_int_equal(cut ? truncate(path, 40) : unlink(path), 0);
        }
    closedir(d);
}

static void lose_index(void)
{
    for_each_record('p', false);
}

static void damage_index(void)
{
    for_each_record('p', true);
}

static void lose_grants(void)
{
    assert_int_equal(mount("tmpfs", NHI_STATE_DIR "/" NHI_GRANTS_DIR, "tmpfs", 0, "mode=0777"), 0);
}

/* No file can undo that there was a grant: on a shared account its holder does not become a person because of what
 * happened to its record. */
static void test_grant_of_the_child(void **state)
{
    static void (*const faults[])(void) = { lose_index, damage_index, lose_grants };
    struct world_call c;
    char *text;

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct nhi_ticket t;

        world_reset();
        t = world_ticket();
        text = world_mint(&t);
        c = login("deploy", text);
        assert_int_equal(world_child(&c), PAM_SUCCESS);
        faults[i]();
        assert_int_not_equal(world_run_here(&c, WORLD_CRED, NULL), PAM_SUCCESS);
        assert_int_not_equal(world_run_here(&c, WORLD_OPEN, NULL), PAM_SUCCESS);
        assert_int_equal(world_sessions(), 0);
        nhi_text_free(text);
    }
    world_reset();
    lose_grants();
    goes_on("deploy", WORLD_DEPLOY_UID);
}

/* Nobody else sees it: neither the session nor any caller who was denied. */
static void test_no_name_is_left(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = login("deploy", text);

    (void)state;
    assert_int_equal(world_login(&c, NULL), PAM_SUCCESS);
    assert_false(world_left_variable());
    nhi_text_free(text);
}

#define T(f) cmocka_unit_test_setup(f, as_it_was)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_names_of_any_length),         T(test_long_name_in_the_group),
        T(test_lines_of_the_group),          T(test_lines_in_parts),
        T(test_root_is_in_no_group),         T(test_group_that_cannot_be_read),
        T(test_agent_that_does_not_resolve), T(test_longest_name),
        T(test_grant_of_the_child),          T(test_no_name_is_left),
    };

    if (!world_enter())
        return 0;
    read_file("/etc/passwd", passwd, sizeof(passwd));
    read_file("/etc/group", group, sizeof(group));
    return cmocka_run_group_tests_name("pam_people", tests, NULL, NULL);
}

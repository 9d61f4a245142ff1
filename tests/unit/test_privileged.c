/* Who leads to root: by number and by the whole membership, from files of the test's own. */
/* Invariant: 14. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "libnhi/privileged.h"
#include "tests/lib/state.h"

static const char *const names[] = { "root",   "sudo",        "wheel",  "admin",   "adm", "shadow",
                                     "disk",   "kmem",        "lxd",    "lxc",     "incus",
                                     "incus-admin", "docker", "libvirt", "kvm",    "staff",
                                     "systemd-journal" };

static void spill(const char *path, const char *text)
{
    state_spill(path, text, strlen(text));
}

/* Beside bob and carol: these lines. */
static void hosts_files(const char *passwd, const char *group)
{
    char text[8192];

    (void)snprintf(text, sizeof text,
                   "bob:x:1001:1001::/:/bin/sh\ncarol:x:1002:1001::/:/bin/sh\n%s", passwd);
    spill("/etc/passwd", text);
    (void)snprintf(text, sizeof text, "bob:x:1001:\nvideo:x:44:bob,carol\n%s", group);
    spill("/etc/group", text);
}

static void is(const char *name, bool privileged, const char *because)
{
    struct nhi_local l;

    assert_int_equal(nhi_local_by_name(name, &l), NHI_OK);
    assert_string_equal(l.name, name);
    assert_int_equal(l.privileged, privileged);
    assert_string_equal(l.because, because);
}

static void ordinary(void **state)
{
    struct nhi_local l;

    (void)state;
    hosts_files("", "");
    is("bob", false, "");
    assert_int_equal(nhi_local_by_uid(1002, &l), NHI_OK);
    assert_string_equal(l.name, "carol");
    assert_int_equal(l.uid, 1002);
    assert_int_equal(l.gid, 1001);
    assert_false(l.privileged);
}

static void unknown(void **state)
{
    struct nhi_local l = { .uid = 7 };

    (void)state;
    hosts_files("", "");
    assert_int_equal(nhi_local_by_name("mallory", &l), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_local_by_name("", &l), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_local_by_uid(4242, &l), NHI_ERR_NOT_FOUND);
    assert_int_equal(l.uid, 7);
}

static void numbers(void **state)
{
    (void)state;
    hosts_files("root:x:0:0::/:/bin/sh\ntoor:x:0:1001::/:/bin/sh\nzed:x:1003:0::/:/bin/sh\n",
                "root:x:0:\n");
    is("root", true, "uid 0");
    is("toor", true, "uid 0");
    is("zed", true, "gid 0");
}

/* A member of gid 0 is one under any name of that group, and where no group has a telling name. */
static void member_of_gid_0(void **state)
{
    struct nhi_local l;

    (void)state;
    hosts_files("", "zero:x:0:bob\n");
    assert_int_equal(nhi_local_by_name("bob", &l), NHI_OK);
    assert_true(l.privileged);
    hosts_files("", "zero:x:0:bob\ndocker:x:990:\n");
    assert_int_equal(nhi_local_by_name("bob", &l), NHI_OK);
    assert_true(l.privileged);
    assert_string_equal(l.because, "gid 0");
    is("carol", false, "");
}

static void each_group(void **state)
{
    char group[128], passwd[128];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        /* As a member, and as the primary group. */
        (void)snprintf(group, sizeof group, "%s:x:77:someone,bob\n", names[i]);
        hosts_files("dave:x:1004:77::/:/bin/sh\n", group);
        is("bob", true, names[i]);
        is("dave", true, names[i]);
        is("carol", false, "");
        assert_true(nhi_group_is_privileged(names[i], 77));
        /* By number: another name for the same group. */
        (void)snprintf(group, sizeof group, "%s:x:77:\nfriends:x:77:bob\n", names[i]);
        (void)snprintf(passwd, sizeof passwd, "erin:x:1005:1005::/:/bin/sh\n");
        hosts_files(passwd, group);
        is("bob", true, names[i]);
        is("erin", false, "");
    }
    assert_true(nhi_group_is_privileged("anything", 0));
    assert_true(nhi_group_is_privileged(NULL, 0));
    assert_false(nhi_group_is_privileged("video", 44));
    assert_false(nhi_group_is_privileged(NULL, 44));
    assert_false(nhi_group_is_privileged("sud", 44));
    assert_false(nhi_group_is_privileged("sudoers", 44));
}

/* Of many groups, the last one counts like the first. */
static void many_groups(void **state)
{
    static char text[65536];
    size_t used = 0;
    int i;

    (void)state;
    hosts_files("", "");
    for (i = 0; i < 1500; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "g%d:x:%d:bob\n", i, 20000 + i);
    spill("/etc/group", text);
    is("bob", false, "");
    (void)snprintf(text + used, sizeof text - used, "docker:x:990:bob\n");
    spill("/etc/group", text);
    is("bob", true, "docker");
}

/* More groups than any account has: an error, not a "no". */
static void too_many_groups(void **state)
{
    static char text[262144];
    size_t used = 0;
    struct nhi_local l;
    int i;

    (void)state;
    hosts_files("", "");
    for (i = 0; i < 5000; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "g%d:x:%d:bob\n", i, 20000 + i);
    spill("/etc/group", text);
    assert_int_not_equal(nhi_local_by_name("bob", &l), NHI_OK);
}

/* Groups whose lines are longer than the first buffer are read all the same. */
static void long_lines(void **state)
{
    static char text[131072];
    size_t used;
    int i;

    (void)state;
    hosts_files("", "");
    used = (size_t)snprintf(text, sizeof text, "docker:x:990:");
    for (i = 0; i < 5000; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "member%d,", i);
    (void)snprintf(text + used, sizeof text - used, "bob\n");
    spill("/etc/group", text);
    is("bob", true, "docker");
}

static void long_name(void **state)
{
    char line[128], name[40];
    struct nhi_local l;

    (void)state;
    memset(name, 'n', sizeof name);
    name[33] = '\0';
    (void)snprintf(line, sizeof line, "%s:x:1009:1009::/:/bin/sh\n", name);
    hosts_files(line, "");
    assert_int_equal(nhi_local_by_name(name, &l), NHI_ERR_TOO_LONG);
    assert_int_equal(nhi_local_by_uid(1009, &l), NHI_ERR_TOO_LONG);
    name[32] = '\0';
    (void)snprintf(line, sizeof line, "%s:x:1009:1009::/:/bin/sh\n", name);
    hosts_files(line, "");
    is(name, false, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary),    cmocka_unit_test(unknown),
        cmocka_unit_test(numbers),     cmocka_unit_test(member_of_gid_0),
        cmocka_unit_test(each_group),  cmocka_unit_test(many_groups),
        cmocka_unit_test(too_many_groups), cmocka_unit_test(long_lines),
        cmocka_unit_test(long_name),
    };

    if (!state_enter())
        return 0;
    if (mount("tmpfs", "/etc", "tmpfs", 0, "mode=0755") != 0)
        return 1;
    spill("/etc/nsswitch.conf", "passwd: files\ngroup: files\n");
    return cmocka_run_group_tests_name("privileged", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * pam_nhi: accounts that are only observed, and how calls and sessions end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "tests/lib/calls.h"

#define OBSERVED "root:x:0:\ndocker:x:990:admin\nnhi-only:x:991:batch\nnhi-observe:x:992:deploy\n"

static char group[4096];

static int as_it_was(void **state)
{
    world_write("/etc/group", group, 0644);
    return fresh(state);
}

static bool says(const char *text)
{
    return strstr(world_log(), text) != NULL;
}

/* An observed account works as before; how its tickets would have been decided is in the log and on record. */
static void test_observed_login(void **state)
{
    struct world_call c = login("deploy", "a password"), other = login("alice", "hers");

    (void)state;
    world_write("/etc/group", OBSERVED, 0644);
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_true(says("observed: would be denied: reason=no-ticket account=deploy source=prompt"));
    assert_int_equal(world_records('o'), 1);
    assert_int_equal(world_records('d'), 0);
    assert_int_equal(world_sessions(), 0);
    (void)world_reason();
    assert_int_equal(world_run(&other, ALL), PAM_SUCCESS);
    assert_false(says("observed"));
    assert_int_equal(world_records('o'), 1);
}

/* For a job the ticket is in the ledger, and no use is counted. */
static void test_observed_job(void **state)
{
    struct nhi_ticket t = world_ticket();
    struct world_call c = { .service = "cron", .user = "deploy", .tty = "cron" };

    (void)state;
    world_write("/etc/group", OBSERVED, 0644);
    world_sql(WORLD_OWN);
    t.uses = 1;
    record(&t);
    assert_int_equal(world_run(&c, NO_AUTH), PAM_SUCCESS);
    assert_true(says("observed: would be permitted: reason=permit account=deploy source=ledger"));
    assert_int_equal(world_records('o'), 1);
    assert_int_equal(world_records('u'), 0);
    assert_int_equal(world_records('g'), 0);
}

/* A caller of su or sudo is observed, and so is the account that it becomes. */
static void test_observed_callers(void **state)
{
    struct world_call s = sudo("deploy", WORLD_DEPLOY_UID);
    struct world_call from = { .service = "su", .user = "alice", .ruser = "deploy", .ruid = WORLD_DEPLOY_UID };
    struct world_call to = { .service = "su", .user = "deploy", .ruser = "alice", .ruid = WORLD_ALICE_UID };
    struct world_call root = { .service = "su", .user = "deploy", .ruser = "root" };
    struct world_call people = { .service = "su", .user = "alice", .ruser = "admin", .ruid = WORLD_ADMIN_UID };
    const struct world_call *observed[] = { &s, &from, &to }, *others[] = { &root, &people };

    (void)state;
    world_write("/etc/group", OBSERVED, 0644);
    for (size_t i = 0; i < 3; i++) {
        (void)world_reason();
        assert_int_equal(world_run(observed[i], ALL), PAM_SUCCESS);
        assert_true(says("observed: would be denied: reason=no-ticket account=deploy"));
    }
    for (size_t i = 0; i < 2; i++) {
        (void)world_reason();
        assert_int_equal(world_run(others[i], ALL), PAM_SUCCESS);
        assert_false(says("observed"));
    }
}

static struct world_call su(const char *user, const char *reply)
{
    return (
        struct world_call){ .service = "su", .user = user, .ruser = "alice", .ruid = WORLD_ALICE_UID, .reply = reply };
}

/* A call that was permitted and not used: the program refused it after us. */
static void test_call_of_which_nothing_comes(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = su("ci-bot", text), l = login("ci-bot", text);

    (void)state;
    assert_int_equal(world_run(&c, WORLD_AUTH | WORLD_ACCOUNT), PAM_SUCCESS);
    assert_int_equal(world_records('g'), 1);
    assert_int_equal(world_records('n'), 1);
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_int_equal(world_records('g'), 2);
    assert_int_equal(world_records('n'), 1);
    /* sshd's child decides, and ends before the session begins: that proves nothing. */
    world_reset();
    nhi_text_free(text);
    t = world_ticket();
    text = world_mint(&t);
    l.reply = text;
    assert_int_equal(world_run(&l, WORLD_AUTH | WORLD_ACCOUNT), PAM_SUCCESS);
    assert_int_equal(world_records('g'), 1);
    assert_int_equal(world_records('n'), 0);
    nhi_text_free(text);
}

/* A grant that was taken back does not count as unused. */
static void test_refused_call_leaves_nothing(void **state)
{
    struct nhi_ticket t = world_ticket();
    struct world_call c;
    char *text;

    (void)state;
    t.uses = 1;
    text = world_mint(&t);
    c = su("ci-bot", text);
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    (void)world_reason();
    assert_int_equal(world_run(&c, WORLD_AUTH | WORLD_ACCOUNT), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "uses");
    assert_int_equal(world_records('n'), 0);
    nhi_text_free(text);
}

/* Handles that were closed: that of a process has ended, and that of more than one is marked as left. */
static int closed(void)
{
    DIR *d = opendir(NHI_RUN_DIR "/sessions");
    struct dirent *e;
    struct stat st;
    int n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        n += strncmp(e->d_name, "e-", 2) == 0 ||
             (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, 0) == 0 && (st.st_mode & 0777) == 0400);
    closedir(d);
    return n;
}

/* A session that its program closes does not continue. */
static void test_close(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = su("ci-bot", text), person = login("alice", "hers");

    (void)state;
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_int_equal(closed(), 0);
    assert_int_equal(world_run(&c, ALL | WORLD_CLOSE | WORLD_LET_GO), PAM_SUCCESS);
    assert_string_equal(world_reason(), "permit");
    assert_int_equal(closed(), 1);
    assert_int_equal(world_run(&person, ALL | WORLD_CLOSE | WORLD_LET_GO), PAM_SUCCESS);
    /* Nothing was opened: there is nothing to close, and nobody is denied for it. */
    assert_int_equal(world_run(&c, WORLD_CLOSE | WORLD_LET_GO), PAM_SUCCESS);
    assert_int_equal(world_run(&person, WORLD_CLOSE | WORLD_LET_GO), PAM_SUCCESS);
    assert_string_equal(world_reason(), "");
    nhi_text_free(text);
}

/* An account that does not exist here is not ours: another module of the stack may know it. */
static void test_missing_account(void **state)
{
    struct world_call c = login("ghost", "a password"), s = sudo("ghost", 1999);

    (void)state;
    assert_int_equal(world_run(&c, WORLD_AUTH), PAM_SUCCESS);
    assert_int_equal(world_run(&c, WORLD_ACCOUNT), PAM_PERM_DENIED);
    assert_int_not_equal(world_run(&c, WORLD_OPEN), PAM_SUCCESS);
    assert_int_equal(world_run(&s, WORLD_ACCOUNT), PAM_PERM_DENIED);
    assert_int_not_equal(world_run(&s, WORLD_OPEN), PAM_SUCCESS);
    s = sudo("alice", 1999); /* claims to be another user */
    assert_int_equal(world_run(&s, WORLD_ACCOUNT), PAM_PERM_DENIED);
    s = sudo("alice", WORLD_ADMIN_UID); /* that the name exists does not help */
    assert_int_equal(world_run(&s, WORLD_ACCOUNT), PAM_PERM_DENIED);
    assert_int_equal(world_run(&c, WORLD_CRED), PAM_SUCCESS);
    assert_int_equal(world_records('d'), 0);
}

/* With options by which no agent differs from a person, everybody is denied. */
static void test_options(void **state)
{
    static const char *const bad[] = { "uid_min=70000 uid_max=70000",
                                       "uid_min=70000 uid_max=69999",
                                       "uid_min=999",
                                       "uid_min=-1",
                                       "uid_min=",
                                       "uid_max=70000x",
                                       "uid_max=2147483648",
                                       "uid_max=99999999999999999999" };
    static const char *const good[] = { "uid_min=65537 uid_max=65538", "uid_min=65536 uid_max=65537",
                                        "uid_min=1000 uid_max=2147483647" };
    struct world_call c = login("ci-bot", "a password"), root = login("root", "a password");

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        c.args = bad[i];
        (void)world_reason();
        assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
        assert_true(says("bad option"));
        assert_int_not_equal(world_run(&c, WORLD_OPEN), PAM_SUCCESS);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        c.args = root.args = good[i];
        (void)world_reason();
        assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
        assert_string_equal(world_reason(), "malformed");
        assert_int_equal(world_run(&root, ALL), PAM_SUCCESS);
    }
}

static const char *prompt(const char *args)
{
    struct world_call c = login("ci-bot", NULL);

    c.args = args;
    (void)world_reason();
    assert_int_equal(world_run_here(&c, WORLD_AUTH, NULL), PAM_AUTH_ERR);
    return world_prompted();
}

static void test_prompt(void **state)
{
    (void)state;
    assert_string_equal(prompt("prompt=Ticket:"), "Ticket:");
    assert_string_equal(prompt(NULL), "Password: ");
    assert_string_equal(prompt("use_first_pass"), "");
    assert_string_equal(prompt("try_first_pass"), "Password: ");
}

#define T(f) cmocka_unit_test_setup(f, as_it_was)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_observed_login),
        T(test_observed_job),
        T(test_observed_callers),
        T(test_call_of_which_nothing_comes),
        T(test_refused_call_leaves_nothing),
        T(test_close),
        T(test_missing_account),
        T(test_options),
        T(test_prompt),
    };
    FILE *f;

    if (!world_enter())
        return 0;
    f = fopen("/etc/group", "re");
    if (f == NULL || fread(group, 1, sizeof(group) - 1, f) == 0 || fclose(f) != 0)
        return 1;
    return cmocka_run_group_tests_name("pam_ends", tests, NULL, NULL);
}

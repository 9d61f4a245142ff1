/* SPDX-License-Identifier: ISC */
/*
 * pam_nhi for callers on this host: sudo, su and cron, inside a session and outside of one.
 * Invariant: 2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <linux/keyctl.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_find.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_write.h"
#include "tests/lib/calls.h"

/* Everything below runs as in sshd's session child: this process becomes the registered session. */
static void in_session(void (*body)(struct nhi_ticket *))
{
    struct nhi_ticket t = world_ticket();
    int status;
    pid_t pid;

    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char *text = world_mint(&t);
        struct world_call c = login("ci-bot", text);

        assert_int_equal(world_login(&c, NULL), PAM_SUCCESS);
        nhi_text_free(text);
        (void)world_reason();
        body(&t);
        (void)fflush(stdout);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void expect(const struct world_call *c, int phases, int rc, const char *reason)
{
    int got = world_run(c, phases);
    const char *why = world_reason();

    if (got != rc || strcmp(why, reason) != 0) {
        printf("# want %d %s, got %d %s\n", rc, reason, got, why);
        (void)fflush(stdout);
        _exit(1);
    }
}

static void sudo_body(struct nhi_ticket *t)
{
    struct world_call c = sudo("ci-bot", WORLD_AGENT_UID), other = sudo("deploy", WORLD_DEPLOY_UID);
    struct world_call root = sudo("root", 0), s = sudo("admin", WORLD_ADMIN_UID);
    struct world_call cheat = sudo("ci-bot", WORLD_AGENT_UID);
    struct world_call doas = { .service = "doas", .user = "root", .ruser = "ci-bot", .ruid = WORLD_AGENT_UID };
    struct nhi_grant g;

    (void)t;
    /* The session is this process, which its parent holds open. */
    assert_int_equal(nhi_session_find(NHI_RUN_DIR, getpid(), &g), NHI_OK);
    assert_int_equal(g.self.pid, getpid());
    assert_int_equal(g.parent.pid, getppid());
    /* Whatever account it is to become, the decision is about the caller, whose ticket is not for doas. */
    expect(&doas, NO_AUTH, PAM_PERM_DENIED, "service");
    expect(&c, ALL, PAM_SUCCESS, "permit");
    expect(&c, NO_AUTH, PAM_SUCCESS, "permit");
    /* Whatever account it became: deploy is in the ticket, alice is not. Root is never a subject, and continues. */
    expect(&other, NO_AUTH, PAM_SUCCESS, "permit");
    s = sudo("alice", WORLD_ALICE_UID);
    expect(&s, ALL, PAM_AUTH_ERR, "account");
    expect(&s, NO_AUTH, PAM_PERM_DENIED, "account");
    expect(&root, NO_AUTH, PAM_SUCCESS, "");
    cheat.ruser = "alice";
    expect(&cheat, NO_AUTH, PAM_PERM_DENIED, "subject");
    s = sudo("alice", WORLD_ALICE_UID);
    expect(&s, WORLD_PASSWORD, PAM_PERM_DENIED, "");
    revoke_task();
    expect(&c, ALL, PAM_AUTH_ERR, "revoked");
    expect(&c, NO_AUTH, PAM_PERM_DENIED, "revoked");
    expect(&other, NO_AUTH, PAM_PERM_DENIED, "revoked");
    expect(&root, WORLD_AUTH, PAM_AUTH_ERR, "revoked");
    expect(&root, WORLD_ACCOUNT, PAM_PERM_DENIED, "revoked");
    expect(&root, WORLD_CRED, PAM_CRED_ERR, "revoked");
    assert_int_not_equal(world_run(&root, WORLD_OPEN), PAM_SUCCESS);
    assert_string_equal(world_reason(), "revoked");
}

static void test_sudo_inside_a_session(void **state)
{
    (void)state;
    in_session(sudo_body);
}

static void other_ticket_body(struct nhi_ticket *t)
{
    struct nhi_ticket second = world_ticket();
    char *text = world_mint(&second);
    struct world_call c = { .service = "su", .user = "deploy", .ruid = WORLD_AGENT_UID };

    (void)t;
    c.ruser = "ci-bot";
    c.reply = text;
    /* The session's own ticket decides, whatever is shown. */
    expect(&c, ALL, PAM_SUCCESS, "permit");
    c.service = "su-l";
    expect(&c, ALL, PAM_AUTH_ERR, "service");
    nhi_text_free(text);
}

/* A daemon that an agent restarted as root runs inside the agent's session; its users do not. */
static void restarted_daemon_body(struct nhi_ticket *t)
{
    struct world_call c = login("alice", "her password");
    struct world_call job = { .service = "cron", .user = "alice", .tty = "cron" };

    (void)t;
    expect(&c, ALL, PAM_SUCCESS, "");
    expect(&job, NO_AUTH, PAM_SUCCESS, "");
}

static void test_people_behind_a_restarted_daemon(void **state)
{
    (void)state;
    in_session(restarted_daemon_body);
}

static void test_agent_outside_and_su(void **state)
{
    struct world_call c = {
        .service = "su", .user = "alice", .ruser = "ci-bot", .ruid = WORLD_AGENT_UID, .reply = "her password"
    };

    (void)state;
    expect(&c, ALL, PAM_AUTH_ERR, "malformed");
    c.ruid = WORLD_BATCH_UID;
    expect(&c, ALL, PAM_AUTH_ERR, "malformed");
    c.ruid = WORLD_DEPLOY_UID;
    expect(&c, ALL, PAM_SUCCESS, "");
}

static void test_range_from_the_snapshot(void **state)
{
    struct world_call c = login("ci-bot", "a password");
    struct nhi_snapshot_writer *w;

    (void)state;
    c.args = "uid_min=90000 uid_max=99999";
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_int_equal(nhi_snapshot_begin(65536, 80000, &w), NHI_OK);
    assert_int_equal(nhi_snapshot_publish(w), NHI_OK);
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "malformed");
    /* Agents have the uids after its first, up to its last. */
    assert_int_equal(nhi_snapshot_begin(WORLD_AGENT_UID, 80000, &w), NHI_OK);
    assert_int_equal(nhi_snapshot_publish(w), NHI_OK);
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_int_equal(nhi_snapshot_begin(60000, WORLD_AGENT_UID, &w), NHI_OK);
    assert_int_equal(nhi_snapshot_publish(w), NHI_OK);
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_int_equal(nhi_snapshot_begin(60000, WORLD_AGENT_UID - 1, &w), NHI_OK);
    assert_int_equal(nhi_snapshot_publish(w), NHI_OK);
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
}

/* Whichever of the two accepts tickets only: the caller, or the account that it becomes. */
static void test_su_of_tickets_only(void **state)
{
    struct world_call from = { .service = "su", .user = "alice", .ruser = "batch", .ruid = WORLD_BATCH_UID };
    struct world_call to = { .service = "su", .user = "batch", .ruser = "alice", .ruid = WORLD_ALICE_UID };

    (void)state;
    assert_int_equal(world_run(&from, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    assert_int_equal(world_run(&to, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    /* Any other use of a caller's uid is not a login. */
    from.service = "doas";
    assert_int_equal(world_run(&from, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
}

/* alice's su to ci-bot, in a session keyring of its own with this ticket, or without one. */
static int su_with_keyring(const char *user, const char *text, const char *reply)
{
    struct world_call c = { .service = "su", .user = user, .ruser = "alice", .ruid = WORLD_ALICE_UID, .reply = reply };
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
        if (text != NULL &&
            syscall(SYS_add_key, "user", "nhi:ticket", text, strlen(text), KEY_SPEC_SESSION_KEYRING) < 0)
            _exit(77);
        _exit(world_run_here(&c, ALL, NULL));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void test_ticket_in_the_keyring(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    int rc = su_with_keyring("ci-bot", text, NULL);

    (void)state;
    assert_int_not_equal(rc, 77); /* the kernel gives no keys here */
    assert_int_equal(rc, PAM_SUCCESS);
    assert_string_equal(world_reason(), "permit");
    assert_int_equal(su_with_keyring("ci-bot", NULL, NULL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "no-ticket");
    assert_int_equal(su_with_keyring("ci-bot", "v4.public.rubbish", NULL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "malformed");
    /* The content of a person's keyring does not get in the person's way. */
    assert_int_equal(su_with_keyring("deploy", "v4.public.rubbish", "hers"), PAM_SUCCESS);
    assert_string_equal(world_reason(), "");
    nhi_text_free(text);
}

static void test_su_inside_a_session(void **state)
{
    (void)state;
    in_session(other_ticket_body);
}

static void test_su_from_a_person(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = {
        .service = "su", .user = "ci-bot", .ruser = "alice", .ruid = WORLD_ALICE_UID, .reply = text
    };

    (void)state;
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_string_equal(world_reason(), "permit");
    assert_int_equal(world_sessions(), 1);
    /* No other process continues with it. */
    assert_int_equal(world_records('p'), 0);
    c.reply = "a password";
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "malformed");
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    nhi_text_free(text);
}

static void test_sudo_without_a_session(void **state)
{
    struct world_call c = sudo("ci-bot", WORLD_AGENT_UID);

    (void)state;
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "no-ticket");
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    c = sudo("batch", WORLD_BATCH_UID);
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    /* In the range, but no such account. */
    c = sudo("ghost", 99000);
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "subject");
}

static bool says(const char *text)
{
    return strstr(world_log(), text) != NULL;
}

/* What root does inside a session is logged once an hour, and a denial because it has ended is recorded with a name. */
static void root_body(struct nhi_ticket *t)
{
    struct world_call root = sudo("root", 0), batch = { .service = "su", .user = "batch", .ruser = "root" };
    char text[200];

    snprintf(text, sizeof(text), "account=root agent=ci-bot task=build-1 ticket=%s", t->jti);
    assert_int_equal(world_run(&root, NO_AUTH), PAM_SUCCESS);
    assert_true(says("root inside a session goes on: "));
    assert_true(says(text));
    assert_int_equal(world_records('b'), 1);
    (void)world_reason();
    assert_int_equal(world_run(&root, NO_AUTH), PAM_SUCCESS);
    assert_false(says("goes on"));
    assert_int_equal(world_run(&batch, NO_AUTH), PAM_SUCCESS);
    assert_true(says("root inside a session goes on: account=batch agent=ci-bot"));
    assert_int_equal(world_records('b'), 2);
    revoke_task();
    (void)world_reason();
    assert_int_equal(world_run(&root, WORLD_ACCOUNT), PAM_PERM_DENIED);
    assert_true(says("agent=ci-bot task=build-1"));
    assert_false(says("left by an agent's session"));
}

static void test_root_inside_a_session(void **state)
{
    (void)state;
    in_session(root_body);
}

/* Outside of one: root becomes an account that accepts tickets only, of the group or an agent's own. */
static void test_root_goes_on(void **state)
{
    static const struct {
        const char *service, *user;
        bool said;
    } calls[] = { { "su", "batch", true },       { "su", "batch", false },  { "su", "alice", false },
                  { "su", "ci-bot", true },      { "su", "root", false },   { "sudo", "ci-bot", true },
                  { "su-l", "batch", true },     { "su", "deploy", false }, { "runuser", "batch", true },
                  { "runuser-l", "batch", true } };
    int records = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct world_call c = { .service = calls[i].service, .user = calls[i].user, .ruser = "root" };

        (void)world_reason();
        assert_int_equal(world_run(&c, NO_AUTH), PAM_SUCCESS);
        assert_int_equal(says("root goes on to an account that takes tickets only"), calls[i].said);
        records += calls[i].said;
        assert_int_equal(world_records('b'), records);
    }
}

static void lose_sessions(void)
{
    assert_int_equal(rmdir(NHI_RUN_DIR "/sessions") == 0 || access(NHI_RUN_DIR "/sessions", F_OK) != 0, true);
    world_write(NHI_RUN_DIR "/sessions", "", 0600);
}

static void lose_reserve(void)
{
    assert_int_equal(unlink(NHI_STATE_DIR "/reserve"), 0);
}

/* The grant names the ticket, whatever keeps the session from being opened. */
static void test_grant_that_opens_nothing(void **state)
{
    static void (*const faults[])(void) = { lose_sessions, lose_reserve };
    static const char *const reasons[] = { "record", "ledger" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct nhi_ticket t;
        struct world_call c;
        char *text, want[200];

        world_reset();
        t = world_ticket();
        text = world_mint(&t);
        c = login("ci-bot", text);
        assert_int_not_equal(world_login(&c, faults[i]), PAM_SUCCESS);
        snprintf(want, sizeof(want), "denied: reason=%s account=ci-bot agent=ci-bot task=build-1 ticket=%s", reasons[i],
                 t.jti);
        assert_true(says(want));
        nhi_text_free(text);
    }
}

static uint32_t login_uid(void)
{
    uint32_t uid = 0;

    assert_int_equal(nhi_proc_loginuid(getpid(), &uid), NHI_OK);
    return uid;
}

/* The audit session of a login or a call is for the uid that logged in, or called. */
static void test_whose_audit_session(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = login("ci-bot", text);

    (void)state;
    assert_int_equal(world_login(&c, NULL), PAM_SUCCESS);
    assert_int_equal(login_uid(), WORLD_AGENT_UID);
    world_reset();
    nhi_text_free(text);
    t = world_ticket();
    text = world_mint(&t);
    c = (struct world_call){
        .service = "su", .user = "ci-bot", .ruser = "alice", .ruid = WORLD_ALICE_UID, .reply = text
    };
    assert_int_equal(world_run_here(&c, ALL, NULL), PAM_SUCCESS);
    assert_int_equal(login_uid(), WORLD_ALICE_UID);
    nhi_text_free(text);
}

static void test_cron_uses_the_ledger(void **state)
{
    struct nhi_ticket t = world_ticket(), second = world_ticket();
    struct world_call c = { .service = "cron", .user = "ci-bot", .tty = "cron" };

    (void)state;
    world_sql(WORLD_OWN);
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    record(&t);
    assert_int_equal(world_run(&c, NO_AUTH), PAM_SUCCESS);
    assert_string_equal(world_reason(), "permit");
    c.user = "batch";
    assert_int_equal(world_run(&c, NO_AUTH), PAM_SUCCESS);
    c.user = "ci-bot";
    /* A key that sshd accepted proves nothing here: a remote login never uses the ledger's ticket. */
    c.service = "sshd";
    c.tty = "ssh";
    c.rhost = "192.0.2.7";
    (void)world_reason();
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    /* Nor does a person at a terminal of this machine, who could be asked. */
    c = (struct world_call){ .service = "cron", .user = "ci-bot", .tty = "tty1" };
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    c.tty = "";
    assert_int_equal(world_run(&c, NO_AUTH), PAM_SUCCESS);
    c.tty = "cron";
    record(&second);
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "ambiguous");
    revoke_task();
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "revoked");
}

#define T(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_sudo_inside_a_session), T(test_people_behind_a_restarted_daemon),
        T(test_agent_outside_and_su),  T(test_range_from_the_snapshot),
        T(test_ticket_in_the_keyring), T(test_su_inside_a_session),
        T(test_su_from_a_person),      T(test_sudo_without_a_session),
        T(test_cron_uses_the_ledger),  T(test_root_inside_a_session),
        T(test_root_goes_on),          T(test_grant_that_opens_nothing),
        T(test_whose_audit_session),   T(test_su_of_tickets_only),
    };

    if (!world_enter())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * pam_nhi through the real libpam: who is ours, which ticket counts, what each phase returns.
 * Invariants: 1, 11.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_write.h"
#include "tests/lib/calls.h"

static void test_login_opens_a_session(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = login("ci-bot", text);

    (void)state;
    assert_int_equal(world_login(&c, NULL), PAM_SUCCESS);
    assert_string_equal(world_reason(), "permit");
    assert_int_equal(world_records('g'), 1);
    assert_int_equal(world_sessions(), 1);
    nhi_text_free(text);
}

/* login(1) leaves it to the modules to ask for the name. */
static void test_name_that_is_asked_for(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = { .service = "sshd", .tty = "tty1", .reply = text, .asked = "ci-bot" };

    (void)state;
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_string_equal(world_reason(), "permit");
    c.asked = "alice";
    c.reply = "correct horse 7";
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    nhi_text_free(text);
}

static void become_deploy(void)
{
    assert_int_equal(pam_set_item(world_handle(), PAM_USER, "deploy"), PAM_SUCCESS);
}

/* Another module may change the user in the end. One account was granted, and the ticket is for both. */
static void test_another_user_in_the_end(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = login("ci-bot", text);

    (void)state;
    assert_int_equal(world_run_here(&c, ALL, become_deploy), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "subject");
    nhi_text_free(text);
}

/* The recorded reason for the end of the session that is registered here, or "". */
static const char *why_it_ends(void)
{
    static char why[64];
    struct dirent *e;
    DIR *d = opendir(NHI_RUN_DIR "/sessions");
    ssize_t n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        if (strncmp(e->d_name, "w-", 2) == 0)
            n = readlinkat(dirfd(d), e->d_name, why, sizeof(why) - 1);
    closedir(d);
    why[n > 0 ? n : 0] = '\0';
    return why;
}

static void test_revoked_between_auth_and_session(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = login("ci-bot", text);

    (void)state;
    assert_int_equal(world_login(&c, revoke_task), PAM_PERM_DENIED);
    assert_int_equal(world_records('g'), 1);
    assert_int_equal(world_records('d'), 1); /* the decision that was taken back is one as well */
    assert_string_equal(world_reason(), "revoked");
    /* As long as this process runs: no session is unlisted, whatever its program does after the denial. */
    assert_int_equal(world_sessions(), 1);
    assert_string_equal(why_it_ends(), "revoked");
    nhi_text_free(text);
}

static void other_mark(void)
{
    char mark[] = "NHI_GRANT=AAAAAAAAAAAAAAAAAAAAAA";

    assert_non_null(pam_getenv(world_handle(), "NHI_GRANT"));
    assert_int_equal(pam_putenv(world_handle(), mark), PAM_SUCCESS);
}

static void no_mark(void)
{
    assert_int_equal(pam_putenv(world_handle(), "NHI_GRANT"), PAM_SUCCESS);
}

/* A grant that our child made counts for this login only if what the child left in the environment names it, or if
 * nothing is left there: a later module may let users write that. */
static void test_grant_of_another_login(void **state)
{
    static void (*const changes[])(void) = { NULL, no_mark, other_mark };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct nhi_ticket t;
        struct world_call c;
        bool same = changes[i] != other_mark;
        char *text;

        world_reset();
        t = world_ticket();
        text = world_mint(&t);
        c = login("ci-bot", text);
        assert_int_equal(world_child(&c), PAM_SUCCESS);
        assert_int_equal(world_run_here(&c, WORLD_OPEN, changes[i]), same ? PAM_SUCCESS : PAM_PERM_DENIED);
        assert_int_equal(world_sessions(), same);
        nhi_text_free(text);
    }
}

/* Denied at the prompt: the same code whatever the reason, the reason in the log, no grant. */
static void refused(const struct nhi_ticket *t, const char *account, const char *reason)
{
    char *text = world_mint(t);
    struct world_call c = login(account, text);
    int grants = world_records('g');

    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), reason);
    assert_int_equal(world_records('g'), grants);
    assert_int_equal(world_sessions(), 0);
    nhi_text_free(text);
}

static void test_refusals_of_claims(void **state)
{
    struct nhi_ticket t;

    (void)state;
    t = world_ticket();
    t.iat -= 1000;
    t.exp = t.iat + 1000;
    refused(&t, "ci-bot", "expired");
    t = world_ticket();
    t.iat += 31 + 5;
    t.exp += 31 + 5;
    refused(&t, "ci-bot", "not-yet");
    t = world_ticket();
    t.nbf = t.iat + 60;
    refused(&t, "ci-bot", "not-yet");
    t = world_ticket();
    snprintf(t.host, sizeof(t.host), "other.example.org");
    refused(&t, "ci-bot", "host");
    t = world_ticket();
    snprintf(t.accounts, sizeof(t.accounts), "deploy");
    refused(&t, "ci-bot", "account");
    t = world_ticket();
    snprintf(t.services, sizeof(t.services), "sudo");
    refused(&t, "ci-bot", "service");
    t = world_ticket();
    snprintf(t.task, sizeof(t.task), "build-none");
    refused(&t, "ci-bot", "task-unknown");
    t = world_ticket();
    snprintf(t.agent, sizeof(t.agent), "nobody-bot");
    refused(&t, "ci-bot", "agent-unknown");
    t = world_ticket();
    snprintf(t.agent, sizeof(t.agent), "other-bot");
    refused(&t, "ci-bot", "task-agent");
    t = world_ticket();
    t.exp = t.iat + 86401;
    refused(&t, "ci-bot", "issuer-bounds");
    t = world_ticket();
    snprintf(t.kid, sizeof(t.kid), "k9");
    refused(&t, "ci-bot", "issuer-unknown");
    t = world_ticket();
    t.has_cnf = true;
    memcpy(t.cnf, world_sk + 32, sizeof(t.cnf));
    refused(&t, "ci-bot", "key");
    t = world_ticket();
    snprintf(t.accounts, sizeof(t.accounts), "other-bot ci-bot");
    refused(&t, "other-bot", "account");
    t = world_ticket();
    snprintf(t.accounts, sizeof(t.accounts), "admin");
    refused(&t, "admin", "privileged");
    snprintf(t.accounts, sizeof(t.accounts), "root");
    refused(&t, "root", "privileged");
}

static void with_ledger(void (*change)(struct nhi_ledger *, int64_t), const char *reason)
{
    struct nhi_ticket t;
    struct nhi_ledger *l;

    world_reset();
    t = world_ticket();
    l = world_ledger();
    change(l, time(NULL));
    world_commit(l);
    refused(&t, "ci-bot", reason);
}

static void close_task(struct nhi_ledger *l, int64_t now)
{
    assert_int_equal(nhi_task_close(l, "build-1", "done", now), NHI_OK);
}

static void suspend(struct nhi_ledger *l, int64_t now)
{
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_SUSPENDED, "", now), NHI_OK);
}

static void retire(struct nhi_ledger *l, int64_t now)
{
    assert_int_equal(nhi_agent_set_state(l, "ci-bot", NHI_AGENT_RETIRED, "", now), NHI_OK);
}

static void revoke_agent(struct nhi_ledger *l, int64_t now)
{
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_AGENT, "ci-bot", "", now, NULL), NHI_OK);
}

static void retire_key(struct nhi_ledger *l, int64_t now)
{
    assert_int_equal(nhi_issuer_set_state(l, "k1", NHI_ISSUER_RETIRED, "", now), NHI_OK);
}

static void revoke_key(struct nhi_ledger *l, int64_t now)
{
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_ISSUER, "k1", "", now, NULL), NHI_OK);
}

static void no_rules(struct nhi_ledger *l, int64_t now)
{
    assert_int_equal(nhi_policy_replace(l, NULL, 0, WORLD_HASH, now), NHI_OK);
}

static void forbid(struct nhi_ledger *l, int64_t now)
{
    struct nhi_rule r[2] = {
        { .name = "yes", .agents = "ci-bot", .accounts = "ci-bot", .services = "sshd" },
        { .name = "no", .forbid = true, .agents = "ci-bot", .accounts = "ci-bot", .services = "sshd" }
    };

    assert_int_equal(nhi_policy_replace(l, r, 2, WORLD_HASH, now), NHI_OK);
}

static void later_clock(struct nhi_ledger *l, int64_t now)
{
    assert_int_equal(nhi_ledger_set_clock(l, now + 60), NHI_OK);
}

static void test_refusals_of_the_ledger(void **state)
{
    (void)state;
    with_ledger(close_task, "task-closed");
    with_ledger(suspend, "agent-suspended");
    with_ledger(retire, "agent-retired");
    with_ledger(revoke_agent, "revoked");
    with_ledger(retire_key, "issuer-retired");
    with_ledger(revoke_key, "issuer-revoked");
    with_ledger(no_rules, "policy");
    with_ledger(forbid, "forbidden");
    with_ledger(later_clock, "clock");
}

static void test_revoked_unseen_and_by_parent(void **state)
{
    struct nhi_ticket t = world_ticket(), child = world_ticket();
    struct nhi_ledger *l = world_ledger();

    (void)state;
    memcpy(child.parent, t.jti, sizeof(child.parent));
    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TICKET, t.jti, "leaked", time(NULL), NULL), NHI_OK);
    world_commit(l);
    refused(&t, "ci-bot", "revoked");
    refused(&child, "ci-bot", "revoked");
}

/* Revoked while the ledger could not be written. */
static void test_revoked_in_the_reserve(void **state)
{
    struct nhi_ticket t = world_ticket();

    (void)state;
    assert_int_equal(nhi_reserve_add(NHI_STATE_DIR, NHI_REVOKE_TICKET, t.jti, time(NULL)), NHI_OK);
    refused(&t, "ci-bot", "revoked");
    t = world_ticket();
    assert_int_equal(nhi_reserve_add(NHI_STATE_DIR, NHI_REVOKE_TASK, t.task, time(NULL)), NHI_OK);
    refused(&t, "ci-bot", "revoked");
}

static void test_rubbish_at_the_prompt(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t), *big = malloc(65537);
    struct world_call c = login("ci-bot", text);

    (void)state;
    text[strlen(text) / 2] = (char)(text[strlen(text) / 2] == 'A' ? 'B' : 'A');
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_true(strcmp(world_reason(), "signature") == 0);
    assert_non_null(big);
    memset(big, 'x', 65536);
    big[65536] = '\0';
    c.reply = big;
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "malformed");
    memcpy(big, "v4.public.", 10);
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "malformed");
    c.reply = "";
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "no-ticket");
    c.reply = NULL;
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "no-ticket");
    assert_int_equal(world_records('d') + world_records('g'), 0);
    nhi_text_free(text);
    free(big);
}

static void test_no_ticket_text_in_the_log(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = login("ci-bot", text);

    (void)state;
    c.args = "debug";
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    t.exp = t.iat + 1;
    assert_non_null(strstr(world_log(), "permitted: reason=permit"));
    assert_non_null(strstr(world_log(), "service=sshd program="));
    assert_null(strstr(world_log(), "v4.public"));
    assert_null(strstr(world_log(), text + 40));
    nhi_text_free(text);
}

/* What a person notices: nothing, in every phase, whatever the state of our files. */
static void person_is_untouched(void)
{
    struct world_call c = login("alice", "her password");
    struct world_call s = sudo("alice", WORLD_ALICE_UID);

    assert_int_equal(world_run(&c, ALL | WORLD_PASSWORD), PAM_SUCCESS);
    c.user = "deploy";
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_int_equal(world_run(&c, NO_AUTH), PAM_SUCCESS);
    assert_int_equal(world_run(&s, ALL), PAM_SUCCESS);
    assert_int_equal(world_run(&s, NO_AUTH), PAM_SUCCESS);
    assert_int_equal(world_sessions(), 0);
    assert_string_equal(world_reason(), "");
}

static void agent_is_refused(const char *reason)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = login("ci-bot", text);

    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), reason);
    c.user = "batch";
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), reason);
    nhi_text_free(text);
}

#define STATE_FILE NHI_RUN_DIR "/" NHI_STATE_FILE

static void all_but_agents(const char *reason)
{
    person_is_untouched();
    agent_is_refused(reason);
}

static void test_people_and_broken_states(void **state)
{
    (void)state;
    person_is_untouched();
    assert_int_equal(chmod(NHI_STATE_DIR, 0777), 0);
    all_but_agents("ledger");
    assert_int_equal(chmod(NHI_STATE_DIR, 0755), 0);
    assert_int_equal(chmod(NHI_RUN_DIR, 0777), 0);
    all_but_agents("state");
    assert_int_equal(chmod(NHI_RUN_DIR, 0700), 0);
    assert_int_equal(chown(STATE_FILE, 1001, 0), 0);
    all_but_agents("state");
    assert_int_equal(chown(STATE_FILE, 0, 0), 0);
    assert_int_equal(chmod(STATE_FILE, 0644), 0);
    all_but_agents("state");
    world_write(STATE_FILE, "this is no state at all", 0600);
    all_but_agents("state");
    world_write(STATE_FILE, "", 0600);
    all_but_agents("state");
    assert_int_equal(unlink(STATE_FILE), 0);
    all_but_agents("state");
    assert_int_equal(mkdir(STATE_FILE, 0700), 0);
    all_but_agents("state");
    assert_int_equal(rmdir(STATE_FILE), 0);
    assert_int_equal(mkfifo(STATE_FILE, 0600), 0);
    all_but_agents("state");
    assert_int_equal(unlink(STATE_FILE), 0);
    assert_int_equal(symlink("/proc/self/environ", STATE_FILE), 0);
    all_but_agents("state");
    world_reset();
    assert_int_equal(unlink(NHI_STATE_DIR "/reserve"), 0);
    all_but_agents("ledger");
    world_write(NHI_STATE_DIR "/reserve", "short", 0600);
    all_but_agents("lockdown");
}

/* A login reads only what was published: it does not open the ledger. */
static void test_no_ledger_in_a_login(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = login("ci-bot", text);

    (void)state;
    world_write(NHI_STATE_DIR "/ledger.db", "this is not a database at all", 0600);
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_int_equal(unlink(NHI_STATE_DIR "/ledger.db"), 0);
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    nhi_text_free(text);
}

static void test_what_cannot_be_recorded_is_denied(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = login("ci-bot", text);

    (void)state;
    assert_int_equal(rmdir(NHI_STATE_DIR "/grants"), 0);
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "record");
    nhi_text_free(text);
}

static void test_shared_account_with_a_ticket(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = login("deploy", text);

    (void)state;
    c.args = "try_first_pass";
    assert_int_equal(world_login(&c, NULL), PAM_SUCCESS);
    assert_int_equal(world_sessions(), 1);
    revoke_task();
    (void)world_reason();
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "revoked");
    nhi_text_free(text);
}

static void test_host_process_is_left_as_found(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t), before[4096], after[4096];
    struct world_call c = login("ci-bot", text);
    mode_t mask = umask(027);
    int fd, i, n = 0, m = 0;

    (void)state;
    assert_int_equal(chdir("/"), 0);
    for (i = 0; i < 256; i++)
        n += fcntl(i, F_GETFD) >= 0;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(world_run_here(&c, WORLD_AUTH | WORLD_ACCOUNT, NULL), PAM_SUCCESS);
    for (i = 0; i < 256; i++)
        m += fcntl(i, F_GETFD) >= 0;
    assert_non_null(getcwd(after, sizeof(after)));
    assert_string_equal(before, after);
    assert_int_equal(umask(mask), 027);
    /* The first syslog call of a process keeps its socket: glibc's, CLOEXEC. */
    assert_in_range(m, n, n + 1);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(world_run_here(&c, WORLD_AUTH | WORLD_ACCOUNT, NULL), PAM_SUCCESS);
    close(fd);
    n = 0;
    for (i = 0; i < 256; i++)
        n += fcntl(i, F_GETFD) >= 0;
    assert_int_equal(n, m);
    assert_null(getenv("SQLITE_TMPDIR"));
    nhi_text_free(text);
}

static void test_options(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = login("ci-bot", text);

    (void)state;
    c.args = "use_first_pass";
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "no-ticket");
    c.args = "no_such_option";
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    c.args = "uid_min=99999999999";
    assert_int_not_equal(world_run(&c, ALL), PAM_SUCCESS);
    c.args = "uid_min=65538 uid_max=99999";
    c.reply = "a password";
    /* Outside the range given here, ci-bot is not ours. */
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    nhi_text_free(text);
}

static void test_agents_have_no_password(void **state)
{
    struct world_call c = login("ci-bot", "x");

    (void)state;
    assert_int_equal(world_run(&c, WORLD_PASSWORD), PAM_PERM_DENIED);
    c.user = "batch";
    assert_int_equal(world_run(&c, WORLD_PASSWORD), PAM_PERM_DENIED);
    c.user = "alice";
    assert_int_equal(world_run(&c, WORLD_PASSWORD), PAM_SUCCESS);
}

#define T(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_login_opens_a_session),
        T(test_name_that_is_asked_for),
        T(test_another_user_in_the_end),
        T(test_grant_of_another_login),
        T(test_revoked_between_auth_and_session),
        T(test_refusals_of_claims),
        T(test_refusals_of_the_ledger),
        T(test_revoked_unseen_and_by_parent),
        T(test_revoked_in_the_reserve),
        T(test_rubbish_at_the_prompt),
        T(test_no_ticket_text_in_the_log),
        T(test_people_and_broken_states),
        T(test_no_ledger_in_a_login),
        T(test_what_cannot_be_recorded_is_denied),
        T(test_shared_account_with_a_ticket),
        T(test_host_process_is_left_as_found),
        T(test_options),
        T(test_agents_have_no_password),
    };

    if (!world_enter())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

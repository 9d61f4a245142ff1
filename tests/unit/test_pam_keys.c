/* SPDX-License-Identifier: ISC */
/*
 * pam_nhi and logins with a public key: sshd has verified the key, and reports which only when the session opens.
 * Invariant: 2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <security/pam_appl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/key/sshkey.h"
#include "libnhi/ledger/fold.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ticket/sshcert.h"
#include "tests/lib/calls.h"

#define RSA "publickey ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB\n"

static uint8_t agents[NHI_PK_LEN], others[NHI_PK_LEN];
static char line_agents[128], line_others[128];

static void make_key(uint8_t pk[NHI_PK_LEN], char line[128])
{
    uint8_t sk[crypto_sign_SECRETKEYBYTES];
    char text[NHI_SSHKEY_LEN + 1];

    assert_int_equal(crypto_sign_keypair(pk, sk), 0);
    nhi_sshkey_encode(pk, text);
    snprintf(line, 128, "publickey %s %s\n", NHI_SSHKEY_TYPE, text);
}

static int make_keys(void **state)
{
    (void)state;
    make_key(agents, line_agents);
    make_key(others, line_others);
    return 0;
}

static struct nhi_ticket bound(void)
{
    struct nhi_ticket t = world_ticket();

    t.has_cnf = true;
    memcpy(t.cnf, agents, sizeof(t.cnf));
    return t;
}

/* A key login: no authenticate. */
static int log_in(const char *user, const char *proof)
{
    struct world_call c = login(user, NULL);

    c.proof = proof;
    (void)world_reason();
    return world_run(&c, NO_AUTH);
}

static struct world_call changing;
static const char *proven_in_the_end;

static void prove_another(void)
{
    changing.proof = proven_in_the_end;
}

/* The key that a ticket is bound to must also be the proven one when the session begins, and the only one. */
static void test_another_key_in_the_end(void **state)
{
    char both[256];
    const struct {
        const char *proof;
        int rc;
    } ends[] = { { line_agents, PAM_SUCCESS }, { line_others, PAM_PERM_DENIED }, { both, PAM_PERM_DENIED } };

    (void)state;
    snprintf(both, sizeof(both), "%s%s", line_agents, line_others);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct nhi_ticket t;
        char *text;

        world_reset();
        t = bound();
        text = world_mint(&t);
        changing = login("ci-bot", text);
        changing.proof = line_agents;
        changing.proof_early = true;
        proven_in_the_end = ends[i].proof;
        assert_int_equal(world_run_here(&changing, ALL, prove_another), ends[i].rc);
        assert_string_equal(world_reason(), ends[i].rc == PAM_SUCCESS ? "permit" : "key");
        assert_int_equal(world_sessions(), ends[i].rc == PAM_SUCCESS);
        nhi_text_free(text);
    }
}

/* For a person's key it is checked whether it was ever an agent's: if that cannot be read, it is logged. */
static void test_key_that_nobody_can_tell(void **state)
{
    static const char said[] = "cannot tell whether the key was ever an agent's";

    (void)state;
    assert_int_equal(log_in("deploy", line_others), PAM_SUCCESS);
    assert_null(strstr(world_log(), said));
    world_write(NHI_RUN_DIR "/" NHI_STATE_FILE, "no state", 0600);
    assert_int_equal(log_in("deploy", line_others), PAM_SUCCESS);
    assert_non_null(strstr(world_log(), said));
}

static void refused(const char *user, const char *proof, int rc, const char *reason)
{
    assert_int_equal(log_in(user, proof), rc);
    assert_string_equal(world_reason(), reason);
    assert_int_equal(world_records('g'), 0);
    assert_int_equal(world_sessions(), 0);
}

static void test_bound_key(void **state)
{
    struct nhi_ticket t = bound();

    (void)state;
    record(&t);
    assert_int_equal(log_in("ci-bot", line_agents), PAM_SUCCESS);
    assert_string_equal(world_reason(), "permit");
    assert_int_equal(world_records('g'), 1);
    assert_int_equal(world_sessions(), 1);
    assert_int_equal(log_in("batch", line_agents), PAM_SUCCESS);
    assert_int_equal(log_in("deploy", line_agents), PAM_SUCCESS);
    assert_int_equal(world_records('g'), 3);
}

/* Two rules: everybody is permitted through sshd and sudo, except from there through this service. */
static void forbid_from(const char *service, const char *net, bool local, bool unix_socket)
{
    struct nhi_rule rules[2] = { { .name = "all", .agents = "*", .accounts = "*", .services = "*" },
                                 { .name = "not", .forbid = true, .agents = "*", .accounts = "*" } };
    struct nhi_ledger *l = world_ledger();

    snprintf(rules[1].services, sizeof(rules[1].services), "%s", service);
    if (net != NULL)
        assert_int_equal(nhi_net_parse(net, &rules[1].nets[rules[1].net_count++]), NHI_OK);
    rules[1].local = local;
    rules[1].unix_socket = unix_socket;
    assert_int_equal(nhi_policy_replace(l, rules, 2, "00000000000000000000000000000000", time(NULL)), NHI_OK);
    world_commit(l);
}

static int from(const char *rhost)
{
    struct world_call c = login("deploy", NULL);

    c.proof = line_agents;
    c.rhost = rhost;
    (void)world_reason();
    return world_run(&c, NO_AUTH);
}

/* What comes from no other place is of this host. */
static void test_from_here(void **state)
{
    struct nhi_ticket t = world_ticket();
    struct world_call c = { .service = "cron", .user = "ci-bot", .tty = "cron" };

    (void)state;
    world_sql(WORLD_OWN);
    record(&t);
    forbid_from("cron", NULL, false, true);
    assert_int_equal(world_run(&c, NO_AUTH), PAM_SUCCESS);
    forbid_from("cron", NULL, true, false);
    (void)world_reason();
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "forbidden");
}

/* With UseDNS sshd reports a name, which others choose: it could be any address. */
static void test_from_a_name(void **state)
{
    struct nhi_ticket t = bound();

    (void)state;
    record(&t);
    forbid_from("sshd", "10.0.0.0/8", false, false);
    assert_int_equal(from("192.0.2.7"), PAM_SUCCESS);
    assert_int_not_equal(from("10.1.2.3"), PAM_SUCCESS);
    assert_string_equal(world_reason(), "forbidden");
    assert_int_not_equal(from("evil.example.org"), PAM_SUCCESS);
    assert_string_equal(world_reason(), "forbidden");
    assert_int_not_equal(from("unix"), PAM_SUCCESS);
    assert_string_equal(world_reason(), "forbidden");
    /* But not without a network. */
    forbid_from("sshd", NULL, true, true);
    assert_int_equal(from("evil.example.org"), PAM_SUCCESS);
}

/* The source holds inside the session: neither local, nor without a network. */
static void test_sudo_within_a_session_from_a_name(void **state)
{
    struct nhi_ticket t = bound();
    struct world_call c = login("deploy", NULL), root = sudo("deploy", WORLD_DEPLOY_UID);

    (void)state;
    record(&t);
    c.proof = line_agents;
    c.rhost = "evil.example.org";
    assert_int_equal(world_run_here(&c, NO_AUTH, NULL), PAM_SUCCESS);
    assert_int_equal(world_run(&root, NO_AUTH), PAM_SUCCESS);
    forbid_from("sudo", NULL, true, false);
    assert_int_equal(world_run(&root, NO_AUTH), PAM_SUCCESS);
    forbid_from("sudo", NULL, false, true);
    assert_int_equal(world_run(&root, NO_AUTH), PAM_SUCCESS);
    forbid_from("sudo", "10.0.0.0/8", false, false);
    (void)world_reason();
    assert_int_not_equal(world_run(&root, NO_AUTH), PAM_SUCCESS);
    assert_string_equal(world_reason(), "forbidden");
}

/* Over a socket of this machine sshd has no address: it reports UNKNOWN, and nothing since 10.0. */
static void test_from_a_socket(void **state)
{
    static const char *const said[] = { "UNKNOWN", "", NULL };
    struct nhi_ticket t = bound(), bearer = world_ticket();
    char *text = world_mint(&bearer);
    struct world_call c = login("ci-bot", text);

    (void)state;
    record(&t);
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        forbid_from("sshd", "0.0.0.0/0", true, false);
        assert_int_equal(from(said[i]), PAM_SUCCESS);
        forbid_from("sshd", NULL, false, true);
        assert_int_equal(from("192.0.2.7"), PAM_SUCCESS);
        assert_int_not_equal(from(said[i]), PAM_SUCCESS);
        assert_string_equal(world_reason(), "forbidden");
    }
    /* All of them are one place, and no other place is. */
    forbid_from("none", NULL, false, true);
    c.rhost = NULL;
    assert_int_equal(world_login(&c, NULL), PAM_SUCCESS);
    assert_int_equal(world_login(&c, NULL), PAM_SUCCESS);
    c.rhost = "192.0.2.7";
    (void)world_reason();
    assert_int_not_equal(world_run(&c, WORLD_AUTH), PAM_SUCCESS);
    assert_string_equal(world_reason(), "pin");
    nhi_text_free(text);
}

/* Another ticket for the account, older or newer, which policy does not permit. */
static void test_beside_one_that_is_denied(void **state)
{
    struct nhi_ticket before = bound(), t = bound(), after = bound();

    (void)state;
    snprintf(before.agent, sizeof(before.agent), "other-bot");
    memcpy(before.cnf, others, sizeof(before.cnf));
    snprintf(after.agent, sizeof(after.agent), "other-bot");
    memcpy(after.cnf, others, sizeof(after.cnf));
    record(&before);
    record(&t);
    assert_int_equal(log_in("batch", line_agents), PAM_SUCCESS);
    record(&after);
    assert_int_equal(log_in("batch", line_agents), PAM_SUCCESS);
}

static void test_no_ticket_for_any_key(void **state)
{
    struct nhi_ticket t = world_ticket();

    (void)state;
    world_sql(WORLD_OWN);
    record(&t); /* not bound */
    refused("ci-bot", line_agents, PAM_PERM_DENIED, "no-ticket");
    refused("batch", line_agents, PAM_PERM_DENIED, "no-ticket");
}

/* However many keys it could be: a source of groups that gives no answer is waited for once. */
static void test_groups_are_asked_for_once(void **state)
{
    struct nhi_ticket t = bound();
    struct world_call c = login("batch", NULL);
    char line[128];
    struct stat st;

    (void)state;
    world_sql(WORLD_OWN);
    snprintf(t.accounts, sizeof(t.accounts), "batch");
    for (int i = 0; i < 4; i++) {
        make_key(t.cnf, line);
        assert_int_equal(nhi_id_new(t.jti), NHI_OK);
        record(&t);
    }
    world_write("/etc/nsswitch.conf", "passwd: files\ngroup: files other\n", 0644);
    world_write(LIBEXECDIR "/nhi-nss-ask", "#!/bin/sh\nprintf x >>/etc/asks\n", 0755);
    (void)world_reason();
    assert_int_equal(world_run(&c, WORLD_ACCOUNT), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "groups");
    assert_int_equal(stat("/etc/asks", &st), 0);
    assert_int_equal(st.st_size, 1);
}

static int files_alone(void **state)
{
    (void)state;
    (void)unlink(LIBEXECDIR "/nhi-nss-ask");
    world_write("/etc/nsswitch.conf", "passwd: files\ngroup: files\n", 0644);
    return 0;
}

static void test_other_keys(void **state)
{
    struct nhi_ticket t = bound();
    char two[256];

    (void)state;
    record(&t);
    refused("ci-bot", NULL, PAM_PERM_DENIED, "no-ticket");
    refused("ci-bot", "", PAM_PERM_DENIED, "no-ticket");
    refused("ci-bot", line_others, PAM_PERM_DENIED, "no-ticket");
    refused("ci-bot", RSA, PAM_PERM_DENIED, "no-ticket");
    refused("batch", line_others, PAM_PERM_DENIED, "no-ticket");
    refused("ci-bot", "password\n", PAM_PERM_DENIED, "no-ticket");
    refused("ci-bot", "publickey ssh-ed25519 rubbish\n", PAM_PERM_DENIED, "no-ticket");
    /* With both, it is not known whose they are. */
    snprintf(two, sizeof(two), "%s%s", line_agents, line_others);
    refused("ci-bot", two, PAM_PERM_DENIED, "no-ticket");
    snprintf(two, sizeof(two), "%s%s", RSA, line_agents);
    refused("ci-bot", two, PAM_PERM_DENIED, "no-ticket");
    refused("deploy", two, PAM_PERM_DENIED, "no-ticket");
}

static void test_people_with_keys(void **state)
{
    struct nhi_ticket t = bound();

    (void)state;
    record(&t);
    assert_int_equal(log_in("deploy", line_others), PAM_SUCCESS);
    assert_int_equal(log_in("deploy", RSA), PAM_SUCCESS);
    assert_int_equal(log_in("deploy", NULL), PAM_SUCCESS);
    assert_int_equal(log_in("alice", line_others), PAM_SUCCESS);
    assert_string_equal(world_reason(), "");
    assert_int_equal(world_records('g'), 0);
    /* Having a person's key bound does not lock the person out of their own account. */
    assert_int_equal(log_in("alice", line_agents), PAM_SUCCESS);
    assert_string_equal(world_reason(), "");
}

static void test_revoked(void **state)
{
    struct nhi_ticket t = bound();

    (void)state;
    world_sql(WORLD_OWN);
    record(&t);
    revoke_task();
    refused("ci-bot", line_agents, PAM_PERM_DENIED, "no-ticket");
    refused("deploy", line_agents, PAM_PERM_DENIED, "revoked");
}

/* Between the phases of one login. */
static void test_revoked_on_the_way(void **state)
{
    struct nhi_ticket t = bound();
    struct world_call c = login("ci-bot", NULL);

    (void)state;
    record(&t);
    c.proof = line_agents;
    (void)world_reason();
    assert_int_equal(world_run_here(&c, NO_AUTH, revoke_task), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "revoked");
    assert_int_equal(world_records('g'), 0);
}

static void test_one_use(void **state)
{
    struct nhi_ticket t = bound();

    (void)state;
    t.uses = 1;
    record(&t);
    assert_int_equal(log_in("ci-bot", line_agents), PAM_SUCCESS);
    assert_int_equal(log_in("ci-bot", line_agents), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "uses");
    assert_int_equal(world_records('u'), 1);
}

static void test_key_and_prompt(void **state)
{
    struct nhi_ticket t = bound();
    char *text = world_mint(&t);
    struct world_call c = login("ci-bot", text);

    (void)state;
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "key");
    c.proof_early = true;
    c.proof = line_others;
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "key");
    c.proof = line_agents;
    assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    assert_string_equal(world_reason(), "permit");
    assert_int_equal(world_records('g'), 1);
    nhi_text_free(text);
}

/* A certificate brings a ticket that is not in the ledger. */
static void with_certificate(const struct nhi_ticket *t, char line[NHI_SSHCERT_MAX + 64])
{
    char base64[NHI_SSHCERT_MAX + 1], *text = world_mint(t);

    assert_int_equal(nhi_sshcert_make(t, text, base64), NHI_OK);
    snprintf(line, NHI_SSHCERT_MAX + 64, "publickey %s %s\n", NHI_SSHCERT_TYPE, base64);
    nhi_text_free(text);
}

static void trust_another_issuer(const char *accounts, enum nhi_issuer_state state)
{
    struct nhi_ledger *l = world_ledger();
    struct nhi_issuer i = {
        .kid = "k2", .state = NHI_ISSUER_ACTIVE, .agents = "*", .services = "sshd", .max_ttl = 3600
    };
    uint8_t sk[crypto_sign_SECRETKEYBYTES];

    assert_int_equal(crypto_sign_keypair(i.pk, sk), 0);
    snprintf(i.accounts, sizeof(i.accounts), "%s", accounts);
    assert_int_equal(nhi_issuer_add(l, &i, time(NULL)), NHI_OK);
    if (state != NHI_ISSUER_ACTIVE)
        assert_int_equal(nhi_issuer_set_state(l, "k2", state, "test", time(NULL)), NHI_OK);
    world_commit(l);
}

static void test_certificates(void **state)
{
    struct nhi_ticket t = bound();
    char line[NHI_SSHCERT_MAX + 64], two[NHI_SSHCERT_MAX + 256];

    (void)state;
    snprintf(t.accounts, sizeof(t.accounts), "deploy batch");
    with_certificate(&t, line);
    world_sql(WORLD_OWN);
    /* If no other issuer is trusted, no ticket can come from elsewhere. */
    refused("ci-bot", line, PAM_PERM_DENIED, "no-ticket");
    assert_int_equal(log_in("deploy", line), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "not-recorded");
    world_sql("UPDATE issuer SET own = 0, accounts = 'deploy batch'");
    trust_another_issuer("batch", NHI_ISSUER_ACTIVE);
    refused("ci-bot", line, PAM_PERM_DENIED, "no-ticket");
    assert_int_equal(log_in("batch", line), PAM_SUCCESS);
    assert_string_equal(world_reason(), "permit");
    assert_int_equal(log_in("deploy", line), PAM_SUCCESS);
    assert_string_equal(world_reason(), "permit");
    assert_int_equal(world_records('g'), 2);
    snprintf(two, sizeof(two), "%s%s", line, line_others);
    assert_int_equal(log_in("deploy", two), PAM_PERM_DENIED);
    revoke_task();
    assert_int_equal(log_in("batch", line), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "revoked");
    assert_int_equal(log_in("deploy", line), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "revoked");
}

static void test_no_certificate_of_a_revoked_issuer(void **state)
{
    struct nhi_ticket t = bound();
    char line[NHI_SSHCERT_MAX + 64];

    (void)state;
    with_certificate(&t, line);
    world_sql(WORLD_OWN);
    trust_another_issuer("*", NHI_ISSUER_REVOKED);
    refused("batch", line, PAM_PERM_DENIED, "no-ticket");
}

/* With another authority, for a key that an agent had: shown without its ticket. */
static void test_other_certificates(void **state)
{
    struct nhi_ticket t = bound(), theirs = t;
    char base64[NHI_SSHCERT_MAX + 1], line[NHI_SSHCERT_MAX + 64];

    (void)state;
    memcpy(theirs.cnf, others, sizeof(theirs.cnf));
    assert_int_equal(nhi_sshcert_make(&theirs, "", base64), NHI_OK);
    snprintf(line, sizeof(line), "publickey %s %s\n", NHI_SSHCERT_TYPE, base64);
    assert_int_equal(log_in("deploy", line), PAM_SUCCESS);
    assert_string_equal(world_reason(), "");
    record(&t);
    revoke_task();
    assert_int_equal(log_in("deploy", line), PAM_SUCCESS);
    assert_string_equal(world_reason(), "");
    assert_int_equal(nhi_sshcert_make(&t, "", base64), NHI_OK);
    snprintf(line, sizeof(line), "publickey %s %s\n", NHI_SSHCERT_TYPE, base64);
    refused("deploy", line, PAM_PERM_DENIED, "revoked");
    snprintf(line, sizeof(line), "publickey %s AAAA\n", NHI_SSHCERT_TYPE);
    refused("deploy", line, PAM_PERM_DENIED, "no-ticket");
}

/* A ticket that came in a certificate is in no ledger: its key is remembered all the same. */
static void test_key_of_a_certificate(void **state)
{
    struct nhi_ticket t = bound();
    struct nhi_fold_result r;
    struct nhi_ledger *l;
    char line[NHI_SSHCERT_MAX + 64];

    (void)state;
    with_certificate(&t, line);
    trust_another_issuer("*", NHI_ISSUER_ACTIVE);
    assert_int_equal(log_in("deploy", line_agents), PAM_SUCCESS);
    assert_string_equal(world_reason(), "");
    assert_int_equal(log_in("deploy", line), PAM_SUCCESS);
    assert_int_equal(world_records('k'), 1);
    assert_int_equal(log_in("deploy", line_agents), PAM_PERM_DENIED);
    l = world_ledger();
    nhi_ledger_rollback(l);
    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, time(NULL), &r), NHI_OK);
    assert_int_equal(world_records('k'), 1);
    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, time(NULL) + 11, &r), NHI_OK);
    nhi_ledger_close(l);
    assert_int_equal(world_records('k'), 0);
    assert_int_equal(log_in("deploy", line_agents), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    assert_int_equal(log_in("deploy", line_others), PAM_SUCCESS);
    assert_string_equal(world_reason(), "");
}

/* What would deny every ticket denies before sshd reports which it is. */
static void test_clock_before_the_key(void **state)
{
    struct nhi_ledger *l = world_ledger();

    (void)state;
    assert_int_equal(nhi_ledger_set_clock(l, time(NULL) + 1000), NHI_OK);
    world_commit(l);
    trust_another_issuer("*", NHI_ISSUER_ACTIVE);
    refused("batch", line_agents, PAM_PERM_DENIED, "clock");
}

/* A service that proves no keys, and whose variable is not believed. */
static void test_other_service(void **state)
{
    struct nhi_ticket t = bound();
    struct world_call c = { .service = "imap", .user = "ci-bot", .rhost = "192.0.2.1" };

    (void)state;
    memcpy(t.services, "imap", 5);
    record(&t);
    trust_another_issuer("*", NHI_ISSUER_ACTIVE);
    c.proof = line_agents;
    c.proof_early = true;
    assert_int_equal(world_run(&c, WORLD_ACCOUNT), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    assert_int_equal(world_run(&c, WORLD_CRED), PAM_CRED_ERR);
}

/* For a key that the ticket does not name. */
static void test_swapped_ticket(void **state)
{
    struct nhi_ticket t = bound(), theirs = t;
    char base64[NHI_SSHCERT_MAX + 1], line[NHI_SSHCERT_MAX + 64], *text = world_mint(&t);

    (void)state;
    trust_another_issuer("*", NHI_ISSUER_ACTIVE);
    memcpy(theirs.cnf, others, sizeof(theirs.cnf));
    assert_int_equal(nhi_sshcert_make(&theirs, text, base64), NHI_OK);
    snprintf(line, sizeof(line), "publickey %s %s\n", NHI_SSHCERT_TYPE, base64);
    refused("ci-bot", line, PAM_PERM_DENIED, "key");
    refused("deploy", line, PAM_PERM_DENIED, "key");
    nhi_text_free(text);
    /* A bearer ticket, for any key. */
    t = world_ticket();
    text = world_mint(&t);
    assert_int_equal(nhi_sshcert_make(&theirs, text, base64), NHI_OK);
    snprintf(line, sizeof(line), "publickey %s %s\n", NHI_SSHCERT_TYPE, base64);
    refused("ci-bot", line, PAM_PERM_DENIED, "key");
    nhi_text_free(text);
}

/* Callers of su and sudo cannot prove a key, whatever they put in the place where sshd would. */
static void test_not_for_su(void **state)
{
    struct nhi_ticket t = bound();
    char *text = world_mint(&t);
    struct world_call c = { .service = "su", .user = "ci-bot", .ruser = "alice" };
    struct world_call job = { .service = "cron", .user = "ci-bot", .tty = "cron" };

    (void)state;
    record(&t);
    c.ruid = WORLD_ALICE_UID;
    c.proof = job.proof = line_agents;
    c.proof_early = true;
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    c.reply = text;
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "key");
    assert_int_equal(world_run(&job, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    nhi_text_free(text);
}

#define T(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_key_that_nobody_can_tell),
        T(test_another_key_in_the_end),
        T(test_from_here),
        T(test_from_a_name),
        T(test_sudo_within_a_session_from_a_name),
        T(test_from_a_socket),
        T(test_bound_key),
        T(test_beside_one_that_is_denied),
        T(test_no_ticket_for_any_key),
        cmocka_unit_test_setup_teardown(test_groups_are_asked_for_once, fresh, files_alone),
        T(test_other_keys),
        T(test_people_with_keys),
        T(test_revoked),
        T(test_revoked_on_the_way),
        T(test_one_use),
        T(test_key_and_prompt),
        T(test_not_for_su),
        T(test_certificates),
        T(test_no_certificate_of_a_revoked_issuer),
        T(test_swapped_ticket),
        T(test_other_certificates),
        T(test_key_of_a_certificate),
        T(test_clock_before_the_key),
        T(test_other_service),
    };

    if (!world_enter())
        return 0;
    return cmocka_run_group_tests_name("pam_keys", tests, make_keys, NULL);
}

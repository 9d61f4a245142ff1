/* SPDX-License-Identifier: ISC */
/*
 * A full PAM cycle of ours compared with others, in one run: pam_start, authenticate, account, end.
 *
 *   bench_pam            ratios
 *   bench_pam cycles N   N cycles and nothing else, for valgrind
 *
 * The module is loaded again in each cycle, as in a new su or sudo.
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/ledger/fold.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "tests/lib/bench.h"
#include "tests/lib/world.h"

#define ROUNDS 400
#define CONF "/etc/pam-bench"

/* "bench" under yescrypt with Debian's default cost. */
static const char shadow[] =
    "alice:$y$j9T$abcdefghijklmnop$7AqWTiIc.a7v3ea9t4BRAbHRskIhDxq86OIflS3sioD:19000:0:99999:7:::\n";

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *ctx)
{
    (void)msg;
    *resp = calloc((size_t)n, sizeof(**resp));
    for (int i = 0; i < n; i++)
        (*resp)[i].resp = strdup(ctx);
    return PAM_SUCCESS;
}

static void stack(const char *service, const char *module)
{
    char path[128], text[2048];

    snprintf(path, sizeof(path), CONF "/%s", service);
    snprintf(text, sizeof(text),
             "auth [success=done user_unknown=ignore default=die] %s\n"
             "auth required pam_permit.so\n"
             "account required %s\naccount required pam_permit.so\n",
             module, module);
    world_write(path, text, 0644);
}

static void cycle(const char *service, const char *user, char *reply, bool authenticate)
{
    struct pam_conv conv = { converse, reply };
    pam_handle_t *h = NULL;
    int rc;

    rc = pam_start_confdir(service, user, &conv, CONF, &h);
    if (rc == PAM_SUCCESS && !authenticate)
        (void)pam_set_item(h, PAM_TTY, "cron");
    if (rc == PAM_SUCCESS && authenticate)
        rc = pam_authenticate(h, 0);
    if (rc == PAM_SUCCESS)
        rc = pam_acct_mgmt(h, 0);
    (void)pam_end(h, rc);
    if (rc != PAM_SUCCESS) {
        fprintf(stderr, "bench_pam: %s for %s: %s\n", service, user, pam_strerror(NULL, rc));
        exit(1);
    }
}

static double measure(const char *service, const char *user, char *reply, bool authenticate, int n)
{
    double *t = calloc((size_t)n, sizeof(*t)), middle;

    if (t == NULL)
        exit(1);
    cycle(service, user, reply, authenticate);
    for (int i = 0; i < n; i++) {
        double start = now_us();

        cycle(service, user, reply, authenticate);
        t[i] = now_us() - start;
        (void)world_reason(); /* otherwise the log's socket fills up, and syslog waits */
    }
    middle = median(t, (size_t)n);
    free(t);
    return middle;
}

/* The minimum: checking one signature, and nothing else. */
static double verify_once(const struct nhi_ticket *t)
{
    char *text = world_mint(t);
    struct nhi_ticket out;
    double times[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        double start = now_us();

        if (nhi_ticket_verify(text, strlen(text), world_sk + 32, &out) != NHI_OK)
            exit(1);
        times[i] = now_us() - start;
    }
    nhi_text_free(text);
    return median(times, ROUNDS);
}

static void prepare(void)
{
    char module[1024];

    world_reset();
    if (mkdir(CONF, 0755) != 0)
        exit(1);
    world_write("/etc/shadow", shadow, 0600);
    world_write("/etc/passwd",
                "root:x:0:0::/root:/bin/sh\nalice:x:1001:1001::/:/bin/sh\n"
                "deploy:x:1002:1002::/:/bin/sh\nci-bot:*:65537:65537::/:/bin/sh\n",
                0644);
    snprintf(module, sizeof(module), "%s/pam_nhi.so", getenv("BUILD"));
    stack("sshd", module);
    stack("cron", module);
    stack("permit", "pam_permit.so");
    stack("unix", "pam_unix.so");
}

static void row(const char *what, double us, double permit, double verify)
{
    printf("%-44s %10.1f us %9.1fx %9.1fx\n", what, us, us / permit, us / verify);
}

static void many_revocations(int count)
{
    struct nhi_ledger *l = world_ledger();
    char jti[NHI_JTI_LEN + 1];

    for (int i = 0; i < count; i++)
        if (nhi_id_new(jti) != NHI_OK || nhi_revoke(l, NHI_REVOKE_TICKET, jti, "bench", time(NULL), NULL) != NHI_OK)
            exit(1);
    world_commit(l);
}

static void fold_away(void)
{
    struct nhi_ledger *l;

    if (nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_WRITE, &l) != NHI_OK ||
        nhi_fold(NHI_STATE_DIR, l, time(NULL), NULL) != NHI_OK)
        exit(1);
    nhi_ledger_close(l);
}

int main(int argc, char **argv)
{
    struct nhi_ticket t, held;
    struct nhi_ledger *l;
    struct rusage usage;
    double permit, verify;
    char *text;
    int i;

    if (!world_enter())
        return 1;
    prepare();
    t = world_ticket();
    text = world_mint(&t);
    if (argc == 3 && strcmp(argv[1], "cycles") == 0) {
        for (i = 0; i < atoi(argv[2]); i++) {
            cycle("sshd", "ci-bot", text, true);
            (void)world_reason();
        }
        printf("%d cycles\n", i);
        nhi_text_free(text);
        return 0;
    }
    held = world_ticket();
    l = world_ledger();
    if (nhi_ticket_record(l, &held, NHI_ORIGIN_ISSUED, time(NULL)) != NHI_OK)
        return 1;
    world_commit(l);
    verify = verify_once(&t);
    permit = measure("permit", "alice", strdup("x"), true, ROUNDS);
    printf("%-44s %13s %10s %10s\n", "one PAM transaction, median", "time", "permit", "verify");
    row("one Ed25519 verification of a ticket", verify, permit, verify);
    row("pam_permit: auth, account", permit, permit, verify);
    row("pam_unix, yescrypt: auth, account", measure("unix", "alice", strdup("bench"), true, 40), permit, verify);
    row("pam_nhi, a person: auth, account", measure("sshd", "alice", strdup("x"), true, ROUNDS), permit, verify);
    row("pam_nhi, ticket shown: auth, account", measure("sshd", "ci-bot", text, true, ROUNDS), permit, verify);
    row("pam_nhi, ticket in the ledger: account", measure("cron", "ci-bot", text, false, ROUNDS), permit, verify);
    many_revocations(10000);
    fold_away();
    row("pam_nhi, ticket shown, 10,000 revocations", measure("sshd", "ci-bot", text, true, ROUNDS), permit, verify);
    nhi_text_free(text);
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("peak resident set of this process: %ld KiB\n", usage.ru_maxrss);
    return 0;
}

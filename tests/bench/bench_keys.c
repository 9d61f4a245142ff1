/* SPDX-License-Identifier: ISC */
/*
 * sshd's AuthorizedKeysCommand compared with a program that does nothing: a key login waits for it twice. All live
 * tickets are for one account, which is the worst case.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/key/sshkey.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "tests/lib/bench.h"
#include "tests/lib/world.h"

#define ROUNDS 200
#define MANY 100000

static char helper[4096], base64[NHI_SSHKEY_LEN + 1];

/* One run; returns the number of bytes of its answer. */
static size_t run(const char *program, const char *account)
{
    char buf[512];
    int out[2], status;
    ssize_t n;
    pid_t pid;

    if (pipe(out) != 0 || (pid = fork()) < 0)
        exit(1);
    if (pid == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        execl(program, program, account, NHI_SSHKEY_TYPE, base64, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    n = read(out[0], buf, sizeof(buf));
    close(out[0]);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        exit(1);
    return n > 0 ? (size_t)n : 0;
}

static double measure(const char *program, const char *account, bool answers)
{
    static double took[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        double start = now_us();

        if ((run(program, account) > 0) != answers) {
            fprintf(stderr, "%s %s: the wrong answer\n", program, account);
            exit(1);
        }
        took[i] = now_us() - start;
    }
    return median(took, ROUNDS);
}

static void record(struct nhi_ledger *l, bool known)
{
    struct nhi_ticket t = world_ticket();
    uint8_t sk[crypto_sign_SECRETKEYBYTES];

    t.has_cnf = true;
    if (crypto_sign_keypair(t.cnf, sk) != 0 || nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, time(NULL)) != NHI_OK)
        exit(1);
    if (known)
        nhi_sshkey_encode(t.cnf, base64);
}

static void row(const char *what, double us, double nothing)
{
    printf("%-52s %10.0f us %8.1fx\n", what, us, us / nothing);
}

int main(void)
{
    const char *build = getenv("BUILD");
    struct nhi_ledger *l;
    double nothing;

    snprintf(helper, sizeof(helper), "%s/nhi-authorized-keys", build != NULL ? build : "build");
    if (!world_enter())
        return 1;
    world_reset();
    l = world_ledger();
    record(l, true);
    world_commit(l);
    nothing = measure("/bin/true", "ci-bot", false);
    printf("%-52s %13s %9s\n", "one run, median", "time", "true");
    row("/bin/true", nothing, nothing);
    row("a key with a ticket, 1 live", measure(helper, "ci-bot", true), nothing);
    l = world_ledger();
    for (int i = 1; i < MANY; i++)
        record(l, false);
    world_commit(l);
    row("a key with a ticket, 100,000 live", measure(helper, "ci-bot", true), nothing);
    row("the same key, an account that it does not open", measure(helper, "alice", false), nothing);
    return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * What a decision costs with more rules, more revocations and more live tickets, in one run: nhi_check, from the text
 * of a ticket to the reason, as pam_nhi and the helper of sshd call it. And what compiling a policy costs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "conf/policy_conf.h"
#include "libnhi/base/hash.h"
#include "libnhi/check/check.h"
#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/policy/reason.h"
#include "tests/lib/bench.h"
#include "tests/lib/world.h"

#define ROUNDS 300
#define RULE_TEXT 200

static char *text;

static double decide(void)
{
    const struct nhi_shown what = { .asked = { .service = "sshd",
                                               .subject = "deploy",
                                               .subject_uid = WORLD_DEPLOY_UID,
                                               .source = NHI_FROM_PROMPT,
                                               .place = "192.0.2.1",
                                               .remote = true,
                                               .from = "192.0.2.1" },
                                    .text = text };
    double times[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        struct nhi_verdict v;
        double start = now_us();

        nhi_check(&what, &v);
        times[i] = now_us() - start;
        if (v.reason != NHI_PERMIT) {
            fprintf(stderr, "bench_policy: %s\n", nhi_reason_name(v.reason));
            exit(1);
        }
    }
    return median(times, ROUNDS);
}

/* What exists beside the rule that permits. */
struct shape {
    const char *what, *agents;
    bool numbered; /* agents is the beginning of a name */
    const char *source;
};
#define ELSEWHERE "198.51.100.0/24"
static const struct shape others = { "each of another agent", "agent-", true, ELSEWHERE };
static const struct shape shapes[] = {
    { "each of other agents by a pattern", "ci-*", true, ELSEWHERE },
    { "all for it, from elsewhere", "ci-?ot", false, ELSEWHERE },
    { "all of them permit it", "ci-?ot", false, "192.0.2.0/24" },
};

/* One rule that permits, and count - 1 others. */
static char *policy_text(int count, const struct shape *shape)
{
    size_t size = (size_t)count * RULE_TEXT + 64, len = 0;
    char *conf = malloc(size);

    if (conf == NULL)
        exit(1);
    len = (size_t)snprintf(conf, size, "rules = (\n");
    for (int i = 0; i < count; i++) {
        char agent[32];

        if (i == 0 || !shape->numbered)
            snprintf(agent, sizeof(agent), "%s", i == 0 ? "ci-bot" : shape->agents);
        else
            snprintf(agent, sizeof(agent), "%s%d", shape->agents, i);
        len += (size_t)snprintf(conf + len, size - len,
                                "{ name = \"r%d\"; effect = \"permit\"; agent = \"%s\"; account = "
                                "\"deploy\"; service = [ \"sshd\", "
                                "\"sudo\" ]; source = \"%s\"; }%s\n",
                                i, agent, i == 0 ? "192.0.2.0/24" : shape->source, i + 1 < count ? "," : "");
    }
    snprintf(conf + len, size - len, ");\n");
    return conf;
}

static double compile(int count, const struct shape *shape)
{
    struct nhi_policy_conf conf = { .count = 0 };
    struct nhi_conf_error error;
    char *written = policy_text(count, shape);
    struct nhi_ledger *l;
    double start = now_us(), took;

    if (nhi_policy_conf_add(&conf, "bench.conf", written, strlen(written), &error) != NHI_OK) {
        fprintf(stderr, "bench_policy: %u: %s\n", error.line, error.text);
        exit(1);
    }
    l = world_ledger();
    if (nhi_policy_replace(l, conf.rules, conf.count, WORLD_HASH, time(NULL)) != NHI_OK)
        exit(1);
    world_commit(l);
    took = now_us() - start;
    nhi_policy_conf_free(&conf);
    free(written);
    return took;
}

static void rules(const struct shape *shape)
{
    static const int counts[] = { 10, 1000, 10000 };
    double first = 0, first_compile = 0;

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        double c = compile(counts[i], shape), d = decide();

        if (i == 0) {
            first = d;
            first_compile = c;
        }
        printf("%6d rules, %-34s %9.1f us %7.2fx   compiled in %10.1f us %8.1fx\n", counts[i], shape->what, d,
               d / first, c, c / first_compile);
    }
}

static void row(const char *what, double d, double first)
{
    printf("%-48s %9.1f us %7.2fx\n", what, d, d / first);
}

static void revoke(int count)
{
    struct nhi_ledger *l = world_ledger();
    char jti[NHI_JTI_LEN + 1];

    for (int i = 0; i < count; i++)
        if (nhi_id_new(jti) != NHI_OK || nhi_revoke(l, NHI_REVOKE_TICKET, jti, "", time(NULL), NULL) != NHI_OK)
            exit(1);
    world_commit(l);
}

static void record(int count)
{
    struct nhi_ledger *l = world_ledger();

    for (int i = 0; i < count; i++) {
        struct nhi_ticket t = world_ticket();

        if (nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, time(NULL)) != NHI_OK)
            exit(1);
    }
    world_commit(l);
}

int main(void)
{
    struct rusage usage;
    struct nhi_ticket t;
    double first;

    if (!world_enter())
        return 1;
    world_reset();
    t = world_ticket();
    text = world_mint(&t);
    printf("one decision, median, ledger opened and ticket verified in it\n");
    rules(&others);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        rules(&shapes[i]);
    (void)compile(10, &others);
    revoke(10);
    first = decide();
    row("10 revocations", first, first);
    revoke(1000000 - 10);
    row("1,000,000 revocations", decide(), first);
    world_reset();
    text = world_mint(&t);
    (void)compile(10, &others);
    record(10);
    first = decide();
    row("10 live tickets", first, first);
    record(100000 - 10);
    row("100,000 live tickets, all for that account", decide(), first);
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("peak resident set of this process: %ld KiB\n", usage.ru_maxrss);
    return 0;
}

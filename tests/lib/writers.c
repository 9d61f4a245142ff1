/* SPDX-License-Identifier: ISC */
#include "tests/lib/writers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/chain.h"
#include "libnhi/ledger/ledger_event.h"
#include "tests/lib/state.h"

#define WRITERS_MAX 1000
#define AT_ONCE 10 /* events before a writer closes the ledger */

static int per_writer;

static enum nhi_err add_one(struct nhi_ledger *l, int i, int k)
{
    struct nhi_event e = { .at = STATE_NOW, .kind = "task-open", .agent = "ci-bot" };
    enum nhi_err err;

    snprintf(e.task, sizeof(e.task), "w%d-%d", i, k);
    err = nhi_ledger_begin(l, STATE_NOW);
    if (err == NHI_OK)
        err = nhi_event_add(l, &e);
    if (err == NHI_OK)
        return nhi_ledger_commit(l);
    nhi_ledger_rollback(l);
    return err;
}

/* A writer that waited for ten seconds in vain reports that, and is called again. */
static int write_all(int i)
{
    struct nhi_ledger *l = NULL;
    enum nhi_err err = NHI_OK;
    int k = 0;

    while (k < per_writer && (err == NHI_OK || err == NHI_ERR_BUSY)) {
        if (l == NULL)
            err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_WRITE, &l);
        if (err == NHI_OK)
            err = add_one(l, i, k);
        if (err != NHI_OK)
            continue;
        /* The writers that close empty the log. */
        if (++k % AT_ONCE == 0) {
            nhi_ledger_close(l);
            l = NULL;
        }
    }
    nhi_ledger_close(l);
    return err != NHI_OK;
}

bool writers_run(const char *size, int writers, int events)
{
    state_reset(size);
    state_ledger();
    per_writer = events;
    return state_parallel(writers, write_all) == 0;
}

struct proving {
    struct nhi_chain chain;
    bool broken;
    int of[WRITERS_MAX];
};

static int prove(const struct nhi_event *e, void *ctx)
{
    char *line = nhi_event_line(e);
    struct proving *p = ctx;
    int64_t at;
    int i, k;

    p->broken = line == NULL || nhi_chain_add(&p->chain, line, strlen(line), &at) != NHI_LINK_GOOD;
    free(line);
    /* The events of each writer come in the order in which it wrote them. */
    if (sscanf(e->task, "w%d-%d", &i, &k) == 2 && i >= 0 && i < WRITERS_MAX)
        p->broken = p->broken || p->of[i]++ != k;
    return p->broken;
}

struct writers_proof writers_prove(int writers)
{
    struct proving *p = calloc(1, sizeof(*p));
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    struct writers_proof proof = { .least = INT32_MAX };
    struct nhi_head head = { .given = -1 };

    memcpy(p->chain.hash, NHI_NO_EVENT, sizeof(p->chain.hash));
    proof.whole = nhi_event_each(l, 0, INT32_MAX, prove, p) == NHI_OK && !p->broken &&
                  nhi_event_head(l, &head) == NHI_OK && head.given == p->chain.seq &&
                  strcmp(head.hash, p->chain.hash) == 0;
    for (int i = 0; i < writers; i++) {
        proof.events += p->of[i];
        proof.least = p->of[i] < proof.least ? p->of[i] : proof.least;
        proof.most = p->of[i] > proof.most ? p->of[i] : proof.most;
    }
    proof.last = p->chain.seq;
    nhi_ledger_close(l);
    free(p);
    return proof;
}

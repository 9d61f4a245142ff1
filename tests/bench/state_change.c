/* SPDX-License-Identifier: ISC */
/*
 * One change of the published state: a turn, one record of a revocation, one that says that this is all, and the end of
 * the turn, by a writer that has nothing else to do. The changes that have less than half of the tail left are timed,
 * since each has to read what is in it.
 *
 *   state_change        prints the minimum, the median and the number, in microseconds
 *   state_change new    the same of new files, each made of the one before
 *
 * It revokes tickets that nobody has, of which the ledger does not know: publish it anew afterwards.
 */
#include <stdio.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/ledger/publish.h"
#include "libnhi/state/fact.h"
#include "libnhi/state/state_format.h"
#include "libnhi/state/state_write.h"
#include "tests/lib/bench.h"

#define CHANGES_MAX 1000
#define FILES 10
#define RECORD_MAX STATE_RECORD_SIZE(NHI_FACT_KEY_MAX, sizeof(int64_t))

static enum nhi_err change(size_t *room)
{
    struct nhi_value none = { .len = 0 };
    struct nhi_state_writer *w = NULL;
    struct nhi_fact_key key;
    int64_t generation;
    char jti[NHI_JTI_LEN + 1];
    enum nhi_err err = nhi_id_new(jti);

    if (err == NHI_OK)
        err = nhi_state_begin(NHI_RUN_DIR, NHI_STATE_DIR, 1000, &w);
    if (err == NHI_OK && nhi_state_seen(w) == NULL)
        err = NHI_ERR_NOT_FOUND;
    if (err == NHI_OK && nhi_state_room(w) < 2 * RECORD_MAX)
        err = NHI_ERR_FULL; /* or it would not be finished */
    if (err == NHI_OK) {
        generation = nhi_state_generation(nhi_state_seen(w));
        key = nhi_fact_key_revoked(NHI_REVOKE_TICKET, jti);
        err = nhi_state_add(w, generation, &key, &none);
        if (err == NHI_OK)
            err = nhi_state_done(w, generation, nhi_state_latest(nhi_state_seen(w)));
        *room = nhi_state_room(w);
    }
    nhi_state_end(w);
    return err;
}

static enum nhi_err time_changes(double *took, size_t *count)
{
    enum nhi_err err = NHI_OK;
    size_t room = 0;
    double began;

    while (*count < CHANGES_MAX) {
        began = now_us();
        err = change(&room);
        if (err != NHI_OK)
            break;
        took[*count] = now_us() - began;
        *count += room < STATE_TAIL_SIZE / 2;
    }
    return err == NHI_ERR_FULL ? NHI_OK : err;
}

static enum nhi_err time_files(double *took, size_t *count)
{
    struct nhi_ledger *l = NULL;
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_WRITE, &l);
    double began;

    if (err == NHI_OK)
        err = nhi_ledger_publishes(l, NHI_STATE_DIR, NHI_RUN_DIR, 1000);
    for (; err == NHI_OK && *count < FILES; ++*count) {
        began = now_us();
        err = nhi_ledger_refresh(l);
        took[*count] = now_us() - began;
    }
    nhi_ledger_close(l);
    return err;
}

int main(int argc, char **argv)
{
    double took[CHANGES_MAX], middle;
    size_t count = 0;
    enum nhi_err err;

    (void)argv;
    err = argc > 1 ? time_files(took, &count) : time_changes(took, &count);
    if (err != NHI_OK || count == 0) {
        fprintf(stderr, "state_change: %s\n", nhi_strerror(err));
        return 1;
    }
    middle = median(took, count);
    printf("%.1f %.1f %zu\n", took[0], middle, count);
    return 0;
}

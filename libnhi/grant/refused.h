/* SPDX-License-Identifier: ISC */
/*
 * Who was refused in this hour, and why, for refusals without a record of their own, because nothing was proven or
 * there are too many. One slot for each account, reason and key, or for each reason and ticket that was shown, in a
 * file of one size under NHI_RUN_DIR; each becomes an event when it is first seen, whenever its number has doubled
 * since, and once more when the hour is over. So what anybody can cause in an hour is bounded, in memory, in events and
 * in lines of the log.
 */
#ifndef NHI_REFUSED_H
#define NHI_REFUSED_H

#include <stdint.h>

#include "libnhi/key/sshkey.h"
#include "libnhi/policy/decide.h"

#define NHI_REFUSED_FILE "refused"
#define NHI_REFUSED_SLOTS 256
#define NHI_REFUSED_FROM 4 /* addresses of each */

/* Strings from outside: names that break their grammar are kept as "?". Empty: there is none, or it is not known. */
struct nhi_refusal {
    int64_t at;
    enum nhi_reason reason;
    bool known; /* a ticket or a key that this host knows: no stranger takes the room for it */
    char service[NHI_SERVICE_MAX + 1], account[NHI_ACCOUNT_MAX + 1];
    char from[NHI_PLACE_MAX + 1]; /* a numeric address */
    char agent[NHI_AGENT_MAX + 1], task[NHI_TASK_MAX + 1], jti[NHI_JTI_LEN + 1];
    char issuer[NHI_KID_MAX + 1];       /* key that signed that ticket */
    char kid[NHI_KID_MAX + 1];          /* that an unverified ticket claims */
    char key[NHI_SSHKEY_PRINT_LEN + 1]; /* print of a public key, whose possession nobody has proven */
};

/* Returns how many of that account, reason and ticket or key there were in this hour, with this one: 1 is the time to
 * say it. Where the room for more of them is used up, all that have none are one number. 0: it could not be counted. */
uint64_t nhi_refused_note(const char *run_dir, const struct nhi_refusal *r);

/* What is to be told of one slot. */
struct nhi_refused {
    struct nhi_refusal of; /* at: the first of these */
    int64_t last;
    uint64_t count;
    size_t from_count;
    char from[NHI_REFUSED_FROM][NHI_PLACE_MAX + 1];
    char record[NHI_JTI_LEN + 1]; /* the same when the same is told again */
    size_t slot;
    uint64_t id, seen;
};

/* Whether there is something to tell. Makes the file where it is missing, while there is room for it. */
bool nhi_refused_is_due(const char *run_dir, int64_t now);
/* All that is due, to fn, if anything is. When fn returns 0 it has been told. NHI_ERR_NOT_FOUND: nothing was ever
 * refused. NHI_ERR_FORMAT: a file of another release, which is removed. NHI_ERR_BUSY: somebody else is at it. */
NHI_CHECK enum nhi_err nhi_refused_take(const char *run_dir, int64_t now,
                                        int (*fn)(const struct nhi_refused *all, size_t count, void *ctx), void *ctx);

#endif

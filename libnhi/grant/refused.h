/* SPDX-License-Identifier: ISC */
/*
 * Who was refused in this hour, and why, for refusals without a record of their own, because nothing was proven or
 * there were too many. One slot for each account, reason and key, or for each reason and ticket that was shown, in a
 * file of fixed size under NHI_RUN_DIR. Each becomes an event when it is first seen, whenever its number has doubled,
 * and once more when the hour has ended. So the memory, events and log lines that anybody can cause in an hour are
 * bounded.
 */
#ifndef NHI_REFUSED_H
#define NHI_REFUSED_H

#include <stdint.h>

#include "libnhi/key/sshkey.h"
#include "libnhi/policy/decide.h"

#define NHI_REFUSED_FILE "refused"
#define NHI_REFUSED_SLOTS 256
#define NHI_REFUSED_FROM 4 /* addresses of each */

/* Text from outside: names that are not well-formed are kept as "?". Empty: none, or not known. */
struct nhi_refusal {
    int64_t at;
    enum nhi_reason reason;
    bool known; /* it is about a ticket or key that this host knows: strangers cannot take its room */
    char service[NHI_SERVICE_MAX + 1], account[NHI_ACCOUNT_MAX + 1];
    char from[NHI_PLACE_MAX + 1]; /* a numeric address */
    char agent[NHI_AGENT_MAX + 1], task[NHI_TASK_MAX + 1], jti[NHI_JTI_LEN + 1];
    char issuer[NHI_KID_MAX + 1];       /* the key that signed that ticket */
    char kid[NHI_KID_MAX + 1];          /* the key that an unverified ticket claims */
    char key[NHI_SSHKEY_PRINT_LEN + 1]; /* fingerprint of a public key, whose possession was not proven */
};

/* Returns how many refusals of that account, reason and ticket or key there were in this hour, including this one: 1 is
 * the time to log it. Once the room is used up, all without a slot are one number. 0: it could not be counted. */
uint64_t nhi_refused_note(const char *run_dir, const struct nhi_refusal *r);

/* The report of one slot. */
struct nhi_refused {
    struct nhi_refusal of; /* at: the first refusal */
    int64_t last;
    uint64_t count;
    size_t from_count;
    char from[NHI_REFUSED_FROM][NHI_PLACE_MAX + 1];
    char record[NHI_JTI_LEN + 1]; /* the same if the same numbers are reported again */
    size_t slot;
    uint64_t id, seen;
};

/* Whether there is anything to report. Makes the file if it is missing, while the disk has room for it. */
bool nhi_refused_is_due(const char *run_dir, int64_t now);
/* Passes all reports that are due to fn, if there are any. If fn returns 0, they count as reported. NHI_ERR_NOT_FOUND:
 * nothing was ever refused. NHI_ERR_FORMAT: a file of another release, which is removed. NHI_ERR_BUSY: another process
 * is reporting. */
NHI_CHECK enum nhi_err nhi_refused_take(const char *run_dir, int64_t now,
                                        int (*fn)(const struct nhi_refused *all, size_t count, void *ctx), void *ctx);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Denials without a verified ticket, which anybody can cause: counted, with the first few as samples, in one file of a
 * fixed size under NHI_RUN_DIR. The supervisor turns them into one event at intervals.
 *
 * Counting is an addition in shared memory: no lock, no waiting, and nothing that a stopped or killed process could
 * leave half done. A denial that cannot be counted is still a denial.
 */
#ifndef NHI_DENIALS_H
#define NHI_DENIALS_H

#include <stddef.h>

#include "libnhi/policy/decide.h"

#define NHI_DENIALS_FILE "denials"
#define NHI_DENIALS_SAMPLES 16

enum nhi_denial_of {
    NHI_DENIAL_SSHD,
    NHI_DENIAL_SUDO,
    NHI_DENIAL_SU,
    NHI_DENIAL_CRON,
    NHI_DENIAL_OTHER,
    NHI_DENIAL_SERVICES
};
const char *nhi_denial_service(enum nhi_denial_of s);
/* From the name of a PAM service; sudo-i and su-l are sudo and su, crond is cron. */
enum nhi_denial_of nhi_denial_of_service(const char *name);

/* Text from outside: names that are not well-formed are kept as "?". from: a numeric address or empty. */
struct nhi_denial {
    int64_t at;
    enum nhi_reason reason;
    char service[NHI_SERVICE_MAX + 1], account[NHI_ACCOUNT_MAX + 1], from[NHI_PLACE_MAX + 1];
};

struct nhi_denials {
    uint64_t total;
    uint64_t count[NHI_REASON_COUNT][NHI_DENIAL_SERVICES];
    size_t sample_count;
    struct nhi_denial samples[NHI_DENIALS_SAMPLES];
};

/* run_dir is made if it is missing. */
void nhi_denials_add(const char *run_dir, enum nhi_reason reason, const char *service, const char *account,
                     const char *from, int64_t at);

/* Makes the file now, while the disk has room for it. */
void nhi_denials_make(const char *run_dir);
/* Passes the counts since the last time to fn, if there are any. They are removed when fn returns 0, else kept for the
 * next time. Of two callers at once the second finds the rest. NHI_ERR_NOT_FOUND: nothing was ever counted.
 * NHI_ERR_FORMAT: a file of another release, which is removed. NHI_ERR_BUSY: another process is reading it. */
NHI_CHECK enum nhi_err nhi_denials_take(const char *run_dir, int (*fn)(const struct nhi_denials *, void *), void *ctx);

#endif

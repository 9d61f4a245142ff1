/* SPDX-License-Identifier: ISC */
/*
 * Every setting of nhi.conf(5), once. From here come the members of struct nhi_settings, reading the file, the line
 * that the ledger keeps and the policy's hash is over, the difference that nhictl apply shows, its event and its JSON.
 * The name of the host and its range of uids are given once, to nhictl init, and are not settings.
 *
 *   X(kind, member, key, max, unwritten, no, yes)
 *
 * kind: SPAN, seconds that are written as "2m"; NUMBER, as it is; FLAG, one of two words. key: in nhi.conf, in the
 * line and in JSON, and never changed. max: the greatest value. unwritten: the value while nhi.conf does
 * not have it. no, yes: the words for false and true.
 */
#ifndef NHI_SETTING_LIST_H
#define NHI_SETTING_LIST_H

#include "libnhi/base/time.h"

#define NHI_GRACE_DEFAULT 5 /* where the ledger cannot be read, too */
#define NHI_KEEP_DAYS_DEFAULT 400

#define NHI_SETTINGS(X) \
    /* How long any ticket may live; 0: as long as its issuer may sign for. */ \
    X(SPAN, max_lifetime, "max_lifetime", NHI_SPAN_MAX, 0, NULL, NULL) \
    /* A bearer ticket that is used away from its first place is recorded, and not refused. */ \
    X(FLAG, pin_records, "pin", 1, 0, "refuse", "record") \
    /* An agent whose review date has passed is denied. */ \
    X(FLAG, overdue_denies, "overdue", 1, 0, "report", "deny") \
    /* Seconds between SIGTERM and SIGKILL for a session that has ended. */ \
    X(NUMBER, grace, "grace", 3600, NHI_GRACE_DEFAULT, NULL, NULL) \
    /* How long before its end a session is warned; 0: it is not. */ \
    X(SPAN, warn, "warn", 3600, 0, NULL, NULL) \
    /* Between two signed heads of the trail. */ \
    X(SPAN, head_every, "head_every", 7 * 86400, 3600, NULL, NULL) \
    /* Between two events that count the denials of unverified requests. */ \
    X(SPAN, denials_every, "denials_every", 7 * 86400, 60, NULL, NULL) \
    /* Agents may log in although nhictl watch does not run. */ \
    X(FLAG, unsupervised, "supervisor", 1, 0, "required", "optional") \
    /* A permit whose loss gives nobody anything is not on the disk before it takes effect. */ \
    X(FLAG, unflushed, "durability", 1, 0, "flushed", "fast") \
    /* Days for which events stay in the ledger, before they go into an archive; 0: for ever. */ \
    X(NUMBER, keep_days, "keep_days", 36500, NHI_KEEP_DAYS_DEFAULT, NULL, NULL)

#endif

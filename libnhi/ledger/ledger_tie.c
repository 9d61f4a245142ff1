/* SPDX-License-Identifier: ISC */
/*
 * Whether the ledger belongs to this machine, and has everything that this machine has seen of it.
 *
 * MUST: anything that is not known denies agents. A copy that cannot be distinguished from the original (from a host
 * without an identity, on one that was booted later) is not noticed: nothing on its disk differs.
 */
#include "libnhi/ledger/ledger_tie.h"

#include <string.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/last_seen.h"
#include "libnhi/base/machine.h"
#include "libnhi/base/proc.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/session/session.h"

/* A hardware clock that ran while the host was off is not exact. */
#define DRIFT 3600

static bool is_of_another_boot(const struct nhi_settings *s, int64_t now)
{
    char boot[37];
    int64_t began;

    if (s->tie.strange)
        return true;
    if (s->tie.boot[0] == '\0' || nhi_boot_id(boot) != NHI_OK || strcmp(s->tie.boot, boot) == 0 ||
        nhi_boot_time(now, &began) != NHI_OK)
        return false;
    /* When the clock is behind, nobody knows when anything happened. */
    return s->latest > began + DRIFT && s->latest <= now;
}

/* The number of an event alone proves nothing: an old ledger may have continued, too. If the event no longer exists,
 * that is a matter for nhictl audit verify. */
static bool is_behind(struct nhi_ledger *l, const struct nhi_settings *s, const struct nhi_last_seen *m)
{
    int64_t others = 0;

    if (m->epoch != s->epoch || m->event > s->event)
        return nhi_last_seen_is_ahead(m, s->epoch, s->event);
    return nhi_sql_number(l, &others, "SELECT count(*) FROM event WHERE seq = ? AND hash <> ?", "is", m->event,
                          m->hash) != NHI_OK ||
           others != 0;
}

bool nhi_ledger_is_behind(struct nhi_ledger *l, const struct nhi_settings *s, const struct nhi_last_seen_answer *seen)
{
    if (seen->err == NHI_ERR_NOT_FOUND)
        return false;
    return seen->err != NHI_OK || is_behind(l, s, &seen->last);
}

enum nhi_fit nhi_ledger_fit(struct nhi_ledger *l, const struct nhi_settings *s, const struct nhi_last_seen_answer *seen,
                            int64_t now)
{
    char machine[NHI_DIGEST_LEN + 1];

    if (nhi_machine_id(NHI_MACHINE_FILE, machine) != NHI_OK)
        return NHI_FIT_UNKNOWN;
    if (strcmp(machine, s->tie.machine) != 0)
        return NHI_FIT_MACHINE;
    if (is_of_another_boot(s, now))
        return NHI_FIT_BOOT;
    return nhi_ledger_is_behind(l, s, seen) ? NHI_FIT_BEHIND : NHI_FIT_HERE;
}

enum nhi_err nhi_sql_tie(struct nhi_ledger *l)
{
    char machine[NHI_DIGEST_LEN + 1], boot[37];

    /* It can be tied later, with nhictl init --new-host. */
    if (nhi_machine_id(NHI_MACHINE_FILE, machine) != NHI_OK)
        machine[0] = '\0';
    if (nhi_boot_id(boot) != NHI_OK)
        boot[0] = '\0';
    return nhi_sql_run(l, NULL, "UPDATE setting SET machine = ?, boot = ?, strange = 0", "ss", machine, boot);
}

bool nhi_ledger_knows_boot(struct nhi_ledger *l)
{
    struct nhi_settings s;
    char boot[37];

    return nhi_boot_id(boot) == NHI_OK && nhi_ledger_settings(l, &s) == NHI_OK &&
           (s.tie.strange || strcmp(s.tie.boot, boot) == 0);
}

enum nhi_err nhi_sql_note_boot(struct nhi_ledger *l, int64_t now)
{
    struct nhi_settings s;
    char boot[37];
    enum nhi_err err;

    if (nhi_boot_id(boot) != NHI_OK)
        return NHI_OK;
    err = nhi_ledger_settings(l, &s);
    if (err != NHI_OK || s.tie.strange || strcmp(s.tie.boot, boot) == 0)
        return err;
    if (is_of_another_boot(&s, now))
        return nhi_sql_run(l, NULL, "UPDATE setting SET strange = 1", "");
    return nhi_sql_run(l, NULL, "UPDATE setting SET boot = ? WHERE latest <= ?", "si", boot, now);
}

enum nhi_err nhi_ledger_set_clock(struct nhi_ledger *l, int64_t now)
{
    char boot[37];

    if (nhi_boot_id(boot) != NHI_OK)
        boot[0] = '\0';
    /* By the old clock it may have been written while this boot was running. */
    return nhi_sql_run(l, NULL,
                       "UPDATE setting SET latest = ?1, epoch_at = min(epoch_at, ?1),"
                       " boot = iif(strange, boot, ?2)",
                       "is", now, boot);
}

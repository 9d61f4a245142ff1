/* SPDX-License-Identifier: ISC */
/*
 * Since when an account accepts tickets only. By the clock of the boot: the wall clock may be set meanwhile.
 */
#include "libnhi/ledger/ledger_watched.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/machine.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/grant.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/session/session.h"

enum nhi_err nhi_watched_later(struct nhi_watched *w)
{
    long ticks = sysconf(_SC_CLK_TCK);
    struct timespec ts, wall;

    if (ticks <= 0 || clock_gettime(CLOCK_BOOTTIME, &ts) != 0 || clock_gettime(CLOCK_REALTIME_COARSE, &wall) != 0)
        return NHI_ERR_SYS;
    w->start = (uint64_t)ts.tv_sec * (uint64_t)ticks + (uint64_t)ts.tv_nsec / (1000000000 / (uint64_t)ticks);
    w->at = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec;
    return NHI_OK;
}

enum nhi_err nhi_watched_now(struct nhi_watched *w)
{
    enum nhi_err err = nhi_watched_later(w);

    if (nhi_machine_id(NHI_MACHINE_FILE, w->machine) != NHI_OK)
        w->machine[0] = '\0';
    return err == NHI_OK ? nhi_boot_id(w->boot) : err;
}

bool nhi_watched_is_before(const struct nhi_watched *w, const struct nhi_watched *here, uint64_t start)
{
    /* What ran on another machine, and when, is not known. */
    if (strcmp(w->machine, here->machine) != 0)
        return true;
    return strcmp(w->boot, here->boot) == 0 && start <= w->start;
}

enum nhi_err nhi_watched_put(struct nhi_ledger *l, const struct nhi_watched *w)
{
    return nhi_sql_run(l, NULL,
                       "INSERT OR REPLACE INTO watched (account, uid, machine, boot, start, at)"
                       " VALUES (?,?,?,?,?,?)",
                       "sissii", w->account, (int64_t)w->uid, w->machine, w->boot, (int64_t)w->start, w->at);
}

enum nhi_err nhi_watched_drop(struct nhi_ledger *l, const char *account)
{
    return nhi_sql_run(l, NULL, "DELETE FROM watched WHERE account = ?", "s", account);
}

enum nhi_err nhi_watched_each(struct nhi_ledger *l, int (*fn)(const struct nhi_watched *, void *), void *ctx)
{
    struct nhi_watched w;
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT account, uid, machine, boot, start, at FROM watched", "");
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        memset(&w, 0, sizeof(w));
        nhi_sql_text(st, 0, w.account, sizeof(w.account), &err);
        w.uid = (uint32_t)nhi_sql_int(st, 1, 0, UINT32_MAX - 1, &err);
        nhi_sql_text(st, 2, w.machine, sizeof(w.machine), &err);
        nhi_sql_text(st, 3, w.boot, sizeof(w.boot), &err);
        w.start = (uint64_t)nhi_sql_int(st, 4, 0, INT64_MAX, &err);
        w.at = nhi_sql_int(st, 5, 0, INT64_MAX, &err);
        if (err == NHI_OK && fn(&w, ctx) != 0)
            break;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

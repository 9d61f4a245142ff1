/* SPDX-License-Identifier: ISC */
/*
 * MUST: a file that is not known here is a reason to look. Decisions read what was published and the reserves, so the
 * ledger's own log is none, nor are counters that anybody can make grow.
 */
#include "nhictl/watch/changes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "libnhi/base/last_seen.h"
#include "libnhi/base/paths.h"
#include "libnhi/grant/denials.h"
#include "libnhi/grant/refused.h"
#include "libnhi/ledger/heartbeat.h"
#include "libnhi/state/state_format.h"
#include "nhictl/audit/signed_head.h"
#include "nhictl/leftover/leftover_accounts.h"
#include "nhictl/trail/trail.h"
#include "nhictl/watch/linger.h"

#define WRITTEN (IN_MODIFY | IN_CREATE | IN_MOVED_TO)

enum nhi_err changes_open(struct changes *c)
{
    c->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (c->fd < 0)
        return NHI_ERR_SYS;
    c->grants = inotify_add_watch(c->fd, NHI_STATE_DIR "/" NHI_GRANTS_DIR, IN_CREATE);
    c->sessions = inotify_add_watch(c->fd, NHI_RUN_DIR "/" NHI_SESSIONS_DIR, IN_CREATE | IN_MOVED_TO);
    c->run = inotify_add_watch(c->fd, NHI_RUN_DIR, WRITTEN | IN_DELETE);
    c->state = inotify_add_watch(c->fd, NHI_STATE_DIR, WRITTEN);
    if (c->grants < 0 || c->sessions < 0 || c->run < 0 || c->state < 0)
        return errno == ENOENT ? NHI_ERR_NOT_FOUND : NHI_ERR_SYS;
    c->lingers = linger_watch(c->fd);
    c->groups = leftover_accounts_notify(c->fd);
    return NHI_OK;
}

static bool is_one_of(const char *name, const char *const names[])
{
    for (; *names != NULL; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

/* Files that no decision about a session reads. The heartbeat is this process's own. */
static bool says_nothing(const struct changes *c, int wd, const char *name, bool own)
{
    static const char *const in_state[] = { NHI_LEDGER_FILE "-wal", NHI_LEDGER_FILE "-shm", NHI_LEDGER_FILE "-journal",
                                            NHI_LAST_SEEN_FILE,     NHI_NOTES_FILE,         NULL };
    static const char *const in_run[] = { NHI_DENIALS_FILE, NHI_REFUSED_FILE, NHI_LAST_SEEN_FILE,
                                          NHI_STATE_LOCK,   NHI_NOTES_FILE,   NHI_HEARTBEAT_FILE,
                                          NHI_LOOKED_FILE,  WATCH_LOCK,       NULL };
    static const char *const by_own[] = { NHI_LEDGER_FILE, HEAD_FILE, TRAIL_SENT_FILE, NULL };

    /* About to get its name; a file without one is shown as a number. */
    if (name[0] == '.' || name[0] == '#')
        return true;
    if (wd == c->run)
        return is_one_of(name, in_run);
    return is_one_of(name, in_state) || (own && is_one_of(name, by_own));
}

/* A session begins with its handle, and gets another name when it ends. */
static void take_session(struct changes *c, const struct inotify_event *e)
{
    const char *name = e->len > 0 ? e->name : "";

    c->fold = true;
    if ((e->mask & IN_CREATE) == 0 || strchr("ap", name[0]) == NULL)
        return;
    if (c->fresh_count == CHANGES_FRESH || strlen(name) > SESSION_HANDLE_MAX)
        c->look = true;
    else
        snprintf(c->fresh[c->fresh_count++], sizeof(c->fresh[0]), "%s", name);
}

static void take(struct changes *c, const struct inotify_event *e, bool own)
{
    if ((e->mask & IN_Q_OVERFLOW) != 0)
        c->lost = c->look = c->fold = c->linger = true;
    else if (e->wd == c->grants)
        c->fold = true;
    else if (e->wd == c->sessions)
        take_session(c, e);
    else if (e->wd == c->lingers)
        c->linger = true;
    else if (e->wd != c->groups)
        c->look = c->look || !says_nothing(c, e->wd, e->len > 0 ? e->name : "", own);
}

void changes_take(struct changes *c, bool own)
{
    _Alignas(struct inotify_event) char buf[4096];
    ssize_t n;

    while ((n = read(c->fd, buf, sizeof(buf))) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(buf + at);

            take(c, e, own);
            at += (ssize_t)(sizeof(*e) + e->len);
        }
}

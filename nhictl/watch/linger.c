/* SPDX-License-Identifier: ISC */
/*
 * MUST: people may linger as they like, also one with an agent's name. MUST: wait for no source of accounts.
 */
#include "nhictl/watch/linger.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <syslog.h>

#include "libnhi/base/paths.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_list.h"
#include "nhictl/end/account_lookup.h"
#include "nhictl/process/log.h"
#include "nhictl/process/logind.h"

#define BOOTED "/run/systemd/system" /* sd_booted(3) */

struct whose {
    const char *agent;
    bool any;
};

static int find_session(const char *handle, const struct nhi_grant *g, bool alive, void *ctx)
{
    struct whose *w = ctx;

    (void)handle;
    w->any = w->any || (alive && strcmp(g->ticket.agent, w->agent) == 0);
    return w->any;
}

static bool has_session(const char *agent)
{
    struct whose w = { .agent = agent };

    return nhi_session_each(NHI_RUN_DIR, find_session, &w) != NHI_OK || w.any;
}

static void end_one(const char *name)
{
    uint32_t uid;

    if (!account_uid_of_agent(name, &uid) || !logind_end_linger(name, uid))
        return;
    log_say(LOG_AUTHPRIV | LOG_NOTICE, "agents do not linger: account=%s", name);
    if (!has_session(name))
        logind_stop_user(uid);
}

void linger_sweep(void)
{
    DIR *d = opendir(LOGIND_LINGER_DIR);
    const struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            end_one(e->d_name);
    if (d != NULL)
        closedir(d);
}

int linger_watch(int inotify)
{
    struct stat st;

    if (lstat(BOOTED, &st) != 0)
        return -1;
    /* As logind makes it when a user lingers for the first time. */
    (void)mkdir(LOGIND_LINGER_DIR, 0755);
    return inotify_add_watch(inotify, LOGIND_LINGER_DIR, IN_CREATE | IN_MOVED_TO);
}

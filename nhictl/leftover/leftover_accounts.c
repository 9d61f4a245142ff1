/* SPDX-License-Identifier: ISC */
/*
 * MUST: read local files only, since the supervisor waits for no network. MUST: if it is not known since when an
 * account takes tickets only, none of its processes counts as started after that.
 */
#include "nhictl/leftover/leftover_accounts.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_watched.h"
#include "libnhi/session/session.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "nhictl/store/store.h"

#define ONLY "nhi-only"
#define GROUP "/etc/group"
#define PASSWD "/etc/passwd"

/* The accounts and the state of the files when they were read. One for the process, since it is needed every few
 * milliseconds. */
static struct {
    struct leftover_accounts now;
    struct stat of[4];
    time_t tried;
} memory;

static bool has_changed(void)
{
    static const char *const files[] = { NHI_SNAPSHOT_PATH, NHI_SNAPSHOT_QUICK, GROUP, PASSWD };
    bool changed = !memory.now.whole && memory.tried != nhi_now();
    struct stat st;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (stat(files[i], &st) != 0)
            memset(&st, 0, sizeof(st));
        changed = changed || st.st_ino != memory.of[i].st_ino || st.st_size != memory.of[i].st_size ||
                  st.st_mtim.tv_sec != memory.of[i].st_mtim.tv_sec ||
                  st.st_mtim.tv_nsec != memory.of[i].st_mtim.tv_nsec;
        memory.of[i] = st;
    }
    return changed;
}

static struct leftover_account *find(const struct leftover_accounts *in, const char *name)
{
    for (size_t i = 0; i < in->count; i++)
        if (strcmp(in->all[i].name, name) == 0)
            return &in->all[i];
    return NULL;
}

/* NULL: no memory; the next look finds it. */
static struct leftover_account *add(struct leftover_accounts *to, const char *name, uint32_t uid)
{
    struct leftover_account *more;

    if (uid == 0 || strlen(name) >= sizeof(more->name))
        return NULL;
    more = nhi_grow(to->all, &to->room, to->count + 1, sizeof(*more));
    if (more == NULL)
        return NULL;
    to->all = more;
    more = &to->all[to->count++];
    memset(more, 0, sizeof(*more));
    memcpy(more->name, name, strlen(name) + 1);
    more->uid = uid;
    return more;
}

static int add_agent(const struct nhi_agent *a, void *ctx)
{
    struct leftover_account *one = add(ctx, a->account.name, a->account.uid);

    if (one != NULL) {
        one->own = true;
        one->daemons = a->daemons;
    }
    return 0;
}

static int add_since(const struct nhi_watched *w, void *ctx)
{
    struct leftover_account *one = find(ctx, w->account);

    if (one != NULL && one->uid == w->uid) {
        one->since = *w;
        one->known = one->written = true;
    }
    return 0;
}

static void add_published(struct leftover_accounts *to)
{
    struct nhi_snapshot s;
    struct nhi_account a;
    enum nhi_err err;

    if (nhi_snapshot_open_published(&s) != NHI_OK)
        return;
    to->uid_min = s.uid_min;
    to->uid_max = s.uid_max;
    for (uint32_t i = 0; (err = nhi_snapshot_by_index(&s, i, &a)) == NHI_OK || i < s.count; i++)
        if (err == NHI_OK) {
            struct leftover_account *one = add(to, a.name, a.uid);

            if (one != NULL)
                one->own = true;
        }
    nhi_snapshot_close(&s);
}

static bool has_member(char *const *members, const char *name)
{
    for (; members != NULL && *members != NULL; members++)
        if (strcmp(*members, name) == 0)
            return true;
    return false;
}

static void add_ticket_only(struct leftover_accounts *to)
{
    const struct group *gr = NULL;
    const struct passwd *pw;
    FILE *groups = fopen(GROUP, "re"), *users = fopen(PASSWD, "re");

    while (groups != NULL && (gr = fgetgrent(groups)) != NULL && strcmp(gr->gr_name, ONLY) != 0)
        continue;
    while (gr != NULL && users != NULL && (pw = fgetpwent(users)) != NULL)
        if ((pw->pw_gid == gr->gr_gid || has_member(gr->gr_mem, pw->pw_name)) && find(to, pw->pw_name) == NULL)
            (void)add(to, pw->pw_name, pw->pw_uid);
    if (groups != NULL)
        fclose(groups);
    if (users != NULL)
        fclose(users);
}

static void read_all(void)
{
    struct leftover_accounts had = memory.now, now = { .count = 0 };
    struct nhi_settings set;
    struct nhi_ledger *l = NULL;
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l);

    memory.tried = nhi_now();
    if (err == NHI_OK)
        err = nhi_ledger_settings(l, &set);
    if (err == NHI_OK)
        err = nhi_agent_each(l, add_agent, &now);
    now.whole = err == NHI_OK;
    if (now.whole) {
        now.uid_min = set.uid_min;
        now.uid_max = set.uid_max;
    } else {
        now.count = 0;
        add_published(&now);
    }
    add_ticket_only(&now);
    if (now.whole)
        (void)!nhi_watched_each(l, add_since, &now);
    nhi_ledger_close(l);
    /* Keeps what this process saw and could not write to the ledger yet. */
    for (size_t i = 0; i < now.count; i++) {
        const struct leftover_account *before = find(&had, now.all[i].name);

        if (!now.all[i].known && before != NULL && before->known && before->uid == now.all[i].uid) {
            now.all[i].since = before->since;
            now.all[i].known = true;
        }
    }
    free(had.all);
    memory.now = now;
}

void leftover_accounts_refresh(void)
{
    if (has_changed())
        read_all();
    if (memory.now.here.boot[0] == '\0' && nhi_watched_now(&memory.now.here) != NHI_OK)
        memory.now.here.boot[0] = '\0';
}

const struct leftover_accounts *leftover_accounts(void)
{
    if (memory.tried == 0)
        leftover_accounts_refresh();
    return &memory.now;
}

const struct leftover_account *leftover_account_of(uint32_t uid)
{
    const struct leftover_accounts *in = leftover_accounts();

    for (size_t i = 0; i < in->count; i++)
        if (in->all[i].uid == uid)
            return &in->all[i];
    return NULL;
}

const struct leftover_account *leftover_account_named(const char *name)
{
    return find(leftover_accounts(), name);
}

bool leftover_is_ours(uint32_t uid)
{
    const struct leftover_accounts *in = leftover_accounts();

    return (in->uid_max != 0 && uid >= in->uid_min && uid <= in->uid_max) || leftover_account_of(uid) != NULL;
}

/* ---- since when ---- */

/* A process that an agent leaves a moment later must not count as older. Programs that change groups replace the
 * file. */
int leftover_accounts_notify(int inotify)
{
    return inotify_add_watch(inotify, "/etc", IN_MOVED_TO | IN_CLOSE_WRITE);
}

struct gone {
    struct nhi_ledger *l;
    char name[64][NHI_ACCOUNT_MAX + 1];
    size_t count;
};

static int find_gone(const struct nhi_watched *w, void *ctx)
{
    struct gone *g = ctx;

    if (leftover_account_named(w->account) == NULL)
        memcpy(g->name[g->count++], w->account, sizeof(w->account));
    return g->count == sizeof(g->name) / sizeof(g->name[0]);
}

/* An account that no longer takes tickets only, and does so again later, is a new one. */
static enum nhi_err write_all(struct nhi_ledger *l)
{
    struct gone *g = calloc(1, sizeof(*g));
    enum nhi_err err = g != NULL ? nhi_watched_each(l, find_gone, g) : NHI_ERR_NOMEM;

    for (size_t i = 0; err == NHI_OK && i < g->count; i++)
        err = nhi_watched_drop(l, g->name[i]);
    for (size_t i = 0; err == NHI_OK && i < memory.now.count; i++)
        if (!memory.now.all[i].written)
            err = nhi_watched_put(l, &memory.now.all[i].since);
    free(g);
    return err;
}

static bool is_written(int64_t now)
{
    struct store s = { .wait = STORE_NOW };
    enum nhi_err err = store_open(&s, now);

    if (err == NHI_OK)
        err = write_all(s.l);
    if (err == NHI_OK) {
        err = nhi_ledger_commit(s.l);
        s.writing = err != NHI_OK;
        s.committed = err == NHI_OK;
    }
    store_close(&s);
    return err == NHI_OK;
}

void leftover_accounts_watch(int64_t now)
{
    static size_t had = SIZE_MAX; /* accounts from before this process have to be checked once */
    const struct leftover_accounts *in = &memory.now;
    struct nhi_watched here = { .at = 0 };
    bool news;

    leftover_accounts_refresh();
    news = in->count < had;
    had = in->count;
    for (size_t i = 0; i < in->count; i++)
        news = news || !in->all[i].written;
    if (!news || !in->whole || nhi_watched_now(&here) != NHI_OK)
        return;
    for (size_t i = 0; i < memory.now.count; i++) {
        struct leftover_account *a = &memory.now.all[i];

        if (a->known)
            continue;
        a->since = here;
        memcpy(a->since.account, a->name, sizeof(a->name));
        a->since.uid = a->uid;
        a->known = true;
    }
    if (is_written(now))
        for (size_t i = 0; i < memory.now.count; i++)
            memory.now.all[i].written = true;
}

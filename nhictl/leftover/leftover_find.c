/* SPDX-License-Identifier: ISC */
/*
 * MUST: a program that changes its process all the time is found, or is reported to hide.
 */
#include "nhictl/leftover/leftover_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/ledger/ledger_watched.h"

#define LOOKS 6  /* before a process is reported to hide */
#define PAUSE 20 /* milliseconds between two looks, in which parents can reap ended processes */

struct walk {
    struct leftover_look *k;
    const bool *chosen; /* a flag for each account; NULL: only, below */
    const struct leftover_account *only;
    bool *seen; /* NULL, or a flag for each account: one of its processes still existed after it was judged */
    int (*fn)(const struct leftover_one *, void *);
    void *ctx;
};

static void read_command(pid_t pid, char *command, size_t size)
{
    char path[32];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
    f = fopen(path, "re");
    command[0] = '\0';
    if (f != NULL && fgets(command, (int)size, f) != NULL)
        command[strcspn(command, "\n")] = '\0';
    if (f != NULL)
        fclose(f);
}

static const struct leftover_account *account_in(const struct walk *w, uint32_t uid)
{
    const struct leftover_accounts *in = leftover_accounts();

    if (w->chosen == NULL)
        return w->only->uid == uid ? w->only : NULL;
    for (size_t i = 0; i < in->count; i++)
        if (w->chosen[i] && in->all[i].uid == uid)
            return &in->all[i];
    return NULL;
}

/* A zombie that began a while ago still exists: nobody reaps it. */
static bool exists(pid_t pid)
{
    struct nhi_proc_stat stat;
    struct nhi_watched now;

    return nhi_proc_stat(pid, &stat) == NHI_OK &&
           (!stat.ended ||
            (nhi_watched_now(&now) == NHI_OK && now.start > stat.self.start + (uint64_t)sysconf(_SC_CLK_TCK)));
}

static int visit(pid_t pid, void *ctx)
{
    struct walk *w = ctx;
    struct leftover_one one;
    uint32_t uid[3];
    pid_t parent;

    if (pid == getpid() || !procs_uids(pid, uid) || (one.account = account_in(w, uid[0])) == NULL ||
        nhi_proc_read(pid, &one.proc, &parent) != NHI_OK)
        return 0;
    one.verdict = leftover_verdict_of(w->k, one.account, pid, &one.why);
    if (w->seen != NULL && exists(pid))
        w->seen[one.account - leftover_accounts()->all] = true;
    if (one.verdict == LEFTOVER_STAYS)
        return 0;
    read_command(pid, one.command, sizeof(one.command));
    return w->fn(&one, w->ctx);
}

enum nhi_err leftovers_each(int (*fn)(const struct leftover_one *, void *), void *ctx)
{
    const struct leftover_wish wish = { .account = NULL };
    struct leftover_look k = { .lockdown = false };
    struct walk w = { .k = &k, .fn = fn, .ctx = ctx };
    enum nhi_err err;
    bool *chosen;

    leftover_accounts_refresh();
    w.chosen = chosen = calloc(leftover_accounts()->count + 1, sizeof(*chosen));
    err = chosen != NULL ? NHI_OK : NHI_ERR_NOMEM;
    if (err == NHI_OK && leftover_choose_idle(&wish, chosen))
        err = nhi_proc_each(visit, &w);
    leftover_look_end(&k);
    free(chosen);
    return err;
}

bool leftover_is_to_end(enum leftover_verdict verdict, const struct leftover_wish *wish)
{
    return verdict == LEFTOVER_ENDED || (wish->named && verdict == LEFTOVER_NAMED);
}

static int find_one(const struct leftover_one *one, void *ctx)
{
    struct leftover_found *f = ctx;
    struct leftover_one *more;

    more = nhi_grow(f->all, &f->room, f->count + 1, sizeof(*more));
    if (more == NULL) {
        f->full = true;
        return 1;
    }
    f->all = more;
    f->all[f->count++] = *one;
    return 0;
}

/* Whether one of these accounts runs a program that has gone at every look, since it changes its process all the
 * time. */
static bool some_hide(const bool *chosen, const struct leftover_account *only, const bool *seen)
{
    const struct leftover_accounts *in = leftover_accounts();
    bool any = false;

    for (size_t i = 0; i < in->count; i++)
        any = any || ((chosen != NULL ? chosen[i] : &in->all[i] == only) && !seen[i] &&
                      leftover_runs_anything(in->all[i].uid));
    return any;
}

static bool find_once(const struct leftover_wish *wish, struct walk *w, struct leftover_found *f)
{
    size_t kept = 0;

    f->count = 0;
    if (nhi_proc_each(visit, w) != NHI_OK || f->full)
        return false;
    for (size_t i = 0; i < f->count; i++)
        if (leftover_is_to_end(f->all[i].verdict, wish))
            f->all[kept++] = f->all[i];
    f->count = kept;
    return true;
}

bool leftover_find(const struct leftover_wish *wish, struct leftover_look *k, const bool *chosen,
                   const struct leftover_account *only, struct leftover_found *f)
{
    struct walk w = { .k = k, .chosen = chosen, .only = only, .fn = find_one, .ctx = f };
    bool looked = true;

    k->lockdown = wish->lockdown;
    w.seen = calloc(leftover_accounts()->count + 1, sizeof(*w.seen));
    f->hides = w.seen != NULL;
    for (int i = 0; looked && f->hides && i < LOOKS; i++) {
        if (i > 0)
            (void)nanosleep(&(const struct timespec){ .tv_nsec = PAUSE * 1000000L }, NULL);
        looked = find_once(wish, &w, f);
        f->hides = some_hide(chosen, only, w.seen);
    }
    looked = looked && w.seen != NULL;
    free(w.seen);
    return looked;
}

/* ---- the end of an agent's last session ---- */

struct adding {
    struct members *m;
    enum nhi_err err;
};

static int add_one(const struct leftover_one *one, void *ctx)
{
    struct adding *a = ctx;

    if (one->verdict == LEFTOVER_ENDED)
        a->err = members_put(a->m, &one->proc);
    return a->err != NHI_OK;
}

enum nhi_err leftover_members(struct members *m, uint32_t uid)
{
    struct adding to = { .m = m };
    struct leftover_look k = { .lockdown = true };
    struct walk w = { .k = &k, .fn = add_one, .ctx = &to };
    enum nhi_err err = NHI_OK;

    m->count = 0;
    leftover_accounts_refresh();
    w.only = leftover_account_of(uid);
    if (w.only != NULL && leftover_runs_anything(uid))
        err = nhi_proc_each(visit, &w);
    leftover_look_end(&k);
    return err == NHI_OK ? to.err : err;
}

bool leftover_is_prey(pid_t pid, uint32_t uid)
{
    const struct leftover_account *a;
    struct leftover_look k = { .lockdown = true };
    uint32_t has[3];
    const char *why;
    bool is;

    if (!procs_uids(pid, has) || has[0] != uid || (a = leftover_account_of(uid)) == NULL)
        return false;
    is = leftover_verdict_of(&k, a, pid, &why) == LEFTOVER_ENDED;
    leftover_look_end(&k);
    return is;
}

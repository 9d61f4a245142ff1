/* SPDX-License-Identifier: ISC */
/*
 * The inputs of restore: the backup, and the present ledger.
 */
#include "nhictl/ledger/restore_open.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/check/privileged.h"
#include "libnhi/ledger/chain.h"
#include "libnhi/ledger/event.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_copy.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_write.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_account.h"
#include "nhictl/agent/home.h"
#include "nhictl/ledger/init.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"

#define LEFT_OUT "was-"
#define FILE_MAX ((off_t)2000 * 1000 * 1000) /* more than a ledger of ten million tickets needs */

/* ---- the file ---- */

/* Only root may have written what root is to believe. */
static int read_file(struct ctl *c, const char *file, unsigned char **bytes, size_t *len)
{
    struct stat st = { .st_mode = 0 };
    size_t have = 0;
    ssize_t n = 1;
    int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), code = CTL_DONE;

    *bytes = NULL;
    if (fd < 0 || fstat(fd, &st) != 0)
        code = ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", file, strerror(errno));
    else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
        code = ctl_fail(c, CTL_REFUSED, "nhictl backup FILE", "%s is not a backup", file);
    else if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        code = ctl_fail(c, CTL_REFUSED, "chown root:root FILE; chmod 600 FILE, if you are sure that nobody changed it",
                        "%s may have been written by users other than root", file);
    if (code == CTL_DONE && (*bytes = malloc((size_t)st.st_size + 1)) == NULL)
        code = ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
    while (code == CTL_DONE && n > 0 && have < (size_t)st.st_size) {
        n = read(fd, *bytes + have, (size_t)st.st_size - have);
        if (n > 0)
            have += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1;
        else
            code = ctl_fail(c, CTL_SYSTEM, NULL, "could not read all of %s", file);
    }
    if (fd >= 0)
        close(fd);
    *len = have;
    return code;
}

int restore_open_copy(struct ctl *c, struct restoring *r)
{
    const char *file = c->operand[0];
    unsigned char *bytes = NULL;
    enum nhi_err err;
    size_t len = 0;
    int code = read_file(c, file, &bytes, &len);

    if (code == CTL_DONE) {
        err = nhi_copy_open(bytes, len, &r->copy);
        if (err == NHI_OK)
            err = nhi_ledger_settings(r->copy, &r->copied);
        if (err == NHI_OK)
            err = nhi_event_head(r->copy, &r->head);
        if (err == NHI_ERR_VERSION)
            code = ctl_fail(c, CTL_REFUSED, NULL, "%s was made by a newer release of nhictl", file);
        else if (err == NHI_ERR_NOMEM)
            code = ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
        else if (err != NHI_OK)
            code = ctl_fail(c, CTL_REFUSED, "nhictl restore FILE, with another backup",
                            "%s is not a backup, or it is damaged", file);
    }
    free(bytes);
    return code;
}

/* ---- its content ---- */

int restore_leave_out(struct ctl *c, struct restoring *r, const char *names)
{
    char name[NHI_LIST_MAX + 1], as[NHI_LIST_MAX + sizeof(LEFT_OUT)];
    enum nhi_err err = NHI_OK;

    while (names != NULL && (names = nhi_list_next(names, name)) != NULL) {
        snprintf(as, sizeof(as), LEFT_OUT "%s", name);
        err = nhi_name_is_agent(as) ? nhi_copy_leave_out(r->copy, name, as, c->now) : NHI_ERR_TOO_LONG;
        if (err == NHI_ERR_NOT_FOUND)
            return ctl_fail(c, CTL_REFUSED, NULL, "there is no agent '%s' in %s; nothing was changed", name,
                            c->operand[0]);
        if (err != NHI_OK)
            return ctl_fail(c, err == NHI_ERR_NOMEM || err == NHI_ERR_SYS ? CTL_SYSTEM : CTL_REFUSED, NULL,
                            "agent '%s' cannot be '%s' instead: %s; nothing was changed", name, as, nhi_strerror(err));
    }
    return CTL_DONE;
}

struct copied {
    struct ctl *c;
    const struct restoring *r;
    struct nhi_chain chain;
    int code;
};

/* An account that nss_nhi could not publish, or that would collide here, is found before anything is changed. */
static int check_agent(const struct nhi_agent *a, void *ctx)
{
    struct copied *k = ctx;
    const struct passwd *pw = getpwnam(a->account.name);

    if (nhi_group_is_privileged(a->account.name, a->account.uid))
        k->code =
            ctl_fail(k->c, CTL_REFUSED, "nhictl restore FILE --without NAME",
                     "agent '%s' in %s has a name that leads to root, and cannot be an agent; nothing was changed",
                     a->account.name, k->c->operand[0]);
    else if (!nhi_account_is_valid(&a->account, k->r->copied.uid_min, k->r->copied.uid_max) ||
             !home_path_ok(a->account.home))
        k->code = ctl_fail(k->c, CTL_REFUSED, "nhictl restore FILE, with another backup",
                           "agent '%s' (uid %u, home '%s') in %s cannot be an agent; nothing was changed",
                           a->account.name, a->account.uid, a->account.home, k->c->operand[0]);
    else if (pw != NULL && pw->pw_uid != a->account.uid)
        k->code =
            ctl_fail(k->c, CTL_REFUSED,
                     "nhictl restore FILE --without NAME; or usermod --login OTHER NAME, and then nhictl restore FILE",
                     "this host has an account %s with uid %u, and the backup an agent with uid %u; nothing was "
                     "changed",
                     a->account.name, pw->pw_uid, a->account.uid);
    return k->code != CTL_DONE;
}

static int check_event(const struct nhi_event *e, void *ctx)
{
    struct copied *k = ctx;
    char *line = nhi_event_line(e);
    enum nhi_link link = NHI_LINK_UNREADABLE;
    int64_t seq = 0;

    if (line != NULL) {
        /* Events before the first one are in an archive. */
        if (k->chain.seq == 0 && nhi_chain_peek(line, strlen(line), &k->chain) && k->chain.seq == 0)
            memcpy(k->chain.hash, NHI_NO_EVENT, sizeof(k->chain.hash));
        link = nhi_chain_add(&k->chain, line, strlen(line), &seq);
        free(line);
    }
    if (link != NHI_LINK_GOOD)
        k->code = ctl_fail(k->c, CTL_REFUSED, "nhictl restore FILE, with another backup",
                           "the trail in %s was changed: event %lld is %s; nothing was changed here", k->c->operand[0],
                           (long long)seq, nhi_link_name(link));
    return k->code != CTL_DONE;
}

int restore_check_copy(struct ctl *c, const struct restoring *r)
{
    struct copied k = { .c = c, .r = r, .chain = { .hash = NHI_NO_EVENT }, .code = CTL_DONE };
    enum nhi_err err = NHI_OK;

    if (!nhi_range_is_valid(r->copied.uid_min, r->copied.uid_max) || !nhi_name_is_host(r->copied.host))
        return ctl_fail(c, CTL_REFUSED, "nhictl restore FILE, with another backup",
                        "the uid range or the host name in %s is not valid; nothing was changed", c->operand[0]);
    err = nhi_agent_each(r->copy, check_agent, &k);
    if (err == NHI_OK && k.code == CTL_DONE)
        err = nhi_event_each(r->copy, 0, INT32_MAX, check_event, &k);
    if (err == NHI_OK || k.code != CTL_DONE)
        return k.code;
    return ctl_fail(c, err == NHI_ERR_NOMEM ? CTL_SYSTEM : CTL_REFUSED, "nhictl restore FILE, with another backup",
                    "the ledger in %s cannot be read: %s; nothing was changed", c->operand[0], nhi_strerror(err));
}

/* ---- the present ledger ---- */

/* A ledger that somebody made with nhictl init before the backup was at hand. */
static bool is_fresh(struct nhi_ledger *l)
{
    bool any;

    return store_any_agent(l, &any) == NHI_OK && !any;
}

/* Keeps a task or a ticket that the backup may have. Such a ledger knows no agents or keys. */
static int keep_revoked(const struct nhi_event *e, void *ctx)
{
    enum nhi_err *err = ctx;

    if (strcmp(e->kind, "revoke") == 0 && e->jti[0] != '\0')
        *err = nhi_reserve_add(NHI_STATE_DIR, NHI_REVOKE_TICKET, e->jti, e->at);
    else if (strcmp(e->kind, "revoke") == 0 && e->task[0] != '\0')
        *err = nhi_reserve_add(NHI_STATE_DIR, NHI_REVOKE_TASK, e->task, e->at);
    return *err != NHI_OK;
}

/* Revocations in a ledger that is replaced wait in the reserve for the new one. */
static int keep_all_revoked(struct ctl *c, struct store *s)
{
    int code = restore_make_reserve(c);
    enum nhi_err kept = NHI_OK, err;

    if (code != CTL_DONE)
        return code;
    err = nhi_event_each(s->l, 0, INT32_MAX, keep_revoked, &kept);
    if (err == NHI_OK)
        err = kept;
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "keep the revocations of the present ledger");
}

#define DAMAGED "damaged-" /* for anybody who wants to examine it */
#define FRESH "fresh-"     /* until the new one is whole */

static const char *const files[] = { "", "-wal", "-shm" };

static void name_aside(const char *as, size_t i, char name[160])
{
    snprintf(name, 160, "%s/%s%s%s", NHI_STATE_DIR, as, NHI_LEDGER_FILE, files[i]);
}

/* And back, if nothing took its place. */
static void set_aside(const char *as, bool back)
{
    char from[160], to[160];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        name_aside("", i, from);
        name_aside(as, i, to);
        /* A file of an earlier ledger does not belong to this one. */
        if (rename(back ? to : from, back ? from : to) != 0 && errno == ENOENT && !back)
            (void)unlink(to);
    }
}

void restore_done(const struct restoring *r)
{
    char name[160];

    for (size_t i = 0; r->aside != NULL && strcmp(r->aside, FRESH) == 0 && i < sizeof(files) / sizeof(files[0]); i++) {
        name_aside(FRESH, i, name);
        (void)unlink(name);
    }
}

int restore_make_reserve(struct ctl *c)
{
    enum nhi_err err = nhi_reserve_create(NHI_STATE_DIR);

    if (err == NHI_OK || err == NHI_ERR_EXISTS)
        return CTL_DONE;
    return ctl_fail(c, CTL_SYSTEM, NULL, "could not make the reserve: %s", nhi_strerror(err));
}

/* aside: the name of the present ledger meanwhile; NULL: no ledger is present. */
static int make_new(struct ctl *c, struct store *s, struct restoring *r, const char *aside)
{
    enum nhi_err err;
    int code = init_make_dirs(c);

    if (code == CTL_DONE)
        code = restore_make_reserve(c);
    if (code != CTL_DONE)
        return code;
    if (aside != NULL)
        set_aside(aside, false);
    r->aside = aside;
    init_remove_ledger();
    r->lost = true;
    err = nhi_ledger_create(NHI_STATE_DIR, r->copied.host, r->copied.uid_min, r->copied.uid_max, c->now);
    if (err == NHI_OK)
        err = store_connect(s, c->now);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "make a new ledger");
}

int restore_open_ledger(struct ctl *c, struct store *s, struct restoring *r)
{
    enum nhi_err err = store_connect(s, c->now);
    int code;

    if (err == NHI_OK)
        err = nhi_ledger_look(s->l);
    if (err == NHI_OK && !is_fresh(s->l)) {
        err = nhi_event_head(s->l, &r->had);
        if (err == NHI_OK)
            return CTL_DONE;
    }
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND && err != NHI_ERR_CORRUPT)
        return store_open_failed(c, s, err);
    r->none = err == NHI_ERR_NOT_FOUND;
    code = err == NHI_OK ? keep_all_revoked(c, s) : CTL_DONE;
    if (code != CTL_DONE)
        return code;
    nhi_ledger_close(s->l);
    s->l = NULL;
    return make_new(c, s, r, r->none ? NULL : err == NHI_ERR_CORRUPT ? DAMAGED : FRESH);
}

void restore_undo(struct store *s, struct restoring *r)
{
    if (s->l != NULL && s->writing)
        nhi_ledger_rollback(s->l);
    nhi_ledger_close(s->l);
    s->l = NULL;
    s->writing = false;
    init_remove_ledger();
    if (r->aside != NULL)
        set_aside(r->aside, true);
}

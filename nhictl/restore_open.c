/*
 * What restore reads: the backup, and the ledger that is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/event.h"
#include "libnhi/paths.h"
#include "libnhi/reserve.h"
#include "nhictl/ctl.h"
#include "nhictl/init.h"
#include "nhictl/restore.h"

#define FILE_MAX ((off_t)2000 * 1000 * 1000) /* more than a ledger of ten million tickets has */

/* ---- the file ---- */

/* What root believes must be root's. */
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
        code = ctl_fail(c, CTL_REFUSED, "chown root:root FILE; chmod 600 FILE, if it is what you kept",
                        "%s could have been written by others than root", file);
    if (code == CTL_DONE && (*bytes = malloc((size_t)st.st_size + 1)) == NULL)
        code = ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
    while (code == CTL_DONE && n > 0 && have < (size_t)st.st_size) {
        n = read(fd, *bytes + have, (size_t)st.st_size - have);
        if (n > 0)
            have += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1;
        else
            code = ctl_fail(c, CTL_SYSTEM, NULL, "cannot read all of %s", file);
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

/* ---- the ledger that is there ---- */

/* What somebody makes with nhictl init before the backup is at hand. */
static bool is_fresh(struct nhi_ledger *l)
{
    bool any;

    return store_any_agent(l, &any) == NHI_OK && !any;
}

/* A task or a ticket that the backup may have. Of agents and keys such a ledger knows none. */
static int keep_revoked(const struct nhi_event *e, void *ctx)
{
    enum nhi_err *err = ctx;

    if (strcmp(e->kind, "revoke") == 0 && e->jti[0] != '\0')
        *err = nhi_reserve_add(NHI_STATE_DIR, NHI_REVOKE_TICKET, e->jti, e->at);
    else if (strcmp(e->kind, "revoke") == 0 && e->task[0] != '\0')
        *err = nhi_reserve_add(NHI_STATE_DIR, NHI_REVOKE_TASK, e->task, e->at);
    return *err != NHI_OK;
}

/* What was revoked in a ledger that goes waits in the reserve for the one that comes. */
static int keep_all_revoked(struct ctl *c, struct store *s)
{
    int code = restore_make_reserve(c);
    enum nhi_err kept = NHI_OK, err;

    if (code != CTL_DONE)
        return code;
    err = nhi_event_each(s->l, 0, INT32_MAX, keep_revoked, &kept);
    if (err == NHI_OK)
        err = kept;
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "keep what was revoked in the ledger that is there");
}

/* For whoever wants to know what became of it. */
static void set_aside(void)
{
    static const char *const files[] = { "", "-wal", "-shm" };
    char from[128], to[160];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(from, sizeof(from), "%s/%s%s", NHI_STATE_DIR, NHI_LEDGER_FILE, files[i]);
        snprintf(to, sizeof(to), "%s/damaged-%s%s", NHI_STATE_DIR, NHI_LEDGER_FILE, files[i]);
        (void)rename(from, to);
    }
}

int restore_make_reserve(struct ctl *c)
{
    enum nhi_err err = nhi_reserve_create(NHI_STATE_DIR);

    if (err == NHI_OK || err == NHI_ERR_EXISTS)
        return CTL_DONE;
    return ctl_fail(c, CTL_SYSTEM, NULL, "could not make the reserve: %s", nhi_strerror(err));
}

static int make_new(struct ctl *c, struct store *s, struct restoring *r, bool damaged)
{
    enum nhi_err err;
    int code = init_make_dirs(c);

    if (code == CTL_DONE)
        code = restore_make_reserve(c);
    if (code != CTL_DONE)
        return code;
    if (damaged)
        set_aside();
    init_remove_ledger();
    r->lost = true;
    err = nhi_ledger_create(NHI_STATE_DIR, r->copied.host, r->copied.uid_min, r->copied.uid_max,
                            c->now);
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
    code = err == NHI_OK ? keep_all_revoked(c, s) : CTL_DONE;
    if (code != CTL_DONE)
        return code;
    nhi_ledger_close(s->l);
    s->l = NULL;
    return make_new(c, s, r, err == NHI_ERR_CORRUPT);
}

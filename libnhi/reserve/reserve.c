/* SPDX-License-Identifier: ISC */
/*
 * Reading the reserve file: for a decision, and before a write.
 *
 * MUST: anything that our own writer would not have left reads as lockdown. pam_nhi takes no lock.
 */
#include "libnhi/reserve/reserve.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/reserve/reserve_image.h"

/* Adds what the reserve in dir has. */
static enum nhi_err load_one(const char *dir, union reserve_image *im, struct nhi_reserve *out)
{
    enum nhi_err err;
    int fd;

    err = nhi_reserve_open(dir, O_RDONLY, &fd);
    if (err != NHI_OK)
        return err;
    err = nhi_reserve_read(fd, im);
    close(fd);
    if (err == NHI_OK)
        nhi_reserve_parse(im, out);
    return err;
}

/* Without the directory there is no published state either, and agents are denied for that. */
static bool can_use(const char *run_dir)
{
    enum nhi_err err;
    int fd = -1;

    err = nhi_dir_open(run_dir, &fd);
    if (err == NHI_OK)
        close(fd);
    return err != NHI_ERR_NOT_FOUND && err != NHI_ERR_UNSAFE;
}

/* A lockdown that moves from the run directory to the disk is on the disk before it leaves: the disk is read last. */
enum nhi_err nhi_reserve_load(const char *dir, const char *run_dir, struct nhi_reserve *out)
{
    union reserve_image *im;
    enum nhi_err err;

    im = malloc(sizeof(*im));
    if (im == NULL)
        return NHI_ERR_NOMEM;
    out->lockdown = false;
    out->count = 0;
    err = load_one(run_dir, im, out);
    if (err == NHI_OK || err == NHI_ERR_NOT_FOUND || !can_use(run_dir))
        err = load_one(dir, im, out);
    free(im);
    return err;
}

static bool is_ancestor(const struct nhi_facts *f, const char *jti)
{
    for (size_t i = 0; i < f->ancestor_count; i++)
        if (strcmp(f->ancestors[i], jti) == 0)
            return true;
    return false;
}

void nhi_reserve_apply(const struct nhi_reserve *r, const struct nhi_ticket *t, struct nhi_facts *f)
{
    f->lockdown = f->lockdown || r->lockdown;
    for (size_t i = 0; i < r->count && t != NULL; i++) {
        const struct nhi_reserve_slot *s = &r->slots[i];

        switch (s->kind) {
        case NHI_REVOKE_TICKET:
            f->revoked |= strcmp(s->id, t->jti) == 0 || strcmp(s->id, t->parent) == 0 || is_ancestor(f, s->id);
            break;
        case NHI_REVOKE_TASK:
            f->revoked |= strcmp(s->id, t->task) == 0;
            break;
        case NHI_REVOKE_AGENT:
            f->revoked |= strcmp(s->id, t->agent) == 0 && nhi_issued_by(&f->issuer, t, s->at);
            break;
        case NHI_REVOKE_ISSUER:
            if (strcmp(s->id, t->kid) != 0)
                break;
            /* It no longer matters that the issuer may be unknown or unreadable. */
            f->issuer_known = true;
            memcpy(f->issuer.kid, t->kid, sizeof(f->issuer.kid));
            f->issuer.state = NHI_ISSUER_REVOKED;
            break;
        }
    }
}

bool nhi_reserve_is_locked_down(const char *dir, const char *run_dir)
{
    struct nhi_reserve *r = malloc(sizeof(*r));
    bool is = r != NULL && nhi_reserve_load(dir, run_dir, r) == NHI_OK && r->lockdown;

    free(r);
    return is;
}

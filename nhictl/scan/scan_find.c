/* SPDX-License-Identifier: ISC */
/*
 * MUST: nothing counts as ours before its signature has been verified, or its public half found in the ledger. MUST: no
 * text of a ticket or of a key is kept.
 */
#include "nhictl/scan/scan_find.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/hash.h"
#include "libnhi/key/paserk.h"
#include "libnhi/key/sshkey.h"
#include "libnhi/ledger/ledger_bound.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ticket/sshcert.h"
#include "nhictl/say/out.h"

/* ---- known issuers ---- */

static int note_issuer(const struct nhi_issuer *i, void *ctx)
{
    struct finder *f = ctx;

    f->issuers = out_grow(f->issuers, &f->issuer_room, f->issuer_count + 1, sizeof(*f->issuers));
    f->issuers[f->issuer_count++] = *i;
    return 0;
}

int finder_begin(struct ctl *c, struct finder *f, struct store *s, size_t limit)
{
    enum nhi_err err = nhi_issuer_each(s->l, note_issuer, f);

    f->s = s;
    f->limit = limit;
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the issuers");
}

static void do_not_free(void *node)
{
    (void)node;
}

void finder_free(struct finder *f)
{
    for (size_t i = 0; i < f->count; i++) {
        for (size_t p = 0; p < f->all[i]->locations; p++)
            free(f->all[i]->location[p].file);
        free(f->all[i]);
    }
    tdestroy(f->tree, do_not_free);
    free(f->all);
    free(f->issuers);
}

/* ---- keeping finds ---- */

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct find *)a)->id, ((const struct find *)b)->id);
}

static struct find *look_up(struct finder *f, enum find_kind kind, const char *text)
{
    struct find key = { .kind = kind };
    struct nhi_hash h = { .state = { 0 } };
    void *node;

    nhi_hash_start(&h);
    nhi_hash_add(&h, (const char *[]){ "ticket", "cert", "ssh-key", "key" }[kind]);
    nhi_hash_add(&h, text);
    nhi_hash_end(&h, key.id);
    node = tfind(&key, &f->tree, by_id);
    if (node != NULL)
        return *(struct find **)node;
    if (f->count >= f->limit)
        return NULL;
    f->all = out_grow(f->all, &f->room, f->count + 1, sizeof(struct find *));
    f->all[f->count] = out_must(malloc(sizeof(key)));
    *f->all[f->count] = key;
    out_must(tsearch(f->all[f->count], &f->tree, by_id));
    return f->all[f->count++];
}

/* text: identifies a find that is found again. NULL: no room for another one. */
static struct find *keep(struct finder *f, enum find_kind kind, const char *text, const struct nhi_scan_hit *hit)
{
    struct find *one = look_up(f, kind, text);

    if (one == NULL) {
        f->full = true;
        return NULL;
    }
    one->times++;
    if (one->locations < FIND_LOCATIONS_MAX)
        one->location[one->locations++] =
            (struct find_location){ f->file != NULL ? out_must(strdup(f->file)) : NULL, hit->offset, hit->line };
    return one;
}

/* ---- does it belong to this host ---- */

static bool verify(const struct finder *f, const char *text, size_t len, struct nhi_ticket *t)
{
    char kid[NHI_KID_MAX + 1];

    if (nhi_ticket_kid(text, len, kid) != NHI_OK)
        return false;
    for (size_t i = 0; i < f->issuer_count; i++)
        if (strcmp(f->issuers[i].kid, kid) == 0)
            return nhi_ticket_verify(text, len, f->issuers[i].pk, t) == NHI_OK;
    return false;
}

static bool take_ticket(struct finder *f, const struct nhi_scan_hit *hit, enum find_kind kind, const char *text,
                        size_t len)
{
    struct nhi_ticket t;
    struct find *one;

    if (!verify(f, text, len, &t))
        return false;
    one = keep(f, kind, text, hit);
    if (one != NULL)
        one->t = t;
    return true;
}

static bool take_cert(struct finder *f, const struct nhi_scan_hit *hit)
{
    struct nhi_sshcert cert;

    return nhi_sshcert_decode(hit->text, hit->len, &cert) == NHI_OK &&
           take_ticket(f, hit, FIND_CERT, cert.ticket, strlen(cert.ticket));
}

static bool take_secret(struct finder *f, const struct nhi_scan_hit *hit)
{
    uint8_t sk[NHI_SK_LEN];
    struct find *one;
    bool ours = false;

    if (nhi_paserk_secret_decode(hit->text, sk) == NHI_OK)
        for (size_t i = 0; i < f->issuer_count && !ours; i++)
            if (memcmp(f->issuers[i].pk, sk + NHI_SK_LEN - NHI_PK_LEN, NHI_PK_LEN) == 0) {
                ours = true;
                one = keep(f, FIND_KEY, f->issuers[i].kid, hit);
                if (one != NULL)
                    memcpy(one->t.kid, f->issuers[i].kid, sizeof(one->t.kid));
            }
    nhi_wipe(sk, sizeof(sk));
    return ours;
}

static int is_there(const struct nhi_ticket_row *row, void *ctx)
{
    (void)row;
    *(bool *)ctx = true;
    return 1;
}

static bool take_private(struct finder *f, const struct nhi_scan_hit *hit)
{
    char text[NHI_SSHKEY_LEN + 1];
    uint8_t pk[NHI_PK_LEN];
    bool bound = false;
    struct find *one;

    if (nhi_sshkey_of_private(hit->text, hit->len, pk) != NHI_OK)
        return false;
    if (nhi_ticket_each_bound(f->s->l, pk, is_there, &bound) != NHI_OK)
        f->failed = true;
    if (!bound)
        return true; /* the kind of key is certain, but it is somebody else's */
    nhi_sshkey_encode(pk, text);
    one = keep(f, FIND_SSH_KEY, text, hit);
    if (one != NULL)
        memcpy(one->pk, pk, sizeof(one->pk));
    return true;
}

bool finder_take(const struct nhi_scan_hit *hit, void *ctx)
{
    struct finder *f = ctx;

    switch (hit->kind) {
    case NHI_SCAN_TICKET:
        return take_ticket(f, hit, FIND_TICKET, hit->text, hit->len);
    case NHI_SCAN_PASETO:
        f->others++;
        return false;
    case NHI_SCAN_SECRET:
        return take_secret(f, hit);
    case NHI_SCAN_WRAPPED:
        f->encrypted++;
        return false;
    case NHI_SCAN_SSH_PRIVATE:
        return take_private(f, hit);
    case NHI_SCAN_SSH_CERT:
        return take_cert(f, hit);
    }
    return false;
}

const char *find_kind_name(const struct find *f)
{
    switch (f->kind) {
    case FIND_TICKET:
        return f->t.has_cnf ? "bound ticket" : "ticket";
    case FIND_CERT:
        return "certificate";
    case FIND_SSH_KEY:
        return "ssh key";
    case FIND_KEY:
        return "issuer key";
    }
    return "thing";
}

/* SPDX-License-Identifier: ISC */
/*
 * MUST: the secret half of a key is on disk before the ledger has its public half.
 */
#include "nhictl/keys/own_keys.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "nhictl/keys/key.h"
#include "nhictl/keys/keyfile.h"
#include "nhictl/keys/keys.h"
#include "nhictl/keys/signer.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

#define MAX_TTL 86400 /* for tickets, if no earlier key sets another limit */
#define WHY "its secret half is not on this machine"
#define WHY_ALL "the ledger was moved to another machine"

int own_key_make(struct ctl *c, struct nhi_issuer *key)
{
    enum nhi_err err;
    int fd;

    err = keyfile_random_kid(key->kid);
    if (err == NHI_OK)
        err = nhi_dir_open(NHI_STATE_DIR, &fd);
    if (err == NHI_OK) {
        err = keyfile_create(fd, key->kid, key->pk);
        close(fd);
    }
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not make a key: %s", nhi_strerror(err));
    return CTL_DONE;
}

static bool has_secret(const struct nhi_issuer *i)
{
    uint8_t sk[NHI_SK_LEN];
    bool read = keyfile_read(i->kid, sk) == NHI_OK;
    bool has = read && memcmp(sk + NHI_SK_LEN - NHI_PK_LEN, i->pk, NHI_PK_LEN) == 0;

    nhi_wipe(sk, sizeof(sk));
    return read ? has : strcmp(signer_where(i), "absent") != 0;
}

struct settling {
    bool all, signs; /* all keys; a key that may sign is left */
    struct nhi_issuer newest;
    char (*lost)[NHI_KID_MAX + 1];
    size_t count, room;
    bool failed;
};

static int look(const struct nhi_issuer *i, void *ctx)
{
    struct settling *st = ctx;
    char(*more)[NHI_KID_MAX + 1];

    if (!i->own)
        return 0;
    if (i->added >= st->newest.added)
        st->newest = *i;
    if (i->state != NHI_ISSUER_ACTIVE && i->state != NHI_ISSUER_ROTATED)
        return 0;
    if (!st->all && has_secret(i)) {
        st->signs = st->signs || i->state == NHI_ISSUER_ACTIVE;
        return 0;
    }
    more = nhi_grow(st->lost, &st->room, st->count + 1, sizeof(*more));
    if (more == NULL) {
        st->failed = true;
        return 1;
    }
    st->lost = more;
    memcpy(st->lost[st->count++], i->kid, sizeof(i->kid));
    return 0;
}

static enum nhi_err retire_lost(struct ctl *c, struct store *s, const struct settling *st)
{
    enum nhi_err err = st->failed ? NHI_ERR_NOMEM : NHI_OK;

    for (size_t i = 0; err == NHI_OK && i < st->count; i++) {
        struct out_row *detail = out_row_new(c->out);

        out_text(detail, "kid", NULL, st->lost[i]);
        err = nhi_issuer_set_state(s->l, st->lost[i], NHI_ISSUER_RETIRED, st->all ? WHY_ALL : WHY, c->now);
        if (err == NHI_OK)
            err = store_event(c, s, (struct store_event){ .kind = "key-retire", .cause = st->all ? WHY_ALL : WHY },
                              detail);
        else
            out_row_free(detail);
    }
    return err;
}

int own_keys_settle(struct ctl *c, struct store *s, bool all, struct nhi_issuer *made)
{
    struct settling st = {
        .all = all, .newest = { .own = true, .agents = "*", .accounts = "*", .services = "*", .max_ttl = MAX_TTL }
    };
    enum nhi_err err = nhi_issuer_each(s->l, look, &st);
    int code = CTL_DONE;

    made->kid[0] = '\0';
    if (err == NHI_OK)
        err = retire_lost(c, s, &st);
    free(st.lost);
    if (err != NHI_OK)
        return store_fail(c, s, err, "retire the keys without a secret half here");
    if (st.signs)
        return CTL_DONE;
    *made = st.newest;
    made->state = NHI_ISSUER_ACTIVE;
    made->added = c->now;
    code = own_key_make(c, made);
    return code == CTL_DONE ? key_record(c, s, "key-rotate", made) : code;
}

static int forget(const struct nhi_issuer *i, void *ctx)
{
    (void)ctx;
    if (i->own && i->state >= NHI_ISSUER_RETIRED && keyfile_remove(i->kid) != NHI_OK)
        ctl_note("could not remove the secret key of %s from %s/%s", i->kid, NHI_STATE_DIR, NHI_KEYS_DIR);
    return 0;
}

void own_keys_forget(struct store *s)
{
    (void)!nhi_issuer_each(s->l, forget, NULL);
}

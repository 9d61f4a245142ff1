/* SPDX-License-Identifier: ISC */
/*
 * Keys: those that sign here, and those of other hosts that are trusted here.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "nhictl/doctor/doctor.h"
#include "nhictl/keys/signer.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/out.h"

#define DIR_OF_KEYS NHI_STATE_DIR "/" NHI_KEYS_DIR
#define DAY INT64_C(86400)
#define OLD (365 * DAY)

struct keys {
    struct doctor *d;
    int64_t newest; /* when the newest key of this host was made */
    bool signing;
};

static char *secret_of(const char *kid)
{
    return out_say(DIR_OF_KEYS "/%s.secret", kid);
}

static void look_at_age(struct keys *k, const struct nhi_issuer *i)
{
    int64_t days = (k->d->c->now - i->added) / DAY;
    char *path = i->own ? secret_of(i->kid) : out_say(NHI_STATE_DIR "/" NHI_LEDGER_FILE);

    if (days * DAY >= OLD)
        finding_add(&k->d->found, FINDING_WARNING, i->own ? "key-old" : "key-foreign-old", location_of_file(path),
                    out_say("key %s has been in use for %lld days: anybody who copied it can still sign", i->kid,
                            (long long)days),
                    i->own ? out_say("run: nhictl key rotate %s", i->kid)
                           : out_say("ask its host for a new one: nhictl key add, then nhictl key retire %s", i->kid));
    free(path);
}

static void look_at_bounds(struct keys *k, const struct nhi_issuer *i)
{
    if (strcmp(i->agents, "*") == 0 && strcmp(i->accounts, "*") == 0 && strcmp(i->services, "*") == 0)
        finding_add(
            &k->d->found, FINDING_WARNING, "key-unbounded", location_of_file(NHI_STATE_DIR "/" NHI_LEDGER_FILE),
            out_say("key %s of another host may sign for every agent, account and service of this one", i->kid),
            out_say("add it again with --agents, --accounts and --services, and run: nhictl key retire %s", i->kid));
}

static void look_at_secret(struct keys *k, const struct nhi_issuer *i)
{
    char *path = secret_of(i->kid);

    /* A unit may have it as a credential, which cannot be seen from here. */
    if (i->state == NHI_ISSUER_ACTIVE && !findings_have(&k->d->found, "perm-") &&
        strcmp(signer_where(i), "absent") == 0)
        finding_add(&k->d->found, FINDING_WARNING, "key-secret-missing", location_of_file(path),
                    out_say("the secret half of key %s, which signs here, is missing: only a unit that has it as a "
                            "credential can issue tickets",
                            i->kid),
                    out_say("put it back from a backup, or run: nhictl key rotate %s", i->kid));
    else if (i->state != NHI_ISSUER_ACTIVE && i->state != NHI_ISSUER_ROTATED && access(path, F_OK) == 0)
        finding_add(
            &k->d->found, FINDING_WARNING, "key-leftover", location_of_file(path),
            out_say("nothing that key %s signs is accepted any more, but its secret half is still there", i->kid),
            out_say("run: rm %s", path));
    free(path);
}

static int look(const struct nhi_issuer *i, void *ctx)
{
    struct keys *k = ctx;

    if (i->own)
        look_at_secret(k, i);
    if (i->state == NHI_ISSUER_ACTIVE) {
        look_at_age(k, i);
        k->signing = k->signing || i->own;
        if (i->own && i->added > k->newest)
            k->newest = i->added;
        if (!i->own)
            look_at_bounds(k, i);
    }
    return 0;
}

/* Everything that a rotated key signed has ended by now, and the key can be retired. */
static int look_at_rotated(const struct nhi_issuer *i, void *ctx)
{
    struct keys *k = ctx;

    if (i->own && i->state == NHI_ISSUER_ROTATED && k->newest != 0 && k->d->c->now - k->newest > i->max_ttl + DAY)
        finding_add(&k->d->found, FINDING_NOTE, "key-rotated", location_of_file(NHI_STATE_DIR "/" NHI_LEDGER_FILE),
                    out_say("key %s is still trusted, although all its tickets have ended", i->kid),
                    out_say("run: nhictl key retire %s", i->kid));
    return 0;
}

void doctor_keys(struct doctor *d)
{
    struct keys k = { .d = d };

    if (d->s.l == NULL || nhi_issuer_each(d->s.l, look, &k) != NHI_OK)
        return;
    if (!k.signing)
        finding_add(&d->found, FINDING_ERROR, "key-none", location_of_file(DIR_OF_KEYS),
                    out_say("no key of this host's own is active: no ticket can be issued"),
                    out_say("run: nhictl key rotate"));
    (void)!nhi_issuer_each(d->s.l, look_at_rotated, &k);
}

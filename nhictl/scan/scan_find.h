/* SPDX-License-Identifier: ISC */
/*
 * What scan has found: tickets and keys of this host, each verified, each once, with the places.
 */
#ifndef NHICTL_SCAN_FIND_H
#define NHICTL_SCAN_FIND_H

#include "libnhi/base/hash.h"
#include "libnhi/ticket/scan.h"
#include "nhictl/end/end.h"
#include "nhictl/store/store.h"

#define FIND_LOCATIONS_MAX 20 /* places of one find; more are counted */

enum find_kind {
    FIND_TICKET,  /* the text of a ticket */
    FIND_CERT,    /* an OpenSSH certificate that carries one */
    FIND_SSH_KEY, /* an OpenSSH private key that a ticket is or was bound to */
    FIND_KEY      /* the secret key of an issuer */
};

struct find_location {
    char *file;            /* NULL: standard input */
    uint64_t offset, line; /* offset from 0; line from 1 */
};

struct find {
    char id[NHI_HASH_LEN + 1]; /* a hash of kind and text */
    enum find_kind kind;
    struct nhi_ticket t; /* verified; for a bound key, the ticket that decides its state */
    uint8_t pk[NHI_PK_LEN];
    struct find_location location[FIND_LOCATIONS_MAX];
    size_t locations;
    uint64_t times;
    const char *state; /* set by finder_judge: live, expired, revoked, renewed, void, elsewhere */
    char owner[NHI_OWNER_MAX + 1];
};

struct finder {
    struct store *s; /* open, without a transaction, so that no writer waits for us */
    struct nhi_issuer *issuers;
    size_t issuer_count, issuer_room;
    struct find **all; /* in the order in which they were found */
    size_t count, room, limit;
    void *tree;         /* the same, by id */
    bool full;          /* there were more than limit: the others are not known */
    bool failed;        /* out of memory, or the ledger could not be read */
    bool for_now;       /* some was revoked only until the host is restarted */
    uint64_t others;    /* tokens of other issuers */
    uint64_t encrypted; /* k4.secret-pw keys: only their password could show to whom they belong */
    const char *file;   /* the file that is being read */
};

/* Reads the known issuers, whatever their state. */
int finder_begin(struct ctl *c, struct finder *f, struct store *s, size_t limit);
void finder_free(struct finder *f);
/* For nhi_scan_new; ctx is the finder. */
bool finder_take(const struct nhi_scan_hit *hit, void *ctx);
/* For finder_each_live. */
typedef void find_live_fn(struct find *one, const struct nhi_ticket *t, void *ctx);
const char *find_kind_name(const struct find *f);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Where the facts of a decision come from: the state that nhictl has published, or the ledger itself. Both know a fact
 * by its kind and key, and both give it as the same bytes (fact.h).
 */
#ifndef NHI_SOURCE_H
#define NHI_SOURCE_H

#include <string.h>

#include "libnhi/base/names.h"
#include "libnhi/state/value.h"

/* Each fact has one value; a list has any number of entries, in no order. */
enum nhi_fact {
    NHI_FACT_HOST = 'h',   /* no key: this host and its settings */
    NHI_FACT_ISSUER = 'i', /* the key's name */
    NHI_FACT_AGENT = 'a',  /* its name */
    NHI_FACT_TASK = 't',   /* its ID */
    NHI_FACT_TICKET = 'j', /* its jti */
    NHI_FACT_NEWEST =
        'n', /* a lineage, by the jti of its first ticket: the jti of the last one, unless it is the first */
    NHI_FACT_REVOKED = 'r', /* the kind of revocation, then the ID: that it was revoked; no value */
    NHI_FACT_ZONE = 'z',    /* name of a time zone: its offsets from UTC */
    NHI_FACT_BOUND = 'b',   /* a public key, that a ticket was ever bound to; no value */
    NHI_FACT_NAMED = 'c',   /* an account, that a ticket ever named here; no value */
    NHI_LIST_RULES = 'R',   /* agent or nothing, NUL, account or "*": rules that name this agent, or a pattern */
    NHI_LIST_ACCOUNT = 'A', /* account, NUL, service: jti of the tickets that name both here */
    NHI_LIST_KEY = 'K',     /* a public key: jti of the tickets that are bound to it */
    NHI_LIST_OTHERS = 'I',  /* no key: names of the issuers whose secret key is not on this host */
};
#define NHI_FACT_IS_LIST(kind) ((kind) >= 'A' && (kind) <= 'Z')

#define NHI_FACT_KEY_MAX 80
struct nhi_fact_key {
    uint8_t kind, len;
    uint8_t bytes[NHI_FACT_KEY_MAX];
};
/* The key of a fact that is known by a name. */
static inline struct nhi_fact_key nhi_fact_key(enum nhi_fact kind, const char *name)
{
    struct nhi_fact_key k = { .kind = (uint8_t)kind, .len = (uint8_t)strnlen(name, NHI_FACT_KEY_MAX - 1) };

    memcpy(k.bytes, name, k.len);
    return k;
}
/* By two names, with a NUL between them. */
struct nhi_fact_key nhi_fact_key_pair(enum nhi_fact kind, const char *a, const char *b);
/* By a public key of NHI_PK_LEN bytes. */
struct nhi_fact_key nhi_fact_key_pk(enum nhi_fact kind, const uint8_t *pk);
/* By the kind of a revocation and an ID. */
struct nhi_fact_key nhi_fact_key_revoked(unsigned kind, const char *id);

/* One fact, or an entry of a list. */
typedef enum nhi_err (*nhi_fact_fn)(void *ctx, const struct nhi_fact_key *key, const struct nhi_value *v);

struct nhi_fact_source {
    void *ctx;
    /* NHI_ERR_NOT_FOUND: it does not exist. NHI_ERR_STATE: it is being changed. Any other error: not known. */
    enum nhi_err (*get)(void *ctx, const struct nhi_fact_key *key, struct nhi_value *out);
    /* Calls fn with each entry of a list until it returns something other than NHI_OK, which is returned. The value is
     * fn's to change. */
    enum nhi_err (*each)(void *ctx, const struct nhi_fact_key *key,
                         enum nhi_err (*fn)(struct nhi_value *entry, void *arg), void *arg);
    /* More about the last error, for people; may be empty. */
    const char *(*why)(void *ctx);
};

#endif

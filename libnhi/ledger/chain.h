/* SPDX-License-Identifier: ISC */
/*
 * Verifying a chain of events, line by line: lines of the ledger, of an archive, of an export.
 */
#ifndef NHI_CHAIN_H
#define NHI_CHAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "libnhi/base/hash.h"
#include "libnhi/ledger/event.h"

/* How far the chain is verified. Before the first event: { 0, NHI_NO_EVENT }. */
struct nhi_chain {
    int64_t seq;
    char hash[NHI_DIGEST_LEN + 1];
};

enum nhi_link {
    NHI_LINK_GOOD,
    NHI_LINK_UNREADABLE, /* it is not the line of an event */
    NHI_LINK_MISSING,    /* events before it are missing */
    NHI_LINK_REPEATED,   /* an event with its number came before */
    NHI_LINK_EDITED,     /* its hash does not match its content */
    NHI_LINK_BROKEN,     /* it names another predecessor: one of the two was replaced */
};
const char *nhi_link_name(enum nhi_link l);

/* Adds the next line, without its newline. c advances only if the line is good. seq: its number, if it has one, else
 * one more than the last. */
enum nhi_link nhi_chain_add(struct nhi_chain *c, const char *line, size_t len, int64_t *seq);

/* Reads the number of a line and its predecessor's hash, without verification. false: not the line of an event. */
bool nhi_chain_peek(const char *line, size_t len, struct nhi_chain *before);

/* A signed statement that this event was the last one of a host's chain at that time: a v4.public token, with the
 * implicit assertion "nhi-head-v1", the footer {"kid":"k4.pid…"} and the payload
 * {"host":"…","seq":N,"hash":"…","at":"…"}, which has no other members. */
struct nhi_signed_head {
    char host[NHI_HOST_MAX + 1];
    int64_t seq;
    char hash[NHI_DIGEST_LEN + 1];
    int64_t at;
};
/* token: new, the caller's to free (nhi_text_free). */
NHI_CHECK enum nhi_err nhi_head_sign(const uint8_t sk[NHI_SK_LEN], const struct nhi_signed_head *h, char **token);
/* NHI_ERR_SIGNATURE: not signed by that key. NHI_ERR_FORMAT: not a head. */
NHI_CHECK enum nhi_err nhi_head_verify(const uint8_t pk[NHI_PK_LEN], const char *token, size_t len,
                                       struct nhi_signed_head *out);

#endif

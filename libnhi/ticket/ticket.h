/* SPDX-License-Identifier: ISC */
/*
 * The ticket: a PASETO v4.public token whose payload is one flat JSON object.
 *
 * Implicit assertion "nhi-ticket-v1"; footer {"kid":"NAME"}, byte for byte in this form. No claim
 * is looked at before the signature over exactly those bytes has been verified.
 */
#ifndef NHI_TICKET_H
#define NHI_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"
#include "libnhi/base/names.h"
#include "libnhi/key/paseto.h"

#define NHI_TICKET_TEXT_MAX 500  /* length of a bearer ticket that sudo, sudo-rs and ssh all carry unharmed */
#define NHI_TICKET_READ_MAX 1023 /* length of the longest text that is read */
#define NHI_TICKET_PREFIX "v4."  /* a reply that begins with this is meant for us */

/* Comments give the names of claims in the ticket. All strings are NUL-terminated and checked by names.h. */
struct nhi_ticket {
    char kid[NHI_KID_MAX + 1];       /* from the footer: the issuer's key name */
    char jti[NHI_JTI_LEN + 1];       /* jti */
    char agent[NHI_AGENT_MAX + 1];   /* sub */
    char task[NHI_TASK_MAX + 1];     /* task */
    char host[NHI_HOST_MAX + 1];     /* aud */
    char accounts[NHI_LIST_MAX + 1]; /* acc */
    char services[NHI_LIST_MAX + 1]; /* svc */
    int64_t iat, nbf, exp;           /* seconds since 1970-01-01T00:00:00Z; nbf 0: absent */
    uint32_t uses;                   /* use; 0: absent, and uses are not counted */
    bool has_cnf;
    uint8_t cnf[NHI_PK_LEN];      /* cnf */
    char parent[NHI_JTI_LEN + 1]; /* par; empty: absent */
    uint32_t ssh;                 /* ssh: what it takes away from a session by key, as in sshopt.h; 0: absent */
};

/* The key name in the footer: a hint which key to use, nothing more. kid: at least NHI_KID_MAX + 1 bytes. */
NHI_CHECK enum nhi_err nhi_ticket_kid(const char *text, size_t len, char *kid);

/* Verifies, then reads. Time, host and issuer bounds are left to the decision. NHI_ERR_TOO_LONG, NHI_ERR_FORMAT,
 * NHI_ERR_SIGNATURE, NHI_ERR_NOMEM, NHI_ERR_SYS. */
NHI_CHECK enum nhi_err nhi_ticket_verify(const char *text, size_t len, const uint8_t pk[NHI_PK_LEN],
                                         struct nhi_ticket *out);

/* Signs. text is allocated; nhi_text_free wipes and frees it. NHI_ERR_TOO_LONG: more than NHI_TICKET_TEXT_MAX;
 * NHI_ERR_FORMAT: a claim breaks its grammar. */
NHI_CHECK enum nhi_err nhi_ticket_mint(const struct nhi_ticket *t, const uint8_t sk[NHI_SK_LEN], char **text);

/* The same, signed by a function: struct nhi_signing. */
NHI_CHECK enum nhi_err nhi_ticket_mint_by(const struct nhi_ticket *t, const struct nhi_signing *by, char **text);

#define NHI_USES_MAX 1000000 /* largest use claim */

#endif

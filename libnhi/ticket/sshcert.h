/* SPDX-License-Identifier: ISC */
/*
 * OpenSSH user certificates that carry a ticket to a host that does not know it yet.
 *
 * Source: OpenSSH's PROTOCOL.certkeys, ssh-ed25519-cert-v01@openssh.com; strings and numbers of RFC 4251, 5. The ticket
 * is a non-critical extension, so that programs which do not know it ignore it. The certificate is signed with a
 * temporary key whose secret is not kept: the ticket is trusted, and it names the key. sshd verifies the certificate's
 * signature, and has the client prove that it holds the key.
 */
#ifndef NHI_SSHCERT_H
#define NHI_SSHCERT_H

#include "libnhi/key/sshkey_read.h"
#include "libnhi/ticket/ticket.h"

#define NHI_SSHCERT_EXTENSION "ticket@nhi"
#define NHI_SSHCERT_MAX 4096 /* characters of base64 */

struct nhi_sshcert {
    uint8_t pk[NHI_PK_LEN]; /* the key that is certified */
    uint8_t signer[NHI_PK_LEN];
    char ticket[NHI_TICKET_TEXT_MAX + 1]; /* not verified */
};

/* Does not check the signature. NHI_ERR_FORMAT: not a whole user certificate of an Ed25519 key, signed by an Ed25519
 * key; NHI_ERR_NOT_FOUND: it carries no ticket. */
NHI_CHECK enum nhi_err nhi_sshcert_decode(const char *base64, size_t len, struct nhi_sshcert *out);

/* A certificate for t->cnf, with t's accounts and lifetime, that carries text. base64: at least NHI_SSHCERT_MAX + 1
 * bytes. NHI_ERR_ARG: t is not bound to a key; NHI_ERR_TOO_LONG. */
NHI_CHECK enum nhi_err nhi_sshcert_make(const struct nhi_ticket *t, const char *text, char *base64);

#endif

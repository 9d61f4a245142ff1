/* SPDX-License-Identifier: ISC */
/*
 * MUST: no claim is looked at before the signature over exactly those bytes has been verified.
 * MUST: the footer is compared byte for byte, by no parser; its name is only a hint which key to use.
 * MUST: what mint writes, verify accepts.
 */
#include "libnhi/ticket/ticket.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/ticket/claims.h"

#define IMPLICIT "nhi-ticket-v1"
#define FOOTER_HEAD "{\"kid\":\""
#define FOOTER_TAIL "\"}"
#define HEAD_LEN (sizeof(FOOTER_HEAD) - 1)
#define TAIL_LEN (sizeof(FOOTER_TAIL) - 1)

static enum nhi_err footer_read(const struct nhi_bytes *footer, char *kid)
{
    char name[NHI_KID_MAX + 1] = "";
    size_t len;

    if (footer->len <= HEAD_LEN + TAIL_LEN || footer->len > HEAD_LEN + NHI_KID_MAX + TAIL_LEN)
        return NHI_ERR_FORMAT;
    len = footer->len - HEAD_LEN - TAIL_LEN;
    if (memcmp(footer->data, FOOTER_HEAD, HEAD_LEN) != 0 ||
        memcmp(footer->data + HEAD_LEN + len, FOOTER_TAIL, TAIL_LEN) != 0)
        return NHI_ERR_FORMAT;
    memcpy(name, footer->data + HEAD_LEN, len);
    if (strlen(name) != len || !nhi_name_is_kid(name))
        return NHI_ERR_FORMAT;
    memcpy(kid, name, len + 1);
    return NHI_OK;
}

enum nhi_err nhi_ticket_kid(const char *text, size_t len, char *kid)
{
    struct nhi_bytes footer = { NULL, 0 };
    enum nhi_err err = NHI_ERR_TOO_LONG;

    if (len > NHI_TICKET_READ_MAX)
        goto out;
    err = nhi_paseto_footer(text, len, &footer);
    if (err != NHI_OK)
        goto out;
    err = footer_read(&footer, kid);
out:
    nhi_bytes_free(&footer);
    return err;
}

enum nhi_err nhi_ticket_verify(const char *text, size_t len, const uint8_t pk[NHI_PK_LEN], struct nhi_ticket *out)
{
    struct nhi_bytes msg = { NULL, 0 };
    enum nhi_err err = NHI_ERR_TOO_LONG;
    char kid[NHI_KID_MAX + 1];
    struct nhi_ticket t;

    if (len > NHI_TICKET_READ_MAX)
        goto out;
    err = nhi_paseto_verify(pk, text, len, nhi_piece(IMPLICIT, sizeof(IMPLICIT) - 1), &msg);
    if (err != NHI_OK)
        goto out;
    err = nhi_ticket_kid(text, len, kid);
    if (err != NHI_OK)
        goto out;
    err = nhi_claims_decode((const char *)msg.data, msg.len, &t);
    if (err != NHI_OK)
        goto out;
    memcpy(t.kid, kid, sizeof(kid));
    *out = t;
out:
    nhi_bytes_free(&msg);
    return err;
}

enum nhi_err nhi_ticket_mint_by(const struct nhi_ticket *t, const struct nhi_signing *by, char **text)
{
    char footer[HEAD_LEN + NHI_KID_MAX + sizeof(FOOTER_TAIL)];
    char *json = NULL, *made = NULL;
    enum nhi_err err = NHI_ERR_FORMAT;

    if (!nhi_name_is_kid(t->kid))
        goto out;
    snprintf(footer, sizeof(footer), "%s%s%s", FOOTER_HEAD, t->kid, FOOTER_TAIL);
    err = nhi_claims_encode(t, &json);
    if (err != NHI_OK)
        goto out;
    err = nhi_paseto_sign_by(by, nhi_piece(json, strlen(json)), nhi_piece(footer, strlen(footer)),
                             nhi_piece(IMPLICIT, sizeof(IMPLICIT) - 1), &made);
    if (err != NHI_OK)
        goto out;
    err = NHI_ERR_TOO_LONG;
    if (strlen(made) > NHI_TICKET_TEXT_MAX)
        goto out;
    *text = made;
    made = NULL;
    err = NHI_OK;
out:
    nhi_text_free(made);
    nhi_text_free(json);
    return err;
}

enum nhi_err nhi_ticket_mint(const struct nhi_ticket *t, const uint8_t sk[NHI_SK_LEN], char **text)
{
    struct nhi_secret secret = { sk };

    return nhi_ticket_mint_by(t, &(struct nhi_signing){ nhi_secret_sign, &secret }, text);
}

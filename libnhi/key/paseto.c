/* SPDX-License-Identifier: ISC */
/*
 * MUST: the signature is verified over the decoded bytes that are returned, never over others.
 * MUST: base64url has one spelling per value; anything else is refused before the signature is checked.
 * MUST: an absent footer and an empty one are different texts; only the absent one is accepted.
 * MUST: buffers that held a token, a message or a signed form are wiped on every path.
 */
#include "libnhi/key/paseto.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "v4.public."
#define HEADER_LEN (sizeof(HEADER) - 1)
#define SIG_LEN crypto_sign_BYTES
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define PIECES 4

_Static_assert(NHI_PK_LEN == crypto_sign_PUBLICKEYBYTES, "public key length");
_Static_assert(NHI_SIG_LEN == crypto_sign_BYTES, "signature length");
_Static_assert(NHI_SK_LEN == crypto_sign_SECRETKEYBYTES, "secret key length");

struct token {
    struct nhi_bytes body; /* message, then signature */
    struct nhi_bytes footer;
};

void nhi_bytes_free(struct nhi_bytes *b)
{
    if (b == NULL)
        return;
    if (b->data != NULL)
        sodium_memzero(b->data, b->len);
    free(b->data);
    b->data = NULL;
    b->len = 0;
}

static enum nhi_err bytes_new(size_t len, struct nhi_bytes *out)
{
    uint8_t *data = malloc(len + 1);

    if (data == NULL)
        return NHI_ERR_NOMEM;
    data[len] = '\0';
    out->data = data;
    out->len = len;
    return NHI_OK;
}

void nhi_b64_encode(const uint8_t *bytes, size_t len, char *text)
{
    sodium_bin2base64(text, NHI_B64_LEN(len) + 1, bytes, len, VARIANT);
}

/* libsodium 1.0.18 takes every byte from 0x80 up for '_' where char is signed, so that one value would have many texts.
 * Runs in constant time, since the text may be that of a secret key. */
static bool is_seven_bit(const char *text, size_t len)
{
    unsigned char seen = 0;

    for (const char *end = text + len; text != end; text++)
        seen |= (unsigned char)*text;
    return (seen & 0x80) == 0;
}

enum nhi_err nhi_b64_decode(const char *text, size_t text_len, uint8_t *bytes, size_t len)
{
    struct nhi_bytes tmp = { NULL, 0 };
    enum nhi_err err = NHI_ERR_FORMAT;

    if (text_len != NHI_B64_LEN(len) || !is_seven_bit(text, text_len))
        goto out;
    err = bytes_new(len, &tmp);
    if (err != NHI_OK)
        goto out;
    err = NHI_ERR_FORMAT;
    /* All of the text, which is as long as len bytes need it to be. */
    if (sodium_base642bin(tmp.data, len, text, text_len, NULL, NULL, NULL, VARIANT) != 0)
        goto out;
    memcpy(bytes, tmp.data, len);
    err = NHI_OK;
out:
    nhi_bytes_free(&tmp);
    return err;
}

/* Like nhi_b64_decode, for a length that follows from the text. */
static enum nhi_err decode_new(const char *text, size_t text_len, struct nhi_bytes *out)
{
    struct nhi_bytes b = { NULL, 0 };
    enum nhi_err err = NHI_ERR_FORMAT;

    if (text_len % 4 == 1)
        goto out;
    err = bytes_new(text_len / 4 * 3 + (text_len % 4 != 0 ? text_len % 4 - 1 : 0), &b);
    if (err != NHI_OK)
        goto out;
    err = nhi_b64_decode(text, text_len, b.data, b.len);
    if (err != NHI_OK)
        goto out;
    *out = b;
    b.data = NULL;
out:
    nhi_bytes_free(&b);
    return err;
}

static uint8_t *put_le64(uint8_t *at, size_t n)
{
    for (int i = 0; i < 8; i++)
        *at++ = (uint8_t)((uint64_t)n >> (8 * i));
    at[-1] &= 0x7f; /* as PAE demands for languages without unsigned integers */
    return at;
}

/* Pre-authentication encoding: count, then length and bytes of each piece. */
static enum nhi_err pae(const struct nhi_piece pieces[PIECES], struct nhi_bytes *out)
{
    size_t len = 8;
    enum nhi_err err;
    uint8_t *at;

    for (size_t i = 0; i < PIECES; i++) {
        if (pieces[i].len > NHI_PASETO_PIECE_MAX)
            return NHI_ERR_TOO_LONG;
        len += 8 + pieces[i].len;
    }
    err = bytes_new(len, out);
    if (err != NHI_OK)
        return err;
    at = put_le64(out->data, PIECES);
    for (size_t i = 0; i < PIECES; i++) {
        at = put_le64(at, pieces[i].len);
        if (pieces[i].len > 0)
            memcpy(at, pieces[i].data, pieces[i].len);
        at += pieces[i].len;
    }
    return NHI_OK;
}

static enum nhi_err token_write(const uint8_t *body, size_t body_len, const void *footer, size_t footer_len,
                                char **token)
{
    size_t body_text = NHI_B64_LEN(body_len);
    size_t footer_text = footer_len > 0 ? 1 + NHI_B64_LEN(footer_len) : 0;
    char *text = malloc(HEADER_LEN + body_text + footer_text + 1);

    if (text == NULL)
        return NHI_ERR_NOMEM;
    memcpy(text, HEADER, HEADER_LEN);
    nhi_b64_encode(body, body_len, text + HEADER_LEN);
    if (footer_len > 0) {
        text[HEADER_LEN + body_text] = '.';
        nhi_b64_encode(footer, footer_len, text + HEADER_LEN + body_text + 1);
    }
    *token = text;
    return NHI_OK;
}

enum nhi_err nhi_paseto_sign_by(const struct nhi_signing *by, struct nhi_piece msg, struct nhi_piece footer,
                                struct nhi_piece implicit, char **token)
{
    const struct nhi_piece pieces[PIECES] = { { HEADER, HEADER_LEN }, msg, footer, implicit };
    struct nhi_bytes signed_form = { NULL, 0 }, body = { NULL, 0 };
    enum nhi_err err = NHI_ERR_SYS;

    if (sodium_init() < 0)
        goto out;
    err = pae(pieces, &signed_form);
    if (err != NHI_OK)
        goto out;
    err = bytes_new(msg.len + SIG_LEN, &body);
    if (err != NHI_OK)
        goto out;
    if (msg.len > 0)
        memcpy(body.data, msg.data, msg.len);
    err = NHI_ERR_SIGNATURE;
    if (by->sign(by->ctx, signed_form.data, signed_form.len, body.data + msg.len) != 0)
        goto out;
    err = token_write(body.data, body.len, footer.data, footer.len, token);
out:
    nhi_bytes_free(&signed_form);
    nhi_bytes_free(&body);
    return err;
}

int nhi_secret_sign(void *ctx, const uint8_t *bytes, size_t len, uint8_t signature[NHI_SIG_LEN])
{
    const struct nhi_secret *secret = ctx;

    return crypto_sign_detached(signature, NULL, bytes, len, secret->sk);
}

enum nhi_err nhi_paseto_sign(const uint8_t sk[NHI_SK_LEN], struct nhi_piece msg, struct nhi_piece footer,
                             struct nhi_piece implicit, char **token)
{
    struct nhi_secret secret = { sk };
    const struct nhi_signing by = { nhi_secret_sign, &secret };

    return nhi_paseto_sign_by(&by, msg, footer, implicit, token);
}

static void token_free(struct token *t)
{
    nhi_bytes_free(&t->body);
    nhi_bytes_free(&t->footer);
}

/* The one reader of token texts. t is zeroed by the caller and freed by it, on errors too. */
static enum nhi_err token_read(const char *text, size_t len, struct token *t)
{
    const char *body, *dot;
    size_t body_len;
    enum nhi_err err;

    if (len < HEADER_LEN || memcmp(text, HEADER, HEADER_LEN) != 0)
        return NHI_ERR_FORMAT;
    if (len > 4 * NHI_PASETO_PIECE_MAX)
        return NHI_ERR_TOO_LONG;
    body = text + HEADER_LEN;
    len -= HEADER_LEN;
    dot = memchr(body, '.', len);
    body_len = dot != NULL ? (size_t)(dot - body) : len;
    err = decode_new(body, body_len, &t->body);
    if (err != NHI_OK)
        return err;
    if (t->body.len < SIG_LEN)
        return NHI_ERR_FORMAT;
    if (dot == NULL)
        return bytes_new(0, &t->footer);
    if (body_len + 1 == len)
        return NHI_ERR_FORMAT;
    return decode_new(dot + 1, len - body_len - 1, &t->footer);
}

enum nhi_err nhi_paseto_footer(const char *token, size_t len, struct nhi_bytes *footer)
{
    struct token t = { { NULL, 0 }, { NULL, 0 } };
    enum nhi_err err = token_read(token, len, &t);

    if (err == NHI_OK) {
        *footer = t.footer;
        t.footer.data = NULL;
    }
    token_free(&t);
    return err;
}

enum nhi_err nhi_paseto_verify(const uint8_t pk[NHI_PK_LEN], const char *token, size_t len, struct nhi_piece implicit,
                               struct nhi_bytes *msg)
{
    struct token t = { { NULL, 0 }, { NULL, 0 } };
    struct nhi_bytes signed_form = { NULL, 0 };
    struct nhi_piece pieces[PIECES] = { { HEADER, HEADER_LEN } };
    enum nhi_err err = NHI_ERR_SYS;
    size_t msg_len;

    if (sodium_init() < 0)
        goto out;
    err = token_read(token, len, &t);
    if (err != NHI_OK)
        goto out;
    msg_len = t.body.len - SIG_LEN;
    pieces[1] = (struct nhi_piece){ t.body.data, msg_len };
    pieces[2] = (struct nhi_piece){ t.footer.data, t.footer.len };
    pieces[3] = implicit;
    err = pae(pieces, &signed_form);
    if (err != NHI_OK)
        goto out;
    err = NHI_ERR_SIGNATURE;
    if (crypto_sign_verify_detached(t.body.data + msg_len, signed_form.data, signed_form.len, pk) != 0)
        goto out;
    /* The message is returned in the buffer in which it was verified, with the signature cut off. */
    sodium_memzero(t.body.data + msg_len, SIG_LEN);
    *msg = (struct nhi_bytes){ t.body.data, msg_len };
    t.body.data = NULL;
    err = NHI_OK;
out:
    nhi_bytes_free(&signed_form);
    token_free(&t);
    return err;
}

bool nhi_pk_is_usable(const uint8_t pk[NHI_PK_LEN])
{
    return sodium_init() >= 0 && crypto_core_ed25519_is_valid_point(pk) == 1;
}

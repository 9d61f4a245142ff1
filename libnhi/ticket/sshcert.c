/* SPDX-License-Identifier: ISC */
/*
 * MUST: read no byte outside of the input, whatever its lengths claim. MUST: accept only a whole certificate: every
 * field exists, each has one form, and nothing follows.
 */
#include "libnhi/ticket/sshcert.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/key/sshkey.h"
#include "libnhi/ticket/sshopt.h"

#define BLOB_MAX (NHI_SSHCERT_MAX / 4 * 3)
#define NONCE_LEN 32
#define USER 1u /* kind of certificate */
#define SKEW 30 /* seconds that the client's host may lag behind; sshd has no skew of its own */

/* ---- reading ---- */

struct reader {
    const uint8_t *at;
    size_t left;
    bool bad; /* once set it stays: read all fields, then look */
};

static uint64_t get_number(struct reader *r, size_t bytes)
{
    uint64_t v = 0;

    if (r->bad || r->left < bytes) {
        r->bad = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | r->at[i];
    r->at += bytes;
    r->left -= bytes;
    return v;
}

static struct reader get_string(struct reader *r)
{
    struct reader s = { NULL, 0, false };
    size_t len = (size_t)get_number(r, 4);

    if (r->bad || r->left < len) {
        r->bad = true;
        s.bad = true;
        return s;
    }
    s.at = r->at;
    s.left = len;
    r->at += len;
    r->left -= len;
    return s;
}

static bool is(const struct reader *s, const char *text)
{
    return !s->bad && s->left == strlen(text) && memcmp(s->at, text, s->left) == 0;
}

static void get_key(struct reader *r, uint8_t pk[NHI_PK_LEN])
{
    struct reader s = get_string(r);

    if (s.bad || s.left != NHI_PK_LEN || !nhi_pk_is_usable(s.at))
        r->bad = true;
    else
        memcpy(pk, s.at, NHI_PK_LEN);
}

/* The value of an extension is a string in a string. sshd makes sure that names are sorted and unique. */
static void get_ticket(struct reader *extensions, char *ticket)
{
    while (!extensions->bad && extensions->left > 0) {
        struct reader name = get_string(extensions), data = get_string(extensions), value;

        if (!is(&name, NHI_SSHCERT_EXTENSION))
            continue;
        value = get_string(&data);
        if (data.bad || data.left != 0 || value.left > NHI_TICKET_TEXT_MAX || ticket[0] != '\0' ||
            memchr(value.at, '\0', value.left) != NULL) {
            extensions->bad = true;
            return;
        }
        memcpy(ticket, value.at, value.left);
        ticket[value.left] = '\0';
    }
}

static void get_signer(struct reader *r, uint8_t pk[NHI_PK_LEN])
{
    struct reader s = get_string(r), type = get_string(&s);

    get_key(&s, pk);
    if (!is(&type, NHI_SSHKEY_TYPE) || s.bad || s.left != 0)
        r->bad = true;
}

enum nhi_err nhi_sshcert_decode(const char *base64, size_t len, struct nhi_sshcert *out)
{
    struct nhi_sshcert c = { .ticket = "" };
    struct reader r, type, extensions;
    uint8_t blob[BLOB_MAX];

    if (len > NHI_SSHCERT_MAX ||
        sodium_base642bin(blob, sizeof(blob), base64, len, NULL, &r.left, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return NHI_ERR_FORMAT;
    r.at = blob;
    r.bad = false;
    type = get_string(&r);
    (void)get_string(&r); /* nonce */
    get_key(&r, c.pk);
    (void)get_number(&r, 8); /* serial */
    if (!is(&type, NHI_SSHCERT_TYPE) || get_number(&r, 4) != USER)
        return NHI_ERR_FORMAT;
    (void)get_string(&r);    /* key ID */
    (void)get_string(&r);    /* principals, which sshd compares */
    (void)get_number(&r, 8); /* valid after */
    (void)get_number(&r, 8); /* valid before */
    (void)get_string(&r);    /* critical options, which sshd obeys */
    extensions = get_string(&r);
    get_ticket(&extensions, c.ticket);
    (void)get_string(&r); /* reserved */
    get_signer(&r, c.signer);
    (void)get_string(&r); /* signature */
    if (r.bad || r.left != 0 || extensions.bad)
        return NHI_ERR_FORMAT;
    if (c.ticket[0] == '\0')
        return NHI_ERR_NOT_FOUND;
    *out = c;
    return NHI_OK;
}

/* ---- writing ---- */

struct writer {
    uint8_t bytes[BLOB_MAX];
    size_t len;
    bool full;
};

static void put(struct writer *w, const void *bytes, size_t len)
{
    if (w->full || sizeof(w->bytes) - w->len < len) {
        w->full = true;
        return;
    }
    memcpy(w->bytes + w->len, bytes, len);
    w->len += len;
}

static void put_number(struct writer *w, uint64_t v, size_t bytes)
{
    uint8_t b[8] = { 0 };

    for (size_t i = 0; i < bytes; i++)
        b[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
    put(w, b, bytes);
}

static void put_string(struct writer *w, const void *bytes, size_t len)
{
    put_number(w, len, 4);
    put(w, bytes, len);
}

static void put_text(struct writer *w, const char *text)
{
    put_string(w, text, strlen(text));
}

/* Starts a string whose length is filled in at its end. */
static size_t open_string(struct writer *w)
{
    put_number(w, 0, 4);
    return w->len;
}

static void close_string(struct writer *w, size_t start)
{
    size_t end = w->len;

    if (w->full)
        return;
    w->len = start - 4;
    put_number(w, end - start, 4);
    w->len = end;
}

static void put_accounts(struct writer *w, const char *accounts)
{
    char account[NHI_LIST_MAX + 1];
    size_t start = open_string(w);

    while ((accounts = nhi_list_next(accounts, account)) != NULL)
        put_text(w, account);
    close_string(w, start);
}

static void put_permission(struct writer *w, uint32_t ssh, const char *taken_by, const char *name)
{
    if ((ssh & nhi_sshopt_parse(taken_by)) != 0)
        return;
    put_text(w, name);
    put_text(w, "");
}

/* In the order of their names, as sshd demands. What the ticket takes away is enforced without this, since anybody who
 * has the key can make another certificate for it; it only informs the client beforehand. */
static void put_extensions(struct writer *w, const struct nhi_ticket *t, const char *ticket)
{
    size_t start = open_string(w), value;

    put_permission(w, t->ssh, "no-port-forwarding", "permit-port-forwarding");
    put_permission(w, t->ssh, "no-pty", "permit-pty");
    put_text(w, NHI_SSHCERT_EXTENSION);
    value = open_string(w);
    put_text(w, ticket);
    close_string(w, value);
    close_string(w, start);
}

static void put_key_of_the_moment(struct writer *w, const uint8_t pk[NHI_PK_LEN])
{
    size_t start = open_string(w);

    put_text(w, NHI_SSHKEY_TYPE);
    put_string(w, pk, NHI_PK_LEN);
    close_string(w, start);
}

static enum nhi_err sign(struct writer *w)
{
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN], signature[crypto_sign_BYTES];
    size_t start;

    if (sodium_init() < 0 || crypto_sign_keypair(pk, sk) != 0)
        return NHI_ERR_SYS;
    put_key_of_the_moment(w, pk);
    if (!w->full)
        (void)crypto_sign_detached(signature, NULL, w->bytes, w->len, sk);
    sodium_memzero(sk, sizeof(sk));
    start = open_string(w);
    put_text(w, NHI_SSHKEY_TYPE);
    put_string(w, signature, sizeof(signature));
    close_string(w, start);
    return w->full ? NHI_ERR_TOO_LONG : NHI_OK;
}

enum nhi_err nhi_sshcert_make(const struct nhi_ticket *t, const char *text, char *base64)
{
    struct writer w = { .len = 0 };
    uint8_t nonce[NONCE_LEN];
    enum nhi_err err;

    if (!t->has_cnf || t->iat < SKEW || strlen(text) > NHI_TICKET_TEXT_MAX)
        return NHI_ERR_ARG;
    if (sodium_init() < 0)
        return NHI_ERR_SYS;
    randombytes_buf(nonce, sizeof(nonce));
    put_text(&w, NHI_SSHCERT_TYPE);
    put_string(&w, nonce, sizeof(nonce));
    put_string(&w, t->cnf, NHI_PK_LEN);
    put_number(&w, 0, 8);
    put_number(&w, USER, 4);
    put_text(&w, t->jti);
    put_accounts(&w, t->accounts);
    put_number(&w, (uint64_t)t->iat - SKEW, 8);
    put_number(&w, (uint64_t)t->exp, 8);
    put_text(&w, ""); /* critical options */
    put_extensions(&w, t, text);
    put_text(&w, ""); /* reserved */
    err = sign(&w);
    if (err == NHI_OK)
        (void)sodium_bin2base64(base64, NHI_SSHCERT_MAX + 1, w.bytes, w.len, sodium_base64_VARIANT_ORIGINAL);
    return err;
}

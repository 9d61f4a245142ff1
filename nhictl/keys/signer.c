/* SPDX-License-Identifier: ISC */
/*
 * MUST: the secret half is wiped on every path. MUST: a signature by an ssh-agent is verified before it is used.
 */
#include "nhictl/keys/signer.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/key/paserk.h"
#include "libnhi/key/paserk_pw.h"
#include "nhictl/keys/key_choose.h"
#include "nhictl/keys/keyfile.h"
#include "nhictl/keys/passphrase.h"
#include "nhictl/keys/sshagent.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"

#define UNDER_PASSPHRASE "k4.secret-pw."
#define PROOF "nhi-key-proof-v1" /* implicit assertion, which no ticket has */
#define TRIES 3

static bool is_under_passphrase(const char *text)
{
    return strncmp(text, UNDER_PASSPHRASE, strlen(UNDER_PASSPHRASE)) == 0;
}

/* text: allocated; NULL: it is in neither place. */
static enum nhi_err read_text(const char *kid, char **text)
{
    char name[NHI_KID_MAX + 16];
    enum nhi_err err;

    snprintf(name, sizeof(name), SIGNER_CREDENTIAL, kid);
    *text = credential_read(name, NHI_PASERK_MAX - 1);
    if (*text != NULL)
        return NHI_OK;
    err = keyfile_text(kid, text);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static int unlock(struct ctl *c, const char *kid, const char *text, uint8_t sk[NHI_SK_LEN])
{
    struct passphrase p = { .len = 0 };
    enum nhi_err err = NHI_ERR_SIGNATURE;
    char prompt[64];
    int code = CTL_DONE;

    snprintf(prompt, sizeof(prompt), "Passphrase of key %s: ", kid);
    for (int i = 0; err == NHI_ERR_SIGNATURE && code == CTL_DONE && i < TRIES; i++) {
        if (!passphrase_get(prompt, &p))
            code = ctl_fail(c, CTL_REFUSED, "the credential " PASSPHRASE_CREDENTIAL,
                            "key %s has a passphrase, and none was given", kid);
        else
            err = nhi_paserk_secret_pw_decode(text, nhi_piece(p.text, p.len), sk);
        if (!p.typed)
            break;
    }
    nhi_wipe(&p, sizeof(p));
    if (code != CTL_DONE || err == NHI_OK)
        return code;
    if (err == NHI_ERR_SIGNATURE)
        return ctl_fail(c, CTL_REFUSED, NULL, "wrong passphrase for key %s", kid);
    return ctl_fail(c, CTL_SYSTEM, NULL, "the secret key of %s cannot be used: %s", kid, nhi_strerror(err));
}

static int take_secret(struct ctl *c, const struct nhi_issuer *key, const char *text, struct signer *s)
{
    enum nhi_err err = NHI_OK;

    if (is_under_passphrase(text)) {
        int code = unlock(c, key->kid, text, s->sk);

        s->asked = true;
        if (code != CTL_DONE)
            return code;
    } else {
        err = nhi_paserk_secret_decode(text, s->sk);
    }
    /* A file that was replaced would sign what no host can verify. */
    if (err == NHI_OK && memcmp(s->sk + NHI_SK_LEN - NHI_PK_LEN, key->pk, NHI_PK_LEN) != 0)
        err = NHI_ERR_CORRUPT;
    return err == NHI_OK ? CTL_DONE
                         : ctl_fail(c, CTL_SYSTEM, "nhictl key rotate", "the secret key of %s cannot be used: %s",
                                    key->kid, nhi_strerror(err));
}

static int open_key(struct ctl *c, const struct nhi_issuer *key, struct signer *s)
{
    char *text = NULL;
    enum nhi_err err = read_text(key->kid, &text);
    int code = CTL_DONE;

    signer_close(s);
    /* nhictl run keeps it for as long as its command runs. */
    nhi_keep(s, sizeof(*s));
    if (err != NHI_OK)
        code = ctl_fail(c, CTL_SYSTEM, "nhictl key rotate", "the secret key of %s cannot be used: %s", key->kid,
                        nhi_strerror(err));
    else if (text != NULL)
        code = take_secret(c, key, text, s);
    else if (sshagent_has(key->pk))
        s->in_agent = true;
    else
        code = ctl_fail(c, CTL_SYSTEM, "nhictl key list, and SSH_AUTH_SOCK for an agent",
                        "the secret key of %s was not found: neither in " NHI_STATE_DIR "/" NHI_KEYS_DIR
                        ", nor as a credential, nor in an ssh-agent",
                        key->kid);
    if (code == CTL_DONE)
        memcpy(s->kid, key->kid, sizeof(s->kid));
    else
        signer_close(s);
    nhi_text_free(text);
    return code;
}

int signer_open_in(struct ctl *c, struct store *store, const char *kid, struct signer *s)
{
    struct nhi_issuer key;
    int code = key_choose(c, store, kid, &key);

    return code == CTL_DONE ? open_key(c, &key, s) : code;
}

int signer_open(struct ctl *c, const char *kid, struct signer *s)
{
    struct store store = { .l = NULL };
    struct nhi_issuer key;
    int code;

    /* A later command that writes reports why it cannot be read. */
    if (nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &store.l) != NHI_OK)
        return CTL_DONE;
    code = key_choose(c, &store, kid, &key);
    nhi_ledger_close(store.l);
    return code == CTL_DONE ? open_key(c, &key, s) : code;
}

static int sign_in_agent(void *ctx, const uint8_t *bytes, size_t len, uint8_t signature[NHI_SIG_LEN])
{
    const struct nhi_issuer *key = ctx;

    return sshagent_sign(key->pk, bytes, len, signature) ? 0 : -1;
}

/* A key in memory, whose first signature here was good, makes good ones: verifying costs three times as much. */
static enum nhi_err mint(struct signer *s, const struct nhi_ticket *t, struct nhi_issuer *key, char **text)
{
    const struct nhi_signing agent = { sign_in_agent, key };
    struct nhi_ticket seen;
    enum nhi_err err = s->in_agent ? nhi_ticket_mint_by(t, &agent, text) : nhi_ticket_mint(t, s->sk, text);

    if (err == NHI_OK && (s->in_agent || !s->proven)) {
        err = nhi_ticket_verify(*text, strlen(*text), key->pk, &seen);
        s->proven = err == NHI_OK;
        if (err != NHI_OK) {
            nhi_text_free(*text);
            *text = NULL;
        }
    }
    return err;
}

int signer_sign(struct ctl *c, struct signer *s, const struct nhi_ticket *t, const struct nhi_issuer *key, char **text)
{
    struct nhi_issuer with = *key;
    enum nhi_err err;
    int code = CTL_DONE;

    if (strcmp(s->kid, key->kid) != 0)
        code = open_key(c, key, s);
    if (code != CTL_DONE)
        return code;
    err = mint(s, t, &with, text);
    if (err == NHI_ERR_SIGNATURE && s->in_agent)
        return ctl_fail(c, CTL_REFUSED, "ssh-add -l", "the ssh-agent refused to sign with key %s", key->kid);
    return err == NHI_OK ? CTL_DONE : ctl_fail(c, CTL_SYSTEM, NULL, "could not sign the ticket: %s", nhi_strerror(err));
}

void signer_close(struct signer *s)
{
    nhi_wipe(s, sizeof(*s));
}

int signer_prove_agent(struct ctl *c, const uint8_t pk[NHI_PK_LEN], const char *file)
{
    struct nhi_issuer key = { .own = true };
    const struct nhi_signing agent = { sign_in_agent, &key };
    struct nhi_bytes msg = { NULL, 0 };
    char nonce[NHI_JTI_LEN + 1], *token = NULL;
    enum nhi_err err;

    memcpy(key.pk, pk, NHI_PK_LEN);
    err = nhi_id_new(nonce);
    if (err == NHI_OK)
        err = nhi_paseto_sign_by(&agent, nhi_piece(nonce, strlen(nonce)), nhi_piece("", 0),
                                 nhi_piece(PROOF, strlen(PROOF)), &token);
    if (err == NHI_OK)
        err = nhi_paseto_verify(pk, token, strlen(token), nhi_piece(PROOF, strlen(PROOF)), &msg);
    nhi_bytes_free(&msg);
    nhi_text_free(token);
    if (err == NHI_OK)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, "ssh-add -l; with sudo: sudo --preserve-env=SSH_AUTH_SOCK nhictl ...",
                    "no ssh-agent signs with the key in %s", file);
}

const char *signer_where(const struct nhi_issuer *key)
{
    char name[NHI_KID_MAX + 16], *text;
    const char *where = "absent";

    snprintf(name, sizeof(name), SIGNER_CREDENTIAL, key->kid);
    text = credential_read(name, NHI_PASERK_MAX - 1);
    if (text != NULL)
        where = "credential";
    else if (keyfile_text(key->kid, &text) == NHI_OK)
        where = is_under_passphrase(text) ? "passphrase" : "file";
    else if (sshagent_has(key->pk))
        where = "agent";
    nhi_text_free(text);
    return where;
}

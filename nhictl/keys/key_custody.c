/* SPDX-License-Identifier: ISC */
/*
 * key protect, unprotect, move: where the secret half of this host's own key is kept.
 *
 * MUST: the secret half exists in one form or the other at any moment, and is not encrypted with a passphrase that
 * nobody could repeat. MUST: buffers that held either are wiped on every path.
 */
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/key/paserk.h"
#include "libnhi/key/paserk_pw.h"
#include "nhictl/keys/key.h"
#include "nhictl/keys/keyfile.h"
#include "nhictl/keys/keys.h"
#include "nhictl/keys/passphrase.h"
#include "nhictl/keys/signer.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/hold.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

/* The limits for Argon2id: a third of a second, and no more memory than a small host has. */
#define MEMORY ((uint64_t)64 << 20)
#define PASSES 3
#define SHORTEST 8 /* characters of a passphrase */

struct move_args {
    const char *to;
};

/* The key to work on, which must be this host's own, and its secret as it is in the file. */
static int find(struct ctl *c, struct nhi_issuer *key, char **text)
{
    struct store s = { 0 };
    enum nhi_err err = NHI_OK;
    int code = store_need_root(c);

    if (code == CTL_DONE)
        code = store_read(c, &s);
    if (code == CTL_DONE)
        code = key_get(c, &s, c->operand[0], key);
    store_close(&s);
    if (code == CTL_DONE && !key->own)
        code = ctl_fail(c, CTL_REFUSED, "nhictl key list", "key %s is not one of this host's own keys", key->kid);
    if (code != CTL_DONE)
        return code;
    err = keyfile_text(key->kid, text);
    if (err == NHI_ERR_NOT_FOUND)
        return ctl_fail(c, CTL_REFUSED, "nhictl key list",
                        "the secret key of %s is not in " NHI_STATE_DIR "/" NHI_KEYS_DIR, key->kid);
    return err == NHI_OK
               ? CTL_DONE
               : ctl_fail(c, CTL_SYSTEM, NULL, "the secret key of %s cannot be read: %s", key->kid, nhi_strerror(err));
}

static int record_change(struct ctl *c, const char *kind, const struct nhi_issuer *key)
{
    struct out_row *detail = out_row_new(c->out);
    struct store s = { 0 };
    enum nhi_err err;
    int code = store_write(c, &s);

    out_text(detail, "kid", NULL, key->kid);
    if (code != CTL_DONE) {
        out_row_free(detail);
    } else {
        err = store_event(c, &s, (struct store_event){ .kind = kind }, detail);
        code = err == NHI_OK ? store_commit(c, &s) : store_fail(c, &s, err, "record it");
    }
    store_close(&s);
    return code;
}

static int answer(struct ctl *c, const struct nhi_issuer *key)
{
    struct out_row *r = key_row(c->out, key, true);

    out_text(r, "secret", "secret", signer_where(key));
    out_record(c->out, "key", r);
    return ctl_answer(c);
}

/* Asked twice if it is typed. */
static int new_passphrase(struct ctl *c, const char *kid, struct passphrase *p)
{
    struct passphrase again = { .len = 0 };
    char prompt[64];
    int code = CTL_DONE;

    snprintf(prompt, sizeof(prompt), "New passphrase of key %s: ", kid);
    if (!passphrase_get(prompt, p))
        code =
            ctl_fail(c, CTL_REFUSED, "a terminal, or the credential " PASSPHRASE_CREDENTIAL, "no passphrase was given");
    else if (p->len < SHORTEST)
        code = ctl_fail(c, CTL_REFUSED, NULL, "a passphrase needs at least %d characters", SHORTEST);
    else if (p->typed && (!passphrase_get("Repeat the passphrase: ", &again) || strcmp(again.text, p->text) != 0))
        code = ctl_fail(c, CTL_REFUSED, NULL, "the passphrases differ: nothing was changed");
    nhi_wipe(&again, sizeof(again));
    return code;
}

static enum nhi_err lock(const char *plain, const struct passphrase *p, char text[NHI_PASERK_MAX])
{
    uint8_t sk[NHI_SK_LEN], opened[NHI_SK_LEN];
    enum nhi_err err = nhi_paserk_secret_decode(plain, sk);

    if (err == NHI_OK)
        err = nhi_paserk_secret_pw_encode(sk, nhi_piece(p->text, p->len), MEMORY, PASSES, text);
    if (err == NHI_OK)
        err = nhi_paserk_secret_pw_decode(text, nhi_piece(p->text, p->len), opened);
    nhi_wipe(sk, sizeof(sk));
    nhi_wipe(opened, sizeof(opened));
    return err;
}

static int key_protect(struct ctl *c)
{
    char *plain = NULL, text[NHI_PASERK_MAX];
    struct passphrase p = { .len = 0 };
    struct nhi_issuer key;
    enum nhi_err err;
    int code = find(c, &key, &plain);

    if (code == CTL_DONE && strncmp(plain, "k4.secret.", strlen("k4.secret.")) != 0)
        code = ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl key unprotect %s", key.kid),
                        "key %s already has a passphrase", key.kid);
    if (code == CTL_DONE)
        code = new_passphrase(c, key.kid, &p);
    if (code == CTL_DONE) {
        err = lock(plain, &p, text);
        if (err == NHI_OK)
            err = keyfile_replace(key.kid, text);
        if (err != NHI_OK)
            code = ctl_fail(c, CTL_SYSTEM, NULL, "could not encrypt key %s: %s", key.kid, nhi_strerror(err));
    }
    nhi_wipe(&p, sizeof(p));
    nhi_text_free(plain);
    if (code == CTL_DONE)
        code = record_change(c, "key-protect", &key);
    return code == CTL_DONE ? answer(c, &key) : code;
}

static int key_unprotect(struct ctl *c)
{
    char *locked = NULL, text[NHI_PASERK_MAX];
    struct signer signer = { .kid = "" };
    struct hold held = { .on = false };
    struct nhi_issuer key;
    enum nhi_err err;
    int code = find(c, &key, &locked);

    if (code == CTL_DONE && strncmp(locked, "k4.secret.", strlen("k4.secret.")) == 0)
        code = ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl key protect %s", key.kid), "key %s has no passphrase",
                        key.kid);
    if (code == CTL_DONE)
        code = signer_open(c, key.kid, &signer);
    if (code == CTL_DONE) {
        err = nhi_paserk_secret_encode(signer.sk, text);
        hold_begin(&held);
        if (err == NHI_OK)
            err = keyfile_replace(key.kid, text);
        hold_end(&held);
        nhi_wipe(text, sizeof(text));
        if (err != NHI_OK)
            code = ctl_fail(c, CTL_SYSTEM, NULL, "could not write key %s: %s", key.kid, nhi_strerror(err));
    }
    signer_close(&signer);
    nhi_text_free(locked);
    if (code == CTL_DONE)
        code = record_change(c, "key-unprotect", &key);
    return code == CTL_DONE ? answer(c, &key) : code;
}

/* By any path: a copy written there would be removed again. */
static bool is_at_home(const char *file)
{
    struct stat keys, st;
    const char *name;
    int dir = text_directory(file, &name);
    bool is = dir >= 0 && fstat(dir, &st) == 0 && stat(NHI_STATE_DIR "/" NHI_KEYS_DIR, &keys) == 0 &&
              st.st_dev == keys.st_dev && st.st_ino == keys.st_ino;

    if (dir >= 0)
        close(dir);
    return is;
}

static int key_move(struct ctl *c)
{
    const struct move_args *args = c->args;
    struct nhi_issuer key;
    char *text = NULL;
    int code = find(c, &key, &text);

    if (code == CTL_DONE && is_at_home(args->to))
        code = ctl_fail(c, CTL_REFUSED, "a FILE elsewhere", "the key is already in %s", args->to);
    if (code == CTL_DONE)
        code = text_write(c, args->to, text, 0600);
    nhi_text_free(text);
    if (code == CTL_DONE && keyfile_remove(key.kid) != NHI_OK)
        code = ctl_fail(c, CTL_SYSTEM, NULL, "%s has the secret key of %s, but %s/%s still has it too", args->to,
                        key.kid, NHI_STATE_DIR, NHI_KEYS_DIR);
    if (code == CTL_DONE)
        code = record_change(c, "key-move", &key);
    if (code != CTL_DONE)
        return code;
    out_line(c->out, "the secret key of %s is now only in %s: it signs as the credential nhi.%s.secret", key.kid,
             args->to, key.kid);
    return answer(c, &key);
}

static const struct opt move_opts[] = {
    { "to", OPT_PATH, offsetof(struct move_args, to), true, "FILE", "its new place, mode 0600", NULL, 0 },
    { .name = NULL },
};

const struct verb key_custody_verbs[] = {
    { "key", "protect", key_protect, NULL, 0, 1, 1, "KID", "Protect the secret half of a key with a passphrase.",
      "It is asked for at the terminal whenever the key signs, or comes from the credential\n" PASSPHRASE_CREDENTIAL
      " of a systemd unit.",
      "nhictl key protect k7f3q2ma" },
    { "key", "unprotect", key_unprotect, NULL, 0, 1, 1, "KID", "Remove the passphrase again.", NULL,
      "nhictl key unprotect k7f3q2ma" },
    { "key", "move", key_move, move_opts, sizeof(struct move_args), 1, 1, "KID --to FILE",
      "Move the secret half of a key off this host's disk.",
      "FILE may be on another medium, or be encrypted with systemd-creds encrypt --name=nhi.KID.secret;\n"
      "with that credential a unit can sign, and nothing else can.",
      "nhictl key move k7f3q2ma --to /run/k7f3q2ma.secret" },
    { .verb = NULL },
};

/* SPDX-License-Identifier: ISC */
/*
 * audit head, key: heads and keys to keep elsewhere, so that the trail can be verified with them.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/key/paserk.h"
#include "nhictl/audit/signed_head.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/text_file.h"

struct head_args {
    const char *out;
    bool force;
};

static void show(struct ctl *c, const struct nhi_signed_head *h)
{
    struct out_row *r = out_row_new(c->out);

    out_text(r, "host", NULL, h->host);
    out_number(r, "event", NULL, h->seq);
    out_text(r, "hash", NULL, h->hash);
    out_time(r, "at", NULL, h->at);
    out_record(c->out, NULL, r);
}

static int audit_head(struct ctl *c)
{
    const struct head_args *args = c->args;
    struct nhi_signed_head h;
    struct store s = { 0 };
    char *token = NULL;
    enum nhi_err err;
    int code = text_need_new(c, args->out, args->force);

    if (code == CTL_DONE)
        code = store_read(c, &s);
    if (code == CTL_DONE) {
        err = head_make(&s, c->now, &h, &token);
        if (err == NHI_ERR_NOT_FOUND)
            code = ctl_fail(c, CTL_REFUSED, NULL, "there are no events yet");
        else if (err != NHI_OK)
            code = store_fail(c, &s, err, "sign the head");
    }
    if (code == CTL_DONE && args->out != NULL)
        code = text_write(c, args->out, token, 0644);
    if (code == CTL_DONE) {
        show(c, &h);
        if (args->out == NULL)
            out_raw(c->out, "head", token);
        else
            out_line(c->out, "the head, event %lld, was written to %s: keep it on another host", (long long)h.seq,
                     args->out);
        code = ctl_answer(c);
    }
    nhi_text_free(token);
    store_close(&s);
    return code;
}

static int audit_key(struct ctl *c)
{
    char text[NHI_PASERK_MAX], pid[NHI_PASERK_MAX];
    uint8_t pk[NHI_PK_LEN];
    struct out_row *r;
    enum nhi_err err;
    int code = store_need_root(c);

    if (code != CTL_DONE)
        return code;
    err = head_key(pk);
    if (err == NHI_OK)
        err = nhi_paserk_public_encode(pk, text);
    if (err == NHI_OK)
        err = nhi_paserk_pid(pk, pid);
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, err == NHI_ERR_NOT_FOUND ? "nhictl init" : NULL,
                        "could not read or make the key of the trail: %s", nhi_strerror(err));
    r = out_row_new(c->out);
    out_text(r, "fingerprint", NULL, pid);
    out_record(c->out, NULL, r);
    out_raw(c->out, "public", text);
    return ctl_answer(c);
}

static const struct opt head_opts[] = {
    { "out", OPT_PATH, offsetof(struct head_args, out), false, "FILE", "write to this file", NULL, 0 },
    TEXT_FORCE_OPT(offsetof(struct head_args, force)),
    { .name = NULL },
};

const struct verb audit_verbs[] = {
    { "audit", "head", audit_head, head_opts, sizeof(struct head_args), 0, 0, "[--out FILE]",
      "Sign the newest event of the trail.",
      "Kept on another host, it proves that no event up to it was changed or removed since.\n"
      "nhictl watch writes one to " NHI_STATE_DIR "/" HEAD_FILE " at intervals (nhi.conf).",
      "nhictl audit head --out head-of-today" },
    { "audit", "key", audit_key, NULL, 0, 0, 0, "", "Print the public key that heads are signed with.", NULL,
      "nhictl audit key" },
    { .verb = NULL },
};

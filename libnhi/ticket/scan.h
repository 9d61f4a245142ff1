/* SPDX-License-Identifier: ISC */
/*
 * Finding possible tickets and keys in a stream of arbitrary bytes, in constant memory.
 *
 * Nothing is trusted here: the caller gets candidates, verifies them, and answers whether they are real. What is
 * reported does not depend on how the stream is cut into pieces.
 *
 * A candidate is found among any bytes, and as it was before somebody
 *   - cut it over lines, each with a margin of blanks, quotes, ">", "|", "#" or "*" (mail, YAML, code), or
 *     with the one sign that a diff puts there;
 *   - made quoted-printable of it, or put backslashes into it (JSON, Markdown);
 *   - wrote it as UTF-16.
 * It is not found when it was compressed, encrypted, encoded once more, cut off, or spread over more than NHI_SCAN_SPAN
 * bytes.
 */
#ifndef NHI_SCAN_H
#define NHI_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"

#define NHI_SCAN_SPAN 16384    /* bytes of the stream that one candidate may take */
#define NHI_SCAN_TEXT_MAX 4096 /* characters of the text of a candidate */

enum nhi_scan_kind {
    NHI_SCAN_TICKET = 1,  /* a v4.public token whose footer names a key as a ticket's does */
    NHI_SCAN_PASETO,      /* any other token, or one that was refused as a ticket; its text is empty */
    NHI_SCAN_SECRET,      /* a k4.secret of the right length */
    NHI_SCAN_WRAPPED,     /* a k4.secret-pw of the right length; its text is empty */
    NHI_SCAN_SSH_PRIVATE, /* an OpenSSH private key: base64, up to the end of its public half */
    NHI_SCAN_SSH_CERT     /* an OpenSSH certificate of an Ed25519 key: base64 */
};

struct nhi_scan_hit {
    enum nhi_scan_kind kind;
    const char *text; /* as it was before it was cut; valid during the call, and secret */
    size_t len;
    uint64_t offset; /* of its first byte in the stream */
    uint64_t line;   /* the line on which it begins, from 1 */
};

/* Returns whether it was what it looks like: the search then continues after it. Else the same position may be reported
 * once more with another text, which it would have if it was cut over lines in another way. */
typedef bool nhi_scan_fn(const struct nhi_scan_hit *hit, void *ctx);

struct nhi_scan;

NHI_CHECK enum nhi_err nhi_scan_new(nhi_scan_fn *fn, void *ctx, struct nhi_scan **out);
void nhi_scan_feed(struct nhi_scan *s, const void *bytes, size_t len);
/* The stream ends here. Another one may begin. */
void nhi_scan_end(struct nhi_scan *s);
/* Wipes it. Takes NULL. */
void nhi_scan_free(struct nhi_scan *s);

#endif

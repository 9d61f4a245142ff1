/* SPDX-License-Identifier: ISC */
/*
 * Private to the scanner: text as it was before it was wrapped, quoted or escaped.
 */
#ifndef NHI_SCAN_TEXT_H
#define NHI_SCAN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How line breaks inside a text are read. */
enum nhi_scan_way {
    NHI_SCAN_WHOLE,  /* there are none */
    NHI_SCAN_BROKEN, /* each is left out, with the margin of the next line */
    NHI_SCAN_SIGNED  /* the same, and with the "+" or "-" that a diff puts there, which might also belong to the text */
};

struct nhi_scan_cursor {
    const uint8_t *at, *end;
    enum nhi_scan_way way;
    bool cut; /* another way would have read this text differently */
};

enum nhi_scan_alphabet { NHI_SCAN_BASE64URL, NHI_SCAN_BASE64 };

/* Skips exactly this text. false: the text is not there, and the position of the cursor is undefined. */
bool nhi_scan_literal(struct nhi_scan_cursor *c, const char *text);
/* Takes characters of an alphabet, at most max. Returns how many. */
size_t nhi_scan_take(struct nhi_scan_cursor *c, enum nhi_scan_alphabet a, size_t max, char *out);
/* Skips spaces and tabs. false: there are none. */
bool nhi_scan_blanks(struct nhi_scan_cursor *c);

#endif

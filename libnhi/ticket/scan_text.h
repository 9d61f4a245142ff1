/* SPDX-License-Identifier: ISC */
/*
 * Private to the scanner: text as it was before it was wrapped, quoted or escaped.
 */
#ifndef NHI_SCAN_TEXT_H
#define NHI_SCAN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is made of line breaks inside of a text. */
enum nhi_scan_way {
    NHI_SCAN_WHOLE,  /* there is none */
    NHI_SCAN_BROKEN, /* each is left out, with the margin of the next line */
    NHI_SCAN_SIGNED  /* and with the "+" or "-" that a diff has there, which might also be text */
};

struct nhi_scan_cursor {
    const uint8_t *at, *end;
    enum nhi_scan_way way;
    bool cut; /* there was something that another way would read otherwise */
};

enum nhi_scan_alphabet { NHI_SCAN_BASE64URL, NHI_SCAN_BASE64 };

/* Goes over exactly this text. false: it does not stand there, and the cursor is somewhere. */
bool nhi_scan_literal(struct nhi_scan_cursor *c, const char *text);
/* Takes what there is of an alphabet, at most max characters. Returns how many. */
size_t nhi_scan_take(struct nhi_scan_cursor *c, enum nhi_scan_alphabet a, size_t max, char *out);
/* Goes over spaces and tabs. false: there are none. */
bool nhi_scan_blanks(struct nhi_scan_cursor *c);

#endif

/* SPDX-License-Identifier: ISC */
#include "libnhi/ticket/scan_text.h"

#include <string.h>

#define MARGIN_MAX 64 /* characters before the text of a line */
#define END (-1)
#define OTHER 256 /* a character that none of our texts has */

static int hex(const uint8_t *p)
{
    int v = 0;

    for (int i = 0; i < 4; i++) {
        int d = p[i] >= '0' && p[i] <= '9'                 ? p[i] - '0'
                : (p[i] | 32) >= 'a' && (p[i] | 32) <= 'f' ? (p[i] | 32) - 'a' + 10
                                                           : 16;

        if (d == 16)
            return OTHER;
        v = v * 16 + d;
    }
    return v < 0x80 ? v : OTHER;
}

static bool is_letter_or_digit(int b)
{
    return (b >= '0' && b <= '9') || ((b | 32) >= 'a' && (b | 32) <= 'z');
}

/* The next character, without the backslashes before it and the zero bytes of UTF-16. Any number of backslashes is
 * skipped: JSON may be inside JSON. */
static int next(struct nhi_scan_cursor *c)
{
    bool escaped = false;
    int b;

    while (c->at < c->end && (*c->at == '\0' || *c->at == '\\')) {
        escaped = escaped || *c->at == '\\';
        c->at++;
    }
    if (c->at == c->end)
        return END;
    b = *c->at++;
    if (!escaped || !is_letter_or_digit(b))
        return b;
    switch (b) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        if (c->end - c->at < 4)
            return OTHER;
        c->at += 4;
        return hex(c->at - 4);
    default:
        return OTHER;
    }
}

/* The next character, without moving on. */
static int peek(const struct nhi_scan_cursor *c)
{
    struct nhi_scan_cursor t = *c;

    return next(&t);
}

static bool is_one_of(int b, const char *set)
{
    return b > 0 && b < 128 && strchr(set, b) != NULL;
}

/* Skips one line break and its margins. Two in a row end a text. */
static bool over_break(struct nhi_scan_cursor *c)
{
    struct nhi_scan_cursor t = *c;
    bool sign = false;
    int b;

    do
        b = next(&t);
    while (is_one_of(b, " \t\"',"));
    if (b == '=')
        b = next(&t);
    if (b == '\r' && peek(&t) == '\n')
        b = next(&t);
    if (b != '\n' && b != '\r')
        return false;
    c->cut = true;
    if (c->way == NHI_SCAN_WHOLE)
        return false;
    for (int n = 0; n < MARGIN_MAX; n++) {
        b = peek(&t);
        if (is_one_of(b, "+-") && c->way == NHI_SCAN_SIGNED && !sign)
            sign = true;
        else if (!is_one_of(b, " \t>|#*\"'"))
            break;
        (void)next(&t);
    }
    *c = t;
    c->cut = true;
    return true;
}

static bool is_in(int b, enum nhi_scan_alphabet a)
{
    return is_letter_or_digit(b) || is_one_of(b, a == NHI_SCAN_BASE64URL ? "-_" : "+/");
}

bool nhi_scan_literal(struct nhi_scan_cursor *c, const char *text)
{
    for (const char *t = text; *t != '\0'; t++) {
        if (peek(c) != *t && (!over_break(c) || peek(c) != *t))
            return false;
        (void)next(c);
    }
    return true;
}

size_t nhi_scan_take(struct nhi_scan_cursor *c, enum nhi_scan_alphabet a, size_t max, char *out)
{
    size_t n = 0;

    while (n < max) {
        struct nhi_scan_cursor t = *c;
        int b = peek(&t);

        if (!is_in(b, a) && over_break(&t))
            b = peek(&t);
        c->cut = t.cut;
        if (!is_in(b, a))
            break;
        *c = t;
        out[n++] = (char)next(c);
    }
    return n;
}

bool nhi_scan_blanks(struct nhi_scan_cursor *c)
{
    size_t n = 0;

    for (; is_one_of(peek(c), " \t"); n++)
        (void)next(c);
    return n > 0;
}

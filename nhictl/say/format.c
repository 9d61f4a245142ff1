/* SPDX-License-Identifier: ISC */
#include "nhictl/say/format.h"

#include <string.h>

#include "libnhi/base/names.h"

void out_span(int64_t seconds, char buf[OUT_AGO_LEN])
{
    long long s = seconds;

    if (s < 60)
        snprintf(buf, OUT_AGO_LEN, "%llds", s);
    else if (s < 3600)
        snprintf(buf, OUT_AGO_LEN, s % 60 != 0 && s < 600 ? "%lldm%llds" : "%lldm", s / 60, s % 60);
    else if (s < 86400)
        snprintf(buf, OUT_AGO_LEN, s / 60 % 60 != 0 ? "%lldh%lldm" : "%lldh", s / 3600, s / 60 % 60);
    else
        snprintf(buf, OUT_AGO_LEN, s / 3600 % 24 != 0 && s < 864000 ? "%lldd%lldh" : "%lldd", s / 86400, s / 3600 % 24);
}

void out_ago(int64_t t, int64_t now, char buf[OUT_AGO_LEN])
{
    char span[OUT_AGO_LEN];

    out_span(t > now ? t - now : now - t, span);
    if (t == now)
        snprintf(buf, OUT_AGO_LEN, "now");
    else if (t > now)
        snprintf(buf, OUT_AGO_LEN, "in %.20s", span);
    else
        snprintf(buf, OUT_AGO_LEN, "%.19s ago", span);
}

/* The escaped form of a character that must not be printed: "\\x1b", "\\u202e". */
static size_t spell(uint32_t c, char buf[12])
{
    return (size_t)snprintf(buf, 12, c <= 0xff ? "\\x%02x" : "\\u%04x", c);
}

/* How many bytes at the beginning are printed as they are, a column each: nearly all. */
static size_t plain(const char *s)
{
    size_t n = 0;

    while (s[n] >= 0x20 && s[n] < 0x7f)
        n++;
    return n;
}

size_t out_width(const char *s)
{
    size_t n = 0, len;
    char buf[12];
    uint32_t c;

    for (; *s != '\0'; s += len > 0 ? len : 1) {
        len = plain(s);
        n += len;
        if (len > 0)
            continue;
        len = nhi_text_next(s, &c);
        n += len > 0 && nhi_text_is_plain(c) ? 1 : spell(c, buf);
    }
    return n;
}

void out_escape(FILE *f, const char *text)
{
    char buf[12] = "";
    uint32_t c;
    size_t len = 0;

    for (; *text != '\0'; text += len > 0 ? len : 1) {
        len = plain(text);
        if (len == 0) {
            len = nhi_text_next(text, &c);
            if (len == 0 || !nhi_text_is_plain(c)) {
                fwrite(buf, 1, spell(c, buf), f);
                continue;
            }
        }
        fwrite(text, 1, len, f);
    }
}

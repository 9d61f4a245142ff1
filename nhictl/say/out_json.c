/* SPDX-License-Identifier: ISC */
/*
 * MUST: whatever a value has in it, the result is one JSON text.
 */
#include "nhictl/say/out_json.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/names.h"
#include "nhictl/say/out.h"

#define ESCAPED_MAX 6 /* bytes for each byte of a string */

static char *room_for(struct out_json *j, size_t more)
{
    if (j->len + more > j->room)
        j->data = out_grow(j->data, &j->room, j->len + more, 1);
    return j->data + j->len;
}

void out_json_add(struct out_json *j, const char *data, size_t len)
{
    if (len > 0)
        memcpy(room_for(j, len), data, len);
    j->len += len;
}

/* Returns the end; NULL: the text is no UTF-8. */
static char *put_escaped(char *to, const char *text)
{
    static const char named[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    uint32_t c;
    size_t len;

    for (; *text != '\0'; text += len) {
        const char *name = NULL;

        len = 1;
        if ((unsigned char)*text >= 0x80 && (len = nhi_text_next(text, &c)) == 0)
            return NULL;
        if (len == 1)
            name = strchr(named, *text);
        if (name != NULL) {
            *to++ = '\\';
            *to++ = letters[name - named];
        } else if (len == 1 && (unsigned char)*text < 0x20) {
            to += snprintf(to, ESCAPED_MAX + 1, "\\u%04X", (unsigned)*text);
        } else {
            memcpy(to, text, len);
            to += len;
        }
    }
    return to;
}

void out_json_text(struct out_json *j, const char *text)
{
    char *at, *end;

    if (text == NULL) {
        out_json_add(j, "null", 4);
        return;
    }
    at = room_for(j, ESCAPED_MAX * strlen(text) + 3);
    *at = '"';
    end = put_escaped(at + 1, text);
    if (end == NULL)
        end = stpcpy(at + 1, "?");
    *end = '"';
    j->len = (size_t)(end + 1 - j->data);
}

void out_json_number(struct out_json *j, int64_t n)
{
    char text[24] = "";

    snprintf(text, sizeof(text), "%lld", (long long)n);
    out_json_add(j, text, strlen(text));
}

void out_json_next(struct out_json *j)
{
    if (j->len > 0)
        out_json_add(j, ",", 1);
}

void out_json_key(struct out_json *j, const char *key)
{
    size_t len = strlen(key);
    char *at = room_for(j, len + 4), *to = at;

    if (j->len > 0)
        *to++ = ',';
    *to++ = '"';
    memcpy(to, key, len);
    to += len;
    *to++ = '"';
    *to++ = ':';
    j->len += (size_t)(to - at);
}

static char *put_unit(char *to, uint32_t unit)
{
    return to + snprintf(to, ESCAPED_MAX + 1, "\\u%04X", (unsigned)(unit & 0xffff));
}

/* Other characters than those of ASCII are in strings only. */
char *out_json_ascii(const struct out_json *j)
{
    char *text = out_must(malloc(ESCAPED_MAX * j->len + 4)), *to = text;
    uint32_t c;

    *to++ = '{';
    for (size_t i = 0, len; i < j->len; i += len) {
        len = 1;
        if ((unsigned char)j->data[i] >= 0x80)
            len = nhi_text_next(j->data + i, &c);
        if (len <= 1) {
            *to++ = j->data[i];
            len = 1;
        } else if (c >= 0x10000) {
            to = put_unit(put_unit(to, 0xd800 + ((c - 0x10000) >> 10)), 0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            to = put_unit(to, c);
        }
    }
    *to++ = '}';
    *to = '\0';
    return text;
}

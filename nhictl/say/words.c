/* SPDX-License-Identifier: ISC */
#include "nhictl/say/words.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Moves one word to its place without its quotes, which is never behind where it was read. */
static bool take_word(char **from, char **to)
{
    char quote = '\0', *in = *from, *out = *to;

    for (; *in != '\0' && (quote != '\0' || !is_blank(*in)); in++) {
        if (*in == quote) {
            quote = '\0';
        } else if (quote == '\0' && (*in == '\'' || *in == '"')) {
            quote = *in;
        } else {
            if (*in == '\\' && quote != '\'' && in[1] != '\0')
                in++;
            *out++ = *in;
        }
    }
    *from = in;
    *to = out;
    return quote == '\0';
}

bool words_split(char *line, char **words, size_t from, size_t room, size_t *count)
{
    char *in = line, *out = line;
    size_t n = from;
    bool more;

    for (;;) {
        while (is_blank(*in))
            in++;
        if (*in == '\0')
            break;
        if (n + 1 >= room)
            return false;
        words[n++] = out;
        if (!take_word(&in, &out))
            return false;
        more = *in != '\0';
        *out++ = '\0';
        if (!more)
            break;
        in++;
    }
    words[n] = NULL;
    *count = n;
    return true;
}

/* SPDX-License-Identifier: ISC */
#include "nhictl/say/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nhictl/say/out.h"

char *shell_quote(const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "@%+=:,./_-";
    char *out, *to;

    if (word[0] != '\0' && word[strspn(word, plain)] == '\0')
        return out_must(strdup(word));
    out = to = out_must(malloc(4 * strlen(word) + 3));
    *to++ = '\'';
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            to += sprintf(to, "'\\'");
        *to++ = *word;
    }
    *to++ = '\'';
    *to = '\0';
    return out;
}

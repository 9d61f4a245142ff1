/* SPDX-License-Identifier: ISC */
#include "libnhi/ticket/sshopt.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/base/names.h"

static const struct {
    const char *word;
    uint32_t bits;
} words[] = {
    { "restrict", NHI_SSHOPT_ALL }, { "no-pty", 1 }, { "no-port-forwarding", 2 }, { "no-agent-forwarding", 4 },
    { "no-X11-forwarding", 8 },
};

uint32_t nhi_sshopt_parse(const char *word)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].bits;
    return 0;
}

void nhi_sshopt_format(uint32_t options, char between, char *out)
{
    size_t have = 0;

    out[0] = '\0';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if ((options & words[i].bits) == words[i].bits) {
            have += (size_t)snprintf(out + have, NHI_SSHOPT_TEXT_MAX + 1 - have, "%.1s%s", have > 0 ? &between : "",
                                     words[i].word);
            options &= ~words[i].bits;
        }
}

bool nhi_sshopt_parse_list(const char *list, uint32_t *options)
{
    char word[NHI_LIST_MAX + 1], again[NHI_SSHOPT_TEXT_MAX + 1];
    const char *at = list;
    uint32_t all = 0;

    while ((at = nhi_list_next(at, word)) != NULL)
        all |= nhi_sshopt_parse(word);
    nhi_sshopt_format(all, ' ', again);
    if (all == 0 || strcmp(list, again) != 0)
        return false;
    *options = all;
    return true;
}

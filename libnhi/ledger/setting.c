/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/setting.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/ledger/ledger.h"

const struct nhi_setting nhi_setting_table[] = {
#define ROW(kind, member, key, max, unwritten, no, yes) \
    { key, NHI_SETTING_##kind, offsetof(struct nhi_settings, member), max, unwritten, { no, yes, NULL } },
    NHI_SETTINGS(ROW)
#undef ROW
        { NULL, NHI_SETTING_SPAN, 0, 0, 0, { NULL } },
};

int64_t nhi_setting_get(const struct nhi_settings *s, const struct nhi_setting *one)
{
    const char *at = (const char *)s + one->at;
    int64_t n;

    if (one->kind == NHI_SETTING_FLAG)
        return *(const bool *)at;
    memcpy(&n, at, sizeof(n));
    return n;
}

void nhi_setting_put(struct nhi_settings *s, const struct nhi_setting *one, int64_t n)
{
    char *at = (char *)s + one->at;

    if (one->kind == NHI_SETTING_FLAG)
        *(bool *)at = n != 0;
    else
        memcpy(at, &n, sizeof(n));
}

void nhi_settings_unwritten(struct nhi_settings *s)
{
    for (const struct nhi_setting *one = nhi_setting_table; one->key != NULL; one++)
        nhi_setting_put(s, one, one->unwritten);
}

/* All settings together fit into the line (tests/unit/test_setting.c). */
void nhi_setting_line_format(const struct nhi_settings *s, char out[NHI_SETTING_LINE_MAX + 1])
{
    size_t len = 0;

    out[0] = '\0';
    for (const struct nhi_setting *one = nhi_setting_table; one->key != NULL; one++) {
        const char *between = len > 0 ? " " : "";
        int64_t n = nhi_setting_get(s, one);
        int more = 0;

        if (n == one->unwritten)
            continue;
        if (one->kind == NHI_SETTING_FLAG)
            more = snprintf(out + len, NHI_SETTING_LINE_MAX + 1 - len, "%s%s=%s", between, one->key, one->words[n]);
        else
            more = snprintf(out + len, NHI_SETTING_LINE_MAX + 1 - len, "%s%s=%lld", between, one->key, (long long)n);
        if (more > 0 && (size_t)more <= NHI_SETTING_LINE_MAX - len)
            len += (size_t)more;
    }
}

static bool take_number(const char *text, const struct nhi_setting *one, int64_t *out)
{
    int64_t n = 0;

    for (; *text >= '0' && *text <= '9' && n <= (INT64_MAX - 9) / 10; text++)
        n = n * 10 + (*text - '0');
    *out = n;
    return *text == '\0' && n <= one->max && (n > 0 || one->kind == NHI_SETTING_NUMBER);
}

static bool take_value(const char *text, const struct nhi_setting *one, int64_t *out)
{
    if (one->kind != NHI_SETTING_FLAG)
        return take_number(text, one, out);
    *out = strcmp(text, one->words[1]) == 0;
    return *out == 1 || strcmp(text, one->words[0]) == 0;
}

/* Each at most once, in its order, exactly as written by format. A release never skips a setting that it does not
 * know. */
enum nhi_err nhi_setting_line_parse(const char *line, struct nhi_settings *s)
{
    char copy[NHI_SETTING_LINE_MAX + 1], again[NHI_SETTING_LINE_MAX + 1], *save = NULL, *part;
    const struct nhi_setting *one = nhi_setting_table;
    size_t len = strlen(line);

    if (len > NHI_SETTING_LINE_MAX)
        return NHI_ERR_CORRUPT;
    memcpy(copy, line, len + 1);
    nhi_settings_unwritten(s);
    for (part = strtok_r(copy, " ", &save); part != NULL; part = strtok_r(NULL, " ", &save), one++) {
        char *value = strchr(part, '=');
        int64_t n;

        if (value == NULL)
            return NHI_ERR_CORRUPT;
        *value++ = '\0';
        while (one->key != NULL && strcmp(one->key, part) != 0)
            one++;
        if (one->key == NULL || !take_value(value, one, &n))
            return NHI_ERR_CORRUPT;
        nhi_setting_put(s, one, n);
    }
    nhi_setting_line_format(s, again);
    return strcmp(again, line) == 0 ? NHI_OK : NHI_ERR_CORRUPT;
}

/* SPDX-License-Identifier: ISC */
#include "libnhi/base/names.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

/* ASCII sets, spelled out: the ctype functions would ask the host's locale. */
static bool matches(const char *s, size_t max, const char *first, const char *rest)
{
    size_t len;

    if (s == NULL)
        return false;
    len = strnlen(s, max + 1);
    if (len == 0 || len > max)
        return false;
    return strchr(first, s[0]) != NULL && strspn(s + 1, rest) == len - 1;
}

/* Every look-up of any user's name comes here, and strspn makes a table of its set each time. 2: also the first. */
bool nhi_name_is_agent(const char *s)
{
    static const unsigned char set[UCHAR_MAX + 1] = {
        ['a'] = 2, ['b'] = 2, ['c'] = 2, ['d'] = 2, ['e'] = 2, ['f'] = 2, ['g'] = 2, ['h'] = 2, ['i'] = 2, ['j'] = 2,
        ['k'] = 2, ['l'] = 2, ['m'] = 2, ['n'] = 2, ['o'] = 2, ['p'] = 2, ['q'] = 2, ['r'] = 2, ['s'] = 2, ['t'] = 2,
        ['u'] = 2, ['v'] = 2, ['w'] = 2, ['x'] = 2, ['y'] = 2, ['z'] = 2, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1,
        ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1, ['_'] = 1, ['-'] = 1,
    };
    const unsigned char *at = (const unsigned char *)s;
    size_t len = 1;

    if (s == NULL || set[at[0]] != 2)
        return false;
    while (len <= NHI_AGENT_MAX && set[at[len]] != 0)
        len++;
    return len <= NHI_AGENT_MAX && at[len] == '\0';
}

bool nhi_name_is_account(const char *s)
{
    return matches(s, NHI_ACCOUNT_MAX, LOWER UPPER "_", LOWER UPPER DIGIT "._-");
}

bool nhi_name_is_service(const char *s)
{
    return matches(s, NHI_SERVICE_MAX, LOWER UPPER DIGIT, LOWER UPPER DIGIT "._@-");
}

bool nhi_name_is_kid(const char *s)
{
    return matches(s, NHI_KID_MAX, LOWER DIGIT, LOWER DIGIT "._-");
}

bool nhi_name_is_jti(const char *s)
{
    const char *set = LOWER UPPER DIGIT "_-";

    /* 22 characters carry 132 bits: the last one may set only its upper two. */
    return matches(s, NHI_JTI_LEN, set, set) && strlen(s) == NHI_JTI_LEN && strchr("AQgw", s[NHI_JTI_LEN - 1]) != NULL;
}

bool nhi_name_is_host(const char *s)
{
    const char *label = s, *dot;

    if (!matches(s, NHI_HOST_MAX, LOWER DIGIT, LOWER DIGIT ".-"))
        return false;
    do {
        size_t len;

        dot = strchr(label, '.');
        len = dot != NULL ? (size_t)(dot - label) : strlen(label);
        if (len == 0 || len > 63 || label[0] == '-' || label[len - 1] == '-')
            return false;
        label += len + 1;
    } while (dot != NULL);
    return true;
}

bool nhi_name_is_task(const char *s)
{
    size_t i;

    if (s == NULL)
        return false;
    for (i = 0; s[i] != '\0'; i++)
        if (i >= NHI_TASK_MAX || s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\')
            return false;
    return i > 0;
}

/* Decodes one UTF-8 character. Returns its length, or 0 if it is invalid (overlong forms and surrogates included). */
static size_t utf8_next(const unsigned char *s, uint32_t *cp)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len;
    uint32_t c;

    if (s[0] < 0x80) {
        *cp = s[0];
        return 1;
    }
    len = (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (len == 0)
        return 0;
    c = s[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *cp = c;
    return len;
}

size_t nhi_text_next(const char *s, uint32_t *cp)
{
    size_t len = utf8_next((const unsigned char *)s, cp);

    if (len == 0)
        *cp = (unsigned char)*s;
    return len;
}

bool nhi_text_is_plain(uint32_t c)
{
    return c >= 0x20 && (c < 0x7f || c >= 0xa0) && !(c >= 0x200e && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
           !(c >= 0x2066 && c <= 0x2069) && c != 0x061c && c != 0xfeff;
}

bool nhi_name_is_text(const char *s, size_t max)
{
    uint32_t c;
    size_t len;

    if (s == NULL || s[0] == '\0' || strnlen(s, max + 1) > max)
        return false;
    for (; *s != '\0'; s += len) {
        len = 1;
        if (*s >= 0x20 && *s < 0x7f)
            continue; /* nearly all */
        len = nhi_text_next(s, &c);
        if (len == 0 || !nhi_text_is_plain(c))
            return false;
    }
    return true;
}

static bool is_blank(uint32_t c)
{
    return c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f ||
           c == 0x3000 || c == 0x2800;
}

/* Unicode's Default_Ignorable_Code_Point, without the characters that nhi_text_is_plain refuses. */
static bool is_invisible(uint32_t c)
{
    return c == 0xad || c == 0x34f || (c >= 0x115f && c <= 0x1160) || (c >= 0x17b4 && c <= 0x17b5) ||
           (c >= 0x180b && c <= 0x180f) || (c >= 0x200b && c <= 0x200d) || (c >= 0x2060 && c <= 0x206f) ||
           c == 0x3164 || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xffa0 || (c >= 0xfff0 && c <= 0xfff8) ||
           (c >= 0x1bca0 && c <= 0x1bca3) || (c >= 0x1d173 && c <= 0x1d17a) || (c >= 0xe0000 && c <= 0xe0fff);
}

bool nhi_name_is_owner(const char *s)
{
    uint32_t c;

    if (!nhi_name_is_text(s, NHI_OWNER_MAX) || s[0] == ' ' || s[strlen(s) - 1] == ' ')
        return false;
    for (; *s != '\0'; s += nhi_text_next(s, &c))
        if (nhi_text_next(s, &c) == 0 || is_invisible(c) || (c != ' ' && is_blank(c)))
            return false;
    return true;
}

const char *nhi_list_next(const char *at, char *word)
{
    size_t len;

    if (at == NULL || *at == '\0')
        return NULL;
    len = (size_t)(strchrnul(at, ' ') - at);
    if (len == 0 || len > NHI_LIST_MAX)
        return NULL;
    memcpy(word, at, len);
    word[len] = '\0';
    at += len;
    return *at == ' ' ? at + 1 : at;
}

bool nhi_list_is_valid(const char *list, bool (*word_ok)(const char *))
{
    char word[NHI_LIST_MAX + 1];
    const char *at = list, *next;
    size_t len;

    if (list == NULL)
        return false;
    len = strnlen(list, NHI_LIST_MAX + 1);
    if (len == 0 || len > NHI_LIST_MAX || list[len - 1] == ' ')
        return false;
    while ((next = nhi_list_next(at, word)) != NULL) {
        if (!word_ok(word) || nhi_list_has(next, word))
            return false;
        at = next;
    }
    return *at == '\0';
}

bool nhi_list_has(const char *list, const char *word)
{
    size_t n;

    if (list == NULL || word == NULL || word[0] == '\0')
        return false;
    for (size_t len = strlen(word); *list != '\0' && *list != ' '; list += n + (list[n] == ' ')) {
        n = (size_t)(strchrnul(list, ' ') - list);
        if (n == len && memcmp(list, word, len) == 0)
            return true;
    }
    return false;
}

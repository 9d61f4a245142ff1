/* SPDX-License-Identifier: ISC */
#include "hostcfg/host_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostcfg/wiring.h"
#include "nhictl/say/out.h"

#define BLANKS " \t"
/* How our marks are recognised, whatever text follows. */
#define BEGIN "# nhi: begin"
#define END "# nhi: end"

static FILE *begin(char **to, size_t *len)
{
    *to = NULL;
    return out_must(open_memstream(to, len));
}

static char *end(FILE *f, char **to)
{
    if (fclose(f) != 0)
        out_must(NULL);
    return out_must(*to);
}

/* The length of a line, with its line feed. */
static size_t line_len(const char *line)
{
    size_t len = strcspn(line, "\n");

    return len + (line[len] == '\n');
}

static bool starts(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

/* ---- our marks ---- */

char *setup_text_strip(const char *text)
{
    bool ours = false;
    char *clean;
    size_t len;
    FILE *f = begin(&clean, &len);

    for (const char *line = text; *line != '\0'; line += line_len(line)) {
        if (starts(line, BEGIN))
            ours = true;
        if (!ours)
            fwrite(line, 1, line_len(line), f);
        if (ours && starts(line, END))
            ours = false;
    }
    end(f, &clean);
    if (!ours)
        return clean;
    free(clean);
    return NULL;
}

char *setup_text_above(const char *lines, const char *text)
{
    char *all;

    if (asprintf(&all, WIRING_BEGIN "\n%s" WIRING_END "\n%s", lines, text) < 0)
        all = NULL;
    return out_must(all);
}

char *setup_text_replace(const char *text, const char *from, const char *to)
{
    const char *at;
    char *all;
    size_t len;
    FILE *f = begin(&all, &len);

    for (; (at = strstr(text, from)) != NULL; text = at + strlen(from)) {
        fwrite(text, 1, (size_t)(at - text), f);
        fputs(to, f);
    }
    fputs(text, f);
    return end(f, &all);
}

/* ---- nsswitch.conf ---- */

/* Where the text of a database's line begins, or NULL. */
static const char *find_database(const char *text, const char *database)
{
    for (const char *line = text; *line != '\0'; line += line_len(line)) {
        const char *word = line + strspn(line, BLANKS);

        if (starts(word, database) && word[strlen(database)] == ':')
            return word + strlen(database) + 1;
    }
    return NULL;
}

/* The last word between from and to: a source, or an action in brackets. NULL: no word. */
static const char *next_word(const char *from, const char *to, size_t *len)
{
    from += strspn(from, BLANKS);
    if (from >= to)
        return NULL;
    if (*from == '[') {
        const char *close = memchr(from, ']', (size_t)(to - from));

        *len = close != NULL ? (size_t)(close - from) + 1 : (size_t)(to - from);
    } else {
        *len = strcspn(from, BLANKS "\n[#");
    }
    return from;
}

/* The end of a line's text, before a comment and blanks. */
static const char *line_end(const char *from)
{
    const char *to = from + strcspn(from, "#\n");

    while (to > from && strchr(BLANKS, to[-1]) != NULL)
        to--;
    return to;
}

static bool is_word(const char *word, size_t len, const char *name)
{
    return len == strlen(name) && memcmp(word, name, len) == 0;
}

static const char *find_source(const char *from, const char *name, size_t *len)
{
    const char *to = line_end(from), *word;

    for (word = next_word(from, to, len); word != NULL && !is_word(word, *len, name);)
        word = next_word(word + *len, to, len);
    return word;
}

/* The place for our source: after libc's own files, but never between them and the action on their answer. */
static const char *place_of_ours(const char *from)
{
    const char *to = line_end(from), *word;
    size_t len, next;

    word = find_source(from, "files", &len);
    if (word == NULL)
        word = find_source(from, "compat", &len);
    if (word == NULL)
        return to;
    from = next_word(word + len, to, &next);
    return from != NULL && *from == '[' ? to : word + len;
}

/* Returns text, which it takes ownership of, with our source in the line of a database, if that line exists. */
static char *add_source(char *text, const char *database)
{
    const char *from = find_database(text, database), *at;
    size_t len;
    char *next;

    if (from == NULL || find_source(from, WIRING_NSS_SOURCE, &len) != NULL)
        return text;
    at = place_of_ours(from);
    if (asprintf(&next, "%.*s " WIRING_NSS_SOURCE "%s", (int)(at - text), text, at) < 0)
        next = NULL;
    free(text);
    return out_must(next);
}

char *setup_text_nss(const char *text, const char **missing)
{
    char *now = out_must(strdup(text));

    for (size_t i = 0; wiring_nss_databases[i] != NULL; i++) {
        if (find_database(now, wiring_nss_databases[i]) == NULL) {
            *missing = wiring_nss_databases[i];
            free(now);
            return NULL;
        }
        now = add_source(now, wiring_nss_databases[i]);
    }
    return add_source(now, WIRING_NSS_INITGROUPS);
}

/* Removes our source from the line of a database, in place. */
static void drop_source(char *text, const char *database)
{
    const char *from = find_database(text, database), *source, *after, *next;
    size_t len, more;
    char *at;

    source = from != NULL ? find_source(from, WIRING_NSS_SOURCE, &len) : NULL;
    if (source == NULL)
        return;
    at = text + (source - text);
    after = at + len;
    /* Also removes the action on our answer, which would else apply to the source before. */
    next = next_word(after, line_end(from), &more);
    if (next != NULL && *next == '[')
        after = next + more;
    if (strchr(BLANKS, at[-1]) != NULL)
        at--;
    memmove(at, after, strlen(after) + 1);
}

char *setup_text_nss_strip(const char *text)
{
    char *now = out_must(strdup(text));

    for (size_t i = 0; wiring_nss_databases[i] != NULL; i++)
        drop_source(now, wiring_nss_databases[i]);
    drop_source(now, WIRING_NSS_INITGROUPS);
    return now;
}

char *setup_text_nss_line(const char *text, const char *database)
{
    const char *from = find_database(text, database);

    return from != NULL ? out_must(strndup(from, (size_t)(line_end(from) - from))) : NULL;
}

/* ---- which programs read drop-ins ---- */

bool setup_text_sshd_includes(const char *text)
{
    for (const char *line = text; *line != '\0'; line += line_len(line)) {
        const char *word = line + strspn(line, BLANKS);

        if (*word == '#' || *word == '\n' || *word == '\0')
            continue;
        if (strncasecmp(word, "Include", 7) != 0)
            return false;
        word += 7 + strspn(word + 7, BLANKS "=\"");
        return starts(word, WIRING_SSHD_DIR "/*.conf") || starts(word, "sshd_config.d/*.conf");
    }
    return false;
}

/* Whether an Include names files other than the drop-ins. */
static bool includes_others(const char *at)
{
    static const char between[] = BLANKS "=\"\r";

    for (at += strspn(at, between); *at != '\0' && *at != '\n' && *at != '#'; at += strspn(at, between)) {
        if (!starts(at, WIRING_SSHD_DIR "/") && !starts(at, "sshd_config.d/"))
            return true;
        at += strcspn(at, BLANKS "\"\r\n");
    }
    return false;
}

bool setup_text_sshd_refuses_passwords(const char *text)
{
    static const char keyword[] = "PasswordAuthentication", include[] = "Include";

    for (const char *line = text; *line != '\0'; line += line_len(line)) {
        const char *word = line + strspn(line, BLANKS);

        if (strncasecmp(word, include, strlen(include)) == 0 && includes_others(word + strlen(include)))
            return true;
        if (strncasecmp(word, keyword, strlen(keyword)) != 0)
            continue;
        word += strlen(keyword);
        if (strncasecmp(word + strspn(word, BLANKS "=\""), "no", 2) == 0)
            return true;
    }
    return false;
}

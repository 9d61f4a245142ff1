/* SPDX-License-Identifier: ISC */
/*
 * MUST: give libconfig no text in which a comment or a string does not end, that includes other files or has a NUL.
 *
 * libconfig takes a comment or string without an end for the end of the file, and ignores the rest. For brackets it
 * reports the line where it gave up, and not the one where they were opened. The scan for comments and strings finds
 * that line, too.
 */
#include "conf/conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/base/time.h"

enum nhi_err nhi_conf_bad(struct nhi_conf_error *error, unsigned line, const char *fmt, ...)
{
    va_list ap;

    error->line = line;
    va_start(ap, fmt);
    vsnprintf(error->text, sizeof(error->text), fmt, ap);
    va_end(ap);
    return NHI_ERR_FORMAT;
}

/* The end of the comment or string that starts at p, or p itself. NULL: it does not end. */
static const char *skip(const char *p, unsigned *line)
{
    const char *start = p;

    if (*p == '"') {
        for (p++; *p != '\0' && *p != '"'; p++) {
            if (*p == '\\' && p[1] != '\0')
                p++;
            if (*p == '\n')
                (*line)++;
        }
        return *p == '"' ? p + 1 : NULL;
    }
    if (*p == '#' || (p[0] == '/' && p[1] == '/'))
        return p + strcspn(p, "\n");
    if (p[0] == '/' && p[1] == '*') {
        p = strstr(p + 2, "*/");
        if (p == NULL)
            return NULL;
        for (const char *q = start; q < p; q++)
            if (*q == '\n')
                (*line)++;
        return p + 2;
    }
    return p;
}

static unsigned line_of(const char *text, const char *at)
{
    unsigned line = 1;

    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

/* What is open at the present position. */
struct open {
    char closes[NHI_CONF_DEPTH_MAX];
    unsigned line[NHI_CONF_DEPTH_MAX];
    unsigned depth;
};

static enum nhi_err take_bracket(struct open *o, char c, unsigned line, struct nhi_conf_error *error)
{
    static const char opens[] = "([{", closes[] = ")]}";
    const char *opened = strchr(opens, c);

    if (opened != NULL && o->depth == NHI_CONF_DEPTH_MAX)
        return nhi_conf_bad(error, line, "nested more than %d levels deep", NHI_CONF_DEPTH_MAX);
    if (opened != NULL) {
        o->closes[o->depth] = closes[opened - opens];
        o->line[o->depth++] = line;
        return NHI_OK;
    }
    if (strchr(closes, c) == NULL)
        return NHI_OK;
    if (o->depth == 0)
        return nhi_conf_bad(error, line, "syntax error: nothing is open that '%c' could close", c);
    if (o->closes[--o->depth] != c)
        return nhi_conf_bad(error, line, "syntax error: expected '%c' to match the bracket on line %u, found '%c'",
                            o->closes[o->depth], o->line[o->depth], c);
    return NHI_OK;
}

static enum nhi_err check_brackets(const char *text, struct nhi_conf_error *error)
{
    struct open o = { .depth = 0 };
    enum nhi_err err = NHI_OK;
    unsigned line = 1;

    for (const char *p = text; *p != '\0' && err == NHI_OK;) {
        unsigned start = line;
        const char *next = skip(p, &line);

        if (next == NULL)
            return nhi_conf_bad(error, start, "syntax error: expected %s to end the %s that begins here",
                                *p == '"' ? "a quotation mark" : "*/", *p == '"' ? "text" : "comment");
        if (next != p) {
            p = next;
            continue;
        }
        err = take_bracket(&o, *p, line, error);
        line += *p == '\n';
        p++;
    }
    if (err == NHI_OK && o.depth > 0)
        err = nhi_conf_bad(error, o.line[o.depth - 1], "syntax error: expected '%c' to close the bracket on this line",
                           o.closes[o.depth - 1]);
    return err;
}

static enum nhi_err check_text(const char *text, size_t len, struct nhi_conf_error *error)
{
    const char *include;

    if (strlen(text) != len)
        return nhi_conf_bad(error, line_of(text, text + strlen(text)), "zero byte in the file: expected text");
    /* Refused in comments, too: libconfig looks for it before anything else. */
    include = strstr(text, "@include");
    if (include != NULL)
        return nhi_conf_bad(error, line_of(text, include),
                            "@include is not supported: put every file into this directory");
    return check_brackets(text, error);
}

enum nhi_err nhi_conf_parse(const char *text, size_t len, config_t *out, struct nhi_conf_error *error)
{
    enum nhi_err err;

    memset(error, 0, sizeof(*error));
    config_init(out);
    err = check_text(text, len, error);
    if (err != NHI_OK || config_read_string(out, text) == CONFIG_TRUE)
        return err;
    return nhi_conf_bad(error, (unsigned)config_error_line(out), "%s: expected KEY = VALUE; here or just before",
                        config_error_text(out) != NULL ? config_error_text(out) : "not readable");
}

enum nhi_err nhi_conf_word(const config_setting_t *s, const char *const *words, unsigned *out,
                           struct nhi_conf_error *error)
{
    const char *word = config_setting_get_string(s);
    char expected[120] = "";
    size_t len = 0;

    for (unsigned i = 0; words[i] != NULL; i++) {
        if (word != NULL && strcmp(word, words[i]) == 0) {
            *out = i;
            return NHI_OK;
        }
        len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s\"%s\"",
                                i == 0                 ? ""
                                : words[i + 1] != NULL ? ", "
                                                       : " or ",
                                words[i]);
    }
    return nhi_conf_bad(error, config_setting_source_line(s), "%s: expected %s", config_setting_name(s), expected);
}

enum nhi_err nhi_conf_span(const config_setting_t *s, int64_t *out, struct nhi_conf_error *error)
{
    const char *text = config_setting_get_string(s);

    if (text != NULL && nhi_span_parse(text, out))
        return NHI_OK;
    return nhi_conf_bad(error, config_setting_source_line(s),
                        "%s: expected a time span in quotes, such as \"90s\", \"15m\" or \"1h30m\"",
                        config_setting_name(s));
}

enum nhi_err nhi_conf_count(const config_setting_t *s, uint32_t min, uint32_t max, uint32_t *out,
                            struct nhi_conf_error *error)
{
    long long n = -1;

    if (config_setting_type(s) == CONFIG_TYPE_INT || config_setting_type(s) == CONFIG_TYPE_INT64)
        n = config_setting_get_int64(s);
    if (n < (long long)min || n > (long long)max)
        return nhi_conf_bad(error, config_setting_source_line(s), "%s: expected a number from %u to %u",
                            config_setting_name(s), (unsigned)min, (unsigned)max);
    *out = (uint32_t)n;
    return NHI_OK;
}

enum nhi_err nhi_conf_each(const config_setting_t *s,
                           enum nhi_err (*take)(const char *word, void *to, struct nhi_conf_error *error), void *to,
                           struct nhi_conf_error *error)
{
    unsigned line = config_setting_source_line(s);
    const char *word = config_setting_get_string(s), *key = config_setting_name(s);
    enum nhi_err err = NHI_OK;
    int n;

    error->line = line;
    if (word != NULL)
        return take(word, to, error);
    if (config_setting_type(s) != CONFIG_TYPE_ARRAY)
        return nhi_conf_bad(error, line, "%s: expected text in quotes, or an array of such texts", key);
    n = config_setting_length(s);
    if (n == 0)
        return nhi_conf_bad(error, line, "%s: an empty list matches nobody", key);
    for (int i = 0; i < n && err == NHI_OK; i++) {
        word = config_setting_get_string_elem(s, i);
        if (word == NULL)
            return nhi_conf_bad(error, line, "%s: expected text in quotes, or an array of such texts", key);
        err = take(word, to, error);
    }
    return err;
}

enum nhi_err nhi_conf_only_list(const config_t *parsed, const char *name, const config_setting_t **out,
                                struct nhi_conf_error *error)
{
    const config_setting_t *root = config_root_setting(parsed), *list;
    int n = config_setting_length(root);

    for (int i = 0; i < n; i++) {
        const config_setting_t *s = config_setting_get_elem(root, (unsigned)i);

        if (strcmp(config_setting_name(s), name) != 0)
            return nhi_conf_bad(error, config_setting_source_line(s), "unknown setting '%.40s': expected %s",
                                config_setting_name(s), name);
    }
    list = config_setting_get_member(root, name);
    if (list != NULL && config_setting_type(list) != CONFIG_TYPE_LIST)
        return nhi_conf_bad(error, config_setting_source_line(list), "%s: expected a list: ( {…}, {…} )", name);
    *out = list;
    return NHI_OK;
}

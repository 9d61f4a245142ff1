/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "hostcfg/sshd_conf.h"
#include "hostcfg/wiring.h"
#include "libnhi/base/names.h"
#include "nhictl/say/out.h"

#define DEPTH_MAX 16 /* SERVCONF_MAX_DEPTH of OpenSSH */
#define LINES_MAX 20000

struct reader {
    struct sshd *s;
    int depth;
    bool guarded;
    char *match; /* the one that is open */
};

static void read_file(struct reader *r, const char *path);

/* Splits keyword and value: blanks or an equals sign between them, and the value may be quoted. */
static char *split(char *text)
{
    char *value = text + strcspn(text, " \t=");

    if (*value != '\0')
        *value++ = '\0';
    value += strspn(value, " \t=");
    for (char *p = text; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return value;
}

static char *set(char *old, const char *value)
{
    char *new = value != NULL ? out_must(strdup(value)) : NULL;

    free(old);
    return new;
}

static void add(struct reader *r, const char *keyword, const char *value, const struct location *at)
{
    struct sshd *s = r->s;

    if (s->count == LINES_MAX)
        return;
    s->line = out_grow(s->line, &s->room, s->count + 1, sizeof(*s->line));
    s->line[s->count++] = (struct sshd_line){ .keyword = set(NULL, keyword),
                                              .value = set(NULL, value),
                                              .match = set(NULL, r->match),
                                              .file = set(NULL, at->file),
                                              .text = set(NULL, at->text),
                                              .number = at->line };
}

/* A Match in an included file ends with that file. */
static void include(struct reader *r, char *patterns)
{
    char *pattern, *outer = set(NULL, r->match);

    while (r->depth < DEPTH_MAX && (pattern = file_word(&patterns)) != NULL) {
        glob_t g = { .gl_pathc = 0 };
        char *path;

        pattern += *pattern == '"';
        pattern[strcspn(pattern, "\"")] = '\0';
        path = pattern[0] == '/' ? set(NULL, pattern) : out_say("/etc/ssh/%s", pattern);
        r->depth++;
        if (glob(path, 0, NULL, &g) == 0)
            for (size_t i = 0; i < g.gl_pathc && r->s->count < LINES_MAX; i++) {
                read_file(r, g.gl_pathv[i]);
                r->match = set(r->match, outer);
            }
        r->depth--;
        globfree(&g);
        free(path);
    }
    free(outer);
}

static void read_file(struct reader *r, const char *path)
{
    struct file_text f;
    enum nhi_err err = file_text_read(path, false, &f);

    if (err == NHI_OK && !findings_check_guard(r->s->found, "sshd-config-writable", path, "this configuration of sshd"))
        r->guarded = false;
    for (size_t i = 0; i < f.count; i++) {
        const struct location at = location_of_line(f.path, &f.line[i]);
        char *text = set(NULL, f.line[i].text), *bare = file_bare(text), *value = split(bare);

        if (strcmp(bare, "match") == 0)
            r->match = set(r->match, value);
        if (*bare != '\0')
            add(r, bare, value, &at);
        if (strcmp(bare, "include") == 0)
            include(r, value);
        free(text);
    }
    file_text_free(&f);
}

/* ---- what works ---- */

static void broken(struct findings *found, char *said)
{
    char file[256] = WIRING_SSHD_CONFIG;
    int line = 0;

    said[strcspn(said, "\n")] = '\0';
    if (sscanf(said, "%255[^: ]%*[: ]line %d", file, &line) != 2 || file[0] != '/') {
        snprintf(file, sizeof(file), "%s", WIRING_SSHD_CONFIG);
        line = 0;
    }
    finding_add(found, FINDING_ERROR, "sshd-config-broken", (struct location){ .file = file, .line = line },
                out_say("sshd does not start with its configuration: %s", said),
                out_say("correct or remove it, and check with sshd -t"));
}

/* Without its directory or host keys, sshd prints nothing about its configuration, which may be correct. */
static bool says_nothing(const char *said)
{
    return strstr(said, "privilege separation") != NULL || strstr(said, "no hostkeys") != NULL;
}

static bool ask(struct sshd *s)
{
    char program[] = WIRING_SSHD_PROGRAM, t[] = "-T", c[] = "-C", whom[NHI_ACCOUNT_MAX + 80];
    char *const argv[] = { program, t, s->is_agents ? c : NULL, whom, NULL };
    char *out = NULL, *err = NULL;
    bool good = true;
    int status;

    snprintf(whom, sizeof(whom), "user=%s,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22", s->agent);
    if (file_run(argv, &out, &err, &status) != NHI_OK || status == 127) {
        free(out);
    } else if (status == 0) {
        s->effective = out;
    } else {
        good = says_nothing(err);
        if (!good)
            broken(s->found, err);
        free(out);
    }
    free(err);
    return good;
}

/* Match exec runs a program that may be anybody's, and sshd -T would run it. */
static bool runs_programs(const struct sshd *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->line[i].keyword, "match") == 0 && strcasestr(s->line[i].value, "exec") != NULL)
            return true;
    return false;
}

bool sshd_read(struct findings *found, const char *agent, struct sshd *out)
{
    struct reader r = { .s = out, .guarded = true };

    *out = (struct sshd){ .found = found, .agent = agent, .is_agents = agent[0] != '\0' };
    read_file(&r, WIRING_SSHD_CONFIG);
    free(r.match);
    return r.guarded && (runs_programs(out) || ask(out));
}

void sshd_free(struct sshd *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->line[i].keyword);
        free(s->line[i].value);
        free(s->line[i].match);
        free(s->line[i].file);
        free(s->line[i].text);
    }
    free(s->line);
    free(s->effective);
}

/* ---- asking ---- */

bool sshd_match_is_of(const char *match, const char *group)
{
    char *text = set(NULL, match), *at = text, *kind = file_word(&at), *list = file_word(&at), *save = NULL;
    bool found = false;

    if (kind != NULL && list != NULL && strcasecmp(kind, "group") == 0 && file_word(&at) == NULL)
        for (char *p = strtok_r(list, ",\"", &save); p != NULL && !found; p = strtok_r(NULL, ",\"", &save))
            found = fnmatch(p, group, 0) == 0;
    found = found || (kind != NULL && strcasecmp(kind, "all") == 0);
    free(text);
    return found;
}

static bool counts(const struct sshd_line *l, const char *keyword)
{
    return strcmp(l->keyword, keyword) == 0 && (l->match == NULL || sshd_match_is_of(l->match, "nhi-agents"));
}

/* The value in the line at p of the output of sshd -T, if the line is about this keyword. */
static const char *said(const char *p, const char *keyword, size_t *len)
{
    size_t n = strlen(keyword);

    if (strncasecmp(p, keyword, n) != 0 || p[n] != ' ')
        return NULL;
    *len = strcspn(p + n + 1, "\n");
    return p + n + 1;
}

static const char *next(const char *p)
{
    p += strcspn(p, "\n");
    return *p != '\0' ? p + 1 : p;
}

const struct sshd_line *sshd_find(const struct sshd *s, const char *keyword)
{
    /* Lines under a Match that fits come before the others. */
    for (int under = 1; under >= 0; under--)
        for (size_t i = 0; i < s->count; i++)
            if (counts(&s->line[i], keyword) && (s->line[i].match != NULL) == under)
                return &s->line[i];
    return NULL;
}

char *sshd_said(const char *text, const char *keyword)
{
    const char *value;
    size_t len;

    for (const char *p = text; p != NULL && *p != '\0'; p = next(p))
        if ((value = said(p, keyword, &len)) != NULL)
            return out_must(strndup(value, len));
    return NULL;
}

char *sshd_value(const struct sshd *s, const char *keyword)
{
    /* Without an agent to ask about, only the lines as written show what is under an agent's Match. */
    const struct sshd_line *l = s->is_agents && s->effective != NULL ? NULL : sshd_find(s, keyword);

    return l != NULL ? set(NULL, l->value) : sshd_said(s->effective, keyword);
}

char *sshd_values(const struct sshd *s, const char *keyword)
{
    char *all = set(NULL, ""), *more;
    const char *value;
    size_t len;

    for (const char *p = s->effective; p != NULL && *p != '\0'; p = next(p)) {
        if ((value = said(p, keyword, &len)) == NULL)
            continue;
        more = out_say("%s %.*s", all, (int)len, value);
        free(all);
        all = more;
    }
    return all;
}

struct location sshd_location(const struct sshd_line *l)
{
    return (struct location){ .file = l->file, .line = l->number, .text = l->text };
}

/* SPDX-License-Identifier: ISC */
/*
 * Files of /etc/pam.d: the place of our lines in them. See pam.conf(5) for the format.
 *
 * MUST: with our lines added, every existing line works for people as before.
 */
#include "hostcfg/pam_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostcfg/wiring.h"
#include "nhictl/say/out.h"

#define BLANKS " \t"
#define INCLUDE "@include"
#define WORD_MAX 255

struct pam_line {
    size_t len; /* in the text, with continuation lines and the line feed */
    char type[WORD_MAX + 1], control[WORD_MAX + 1], module[WORD_MAX + 1];
};

/* ---- reading ---- */

/* A backslash at its end continues it in the next line, unless the line has a comment. */
static size_t logical_len(const char *line)
{
    size_t from = 0, len = strcspn(line, "\n");

    while (line[len] == '\n' && len > from && line[len - 1] == '\\' && memchr(line + from, '#', len - from) == NULL) {
        from = len + 1;
        len = from + strcspn(line + from, "\n");
    }
    return len + (line[len] == '\n');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\\';
}

/* A word, or the text in brackets. It is cut if it is longer than any word that libpam knows. */
static const char *take_word(const char *at, const char *to, char word[WORD_MAX + 1])
{
    size_t len = 0, all = 0;
    bool bracket;

    while (at < to && is_blank(*at))
        at++;
    bracket = at < to && *at == '[';
    for (; at + all < to; all++) {
        if (!bracket && (is_blank(at[all]) || at[all] == '#'))
            break;
        if (len < WORD_MAX)
            word[len++] = at[all];
        if (bracket && at[all] == ']') {
            all++;
            break;
        }
    }
    word[len] = '\0';
    return at + all;
}

static void read_line(const char *line, struct pam_line *l)
{
    const char *at, *to;

    *l = (struct pam_line){ .len = logical_len(line) };
    to = line + l->len;
    at = take_word(line, to, l->type);
    if (strcasecmp(l->type, INCLUDE) == 0) {
        take_word(at, to, l->module);
        return;
    }
    /* A dash: the module may be missing. */
    if (l->type[0] == '-')
        memmove(l->type, l->type + 1, strlen(l->type));
    at = take_word(at, to, l->control);
    take_word(at, to, l->module);
}

static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(name, *list) == 0)
            return true;
    return false;
}

static bool includes(const struct pam_line *l)
{
    return strcasecmp(l->type, INCLUDE) == 0 || strcasecmp(l->control, "include") == 0 ||
           strcasecmp(l->control, "substack") == 0;
}

/* ---- the place of our lines ---- */

/* Whether the line can end the phase with success, or jump, so that lines after it are not reached. */
static bool can_pass_over(const struct pam_line *l)
{
    const char *c = l->control;

    if (strcasecmp(c, "sufficient") == 0)
        return true;
    /* The equals sign may have blanks around it. */
    while ((c = strchr(c, '=')) != NULL) {
        c += 1 + strspn(c + 1, BLANKS);
        if ((*c >= '0' && *c <= '9') || strncasecmp(c, "done", 4) == 0)
            return true;
    }
    return false;
}

static bool jumps(const struct pam_line *l)
{
    return can_pass_over(l) && strcasecmp(l->control, "sufficient") != 0;
}

/* Which phases a common file of Debian concerns; any other file may concern all of them. */
static bool is_about(const char *file, enum wiring_phase phase)
{
    if (strncmp(file, "common-", 7) != 0)
        return true;
    return strncmp(file + 7, wiring_pam[phase].type, strlen(wiring_pam[phase].type)) == 0;
}

static bool stands_before(const struct pam_line *l, enum wiring_phase phase)
{
    /* These ask for nothing that a ticket could answer. */
    static const char *const quiet[] = { "pam_rootok.so",    "pam_env.so",       "pam_faildelay.so",
                                         "pam_nologin.so",   "pam_securetty.so", "pam_succeed_if.so",
                                         "pam_selinux.so",   "pam_keyinit.so",   "pam_shells.so",
                                         "pam_localuser.so", "pam_listfile.so",  "pam_access.so",
                                         "pam_faillock.so",  "pam_warn.so",      NULL };
    /* These prepare the session that ours registers. */
    static const char *const early[] = { "pam_selinux.so", "pam_loginuid.so", "pam_keyinit.so", NULL };

    if (strcasecmp(l->type, INCLUDE) == 0)
        return is_about(base(l->module), phase);
    if (strcasecmp(l->type, wiring_pam[phase].type) != 0)
        return false;
    if (includes(l))
        return true;
    switch (phase) {
    case WIRING_AUTH:
        return jumps(l) || !is_one_of(base(l->module), quiet);
    case WIRING_ACCOUNT:
        return can_pass_over(l);
    case WIRING_SESSION:
        return can_pass_over(l) || !is_one_of(base(l->module), early);
    case WIRING_PHASES:
        break;
    }
    return false;
}

/* Writes our line as it was if it has options, else with these. */
static void put_ours(FILE *f, const char *was, const char *options, enum wiring_phase phase)
{
    const char *ours = wiring_pam[phase].line, *at;
    size_t len = strlen(ours);

    for (at = strstr(was, ours); at != NULL; at = strstr(at + 1, ours))
        if ((at == was || at[-1] == '\n') && (at[len] == ' ' || at[len] == '\t'))
            break;
    fputs(WIRING_BEGIN "\n", f);
    if (at != NULL)
        fwrite(at, 1, strcspn(at, "\n"), f);
    else
        fprintf(f, "%s%s", ours, options);
    fputs("\n" WIRING_END "\n", f);
}

static FILE *begin(char **to, size_t *len)
{
    *to = NULL;
    return out_must(open_memstream(to, len));
}

static bool includes_sibling(const char *text, const char *const *siblings)
{
    struct pam_line l;

    for (; *text != '\0'; text += l.len) {
        read_line(text, &l);
        if (includes(&l) && is_one_of(base(l.module), siblings))
            return true;
    }
    return false;
}

char *setup_text_pam(const char *clean, const char *was, const char *options, const char *const *siblings,
                     const char **missing)
{
    bool done[WIRING_PHASES] = { false };
    struct pam_line l;
    char *text;
    size_t len;
    FILE *f;

    if (includes_sibling(clean, siblings))
        return out_must(strdup(clean));
    f = begin(&text, &len);
    for (const char *line = clean; *line != '\0'; line += l.len) {
        read_line(line, &l);
        for (enum wiring_phase p = 0; p < WIRING_PHASES; p++)
            if (!done[p] && stands_before(&l, p)) {
                put_ours(f, was, options, p);
                done[p] = true;
            }
        fwrite(line, 1, l.len, f);
    }
    if (fclose(f) != 0)
        out_must(NULL);
    for (enum wiring_phase p = 0; p < WIRING_PHASES; p++)
        if (!done[p]) {
            *missing = wiring_pam[p].type;
            free(text);
            return NULL;
        }
    return out_must(text);
}

bool setup_text_has_module(const char *clean)
{
    struct pam_line l;

    for (; *clean != '\0'; clean += l.len) {
        read_line(clean, &l);
        if (strcmp(base(l.module), WIRING_PAM_MODULE) == 0)
            return true;
    }
    return false;
}

/* ---- for trials ---- */

/* Whether it may run in a trial: it decides by its options, and leaves nothing behind. */
static bool is_tame(const struct pam_line *l)
{
    static const char *const tame[] = {
        WIRING_PAM_MODULE,  "pam_deny.so", "pam_permit.so", "pam_rootok.so", "pam_succeed_if.so",
        "pam_localuser.so", NULL
    };

    if (strcasecmp(l->type, "account") == 0)
        return strcmp(base(l->module), "pam_faillock.so") != 0 && strcmp(base(l->module), "pam_exec.so") != 0;
    return is_one_of(base(l->module), tame);
}

/* libpam looks for included files only in /etc/pam.d, wherever the first file is. */
static void put_include(FILE *f, const struct pam_line *l, const char *dir)
{
    fprintf(f, "%s %s %s/%s\n", l->type, l->control, dir, base(l->module));
}

char *setup_text_pam_tame(const char *text, const char *dir)
{
    struct pam_line l;
    char *tame;
    size_t len;
    FILE *f = begin(&tame, &len);

    for (; *text != '\0'; text += l.len) {
        read_line(text, &l);
        if (includes(&l))
            put_include(f, &l, dir);
        else if (l.type[0] == '\0' || is_tame(&l))
            fwrite(text, 1, l.len, f);
        else
            fprintf(f, "%s %s pam_permit.so\n", l.type, l.control);
    }
    if (fclose(f) != 0)
        out_must(NULL);
    return out_must(tame);
}

void setup_text_pam_includes(const char *text, void (*one)(const char *name, void *ctx), void *ctx)
{
    struct pam_line l;

    for (; *text != '\0'; text += l.len) {
        read_line(text, &l);
        if (includes(&l) && l.module[0] != '\0')
            one(l.module, ctx);
    }
}

/* SPDX-License-Identifier: ISC */
/*
 * complete: what a shell may offer next. Everything comes from the tables of verbs and options, so that a new verb can
 * be completed as soon as it exists.
 *
 * MUST: print no errors, and change nothing.
 */
#include "nhictl/main/complete.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/base/names.h"
#include "nhictl/main/complete_names.h"
#include "nhictl/say/ctl.h"
#include "nhictl/store/store.h"

#define HELP_MAX 100

/* ---- what a word in the help means ---- */

static enum candidate_kind kind_of(const char *word, size_t len)
{
    static const struct {
        const char *word;
        enum candidate_kind kind;
    } words[] = { { "OWNER", KIND_OWNER },     { "ID", KIND_TASK },
                  { "TASK", KIND_ANY_TASK },   { "JTI", KIND_TICKET },
                  { "KID", KIND_KEY },         { "SESSION", KIND_SESSION },
                  { "GROUP", KIND_GROUP },     { "ACCOUNT", KIND_ACCOUNT },
                  { "FILE", KIND_FILE },       { "FILE|-", KIND_FILE },
                  { "FILE.pub", KIND_FILE },   { "PATH", KIND_FILE },
                  { "DIR", KIND_DIRECTORY },   { "DIRECTORY", KIND_DIRECTORY },
                  { "PROGRAM", KIND_PROGRAM }, { "COMMAND", KIND_COMMAND } };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i].word) == len && strncmp(words[i].word, word, len) == 0)
            return words[i].kind;
    return KIND_NONE;
}

static enum candidate_kind value_of(const struct opt *o)
{
    if (o->ok == nhi_name_is_agent)
        return KIND_AGENT;
    if (o->ok == nhi_name_is_account)
        return KIND_ACCOUNT;
    if (o->ok == nhi_name_is_service)
        return KIND_SERVICE;
    return o->arg != NULL ? kind_of(o->arg, strcspn(o->arg, "[")) : KIND_NONE;
}

static bool is_agent_name(const struct verb *v, const char *word, size_t len)
{
    return v->noun != NULL && strcmp(v->noun, "agent") == 0 && len == 4 && strncmp(word, "NAME", 4) == 0;
}

/* The first word of the synopsis that does not belong to an option. New names cannot be guessed. */
static enum candidate_kind operand_of(const struct verb *v)
{
    const char *at = v->synopsis;
    bool of_option = false;

    if (strcmp(v->verb, "add") == 0 || strcmp(v->verb, "open") == 0)
        return KIND_NONE;
    while (*(at += strspn(at, " []|.")) != '\0') {
        size_t len = strcspn(at, " ]");

        if (!of_option && at[0] >= 'A' && at[0] <= 'Z')
            return is_agent_name(v, at, len) ? KIND_AGENT : kind_of(at, len);
        of_option = len > 2 && at[0] == '-';
        at += len;
    }
    return KIND_NONE;
}

/* ---- words ---- */

void candidate(struct candidates *to, const char *word, const char *help)
{
    struct out_row *r;

    if (strncmp(word, to->beginning, strlen(to->beginning)) != 0)
        return;
    to->count++;
    if (!to->c->json) {
        out_line(to->c->out, "%s%s", to->before, word);
        out_line(to->c->out, "%.*s", HELP_MAX, help != NULL ? help : "");
        return;
    }
    r = out_row_new(to->c->out);
    out_text(r, "word", NULL, word);
    out_text(r, "help", NULL, help);
    out_table_row(to->c->out, r);
}

/* A noun is explained by its verbs. */
static void add_noun(struct candidates *to, const char *noun)
{
    const struct verb *const *tables = to->c->verbs;
    char help[HELP_MAX] = "";
    size_t len = 0;

    for (size_t t = 0; tables[t] != NULL; t++)
        for (const struct verb *v = tables[t]; v->verb != NULL && len < sizeof(help); v++)
            if (v->noun != NULL && strcmp(v->noun, noun) == 0)
                len += (size_t)snprintf(help + len, sizeof(help) - len, "%s%s", len > 0 ? ", " : "", v->verb);
    candidate(to, noun, help);
}

/* Verbs without a noun and nouns, or the verbs of a noun. */
static void add_verbs(struct candidates *to, const char *noun)
{
    const struct verb *const *tables = to->c->verbs;
    const char *last = "";

    for (size_t t = 0; tables[t] != NULL; t++)
        for (const struct verb *v = tables[t]; v->verb != NULL; v++) {
            const char *of = v->noun != NULL ? v->noun : "";

            if (noun != NULL ? strcmp(of, noun) == 0 : *of == '\0')
                candidate(to, v->verb, v->summary);
            else if (noun == NULL && strcmp(last, of) != 0)
                add_noun(to, of);
            last = of;
        }
}

/* ---- the command line so far ---- */

struct line {
    const struct verb *v;
    char **word; /* the last word is the one to complete */
    size_t count;
    bool given[64]; /* whether the option at that index of the table was given */
    size_t operands;
    const struct opt *pending; /* the next word is its value */
    bool command;              /* there was a "--" */
    size_t behind;             /* words after "--" */
};

static const struct opt *option_of(const struct verb *v, const char *word, size_t *at)
{
    size_t len = strcspn(word, "=");

    for (*at = 0; strncmp(word, "--", 2) == 0 && v->opts != NULL && v->opts[*at].name != NULL; ++*at)
        if (strlen(v->opts[*at].name) == len - 2 && strncmp(v->opts[*at].name, word + 2, len - 2) == 0)
            return &v->opts[*at];
    return NULL;
}

static void read_word(struct line *l, const char *word)
{
    const struct opt *o;
    size_t at;

    if (l->pending != NULL) {
        l->pending = NULL;
    } else if (strcmp(word, "--") == 0) {
        l->command = true;
    } else if (l->command) {
        l->behind++;
    } else if (word[0] != '-' || word[1] == '\0') {
        l->operands++;
    } else if ((o = option_of(l->v, word, &at)) != NULL) {
        if (at < sizeof(l->given))
            l->given[at] = true;
        if (o->kind != OPT_FLAG && strchr(word, '=') == NULL)
            l->pending = o;
    }
}

static bool is_repeatable(const struct opt *o)
{
    return o->kind == OPT_LIST || o->kind == OPT_BOUND || o->kind == OPT_PATHS;
}

static void add_options(struct candidates *to, const struct line *l)
{
    char word[64];

    for (size_t i = 0; l->v->opts != NULL && l->v->opts[i].name != NULL; i++) {
        snprintf(word, sizeof(word), "--%s", l->v->opts[i].name);
        if (!l->given[i < sizeof(l->given) ? i : 0] || is_repeatable(&l->v->opts[i]))
            candidate(to, word, l->v->opts[i].help);
    }
    candidate(to, "--json", "answer with one JSON object");
    candidate(to, "--help", "show what the command does, with an example and its page");
    if (l->v->operand_max == COMMAND_OPERANDS)
        candidate(to, "--", "the command");
}

/* typed: the part of the value that exists; offset: of the value in the word. */
static enum candidate_kind add_value(struct candidates *to, const struct opt *o, const char *typed, size_t offset)
{
    const char *comma = is_repeatable(o) ? strrchr(typed, ',') : NULL;
    size_t keep = offset + (comma != NULL ? (size_t)(comma + 1 - typed) : 0);

    snprintf(to->before, sizeof(to->before), "%.*s", (int)keep, typed - offset);
    to->beginning = comma != NULL ? comma + 1 : typed;
    candidates_of(to, value_of(o));
    return value_of(o);
}

/* Returns what the shell has to add itself. */
static enum candidate_kind complete_verb(struct candidates *to, struct line *l)
{
    const char *last = l->word[l->count - 1], *equals = strchr(last, '=');
    const struct opt *o;
    enum candidate_kind kind;
    size_t at;

    for (size_t i = 0; i + 1 < l->count; i++)
        read_word(l, l->word[i]);
    if (l->pending != NULL)
        return add_value(to, l->pending, last, 0);
    if (l->command)
        return l->v->operand_max != COMMAND_OPERANDS || l->behind > 0 ? KIND_FILE : KIND_COMMAND;
    o = option_of(l->v, last, &at);
    if (equals != NULL && o != NULL && o->kind != OPT_FLAG)
        return add_value(to, o, equals + 1, (size_t)(equals + 1 - last));
    if (last[0] == '-') {
        add_options(to, l);
        return KIND_NONE;
    }
    kind = operand_of(l->v);
    if (l->v->operand_max == 0 || kind == KIND_COMMAND || (l->operands > 0 && l->v->operand_max != MANY_OPERANDS)) {
        add_options(to, l);
        return KIND_NONE;
    }
    candidates_of(to, kind);
    if (to->count == 0 && last[0] == '\0')
        add_options(to, l);
    return kind;
}

static const struct verb *find(const struct verb *const *tables, char **word, size_t count, size_t *words)
{
    for (size_t t = 0; tables[t] != NULL; t++)
        for (const struct verb *v = tables[t]; v->verb != NULL; v++) {
            *words = v->noun != NULL ? 2 : 1;
            if (count > *words && strcmp(v->verb, word[*words - 1]) == 0 &&
                (v->noun == NULL || strcmp(v->noun, word[0]) == 0))
                return v;
        }
    return NULL;
}

static const char *shells_part(enum candidate_kind kind)
{
    return kind == KIND_FILE        ? "files"
           : kind == KIND_DIRECTORY ? "directories"
           : kind == KIND_COMMAND   ? "command"
                                    : "none";
}

static int complete(struct ctl *c)
{
    struct candidates to = { .c = c };
    struct line l = { .count = 0 };
    enum candidate_kind kind = KIND_NONE;
    struct out_row *r;
    char **word = c->command;
    size_t count = 0, words;
    bool help;

    while (c->command[count] != NULL)
        count++;
    to.beginning = c->command[count - 1];
    out_table(c->out, "words", NULL);
    /* After help, only the words of a command can follow. */
    help = count > 1 && strcmp(word[0], "help") == 0;
    word += help;
    count -= help;
    l.v = help ? NULL : find(c->verbs, word, count, &words);
    if (l.v != NULL) {
        l.word = word + words;
        l.count = count - words;
        kind = complete_verb(&to, &l);
    } else if (count == 1 && to.beginning[0] == '-') {
        candidate(&to, "--help", "list the commands");
        candidate(&to, "--version", "print the version of nhi");
    } else if (count <= 2) {
        add_verbs(&to, count == 2 ? word[0] : NULL);
        if (count == 1 && !help)
            candidate(&to, "help", "show what a command does, and its manual page");
    }
    r = out_row_new(c->out);
    out_text(r, "shell", NULL, shells_part(kind));
    out_record(c->out, NULL, r);
    if (!c->json)
        out_line(c->out, "%s", shells_part(kind));
    return ctl_answer(c);
}

const struct verb complete_verbs[] = {
    { NULL, "complete", complete, NULL, 0, 0, COMMAND_OPERANDS, "-- WORD [WORD...]",
      "Print possible next words, for a shell.",
      "The last WORD is completed, and may be ''. Each candidate has two lines, the word and a\n"
      "description; the last line names what the shell should add: none, files, directories, command.",
      "nhictl complete -- agent sh" },
    { .verb = NULL },
};

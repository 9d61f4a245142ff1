/* SPDX-License-Identifier: ISC */
/*
 * In this order: the words in another order, the word of another tool for it, the spelling.
 *
 * MUST: a verb that ends something is proposed by its help alone, and only to who was one edit away from its name.
 */
#include "nhictl/main/proposal.h"

#include <stdio.h>
#include <string.h>

#include "nhictl/say/ending.h"
#include "nhictl/say/nearest.h"

/* Words of other tools. noun NULL: of any noun that has one of the verbs; "": without a noun. Verbs are tried in order,
 * those without a noun with a / before them. No verb: the help of what was typed before it. */
static const struct synonym {
    const char *noun, *typed;
    const char *verbs[3];
} synonyms[] = {
    { "audit", "log", { "export" } },
    { "audit", "logs", { "export" } },
    { "audit", "tail", { "follow" } },
    { "audit", "-f", { "follow" } },
    { "ticket", "create", { "/issue" } },
    { "ticket", "new", { "/issue" } },
    { "ticket", "verify", { "inspect" } },
    { "ticket", "decode", { "inspect" } },
    { "key", "import", { "add" } },
    { "policy", "show", { "check" } },
    { "policy", "list", { "check" } },
    { "policy", "ls", { "check" } },
    { NULL, "ls", { "list" } },
    { NULL, "all", { "list" } },
    { NULL, "show", { "list", "status" } },
    { NULL, "list", { "status", "show" } },
    { NULL, "get", { "show", "list", "status" } },
    { NULL, "describe", { "show", "list", "status" } },
    { NULL, "info", { "show", "list", "status" } },
    { NULL, "view", { "show", "list", "status" } },
    { NULL, "cat", { "show", "export", "list" } },
    { NULL, "create", { "add", "open" } },
    { NULL, "new", { "add", "open" } },
    { NULL, "make", { "add", "open" } },
    { NULL, "register", { "add", "open" } },
    { NULL, "start", { "open", "add" } },
    { NULL, "begin", { "open", "add" } },
    { NULL, "edit", { "set" } },
    { NULL, "update", { "set" } },
    { NULL, "modify", { "set" } },
    { NULL, "enable", { "resume", "return" } },
    { NULL, "activate", { "resume", "return" } },
    { NULL, "unsuspend", { "resume" } },
    { NULL, "chown", { "transfer" } },
    { NULL, "dump", { "export" } },
    { NULL, "load", { "import" } },
    { NULL, "rm", { NULL } },
    { NULL, "remove", { NULL } },
    { NULL, "delete", { NULL } },
    { NULL, "del", { NULL } },
    { NULL, "destroy", { NULL } },
    { NULL, "drop", { NULL } },
    { NULL, "disable", { NULL } },
    { NULL, "stop", { NULL } },
    { NULL, "cancel", { NULL } },
    { NULL, "finish", { NULL } },
    { NULL, "generate", { NULL } },
    { "", "ls", { "ticket list" } },
    { "", "list", { "ticket list" } },
    { "", "ps", { "session list" } },
    { "", "who", { "session list" } },
    { "", "whoami", { "session list" } },
    { "", "whois", { "agent show" } },
    { "", "show", { "ticket show" } },
    { "", "verify", { "audit verify" } },
    { "", "check", { "doctor" } },
    { "", "log", { "trace" } },
    { "", "logs", { "trace" } },
    { "", "events", { "trace" } },
    { "", "history", { "trace" } },
    { "", "tail", { "audit follow" } },
    { "", "follow", { "audit follow" } },
    { "", "reload", { "apply --dry-run" } },
    { "", "config", { "apply --dry-run" } },
    { "", "exec", { "run" } },
    { "", "unlock", { "lockdown off" } },
    { "", "create", { "issue" } },
    { "", "sign", { "issue" } },
    { "", "completion", { "help complete" } },
    { "", "version", { "--version" } },
};

static const struct verb *find(const struct ctl *c, const char *noun, const char *verb)
{
    for (size_t t = 0; c->verbs[t] != NULL; t++)
        for (const struct verb *v = c->verbs[t]; v->verb != NULL; v++)
            if (strcmp(v->verb, verb) == 0 &&
                (noun == NULL ? v->noun == NULL : v->noun != NULL && strcmp(v->noun, noun) == 0))
                return v;
    return NULL;
}

/* The noun that was typed, alone or with an s: NULL: it is none. */
static const char *noun_of(const struct ctl *c, const char *word)
{
    for (size_t t = 0; c->verbs[t] != NULL; t++)
        for (const struct verb *v = c->verbs[t]; v->verb != NULL; v++) {
            size_t len = v->noun != NULL ? strlen(v->noun) : 0;

            if (len > 0 && strncmp(v->noun, word, len) == 0 && word[len + strspn(word + len, "s")] == '\0' &&
                strlen(word) <= len + 1)
                return v->noun;
        }
    return NULL;
}

/* The first words are those of v: the others stay, if it takes any. */
static void propose(const struct ctl *c, const struct verb *v, int words, char line[TYPED_MAX])
{
    char name[NEAREST_WORD_MAX + 1];
    bool takes = v->operand_max != 0 || (c->typed_count > words && c->typed[words][0] == '-');

    snprintf(name, sizeof(name), "%s%s%s", v->noun != NULL ? v->noun : "", v->noun != NULL ? " " : "", v->verb);
    typed_instead(c, v, &(const struct typed_change){ &c->typed[0], takes ? words : c->typed_count, name }, line);
}

/* ---- words of other tools ---- */

/* TEXT: "agent show", "apply", or no command. */
static void propose_text(const struct ctl *c, const char *text, char line[TYPED_MAX])
{
    char noun[NEAREST_WORD_MAX + 1];
    const char *blank = strchr(text, ' ');
    const struct verb *v;

    snprintf(noun, sizeof(noun), "%.*s", blank != NULL ? (int)(blank - text) : 0, text);
    v = find(c, blank != NULL ? noun : NULL, blank != NULL ? blank + 1 : text);
    if (v != NULL)
        propose(c, v, 1, line);
    else
        snprintf(line, TYPED_MAX, "nhictl %s", text);
}

/* own: only what is said of this noun alone. */
static bool known_elsewhere(const struct ctl *c, const char *noun, bool own, char line[TYPED_MAX])
{
    const char *word = c->typed[noun != NULL];

    for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++) {
        const struct synonym *s = &synonyms[i];

        if (strcmp(s->typed, word) != 0 || (noun == NULL) != (s->noun != NULL && s->noun[0] == '\0') ||
            (noun != NULL && s->noun != NULL && strcmp(s->noun, noun) != 0) || (own && s->noun == NULL))
            continue;
        if (noun == NULL) {
            propose_text(c, s->verbs[0], line);
            return true;
        }
        if (s->verbs[0] == NULL) {
            snprintf(line, TYPED_MAX, "nhictl help %s", noun);
            return true;
        }
        for (size_t k = 0; k < sizeof(s->verbs) / sizeof(s->verbs[0]) && s->verbs[k] != NULL; k++) {
            bool alone = s->verbs[k][0] == '/';
            const struct verb *v = find(c, alone ? NULL : noun, s->verbs[k] + alone);

            if (v != NULL) {
                propose(c, v, 2, line);
                return true;
            }
        }
    }
    return false;
}

/* ---- the same words, otherwise ---- */

/* Of one noun alone: "inspect FILE". */
static const struct verb *only_verb(const struct ctl *c, const char *verb)
{
    const struct verb *found = NULL;

    for (size_t t = 0; c->verbs[t] != NULL; t++)
        for (const struct verb *v = c->verbs[t]; v->verb != NULL; v++)
            if (strcmp(v->verb, verb) == 0) {
                if (found != NULL)
                    return NULL;
                found = v;
            }
    return found;
}

/* "list agents", "agents", "agents show NAME", "ticket renew FILE", "inspect FILE". */
static bool reordered(const struct ctl *c, char line[TYPED_MAX])
{
    const char *first = c->typed[0], *second = c->typed_count > 1 ? c->typed[1] : NULL;
    const char *noun = noun_of(c, first), *behind = second != NULL ? noun_of(c, second) : NULL;
    const struct verb *v = NULL;
    int words = 2;

    if (behind != NULL)
        v = find(c, behind, first);
    if (v == NULL && noun != NULL && second != NULL)
        v = find(c, noun, second);
    if (v == NULL && noun != NULL && second != NULL)
        v = find(c, NULL, second);
    if (v == NULL && noun != NULL && strcmp(noun, first) != 0) {
        v = find(c, noun, "list");
        words = 1;
    }
    if (v == NULL && noun == NULL) {
        v = only_verb(c, first);
        words = 1;
    }
    if (v != NULL)
        propose(c, v, words, line);
    return v != NULL;
}

/* ---- the spelling ---- */

static bool may_be_named(const struct verb *v, const char *typed)
{
    return !verb_ends(v) || nearest_edits(v->verb, typed) <= 1;
}

/* Among the verbs of noun; NULL: among nouns, and the verbs without one. */
static void nearest_of(const struct ctl *c, const char *noun, struct nearest *n)
{
    const char *last = "";

    for (size_t t = 0; c->verbs[t] != NULL; t++)
        for (const struct verb *v = c->verbs[t]; v->verb != NULL; v++) {
            if (noun != NULL && v->noun != NULL && strcmp(v->noun, noun) == 0 && may_be_named(v, n->typed))
                nearest_offer(n, v->verb);
            if (noun == NULL && v->noun == NULL && may_be_named(v, n->typed))
                nearest_offer(n, v->verb);
            if (noun == NULL && v->noun != NULL && strcmp(v->noun, last) != 0) {
                nearest_offer(n, v->noun);
                last = v->noun;
            }
        }
}

static void misspelt_verb(const struct ctl *c, const char *noun, char line[TYPED_MAX])
{
    struct nearest n = { .typed = c->typed[1] };

    nearest_of(c, noun, &n);
    if (n.count == 1)
        propose(c, find(c, noun, n.word[0]), 2, line);
    else if (n.count == 2)
        snprintf(line, TYPED_MAX, "nhictl help %s %s, or nhictl help %s %s", noun, n.word[0], noun, n.word[1]);
    else
        snprintf(line, TYPED_MAX, "nhictl help %s", noun);
}

static void misspelt(const struct ctl *c, char line[TYPED_MAX])
{
    struct nearest n = { .typed = c->typed[0] };
    const struct verb *v;

    nearest_of(c, NULL, &n);
    if (n.count != 1) {
        snprintf(line, TYPED_MAX, n.count == 2 ? "nhictl help %s, or nhictl help %s" : "nhictl help", n.word[0],
                 n.word[1]);
        return;
    }
    v = find(c, NULL, n.word[0]);
    if (v == NULL && c->typed_count > 1)
        v = find(c, n.word[0], c->typed[1]);
    if (v != NULL)
        propose(c, v, v->noun != NULL ? 2 : 1, line);
    else
        snprintf(line, TYPED_MAX, "nhictl help %s", n.word[0]);
}

void proposal(const struct ctl *c, char line[TYPED_MAX])
{
    const char *noun = noun_of(c, c->typed[0]);

    if (noun != NULL && strcmp(noun, c->typed[0]) != 0)
        noun = NULL;
    if (c->typed_count == 1)
        noun = NULL;
    if ((noun != NULL && known_elsewhere(c, noun, true, line)) || reordered(c, line) ||
        known_elsewhere(c, noun, false, line))
        return;
    if (noun != NULL)
        misspelt_verb(c, noun, line);
    else
        misspelt(c, line);
}

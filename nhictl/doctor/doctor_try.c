/* SPDX-License-Identifier: ISC */
/*
 * Every way through a stack at once: a state is what _pam_dispatch_aux() keeps, and whether our module was asked.
 */
#include "nhictl/doctor/doctor_try.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nhictl/say/out.h"

enum action { IGNORE = -6, OK, DONE, BAD, DIE, RESET }; /* 1 and more: the number of lines to skip */

/* PAM's names for each answer. For a denial, all codes that our module may return: a control that lets one of them pass
 * lets an agent in. */
static const char *const words[][10] = {
    [STACK_YES] = { "success" },
    [STACK_IGNORE] = { "ignore" },
    [STACK_UNKNOWN] = { "user_unknown" },
    [STACK_NO] = { "auth_err", "perm_denied", "session_err", "service_err", "buf_err", "system_err", "cred_err" },
};
#define WORDS (sizeof(words[0]) / sizeof(words[0][0]))

/* The result so far: nothing, success, failure; each without and with our module. */
enum { UNDECIDED, POSITIVE, NEGATIVE, SEEN = 3, STATES = 6 };

struct walk {
    const struct stack *s;
    bool (*at)[STATES]; /* before each line; one more for the end */
};

static int action_of_word(const char *word)
{
    static const struct {
        const char *word;
        int action;
    } actions[] = { { "ignore", IGNORE }, { "ok", OK },   { "done", DONE },
                    { "bad", BAD },       { "die", DIE }, { "reset", RESET } };
    char *end;
    long n;

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcasecmp(word, actions[i].word) == 0)
            return actions[i].action;
    n = strtol(word, &end, 10);
    return end != word && *end == '\0' && n > 0 && n < INT_MAX ? (int)n : BAD;
}

/* [value=action value=action …] */
static int action_in_brackets(const char *control, const char *word)
{
    char *text = out_must(strdup(control + 1)), *at = text, *pair;
    int action = BAD, is_default = 1;

    text[strcspn(text, "]")] = '\0';
    while ((pair = file_word(&at)) != NULL) {
        char *equals = strchr(pair, '=');

        if (equals == NULL)
            continue;
        *equals = '\0';
        if (strcasecmp(pair, word) == 0) {
            action = action_of_word(equals + 1);
            is_default = 0;
        } else if (is_default && strcasecmp(pair, "default") == 0) {
            action = action_of_word(equals + 1);
        }
    }
    free(text);
    return action;
}

static int action_of(const struct stack_line *l, const char *word)
{
    bool yes = strcmp(word, "success") == 0;

    if (l->control[0] == '[')
        return action_in_brackets(l->control, word);
    if (strcasecmp(l->control, "sufficient") == 0)
        return yes ? DONE : IGNORE;
    if (strcasecmp(l->control, "optional") == 0)
        return yes ? OK : IGNORE;
    if (yes || strcmp(word, "ignore") == 0)
        return yes ? OK : IGNORE;
    return strcasecmp(l->control, "requisite") == 0 ? DIE : BAD;
}

/* The line after the substack that this line is in; without one, the end. */
static size_t behind(const struct stack *s, size_t i)
{
    int level = s->line[i].level;

    if (level == 0)
        return s->count;
    while (i < s->count && s->line[i].level >= level)
        i++;
    return i;
}

static void go(struct walk *w, size_t i, int state, enum stack_answer answer, const char *word)
{
    int known = state % SEEN, seen = state - known, action = action_of(&w->s->line[i], word);
    size_t next = i + 1;

    if (w->s->line[i].ours)
        seen = SEEN;
    switch (action) {
    case IGNORE:
        break;
    case RESET:
        known = UNDECIDED;
        break;
    case OK:
    case DONE:
        if (answer != STACK_IGNORE && known != NEGATIVE)
            known = answer == STACK_YES ? POSITIVE : NEGATIVE;
        if (action == DONE && known == POSITIVE)
            next = behind(w->s, i);
        break;
    case BAD:
    case DIE:
        known = NEGATIVE;
        if (action == DIE)
            next = behind(w->s, i);
        break;
    default:
        /* A jump out of the stack fails. */
        if ((size_t)action >= w->s->count - i)
            known = NEGATIVE;
        next = known == NEGATIVE && (size_t)action >= w->s->count - i ? w->s->count : i + 1 + (size_t)action;
        break;
    }
    w->at[next][seen + known] = true;
}

static bool is(const struct stack_line *l, const char *module)
{
    const char *slash = strrchr(l->module, '/'), *name = slash != NULL ? slash + 1 : l->module;
    size_t len = strlen(module);

    return strncmp(name, module, len) == 0 && (name[len] == '\0' || strcmp(name + len, ".so") == 0);
}

static bool looks_at_passwords(const struct stack_line *l)
{
    static const char *const modules[] = { "pam_unix", "pam_sss", "pam_ldap", "pam_krb5", "pam_winbind" };

    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
        if (is(l, modules[i]))
            return true;
    return false;
}

/* pam_rootok succeeds for root alone, who is never an agent: for all others it denies. */
static bool may_say(const struct stack_line *l, enum stack_answer a, enum stack_answer ours, enum stack_others others)
{
    if (l->ours)
        return a == ours;
    if (is(l, "pam_deny") || is(l, "pam_rootok"))
        return a == STACK_NO;
    if (is(l, "pam_permit"))
        return a == STACK_YES;
    switch (others) {
    case STACK_ANYTHING:
        return true;
    case STACK_WELL:
        return a == STACK_YES;
    case STACK_PASSWORDS:
        return a == (looks_at_passwords(l) ? STACK_NO : STACK_YES);
    }
    return true;
}

static void step(struct walk *w, size_t i, enum stack_answer ours, enum stack_others others)
{
    for (enum stack_answer a = STACK_YES; a <= STACK_NO; a++)
        for (size_t k = 0; may_say(&w->s->line[i], a, ours, others) && k < WORDS && words[a][k] != NULL; k++)
            for (int state = 0; state < STATES; state++)
                if (w->at[i][state])
                    go(w, i, state, a, words[a][k]);
}

struct stack_outcome stack_try(const struct stack *s, enum stack_answer ours, enum stack_others others)
{
    struct walk w = { .s = s, .at = out_must(calloc(s->count + 1, sizeof(*w.at))) };
    struct stack_outcome o;

    w.at[0][UNDECIDED] = true;
    for (size_t i = 0; i < s->count; i++)
        step(&w, i, ours, others);
    o.success = w.at[s->count][SEEN + POSITIVE];
    o.passed_by = w.at[s->count][POSITIVE];
    o.reached = o.success || w.at[s->count][SEEN + NEGATIVE] || w.at[s->count][SEEN + UNDECIDED];
    free(w.at);
    return o;
}

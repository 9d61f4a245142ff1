/* SPDX-License-Identifier: ISC */
/*
 * PAM: whether a ticket opens what it should, a denial cannot be bypassed, and people can log in as before.
 */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostcfg/pam_stack.h"
#include "libnhi/base/paths.h"
#include "nhictl/doctor/doctor.h"
#include "nhictl/doctor/doctor_try.h"
#include "nhictl/say/out.h"

struct look {
    struct doctor *d;
    const struct service *service;
    const struct stack *stack;
    enum wiring_phase phase;
};

static const char *const program_of[][2] = {
    { "sshd", "/usr/sbin/sshd" }, { "sudo", "/usr/bin/sudo" },  { "sudo-i", "/usr/bin/sudo" }, { "su", "/usr/bin/su" },
    { "su-l", "/usr/bin/su" },    { "cron", "/usr/sbin/cron" }, { "atd", "/usr/sbin/atd" },
};

static bool has_program(const char *service)
{
    for (size_t i = 0; i < sizeof(program_of) / sizeof(program_of[0]); i++)
        if (strcmp(program_of[i][0], service) == 0)
            return access(program_of[i][1], F_OK) == 0;
    return false;
}

static const struct stack_line *first(const struct stack *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->line[i].ours)
            return &s->line[i];
    return NULL;
}

static struct location at(const struct stack_line *l)
{
    return (struct location){ .file = l->file, .line = l->line, .text = l->text };
}

static bool is_module(const struct stack_line *l, const char *name)
{
    const char *slash = strrchr(l->module, '/');

    return strcmp(slash != NULL ? slash + 1 : l->module, name) == 0;
}

/* ---- the place for the line ---- */

/* A session is prepared before it is registered. */
static bool prepares(const struct stack_line *l)
{
    return is_module(l, "pam_selinux.so") || is_module(l, "pam_loginuid.so") || is_module(l, "pam_keyinit.so");
}

static const struct stack_line *next_line(const struct look *k)
{
    for (size_t i = 0; i < k->stack->count; i++) {
        const struct stack_line *l = &k->stack->line[i];
        bool early =
            k->phase == WIRING_AUTH ? is_module(l, "pam_rootok.so") : k->phase == WIRING_SESSION && prepares(l);

        if (!l->ours && !early)
            return l;
    }
    return NULL;
}

/* "before line 47 (@include common-auth): auth … pam_nhi.so" */
static char *where_to(const struct look *k, const char *what)
{
    const struct stack_line *before = next_line(k);

    if (before == NULL)
        return out_say("%s at the end of " WIRING_PAM_DIR "/%s: %s", what, k->service->name, wiring_pam[k->phase].line);
    return out_say("%s before line %d of %s (%s): %s", what, before->before_line, before->before_file,
                   before->before_text, wiring_pam[k->phase].line);
}

/* ---- each type of line ---- */

static void missing(const struct look *k)
{
    static const char *const ids[] = { "pam-auth-missing", "pam-account-missing", "pam-session-missing" };
    static const char *const why[] = {
        "never asks for a ticket: agents cannot show one at its prompt",
        "lets agents in without a decision when they skip authentication: by key, NOPASSWD or schedule",
        "opens sessions that are not registered: they do not end with their ticket",
    };
    const struct stack_line *before = next_line(k);
    struct location where = location_of_file(before != NULL ? before->before_file : WIRING_PAM_DIR);

    finding_add(&k->d->found, FINDING_ERROR, ids[k->phase], where, out_say("%s %s", k->service->name, why[k->phase]),
                where_to(k, "add"));
}

static void bad_order(const struct look *k, const struct stack_line *l)
{
    static const char *const ids[] = { "pam-auth-order", "pam-account-order", "pam-session-order" };

    finding_add(&k->d->found, FINDING_ERROR, ids[k->phase], at(l),
                out_say("an earlier line can end %s's %s phase, and then this line is never asked", k->service->name,
                        wiring_pam[k->phase].type),
                where_to(k, "move it"));
}

static void bad_control(const struct look *k, const struct stack_line *l, const char *why)
{
    static const char *const ids[] = { "pam-auth-control", "pam-account-control", "pam-session-control" };

    finding_add(
        &k->d->found, FINDING_ERROR, ids[k->phase], at(l), out_say("with the control %s %s", l->control, why),
        out_say("write instead: %s%s%s", wiring_pam[k->phase].line, *l->options != '\0' ? " " : "", l->options));
}

static void look_at_ways(const struct look *k, const struct stack_line *l)
{
    bool is_auth = k->phase == WIRING_AUTH;
    struct stack_outcome denied = stack_try(k->stack, STACK_NO, STACK_ANYTHING);
    struct stack_outcome gone = stack_try(k->stack, STACK_UNKNOWN, STACK_ANYTHING);
    struct stack_outcome good = stack_try(k->stack, STACK_YES, is_auth ? STACK_PASSWORDS : STACK_WELL);
    struct stack_outcome people = stack_try(k->stack, is_auth ? STACK_UNKNOWN : STACK_IGNORE, STACK_WELL);

    if (denied.passed_by || !good.reached)
        bad_order(k, l);
    else if (denied.success || (!is_auth && gone.success))
        bad_control(k, l, "a denial is dropped");
    else if (!good.success)
        bad_control(k, l, "an agent's ticket does not suffice");
    else if (!people.success)
        bad_control(k, l, "people are kept out");
}

/* ---- options ---- */

static bool number(const char *text, uint32_t *out)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || n < 1000 || n > INT32_MAX)
        return false;
    *out = (uint32_t)n;
    return true;
}

static void bad_option(const struct look *k, const struct stack_line *l, const char *word, const char *why)
{
    finding_add(&k->d->found, FINDING_ERROR, "pam-option", at(l), out_say("the option '%s' %s", word, why),
                out_say("correct or remove it: pam_nhi(8) lists the options"));
}

static void look_at_range(const struct look *k, const struct stack_line *l, uint32_t min, uint32_t max)
{
    const struct nhi_settings *set = &k->d->s.set;

    if (k->d->s.l == NULL || (min == set->uid_min && max == set->uid_max))
        return;
    finding_add(
        &k->d->found, FINDING_ERROR, "pam-range", at(l),
        out_say("this line treats uids %u to %u as agents, but agents have %u to %u: without the account snapshot they "
                "would pass for people",
                min, max, set->uid_min, set->uid_max),
        out_say("write instead: %s uid_min=%u uid_max=%u", wiring_pam[k->phase].line, set->uid_min, set->uid_max));
}

static void look_at_options(const struct look *k, const struct stack_line *l)
{
    char *text = out_must(strdup(l->options)), *from = text, *word;
    uint32_t min = WIRING_UID_MIN, max = WIRING_UID_MAX;
    bool bracket = false;

    while ((word = file_word(&from)) != NULL) {
        bool was = bracket || word[0] == '[';

        /* [prompt=Your ticket:] */
        bracket = was && word[strlen(word) - 1] != ']';
        if (was || strcmp(word, "debug") == 0 || strcmp(word, "try_first_pass") == 0 ||
            strncmp(word, "prompt=", 7) == 0)
            continue;
        if (strcmp(word, "use_first_pass") == 0) {
            if (k->phase == WIRING_AUTH && l == &k->stack->line[0])
                bad_option(k, l, word, "means that it never asks, and no earlier line asks");
        } else if (strncmp(word, "uid_min=", 8) == 0) {
            if (!number(word + 8, &min))
                bad_option(k, l, word, "is not a uid: everybody is refused");
        } else if (strncmp(word, "uid_max=", 8) == 0) {
            if (!number(word + 8, &max))
                bad_option(k, l, word, "is not a uid: everybody is refused");
        } else {
            bad_option(k, l, word, "is unknown to pam_nhi");
        }
    }
    free(text);
    look_at_range(k, l, min, max);
}

/* ---- lines in other places ---- */

static void look_for_twice(const struct look *k, const struct stack_line *l)
{
    for (size_t i = 0; i < k->stack->count; i++)
        if (k->stack->line[i].ours && &k->stack->line[i] != l)
            finding_add(&k->d->found, FINDING_WARNING, "pam-twice", at(&k->stack->line[i]),
                        out_say("%s asks pam_nhi twice in its %s phase, first in line %d of %s", k->service->name,
                                wiring_pam[k->phase].type, l->line, l->file),
                        out_say("remove this line"));
}

/* Only sshd reports by the PAM environment which key was proven. auth lines set it, too: in setcred. */
static void look_for_environment(const struct look *k, const struct stack *s, size_t before)
{
    for (size_t i = 0; i < before; i++)
        if (is_module(&s->line[i], "pam_env.so") && strstr(s->line[i].options, "user_readenv=1") != NULL)
            finding_add(&k->d->found, FINDING_ERROR, "pam-session-environment", at(&s->line[i]),
                        out_say("users can write the PAM environment before pam_nhi reads from it which key was "
                                "proven"),
                        out_say("move this line after: %s", wiring_pam[WIRING_SESSION].line));
}

static void look_at_session(const struct look *k, const struct stack_line *l)
{
    size_t ours = (size_t)(l - k->stack->line);

    for (size_t i = ours + 1; i < k->stack->count; i++)
        if (is_module(&k->stack->line[i], "pam_loginuid.so"))
            finding_add(&k->d->found, FINDING_ERROR, "pam-session-loginuid", at(l),
                        out_say("a later pam_loginuid starts a new audit session, which is not the registered one"),
                        out_say("move it after line %d of %s (%s)", k->stack->line[i].line, k->stack->line[i].file,
                                k->stack->line[i].text));
    if (strcmp(k->service->name, "sshd") != 0)
        return;
    look_for_environment(k, k->stack, ours);
    look_for_environment(k, &k->service->of[WIRING_AUTH], k->service->of[WIRING_AUTH].count);
}

/* ---- the module ---- */

/* The directory of PAM's own modules; of several directories for different architectures, the one that has this module.
 */
static char *module_dir(const char *module)
{
    static const char *const places[] = { "/usr/lib/*/security/pam_unix.so", "/usr/lib64/security/pam_unix.so",
                                          "/usr/lib/security/pam_unix.so", "/lib/*/security/pam_unix.so" };
    char *dir = NULL;
    bool has = false;

    for (size_t i = 0; dir == NULL && i < sizeof(places) / sizeof(places[0]); i++) {
        glob_t g = { .gl_pathc = 0 };

        (void)glob(places[i], 0, NULL, &g);
        for (size_t k = 0; !has && k < g.gl_pathc; k++) {
            char *at = out_say("%.*s", (int)(strrchr(g.gl_pathv[k], '/') - g.gl_pathv[k]), g.gl_pathv[k]);
            char *path = out_say("%s/%s", at, module);

            has = access(path, F_OK) == 0;
            if (has || dir == NULL) {
                free(dir);
                dir = at;
            } else {
                free(at);
            }
            free(path);
        }
        globfree(&g);
    }
    return dir;
}

static void look_at_module(const struct look *k, const struct stack_line *l)
{
    char *dir = l->module[0] == '/' ? NULL : module_dir(l->module), *path;

    if (dir == NULL && l->module[0] != '/')
        return;
    path = dir != NULL ? out_say("%s/%s", dir, l->module) : out_must(strdup(l->module));
    if (file_guarded(path) == NHI_ERR_NOT_FOUND)
        finding_add(&k->d->found, FINDING_ERROR, "pam-module-missing", location_of_file(path),
                    out_say("PAM services use this module, but it is missing: they refuse everybody"),
                    out_say("install it (make install), or: nhictl setup sshd sudo su cron --undo"));
    else
        (void)findings_check_guard(&k->d->found, "pam-module-writable", path, "the module that decides");
    free(path);
    free(dir);
}

/* Once, for all services. */
static void look_at_decider(struct doctor *d)
{
    if (file_guarded(WIRING_PAM_DECIDER) == NHI_ERR_NOT_FOUND)
        finding_add(&d->found, FINDING_ERROR, "pam-decider-missing", location_of_file(WIRING_PAM_DECIDER),
                    out_say(WIRING_PAM_MODULE " loads it to decide about agents, and denies them all without it"),
                    out_say("install it (make install)"));
    else
        (void)findings_check_guard(&d->found, "pam-decider-writable", WIRING_PAM_DECIDER,
                                   "what decides about agents, so that " WIRING_PAM_MODULE " refuses to load it");
}

/* ---- a service ---- */

static void unwired(struct doctor *d, const char *name, const struct wiring_service *w)
{
    char *path = out_say(WIRING_PAM_DIR "/%s", name);

    finding_add(
        &d->found, FINDING_ERROR, "pam-unwired", location_of_file(path),
        out_say("%s does not use pam_nhi: it asks for no ticket, and lets agents in by key, NOPASSWD or schedule",
                name),
        out_say("run: nhictl setup %s", w->name));
    free(path);
}

static void look_at_phase(const struct look *k)
{
    const struct stack_line *l = first(k->stack);

    if (l == NULL) {
        missing(k);
        return;
    }
    look_at_ways(k, l);
    look_at_options(k, l);
    look_for_twice(k, l);
    look_at_module(k, l);
    if (k->phase == WIRING_SESSION)
        look_at_session(k, l);
}

static void look_at_service(struct doctor *d, const char *name, const struct wiring_service *w)
{
    struct service s;
    bool wired = false;

    service_read(&d->found, name, &s);
    for (int phase = 0; phase < WIRING_PHASES; phase++)
        wired = wired || first(&s.of[phase]) != NULL;
    if (s.there && !wired)
        unwired(d, name, w);
    for (int phase = 0; phase < WIRING_PHASES && s.there && wired; phase++) {
        struct look k = { d, &s, &s.of[phase], (enum wiring_phase)phase };

        look_at_phase(&k);
    }
    service_free(&s);
}

static bool has_file(const char *name)
{
    char *path = out_say(WIRING_PAM_DIR "/%s", name), *vendor = out_say("/usr/lib/pam.d/%s", name);
    bool there = access(path, F_OK) == 0 || access(vendor, F_OK) == 0;

    free(path);
    free(vendor);
    return there;
}

void doctor_pam(struct doctor *d)
{
    look_at_decider(d);
    for (const struct wiring_service *w = wiring_services; w->name != NULL; w++)
        for (size_t i = 0; w->pam[i] != NULL; i++) {
            if (!has_program(w->pam[i]))
                continue;
            if (has_file(w->pam[i]))
                look_at_service(d, w->pam[i], w);
            else if (i == 0) {
                char *path = out_say(WIRING_PAM_DIR "/%s", w->pam[i]);

                finding_add(
                    &d->found, FINDING_ERROR, "pam-file-missing", location_of_file(path),
                    out_say("without it %s uses " WIRING_PAM_DIR "/other, which does not use pam_nhi", w->pam[i]),
                    out_say("restore the file from the package %s, then: nhictl setup %s", w->package, w->name));
                free(path);
            }
        }
}

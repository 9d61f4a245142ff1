/* SPDX-License-Identifier: ISC */
/*
 * sudo: whether it asks PAM in each phase, every time, and what it permits agents without asking.
 */
#include "hostcfg/sudoers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostcfg/program.h"
#include "hostcfg/wiring.h"
#include "nhictl/doctor/doctor.h"
#include "nhictl/doctor/doctor_sudo_whom.h"
#include "nhictl/say/out.h"

#define PROGRAM WIRING_SUDO_PROGRAM

/* ---- Defaults ---- */

static const char *const options[] = { "noninteractive_auth", "timestamp_timeout", "pam_acct_mgmt", "pam_session",
                                       "pam_ruser",           "authenticate",      "pam_service",   "pam_login_service",
                                       "pam_askpass_service", "exempt_group" };
enum option {
    NONINTERACTIVE,
    TIMESTAMP,
    PAM_ACCOUNT,
    PAM_SESSION,
    PAM_RUSER,
    AUTHENTICATE,
    SERVICE,
    LOGIN_SERVICE,
    ASKPASS_SERVICE,
    EXEMPT_GROUP,
    OPTIONS
};

/* Whom a line of Defaults applies to. They are applied in this order. */
enum bound { FOR_ALL, FOR_USERS, FOR_COMMANDS, BOUNDS };

static enum bound bound(const json_t *binding)
{
    const json_t *first = json_array_get(binding, 0);

    if (first == NULL || json_object_get(first, "hostname") != NULL)
        return FOR_ALL;
    return json_object_get(first, "command") != NULL ? FOR_COMMANDS : FOR_USERS;
}

/* Defaults>root applies to anybody who becomes root; cvtsudoers shows it as if it were for the user root. */
static bool is_for_runas(const struct sudoers *s, const char *option)
{
    return sudoers_find(s, "Defaults>", option, "").line > 0;
}

/* A step that sudo must not skip, it must not skip for anybody with a ticket; a step that it must take, it must take
 * for agents. */
static bool is_for_us(const struct doctor *d, const struct sudoers *s, const json_t *binding, enum bound b,
                      enum option o)
{
    const json_t *user;
    enum doctor_sudo_of of;

    if (b != FOR_USERS)
        return true;
    of = doctor_sudo_whom(d, binding, &user);
    return of >= SUDOERS_AGENTS || (of == SUDOERS_ONLY && o > TIMESTAMP) || is_for_runas(s, options[o]);
}

/* The value that finally applies to agents. NULL: none was set. */
static const json_t *value_of(const struct doctor *d, const struct sudoers *s, enum option o)
{
    const json_t *defaults = json_object_get(s->json, "Defaults"), *value = NULL;

    for (enum bound b = FOR_ALL; b < BOUNDS; b++)
        for (size_t i = 0; i < json_array_size(defaults); i++) {
            const json_t *entry = json_array_get(defaults, i), *given = json_object_get(entry, "Options");
            const json_t *binding = json_object_get(entry, "Binding");

            if (sudoers_is_elsewhere(binding))
                continue;
            for (size_t k = 0; bound(binding) == b && k < json_array_size(given); k++) {
                const json_t *v = json_object_get(json_array_get(given, k), options[o]);

                if (v != NULL && is_for_us(d, s, binding, b, o))
                    value = v;
            }
        }
    return value;
}

/* Options that must not be off. */
static const struct needed {
    enum option option;
    enum finding_level level;
    const char *id, *why;
} needed[] = {
    { PAM_ACCOUNT, FINDING_ERROR, "sudo-pam-account",
      "sudo skips the account phase: an agent without a ticket gets through" },
    { PAM_SESSION, FINDING_ERROR, "sudo-pam-session",
      "sudo skips the session phase: the commands that it starts do not end with the ticket" },
    { PAM_RUSER, FINDING_ERROR, "sudo-pam-ruser", "sudo does not pass on who is calling: agents are refused" },
    { AUTHENTICATE, FINDING_WARNING, "sudo-unauthenticated", "sudo never asks agents for a ticket" },
};

static void look_at_needed(const struct doctor *d, const struct sudoers *s, const struct needed *n)
{
    char off[48];

    if (!json_is_false(value_of(d, s, n->option)))
        return;
    snprintf(off, sizeof(off), "!%s", options[n->option]);
    finding_add(s->found, n->level, n->id, sudoers_find(s, "Defaults", off, ""), out_say("%s", n->why),
                out_say("remove %s from this line", off));
}

static void look_at_timeout(const struct doctor *d, const struct sudoers *s)
{
    const char *timeout = json_string_value(value_of(d, s, TIMESTAMP)),
               *why = "sudo does not ask again for some minutes after a ticket was shown";
    struct location place;

    if (timeout != NULL && strcmp(timeout, "0") == 0)
        return;
    place = sudoers_last(s, "Defaults", "timestamp_timeout");
    if (timeout != NULL && place.line > 0)
        finding_add(s->found, FINDING_WARNING, "sudo-timestamp", place, out_say("%s", why),
                    out_say("remove timestamp_timeout from this line"));
    else
        finding_add(s->found, FINDING_WARNING, "sudo-timestamp", sudoers_last(s, "Defaults:%nhi-agents", ""),
                    out_say("%s", why), out_say("write instead: %s", WIRING_SUDO_LINE));
}

static void look_at_asking(const struct doctor *d, const struct sudoers *s)
{
    const char *why = "sudo -n refuses agents before it asks PAM, which finds their ticket";
    struct location off = sudoers_last(s, "Defaults", "!noninteractive_auth");

    if (json_is_true(value_of(d, s, NONINTERACTIVE)) || program_is_old_sudo_rs(PROGRAM))
        look_at_timeout(d, s);
    else if (off.line > 0)
        finding_add(s->found, FINDING_ERROR, "sudo-noninteractive", off, out_say("%s", why),
                    out_say("remove !noninteractive_auth from this line"));
    else
        finding_add(s->found, FINDING_ERROR, "sudo-noninteractive", off, out_say("%s", why),
                    out_say("add to " WIRING_SUDO_FILE ": %s", WIRING_SUDO_LINE));
}

static void look_at_service(const struct doctor *d, const struct sudoers *s, enum option o)
{
    const char *name = json_string_value(value_of(d, s, o));

    if (name == NULL || strcmp(name, "sudo") == 0 || strcmp(name, "sudo-i") == 0)
        return;
    finding_add(s->found, FINDING_ERROR, "sudo-pam-service", sudoers_find(s, "Defaults", options[o], name),
                out_say("sudo uses another PAM service, which no ticket for sudo names"),
                out_say("remove %s from this line", options[o]));
}

static void look_at_exempt(const struct doctor *d, const struct sudoers *s)
{
    const char *group = json_string_value(value_of(d, s, EXEMPT_GROUP));
    const json_t *user;
    json_t *users;

    if (group == NULL)
        return;
    users = out_must(json_pack("[{s:s}]", "usergroup", group));
    if (doctor_sudo_whom(d, users, &user) != SUDOERS_OTHERS)
        finding_add(s->found, FINDING_WARNING, "sudo-unauthenticated",
                    sudoers_find(s, "Defaults", "exempt_group", group),
                    out_say("agents are in the group %s, whose members sudo never asks", group),
                    out_say("remove exempt_group from this line, or the agents from the group"));
    json_decref(users);
}

/* ---- rules ---- */

static bool has_all(const json_t *commands)
{
    for (size_t i = 0; i < json_array_size(commands); i++) {
        const json_t *c = json_array_get(commands, i);
        const char *name = json_string_value(json_object_get(c, "command"));

        if (name != NULL && strcmp(name, "ALL") == 0 && !json_is_true(json_object_get(c, "negated")))
            return true;
    }
    return false;
}

static bool is_nopasswd(const json_t *spec)
{
    const json_t *given = json_object_get(spec, "Options");

    for (size_t i = 0; i < json_array_size(given); i++)
        if (json_is_false(json_object_get(json_array_get(given, i), "authenticate")))
            return true;
    return false;
}

/* The line of a rule: it begins with its user, or with an alias that includes the user. */
static struct location line_of(const struct sudoers *s, const char *word, bool group)
{
    char *name = out_say("%s%s", group ? "%" : "", word != NULL ? word : "#"), *alias = NULL, *at;
    struct location place = sudoers_find(s, name, "NOPASSWD", "");

    if (place.line == 0)
        place = sudoers_find(s, "User_Alias", name, "=");
    if (place.text != NULL && strncmp(place.text, "User_Alias", strlen("User_Alias")) == 0) {
        alias = out_must(strdup(place.text));
        alias[strcspn(alias, "=")] = '\0';
        at = alias + strlen("User_Alias");
        at = file_word(&at);
        place = at != NULL ? sudoers_find(s, at, "NOPASSWD", "") : location_of_file(WIRING_SUDOERS);
    }
    if (place.line == 0)
        place = sudoers_find(s, NULL, "NOPASSWD", name);
    free(alias);
    free(name);
    return place;
}

static void look_at_spec(const struct sudoers *s, const json_t *spec, enum doctor_sudo_of of, const json_t *user)
{
    const json_t *commands = json_object_get(spec, "Commands");
    const char *group = json_string_value(json_object_get(user, "usergroup")),
               *word = group != NULL ? group : json_string_value(json_object_get(user, "username"));

    if (!is_nopasswd(spec) || (of != SUDOERS_INHERIT && !has_all(commands)))
        return;
    if (of == SUDOERS_INHERIT)
        finding_add(s->found, FINDING_WARNING, "sudo-nopasswd-inherited", line_of(s, word, group != NULL),
                    out_say("this line is meant for %s%s, but gives agents the same without a ticket",
                            group != NULL ? "group " : "", word != NULL ? word : "a number"),
                    out_say("add !%%nhi-agents after the users of this line"));
    else
        finding_add(s->found, FINDING_WARNING, "sudo-nopasswd-all", line_of(s, word, group != NULL),
                    out_say("an agent can run any command as root without a ticket"),
                    out_say("name the commands instead of ALL, or remove NOPASSWD:"));
}

static void look_at_specs(const struct doctor *d, const struct sudoers *s)
{
    const json_t *all = json_object_get(s->json, "User_Specs");

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *entry = json_array_get(all, i), *specs = json_object_get(entry, "Cmnd_Specs");
        const json_t *user;
        enum doctor_sudo_of of = doctor_sudo_whom(d, json_object_get(entry, "User_List"), &user);

        if (sudoers_is_elsewhere(json_object_get(entry, "Host_List")))
            continue;
        for (size_t k = 0; of != SUDOERS_OTHERS && k < json_array_size(specs); k++)
            look_at_spec(s, json_array_get(specs, k), of, user);
    }
}

/* ---- sudo-rs beside it ---- */

/* Both read the same files, and no line can be hidden from one of them. */
static void look_at_sudo_rs(const struct sudoers *s)
{
    struct location line = sudoers_last(s, "Defaults:%nhi-agents", "noninteractive_auth");

    if (line.line > 0 && access("/etc/sudoers-rs", F_OK) != 0 && program_is_old_sudo_rs(WIRING_SUDO_RS_PROGRAM))
        finding_add(s->found, FINDING_NOTE, "sudo-rs-setting", line,
                    out_say("sudo-rs does not know noninteractive_auth, and prints three lines about it at every use"),
                    out_say("give sudo-rs a file of its own, /etc/sudoers-rs, which it reads instead of " WIRING_SUDOERS
                            ", without this line"));
}

/* ---- all of it ---- */

static bool is_included(const struct sudoers *s)
{
    if (access(WIRING_SUDO_FILE, F_OK) != 0 || !s->named || sudoers_has(s, WIRING_SUDO_FILE))
        return true;
    if (findings_have(s->found, "sudo-file-writable"))
        return false;
    finding_add(s->found, FINDING_ERROR, "sudo-not-included", location_of_file(WIRING_SUDOERS),
                out_say("sudo does not read " WIRING_SUDO_FILE ": sudo -n refuses agents"),
                out_say("add to its end: @includedir " WIRING_SUDOERS_DIR));
    return false;
}

void doctor_sudo(struct doctor *d)
{
    struct sudoers s;

    if (access(PROGRAM, F_OK) != 0)
        return;
    if (sudoers_read(&d->found, &s)) {
        if (is_included(&s) && !findings_have(&d->found, "sudo-file-ignored"))
            look_at_asking(d, &s);
        for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
            look_at_needed(d, &s, &needed[i]);
        for (enum option o = SERVICE; o <= ASKPASS_SERVICE; o++)
            look_at_service(d, &s, o);
        look_at_exempt(d, &s);
        look_at_specs(d, &s);
        look_at_sudo_rs(&s);
    }
    sudoers_free(&s);
}

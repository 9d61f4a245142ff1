/* SPDX-License-Identifier: ISC */
/*
 * sshd: whether it asks for tickets, knows the keys that have a ticket, and gives agents no other way in.
 */
#include "hostcfg/sshd_conf.h"

#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "hostcfg/program.h"
#include "hostcfg/wiring.h"
#include "nhictl/doctor/doctor.h"
#include "nhictl/doctor/doctor_sshd_started.h"
#include "nhictl/say/out.h"

/* A setting that must have a certain value. */
struct wanted {
    const char *keyword, *value;
    const char *id;
    enum finding_level level;
    bool by_default; /* it has that value by default */
    bool agents;     /* it belongs under the agents' Match */
    const char *line, *why;
};

static const struct wanted wanted[] = {
    { "usepam", "yes", "sshd-pam", FINDING_ERROR, false, false, WIRING_SSHD_PAM,
      "sshd does not ask PAM: agents get in without a decision, and no ticket is looked at" },
    { "kbdinteractiveauthentication", "yes", "sshd-prompt", FINDING_WARNING, true, false, WIRING_SSHD_PROMPT,
      "sshd does not let PAM prompt agents: they cannot show a ticket that is not bound to a key" },
    { "pubkeyauthentication", "yes", "sshd-pubkey", FINDING_WARNING, true, false, "PubkeyAuthentication yes",
      "sshd accepts no keys from agents: tickets that are bound to a key open nothing" },
    { "usedns", "no", "sshd-dns", FINDING_WARNING, true, false, "UseDNS no",
      "sshd passes on host names instead of addresses: pinned tickets, and rules with an address, do not match" },
    { "authorizedkeysfile", "none", "sshd-keys-file", FINDING_ERROR, false, true, "AuthorizedKeysFile none",
      "sshd reads a file of keys and options that the agent can write" },
    { "permituserrc", "no", "sshd-user-rc", FINDING_ERROR, false, true, "PermitUserRC no",
      "sshd runs the agent's own ~/.ssh/rc, whatever its ticket restricts it to" },
    { "hostbasedauthentication", "no", "sshd-hostbased", FINDING_ERROR, true, true, "HostbasedAuthentication no",
      "another host can vouch for an agent without a ticket" },
    { "gssapiauthentication", "no", "sshd-gssapi", FINDING_ERROR, true, true, "GSSAPIAuthentication no",
      "a Kerberos ticket opens an agent's account" },
    { "permituserenvironment", "no", "sshd-user-environment", FINDING_WARNING, true, false, "PermitUserEnvironment no",
      "agents can set the environment of the command that a ticket restricts them to" },
};

static const char *home(bool agents)
{
    return agents ? "add under \"" WIRING_SSHD_MATCH "\" in " WIRING_SSHD_FILE : "add to " WIRING_SSHD_FILE;
}

/* l: the line with another value; NULL: no line. */
static void find(const struct sshd *s, const struct sshd_line *l, const struct wanted *w)
{
    finding_add(s->found, w->level, w->id, l != NULL ? sshd_location(l) : location_of_file(WIRING_SSHD_CONFIG),
                out_say("%s", w->why),
                l != NULL ? out_say("write instead: %s", w->line) : out_say("%s: %s", home(w->agents), w->line));
}

static void look_at_setting(const struct sshd *s, const struct wanted *w)
{
    char *value = sshd_value(s, w->keyword);

    if (value == NULL ? !w->by_default : strcasecmp(value, w->value) != 0)
        find(s, sshd_find(s, w->keyword), w);
    free(value);
}

/* ---- the agents' Match ---- */

/* Match all does no more than end another Match. */
static bool has_match(const struct sshd *s, const char *group)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->line[i].keyword, "match") == 0 && strcasecmp(s->line[i].value, "all") != 0 &&
            sshd_match_is_of(s->line[i].value, group))
            return true;
    return false;
}

static bool look_at_match(const struct sshd *s)
{
    const struct sshd_line *l = NULL;

    if (!has_match(s, "nhi-agents")) {
        finding_add(s->found, FINDING_ERROR, "sshd-match-missing", location_of_file(WIRING_SSHD_CONFIG),
                    out_say("sshd treats agents like people: it accepts their own keys, ~/.ssh/rc and host-based "
                            "logins"),
                    out_say("add to the end of " WIRING_SSHD_FILE ": " WIRING_SSHD_MATCH
                            ", and under it the lines of nhictl setup sshd --dry-run"));
        return false;
    }
    if (has_match(s, "nhi-only"))
        return true;
    for (size_t i = 0; i < s->count && l == NULL; i++)
        if (strcmp(s->line[i].keyword, "match") == 0 && sshd_match_is_of(s->line[i].value, "nhi-agents"))
            l = &s->line[i];
    find(s, l,
         &(struct wanted){
             .level = FINDING_WARNING,
             .id = "sshd-match-only",
             .line = WIRING_SSHD_MATCH,
             .why =
                 "sshd treats accounts that take tickets only like people: it accepts their own keys and ~/.ssh/rc" });
    return true;
}

/* ---- keys ---- */

static const char *command_line(void)
{
    return program_sshd_is(WIRING_SSHD_CONNECTION_SINCE) ? WIRING_SSHD_COMMAND WIRING_SSHD_CONNECTION
                                                         : WIRING_SSHD_COMMAND;
}

static void look_at_arguments(const struct sshd *s, const char *value)
{
    const struct sshd_line *l = sshd_find(s, "authorizedkeyscommand");
    const char *want = strchr(WIRING_SSHD_COMMAND, '/');
    size_t len = strlen(want);

    if (strncmp(value, want, len) != 0 || (value[len] != '\0' && strcmp(value + len, WIRING_SSHD_CONNECTION) != 0))
        find(s, l,
             &(struct wanted){
                 .level = FINDING_ERROR,
                 .id = "sshd-keys-command-arguments",
                 .line = command_line(),
                 .why =
                     "the helper is not given the account, the type and the key, in this order: it finds no ticket" });
    else if (value[len] == '\0' && program_sshd_is(WIRING_SSHD_CONNECTION_SINCE))
        find(
            s, l,
            &(struct wanted){
                .level = FINDING_NOTE,
                .id = "sshd-keys-command-connection",
                .line = WIRING_SSHD_COMMAND WIRING_SSHD_CONNECTION,
                .why =
                    "the helper is not given the client's address: it offers keys that a rule on addresses refuses later" });
}

static void look_at_helper(struct doctor *d)
{
    const char *fix = "install it (make install), mode 0755";

    if (access(WIRING_SSHD_HELPER, X_OK) != 0)
        finding_add(&d->found, FINDING_ERROR, "sshd-helper-missing", location_of_file(WIRING_SSHD_HELPER),
                    out_say("sshd cannot ask which keys have a ticket: tickets that are bound to a key open nothing"),
                    out_say("%s", fix));
    else
        (void)findings_check_guard(&d->found, "sshd-helper-writable", WIRING_SSHD_HELPER,
                                   "the helper, so that sshd refuses to run it");
    if (access(WIRING_SSHD_DECIDER, F_OK) != 0)
        finding_add(&d->found, FINDING_ERROR, "sshd-decider-missing", location_of_file(WIRING_SSHD_DECIDER),
                    out_say("the helper loads it for agents: without it tickets that are bound to a key open nothing"),
                    out_say("install it (make install)"));
    else
        (void)findings_check_guard(&d->found, "sshd-decider-writable", WIRING_SSHD_DECIDER,
                                   "what decides about agents' keys, so that the helper refuses to load it");
}

/* sshd accepts no command without the setting for its user. */
static void no_command(const struct sshd *s, const char *user)
{
    const char *why = "sshd does not ask which keys have a ticket: tickets that are bound to a key open nothing";
    const struct sshd_line *l = sshd_find(s, "authorizedkeyscommand");

    if (l != NULL || (user != NULL && strcmp(user, "root") == 0))
        find(s, l,
             &(struct wanted){ .level = FINDING_ERROR, .id = "sshd-keys-command", .line = command_line(), .why = why });
    else
        finding_add(s->found, FINDING_ERROR, "sshd-keys-command", location_of_file(WIRING_SSHD_CONFIG),
                    out_say("%s", why),
                    out_say("%s: %s; and: %s", home(false), command_line(), WIRING_SSHD_COMMAND_USER));
}

static void look_at_keys(struct doctor *d, const struct sshd *s)
{
    char *value = sshd_value(s, "authorizedkeyscommand"), *user = sshd_value(s, "authorizedkeyscommanduser");
    const char *helper = WIRING_SSHD_HELPER;

    if (value == NULL || strncmp(value, helper, strlen(helper)) != 0) {
        no_command(s, user);
    } else {
        look_at_arguments(s, value);
        look_at_helper(d);
        if (user == NULL || strcmp(user, "root") != 0)
            find(s, sshd_find(s, "authorizedkeyscommanduser"),
                 &(struct wanted){ .level = FINDING_ERROR,
                                   .id = "sshd-keys-command-user",
                                   .line = WIRING_SSHD_COMMAND_USER,
                                   .why = "the helper runs as a user who cannot read the ledger" });
    }
    free(value);
    free(user);
}

/* ---- accounts that may log in at all ---- */

/* The first of the agent's names that matches one of the patterns. NULL: none. */
static const char *fits(char *patterns, char *const *names)
{
    char *pattern;

    while ((pattern = file_word(&patterns)) != NULL) {
        pattern[strcspn(pattern, "@")] = '\0';
        for (size_t i = 0; names[i] != NULL; i++)
            if (fnmatch(pattern, names[i], 0) == 0)
                return names[i];
    }
    return NULL;
}

static void look_at_list(const struct sshd *s, const char *keyword, bool allows, char *const *names)
{
    char *list = sshd_values(s, keyword);
    const struct sshd_line *l = sshd_find(s, keyword);
    bool empty = list[strspn(list, " ")] == '\0';
    const char *name = fits(list, names);

    if (!empty && (name != NULL) != allows)
        finding_add(s->found, FINDING_ERROR, "sshd-refuses-agents",
                    l != NULL ? sshd_location(l) : location_of_file(WIRING_SSHD_CONFIG),
                    out_say("sshd refuses agent %s whatever it shows", s->agent),
                    allows ? out_say("add %s to this line", names[0])
                           : out_say("remove from this line what matches %s", name));
    free(list);
}

/* The names of the agent's groups, of which nhi-agents is the first; the caller frees each name and the list. */
static char **groups_of(const char *agent)
{
    gid_t gid[NHI_GROUPS_MAX + 32];
    int n = (int)(sizeof(gid) / sizeof(gid[0]));
    char **names = out_must(calloc((size_t)n + 2, sizeof(*names)));
    const struct passwd *pw = getpwnam(agent);
    size_t count = 0;

    names[count++] = out_must(strdup(NHI_AGENTS_GROUP));
    if (pw == NULL || getgrouplist(agent, pw->pw_gid, gid, &n) < 0)
        return names;
    for (int i = 0; i < n; i++) {
        const struct group *gr = getgrgid(gid[i]);

        if (gr != NULL)
            names[count++] = out_must(strdup(gr->gr_name));
    }
    return names;
}

static void look_at_lists(const struct sshd *s)
{
    char *name = out_must(strdup(s->agent)), *const users[] = { name, NULL }, **groups = groups_of(name);

    look_at_list(s, "allowusers", true, users);
    look_at_list(s, "denyusers", false, users);
    look_at_list(s, "allowgroups", true, groups);
    look_at_list(s, "denygroups", false, groups);
    for (size_t i = 0; groups[i] != NULL; i++)
        free(groups[i]);
    free(groups);
}

/* A list of methods with which an agent can log in: a ticket answers one prompt, and proves one key. */
static bool can_pass(char *list)
{
    char *save = NULL;
    int keys = 0;

    for (char *m = strtok_r(list, ",", &save); m != NULL; m = strtok_r(NULL, ",", &save)) {
        if (strncmp(m, "publickey", 9) == 0)
            keys++;
        else if (strncmp(m, "keyboard-interactive", 20) != 0 && strcmp(m, "password") != 0 && strcmp(m, "any") != 0)
            return false;
    }
    return keys <= 1;
}

static void look_at_methods(const struct sshd *s)
{
    char *value = sshd_value(s, "authenticationmethods"), *at = value, *list;
    bool some = value == NULL;

    while (!some && (list = file_word(&at)) != NULL)
        some = can_pass(list);
    if (!some)
        find(s, sshd_find(s, "authenticationmethods"),
             &(struct wanted){ .level = FINDING_ERROR,
                               .id = "sshd-methods",
                               .line = "AuthenticationMethods any",
                               .why = "sshd requires authentication methods of agents that no ticket can satisfy",
                               .agents = true });
    free(value);
}

/* ---- all of it ---- */

/* Whether nothing here belongs to nhi; then one finding reports that. */
static bool is_unwired(const struct sshd *s)
{
    bool written = access(WIRING_SSHD_FILE, F_OK) == 0 || access(WIRING_SSHD_DIR "/nhi.conf", F_OK) == 0;

    for (size_t i = 0; i < s->count; i++)
        if (strstr(s->line[i].text, "nhi-a") != NULL)
            return false;
    if (written)
        finding_add(s->found, FINDING_ERROR, "sshd-not-included", location_of_file(WIRING_SSHD_CONFIG),
                    out_say("sshd does not read " WIRING_SSHD_DIR ", which has its settings for agents"),
                    out_say("add to its beginning: Include " WIRING_SSHD_DIR "/*.conf"));
    else
        finding_add(s->found, FINDING_ERROR, "sshd-unwired", location_of_file(WIRING_SSHD_CONFIG),
                    out_say("the configuration of sshd does not mention agents"), out_say("run: nhictl setup sshd"));
    return true;
}

static void look(struct doctor *d, const struct sshd *s)
{
    bool match;

    if (is_unwired(s))
        return;
    match = look_at_match(s);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (match || !wanted[i].agents)
            look_at_setting(s, &wanted[i]);
    look_at_keys(d, s);
    doctor_sshd_started(d);
    look_at_methods(s);
    if (s->is_agents)
        look_at_lists(s);
}

void doctor_sshd(struct doctor *d)
{
    struct sshd s;

    if (access(WIRING_SSHD_PROGRAM, F_OK) != 0)
        return;
    if (sshd_read(&d->found, d->agent, &s))
        look(d, &s);
    sshd_free(&s);
}

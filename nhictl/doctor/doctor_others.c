/* SPDX-License-Identifier: ISC */
/*
 * Ways in that do not ask PAM with our line: what they let an agent do is decided without its ticket.
 */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostcfg/sudoers.h"
#include "hostcfg/wiring.h"
#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/doctor/doctor.h"
#include "nhictl/doctor/doctor_sudo_whom.h"
#include "nhictl/say/out.h"

static bool is_installed(const char *const *paths, const char **which)
{
    for (; *paths != NULL; paths++)
        if (access(*paths, F_OK) == 0) {
            *which = *paths;
            return true;
        }
    return false;
}

/* ---- systemd-cron ---- */

static void look_at_systemd_cron(struct doctor *d)
{
    static const char *const generators[] = { "/usr/lib/systemd/system-generators/systemd-crontab-generator",
                                              "/lib/systemd/system-generators/systemd-crontab-generator", NULL };
    const char *which;

    if (is_installed(generators, &which))
        finding_add(
            &d->found, FINDING_ERROR, "cron-without-pam", location_of_file(which),
            out_say("systemd-cron turns crontabs into units, which do not ask PAM: an agent's crontab keeps running "
                    "after its ticket has ended"),
            out_say("make sure that no agent has a crontab, or use cron instead, which asks PAM"));
}

/* ---- other servers of SSH ---- */

/* A file of keys that such a server would accept from an agent, who may have written it. */
static void look_at_keys_of(struct doctor *d, const char *server, const char *account, const char *home)
{
    char *file = out_say("%s/.ssh/authorized_keys", home);

    if (access(file, F_OK) == 0)
        finding_add(&d->found, FINDING_ERROR, "ssh-without-pam", location_of_file(file),
                    out_say("%s accepts these keys for %s without a ticket", server, account),
                    out_say("make %s refuse the keys of agents, or move the file away", server));
    free(file);
}

struct server {
    struct doctor *d;
    const char *path;
};

static int look_at_agent(const struct nhi_agent *a, void *ctx)
{
    struct server *s = ctx;

    look_at_keys_of(s->d, s->path, a->account.name, a->account.home);
    return 0;
}

static void look_at_servers(struct doctor *d)
{
    static const char *const servers[] = { "/usr/sbin/dropbear", "/usr/sbin/tinysshd", NULL };
    struct server s = { .d = d };

    if (!is_installed(servers, &s.path))
        return;
    finding_add(&d->found, FINDING_WARNING, "ssh-without-pam", location_of_file(s.path),
                out_say("an SSH server that does not ask PAM: a key in an agent's own authorized_keys opens its "
                        "account without a ticket"),
                out_say("let it serve only people's accounts, or remove it"));
    if (d->s.l != NULL)
        (void)!nhi_agent_each(d->s.l, look_at_agent, &s);
}

/* ---- doas ---- */

static bool asks_us(const char *path, const char *type)
{
    struct file_text f = { .count = 0 };
    bool asks = false;

    if (file_text_read(path, true, &f) == NHI_OK)
        for (size_t i = 0; i < f.count && !asks; i++) {
            char *bare = file_bare(f.line[i].text);

            asks = strncmp(bare, type, strlen(type)) == 0 && strstr(bare, WIRING_PAM_MODULE) != NULL;
        }
    file_text_free(&f);
    return asks;
}

static bool is_option(const char *word)
{
    static const char *const options[] = { "permit", "nopass", "nolog", "persist", "keepenv", "setenv" };

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (strcmp(word, options[i]) == 0)
            return true;
    return false;
}

/* The word in a rule of doas.conf that names the users: after the options, of which setenv has a list in braces. */
static const char *identity_in(char *rule)
{
    bool braces = false;
    char *word;

    while ((word = file_word(&rule)) != NULL) {
        braces = braces || word[0] == '{';
        if (!braces && !is_option(word))
            return word;
        braces = braces && strchr(word, '}') == NULL;
    }
    return NULL;
}

/* Whether a rule may apply to an agent, as in sudoers. A rule that is not understood may. */
static bool is_for_agents(const struct doctor *d, char *rule)
{
    const char *who = identity_in(rule);
    bool group = who != NULL && who[0] == ':', number;
    const json_t *which;
    json_t *users;
    bool is;

    if (who == NULL)
        return true;
    who += group;
    number = who[0] != '\0' && who[strspn(who, "0123456789")] == '\0';
    if (number)
        users = json_pack("[{sI}]", group ? "usergid" : "userid", (json_int_t)strtoll(who, NULL, 10));
    else
        users = json_pack("[{ss}]", group ? "usergroup" : "username", who);
    is = users == NULL || doctor_sudo_whom(d, users, &which) != SUDOERS_OTHERS;
    json_decref(users);
    return is;
}

static void look_at_doas(struct doctor *d)
{
    static const char *const programs[] = { "/usr/bin/doas", NULL };
    static const char pam[] = WIRING_PAM_DIR "/doas", conf[] = "/etc/doas.conf";
    struct file_text f = { .count = 0 };
    const char *which;

    if (!is_installed(programs, &which) || file_text_read(conf, true, &f) != NHI_OK)
        return;
    for (size_t i = 0; i < f.count; i++) {
        char *copy = out_must(strdup(f.line[i].text));
        char *rule = file_bare(copy);
        bool permits = strncmp(rule, "permit", strlen("permit")) == 0 && is_for_agents(d, rule);

        free(copy);
        for (enum wiring_phase p = WIRING_AUTH; permits && p < WIRING_PHASES; p++) {
            if (asks_us(pam, wiring_pam[p].type))
                continue;
            finding_add(&d->found, FINDING_ERROR, "doas-unwired", location_of_line(conf, &f.line[i]),
                        out_say("doas lets an agent become another user without a ticket"),
                        out_say("add to the beginning of %s: %s; and: %s; and: %s", pam, wiring_pam[WIRING_AUTH].line,
                                wiring_pam[WIRING_ACCOUNT].line, wiring_pam[WIRING_SESSION].line));
            break;
        }
    }
    file_text_free(&f);
}

/* ---- polkit ---- */

/* Whether a rule answers yes, and to which users: a name in quotes is an account or a group there. */
static void look_at_rules(struct doctor *d, const char *path)
{
    struct file_text f = { .count = 0 };
    char *name = d->agent[0] != '\0' ? out_say("\"%s\"", d->agent) : NULL;
    const struct file_line *who = NULL;
    bool says_yes = false;

    if (file_text_read(path, false, &f) == NHI_OK)
        for (size_t i = 0; i < f.count; i++) {
            const char *text = f.line[i].text;

            says_yes = says_yes || strstr(text, "Result.YES") != NULL;
            if (who == NULL && (strstr(text, "\"nhi-agents\"") != NULL || strstr(text, "\"nhi-only\"") != NULL ||
                                (name != NULL && strstr(text, name) != NULL)))
                who = &f.line[i];
        }
    if (says_yes && who != NULL)
        finding_add(&d->found, FINDING_WARNING, "polkit-agents", location_of_line(path, who),
                    out_say("polkit permits an agent without a ticket, and what root then starts for it does not end "
                            "with the ticket"),
                    out_say("permit the command in sudoers instead, and remove the agent from this rule"));
    free(name);
    file_text_free(&f);
}

static void look_at_polkit(struct doctor *d)
{
    static const char *const patterns[] = { "/etc/polkit-1/rules.d/*.rules", "/usr/share/polkit-1/rules.d/*.rules",
                                            "/usr/local/share/polkit-1/rules.d/*.rules" };

    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        glob_t found = { .gl_pathc = 0 };

        (void)glob(patterns[i], 0, NULL, &found);
        for (size_t k = 0; k < found.gl_pathc; k++)
            look_at_rules(d, found.gl_pathv[k]);
        globfree(&found);
    }
}

void doctor_others(struct doctor *d)
{
    look_at_systemd_cron(d);
    look_at_servers(d);
    look_at_doas(d);
    look_at_polkit(d);
}

/* SPDX-License-Identifier: ISC */
/*
 * MUST: a process that may belong to a person or to root is not an agent's. MUST: on an agent's own account, every
 * process ends that belongs to nobody else; on one that takes tickets only, just those that provably belong to an
 * agent.
 */
#include "nhictl/leftover/leftover_judge.h"

#include <stdio.h>
#include <string.h>

/* Why the process does not belong to an agent. NULL: it may. */
static const char *is_others(const struct leftover_facts *f)
{
    if (f->inside)
        return "inside a session";
    if (f->contained)
        return "a container's";
    if (f->login == LOGIN_PERSONS)
        return "part of a person's login";
    if (f->unit == UNIT_ROOTS)
        return "a unit of root";
    /* If the kernel says to whom the login belongs, that decides. */
    if (f->login == LOGIN_NONE && f->terminal)
        return "at another user's terminal";
    if (f->login == LOGIN_NONE && f->person)
        return "started by a person";
    return NULL;
}

/* Why the process belongs to an agent. NULL: no proof. */
static const char *is_agents(const struct leftover_facts *f)
{
    if (f->login == LOGIN_AGENTS || f->cgroup)
        return "left by a session that has ended";
    if (f->unit == UNIT_MANAGER)
        return "run by the account's own user manager";
    if (f->unit == UNIT_CRONTAB)
        return "run by the account's own crontab";
    if (f->unit == UNIT_DELIVERY || f->delivered)
        return "a job of cron or at, or a mail delivery";
    return NULL;
}

enum leftover_verdict leftover_judge(const struct leftover_facts *f, const char **why)
{
    const char *proof = is_agents(f);

    *why = is_others(f);
    if (*why != NULL)
        return LEFTOVER_STAYS;
    if (f->unsure || f->unit == UNIT_UNKNOWN) {
        *why = "cannot be inspected";
        return LEFTOVER_NAMED;
    }
    if (f->before) {
        *why = "started before the account took tickets only";
        return LEFTOVER_NAMED;
    }
    if (f->own && !f->systemd && f->daemons && proof == NULL && f->login == LOGIN_NONE) {
        *why = "one of the daemons that root declared";
        return LEFTOVER_STAYS;
    }
    *why = proof != NULL ? proof : f->own ? "without a session" : "has an unknown origin";
    return f->own || proof != NULL ? LEFTOVER_ENDED : LEFTOVER_NAMED;
}

/* ---- units ---- */

static bool has_suffix(const char *text, size_t len, const char *suffix)
{
    size_t n = strlen(suffix);

    return len > n && memcmp(text + len - n, suffix, n) == 0;
}

/* Takes the first name from the top, where only root makes names, that is not a slice. */
enum leftover_unit leftover_unit_in(const char *cgroup, uint32_t uid, char *name, size_t size)
{
    char manager[32];
    size_t len;

    snprintf(manager, sizeof(manager), "user@%u.service", uid);
    while (*cgroup == '/') {
        cgroup++;
        len = strcspn(cgroup, "/");
        if (has_suffix(cgroup, len, ".slice")) {
            cgroup += len;
            continue;
        }
        if (len == strlen(manager) && memcmp(cgroup, manager, len) == 0)
            return UNIT_MANAGER;
        if (!has_suffix(cgroup, len, ".service") || strncmp(cgroup, "user@", 5) == 0 || cgroup[0] == '-' || len >= size)
            return UNIT_OTHER;
        memcpy(name, cgroup, len);
        name[len] = '\0';
        return UNIT_UNKNOWN;
    }
    return UNIT_OTHER;
}

/* The names of programs and of their units, up to a '@' or a '.'. */
bool leftover_delivers(const char *name)
{
    static const char *const all[] = { "cron",        "crond",    "fcron",    "anacron",   "incrond",
                                       "atd",         "local",    "pipe",     "postfix",   "exim",
                                       "exim4",       "sendmail", "smtpd",    "opensmtpd", "dovecot",
                                       "dovecot-lda", "procmail", "maildrop", "fetchmail", NULL };
    size_t len = strcspn(name, "@.");

    for (size_t i = 0; all[i] != NULL; i++)
        if (strlen(all[i]) == len && memcmp(all[i], name, len) == 0)
            return true;
    return false;
}

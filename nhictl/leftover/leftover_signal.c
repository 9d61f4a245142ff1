/* SPDX-License-Identifier: ISC */
/*
 * MUST: signal a process only after a second look, through a descriptor that was opened before that look.
 */
#include "nhictl/leftover/leftover_signal.h"

#include <signal.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include "nhictl/leftover/leftover_find.h"
#include "nhictl/process/log.h"
#include "nhictl/process/logind.h"

/* Opens the descriptor before the look, so that it cannot be of a later process with the same pid. */
static bool signal_one(struct leftover_look *k, const struct leftover_account *a, const struct leftover_wish *wish,
                       pid_t pid, bool kills)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool sent = false;
    const char *why;

    if (fd < 0)
        return false;
    if (leftover_is_to_end(leftover_verdict_of(k, a, pid, &why), wish)) {
        sent = syscall(SYS_pidfd_send_signal, fd, kills ? SIGKILL : SIGTERM, NULL, 0) == 0;
        /* A stopped process does not handle SIGTERM before it is continued. */
        if (!kills)
            (void)syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0);
    }
    close(fd);
    return sent;
}

/* If an account lingered before it took tickets only, no agent caused that. */
static void end_manager(const struct leftover_account *a)
{
    int64_t since = logind_lingers(a->name, a->uid);

    if (since != 0 && (a->own || (a->known && since > a->since.at)) && logind_end_linger(a->name, a->uid))
        log_say(LOG_AUTHPRIV | LOG_NOTICE, "agents do not linger: account=%s", a->name);
    logind_stop_user(a->uid);
}

void leftover_ask(struct leftover_look *k, const struct leftover_account *a, const struct leftover_wish *wish,
                  const struct members *m)
{
    bool managed = false;

    for (size_t i = 0; i < m->count; i++)
        managed = managed || logind_is_managed(m->all[i].pid, a->uid);
    if (managed || (a->own && logind_lingers(a->name, a->uid) != 0))
        end_manager(a);
    for (size_t i = 0; i < m->count; i++)
        if (!logind_is_managed(m->all[i].pid, a->uid))
            (void)signal_one(k, a, wish, m->all[i].pid, false);
}

void leftover_ask_agents(uint32_t uid, const struct members *m)
{
    const struct leftover_account *a = leftover_account_of(uid);
    const struct leftover_wish wish = { .account = NULL };
    struct leftover_look k = { .lockdown = false };

    if (a != NULL)
        leftover_ask(&k, a, &wish, m);
    leftover_look_end(&k);
}

struct prey {
    struct leftover_look k;
    const struct leftover_account *a;
    const struct leftover_wish *wish;
};

static bool is_prey(pid_t pid, void *ctx)
{
    struct prey *p = ctx;
    const char *why;

    return leftover_is_to_end(leftover_verdict_of(&p->k, p->a, pid, &why), p->wish);
}

void leftover_kill(const struct leftover_account *a, const struct leftover_wish *wish)
{
    struct prey p = { .a = a, .wish = wish };

    p.k.lockdown = wish->lockdown;
    procs_hunt(is_prey, &p);
    leftover_look_end(&p.k);
}

/* SPDX-License-Identifier: ISC */
/*
 * The facts of one process, from /proc, the kernel's audit session, cgroups, logind and systemd.
 */
#ifndef NHICTL_LEFTOVER_GATHER_H
#define NHICTL_LEFTOVER_GATHER_H

#include "nhictl/leftover/leftover_accounts.h"
#include "nhictl/leftover/leftover_judge.h"
#include "nhictl/process/procs.h"

/* One look, which asks for each unit and each audit session once. Zeroed at first; release with leftover_look_end. */
struct leftover_look {
    bool lockdown; /* if the ledger cannot be read, every process under an agent's uid belongs to the agent */
    struct look_unit *units;
    struct look_login *logins;
    size_t unit_count, unit_room, login_count, login_room;
    struct nhi_ledger *ledger;
    bool opened;
};

void leftover_look_end(struct leftover_look *k);

/* The verdict on a process that runs under the account's real uid; STAYS for any other, and if it has gone. */
enum leftover_verdict leftover_verdict_of(struct leftover_look *k, const struct leftover_account *a, pid_t pid,
                                          const char **why);

/* Whether an audit session belongs to a person's login: logind knows it, or it has a process of root or of the person
 * that no agent started. among: the processes that count, or NULL for all. */
bool leftover_is_persons(pid_t pid, uint32_t audit, const struct members *among);

#endif

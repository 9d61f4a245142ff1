/* SPDX-License-Identifier: ISC */
/*
 * The facts of one process, from /proc, the kernel's audit session, cgroups, logind and systemd.
 */
#ifndef NHICTL_LEFTOVER_GATHER_H
#define NHICTL_LEFTOVER_GATHER_H

#include "nhictl/leftover/leftover_accounts.h"
#include "nhictl/leftover/leftover_judge.h"
#include "nhictl/process/procs.h"

/* One look, within which a unit and an audit session are asked for once. Zeroed at first; release with
 * leftover_look_end. */
struct leftover_look {
    bool lockdown; /* where the ledger cannot be read, everything by the uid of an agent is an agent's */
    struct look_unit *units;
    struct look_login *logins;
    size_t unit_count, unit_room, login_count, login_room;
    struct nhi_ledger *ledger;
    bool opened;
};

void leftover_look_end(struct leftover_look *k);

/* Of a process that runs by the account's real uid; STAYS for any other, and for what has gone. */
enum leftover_verdict leftover_verdict_of(struct leftover_look *k, const struct leftover_account *a, pid_t pid,
                                          const char **why);

/* Whether an audit session is of a login of a person's: logind knows it, or somebody of root's or the person's is in it
 * whom no agent started. among: those that count, or NULL for all. */
bool leftover_is_persons(pid_t pid, uint32_t audit, const struct members *among);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The processes that status and doctor report.
 */
#ifndef NHICTL_LEFTOVER_SHOW_H
#define NHICTL_LEFTOVER_SHOW_H

#include "nhictl/leftover/leftover_accounts.h"

struct leftover_row {
    char account[NHI_ACCOUNT_MAX + 1];
    bool own;
    size_t count; /* processes */
    pid_t pid;    /* the first process, its command, and why it is reported */
    char command[64];
    const char *why;
};

/* One entry for each account. Zeroed at first; free it in any case. */
struct leftover_list {
    struct leftover_row *all;
    size_t count, room;
};

NHI_CHECK enum nhi_err leftover_list(struct leftover_list *l);
void leftover_list_free(struct leftover_list *l);

#endif

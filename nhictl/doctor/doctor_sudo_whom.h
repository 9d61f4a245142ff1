/* SPDX-License-Identifier: ISC */
/*
 * Whether the users in a line of sudoers include agents.
 */
#ifndef NHICTL_DOCTOR_SUDO_WHOM_H
#define NHICTL_DOCTOR_SUDO_WHOM_H

#include <jansson.h>

#include "nhictl/doctor/doctor.h"

/* What a list of users from cvtsudoers means for somebody who comes with a ticket. */
enum doctor_sudo_of {
    SUDOERS_OTHERS,
    SUDOERS_ONLY,    /* it names accounts that accept tickets only, or their group */
    SUDOERS_AGENTS,  /* it names agents, or their group */
    SUDOERS_INHERIT, /* it names everybody, or a group that agents happen to be in */
};
/* which: the element of the list that does. */
enum doctor_sudo_of doctor_sudo_whom(const struct doctor *d, const json_t *users, const json_t **which);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * How sshd is started.
 */
#ifndef NHICTL_DOCTOR_SSHD_STARTED_H
#define NHICTL_DOCTOR_SSHD_STARTED_H

#include "nhictl/doctor/doctor.h"

/* Options on its command line, which override its files. */
void doctor_sshd_started(struct doctor *d);

#endif

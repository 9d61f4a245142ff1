/* SPDX-License-Identifier: ISC */
/*
 * setup: asking sshd and sudo themselves about copies of their files.
 */
#ifndef NHICTL_SETUP_HOST_H
#define NHICTL_SETUP_HOST_H

#include "nhictl/setup/setup.h"

struct setup_sshd {
    bool asks_people; /* the prompt is for everybody */
    bool says_connection;
    bool others_keys; /* another program is asked for people's keys, and stays in use */
};

/* Functions that return an int return CTL_DONE, or another exit code after reporting what was wrong. */

/* How sshd understands its configuration without us. */
int setup_sshd_facts(struct setup *s, struct setup_sshd *facts);
/* Whether sudo, by the output of visudo, reads the file that we write: once it and sudoers are planned. */
int setup_sudo_reads(struct setup *s, bool *reads);
int setup_try_sshd(struct setup *s);
int setup_try_sudo(struct setup *s);
/* The same for the files now in force. false: text is the programs' output. */
bool setup_sshd_accepts(char **text);
bool setup_sudo_accepts(char **text);

#endif

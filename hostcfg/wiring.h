/* SPDX-License-Identifier: ISC */
/*
 * The lines that a host needs so that nhi works on it: setup writes them, doctor looks for them, and this is their only
 * copy. pam_nhi(8) and nhictl-setup(8) explain the place of each line.
 */
#ifndef HOSTCFG_WIRING_H
#define HOSTCFG_WIRING_H

#include <stddef.h>

/* setup writes its lines between these two. */
#define WIRING_BEGIN "# nhi: begin. Taken out again by nhictl setup --undo."
#define WIRING_END "# nhi: end."

/* ---- /etc/pam.d ---- */

#define WIRING_PAM_DIR "/etc/pam.d"
#define WIRING_PAM_MODULE "pam_nhi.so"
#define WIRING_PAM_DECIDER LIBEXECDIR "/nhi-decide.so" /* which it loads for agents */

/* The agents' range, unless another one was given to nhictl init; then the lines must name it. */
#define WIRING_UID_MIN 65536
#define WIRING_UID_MAX 99999

enum wiring_phase { WIRING_AUTH, WIRING_ACCOUNT, WIRING_SESSION, WIRING_PHASES };

struct wiring_pam {
    const char *type, *control; /* the first two words of the line */
    const char *line;           /* the whole line, without options */
    const char *place;          /* where the line is, and why, for people */
};
extern const struct wiring_pam wiring_pam[WIRING_PHASES];

/* ---- the operands of setup ---- */

struct wiring_service {
    const char *name;
    const char *package; /* Debian's package with the program */
    const char *pam[3];  /* files of /etc/pam.d that it reads; the first must exist. NULL: no more */
};
extern const struct wiring_service wiring_services[]; /* ends with a NULL name */

/* ---- sshd ---- */

#define WIRING_SSHD_PROGRAM "/usr/sbin/sshd"
#define WIRING_SSHD_CONFIG "/etc/ssh/sshd_config"
#define WIRING_SSHD_DIR "/etc/ssh/sshd_config.d"
/* sshd uses the first value that it finds. */
#define WIRING_SSHD_FILE WIRING_SSHD_DIR "/00-nhi.conf"
#define WIRING_SSHD_INCLUDE "Include " WIRING_SSHD_FILE

#define WIRING_SSHD_PAM "UsePAM yes"
/* For everybody only where passwords are accepted already: it lets PAM ask for one. Else under the Match. */
#define WIRING_SSHD_PROMPT "KbdInteractiveAuthentication yes"
#define WIRING_SSHD_HELPER LIBEXECDIR "/nhi-authorized-keys"
#define WIRING_SSHD_DECIDER LIBEXECDIR "/nhi-decide-keys.so" /* which it loads for agents */
#define WIRING_SSHD_COMMAND "AuthorizedKeysCommand " WIRING_SSHD_HELPER " %u %t %k"
#define WIRING_SSHD_CONNECTION " %C" /* appended from OpenSSH 9.4 on */
#define WIRING_SSHD_CONNECTION_SINCE 904
#define WIRING_SSHD_COMMAND_USER "AuthorizedKeysCommandUser root"
#define WIRING_SSHD_MATCH "Match Group nhi-agents,nhi-only"
#define WIRING_SSHD_MATCH_END "Match all"      /* after the lines below: what follows is about everybody again */
extern const char *const wiring_sshd_agents[]; /* the lines under the Match; ends with NULL */

/* ---- sudo ---- */

#define WIRING_SUDOERS "/etc/sudoers"
#define WIRING_SUDOERS_DIR "/etc/sudoers.d"
#define WIRING_SUDO_FILE WIRING_SUDOERS_DIR "/nhi"
#define WIRING_SUDO_INCLUDE "@include " WIRING_SUDO_FILE
/* With this, sudo -n calls PAM, where the agent's ticket is the answer, and does so at every call. */
#define WIRING_SUDO_DEFAULTS "noninteractive_auth, timestamp_timeout=0"
#define WIRING_SUDO_LINE "Defaults:%nhi-agents " WIRING_SUDO_DEFAULTS
/* For sudo-rs where it does not know the first of them. */
#define WIRING_SUDO_RS_LINE "Defaults:%nhi-agents timestamp_timeout=0"
#define WIRING_SUDO_PROGRAM "/usr/bin/sudo"
#define WIRING_VISUDO_PROGRAM "/usr/sbin/visudo"
#define WIRING_SUDO_RS_PROGRAM "/usr/bin/sudo-rs"

/* ---- nss ---- */

#define WIRING_NSSWITCH "/etc/nsswitch.conf"
/* In these databases, directly after files, so that no other source delays or shadows an agent; at the end if an action
 * in brackets follows files, since that must stay next to it. */
#define WIRING_NSS_SOURCE "nhi"
extern const char *const wiring_nss_databases[]; /* ends with NULL */
/* If nsswitch.conf has a line for it, login uses it instead of the line for group. */
#define WIRING_NSS_INITGROUPS "initgroups"

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The lines of a PAM service, and their possible outcomes: pam.d(5), and _pam_dispatch_aux() of Linux-PAM.
 */
#ifndef HOSTCFG_PAM_STACK_H
#define HOSTCFG_PAM_STACK_H

#include "hostcfg/finding.h"
#include "hostcfg/wiring.h"

struct stack_line {
    char *control, *module, *options; /* options: may be empty */
    int level;                        /* how many substacks it is in */
    bool ours;
    char *file, *text; /* where it stands */
    int line;
    /* Before which line another of its type would stand, if it had to come before this: itself, or where the service's
     * own file includes what is common to all. */
    char *before_file, *before_text;
    int before_line;
};

struct stack {
    struct stack_line *line;
    size_t count, room;
};

struct service {
    const char *name;
    bool there;                     /* it has a file */
    struct stack of[WIRING_PHASES]; /* with what is included, in order */
};

/* What is wrong with the text itself becomes a finding. Release with service_free. */
void service_read(struct findings *found, const char *name, struct service *out);
void service_free(struct service *s);

#endif

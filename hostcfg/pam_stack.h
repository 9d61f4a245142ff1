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
    int level;                        /* how many substacks contain it */
    bool ours;
    char *file, *text; /* its place */
    int line;
    /* The place for another line of its type that must come before this one: this line itself, or the line of the
     * service's own file that includes the common files. */
    char *before_file, *before_text;
    int before_line;
};

struct stack {
    struct stack_line *line;
    size_t count, room;
};

struct service {
    const char *name;
    bool there;                     /* the service has a file */
    struct stack of[WIRING_PHASES]; /* included lines too, in order */
};

/* Errors in the text become findings. Release with service_free. */
void service_read(struct findings *found, const char *name, struct service *out);
void service_free(struct service *s);

#endif

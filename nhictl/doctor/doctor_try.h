/* SPDX-License-Identifier: ISC */
/*
 * Every way through a stack of PAM at once.
 */
#ifndef NHICTL_DOCTOR_TRY_H
#define NHICTL_DOCTOR_TRY_H

#include "hostcfg/pam_stack.h"

/* What a module says. */
enum stack_answer { STACK_YES, STACK_IGNORE, STACK_UNKNOWN, STACK_NO };

/* What the other modules say. */
enum stack_others {
    STACK_ANYTHING,  /* each whatever it likes */
    STACK_WELL,      /* that all is well */
    STACK_PASSWORDS, /* the same, but those that look at passwords refuse */
};

struct stack_outcome {
    bool reached;   /* ours was asked, in some way through the stack */
    bool success;   /* there is a way to success on which it was asked */
    bool passed_by; /* and one on which it was not */
};
struct stack_outcome stack_try(const struct stack *s, enum stack_answer ours, enum stack_others others);

#endif

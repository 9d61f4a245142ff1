/* SPDX-License-Identifier: ISC */
/*
 * Every way through a stack of PAM at once.
 */
#ifndef NHICTL_DOCTOR_TRY_H
#define NHICTL_DOCTOR_TRY_H

#include "hostcfg/pam_stack.h"

/* What a module answers. */
enum stack_answer { STACK_YES, STACK_IGNORE, STACK_UNKNOWN, STACK_NO };

/* What the other modules answer. */
enum stack_others {
    STACK_ANYTHING,  /* each of them anything */
    STACK_WELL,      /* success */
    STACK_PASSWORDS, /* the same, but modules that check passwords deny */
};

struct stack_outcome {
    bool reached;   /* some way through the stack asks our module */
    bool success;   /* some way with our module ends in success */
    bool passed_by; /* some way without it does */
};
struct stack_outcome stack_try(const struct stack *s, enum stack_answer ours, enum stack_others others);

#endif

/*
 * The lines of a PAM service, and what can come of them: pam.d(5), and _pam_dispatch_aux() of Linux-PAM.
 */
#ifndef NHICTL_DOCTOR_STACK_H
#define NHICTL_DOCTOR_STACK_H

#include "nhictl/doctor/doctor.h"
#include "nhictl/setup/wiring.h"

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
    size_t count;
};

struct service {
    const char *name;
    bool there;                     /* it has a file */
    struct stack of[WIRING_PHASES]; /* with what is included, in order */
};

/* What is wrong with the text itself becomes a finding. Release with service_free. */
void service_read(struct doctor *d, const char *name, struct service *out);
void service_free(struct service *s);

/* What a module says. */
enum stack_answer { STACK_YES, STACK_IGNORE, STACK_UNKNOWN, STACK_NO };

/* What the other modules say. */
enum stack_others {
    STACK_ANYTHING,  /* each whatever it likes */
    STACK_WELL,      /* that all is well */
    STACK_PASSWORDS, /* the same, but those that look at passwords refuse */
};

struct stack_outcome {
    bool reached; /* ours was asked, in some way through the stack */
    bool success; /* there is a way to success on which it was asked */
    bool passed_by; /* and one on which it was not */
};
struct stack_outcome stack_try(const struct stack *s, enum stack_answer ours, enum stack_others others);

#endif

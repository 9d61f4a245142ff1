/*
 * What every verb of nhictl is given, and what it is declared with.
 */
#ifndef NHICTL_CTL_H
#define NHICTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libnhi/names.h"
#include "nhictl/opts.h"
#include "nhictl/out.h"

/* Exit codes. */
enum ctl_exit {
    CTL_DONE = 0,
    CTL_REFUSED = 1, /* refused, or a negative answer */
    CTL_USAGE = 2,
    CTL_SYSTEM = 3,    /* the system failed */
    CTL_PART = 7,      /* done in part: what was to end is on record, and something of it still runs */
    CTL_NOT_RUN = 125, /* any of these, of a verb that passes on a command's status */
};

#define CTL_OPERANDS_MAX 2
#define COMMAND_OPERANDS (-1)
#define MANY_OPERANDS (-2)

struct ctl {
    bool json;
    int64_t now; /* the wall clock at the start, seconds since the epoch */
    mode_t umask; /* the caller's; ours is 022 */
    int64_t loginuid; /* for whom the login was that this was started in, whatever becomes of that; -1: nobody's */
    struct out *out;
    const char *where; /* file and line that failures are about for now; NULL: none */
    char said[NHI_TEXT_MAX + 1]; /* what ctl_fail said last; cut */
    const void *args;  /* what the options were parsed into: the verb's own struct */
    const char *operand[CTL_OPERANDS_MAX];
    int operand_count;
    char **command; /* what stands after --, for a verb that takes one; all operands, where they are many */
};

struct verb {
    const char *noun; /* NULL: the verb stands alone */
    const char *verb;
    int (*run)(struct ctl *c);
    const struct opt *opts; /* ends with a NULL name; NULL: none but --json and --help */
    size_t args_size;
    int operand_min, operand_max; /* COMMAND_OPERANDS: -- and a command; MANY_OPERANDS */
    const char *synopsis;         /* what follows the verb */
    const char *summary;          /* one line */
    const char *about;            /* for --help; may be NULL */
    const char *example;          /* a whole command line that works */
};

/* Every file of verbs ends in its table, which ends with a NULL verb. */
extern const struct verb agent_verbs[], agent_add_verbs[], agent_owner_verbs[], owner_verbs[],
    review_verbs[], task_verbs[], ticket_verbs[], setup_verbs[];
extern const struct verb issue_verbs[], import_verbs[], revoke_verbs[], key_verbs[];
extern const struct verb renew_verbs[], run_verbs[], askpass_verbs[], key_change_verbs[],
    session_verbs[], lockdown_verbs[], watch_verbs[], status_verbs[], init_verbs[], apply_verbs[],
    explain_verbs[], policy_verbs[], scan_verbs[], trace_verbs[], audit_verbs[], audit_verify_verbs[],
    audit_export_verbs[], audit_archive_verbs[], metrics_verbs[],
    complete_verbs[], key_custody_verbs[];
extern const struct verb doctor_verbs[];
extern const struct verb agent_registry_verbs[];
extern const struct verb backup_verbs[], restore_verbs[];
extern const struct verb adopt_verbs[];

/* Says what was wrong, and where, on standard error and under --json on standard output too, and returns
 * code. hint: what to type instead, or NULL. Text from outside may stand in the arguments: control
 * characters are escaped. */
int ctl_fail(struct ctl *c, int code, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A remark on standard error that changes nothing. */
void ctl_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The text of --help, on standard output, and of what exists, on f. */
int help_verb(const struct verb *v);
void help_overview(FILE *f, const char *noun);
const struct verb *const *help_tables(void);

#endif

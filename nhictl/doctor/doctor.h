/*
 * What doctor finds on this host, and what those who look share.
 *
 * It only reads, and takes every file that it reads for hostile: torn, endless, somebody else's.
 */
#ifndef NHICTL_DOCTOR_H
#define NHICTL_DOCTOR_H

#include "nhictl/doctor/file.h"
#include "nhictl/store.h"

/* note: it works, and less well than it could. warning: something does not work, or asks for trouble. error: agents
 * are kept out, let in past a decision, or people are kept out. */
enum doctor_level { DOCTOR_NOTE = 1, DOCTOR_WARNING, DOCTOR_ERROR };

/* Where in a file. */
struct doctor_place {
    const char *file;
    int line;         /* 0: the file, or what is not there */
    const char *text; /* of that line; NULL: there is none */
};

struct doctor_finding {
    enum doctor_level level;
    const char *id; /* "pam-account-missing" … */
    char *file, *text;
    int line;
    char *why; /* one sentence */
    char *fix; /* what to do, with the exact line */
};

struct doctor {
    struct ctl *c;
    struct store s;  /* s.l NULL: there is no ledger that can be read */
    enum nhi_err ledger; /* what became of opening it */
    char agent[NHI_AGENT_MAX + 1]; /* an active agent that the host resolves; empty: there is none */
    char *only; /* the accounts that take tickets only, by their names in nhi-only, with spaces between them */
    struct doctor_finding *all;
    size_t count, room;
};

/* Whether something with that beginning of an id was found so far. */
bool doctor_has(const struct doctor *d, const char *prefix);
/* Takes why and fix, which are new. The same id at the same place is found once. */
void doctor_find(struct doctor *d, enum doctor_level level, const char *id, struct doctor_place at, char *why,
                 char *fix);
/* Of a file as a whole. */
struct doctor_place doctor_file(const char *file);
/* The line of a file that was read. line NULL: the file. */
struct doctor_place doctor_line(const char *file, const struct file_line *line);

/* A file that others than root can write, or replace, is a finding of that id: then nothing in it may be run, and
 * false is returned. One that is not there is none. what: what it is, for people. */
bool doctor_is_guarded(struct doctor *d, const char *id, const char *file, const char *what);

/* Each looks at one part of the host. */
void doctor_pam(struct doctor *d);
void doctor_sshd(struct doctor *d);
void doctor_sshd_started(struct doctor *d);
void doctor_sudo(struct doctor *d);
void doctor_host(struct doctor *d);
void doctor_others(struct doctor *d);
void doctor_elsewhere(struct doctor *d);
void doctor_accounts(struct doctor *d);
void doctor_files(struct doctor *d);
void doctor_store(struct doctor *d);
void doctor_keys(struct doctor *d);
void doctor_policy(struct doctor *d);

#endif

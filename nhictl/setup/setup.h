/*
 * setup: the files of this host that get our lines, or lose them again.
 *
 * MUST: a file is one or the other at every moment. MUST: nothing is written before all of it was tried, beside what is
 * in force now: root and every person get in wherever they get in now.
 */
#ifndef NHICTL_SETUP_H
#define NHICTL_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "libnhi/paths.h"
#include "nhictl/setup/wiring.h"

#define SETUP_FILES_MAX 16
#define SETUP_SCRATCH "/run/nhi-setup" /* root's alone, made anew by each run */
#define SETUP_BACKUPS "/var/backups/nhi" /* in it, each file at its own path, as it is without us */

struct ctl;

/* A file as it is, as it would be without us, and as it is going to be. */
enum setup_view { SETUP_NOW, SETUP_CLEAN, SETUP_THEN, SETUP_VIEWS };

struct setup_file {
    const struct wiring_service *service;
    char path[64];
    char *text[SETUP_VIEWS]; /* NULL: not there */
    struct stat st;          /* of what is there */
    mode_t mode;             /* for one that is made */
};

struct setup {
    struct ctl *c;
    bool undo, dry_run;
    bool sshd_without_pam; /* is how people log in now */
    int lock;
    struct setup_file file[SETUP_FILES_MAX];
    size_t count;
};

/* All that return an int return CTL_DONE, or another exit code after saying what was wrong. */

/* ---- plan.c ---- */
/* What pam_nhi takes for agents. */
void setup_agents_range(unsigned *min, unsigned *max);
int setup_plan(struct setup *s, const struct wiring_service *w);

/* ---- file.c ---- */
/* Makes SETUP_SCRATCH, for this run alone. */
int setup_begin(struct setup *s);
void setup_end(struct setup *s);
/* Adds a file with its text as it is. One that is not there is added, too. */
int setup_add(struct setup *s, const struct wiring_service *w, const char *path, mode_t mode, struct setup_file **f);
/* The text of a file in a view, or of one that is not planned, for a trial; the caller's to free. NULL: it is not
 * there. */
char *setup_read(const struct setup *s, const char *path, enum setup_view view);
/* Below SETUP_SCRATCH; parents are made. */
int setup_scratch(struct setup *s, const char *name, const char *text);
bool setup_changes(const struct setup_file *f);
/* Whether there is something of ours in it, or will be. */
bool setup_is_ours(const struct setup_file *f);
/* What diff -u says of it; the caller's to free. */
char *setup_diff(struct setup *s, const struct setup_file *f);
/* For write.c: the directory that a path is in, the caller's to close, and the name there. */
NHI_CHECK enum nhi_err setup_open_directory(const char *path, const char **name, int *fd);
/* Makes what is missing of the path to a file. */
bool setup_make_parents(const char *path);
NHI_CHECK enum nhi_err setup_read_file(const char *path, char **text);
/* NULL: there is none. */
bool setup_same_text(const char *a, const char *b);

/* ---- write.c ---- */
void setup_backup_path(const struct setup_file *f, char path[128]);
/* Whether there is one, and as the file is without us. */
bool setup_has_backup(const struct setup_file *f, bool *same);
/* Whether there is one when all is done; and whether because without us the file is not what it was before us. */
bool setup_keeps_backup(const struct setup *s, const struct setup_file *f);
bool setup_is_edited(const struct setup *s, const struct setup_file *f);
/* Puts it into force. */
int setup_write(struct setup *s, struct setup_file *f);
/* After all of it was undone: what was kept of it has gone home, unless the file was edited since. */
void setup_settle(const struct setup_file *f);
/* Back to what it was before. */
int setup_restore(struct setup *s, const struct setup_file *f);

/* ---- try.c ---- */
/* Whether root and people get in as they do now, and whom that was about. */
int setup_try_pam(struct setup *s, const struct wiring_service *w);
int setup_try_nss(struct setup *s);
/* Calls one for root and for everybody who logs in here with a password or key of theirs. Stops when it is not
 * CTL_DONE. */
int setup_people(int (*one)(const char *name, unsigned uid, void *ctx), void *ctx);

/* ---- host.c ---- */
struct setup_sshd {
    bool asks_people; /* the prompt is for everybody */
    bool says_connection;
    bool others_keys; /* another program is asked for people's keys, and goes on to be */
};
/* What sshd makes of its configuration without us. */
int setup_sshd_facts(struct setup *s, struct setup_sshd *facts);
int setup_try_sshd(struct setup *s);
int setup_try_sudo(struct setup *s);
/* Where in what they say it stands why they refuse it, and how long that is. */
const char *setup_refusal(const char *said, int *len);
/* The same of what is in force now. false: text is what they say. */
bool setup_sshd_accepts(char **text);
bool setup_sudo_accepts(char **text);

#endif

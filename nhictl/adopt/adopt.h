/* SPDX-License-Identifier: ISC */
/*
 * An ordinary account that automation uses: what is known about it, and what would replace it.
 *
 * Everything that is read here (keys, crontabs, logs) was written by others: it is data. It is shown with special
 * characters escaped, and used in a command only when quoted for the shell.
 */
#ifndef NHICTL_ADOPT_H
#define NHICTL_ADOPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "libnhi/base/names.h"
#include "libnhi/check/privileged.h"
#include "libnhi/key/sshkey.h"

struct ctl;

struct adopt_key {
    char *file, *type, *comment, *options; /* options: as written before the type; may be empty */
    char print[NHI_SSHKEY_PRINT_LEN + 1];
    char base64[NHI_SSHKEY_LEN + 1]; /* for an Ed25519 key, which a ticket can be bound to; else empty */
    uint32_t logins;                 /* as counted in the logs */
    char *last;                      /* the last login, as the log has it; NULL */
};

struct adopt_job {
    char *file, *when, *command;
    char *env; /* NAME=VALUE of the crontab above it, one on each line */
    char name[NHI_TASK_MAX + 1];
};

/* Logins of one kind from one place, or runs of one command. */
struct adopt_use {
    char *how, *from, *last; /* from: a numeric address; NULL: none */
    uint32_t count;
};

struct adopt_uses {
    struct adopt_use *all;
    size_t count, room;
    void *known; /* while logs are read: a tree of struct known */
};

struct adopt_list {
    char **text;
    size_t count, room;
};

struct adopt {
    struct ctl *c;
    struct nhi_host_account account;
    char *home;
    char *groups;      /* ordinary groups, with commas between them */
    const char *agent; /* the name of the agent */
    char *owner;
    struct adopt_key *key;
    size_t key_count, key_room;
    struct adopt_job *job;
    size_t job_count, job_room;
    struct adopt_uses logins, commands;
    struct adopt_list sudo, units;
    struct adopt_list as_root; /* how root becomes the account: "FILE:LINE: TEXT" */
    const char *logs;          /* where logins were looked for; NULL: no log */
    bool logs_proven;          /* only sshd and sudo can have written them */
};

#endif

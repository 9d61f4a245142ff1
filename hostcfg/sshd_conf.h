/* SPDX-License-Identifier: ISC */
/*
 * The configuration of sshd: sshd_config(5), as written and as in effect.
 */
#ifndef HOSTCFG_SSHD_CONF_H
#define HOSTCFG_SSHD_CONF_H

#include "hostcfg/finding.h"

struct sshd_line {
    char *keyword, *value; /* keyword in lower case */
    char *match;           /* the text after the Match that it is under; NULL: no Match */
    char *file, *text;
    int number;
};

struct sshd {
    struct findings *found;
    const char *agent;      /* an account: an agent's, where "agents" is written below; empty: no agent exists */
    struct sshd_line *line; /* included lines too, in order */
    size_t count, room;
    char *effective; /* the output of sshd -T for that account, or without one; NULL: it was not asked */
    bool is_agents;  /* the former */
};

/* agent must stay valid as long as out. Release with sshd_free. false: sshd cannot read its configuration, or must not
 * be asked to; that is a finding. */
bool sshd_read(struct findings *found, const char *agent, struct sshd *out);
void sshd_free(struct sshd *s);

/* Whether a Match with that text is one for this group. */
bool sshd_match_is_of(const char *match, const char *group);
/* The value that counts for agents; allocated. NULL: the default, which is not known here. */
char *sshd_value(const struct sshd *s, const char *keyword);
/* The value of a keyword in the output of sshd -T; allocated. NULL: no value, or text is NULL. */
char *sshd_said(const char *text, const char *keyword);
/* The first line with that keyword that counts for agents. NULL: no line. */
const struct sshd_line *sshd_find(const struct sshd *s, const char *keyword);
/* All values for agents of a keyword that may occur several times, with spaces between them; allocated. */
char *sshd_values(const struct sshd *s, const char *keyword);
struct location sshd_location(const struct sshd_line *l);

#endif

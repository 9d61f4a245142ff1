/* SPDX-License-Identifier: ISC */
/*
 * The configuration of sshd: sshd_config(5), as written and as in effect.
 */
#ifndef HOSTCFG_SSHD_CONF_H
#define HOSTCFG_SSHD_CONF_H

#include "hostcfg/finding.h"

struct sshd_line {
    char *keyword, *value; /* keyword in lower case */
    char *match;           /* what stands behind the Match that it is under; NULL: none */
    char *file, *text;
    int number;
};

struct sshd {
    struct findings *found;
    const char *agent;      /* an account: an agent's, where agents are meant below; empty: there is none */
    struct sshd_line *line; /* with what is included, in order */
    size_t count, room;
    char *effective; /* what sshd -T says of that account, or of nobody; NULL: it was not asked */
    bool is_agents;  /* the former */
};

/* agent has to last as long as out. Release with sshd_free. false: sshd cannot read it, or must not be asked, and that
 * is a finding. */
bool sshd_read(struct findings *found, const char *agent, struct sshd *out);
void sshd_free(struct sshd *s);

/* Whether a Match of that text is one for this group. */
bool sshd_match_is_of(const char *match, const char *group);
/* The value that counts for agents; new. NULL: it is the default, which cannot be told. */
char *sshd_value(const struct sshd *s, const char *keyword);
/* In what sshd -T says, the value of a keyword; new. NULL: it has none, or text is NULL. */
char *sshd_said(const char *text, const char *keyword);
/* The first line with that keyword that counts for agents. NULL: none. */
const struct sshd_line *sshd_find(const struct sshd *s, const char *keyword);
/* All values of a keyword that may stand there several times, for agents, with spaces between them; new. */
char *sshd_values(const struct sshd *s, const char *keyword);
struct location sshd_location(const struct sshd_line *l);

#endif

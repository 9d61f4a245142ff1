/* SPDX-License-Identifier: ISC */
/*
 * An event: one line of the trail, and its place in the chain.
 *
 * The line is one JSON object in ASCII on one line. Its members are in the order of struct nhi_event, and empty ones
 * are left out, so that a member that a later release adds does not change old hashes. Other characters in an event (a
 * newline, an escape sequence, letters of another script) are written as \uXXXX.
 *
 * The hash of an event is BLAKE2b-256 of its line up to and without ,"hash":"..." followed by the closing brace; the
 * line names the hash of the event before it as prev. nhi-trail(5) shows how to check that with b2sum.
 */
#ifndef NHI_EVENT_H
#define NHI_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/names.h"
#include "libnhi/ticket/ticket.h"

#define NHI_KIND_MAX 31
#define NHI_WORD_MAX 31 /* of source, decision, reason and proof */

/* Strings are NUL-terminated; an empty one means that the event has no such member. */
struct nhi_event {
    int64_t seq; /* 1, 2, 3 … without a gap; set by the ledger */
    int64_t at;
    char kind[NHI_KIND_MAX + 1]; /* "agent-add", "grant", "denial" … */
    char host[NHI_HOST_MAX + 1]; /* as tickets name it; set by the ledger */
    char agent[NHI_AGENT_MAX + 1];
    char owner[NHI_OWNER_MAX + 1]; /* the agent's owner at that time */
    char task[NHI_TASK_MAX + 1];
    char jti[NHI_JTI_LEN + 1];         /* "ticket" in the line */
    char kid[NHI_KID_MAX + 1];         /* "issuer": the key that signed it */
    char account[NHI_ACCOUNT_MAX + 1]; /* the local account that the event is about */
    char service[NHI_SERVICE_MAX + 1];
    char source[NHI_WORD_MAX + 1];   /* where the ticket was found: "prompt", "keyring" … */
    char from[NHI_HOST_MAX + 1];     /* a numeric address, or "local" */
    char decision[NHI_WORD_MAX + 1]; /* "permit", "deny" */
    char reason[NHI_WORD_MAX + 1];   /* from the closed list of reasons */
    char rule[NHI_TASK_MAX + 1];     /* that decided */
    char policy[NHI_HASH_LEN + 1];   /* hash of the policy that was used */
    char proof[NHI_WORD_MAX + 1];    /* "key": bound, and possession proven; "bearer": the text was enough */
    char record[NHI_JTI_LEN + 1];    /* ID of the decision; no two events have the same */
    char within[NHI_JTI_LEN + 1];    /* record of the grant that opened the session that the event belongs to */
    char session[NHI_TREE_MAX + 1];  /* that session's handle, where it is known */
    char cause[NHI_TEXT_MAX + 1];    /* why, in the words of the person or program that ended something */
    const char *detail;              /* one flat JSON object with the rest, or NULL */
    char prev[NHI_DIGEST_LEN + 1];   /* hash of the event before; of the first: NHI_NO_EVENT */
    char hash[NHI_DIGEST_LEN + 1];
};

/* The predecessor of the first event. */
#define NHI_NO_EVENT "0000000000000000000000000000000000000000000000000000000000000000"

/* The whole line, without a newline; new, the caller's to free. NULL: out of memory. */
char *nhi_event_line(const struct nhi_event *e);
/* Member number i of the line, from kind to cause: its name and its value, which may be empty. NULL: no more members.
 */
const char *nhi_event_member(const struct nhi_event *e, size_t i, const char **value);
/* The hash that e->hash must have. */
NHI_CHECK enum nhi_err nhi_event_hash(const struct nhi_event *e, char hash[NHI_DIGEST_LEN + 1]);

/* Writes text as between the quotes of a JSON string, in ASCII: at most 6 bytes of out for each byte of text, and a
 * NUL. Invalid UTF-8 becomes \ufffd. */
#define NHI_QUOTED_MAX(n) (6 * (n) + 1)
void nhi_text_quote(const char *text, char *out);

#endif

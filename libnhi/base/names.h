/* SPDX-License-Identifier: ISC */
/*
 * The grammar of every name, in one place.
 *
 * Text from outside is data: it is checked here where it enters, so that no later code meets a slash, a colon, a
 * newline or a terminal escape. All lengths are in bytes, without the terminating NUL.
 */
#ifndef NHI_NAMES_H
#define NHI_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NHI_AGENT_MAX 32   /* [a-z][a-z0-9_-]*: fits utmp, useradd and cron */
#define NHI_ACCOUNT_MAX 32 /* [A-Za-z_][A-Za-z0-9._-]*: any ordinary local account */
#define NHI_SERVICE_MAX 32 /* [A-Za-z0-9][A-Za-z0-9._@-]*: a file name in pam.d */
#define NHI_HOST_MAX 253   /* RFC 1123, lower case */
#define NHI_TASK_MAX 64    /* graphic ASCII but no quote and no backslash */
#define NHI_KID_MAX 16     /* [a-z0-9][a-z0-9._-]*: an issuer's key name */
#define NHI_JTI_LEN 22     /* base64url of 128 bits, exactly */
#define NHI_PLACE_MAX 63   /* where a ticket is used: see grant.h */
#define NHI_TREE_MAX 63    /* a session's handle: see session.h */
#define NHI_LIST_MAX 255   /* a space-separated list of names */
#define NHI_OWNER_MAX 128  /* printable UTF-8, no control characters */
#define NHI_TEXT_MAX 256   /* a purpose or a reason: the same */

bool nhi_name_is_agent(const char *s);
bool nhi_name_is_account(const char *s);
bool nhi_name_is_service(const char *s);
bool nhi_name_is_host(const char *s);
bool nhi_name_is_task(const char *s);
bool nhi_name_is_kid(const char *s);
bool nhi_name_is_jti(const char *s);

/* Free text for people: valid UTF-8, 1 to max bytes, no control characters (C0, DEL, C1) and no bidirectional controls,
 * which would make a line look different from its content. */
bool nhi_name_is_text(const char *s, size_t max);

/* The same for the name of an owner: two owners that look alike must be one. So no blank at the beginning or end or
 * other than the space, and no invisible characters (zero-width characters, fillers, variation selectors). */
bool nhi_name_is_owner(const char *s);

/* The first character of a text that is not empty: returns its length in bytes. 0: it is not UTF-8, and cp is its first
 * byte. */
size_t nhi_text_next(const char *s, uint32_t *cp);
/* Whether text may contain it: neither a control character nor a bidirectional control. */
bool nhi_text_is_plain(uint32_t cp);

/* A list: words that word_ok accepts, one space between two, no word twice, at least one word. */
bool nhi_list_is_valid(const char *list, bool (*word_ok)(const char *));

/* Whether word is one of the words of list. An empty list has no words, and the empty word is in no list. */
bool nhi_list_has(const char *list, const char *word);

/* Copies the next word of a list to word (at least NHI_LIST_MAX + 1 bytes) and returns the position to continue from,
 * or NULL at the end. */
const char *nhi_list_next(const char *at, char *word);

#endif

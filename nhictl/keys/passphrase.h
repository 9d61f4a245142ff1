/* SPDX-License-Identifier: ISC */
/*
 * The passphrase of a secret key: from a systemd credential, or typed at a terminal.
 */
#ifndef NHICTL_PASSPHRASE_H
#define NHICTL_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>

#define PASSPHRASE_MAX 1023
#define PASSPHRASE_CREDENTIAL "nhi.passphrase"

struct passphrase {
    char text[PASSPHRASE_MAX + 1];
    size_t len;
    bool typed; /* typed by a person, perhaps with a mistake */
};

/* A file under $CREDENTIALS_DIRECTORY, without its line end. text: allocated, freed by nhi_text_free; NULL: it does not
 * exist, or is longer than max. */
char *credential_read(const char *name, size_t max);

/* false: no credential and no terminal, or nothing was typed. The caller wipes p in any case. */
bool passphrase_get(const char *prompt, struct passphrase *p);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * How a rule or a ticket restricts sessions that sshd opens by key: options of authorized_keys(5).
 */
#ifndef NHI_SSHOPT_H
#define NHI_SSHOPT_H

#include <stdbool.h>
#include <stdint.h>

/* Bits; those of several rules are combined. NHI_SSHOPT_ALL is "restrict", which also covers options of later OpenSSH
 * releases. */
#define NHI_SSHOPT_ALL 0xfu
#define NHI_SSHOPT_TEXT_MAX 80

/* A word of authorized_keys(5) that takes something away: restrict, no-pty, no-port-forwarding, no-agent-forwarding,
 * no-X11-forwarding. 0: another word. */
uint32_t nhi_sshopt_parse(const char *word);
/* Words with spaces between them, as format writes them with ' ': each set has one form. false: the empty list, or
 * anything else. */
bool nhi_sshopt_parse_list(const char *list, uint32_t *options);
/* Writes the words with this character between them. out: at least NHI_SSHOPT_TEXT_MAX + 1 bytes. */
void nhi_sshopt_format(uint32_t options, char between, char *out);

#endif

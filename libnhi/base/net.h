/* SPDX-License-Identifier: ISC */
/*
 * Networks that a login may come from: RFC 4632 and RFC 4291 prefixes, numeric only.
 */
#ifndef NHI_NET_H
#define NHI_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/base/err.h"

/* What stands where an address would: sshd was reached over what has none, a socket of this machine as a rule; over
 * a network, and from which address nobody can tell, since names are others' to choose. */
#define NHI_NET_UNIX "unix"
#define NHI_NET_UNKNOWN "unknown"

#define NHI_NET_TEXT_MAX 49 /* an IPv6 address in its longest form, a slash, three digits */

/* IPv4 as the IPv6 addresses ::ffff:0:0/96, so that a client of a dual-stack listener is the same either way. */
struct nhi_net {
    uint8_t address[16];
    uint8_t bits; /* 0 to 128: how many of them count; the others are 0 */
};

/* "192.0.2.0/24", "2001:db8::/32", or one address. NHI_ERR_FORMAT: anything else, a name and bits behind the
 * prefix that are not 0 included. */
NHI_CHECK enum nhi_err nhi_net_parse(const char *text, struct nhi_net *out);
/* out: at least NHI_NET_TEXT_MAX + 1 bytes. */
void nhi_net_format(const struct nhi_net *net, char *out);
/* Whether a numeric address, with a scope or without, lies within. Never, for what is none. */
bool nhi_net_has(const struct nhi_net *net, const char *address);
/* Whether it is one, and may stand in a line of text. */
bool nhi_net_is_address(const char *text);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Networks that a login may come from: RFC 4632 and RFC 4291 prefixes, numeric only.
 */
#ifndef NHI_NET_H
#define NHI_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/base/err.h"

/* Used in the place of an address: sshd was reached without one, usually over a socket of this machine; or over a
 * network, but the address is unknown, since anybody can choose a name. */
#define NHI_NET_UNIX "unix"
#define NHI_NET_UNKNOWN "unknown"

#define NHI_NET_TEXT_MAX 49 /* an IPv6 address in its longest form, a slash, three digits */

/* IPv4 is stored as the IPv6 addresses ::ffff:0:0/96, so that a client of a dual-stack listener is the same in both
 * forms. */
struct nhi_net {
    uint8_t address[16];
    uint8_t bits; /* 0 to 128: how many bits count; the others are 0 */
};

/* "192.0.2.0/24", "2001:db8::/32", or one address. NHI_ERR_FORMAT: anything else, also a name, or an address with bits
 * after the prefix that are not 0. */
NHI_CHECK enum nhi_err nhi_net_parse(const char *text, struct nhi_net *out);
/* out: at least NHI_NET_TEXT_MAX + 1 bytes. */
void nhi_net_format(const struct nhi_net *net, char *out);
/* Whether the network contains this numeric address, with or without a scope. Never for anything else. */
bool nhi_net_has(const struct nhi_net *net, const char *address);
/* Whether it is a numeric address, which is safe in a line of text. */
bool nhi_net_is_address(const char *text);

#endif

/* SPDX-License-Identifier: ISC */
#include "libnhi/base/net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V4_BITS 96 /* the prefix of an IPv4 address in its IPv6 form */

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

/* A scope after a link-local address names the interface. It is left out. */
static bool read_address(const char *text, size_t len, uint8_t out[16], bool *v4)
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr a;

    if (len >= sizeof(copy))
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    *v4 = inet_pton(AF_INET, copy, &a) == 1;
    if (!*v4)
        return inet_pton(AF_INET6, copy, out) == 1;
    memcpy(out, v4_prefix, sizeof(v4_prefix));
    memcpy(out + sizeof(v4_prefix), &a, sizeof(a));
    return true;
}

/* Whether the first bits of both are equal. */
static bool same(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

enum nhi_err nhi_net_parse(const char *text, struct nhi_net *out)
{
    size_t len = (size_t)(strchrnul(text, '/') - text), i;
    struct nhi_net net = { .bits = 128 }, zero = { .bits = 0 };
    unsigned bits = 0;
    bool v4;

    if (!read_address(text, len, net.address, &v4))
        return NHI_ERR_FORMAT;
    if (text[len] == '/') {
        const char *digits = text + len + 1;

        /* Each number has only one form. */
        if (digits[0] < '0' || digits[0] > '9' || (digits[0] == '0' && digits[1] != '\0'))
            return NHI_ERR_FORMAT;
        for (i = 0; digits[i] >= '0' && digits[i] <= '9' && i < 3; i++)
            bits = bits * 10 + (unsigned)(digits[i] - '0');
        if (digits[i] != '\0' || bits > (v4 ? 32u : 128u))
            return NHI_ERR_FORMAT;
        net.bits = (uint8_t)(v4 ? V4_BITS + bits : bits);
    }
    for (i = 0; i < net.bits / 8u; i++)
        zero.address[i] = net.address[i];
    if (net.bits % 8 != 0)
        zero.address[i] = (uint8_t)(net.address[i] & (0xff00 >> net.bits % 8));
    if (memcmp(zero.address, net.address, sizeof(net.address)) != 0)
        return NHI_ERR_FORMAT;
    *out = net;
    return NHI_OK;
}

void nhi_net_format(const struct nhi_net *net, char *out)
{
    char text[INET6_ADDRSTRLEN] = "";
    bool v4 = net->bits >= V4_BITS && memcmp(net->address, v4_prefix, sizeof(v4_prefix)) == 0;

    (void)inet_ntop(v4 ? AF_INET : AF_INET6, net->address + (v4 ? sizeof(v4_prefix) : 0), text, sizeof(text));
    if (net->bits == 128)
        snprintf(out, NHI_NET_TEXT_MAX + 1, "%s", text);
    else
        snprintf(out, NHI_NET_TEXT_MAX + 1, "%s/%u", text, (unsigned)net->bits - (v4 ? V4_BITS : 0u));
}

bool nhi_net_has(const struct nhi_net *net, const char *address)
{
    uint8_t bytes[16];
    bool v4;

    return read_address(address, (size_t)(strchrnul(address, '%') - address), bytes, &v4) &&
           same(net->address, bytes, net->bits);
}

bool nhi_net_is_address(const char *text)
{
    static const struct nhi_net all;

    for (size_t i = 0; text[i] != '\0'; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return nhi_net_has(&all, text);
}

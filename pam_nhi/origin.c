/* SPDX-License-Identifier: ISC */
#include "pam_nhi/origin.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/net.h"
#include "libnhi/base/proc.h"
#include "libnhi/session/session.h"

/* sshd reports it as UNKNOWN, in capitals, which no host name has here, since sshd converts names to lower case. From
 * 10.0 on it reports nothing. */
static bool is_socket(const struct pnhi_caller *c)
{
    return c->program == PNHI_LOGIN && c->tty != NULL && strcmp(c->tty, "ssh") == 0 &&
           (c->rhost == NULL || c->rhost[0] == '\0' || strcmp(c->rhost, "UNKNOWN") == 0);
}

const char *pnhi_origin_from(const struct pnhi_caller *c)
{
    if (is_socket(c))
        return NHI_NET_UNIX;
    if (c->program != PNHI_LOGIN || c->rhost == NULL || c->rhost[0] == '\0')
        return NULL;
    return pnhi_origin_is_address(c) ? c->rhost : NHI_NET_UNKNOWN;
}

/* A link-local address is followed by the name of an interface. */
bool pnhi_origin_is_address(const struct pnhi_caller *c)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr a;
    size_t len;

    if (c->rhost == NULL)
        return false;
    len = strcspn(c->rhost, "%");
    if (len >= sizeof(address) || strlen(c->rhost) > NHI_PLACE_MAX)
        return false;
    memcpy(address, c->rhost, len);
    address[len] = '\0';
    return inet_pton(AF_INET, address, &a) == 1 || inet_pton(AF_INET6, address, &a) == 1;
}

/* The kernel's audit session if the login has one, which its processes cannot leave; else the session of the terminal,
 * or another one of setsid(2): a process that leaves it only loses the ticket. */
static bool find_local(char place[NHI_PLACE_MAX + 1])
{
    struct nhi_proc leader = { .start = 0 };
    char boot[37];
    uint32_t audit;
    pid_t parent;

    if (nhi_boot_id(boot) != NHI_OK)
        return false;
    if (nhi_proc_audit(getpid(), &audit) == NHI_OK) {
        snprintf(place, NHI_PLACE_MAX + 1, "a-%.8s-%u", boot, (unsigned)audit);
        return true;
    }
    leader.pid = getsid(0);
    if (leader.pid < 0)
        return false;
    /* 0: it was started outside of this container. A leader that has ended cannot return: the kernel reserves its pid
     * while its session exists. */
    if (leader.pid == 0 || nhi_proc_read(leader.pid, &leader, &parent) != NHI_OK)
        leader.start = 0;
    snprintf(place, NHI_PLACE_MAX + 1, "s-%.8s-%ld-%llu", boot, (long)leader.pid, (unsigned long long)leader.start);
    return true;
}

bool pnhi_origin_find(const struct pnhi_caller *c, char place[NHI_PLACE_MAX + 1])
{
    const char *from = pnhi_origin_from(c);

    if (from == NULL)
        return find_local(place);
    if (strcmp(from, NHI_NET_UNKNOWN) == 0)
        return false;
    snprintf(place, NHI_PLACE_MAX + 1, "%s", from);
    return true;
}

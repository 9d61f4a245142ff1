/* SPDX-License-Identifier: ISC */
#include "tests/lib/calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <time.h>

#include "libnhi/ledger/ledger_ticket.h"

int fresh(void **state)
{
    (void)state;
    world_reset();
    return 0;
}

struct world_call login(const char *user, const char *reply)
{
    return (struct world_call){ .service = "sshd", .user = user, .rhost = "192.0.2.7", .tty = "ssh", .reply = reply };
}

struct world_call sudo(const char *user, uid_t uid)
{
    return (struct world_call){ .service = "sudo", .user = user, .ruser = user, .ruid = uid };
}

void revoke_task(void)
{
    struct nhi_ledger *l = world_ledger();

    assert_int_equal(nhi_revoke(l, NHI_REVOKE_TASK, "build-1", "cancelled", time(NULL), NULL), 0);
    world_commit(l);
}

void record(const struct nhi_ticket *t)
{
    struct nhi_ledger *l = world_ledger();

    assert_int_equal(nhi_ticket_record(l, t, NHI_ORIGIN_ISSUED, time(NULL)), NHI_OK);
    world_commit(l);
}

/* SPDX-License-Identifier: ISC */
/* Whether a session has ended, from the files of a host; and whether a supervisor runs. */
/* Invariant: 19. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/check/check.h"
#include "libnhi/ledger/heartbeat.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/schema.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_write.h"
#include "libnhi/session/session.h"
#include "tests/lib/world.h"

static int fresh(void **state)
{
    (void)state;
    world_reset();
    return 0;
}

static struct nhi_grant opened(void)
{
    struct nhi_grant g = { .source = NHI_FROM_PROMPT, .ticket = world_ticket() };

    g.at = (int64_t)time(NULL);
    g.up = nhi_uptime();
    return g;
}

static enum nhi_reason over_in(const struct nhi_moment *m, const struct nhi_grant *g, int64_t *at)
{
    const struct nhi_shown what = { .asked = { .source = g->source, .ticket = &g->ticket }, .since = g };
    struct nhi_verdict v;

    nhi_check_over(m, &what, &v);
    if (at != NULL)
        *at = v.over_at;
    return v.reason;
}

static enum nhi_reason over(const struct nhi_grant *g, int64_t *at)
{
    struct nhi_moment *m = nhi_moment_begin();
    enum nhi_reason r;

    assert_non_null(m);
    r = over_in(m, g, at);
    nhi_moment_end(m);
    return r;
}

/* A session is as old as the time since boot shows, whatever the clock was set to. */
static void by_the_time_since_boot(void **state)
{
    struct nhi_grant g = opened();
    int64_t at, wall = (int64_t)time(NULL);

    (void)state;
    assert_int_equal(over(&g, &at), NHI_PERMIT);
    assert_in_range(at, g.ticket.exp - 2, g.ticket.exp);
    /* The clock was set back by 800 of its 900 seconds: the rest is 100, by the present clock. */
    g.up -= 800;
    assert_int_equal(over(&g, &at), NHI_PERMIT);
    assert_in_range(at, wall + 98, wall + 102);
    g.up -= 100;
    assert_int_equal(over(&g, NULL), NHI_DENY_EXPIRED);
    /* A clock that was set forward is believed. */
    g = opened();
    g.ticket.iat = wall - 10;
    g.ticket.exp = wall;
    g.up = nhi_uptime();
    assert_int_equal(over(&g, NULL), NHI_DENY_EXPIRED);
    /* For a record without it, only the clock is known. */
    g = opened();
    g.at -= 1000;
    g.up = 0;
    assert_int_equal(over(&g, NULL), NHI_PERMIT);
}

static void revoke_in_ledger(enum nhi_revoke_kind kind, const char *id)
{
    struct nhi_ledger *l = world_ledger();

    assert_int_equal(nhi_revoke(l, kind, id, "", time(NULL), NULL), NHI_OK);
    world_commit(l);
}

/* Without the reserve agents are denied, which ends no session; what the ledger says about it does. */
static void without_the_reserve(void **state)
{
    struct nhi_grant g = opened();

    (void)state;
    assert_int_equal(unlink(NHI_STATE_DIR "/" NHI_RESERVE_FILE), 0);
    assert_int_equal(over(&g, NULL), NHI_PERMIT);
    revoke_in_ledger(NHI_REVOKE_TASK, "build-1");
    assert_int_equal(over(&g, NULL), NHI_DENY_REVOKED);
}

/* Without the published state: what the reserve says, under any name. */
static void without_the_state(void **state)
{
    static const enum nhi_revoke_kind kinds[] = { NHI_REVOKE_TICKET, NHI_REVOKE_TASK, NHI_REVOKE_AGENT,
                                                  NHI_REVOKE_ISSUER };
    struct nhi_grant g = opened();

    (void)state;
    memcpy(g.root, "AAECAwQFBgcICQoLDA0ODw", sizeof(g.root));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *ids[] = { g.ticket.jti, "build-1", "ci-bot", "k1" };

        world_reset();
        assert_int_equal(unlink(NHI_RUN_DIR "/" NHI_STATE_FILE), 0);
        assert_int_equal(over(&g, NULL), NHI_PERMIT);
        assert_int_equal(nhi_reserve_add(NHI_STATE_DIR, kinds[i], ids[i], time(NULL)), NHI_OK);
        assert_int_equal(over(&g, NULL), i == 3 ? NHI_DENY_ISSUER_REVOKED : NHI_DENY_REVOKED);
    }
    world_reset();
    assert_int_equal(unlink(NHI_RUN_DIR "/" NHI_STATE_FILE), 0);
    assert_int_equal(nhi_reserve_add(NHI_STATE_DIR, NHI_REVOKE_TICKET, g.root, time(NULL)), NHI_OK);
    assert_int_equal(over(&g, NULL), NHI_DENY_REVOKED);
    /* That it has expired may be outdated: it may have been renewed. */
    world_reset();
    assert_int_equal(unlink(NHI_RUN_DIR "/" NHI_STATE_FILE), 0);
    g.ticket.exp = 1;
    assert_int_equal(over(&g, NULL), NHI_PERMIT);
}

/* A revocation that could not be written counts in this moment, and in no other; for an agent it covers everything,
 * whatever the clock was when that was issued. */
static void said_nowhere(void **state)
{
    struct nhi_grant g = opened();
    struct nhi_moment *m = nhi_moment_begin();

    (void)state;
    g.ticket.iat += 7200;
    g.ticket.exp += 7200;
    assert_non_null(m);
    assert_int_equal(nhi_moment_revoke(m, NHI_REVOKE_AGENT, "other-bot"), NHI_OK);
    assert_int_equal(over_in(m, &g, NULL), NHI_PERMIT);
    assert_int_equal(nhi_moment_revoke(m, NHI_REVOKE_AGENT, "ci-bot"), NHI_OK);
    assert_int_equal(over_in(m, &g, NULL), NHI_DENY_REVOKED);
    nhi_moment_end(m);
    assert_int_equal(over(&g, NULL), NHI_PERMIT);
}

/* ---- the heartbeat ---- */

static enum nhi_supervisor supervisor_of(const char *text)
{
    world_write(NHI_RUN_DIR "/" NHI_HEARTBEAT_FILE, text, 0600);
    return nhi_heartbeat_see(NHI_RUN_DIR, NULL, NULL);
}

static enum nhi_supervisor supervisor_at(int64_t up, int schema, const char *rest)
{
    char text[96];

    snprintf(text, sizeof(text), "%lld %d%s", (long long)up, schema, rest);
    return supervisor_of(text);
}

static void heartbeats(void **state)
{
    enum nhi_err why = NHI_OK;
    int64_t age = 0;

    (void)state;
    assert_int_equal(nhi_heartbeat_see(NHI_RUN_DIR, NULL, &age), NHI_SUPERVISOR_NONE);
    assert_int_equal(age, -1);
    assert_int_equal(nhi_heartbeat_beat(NHI_RUN_DIR, NHI_OK), NHI_OK);
    assert_int_equal(nhi_heartbeat_see(NHI_RUN_DIR, &why, &age), NHI_SUPERVISOR_LIVE);
    assert_int_equal(why, NHI_OK);
    assert_in_range(age, 0, 2);
    assert_true(nhi_heartbeat_is_live(NHI_RUN_DIR));
    assert_int_equal(nhi_heartbeat_beat(NHI_RUN_DIR, NHI_ERR_CORRUPT), NHI_OK);
    assert_int_equal(nhi_heartbeat_see(NHI_RUN_DIR, &why, NULL), NHI_SUPERVISOR_BLIND);
    assert_int_equal(why, NHI_ERR_CORRUPT);
    assert_false(nhi_heartbeat_is_live(NHI_RUN_DIR));
    nhi_heartbeat_end(NHI_RUN_DIR);
    assert_int_equal(nhi_heartbeat_see(NHI_RUN_DIR, NULL, NULL), NHI_SUPERVISOR_NONE);
    assert_int_equal(supervisor_at(nhi_uptime() - NHI_HEARTBEAT_DEAD, nhi_schema_version(), " 0\n"),
                     NHI_SUPERVISOR_LIVE);
    assert_int_equal(supervisor_at(nhi_uptime() - NHI_HEARTBEAT_DEAD - 2, nhi_schema_version(), " 0\n"),
                     NHI_SUPERVISOR_STALE);
    assert_int_equal(supervisor_at(nhi_uptime() + 100, nhi_schema_version(), " 0\n"), NHI_SUPERVISOR_NONE);
}

/* Another release, older or newer, cannot read our ledger. */
static void other_releases(void **state)
{
    (void)state;
    assert_int_equal(supervisor_at(nhi_uptime(), nhi_schema_version() - 1, " 0\n"), NHI_SUPERVISOR_OTHER);
    assert_int_equal(supervisor_at(nhi_uptime(), nhi_schema_version() + 1, " 0 and more\n"), NHI_SUPERVISOR_OTHER);
}

static void no_heartbeat(void **state)
{
    static const char *const texts[] = { "",         "\n",  "x\n",    " 1 3 0\n",
                                         "-1 3 0\n", "1\n", "1\n2\n", "99999999999999999999 3 0\n" };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(supervisor_of(texts[i]), NHI_SUPERVISOR_NONE);
    assert_int_equal(supervisor_at(nhi_uptime(), nhi_schema_version(), " 0"), NHI_SUPERVISOR_NONE);
    assert_int_equal(supervisor_at(nhi_uptime(), nhi_schema_version(), "\n"), NHI_SUPERVISOR_NONE);
    assert_int_equal(supervisor_at(nhi_uptime(), nhi_schema_version(), " 0\nx"), NHI_SUPERVISOR_NONE);
    assert_int_equal(supervisor_at(nhi_uptime(), nhi_schema_version(), " x\n"), NHI_SUPERVISOR_NONE);
    world_write(NHI_RUN_DIR "/" NHI_HEARTBEAT_FILE, "1 3 0\n", 0666);
    assert_int_equal(chmod(NHI_RUN_DIR "/" NHI_HEARTBEAT_FILE, 0666), 0);
    assert_int_equal(nhi_heartbeat_see(NHI_RUN_DIR, NULL, NULL), NHI_SUPERVISOR_NONE);
}

/* What the supervisor has judged, which others need not judge again. */
static void looked(void **state)
{
    (void)state;
    assert_false(nhi_heartbeat_has_looked(NHI_RUN_DIR, 7, 1000));
    nhi_heartbeat_looked(NHI_RUN_DIR, 7, 1000);
    assert_true(nhi_heartbeat_has_looked(NHI_RUN_DIR, 7, 1000));
    assert_false(nhi_heartbeat_has_looked(NHI_RUN_DIR, 8, 1000));
    assert_false(nhi_heartbeat_has_looked(NHI_RUN_DIR, 7, 1001));
    nhi_heartbeat_looked(NHI_RUN_DIR, 123456789, INT64_MAX);
    assert_true(nhi_heartbeat_has_looked(NHI_RUN_DIR, 123456789, 1001));
    nhi_heartbeat_looked(NHI_RUN_DIR, -1, INT64_MAX);
    assert_false(nhi_heartbeat_has_looked(NHI_RUN_DIR, 123456789, 1001));
    assert_false(nhi_heartbeat_has_looked(NHI_RUN_DIR, -1, 1001));
    world_write(NHI_RUN_DIR "/" NHI_LOOKED_FILE, "00000000000000000007 ", 0600);
    assert_false(nhi_heartbeat_has_looked(NHI_RUN_DIR, 7, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(by_the_time_since_boot, fresh),
        cmocka_unit_test_setup(without_the_reserve, fresh),
        cmocka_unit_test_setup(without_the_state, fresh),
        cmocka_unit_test_setup(said_nowhere, fresh),
        cmocka_unit_test_setup(heartbeats, fresh),
        cmocka_unit_test_setup(looked, fresh),
        cmocka_unit_test_setup(other_releases, fresh),
        cmocka_unit_test_setup(no_heartbeat, fresh),
    };

    if (!world_enter())
        return 0;
    return cmocka_run_group_tests_name("over", tests, NULL, NULL);
}

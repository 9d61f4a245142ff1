/* A ledger of an earlier release, which had no chain: its events are in one afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/ledger/ledger_event.h"
#include "tests/lib/state.h"

#define TEXT_MAX 65536
#define TICKET "hQX_p3ZMHcRuNlqGqIg5ZQ"
#define OLD_EVENTS 11

static char text[TEXT_MAX]; /* of the old ledger */

static const char *own_vectors(void)
{
    const char *dir = getenv("NHI_OWN_VECTORS");

    return dir != NULL ? dir : "tests/vectors";
}

static void run(const char *path, const char *sql)
{
    char *why = NULL;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s", why);
    sqlite3_close(db);
    assert_int_equal(chmod(path, 0600), 0);
}

/* As version 1 made it, in the place of the present one. */
static void put_old(void)
{
    run(STATE_LEDGER, text);
    run(STATE_LEDGER, "PRAGMA journal_mode=WAL");
}

static struct nhi_event seen[32];
static int events;

static int see(const struct nhi_event *e, void *ctx)
{
    (void)ctx;
    assert_true(events < 32);
    seen[events] = *e;
    seen[events++].detail = NULL;
    return 0;
}

static void read_events(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);

    events = 0;
    assert_int_equal(nhi_event_each(l, 0, 1000, see, NULL), NHI_OK);
    nhi_ledger_close(l);
}

static void chains_its_events(void **state)
{
    static const char *const kinds[OLD_EVENTS] = {
        "init",         "agent-add", "agent-add", "agent-add", "agent-suspend", "agent-retire",
        "policy-apply", "task-open", "issue",     "denial",    "grant",
    };
    char prev[NHI_DIGEST_LEN + 1] = NHI_NO_EVENT;
    struct nhi_event last = { .at = STATE_NOW, .kind = "revoke", .jti = TICKET };
    struct nhi_ledger *l;

    (void)state;
    put_old();
    l = state_begin();
    assert_int_equal(nhi_event_add(l, &last), NHI_OK);
    state_end(l);
    read_events();
    assert_int_equal(events, OLD_EVENTS + 1);
    for (int i = 0; i < OLD_EVENTS; i++)
        assert_string_equal(seen[i].kind, kinds[i]);
    for (int i = 0; i < events; i++) {
        assert_int_equal(seen[i].seq, i + 1);
        assert_string_equal(seen[i].prev, prev);
        assert_string_equal(seen[i].host, "testhost");
        memcpy(prev, seen[i].hash, sizeof(prev));
    }
    assert_string_equal(seen[10].account, "deploy");
    assert_string_equal(seen[10].decision, "permit");
    assert_string_equal(seen[10].from, "192.0.2.7");
    assert_string_equal(seen[10].owner, "ops@example.org");
    assert_string_equal(seen[10].record, "AAAAAAAAAAAAAAAAAAAAAA");
    assert_string_equal(seen[9].reason, "service");
    assert_string_equal(seen[9].decision, "deny");
    /* What the ledger knows of a ticket and a task need not be said. */
    assert_string_equal(seen[11].agent, "ci-bot");
    assert_string_equal(seen[11].task, "build-4711");
    assert_string_equal(seen[11].kid, "krlmzdxb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(chains_its_events, state_empty),
    };
    char path[4096];
    size_t len;
    FILE *f;

    snprintf(path, sizeof(path), "%s/ledger-1.sql", own_vectors());
    f = fopen(path, "r");
    len = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;
    if (f != NULL)
        fclose(f);
    if (len == 0) {
        printf("not ok 1 - cannot go on: no %s\n", path);
        return 1;
    }
    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}

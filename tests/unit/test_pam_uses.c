/* SPDX-License-Identifier: ISC */
/*
 * pam_nhi: what counts as one use, and of which ticket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <dlfcn.h>
#include <security/pam_appl.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/key/paserk.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_policy.h"
#include "tests/lib/calls.h"

static void test_counted_uses(void **state)
{
    struct nhi_ticket t = world_ticket();
    struct world_call c;
    char *text;

    (void)state;
    t.uses = 2;
    text = world_mint(&t);
    c = login("ci-bot", text);
    for (int i = 0; i < 2; i++)
        assert_int_equal(world_run(&c, ALL), PAM_SUCCESS);
    (void)world_reason();
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "uses");
    assert_int_equal(world_records('u'), 2);
    nhi_text_free(text);
}

static void in_other_process(const struct world_call *c)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(world_run(c, ALL));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_one_transaction_is_one_use(void **state)
{
    struct nhi_ticket t = world_ticket();
    struct world_call c;
    char *text;

    (void)state;
    t.uses = 1;
    text = world_mint(&t);
    c = login("ci-bot", text);
    assert_int_equal(world_login(&c, NULL), PAM_SUCCESS);
    assert_int_equal(world_records('u'), 1);
    nhi_text_free(text);
}

/* A denied try leaves nothing behind that a key login on the same connection could use. */
static void test_spent_ticket_and_then_a_key(void **state)
{
    struct nhi_ticket t = world_ticket();
    struct world_call c;
    char *text;

    (void)state;
    t.uses = 1;
    text = world_mint(&t);
    c = login("ci-bot", text);
    /* Used up by another connection: a process in between is that connection's monitor. */
    in_other_process(&c);
    (void)world_reason();
    assert_int_equal(world_run(&c, WORLD_AUTH | WORLD_ACCOUNT), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "uses");
    world_sql(WORLD_OWN);
    assert_int_equal(world_run_here(&c, NO_AUTH, NULL), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "no-ticket");
    nhi_text_free(text);
}

/* A ticket that uses the ID of a greater one stays as limited as it was signed. */
static void test_borrowed_ticket_id(void **state)
{
    struct nhi_ticket great = world_ticket(), small = great;
    struct world_call c;
    char *text;

    (void)state;
    record(&great);
    snprintf(small.services, sizeof(small.services), "sshd");
    text = world_mint(&small);
    c = login("ci-bot", text);
    assert_int_equal(world_login(&c, NULL), PAM_SUCCESS);
    c = sudo("ci-bot", WORLD_AGENT_UID);
    (void)world_reason();
    assert_int_equal(world_run(&c, NO_AUTH), PAM_PERM_DENIED);
    assert_string_equal(world_reason(), "service");
    nhi_text_free(text);
    /* Its uses cannot be used up by others. */
    small.uses = 5;
    text = world_mint(&small);
    c = login("ci-bot", text);
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "issuer-bounds");
    assert_int_equal(world_records('u'), 0);
    nhi_text_free(text);
}

/* Two issuers of other hosts, one of which knows the ID of the other's ticket, which this host has not seen. */
static void test_same_id_of_another_issuer(void **state)
{
    struct nhi_issuer k2 = { .kid = "k2", .max_ttl = 86400, .agents = "*", .accounts = "*", .services = "*" };
    struct nhi_ticket t = world_ticket(), same = t;
    uint8_t sk[NHI_SK_LEN];
    struct nhi_ledger *l = world_ledger();
    struct world_call theirs, mine;
    char *text, *other;

    (void)state;
    assert_int_equal(nhi_key_generate(k2.pk, sk), NHI_OK);
    assert_int_equal(nhi_issuer_add(l, &k2, t.iat), NHI_OK);
    world_commit(l);
    same.uses = t.uses = 1;
    snprintf(same.kid, sizeof(same.kid), "k2");
    assert_int_equal(nhi_ticket_mint(&same, sk, &other), NHI_OK);
    text = world_mint(&t);
    theirs = login("ci-bot", other);
    theirs.rhost = "192.0.2.66";
    mine = login("ci-bot", text);
    mine.rhost = "192.0.2.1";
    assert_int_equal(world_run(&theirs, ALL), PAM_SUCCESS);
    (void)world_reason();
    assert_int_equal(world_run(&theirs, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "uses");
    assert_int_equal(world_run(&mine, ALL), PAM_SUCCESS);
    (void)world_reason();
    assert_int_equal(world_run(&mine, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "uses");
    nhi_text_free(text);
    nhi_text_free(other);
}

/* The grants of a rule in an hour are counted when they are given, and not again in the later phases of the same login.
 */
static void test_grants_of_an_hour(void **state)
{
    struct nhi_rule rule = { .name = "few", .agents = "*", .accounts = "*", .services = "*", .max_grants = 1 };
    struct nhi_ticket t = world_ticket();
    struct nhi_ledger *l = world_ledger();
    char *text = world_mint(&t);
    struct world_call c = login("ci-bot", text);

    (void)state;
    assert_int_equal(nhi_policy_replace(l, &rule, 1, WORLD_HASH, t.iat), NHI_OK);
    world_commit(l);
    assert_int_equal(world_login(&c, NULL), PAM_SUCCESS);
    (void)world_reason();
    assert_int_equal(world_run(&c, ALL), PAM_AUTH_ERR);
    assert_string_equal(world_reason(), "limit");
    nhi_text_free(text);
}

/* ---- between a decision and its commit ---- */

static struct world_call other;
static int others_rc;
static bool in_between;

/* The module keeps its grant just before it commits it. This function then calls libpam's own. */
__attribute__((visibility("default"))) int pam_set_data(pam_handle_t *h, const char *name, void *data,
                                                        void (*cleanup)(pam_handle_t *, void *, int))
{
    union {
        void *p;
        int (*fn)(pam_handle_t *, const char *, void *, void (*)(pam_handle_t *, void *, int));
    } real = { dlsym(RTLD_NEXT, "pam_set_data") };

    if (real.p == NULL)
        return PAM_SYSTEM_ERR;
    if (in_between && data != NULL && strcmp(name, "pam_nhi:grant") == 0) {
        in_between = false;
        others_rc = world_run(&other, ALL);
    }
    return real.fn(h, name, data, cleanup);
}

/* A ticket that is not bound to a key, first used elsewhere after this use was decided and before it was recorded.
 * Where the host refuses a hand-off, this one is refused; where it records it, it is recorded as one. */
static void test_first_use_in_between(void **state)
{
    (void)state;
    for (int records = 0; records < 2; records++) {
        struct nhi_ticket t;
        struct world_call c;
        struct nhi_settings set;
        struct nhi_ledger *l;
        char *text;

        world_reset();
        l = world_ledger();
        assert_int_equal(nhi_ledger_settings(l, &set), NHI_OK);
        set.pin_records = records != 0;
        assert_int_equal(nhi_ledger_set(l, &set), NHI_OK);
        world_commit(l);
        t = world_ticket();
        text = world_mint(&t);
        c = other = login("ci-bot", text);
        c.rhost = "192.0.2.1";
        other.rhost = "192.0.2.66";
        in_between = true;
        assert_int_equal(world_run_here(&c, WORLD_AUTH, NULL), records ? PAM_SUCCESS : PAM_AUTH_ERR);
        assert_false(in_between);
        assert_int_equal(others_rc, PAM_SUCCESS);
        if (records)
            assert_non_null(strstr(world_log(), "permitted: hand-off reason=permit"));
        else
            assert_string_equal(world_reason(), "pin");
        assert_int_equal(world_records('g'), records ? 2 : 1);
        nhi_text_free(text);
    }
}

/* The child's decision cannot be read in the parent: on a shared account that is not a person's login. */
static void test_damaged_index(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call c = login("deploy", text);
    char path[300];
    struct dirent *e;
    DIR *d;

    (void)state;
    assert_int_equal(world_child(&c), PAM_SUCCESS);
    d = opendir(NHI_STATE_DIR "/" NHI_GRANTS_DIR);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] == 'p') {
            snprintf(path, sizeof(path), NHI_STATE_DIR "/" NHI_GRANTS_DIR "/%s", e->d_name);
            assert_int_equal(truncate(path, 40), 0);
        }
    closedir(d);
    assert_int_not_equal(world_run_here(&c, WORLD_CRED, NULL), PAM_SUCCESS);
    assert_int_not_equal(world_run_here(&c, WORLD_OPEN, NULL), PAM_SUCCESS);
    assert_int_equal(world_sessions(), 0);
    nhi_text_free(text);
}

/* Of this process, its children and the module in them. */
static int *flushes;

__attribute__((visibility("default"))) int fsync(int fd);
int fsync(int fd)
{
    if (flushes != NULL)
        ++*flushes;
    return (int)syscall(SYS_fsync, fd);
}

static int flushes_of(const struct world_call *c)
{
    *flushes = 0;
    assert_int_equal(world_run(c, WORLD_AUTH | WORLD_ACCOUNT), PAM_SUCCESS);
    return *flushes;
}

/* Text and name of a permit are on the disk before it takes effect; with durability = "fast" the pin alone is, until
 * the supervisor has seen it. */
static void test_flushed(void **state)
{
    struct nhi_ticket t = world_ticket();
    struct nhi_settings set;
    struct nhi_ledger *l;
    struct world_call c;
    char *text;

    (void)state;
    text = world_mint(&t);
    c = login("ci-bot", text);
    assert_int_equal(flushes_of(&c), 2);
    assert_int_equal(flushes_of(&c), 2);
    l = world_ledger();
    assert_int_equal(nhi_ledger_settings(l, &set), NHI_OK);
    set.unflushed = true;
    assert_int_equal(nhi_ledger_set(l, &set), NHI_OK);
    world_commit(l);
    assert_int_equal(flushes_of(&c), 1);
    nhi_text_free(text);
}

#define T(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_counted_uses),         T(test_one_transaction_is_one_use), T(test_spent_ticket_and_then_a_key),
        T(test_borrowed_ticket_id),   T(test_same_id_of_another_issuer),  T(test_damaged_index),
        T(test_first_use_in_between), T(test_grants_of_an_hour),          T(test_flushed),
    };

    if (!world_enter())
        return 0;
    flushes = mmap(NULL, sizeof(*flushes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(flushes, MAP_FAILED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * Keys of agents are known as such before anything was published.
 * Invariants: 4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/publish.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/state/bound.h"
#include "libnhi/state/bound_write.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW
#define FILE_NAME NHI_STATE_DIR "/" NHI_BOUND_FILE
#define RECORD ((off_t)sizeof(struct bound_record))

static const uint8_t key[NHI_PK_LEN] = { 1, 2, 3 };

static enum nhi_err has(const char *account)
{
    return nhi_bound_has(NHI_STATE_DIR, key, account);
}

static off_t size(void)
{
    struct stat st;

    return stat(FILE_NAME, &st) == 0 ? st.st_size : -1;
}

/* A ticket for deploy, bound to the key, in an open transaction. */
static struct nhi_ledger *bind(void)
{
    struct nhi_ledger *l = state_begin();
    struct nhi_ticket t = state_ticket(1);

    t.has_cnf = true;
    memcpy(t.cnf, key, sizeof(t.cnf));
    assert_int_equal(nhi_ticket_record(l, &t, NHI_ORIGIN_ISSUED, NOW), NHI_OK);
    return l;
}

static void known_before_the_commit(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    (void)state_ready(NULL);
    assert_int_equal(has("deploy"), NHI_ERR_NOT_FOUND);
    pid = fork();
    if (pid == 0) {
        struct nhi_ledger *l = bind();

        _exit(l->hooks->commit(l) == NHI_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(has("deploy"), NHI_OK);
    assert_int_equal(has("alice"), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_bound_has(NHI_STATE_DIR, (const uint8_t[NHI_PK_LEN]){ 9 }, "deploy"), NHI_ERR_NOT_FOUND);
}

/* What was published has all of them again, and each once. */
static void completed(void **state)
{
    struct nhi_ledger *l;
    off_t was;

    (void)state;
    (void)state_ready(NULL);
    state_end(bind());
    was = size();
    assert_int_equal(unlink(FILE_NAME), 0);
    for (int i = 0; i < 3; i++) {
        l = state_open(NHI_LEDGER_WRITE);
        assert_int_equal(nhi_ledger_publish(l, NOW), NHI_OK);
        nhi_ledger_close(l);
        assert_int_equal(has("deploy"), NHI_OK);
        assert_in_range(size(), 3 * RECORD, was);
        was = size();
    }
}

/* A writer that was killed within a record leaves bytes that count as none; what follows is found. */
static void torn(void **state)
{
    const struct nhi_fact_key keys[] = { nhi_fact_key_pk(NHI_FACT_BOUND, key), nhi_fact_key(NHI_FACT_NAMED, "deploy") };

    (void)state;
    for (off_t cut = 0; cut < RECORD; cut++) {
        (void)state_empty(NULL);
        assert_int_equal(nhi_bound_add(NHI_STATE_DIR, keys, 2), NHI_OK);
        assert_int_equal(truncate(FILE_NAME, RECORD + cut), 0);
        assert_int_equal(has("deploy"), NHI_ERR_NOT_FOUND);
        assert_int_equal(nhi_bound_add(NHI_STATE_DIR, keys + 1, 1), NHI_OK);
        assert_int_equal(has("deploy"), NHI_OK);
        assert_int_equal(size(), 2 * RECORD);
    }
}

/* One flipped bit is another record, and hides no other one. */
static void damaged(void **state)
{
    const struct nhi_fact_key keys[] = { nhi_fact_key(NHI_FACT_NAMED, "alice"), nhi_fact_key_pk(NHI_FACT_BOUND, key),
                                         nhi_fact_key(NHI_FACT_NAMED, "deploy") };
    uint8_t byte;
    int fd;

    (void)state;
    for (off_t at = 0; at < RECORD; at++) {
        (void)state_empty(NULL);
        assert_int_equal(nhi_bound_add(NHI_STATE_DIR, keys, 3), NHI_OK);
        fd = open(FILE_NAME, O_RDWR | O_CLOEXEC);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 4;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
        assert_int_equal(has("alice"), NHI_ERR_NOT_FOUND);
        assert_int_equal(has("deploy"), NHI_OK);
    }
}

static void many(void **state)
{
    static struct nhi_fact_key keys[3000];
    uint8_t pk[NHI_PK_LEN] = { 0 };

    (void)state;
    (void)state_empty(NULL);
    for (size_t i = 0; i < 2999; i++) {
        memcpy(pk, &i, sizeof(i));
        keys[i] = nhi_fact_key_pk(NHI_FACT_BOUND, pk);
    }
    keys[2999] = nhi_fact_key(NHI_FACT_NAMED, "deploy");
    assert_int_equal(nhi_bound_add(NHI_STATE_DIR, keys, 1000), NHI_OK);
    assert_int_equal(nhi_bound_complete(NHI_STATE_DIR, keys, 3000), NHI_OK);
    assert_int_equal(nhi_bound_complete(NHI_STATE_DIR, keys, 3000), NHI_OK);
    assert_int_equal(size(), 3000 * RECORD);
    for (size_t i = 0; i < 2999; i += 7) {
        memcpy(pk, &i, sizeof(i));
        assert_int_equal(nhi_bound_has(NHI_STATE_DIR, pk, "deploy"), NHI_OK);
    }
    assert_int_equal(nhi_bound_complete(NHI_STATE_DIR, NULL, 0), NHI_OK);
}

/* A transaction that binds a key is refused if that cannot be kept; another one is not. */
static void not_a_file(void **state)
{
    static const char *const kinds[] = { "mkdir $X", "ln -s /etc/passwd $X", "mkfifo $X", ": >$X; chmod 644 $X",
                                         ": >$X; chmod 600 $X; chown 1 $X" };
    char command[300];
    struct nhi_ledger *l;

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        (void)state_ready(NULL);
        snprintf(command, sizeof(command), "X=" NHI_BOUND_FILE "; cd " NHI_STATE_DIR " && rm -f $X && %s", kinds[i]);
        assert_int_equal(system(command), 0);
        l = bind();
        assert_int_not_equal(nhi_ledger_commit(l), NHI_OK);
        assert_non_null(strstr(nhi_ledger_message(l), NHI_BOUND_FILE));
        nhi_ledger_close(l);
        l = state_begin();
        state_agent(l, "third-bot", STATE_UID_MIN + 3);
        state_end(l);
        assert_int_not_equal(has("deploy"), NHI_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_before_the_commit),
        cmocka_unit_test(completed),
        cmocka_unit_test(torn),
        cmocka_unit_test(damaged),
        cmocka_unit_test(many),
        cmocka_unit_test(not_a_file),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("bound", tests, NULL, NULL);
}

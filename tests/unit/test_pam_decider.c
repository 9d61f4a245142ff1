/* SPDX-License-Identifier: ISC */
/*
 * The decider that pam_nhi loads: for agents alone, of one build with the module, and from a file that is root's. When
 * it cannot be loaded agents are denied in every phase, and people go on. Invariants: 1, 11, 18.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pam_nhi/decider.h"
#include "tests/lib/calls.h"

#define AWAY PNHI_DECIDER_FILE ".away"

/* The bytes of the decider as it was built. */
static char *whole;
static size_t size;

static void read_whole(void)
{
    struct stat st;
    int fd = open(PNHI_DECIDER_FILE, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    size = (size_t)st.st_size;
    whole = malloc(size);
    assert_non_null(whole);
    assert_int_equal(read(fd, whole, size), (ssize_t)size);
    close(fd);
}

static void put(const void *bytes, size_t len, mode_t mode)
{
    int fd = open(PNHI_DECIDER_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* A new file each time: what is loaded is known by its inode. */
static int as_it_was(void **state)
{
    (void)unlink(PNHI_DECIDER_FILE);
    (void)rmdir(PNHI_DECIDER_FILE);
    (void)chmod(PNHI_DECIDER_DIR, 0755);
    put(whole, size, 0644);
    return fresh(state);
}

/* ---- what may be wrong with it ---- */

static void missing(void)
{
    assert_int_equal(unlink(PNHI_DECIDER_FILE), 0);
}

static void directory(void)
{
    missing();
    assert_int_equal(mkdir(PNHI_DECIDER_FILE, 0755), 0);
}

static void fifo(void)
{
    missing();
    assert_int_equal(mkfifo(PNHI_DECIDER_FILE, 0644), 0);
}

static void link_to_it(void)
{
    assert_int_equal(rename(PNHI_DECIDER_FILE, AWAY), 0);
    assert_int_equal(symlink(AWAY, PNHI_DECIDER_FILE), 0);
}

static void empty(void)
{
    missing();
    put("", 0, 0644);
}

static void noise(void)
{
    missing();
    put("noise that is no shared object\n", 31, 0644);
}

static void cut(void)
{
    missing();
    put(whole, 20000, 0644);
}

static void cut_a_little(void)
{
    missing();
    put(whole, size - 1, 0644);
}

static void theirs(void)
{
    assert_int_equal(chown(PNHI_DECIDER_FILE, WORLD_ALICE_UID, WORLD_ALICE_UID), 0);
}

static void writable(void)
{
    assert_int_equal(chmod(PNHI_DECIDER_FILE, 0664), 0);
}

static void in_their_directory(void)
{
    assert_int_equal(chmod(PNHI_DECIDER_DIR, 0777), 0);
}

/* Wherever the file has that text: a sanitizer keeps names as well. */
static void replace(const char *text, size_t at, char with)
{
    char *copy = malloc(size), *found, *from;
    int times = 0;

    assert_non_null(copy);
    memcpy(copy, whole, size);
    for (from = copy; (found = memmem(from, size - (size_t)(from - copy), text, strlen(text) + 1)) != NULL;
         from = found + 1, times++)
        found[at] = with;
    assert_in_range(times, 1, 100);
    missing();
    put(copy, size, 0644);
    free(copy);
}

static void other_version(void)
{
    replace(NHI_OBJECT_VERSION, 0, '7');
}

/* The name that pam_nhi asks for, in the table of what it exports. */
static void without_entry(void)
{
    replace(PNHI_DECIDER_SYMBOL, 0, 'q');
}

/* What follows the version is the size of what the two pass to each other. */
static void other_size(void)
{
    char *copy = malloc(size), *found;
    struct pnhi_decider d;

    assert_non_null(copy);
    memcpy(copy, whole, size);
    /* The text may also be elsewhere, where a sanitizer has another copy. */
    for (found = copy - 1;;) {
        found = memmem(found + 1, size - (size_t)(found + 1 - copy) - sizeof(d), NHI_OBJECT_VERSION,
                       sizeof(NHI_OBJECT_VERSION));
        assert_non_null(found);
        memcpy(&d, found, sizeof(d));
        if (d.size == sizeof(struct pnhi_caller))
            break;
    }
    found[offsetof(struct pnhi_decider, size)]++;
    missing();
    put(copy, size, 0644);
    free(copy);
}

/* ---- what follows from it ---- */

static int lines_with(const char *text)
{
    const char *at = world_log();
    int n = 0;

    for (; (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

static void person(const char *name, uid_t uid)
{
    struct world_call c = login(name, "a password"), s = sudo(name, uid);
    struct world_call su = {
        .service = "su", .user = name, .ruser = "alice", .ruid = WORLD_ALICE_UID, .reply = "hers"
    };

    (void)world_reason();
    assert_int_equal(world_run(&c, ALL | WORLD_CLOSE), PAM_SUCCESS);
    assert_int_equal(world_run(&c, NO_AUTH | WORLD_CLOSE), PAM_SUCCESS);
    assert_int_equal(world_run(&s, ALL | WORLD_CLOSE), PAM_SUCCESS);
    if (uid != 0)
        assert_int_equal(world_run(&su, ALL | WORLD_CLOSE), PAM_SUCCESS);
    c.proof = "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVKUlAbeNVHSNPhLHKKWGzKWMM/zdMbUEXYnNv0r4Sv";
    assert_int_equal(world_run(&c, NO_AUTH), PAM_SUCCESS);
    c.proof = "publickey ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC4";
    assert_int_equal(world_run(&c, NO_AUTH), PAM_SUCCESS);
    assert_int_equal(lines_with("denied"), 0);
    assert_int_equal(lines_with(PNHI_DECIDER_NAME), 0);
}

/* Denied with the reason in the log, which names the file. */
static void denied(const struct world_call *c, int phases, int code)
{
    (void)world_reason();
    assert_int_equal(world_run(c, phases), code);
    assert_int_equal(lines_with("denied: reason=internal"), 1);
    assert_int_equal(lines_with(PNHI_DECIDER_FILE), 1);
}

static void all_denied(const char *text)
{
    struct world_call own = login("ci-bot", text), shared = login("deploy", text), only = login("batch", text);
    struct world_call agent = sudo("ci-bot", WORLD_AGENT_UID);
    struct world_call cron = { .service = "cron", .user = "ci-bot", .tty = "cron" };

    denied(&own, WORLD_AUTH, PAM_AUTH_ERR);
    denied(&own, WORLD_ACCOUNT, PAM_PERM_DENIED);
    denied(&own, WORLD_CRED, PAM_CRED_ERR);
    denied(&own, WORLD_OPEN, PAM_PERM_DENIED);
    denied(&only, WORLD_AUTH, PAM_AUTH_ERR);
    denied(&only, WORLD_OPEN, PAM_PERM_DENIED);
    /* On an account that it shares with people, an agent is known by the ticket that it shows. */
    denied(&shared, WORLD_AUTH, PAM_AUTH_ERR);
    denied(&agent, WORLD_AUTH, PAM_AUTH_ERR);
    denied(&agent, WORLD_OPEN, PAM_PERM_DENIED);
    denied(&cron, WORLD_ACCOUNT, PAM_PERM_DENIED);
    assert_int_equal(world_sessions(), 0);
}

static void test_faults(void **state)
{
    static void (*const faults[])(
        void) = { missing,      directory, fifo,     link_to_it,         empty,         noise,         cut,
                  cut_a_little, theirs,    writable, in_their_directory, other_version, without_entry, other_size };
    struct nhi_ticket t;
    char *text;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        (void)as_it_was(state);
        t = world_ticket();
        text = world_mint(&t);
        faults[i]();
        person("alice", WORLD_ALICE_UID);
        person("deploy", WORLD_DEPLOY_UID);
        person("root", 0);
        all_denied(text);
        (void)unlink(AWAY);
        nhi_text_free(text);
    }
}

/* It disappears between two phases: the grant that was given opens nothing. */
static void test_gone_between_phases(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call own = login("ci-bot", text), shared = login("deploy", text);

    (void)as_it_was(state);
    nhi_text_free(text);
    t = world_ticket();
    text = world_mint(&t);
    own.reply = shared.reply = text;
    assert_int_equal(world_child(&own), PAM_SUCCESS);
    missing();
    assert_int_equal(world_run_here(&own, WORLD_OPEN, NULL), PAM_PERM_DENIED);
    (void)as_it_was(state);
    nhi_text_free(text);
    t = world_ticket();
    text = world_mint(&t);
    own.reply = shared.reply = text;
    assert_int_equal(world_child(&shared), PAM_SUCCESS);
    missing();
    assert_int_equal(world_run_here(&shared, WORLD_CRED, NULL), PAM_CRED_ERR);
    assert_int_equal(world_run_here(&shared, WORLD_OPEN, NULL), PAM_PERM_DENIED);
    assert_int_equal(world_sessions(), 0);
    nhi_text_free(text);
}

/* ---- for agents alone ---- */

static bool is_loaded(void)
{
    char line[1024];
    FILE *f = fopen("/proc/self/maps", "re");
    bool found = false;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL)
        found = found || strstr(line, PNHI_DECIDER_NAME) != NULL;
    fclose(f);
    return found;
}

static bool was_loaded;

static void look(void)
{
    was_loaded = is_loaded();
}

static bool is_needed_for(const struct world_call *c, int phases)
{
    was_loaded = false;
    assert_int_equal(world_run_here(c, phases, look), PAM_SUCCESS);
    assert_false(is_loaded());
    return was_loaded;
}

static void test_only_for_agents(void **state)
{
    struct nhi_ticket t = world_ticket();
    char *text = world_mint(&t);
    struct world_call person = login("alice", "a password"), agent = login("ci-bot", text);
    struct world_call shared = login("deploy", "a password"), of_agent = login("deploy", text);

    (void)state;
    assert_false(is_needed_for(&person, WORLD_AUTH | WORLD_ACCOUNT | WORLD_CRED));
    assert_false(is_needed_for(&shared, WORLD_AUTH | WORLD_ACCOUNT | WORLD_CRED));
    assert_true(is_needed_for(&agent, WORLD_AUTH | WORLD_ACCOUNT));
    assert_true(is_needed_for(&of_agent, WORLD_AUTH | WORLD_ACCOUNT));
    /* Nothing of it stays for the next caller. */
    assert_false(is_needed_for(&person, WORLD_AUTH | WORLD_ACCOUNT | WORLD_CRED));
    nhi_text_free(text);
}

/* Whoever is root in the session of an agent is known without it; whether that session has ended is not. */
static void test_records_of_people(void **state)
{
    struct world_call root = { .service = "su", .user = "ci-bot", .ruser = "root", .ruid = 0 };
    struct world_call carol = login("alice", "a password");

    (void)state;
    world_write("/etc/group", "nhi-only:x:991:batch\nnhi-observe:x:992:alice\n", 0644);
    missing();
    (void)world_reason();
    assert_int_equal(world_run(&carol, ALL), PAM_SUCCESS);
    assert_int_equal(lines_with("not recorded: account=alice: " PNHI_DECIDER_FILE), 1);
    (void)world_reason();
    assert_int_equal(world_run(&root, NO_AUTH), PAM_SUCCESS);
    assert_int_equal(lines_with("not recorded: account=ci-bot: " PNHI_DECIDER_FILE), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_faults, as_it_was),
        cmocka_unit_test_setup(test_gone_between_phases, as_it_was),
        cmocka_unit_test_setup(test_only_for_agents, as_it_was),
        cmocka_unit_test_setup(test_records_of_people, as_it_was),
    };

    if (!world_enter())
        return 0;
    read_whole();
    return cmocka_run_group_tests_name("pam_decider", tests, NULL, NULL);
}

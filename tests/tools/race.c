/* SPDX-License-Identifier: ISC */
/*
 * Revokes one ticket after the other while eight loops log in without a pause, alternating between the ticket of this
 * turn, the next one, and the one before.
 *
 *   race SERVICE USER DIR COUNT LOGIN
 *
 * DIR has the tickets, in files named 1 to COUNT, and a file named jtis with their IDs, one on each line. Six loops go
 * through the whole of PAM as a daemon does, each time in a new process, with SERVICE of this machine's pam.d:
 * authenticate, account, open_session. Two run the program LOGIN with USER, "reply" and the ticket's file: the real
 * ssh. A login that began, by the monotonic clock, after nhictl revoke had returned 0 must not succeed; and for each
 * ticket one login by PAM must succeed before that, and two must be denied after it; for every fiftieth, logins of both
 * kinds.
 *
 * Prints the counts. Exit status: 0 all as it must be, 1 not so, 125 anything else.
 */
#include <security/pam_appl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOPS 8
#define SSH_LOOPS 2
#define REFUSED 2                     /* of each ticket, before the next has its turn */
#define BOTH_EVERY 50                 /* tickets: one that must be permitted and denied at least once in either way */
#define PATIENCE (300LL * 1000000000) /* nanoseconds: distinguishes a hang from a busy machine */

/* For one ticket. Times are nanoseconds of the monotonic clock, 0: not yet. */
struct turn {
    bool both;
    _Atomic int64_t returned;           /* nhictl revoke */
    _Atomic int64_t last[LOOPS];        /* when the last login that succeeded began, by loop */
    _Atomic long let_in[2], refused[2]; /* by PAM, by ssh; refused: of logins that began after it had returned */
};

struct shared {
    _Atomic long now; /* the ticket of this turn; 0: none yet; -1: stop */
    struct turn turns[];
};
static struct shared *shared;
static long count;

static const char *service, *user, *dir, *login;

static _Noreturn void die(const char *what)
{
    perror(what);
    _exit(125);
}

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- one login ---- */

static int converse(int n, const struct pam_message **msg, struct pam_response **out, void *data)
{
    struct pam_response *r = calloc((size_t)n, sizeof(*r));

    if (r == NULL)
        return PAM_BUF_ERR;
    for (int i = 0; i < n; i++)
        if (msg[i]->msg_style == PAM_PROMPT_ECHO_OFF)
            r[i].resp = strdup(data);
    *out = r;
    return PAM_SUCCESS;
}

static void no_delay(int status, unsigned usec, void *data)
{
    (void)status;
    (void)usec;
    (void)data;
}

static union {
    void (*fn)(int, unsigned, void *);
    const void *item;
} delay = { .fn = no_delay };

/* What it opens may be ended at any moment, and this process with it: it reports itself that it was permitted. */
static _Noreturn void enter(struct turn *t, int me, int64_t began, char *text)
{
    struct pam_conv conv = { converse, text };
    pam_handle_t *h = NULL;
    int rc = pam_start(service, user, &conv, &h);

    if (rc != PAM_SUCCESS || pam_set_item(h, PAM_RHOST, "127.0.0.1") != PAM_SUCCESS ||
        pam_set_item(h, PAM_TTY, "ssh") != PAM_SUCCESS || pam_set_item(h, PAM_FAIL_DELAY, delay.item) != PAM_SUCCESS)
        _exit(125);
    rc = pam_authenticate(h, 0);
    if (rc == PAM_SUCCESS)
        rc = pam_acct_mgmt(h, 0);
    if (rc == PAM_SUCCESS)
        rc = pam_open_session(h, 0);
    if (rc == PAM_SUCCESS) {
        t->last[me] = began;
        (void)pam_close_session(h, 0);
    }
    (void)pam_end(h, rc);
    _exit(rc == PAM_SUCCESS ? 0 : 1);
}

static char *read_ticket(const char *path)
{
    static char text[2048];
    FILE *f = fopen(path, "re");

    if (f == NULL || fgets(text, sizeof(text), f) == NULL)
        die(path);
    fclose(f);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static void log_in(struct turn *t, int me, long turn)
{
    bool by_ssh = me < SSH_LOOPS;
    int64_t began;
    char path[256];
    int status;
    pid_t pid;

    snprintf(path, sizeof(path), "%s/%ld", dir, turn);
    began = now_ns();
    pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0 && by_ssh) {
        (void)!freopen("/dev/null", "w", stderr);
        execl(login, login, user, "reply", path, "true", (char *)NULL);
        die(login);
    }
    if (pid == 0)
        enter(t, me, began, read_ticket(path));
    if (waitpid(pid, &status, 0) != pid)
        die("waitpid");
    if (by_ssh && status == 0)
        t->last[me] = began;
    if (t->last[me] == began)
        t->let_in[by_ssh]++;
    else if (t->returned != 0 && began > t->returned)
        t->refused[by_ssh]++;
}

static _Noreturn void loop(int me)
{
    static const int beside[] = { 0, 1, 0, -1 };
    long now;

    /* Eight at once would leave nothing of a small machine to the revocation. */
    (void)setpriority(PRIO_PROCESS, 0, 19);
    for (unsigned i = (unsigned)me; (now = shared->now) >= 0; i++) {
        long turn = now + beside[i % 4];

        if (now > 0 && turn > 0 && turn <= count)
            log_in(&shared->turns[turn], me, turn);
    }
    _exit(0);
}

/* ---- one revocation ---- */

static bool end_ticket(const char *jti)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL)
            die("/dev/null");
        execlp("nhictl", "nhictl", "revoke", "--ticket", jti, (char *)NULL);
        die("nhictl");
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool is_in(const struct turn *t)
{
    return t->let_in[0] > 0 && (t->let_in[1] > 0 || !t->both);
}

static bool is_refused(const struct turn *t)
{
    return t->refused[0] >= REFUSED && (t->refused[1] > 0 || !t->both);
}

static bool wait_until(bool (*fn)(const struct turn *), const struct turn *t)
{
    const struct timespec tick = { .tv_nsec = 200000 };
    int64_t end = now_ns() + PATIENCE;

    while (!fn(t) && now_ns() < end)
        (void)nanosleep(&tick, NULL);
    return fn(t);
}

static bool take_turn(long turn, const char *jti)
{
    struct turn *t = &shared->turns[turn];

    shared->now = turn;
    if (!wait_until(is_in, t)) {
        printf("ticket %ld: nobody got in\n", turn);
        return false;
    }
    if (!end_ticket(jti)) {
        printf("ticket %ld: nhictl revoke failed\n", turn);
        return false;
    }
    t->returned = now_ns();
    return true;
}

/* A loop that is behind still logs in with it. */
static bool see_off(long turn)
{
    if (turn == 0 || wait_until(is_refused, &shared->turns[turn]))
        return true;
    printf("ticket %ld: nobody was refused\n", turn);
    return false;
}

static int count_up(long turns)
{
    long in[2] = { 0, 0 }, refused[2] = { 0, 0 }, late = 0;

    for (long i = 1; i <= turns; i++) {
        const struct turn *t = &shared->turns[i];

        for (int k = 0; k < LOOPS; k++)
            late += t->returned != 0 && t->last[k] > t->returned;
        for (int k = 0; k < 2; k++) {
            in[k] += t->let_in[k];
            refused[k] += t->refused[k];
        }
    }
    printf("let in: %ld by PAM, %ld by ssh; begun later and refused: %ld by PAM, %ld by ssh; begun later and let in: "
           "%ld\n",
           in[0], in[1], refused[0], refused[1], late);
    return late > 0;
}

int main(int argc, char **argv)
{
    long turn = 0;
    char path[256], jti[64];
    pid_t loops[LOOPS];
    bool good = true;
    FILE *f;

    count = argc == 6 ? strtol(argv[4], NULL, 10) : 0;
    if (count <= 0) {
        fputs("usage: race SERVICE USER DIR COUNT LOGIN\n", stderr);
        return 125;
    }
    service = argv[1];
    user = argv[2];
    dir = argv[3];
    login = argv[5];
    shared = mmap(NULL, sizeof(*shared) + (size_t)(count + 1) * sizeof(shared->turns[0]), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(path, sizeof(path), "%s/jtis", dir);
    f = fopen(path, "re");
    if (shared == MAP_FAILED || f == NULL)
        die(path);
    for (long i = 1; i <= count; i += BOTH_EVERY)
        shared->turns[i].both = true;
    for (int i = 0; i < LOOPS; i++) {
        loops[i] = fork();
        if (loops[i] == 0)
            loop(i);
        if (loops[i] < 0)
            die("fork");
    }
    while (good && turn < count && fgets(jti, sizeof(jti), f) != NULL) {
        jti[strcspn(jti, "\n")] = '\0';
        good = take_turn(++turn, jti) && see_off(turn - 1);
        if (turn % 1000 == 0)
            fprintf(stderr, "# %ld revoked\n", turn);
    }
    fclose(f);
    good = good && see_off(turn);
    shared->now = -1;
    for (int i = 0; i < LOOPS; i++)
        if (waitpid(loops[i], NULL, 0) != loops[i])
            good = false;
    printf("revoked: %ld\n", turn);
    return count_up(turn) != 0 || !good || turn < count;
}

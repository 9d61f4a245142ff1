/* SPDX-License-Identifier: ISC */
/*
 * Calls the functions of libnss_nhi.so.2 directly, as glibc would and as glibc would not.
 *
 *   nss_stress LIB buffers            every buffer size up to the one that is enough
 *   nss_stress LIB status ST ERRNO    every look-up of an agent ends in status ST and *errnop ERRNO
 *   nss_stress LIB initgroups         the list grows, keeps its limit, is restored
 *   nss_stress LIB share COUNT        threads that share one enumeration get each entry once
 *   nss_stress LIB threads COUNT N    threads calling everything N times, forks meanwhile
 *
 * It expects the accounts of tests/lib/accounts.c: agent-00000 with uid 65537, and so on.
 */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pthread.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define UID_MIN 65536u
#define FIRST_UID (UID_MIN + 1)
#define ERRNO_MARK 4711 /* an errno of the host's, which must survive */
#define THREADS 6

static struct {
    nss_getpwnam_r *getpwnam;
    nss_getpwuid_r *getpwuid;
    nss_setpwent *setpwent;
    nss_getpwent_r *getpwent;
    nss_endpwent *endpwent;
    nss_getgrnam_r *getgrnam;
    nss_getgrgid_r *getgrgid;
    nss_setgrent *setgrent;
    nss_getgrent_r *getgrent;
    nss_endgrent *endgrent;
    nss_initgroups_dyn *initgroups;
} nss;

#define CHECK(cond) \
    do { \
        if (!(cond)) { \
            fprintf(stderr, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #cond, errno); \
            _exit(1); \
        } \
    } while (0)

static void load(const char *lib)
{
    static const struct {
        const char *name;
        void *to;
    } symbols[] = {
        { "_nss_nhi_getpwnam_r", &nss.getpwnam },       { "_nss_nhi_getpwuid_r", &nss.getpwuid },
        { "_nss_nhi_setpwent", &nss.setpwent },         { "_nss_nhi_getpwent_r", &nss.getpwent },
        { "_nss_nhi_endpwent", &nss.endpwent },         { "_nss_nhi_getgrnam_r", &nss.getgrnam },
        { "_nss_nhi_getgrgid_r", &nss.getgrgid },       { "_nss_nhi_setgrent", &nss.setgrent },
        { "_nss_nhi_getgrent_r", &nss.getgrent },       { "_nss_nhi_endgrent", &nss.endgrent },
        { "_nss_nhi_initgroups_dyn", &nss.initgroups },
    };
    void *handle = dlopen(lib, RTLD_NOW | RTLD_LOCAL);

    if (handle == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        void *sym = dlsym(handle, symbols[i].name);

        CHECK(sym != NULL);
        memcpy(symbols[i].to, &sym, sizeof(sym));
    }
}

/* The look-ups, all of one form: which, whom, where the answer goes. */
enum lookup { PWNAM, PWUID, PWENT, GRNAM, GRGID, GRENT, AGENTS_NAME, AGENTS_GID, AGENTS_ENT, LOOKUPS };

union answer {
    struct passwd pw;
    struct group gr;
};

static enum nss_status ask(enum lookup what, uint32_t i, union answer *a, char *buf, size_t len, int *err)
{
    char name[33];

    snprintf(name, sizeof(name), "agent-%05u", i);
    errno = ERRNO_MARK;
    switch (what) {
    case PWNAM:
        return nss.getpwnam(name, &a->pw, buf, len, err);
    case PWUID:
        return nss.getpwuid(FIRST_UID + i, &a->pw, buf, len, err);
    case PWENT:
        return nss.getpwent(&a->pw, buf, len, err);
    case GRNAM:
        return nss.getgrnam(name, &a->gr, buf, len, err);
    case GRGID:
        return nss.getgrgid(FIRST_UID + i, &a->gr, buf, len, err);
    case AGENTS_NAME:
        return nss.getgrnam("nhi-agents", &a->gr, buf, len, err);
    case AGENTS_GID:
        return nss.getgrgid(UID_MIN, &a->gr, buf, len, err);
    case GRENT:
    case AGENTS_ENT:
        return nss.getgrent(&a->gr, buf, len, err);
    case LOOKUPS:
        break;
    }
    abort();
}

static void check_inside(const void *p, const char *buf, size_t len)
{
    CHECK((const char *)p >= buf && (const char *)p < buf + len);
}

/* Whether the answer is account i, or the group of all agents, and is within the buffer. */
static void check_answer(enum lookup what, uint32_t i, const union answer *a, const char *buf, size_t len)
{
    char name[33], home[64];

    snprintf(name, sizeof(name), "agent-%05u", i);
    snprintf(home, sizeof(home), "/var/lib/agents/%u", i);
    if (what == PWNAM || what == PWUID || what == PWENT) {
        CHECK(strcmp(a->pw.pw_name, name) == 0 && strcmp(a->pw.pw_passwd, "*") == 0);
        CHECK(a->pw.pw_uid == FIRST_UID + i && a->pw.pw_gid == FIRST_UID + i);
        CHECK(strcmp(a->pw.pw_dir, home) == 0 && a->pw.pw_shell[0] == '/');
        check_inside(a->pw.pw_name, buf, len);
        check_inside(a->pw.pw_passwd, buf, len);
        check_inside(a->pw.pw_gecos, buf, len);
        check_inside(a->pw.pw_dir, buf, len);
        check_inside(a->pw.pw_shell + strlen(a->pw.pw_shell), buf, len);
        return;
    }
    CHECK(strcmp(a->gr.gr_passwd, "*") == 0);
    CHECK((uintptr_t)a->gr.gr_mem % sizeof(char *) == 0);
    check_inside(a->gr.gr_mem, buf, len);
    check_inside(a->gr.gr_name, buf, len);
    if (what == GRNAM || what == GRGID || what == GRENT) {
        CHECK(strcmp(a->gr.gr_name, name) == 0 && a->gr.gr_gid == FIRST_UID + i);
        CHECK(a->gr.gr_mem[0] == NULL);
        return;
    }
    CHECK(strcmp(a->gr.gr_name, "nhi-agents") == 0 && a->gr.gr_gid == UID_MIN);
    CHECK(a->gr.gr_mem[0] == NULL);
}

/* Sets an enumeration so that the next entry is the one that ask(what, 3) would return. */
static void rewind_to(enum lookup what)
{
    char buf[4096];
    union answer a;
    int i, err = 0;

    if (what == AGENTS_ENT)
        CHECK(nss.setgrent(0) == NSS_STATUS_SUCCESS);
    if (what == PWENT || what == GRENT) {
        CHECK((what == PWENT ? nss.setpwent(0) : nss.setgrent(0)) == NSS_STATUS_SUCCESS);
        for (i = what == PWENT ? 1 : 0; i < 4; i++)
            CHECK(ask(what, 0, &a, buf, sizeof(buf), &err) == NSS_STATUS_SUCCESS);
    }
}

/* Each buffer ends where an unmapped page begins, so that one byte too many is a crash, and starts
 * at every alignment in turn. */
static int buffers(void)
{
    const size_t room = 64 * 1024, page = (size_t)sysconf(_SC_PAGESIZE);
    char *base = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    enum lookup what;

    CHECK(base != MAP_FAILED && mprotect(base + room, page, PROT_NONE) == 0);
    for (what = 0; what < LOOKUPS; what++) {
        size_t len, enough = 0, i;
        union answer a;

        for (len = 0; len < room && (enough == 0 || len < enough + 32); len++) {
            char *buf = base + room - len;
            enum nss_status st;
            int err = 0;

            memset(base, 0x5a, room);
            rewind_to(what);
            st = ask(what, 3, &a, buf, len, &err);
            for (i = 0; i < room - len; i++)
                CHECK(base[i] == 0x5a);
            CHECK(errno == ERRNO_MARK);
            if (st == NSS_STATUS_TRYAGAIN) {
                /* Alignment may take up to 7 bytes, so the edge is that wide. */
                CHECK(err == ERANGE && (enough == 0 || len < enough + sizeof(char *)));
                continue;
            }
            CHECK(st == NSS_STATUS_SUCCESS && err == 0);
            check_answer(what, 3, &a, buf, len);
            enough = enough == 0 ? len : enough;
        }
        CHECK(enough > 16);
    }
    return 0;
}

static int status(enum nss_status want, int want_err)
{
    static const uint32_t never[] = { 0, 1, 999, 65534, 65535, UINT32_MAX };
    long int start = 0, size = 4;
    gid_t *gids = malloc(4 * sizeof(*gids));
    enum lookup what;
    char buf[4096];
    union answer a;
    int err;

    CHECK(gids != NULL);
    for (what = 0; what < LOOKUPS; what++) {
        err = 0;
        CHECK(ask(what, 3, &a, buf, sizeof(buf), &err) == want);
        CHECK(err == want_err && errno == ERRNO_MARK);
    }
    err = 0;
    CHECK(nss.initgroups("agent-00003", 1, &start, &size, &gids, -1, &err) == want);
    CHECK(err == want_err && start == 0 && size == 4);
    /* These are misses, whatever happened to the file. */
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        CHECK(nss.getpwuid(never[i], &a.pw, buf, sizeof(buf), &err) == NSS_STATUS_NOTFOUND);
        CHECK(err == ENOENT);
        CHECK(nss.getgrgid(never[i], &a.gr, buf, sizeof(buf), &err) == NSS_STATUS_NOTFOUND);
    }
    CHECK(nss.getpwnam("Debian-exim", &a.pw, buf, sizeof(buf), &err) == NSS_STATUS_NOTFOUND);
    CHECK(nss.getpwnam("nhi-agents", &a.pw, buf, sizeof(buf), &err) == NSS_STATUS_NOTFOUND);
    CHECK(nss.getpwnam("", &a.pw, buf, sizeof(buf), &err) == NSS_STATUS_NOTFOUND);
    CHECK(nss.getgrnam("../etc", &a.gr, buf, sizeof(buf), &err) == NSS_STATUS_NOTFOUND);
    free(gids);
    return 0;
}

/* agent-00003 is in nhi-agents and in 5000, 5001 and 5002. */
static int group_list(void)
{
    static const gid_t all[] = { UID_MIN, 5000, 5001, 5002 };
    const char *user = "agent-00003";
    long int start = 0, size = 0;
    gid_t *gids = NULL;
    int err = 0, i;

    errno = ERRNO_MARK;
    CHECK(nss.initgroups(user, 7, &start, &size, &gids, -1, &err) == NSS_STATUS_SUCCESS);
    CHECK(errno == ERRNO_MARK && start == 4 && size >= 4);
    CHECK(memcmp(gids, all, sizeof(all)) == 0);
    /* The earlier groups stay, and the list grows by doubling when it is full. */
    size = 5;
    start = 4;
    CHECK(nss.initgroups(user, 5001, &start, &size, &gids, 0, &err) == NSS_STATUS_SUCCESS);
    CHECK(start == 7 && size >= 7 && memcmp(gids, all, sizeof(all)) == 0);
    CHECK(gids[4] == UID_MIN && gids[5] == 5000 && gids[6] == 5002);
    for (i = 1; i < 7; i++) {
        start = 0;
        size = 1;
        free(gids);
        gids = malloc(sizeof(*gids));
        CHECK(gids != NULL);
        CHECK(nss.initgroups(user, UID_MIN, &start, &size, &gids, i, &err) == NSS_STATUS_SUCCESS);
        CHECK(start == (i < 3 ? i : 3) && size <= i && gids[start - 1] == all[start]);
    }
    start = 0;
    CHECK(nss.initgroups("agent-99999", 7, &start, &size, &gids, -1, &err) == NSS_STATUS_NOTFOUND);
    CHECK(nss.initgroups("root", 0, &start, &size, &gids, -1, &err) == NSS_STATUS_NOTFOUND);
    CHECK(start == 0 && err == ENOENT);
    free(gids);
    return 0;
}

static uint32_t count;
static unsigned char *seen_pw, *seen_gr;
static long rounds;

static void *share_one(void *arg)
{
    const size_t len = 4096;
    char *buf = malloc(len);
    enum nss_status st;
    union answer a;
    int err = 0;

    (void)arg;
    CHECK(buf != NULL);
    while ((st = nss.getpwent(&a.pw, buf, len, &err)) == NSS_STATUS_SUCCESS)
        CHECK(__atomic_fetch_add(&seen_pw[a.pw.pw_uid - UID_MIN], 1, __ATOMIC_RELAXED) == 0);
    CHECK(st == NSS_STATUS_NOTFOUND && err == ENOENT);
    while ((st = nss.getgrent(&a.gr, buf, len, &err)) == NSS_STATUS_SUCCESS)
        CHECK(__atomic_fetch_add(&seen_gr[a.gr.gr_gid - UID_MIN], 1, __ATOMIC_RELAXED) == 0);
    CHECK(st == NSS_STATUS_NOTFOUND && err == ENOENT);
    free(buf);
    return NULL;
}

/* Asks for everything once; rounds that end in a republished file must not matter. */
static void ask_all(uint32_t i, char *buf, size_t len)
{
    long int start = 0, size = 1;
    gid_t *gids = malloc(sizeof(*gids));
    enum lookup what;
    union answer a;
    int err;

    CHECK(gids != NULL);
    for (what = 0; what < LOOKUPS; what++) {
        enum nss_status st;

        err = 0;
        st = ask(what, i, &a, buf, len, &err);
        if (what == PWENT || what == GRENT || what == AGENTS_ENT) {
            /* Another thread may have taken it to the end. */
            CHECK(st == NSS_STATUS_SUCCESS || (st == NSS_STATUS_NOTFOUND && err == ENOENT));
            continue;
        }
        CHECK(st == NSS_STATUS_SUCCESS);
        check_answer(what, i, &a, buf, len);
    }
    CHECK(nss.getpwuid(FIRST_UID + count, &a.pw, buf, len, &err) == NSS_STATUS_NOTFOUND);
    CHECK(nss.initgroups("agent-00000", 1, &start, &size, &gids, -1, &err) == NSS_STATUS_SUCCESS);
    CHECK(start == 1 && gids[0] == UID_MIN);
    if (i % 16 == 0)
        CHECK(nss.setpwent(0) == NSS_STATUS_SUCCESS && nss.endgrent() == NSS_STATUS_SUCCESS);
    free(gids);
}

static void *ask_always(void *arg)
{
    const size_t len = 4096;
    char *buf = malloc(len);

    CHECK(buf != NULL);
    for (long i = 0; i < rounds; i++)
        ask_all((uint32_t)(i * 7 + *(const int *)arg) % count, buf, len);
    free(buf);
    return NULL;
}

/* Runs body in threads; meanwhile forks children which must be able to ask as well. */
static void in_threads(void *(*body)(void *), int forks)
{
    static int number[THREADS];
    static char buf[1 << 20];
    pthread_t t[THREADS];
    int st;

    for (int i = 0; i < THREADS; i++) {
        number[i] = i;
        CHECK(pthread_create(&t[i], NULL, body, &number[i]) == 0);
    }
    for (int i = 0; i < forks; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            (void)alarm(60); /* only to prevent hanging for ever */
            ask_all((uint32_t)i % count, buf, sizeof(buf));
            _exit(0);
        }
        CHECK(pid > 0 && waitpid(pid, &st, 0) == pid && st == 0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
}

/* The number that the next open would get: it rises when a descriptor is leaked. */
static int next_fd(void)
{
    int fd = dup(0);

    CHECK(fd >= 0);
    close(fd);
    return fd;
}

static int share(void)
{
    seen_pw = calloc(count + 1, 1);
    seen_gr = calloc(count + 1, 1);
    CHECK(seen_pw != NULL && seen_gr != NULL);
    CHECK(nss.setpwent(1) == NSS_STATUS_SUCCESS && nss.setgrent(1) == NSS_STATUS_SUCCESS);
    in_threads(share_one, 0);
    CHECK(seen_pw[0] == 0 && seen_gr[0] == 1);
    for (uint32_t i = 1; i <= count; i++)
        CHECK(seen_pw[i] == 1 && seen_gr[i] == 1);
    free(seen_pw);
    free(seen_gr);
    return 0;
}

static int threads(void)
{
    int fd = next_fd();

    CHECK(rounds > 0 && count > 3);
    in_threads(ask_always, (int)(rounds / 10));
    CHECK(next_fd() == fd);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    load(argv[1]);
    if (argc > 3)
        count = (uint32_t)strtoul(argv[3], NULL, 10);
    if (argc > 4)
        rounds = strtol(argv[4], NULL, 10);
    if (strcmp(argv[2], "buffers") == 0)
        return buffers();
    if (strcmp(argv[2], "status") == 0 && argc > 4)
        return status((enum nss_status)strtol(argv[3], NULL, 10), (int)rounds);
    if (strcmp(argv[2], "initgroups") == 0)
        return group_list();
    if (strcmp(argv[2], "share") == 0 && argc > 3)
        return share();
    if (strcmp(argv[2], "threads") == 0 && argc > 4)
        return threads();
    fprintf(stderr, "nss_stress: unknown or incomplete command %s\n", argv[2]);
    return 2;
}

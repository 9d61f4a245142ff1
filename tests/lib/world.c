/* SPDX-License-Identifier: ISC */
#include "tests/lib/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/key/paserk.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/publish.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_write.h"
#include "pam_nhi/decider.h"

#define CONF "/etc/pam-test"

uint8_t world_sk[NHI_SK_LEN];
static uint8_t world_pk[NHI_PK_LEN];
static int log_fd = -1;
/* sshd copies the PAM environment of its child into its own handle: the descriptor that our child writes it to, and
 * what was read. */
static bool left_variable;
static int environment_to = -1;
static char carried[4096];
static pam_handle_t *handle;
static char log_text[65536], module[1024], prompted[256];

static void must(bool ok, const char *what)
{
    if (!ok) {
        printf("not ok 1 - cannot go on: %s: %s\n", what, strerror(errno));
        (void)fflush(stdout);
        _exit(99);
    }
}

#define MUST(x) must((x), #x)
#define DONE(x) must((x) == NHI_OK, #x)

void world_write(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    MUST(fd >= 0);
    MUST(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    MUST(fchmod(fd, mode) == 0);
    close(fd);
}

/* Closes from. */
static void copy_file(int from, const char *path)
{
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    char buf[65536];
    ssize_t n;

    MUST(to >= 0);
    while ((n = read(from, buf, sizeof(buf))) > 0)
        MUST(write(to, buf, (size_t)n) == n);
    MUST(n == 0);
    close(to);
    close(from);
}

static void device(const char *path, unsigned minor_number)
{
    MUST(mknod(path, S_IFCHR | 0666, makedev(1, minor_number)) == 0);
    MUST(chmod(path, 0666) == 0);
}

static void open_log(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

    log_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    MUST(log_fd >= 0);
    MUST(bind(log_fd, (struct sockaddr *)&a, sizeof(a)) == 0);
}

static void accounts(void)
{
    world_write("/etc/passwd",
                "root:x:0:0::/root:/bin/sh\n"
                "alice:*:1001:1001::/:/bin/sh\ndeploy:*:1002:1002::/:/bin/sh\n"
                "batch:*:1003:1003::/:/bin/sh\nadmin:*:1004:1004::/:/bin/sh\n"
                "ci-bot:*:65537:65537::/:/bin/sh\nother-bot:*:65538:65538::/:/bin/sh\n",
                0644);
    world_write("/etc/group",
                "root:x:0:\ndocker:x:990:admin\nnhi-only:x:991:someone,batch\n"
                "alice:x:1001:\nci-bot:x:65537:\nother-bot:x:65538:\n",
                0644);
    world_write("/etc/nsswitch.conf", "passwd: files\ngroup: files\n", 0644);
}

bool world_enter(void)
{
    const char *build = getenv("BUILD");
    char decider[1024];
    int from;
    static const char *const covered[] = { "/etc", "/run", "/var/lib", "/dev", PNHI_DECIDER_DIR };

    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0) {
        printf("1..0 # SKIP needs root and a mount namespace of its own\n");
        return false;
    }
    if (build == NULL) {
        printf("not ok 1 - cannot go on: BUILD does not name the build directory\n");
        return false;
    }
    snprintf(module, sizeof(module), "%s/pam_nhi.so", build);
    MUST(access(module, R_OK) == 0);
    snprintf(decider, sizeof(decider), "%s/" PNHI_DECIDER_NAME, build);
    from = open(decider, O_RDONLY | O_CLOEXEC);
    MUST(from >= 0);
    (void)umask(022);
    for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++)
        MUST(mount("tmpfs", covered[i], "tmpfs", 0, "mode=0755") == 0);
    copy_file(from, PNHI_DECIDER_FILE);
    /* A session that is registered here must not move its process to a cgroup of the machine. */
    MUST(access("/sys/fs/cgroup", F_OK) != 0 || mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, "mode=0755") == 0);
    device("/dev/null", 3);
    device("/dev/zero", 5);
    device("/dev/urandom", 9);
    open_log();
    accounts();
    MUST(mkdir(CONF, 0755) == 0);
    return true;
}

static void add_agent(struct nhi_ledger *l, const char *name, uint32_t uid, int64_t now)
{
    struct nhi_agent a = { .review_by = now + 86400 * 90 };

    a.account.uid = uid;
    snprintf(a.account.name, sizeof(a.account.name), "%s", name);
    snprintf(a.account.home, sizeof(a.account.home), "/home/%s", name);
    snprintf(a.account.shell, sizeof(a.account.shell), "/bin/sh");
    snprintf(a.owner, sizeof(a.owner), "ops@example.org");
    snprintf(a.purpose, sizeof(a.purpose), "builds");
    DONE(nhi_agent_add(l, &a, now));
}

static void fill(struct nhi_ledger *l)
{
    struct nhi_issuer k1 = { .kid = "k1", .max_ttl = 86400 };
    struct nhi_task task = { .id = "build-1", .agent = "ci-bot" };
    struct nhi_rule rule = { .name = "all" };
    int64_t now = time(NULL);

    memcpy(k1.pk, world_pk, sizeof(k1.pk));
    memcpy(k1.agents, "*", 2);
    memcpy(k1.accounts, "*", 2);
    memcpy(k1.services, "*", 2);
    DONE(nhi_issuer_add(l, &k1, now));
    add_agent(l, "ci-bot", WORLD_AGENT_UID, now);
    add_agent(l, "other-bot", WORLD_OTHER_UID, now);
    task.deadline = now + 7200;
    DONE(nhi_task_open(l, &task, now));
    snprintf(rule.agents, sizeof(rule.agents), "ci-bot");
    snprintf(rule.accounts, sizeof(rule.accounts), "ci-bot deploy batch admin other-bot");
    snprintf(rule.services, sizeof(rule.services), "sshd sudo su cron");
    DONE(nhi_policy_replace(l, &rule, 1, WORLD_HASH, now));
}

/* Resets what a login here made of this process, as it is for the next login. */
static void forget_login(void)
{
    int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)!write(fd, "4294967295", 10);
        close(fd);
    }
}

void world_reset(void)
{
    struct nhi_settings set;
    struct nhi_ledger *l;

    forget_login();
    carried[0] = '\0';
    (void)umount2(NHI_STATE_DIR, MNT_DETACH);
    (void)umount2(NHI_RUN_DIR, MNT_DETACH);
    MUST(mkdir(NHI_STATE_DIR, 0755) == 0 || errno == EEXIST);
    MUST(mkdir(NHI_RUN_DIR, 0700) == 0 || errno == EEXIST);
    MUST(mount("tmpfs", NHI_STATE_DIR, "tmpfs", 0, "mode=0755") == 0);
    MUST(mount("tmpfs", NHI_RUN_DIR, "tmpfs", 0, "mode=0700") == 0);
    MUST(mkdir(NHI_STATE_DIR "/" NHI_GRANTS_DIR, 0700) == 0);
    DONE(nhi_key_generate(world_pk, world_sk));
    DONE(nhi_reserve_create(NHI_STATE_DIR));
    DONE(nhi_ledger_create(NHI_STATE_DIR, WORLD_HOST, 65536, 99999, time(NULL)));
    l = world_ledger();
    DONE(nhi_ledger_settings(l, &set));
    set.unsupervised = true;
    DONE(nhi_ledger_set(l, &set));
    fill(l);
    world_commit(l);
    (void)world_reason();
}

struct nhi_ledger *world_ledger(void)
{
    struct nhi_ledger *l;

    DONE(nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_WRITE, &l));
    DONE(nhi_ledger_publishes(l, NHI_STATE_DIR, NHI_RUN_DIR, 10000));
    DONE(nhi_ledger_begin(l, time(NULL)));
    return l;
}

void world_commit(struct nhi_ledger *l)
{
    DONE(nhi_ledger_commit(l));
    nhi_ledger_close(l);
}

void world_sql(const char *sql)
{
    struct nhi_ledger *l = world_ledger();

    DONE(nhi_sql_run(l, NULL, sql, ""));
    world_commit(l);
}

struct nhi_ticket world_ticket(void)
{
    struct nhi_ticket t = { .kid = "k1", .agent = "ci-bot", .task = "build-1", .host = WORLD_HOST };

    DONE(nhi_id_new(t.jti));
    snprintf(t.accounts, sizeof(t.accounts), "ci-bot deploy batch");
    snprintf(t.services, sizeof(t.services), "sshd sudo su cron");
    t.iat = time(NULL);
    t.exp = t.iat + 900;
    return t;
}

char *world_mint(const struct nhi_ticket *t)
{
    char *text;

    DONE(nhi_ticket_mint(t, world_sk, &text));
    return text;
}

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *ctx)
{
    const struct world_call *c = ctx;

    if (c->asking != NULL)
        c->asking();
    snprintf(prompted, sizeof(prompted), "%s", msg[0]->msg);
    if (c->reply == NULL)
        return PAM_CONV_ERR;
    *resp = calloc((size_t)n, sizeof(**resp));
    for (int i = 0; i < n; i++)
        if (msg[i]->msg_style == PAM_PROMPT_ECHO_OFF)
            (*resp)[i].resp = strdup(c->reply);
        else if (msg[i]->msg_style == PAM_PROMPT_ECHO_ON && c->asked != NULL)
            (*resp)[i].resp = strdup(c->asked);
    return PAM_SUCCESS;
}

/* The lines of DESIGN 8, with pam_permit for the answer of a person's own modules. */
static void configure(const struct world_call *c)
{
    const char *args = c->args != NULL ? c->args : "";
    char path[128], beside[160], text[8192];

    snprintf(path, sizeof(path), CONF "/%s", c->service);
    snprintf(beside, sizeof(beside), "%s.%ld", path, (long)getpid());
    snprintf(text, sizeof(text),
             "auth [success=done user_unknown=ignore default=die] %s %s\n"
             "auth required pam_permit.so\n"
             "account required %s %s\naccount required pam_permit.so\n"
             "session required %s %s\nsession required pam_permit.so\n"
             "password required %s %s\npassword required pam_permit.so\n",
             module, args, module, args, module, args, module, args);
    /* Another process may be reading it. */
    world_write(beside, text, 0644);
    MUST(rename(beside, path) == 0);
}

/* sshd's session child inherits the handle from the monitor and refreshes the credentials. */
static int credentials_in_child(pam_handle_t *h)
{
    int status;
    pid_t pid = fork();

    MUST(pid >= 0);
    if (pid == 0)
        _exit(pam_setcred(h, PAM_REINITIALIZE_CRED));
    MUST(waitpid(pid, &status, 0) == pid);
    must(WIFEXITED(status), "the child was killed");
    return WEXITSTATUS(status);
}

static void say_proof(pam_handle_t *h, const struct world_call *c)
{
    char text[2048];

    if (c->proof == NULL)
        return;
    snprintf(text, sizeof(text), "SSH_AUTH_INFO_0=%s", c->proof);
    MUST(pam_putenv(h, text) == PAM_SUCCESS);
}

static void send_environment(pam_handle_t *h, int fd);

static void bring_environment(pam_handle_t *h)
{
    const char *e;

    for (e = carried; *e != '\0'; e += strlen(e) + 1)
        MUST(pam_putenv(h, e) == PAM_SUCCESS);
}

static int phases_of(pam_handle_t *h, const struct world_call *c, int phases, void (*before_open)(void))
{
    int rc = PAM_SUCCESS;

    bring_environment(h);
    if (c->proof_early)
        say_proof(h, c);
    if (phases & WORLD_AUTH)
        rc = pam_authenticate(h, 0);
    if (rc == PAM_SUCCESS && (phases & WORLD_ACCOUNT))
        rc = pam_acct_mgmt(h, 0);
    if (rc == PAM_SUCCESS && (phases & WORLD_CRED))
        rc = pam_setcred(h, PAM_ESTABLISH_CRED);
    if (rc == PAM_SUCCESS && before_open != NULL)
        before_open();
    say_proof(h, c);
    if (rc == PAM_SUCCESS && (phases & WORLD_OPEN))
        rc = pam_open_session(h, 0);
    if (rc == PAM_SUCCESS && (phases & WORLD_AGAIN))
        rc = credentials_in_child(h);
    if (rc == PAM_SUCCESS && (phases & WORLD_PASSWORD))
        rc = pam_chauthtok(h, 0);
    if (rc == PAM_SUCCESS && (phases & WORLD_CLOSE))
        rc = pam_close_session(h, 0);
    if (rc == PAM_SUCCESS && (phases & WORLD_LET_GO))
        rc = pam_setcred(h, PAM_DELETE_CRED);
    return rc;
}

/* libpam sleeps after a denial; a test need not. */
static void no_delay(int status, unsigned usec, void *ctx)
{
    (void)status;
    (void)usec;
    (void)ctx;
}

pam_handle_t *world_handle(void)
{
    return handle;
}

int world_run_here(const struct world_call *c, int phases, void (*before_open)(void))
{
    struct pam_conv conv = { converse, NULL };
    union {
        const struct world_call *in;
        void *out;
    } ctx = { c };
    union {
        void (*fn)(int, unsigned, void *);
        void *p;
    } delay = { no_delay };
    pam_handle_t *h = NULL;
    int rc;

    conv.appdata_ptr = ctx.out;
    prompted[0] = '\0';
    configure(c);
    must(pam_start_confdir(c->service, c->user, &conv, CONF, &h) == PAM_SUCCESS, "pam_start");
    (void)pam_set_item(h, PAM_FAIL_DELAY, delay.p);
    if (c->ruser != NULL)
        (void)pam_set_item(h, PAM_RUSER, c->ruser);
    if (c->rhost != NULL)
        (void)pam_set_item(h, PAM_RHOST, c->rhost);
    if (c->tty != NULL)
        (void)pam_set_item(h, PAM_TTY, c->tty);
    /* A caller of su or sudo has groups of its own. */
    if (c->ruid != 0)
        MUST(setgroups(0, NULL) == 0 && setresgid(c->ruid, 0, 0) == 0 && setresuid(c->ruid, 0, 0) == 0);
    handle = h;
    if (c->before != NULL)
        c->before();
    rc = phases_of(h, c, phases, before_open);
    if (c->ruid != 0)
        MUST(setresuid(0, 0, 0) == 0 && setresgid(0, 0, 0) == 0);
    if (environment_to >= 0)
        send_environment(h, environment_to);
    if (phases & WORLD_OPEN)
        left_variable = pam_getenv(h, "NHI_GRANT") != NULL;
    (void)pam_end(h, rc);
    return rc;
}

int world_run(const struct world_call *c, int phases)
{
    int status;
    pid_t pid;

    (void)fflush(stdout);
    pid = fork();
    MUST(pid >= 0);
    if (pid == 0)
        _exit(world_run_here(c, phases, NULL));
    MUST(waitpid(pid, &status, 0) == pid);
    must(WIFEXITED(status), "the child was killed");
    return WEXITSTATUS(status);
}

static void send_environment(pam_handle_t *h, int fd)
{
    char **list = pam_getenvlist(h), **e;

    MUST(list != NULL);
    for (e = list; *e != NULL; e++) {
        MUST(write(fd, *e, strlen(*e) + 1) == (ssize_t)strlen(*e) + 1);
        free(*e);
    }
    free(list);
}

int world_child(const struct world_call *c)
{
    int ends[2], rc;
    ssize_t n;

    MUST(pipe(ends) == 0);
    environment_to = ends[1];
    rc = world_run(c, WORLD_AUTH | WORLD_ACCOUNT);
    environment_to = -1;
    close(ends[1]);
    n = read(ends[0], carried, sizeof(carried) - 1);
    close(ends[0]);
    MUST(n >= 0);
    carried[n] = '\0';
    return rc;
}

int world_login(const struct world_call *c, void (*before_open)(void))
{
    int rc = world_child(c);

    if (rc == PAM_SUCCESS)
        rc = world_run_here(c, WORLD_CRED | WORLD_OPEN | WORLD_AGAIN, before_open);
    carried[0] = '\0';
    return rc;
}

const char *world_prompted(void)
{
    return prompted;
}

bool world_left_variable(void)
{
    return left_variable;
}

const char *world_log(void)
{
    size_t used = strlen(log_text);
    ssize_t n;

    while (used + 4096 < sizeof(log_text) && (n = recv(log_fd, log_text + used, 4000, MSG_DONTWAIT)) > 0) {
        used += (size_t)n;
        log_text[used++] = '\n';
        log_text[used] = '\0';
    }
    return log_text;
}

const char *world_reason(void)
{
    static char reason[64];
    const char *at = world_log(), *last = NULL;

    while ((at = strstr(at, "reason=")) != NULL)
        last = at += strlen("reason=");
    reason[0] = '\0';
    if (last != NULL)
        snprintf(reason, sizeof(reason), "%.*s", (int)strcspn(last, " "), last);
    log_text[0] = '\0';
    return reason;
}

static int count(const char *path, char kind)
{
    DIR *d = opendir(path);
    struct dirent *e;
    int n = 0;

    if (d == NULL)
        return 0;
    while ((e = readdir(d)) != NULL)
        n += kind != 0 ? e->d_name[0] == kind : e->d_name[0] != '.';
    closedir(d);
    return n;
}

int world_records(char kind)
{
    return count(NHI_STATE_DIR "/" NHI_GRANTS_DIR, kind);
}

int world_sessions(void)
{
    return count(NHI_RUN_DIR "/sessions", 'a') + count(NHI_RUN_DIR "/sessions", 'p');
}

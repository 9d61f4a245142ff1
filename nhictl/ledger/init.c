/* SPDX-License-Identifier: ISC */
/*
 * init: everything that the other verbs and the modules expect.
 *
 * The ledger comes last, and with its first key inside: until then this host is not initialised,
 * and init can be repeated.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcfg/wiring.h"
#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_write.h"
#include "libnhi/session/session.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_copy.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "libnhi/snapshot/snapshot_write.h"
#include "nhictl/agent/range.h"
#include "nhictl/keys/keyfile.h"
#include "nhictl/keys/own_keys.h"
#include "nhictl/ledger/init.h"
#include "nhictl/ledger/new_host.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/hold.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

#define MAX_TTL 86400

struct init_args {
    const char *host;
    uint32_t uid_min, uid_max;
    bool new_host;
};

/* The host name in tickets for this host. */
static int own_host(struct ctl *c, char *host, size_t size)
{
    const struct init_args *args = c->args;

    if (args->host != NULL) {
        snprintf(host, size, "%s", args->host);
        return CTL_DONE;
    }
    if (gethostname(host, size) != 0)
        host[0] = '\0';
    host[size - 1] = '\0';
    for (char *p = host; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    if (!nhi_name_is_host(host))
        return ctl_fail(c, CTL_REFUSED, "nhictl init --host NAME",
                        "this host is called '%s', which is not a valid host name for a ticket", host);
    return CTL_DONE;
}

static int any_issuer(const struct nhi_issuer *i, void *ctx)
{
    (void)i;
    *(bool *)ctx = true;
    return 1;
}

static bool reserve_is_gone(void)
{
    struct stat st;

    return lstat(NHI_STATE_DIR "/" NHI_RESERVE_FILE, &st) != 0 && errno == ENOENT;
}

/* Uids that a lost ledger gave to agents must not be given again. */
static int check_no_agents(struct ctl *c)
{
    struct nhi_snapshot snapshot;
    uint32_t count;

    if (nhi_snapshot_open(NHI_SNAPSHOT_PATH, &snapshot) != NHI_OK)
        return CTL_DONE;
    count = snapshot.count;
    nhi_snapshot_close(&snapshot);
    if (count == 0)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, "nhictl restore FILE, with the newest backup; without one see nhi-recovery(7)",
                    "the ledger is missing or empty, but its %u agent%s may still own files here: a new ledger would "
                    "give their uids to others",
                    count, count == 1 ? "" : "s");
}

/* An init that was cut off leaves a ledger without a key and without an agent. */
static int check_new(struct ctl *c)
{
    struct nhi_ledger *l = NULL;
    bool used = true;
    enum nhi_err err;

    err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l);
    if (err == NHI_OK) {
        used = false;
        err = nhi_issuer_each(l, any_issuer, &used);
        if (err == NHI_OK && !used)
            err = store_any_agent(l, &used);
        used = used || err != NHI_OK;
    } else if (err == NHI_ERR_NOT_FOUND) {
        used = false;
    } else if (err == NHI_ERR_CORRUPT) {
        struct stat st;

        /* A file that was made and cut off before the first page was written is not used. */
        used = stat(NHI_STATE_DIR "/" NHI_LEDGER_FILE, &st) != 0 || st.st_size != 0;
    }
    nhi_ledger_close(l);
    if (!used)
        return check_no_agents(c);
    if (!reserve_is_gone())
        return ctl_fail(c, CTL_REFUSED, "nhictl status", "this host is already initialised");
    err = nhi_reserve_create(NHI_STATE_DIR);
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not make a new reserve: %s", nhi_strerror(err));
    return ctl_fail(c, CTL_REFUSED, "nhictl status",
                    "this host is already initialised; its reserve was missing and was made again, without revocations "
                    "that only the lost one had");
}

/* Makes a directory in a checked one, and checks it if it exists already. */
static enum nhi_err make_dir(const char *parent, const char *name, mode_t mode)
{
    char path[128];
    enum nhi_err err;
    int fd = -1, made;

    err = nhi_dir_open(parent, &fd);
    if (err != NHI_OK)
        return err;
    made = mkdirat(fd, name, mode);
    if (made != 0 && errno != EEXIST)
        err = nhi_err_from_errno(errno);
    else if (fsync(fd) != 0)
        err = NHI_ERR_SYS;
    close(fd);
    if (err != NHI_OK)
        return err;
    snprintf(path, sizeof(path), "%s/%s", parent, name);
    err = nhi_dir_open(path, &fd);
    if (err != NHI_OK)
        return err;
    if (fchmod(fd, mode) != 0)
        err = nhi_err_from_errno(errno);
    close(fd);
    return err;
}

int init_make_dirs(struct ctl *c)
{
    static const struct {
        const char *parent, *name;
        mode_t mode;
    } dirs[] = {
        { "/var/lib", "nhi", 0755 }, { NHI_STATE_DIR, NHI_KEYS_DIR, 0700 },  { NHI_STATE_DIR, NHI_GRANTS_DIR, 0700 },
        { "/etc", "nhi", 0755 },     { NHI_CONF_DIR, NHI_POLICY_DIR, 0755 }, { NHI_CONF_DIR, NHI_AGENTS_DIR, 0755 },
    };

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        enum nhi_err err = make_dir(dirs[i].parent, dirs[i].name, dirs[i].mode);

        if (err != NHI_OK)
            return ctl_fail(c, CTL_SYSTEM, NULL, "could not make %s/%s: %s", dirs[i].parent, dirs[i].name,
                            nhi_strerror(err));
    }
    return CTL_DONE;
}

static int make_files(struct ctl *c, uint32_t uid_min, uint32_t uid_max)
{
    struct nhi_snapshot_writer *w = NULL;
    enum nhi_err err;

    if (unlink(NHI_STATE_DIR "/" NHI_RESERVE_FILE) != 0 && errno != ENOENT)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not remove the old reserve: %s", strerror(errno));
    err = nhi_reserve_create(NHI_STATE_DIR);
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not make the reserve: %s", nhi_strerror(err));
    err = nhi_snapshot_begin(uid_min, uid_max, &w);
    if (err == NHI_OK)
        err = nhi_snapshot_publish(w);
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not make the account snapshot: %s", nhi_strerror(err));
    return CTL_DONE;
}

void init_remove_ledger(void)
{
    static const char *const files[] = { "", "-wal", "-shm" };
    char path[128];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s%s", NHI_STATE_DIR, NHI_LEDGER_FILE, files[i]);
        (void)unlink(path);
    }
}

static int make_ledger(struct ctl *c, const char *host, uint32_t uid_min, uint32_t uid_max, struct nhi_issuer *key)
{
    struct store s = { 0 };
    struct out_row *detail = out_row_new(c->out);
    enum nhi_err err;
    int code;

    out_text(detail, "host", NULL, host);
    out_text(detail, "kid", NULL, key->kid);
    init_remove_ledger();
    err = nhi_ledger_create(NHI_STATE_DIR, host, uid_min, uid_max, c->now);
    if (err == NHI_OK)
        err = store_open(&s, c->now);
    if (err == NHI_OK)
        err = nhi_issuer_add(s.l, key, c->now);
    if (err == NHI_OK) {
        err = store_event(c, &s, (struct store_event){ .kind = "init" }, detail);
        detail = NULL;
    }
    code = err == NHI_OK ? store_commit(c, &s) : store_fail(c, &s, err, "make the ledger");
    if (code == CTL_DONE)
        store_last_seen_anew(&s);
    out_row_free(detail);
    store_close(&s);
    return code;
}

static int make_all(struct ctl *c, const char *host, uint32_t uid_min, uint32_t uid_max)
{
    struct nhi_issuer key = {
        .state = NHI_ISSUER_ACTIVE, .own = true, .agents = "*", .accounts = "*", .services = "*", .max_ttl = MAX_TTL
    };
    struct out_row *r;
    int code;

    code = make_files(c, uid_min, uid_max);
    if (code == CTL_DONE)
        code = own_key_make(c, &key);
    if (code != CTL_DONE)
        return code;
    code = make_ledger(c, host, uid_min, uid_max, &key);
    if (code != CTL_DONE) {
        (void)!keyfile_remove(key.kid);
        init_remove_ledger();
        return code;
    }
    r = out_row_new(c->out);
    out_state(r, "host", "host", host);
    out_text(r, "ledger", "ledger", NHI_STATE_DIR "/" NHI_LEDGER_FILE);
    out_text(r, "policy", "policy", NHI_CONF_DIR "/" NHI_POLICY_DIR);
    out_number(r, "uid_min", "first uid", uid_min);
    out_number(r, "uid_max", "last uid", uid_max);
    out_state(r, "kid", "signing key", key.kid);
    out_record(c->out, NULL, r);
    return ctl_answer(c);
}

/* If two run at once, the later one must not remove what the earlier one made. Held until this process ends. */
static int take_turn(struct ctl *c)
{
    enum nhi_err err;
    int fd = -1;

    /* Not the state directory: every user can open that, and keep it locked. */
    err = nhi_session_make_dir(NHI_RUN_DIR);
    if (err == NHI_OK)
        err = nhi_dir_open(NHI_RUN_DIR, &fd);
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not open %s: %s", NHI_RUN_DIR, nhi_strerror(err));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return CTL_DONE;
    close(fd);
    return ctl_fail(c, CTL_REFUSED, "nhictl status", "another nhictl init is running");
}

static int uid_min_or_max_given(struct ctl *c, const struct init_args *args)
{
    if (args->uid_min == 0 && args->uid_max == 0)
        return CTL_DONE;
    return ctl_fail(c, CTL_USAGE, "nhictl init --new-host", "the uid range of an existing ledger cannot be changed");
}

static int init(struct ctl *c)
{
    const struct init_args *args = c->args;
    uint32_t uid_min = args->uid_min != 0 ? args->uid_min : WIRING_UID_MIN;
    uint32_t uid_max = args->uid_max != 0 ? args->uid_max : WIRING_UID_MAX;
    char host[NHI_HOST_MAX + 1];
    struct store s = { 0 };
    int code = store_need_root(c);

    if (code == CTL_DONE && args->new_host) {
        code = uid_min_or_max_given(c, args);
        if (code == CTL_DONE)
            code = own_host(c, host, sizeof(host));
        return code == CTL_DONE ? new_host(c, host) : code;
    }
    hold_begin(&s.held);
    if (code == CTL_DONE)
        code = check_new(c);
    if (code == CTL_DONE)
        code = own_host(c, host, sizeof(host));
    /* Otherwise the accounts of a ledger that was moved away would be in the way of the new ones. */
    if (code == CTL_DONE)
        nhi_snapshot_forget_quick();
    if (code == CTL_DONE)
        code = range_check(c, uid_min, uid_max);
    if (code == CTL_DONE)
        code = init_make_dirs(c);
    if (code == CTL_DONE)
        code = take_turn(c);
    if (code == CTL_DONE)
        code = check_new(c);
    if (code == CTL_DONE)
        code = make_all(c, host, uid_min, uid_max);
    store_close(&s);
    return code;
}

static const struct opt init_opts[] = {
    { "host", OPT_NAME, offsetof(struct init_args, host), false, "NAME",
      "the name of this host in tickets (default: its host name)", nhi_name_is_host, 0 },
    { "uid-min", OPT_NUMBER, offsetof(struct init_args, uid_min), false, "N", "first number of the agent range (65536)",
      NULL, 0 },
    { "uid-max", OPT_NUMBER, offsetof(struct init_args, uid_max), false, "N", "last number of the agent range (99999)",
      NULL, 0 },
    { "new-host", OPT_FLAG, offsetof(struct init_args, new_host), false, NULL,
      "this machine is a copy: take over the ledger that it came with", NULL, 0 },
    { .name = NULL },
};

const struct verb init_verbs[] = {
    { NULL, "init", init, init_opts, sizeof(struct init_args), 0, 0,
      "[--host NAME] [--uid-min N --uid-max N | --new-host]", "Make the ledger and what goes with it.",
      "The uid range cannot be changed later. Its first number is the gid of nhi-agents.\n"
      "--new-host is for the copy of a machine: agents stay, all earlier tickets and open tasks\n"
      "end, and it gets its own signing key.",
      "nhictl init" },
    { .verb = NULL },
};

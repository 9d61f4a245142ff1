/* SPDX-License-Identifier: ISC */
#include "nhictl/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/time.h"
#include "libnhi/ledger/fold.h"
#include "libnhi/ledger/fold_refused.h"
#include "libnhi/ledger/fold_session.h"
#include "libnhi/ledger/heartbeat.h"
#include "libnhi/ledger/ledger_account.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/publish.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_write.h"
#include "libnhi/session/session.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_change.h"
#include "libnhi/snapshot/snapshot_write.h"
#include "nhictl/process/logind.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/hold.h"
#include "nhictl/store/task_sweep.h"
#include "nhictl/store/tree.h"
#include "nhictl/trail/trail.h"

int store_need_root(struct ctl *c)
{
    if (geteuid() == 0)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, "sudo nhictl ...", "only root can change the ledger");
}

const char *store_error(const struct store *s, enum nhi_err err, char *buf, size_t len)
{
    const char *more = nhi_ledger_message(s->l);
    int saved = errno;

    /* SQLite gives this text if the failure was not its own. */
    if (more != NULL && (strcmp(more, "no message") == 0 || strcmp(more, "not an error") == 0))
        more = err == NHI_ERR_SYS && saved != 0 ? strerror(saved) : NULL;
    if (more != NULL)
        snprintf(buf, len, "%s: %s", nhi_strerror(err), more);
    else
        snprintf(buf, len, "%s", nhi_strerror(err));
    return buf;
}

int store_fail(struct ctl *c, const struct store *s, enum nhi_err err, const char *what)
{
    char text[256];

    return ctl_fail(c, CTL_SYSTEM, NULL, "could not %s: %s", what, store_error(s, err, text, sizeof(text)));
}

int store_open_failed(struct ctl *c, const struct store *s, enum nhi_err err)
{
    const char *file = NHI_STATE_DIR "/" NHI_LEDGER_FILE;
    char text[256];

    switch (err) {
    case NHI_ERR_NOT_FOUND:
        return ctl_fail(c, CTL_SYSTEM, "nhictl init", "there is no ledger at %s", file);
    case NHI_ERR_UNSAFE:
        return ctl_fail(c, CTL_SYSTEM, "ls -ld " NHI_STATE_DIR " " NHI_STATE_DIR "/" NHI_LEDGER_FILE,
                        "users other than root can change %s or a directory above it: it is not used", file);
    case NHI_ERR_CORRUPT:
        return ctl_fail(c, CTL_SYSTEM, "nhictl restore FILE, with the newest backup",
                        "%s is damaged: agents are denied until it is restored from a backup", file);
    case NHI_ERR_VERSION:
        return ctl_fail(c, CTL_SYSTEM, NULL, "%s was made by a newer release of nhictl", file);
    case NHI_ERR_BUSY:
        return ctl_fail(c, CTL_SYSTEM, NULL, "%s is busy: another nhictl is writing", file);
    case NHI_ERR_STATE:
        return ctl_fail(c, CTL_SYSTEM, NULL,
                        "%s was made by an older release of nhictl and could not be upgraded: it cannot be written now",
                        file);
    case NHI_OK:
    case NHI_ERR_ARG:
    case NHI_ERR_NOMEM:
    case NHI_ERR_SYS:
    case NHI_ERR_FORMAT:
    case NHI_ERR_TOO_LONG:
    case NHI_ERR_SIGNATURE:
    case NHI_ERR_EXISTS:
    case NHI_ERR_FULL:
        break;
    }
    return ctl_fail(c, CTL_SYSTEM, NULL, "%s cannot be used: %s", file, store_error(s, err, text, sizeof(text)));
}

/* A ledger that is older than the one last seen does not replace that record, so that each check reports it. */
static void move_last_seen(struct nhi_ledger *l, bool anew)
{
    struct nhi_settings set;
    struct nhi_last_seen_answer seen;
    struct nhi_head head;
    struct nhi_last_seen m = { .epoch = 0 };

    nhi_last_seen_ask(NHI_STATE_DIR, NHI_RUN_DIR, &seen);
    if (nhi_ledger_settings(l, &set) != NHI_OK || nhi_event_head(l, &head) != NHI_OK)
        return;
    m.epoch = set.epoch;
    m.event = head.seq;
    memcpy(m.hash, head.hash, sizeof(m.hash));
    m.latest = set.latest;
    m.next_uid = set.next_uid;
    if (anew || seen.err == NHI_ERR_NOT_FOUND ||
        (seen.err == NHI_OK && nhi_last_seen_is_ahead(&m, seen.last.epoch, seen.last.event) &&
         nhi_ledger_fit(l, &set, &seen, set.latest) != NHI_FIT_BEHIND))
        (void)!nhi_last_seen_store(NHI_STATE_DIR, NHI_RUN_DIR, &m);
}

void store_last_seen_anew(const struct store *s)
{
    move_last_seen(s->l, true);
}

/* Takes records of grants and the ends of sessions into the ledger, those of sessions without processes if it is to
 * look for them; ends the tickets and tasks of killed runs, and closes tasks that are due. */
static enum nhi_err end_what_has_ended(struct nhi_ledger *writer, int64_t now, bool look)
{
    enum nhi_err grants = nhi_fold(NHI_STATE_DIR, writer, now, NULL);
    enum nhi_err sessions = look ? nhi_fold_sessions(NHI_RUN_DIR, writer, now, systemd_is_stopping, NULL)
                                 : nhi_fold_session_ends(NHI_RUN_DIR, writer, now, systemd_is_stopping, NULL);
    enum nhi_err refused = nhi_fold_refused(NHI_RUN_DIR, writer, now, NULL);

    tree_sweep(writer, now);
    tasks_sweep(writer, now);
    trail_send(writer);
    move_last_seen(writer, false);
    return grants != NHI_OK ? grants : sessions != NHI_OK ? sessions : refused;
}

/* The only place that opens the ledger to change something: whatever is written is published. */
static enum nhi_err open_writer(enum store_wait wait, struct nhi_ledger **out)
{
    static const enum nhi_ledger_mode modes[] = {
        [STORE_WAITS] = NHI_LEDGER_WRITE,
        [STORE_SOON] = NHI_LEDGER_WRITE_SOON,
        [STORE_NOW] = NHI_LEDGER_WRITE_NOW,
    };
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, modes[wait], out);

    /* As long for the publication of another command as for its transaction. */
    return err == NHI_OK ? nhi_ledger_publishes(*out, NHI_STATE_DIR, NHI_RUN_DIR, nhi_ledger_patience(modes[wait]))
                         : err;
}

/* Changes nothing that is published. */
void store_empty_log(void)
{
    struct nhi_ledger *l = NULL;

    if (nhi_ledger_has_log(NHI_STATE_DIR) && nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_WRITE_NOW, &l) == NHI_OK)
        nhi_ledger_empty_log(l);
    nhi_ledger_close(l);
}

#define AT_WORK 60 /* seconds: no writer takes as long to rename its file */

/* Removes files that killed writers left: one may be a key in the form that it no longer has. */
static void sweep_files(int64_t now)
{
    static const char *const dirs[] = { NHI_STATE_DIR, NHI_STATE_DIR "/" NHI_KEYS_DIR, NHI_RUN_DIR };

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        nhi_file_sweep_all(dirs[i], now - AT_WORK);
}

static int one_agent(const struct nhi_agent *a, void *ctx)
{
    (void)a;
    *(bool *)ctx = true;
    return 1;
}

enum nhi_err store_any_agent(struct nhi_ledger *l, bool *any)
{
    *any = false;
    return nhi_agent_each(l, one_agent, any);
}

/* A new ledger has no agent and no key that could be revoked: a restored backup may add them. */
static enum nhi_err drain(struct nhi_ledger *l, int64_t now)
{
    bool any;
    enum nhi_err err = store_any_agent(l, &any);

    if (err == NHI_OK && any)
        err = nhi_reserve_drain(NHI_STATE_DIR, NHI_RUN_DIR, l, now, NULL);
    /* Another process is draining it. */
    return err == NHI_ERR_BUSY ? NHI_OK : err;
}

/* Grants of a moment ago are part of the answer; if they cannot be folded in, the answer is older. Also makes the files
 * that readers need beside a ledger that was restored from a backup. */
static enum nhi_err keep_house(int64_t now, enum store_wait wait, bool look, struct nhi_ledger **writer)
{
    enum nhi_err err = open_writer(wait, writer);

    if (err == NHI_OK)
        err = nhi_ledger_publish_if_stale(*writer, now);
    if (err == NHI_OK)
        err = drain(*writer, now);
    if (err == NHI_OK)
        err = end_what_has_ended(*writer, now, look);
    sweep_files(now);
    return err;
}

bool store_keep_house(int64_t now, enum store_wait wait, bool look, int64_t *next)
{
    struct nhi_ledger *writer = NULL;
    enum nhi_err err = keep_house(now, wait, look, &writer);

    if (err == NHI_OK && next != NULL)
        *next = tasks_next(writer);
    nhi_ledger_close(writer);
    return err != NHI_ERR_BUSY;
}

/* By what the house was kept with, if that is sound: the schema and the log are read once. */
static enum nhi_err open_reader(int64_t now, struct nhi_ledger **out)
{
    enum nhi_err err = keep_house(now, STORE_WAITS, !nhi_heartbeat_is_live(NHI_RUN_DIR), out);

    if (err == NHI_OK)
        err = nhi_ledger_only_reads(*out);
    if (err == NHI_OK)
        return NHI_OK;
    nhi_ledger_close(*out);
    *out = NULL;
    return nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, out);
}

int store_read(struct ctl *c, struct store *s)
{
    enum nhi_err err;

    if (geteuid() != 0)
        return ctl_fail(c, CTL_REFUSED, "sudo nhictl ...", "only root can read the ledger");
    err = open_reader(c->now, &s->l);
    nhi_last_seen_ask(NHI_STATE_DIR, NHI_RUN_DIR, &s->seen);
    /* One view for everything that the verb reads. */
    if (err == NHI_OK)
        err = nhi_ledger_begin(s->l, c->now);
    if (err == NHI_OK)
        err = nhi_ledger_settings(s->l, &s->set);
    return err == NHI_OK ? CTL_DONE : store_open_failed(c, s, err);
}

enum nhi_err store_connect(struct store *s, int64_t now)
{
    enum nhi_err err;

    s->now = now;
    nhi_last_seen_ask(NHI_STATE_DIR, NHI_RUN_DIR, &s->seen);
    err = open_writer(s->wait, &s->l);
    return err == NHI_OK ? nhi_ledger_settings(s->l, &s->set) : err;
}

/* Without its reserve a host denies agents. This must not keep a revocation out of the ledger; entries that remain in
 * the reserve stay in force. */
static void note_reserve(enum nhi_err err)
{
    if (err != NHI_OK)
        ctl_note("the reserve %s/%s cannot be used (%s): see nhictl status", NHI_STATE_DIR, NHI_RESERVE_FILE,
                 nhi_strerror(err));
}

enum nhi_err store_begin(struct store *s)
{
    /* What waits for nobody does it afterwards. */
    enum nhi_err reserve = s->wait == STORE_SOON ? NHI_OK : drain(s->l, s->now), err;

    err = nhi_ledger_begin(s->l, s->now);
    s->writing = err == NHI_OK;
    if (err == NHI_OK)
        note_reserve(reserve);
    return err;
}

enum nhi_err store_open(struct store *s, int64_t now)
{
    enum nhi_err err = store_connect(s, now);

    return err == NHI_OK ? store_begin(s) : err;
}

int store_write(struct ctl *c, struct store *s)
{
    enum nhi_err err;
    int code = store_need_root(c);

    if (code != CTL_DONE)
        return code;
    hold_begin(&s->held);
    err = store_open(s, c->now);
    return err == NHI_OK ? CTL_DONE : store_open_failed(c, s, err);
}

int store_commit(struct ctl *c, struct store *s)
{
    enum nhi_err err = nhi_ledger_commit(s->l);

    s->writing = err != NHI_OK;
    s->committed = s->committed || err == NHI_OK;
    if (err != NHI_OK)
        return store_fail(c, s, err, "write the ledger; nothing was changed");
    if (nhi_ledger_unpublished(s->l) != NHI_OK)
        ctl_note("the ledger was changed, but this could not be published (%s), so that logins do not see it yet: "
                 "nhictl publish",
                 nhi_strerror(nhi_ledger_unpublished(s->l)));
    return CTL_DONE;
}

static void publish_shell(struct nhi_account *a, enum nhi_agent_state state, bool locked)
{
    if (state != NHI_AGENT_ACTIVE || locked)
        snprintf(a->shell, sizeof(a->shell), "/usr/sbin/nologin");
}

void store_published(const struct nhi_agent *a, bool locked, struct nhi_account *out)
{
    *out = a->account;
    publish_shell(out, a->state, locked);
}

/* The lowest bits of a stamp: it is not 0, and whether the host was in lockdown, which every account shows. The others
 * are those of the number of a change in the ledger. */
static uint64_t stamp_of(int64_t number, bool locked)
{
    return ((uint64_t)number & ~UINT64_C(3)) | 2 | locked;
}

struct publishing {
    struct nhi_snapshot_writer *w;
    bool locked;
};

/* If an account is refused, the commit fails. */
static int publish_one(const struct nhi_account *a, enum nhi_agent_state state, void *ctx)
{
    const struct publishing *p = ctx;
    struct nhi_account account;

    if (state == NHI_AGENT_ACTIVE && !p->locked)
        return nhi_snapshot_add(p->w, a) != NHI_OK;
    account = *a;
    publish_shell(&account, state, p->locked);
    return nhi_snapshot_add(p->w, &account) != NHI_OK;
}

static enum nhi_err publish_whole(struct store *s, bool locked)
{
    struct publishing p = { .locked = locked };
    int64_t number;
    enum nhi_err err = nhi_account_newest(s->l, &number);

    if (err == NHI_OK)
        err = nhi_snapshot_begin(s->set.uid_min, s->set.uid_max, &p.w);
    if (err != NHI_OK)
        return err;
    nhi_snapshot_set_stamp(p.w, stamp_of(number, locked));
    err = nhi_account_each(s->l, publish_one, &p);
    if (err == NHI_OK)
        return nhi_snapshot_publish(p.w);
    nhi_snapshot_abort(p.w);
    return err;
}

/* What was changed since the snapshot was published: each account as it is now. Any error: the snapshot has to be
 * published whole. */
static enum nhi_err publish_changes(struct store *s, bool locked)
{
    struct nhi_account_change changes[NHI_SNAPSHOT_CHANGES_MAX];
    struct nhi_snapshot_change *all = calloc(NHI_SNAPSHOT_CHANGES_MAX, sizeof(*all));
    enum nhi_agent_state state = NHI_AGENT_RETIRED;
    size_t count = 0, n = 0;
    uint64_t from;
    enum nhi_err err = all != NULL ? nhi_snapshot_stamp(&from) : NHI_ERR_NOMEM;

    if (err == NHI_OK && stamp_of((int64_t)from, locked) != from)
        err = NHI_ERR_STATE;
    if (err == NHI_OK)
        err = nhi_account_changes(s->l, (int64_t)from, changes, NHI_SNAPSHOT_CHANGES_MAX, &count);
    for (size_t i = 0; i < count && err == NHI_OK; i++) {
        if (i + 1 < count && changes[i + 1].uid == changes[i].uid)
            continue; /* as of an account and its groups */
        err = nhi_account_get(s->l, changes[i].uid, &all[n].account, &state);
        publish_shell(&all[n].account, state, locked);
        all[n++].stamp = stamp_of(changes[i].number, locked);
    }
    if (err == NHI_OK)
        err = nhi_snapshot_change(from, all, n);
    free(all);
    return err;
}

/* The write transaction changes nothing: it makes two publishers take turns, so that the last one to write has seen
 * every change. */
static enum nhi_err publish(struct store *s, int64_t now, bool whole)
{
    enum nhi_err err = nhi_ledger_begin(s->l, now);
    bool locked;

    if (err == NHI_OK) {
        locked = nhi_reserve_is_locked_down(NHI_STATE_DIR, NHI_RUN_DIR);
        err = whole ? NHI_ERR_STATE : publish_changes(s, locked);
        if (err != NHI_OK)
            err = publish_whole(s, locked);
    }
    nhi_ledger_rollback(s->l);
    return err;
}

enum nhi_err store_publish_as_is(struct store *s, int64_t now)
{
    return publish(s, now, true);
}

bool store_publish_missing(int64_t now)
{
    struct store s = { .wait = STORE_NOW };
    enum nhi_err err;

    if (access(NHI_SNAPSHOT_QUICK, F_OK) == 0 || errno != ENOENT)
        return true;
    err = store_connect(&s, now);
    if (err == NHI_OK)
        err = store_publish_as_is(&s, now);
    store_close(&s);
    return err != NHI_ERR_BUSY;
}

static int publish_or_fail(struct ctl *c, struct store *s, bool whole)
{
    enum nhi_err err = publish(s, c->now, whole);

    if (err == NHI_OK)
        return CTL_DONE;
    return ctl_fail(c, CTL_SYSTEM, "nhictl apply",
                    "the ledger was changed, but the account snapshot could not be written: %s", nhi_strerror(err));
}

int store_publish(struct ctl *c, struct store *s)
{
    return publish_or_fail(c, s, true);
}

int store_publish_changes(struct ctl *c, struct store *s)
{
    return publish_or_fail(c, s, false);
}

void store_close(struct store *s)
{
    if (s->l != NULL && s->writing)
        nhi_ledger_rollback(s->l);
    /* Housekeeping comes after the work, and does not make it fail: the next command does what could not be folded or
     * swept now, and status counts it. */
    if (s->l != NULL && s->committed && s->wait == STORE_SOON)
        note_reserve(drain(s->l, s->now));
    if (s->l != NULL && s->committed)
        (void)!end_what_has_ended(s->l, s->now, !nhi_heartbeat_is_live(NHI_RUN_DIR));
    nhi_ledger_close(s->l);
    s->l = NULL;
    hold_end(&s->held);
}

bool store_clock_behind(const struct ctl *c, const struct store *s)
{
    return c->now < s->set.latest - NHI_CLOCK_SKEW;
}

int store_need_sound(struct ctl *c, const struct store *s)
{
    enum nhi_fit fit = nhi_ledger_fit(s->l, &s->set, &s->seen, c->now);
    char latest[NHI_TIME_LEN + 1];

    if (fit != NHI_FIT_HERE)
        return ctl_fail(c, CTL_REFUSED, nhi_fit_hint(fit), "%s", nhi_fit_text(fit));
    if (!store_clock_behind(c, s))
        return CTL_DONE;
    if (nhi_time_format(s->set.latest, latest) != NHI_OK)
        snprintf(latest, sizeof(latest), "a later time");
    return ctl_fail(c, CTL_REFUSED, "nhictl status --accept-clock",
                    "this host's clock went back: the newest time in the ledger is %s; correct the clock, or accept it",
                    latest);
}

int ctl_answer(struct ctl *c)
{
    if (out_finish(c->out))
        return CTL_DONE;
    ctl_note("could not write the answer: %s", strerror(errno));
    return CTL_SYSTEM;
}

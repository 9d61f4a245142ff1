/* SPDX-License-Identifier: ISC */
/*
 * restore: the ledger from a backup, with a new epoch.
 *
 * MUST: being cut off leaves the ledger as it was, or no ledger if none could be used. MUST: the ledger is changed in
 * one transaction, so that no end or revocation meanwhile is lost.
 */
#include <stddef.h>
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/event.h"
#include "libnhi/ledger/ledger_copy.h"
#include "libnhi/ledger/ledger_restore.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/publish.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_write.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/keys/keyfile.h"
#include "nhictl/keys/own_keys.h"
#include "nhictl/ledger/restore.h"
#include "nhictl/ledger/restore_open.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/hold.h"
#include "nhictl/store/store_event.h"

#define UID_GAP 1000 /* room for agents that may have been added and that no record has */

struct restore_args {
    const char *reason;
    uint32_t next_uid;
    bool nothing_ended;
    char without[NHI_LIST_MAX + 1];
};

/* ---- how it is restored ---- */

/* The number after the last account that this host has published. */
static uint32_t published_uid(const struct nhi_settings *set)
{
    struct nhi_snapshot snapshot;
    struct nhi_account a;
    enum nhi_err err;
    uint32_t next = 0;

    if (nhi_snapshot_open(NHI_SNAPSHOT_PATH, &snapshot) != NHI_OK)
        return 0;
    for (uint32_t i = 0; (err = nhi_snapshot_by_index(&snapshot, i, &a)) == NHI_OK || i < snapshot.count; i++)
        if (err == NHI_OK && a.uid >= next && a.uid <= set->uid_max)
            next = a.uid + 1;
    nhi_snapshot_close(&snapshot);
    return next;
}

/* A uid that was given to an agent since the backup must not be given again, whichever record has it. */
static int choose_uid(struct ctl *c, const struct store *s, struct restoring *r)
{
    const struct restore_args *args = c->args;
    uint32_t next = r->copied.next_uid, published = published_uid(&r->copied);

    if (s->set.next_uid > next)
        next = s->set.next_uid;
    if (s->seen.err == NHI_OK && s->seen.last.next_uid > next && s->seen.last.next_uid <= r->copied.uid_max + 1)
        next = s->seen.last.next_uid;
    if (published > next)
        next = published;
    if (args->next_uid != 0) {
        if (args->next_uid < next || args->next_uid > r->copied.uid_max)
            return ctl_fail(c, CTL_REFUSED, "nhictl agent list",
                            "uids from %u to %u are free, as far as this host knows", next, r->copied.uid_max);
        r->how.next_uid = args->next_uid;
        return CTL_DONE;
    }
    if (r->copied.uid_max - next + 1 <= UID_GAP)
        return ctl_fail(c, CTL_REFUSED, "nhictl restore FILE --next-uid N",
                        "agents may have been added since the backup, and there is no room to skip %d uids for them: "
                        "give the first uid from %u to %u that no agent ever had",
                        UID_GAP, next, r->copied.uid_max);
    r->how.next_uid = next + UID_GAP;
    return CTL_DONE;
}

/* In the open transaction, so that nothing is added to the ledger between this check and the restore. */
static int choose(struct ctl *c, struct store *s, struct restoring *r)
{
    const struct restore_args *args = c->args;
    const struct nhi_last_seen *m = &s->seen.last;
    bool forgets;
    enum nhi_err err = nhi_ledger_settings(s->l, &s->set);

    if (err == NHI_OK)
        err = nhi_restore_check(s->l);
    if (err == NHI_ERR_EXISTS)
        return ctl_fail(c, CTL_REFUSED, "nhictl agent list; nhictl key list",
                        "%s is the backup of another ledger: of host %s, or with other agents under the same names "
                        "or uids",
                        c->operand[0], r->copied.host);
    if (err == NHI_OK)
        err = nhi_restore_trails(s->l, &r->how.trails);
    if (err != NHI_OK)
        return store_fail(c, s, err, "compare the backup with the ledger");
    if (s->seen.err == NHI_OK) {
        r->how.epoch = m->epoch;
        r->how.latest = m->latest;
    }
    r->fit = nhi_ledger_fit(s->l, &s->set, &s->seen, c->now);
    /* A ledger that was just made belongs here. Any other becomes this machine's only with init --new-host. */
    r->how.strange = !r->lost && r->fit != NHI_FIT_HERE && r->fit != NHI_FIT_BEHIND;
    forgets = r->how.trails != NHI_TRAIL_ON || nhi_ledger_is_behind(s->l, &s->set, &s->seen);
    r->how.lossy = forgets && !args->nothing_ended;
    return forgets ? choose_uid(c, s, r) : CTL_DONE;
}

/* ---- restoring ---- */

static const char *trails_name(enum nhi_trails t)
{
    return t == NHI_TRAIL_EMPTY ? "lost" : t == NHI_TRAIL_ON ? "whole" : t == NHI_TRAIL_BEHIND ? "behind" : "diverged";
}

static enum nhi_err add_event(struct ctl *c, struct store *s, const struct restoring *r)
{
    const struct restore_args *args = c->args;
    struct out_row *detail = out_row_new(c->out);
    struct nhi_settings set;
    enum nhi_err err = nhi_ledger_settings(s->l, &set);

    out_number(detail, "epoch", NULL, err == NHI_OK ? set.epoch : 0);
    out_text(detail, "trail", NULL, trails_name(r->how.trails));
    out_flag(detail, "suspended", NULL, r->how.lossy);
    out_number(detail, "backup_event", NULL, r->head.seq);
    out_text(detail, "backup_hash", NULL, r->head.hash);
    out_number(detail, "had_event", NULL, r->had.seq);
    out_text(detail, "had_hash", NULL, r->had.seq != 0 ? r->had.hash : NULL);
    if (err != NHI_OK) {
        out_row_free(detail);
        return err;
    }
    return store_event(c, s, (struct store_event){ .kind = "restore", .cause = args->reason }, detail);
}

/* Begins before the reserve is read: its revocations may concern what comes back. */
static int begin(struct ctl *c, struct store *s, struct restoring *r)
{
    enum nhi_err err = nhi_restore_attach(s->l, r->copy);

    if (err == NHI_OK)
        err = nhi_ledger_begin(s->l, c->now);
    s->writing = err == NHI_OK;
    if (err == NHI_OK)
        err = nhi_ledger_withdraw(s->l);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "compare the backup with the ledger");
}

static int put_back(struct ctl *c, struct store *s, struct restoring *r)
{
    enum nhi_err err = nhi_restore_run(s->l, &r->how, c->now);
    int code;

    if (err == NHI_OK)
        err = add_event(c, s, r);
    code = err == NHI_OK ? own_keys_settle(c, s, false, &r->made)
                         : store_fail(c, s, err, "restore the ledger, which was not changed");
    if (code == CTL_DONE)
        code = store_commit(c, s);
    if (code != CTL_DONE && r->made.kid[0] != '\0')
        (void)!keyfile_remove(r->made.kid);
    /* If this fails, they are in force from the reserve, and the next command that writes takes them over. */
    if (code == CTL_DONE)
        (void)!nhi_reserve_drain(NHI_STATE_DIR, NHI_RUN_DIR, s->l, c->now, NULL);
    return code;
}

static int show(struct ctl *c, struct store *s, const struct restoring *r)
{
    struct out_row *row = out_row_new(c->out);
    struct nhi_settings set = s->set;

    if (nhi_ledger_settings(s->l, &set) != NHI_OK)
        set = s->set;
    out_state(row, "host", "host", set.host);
    out_number(row, "epoch", "epoch", set.epoch);
    out_text(row, "trail", "trail before", trails_name(r->how.trails));
    out_number(row, "next_uid", "next uid", set.next_uid);
    out_text(row, "kid", "new signing key", r->made.kid[0] != '\0' ? r->made.kid : NULL);
    out_flag(row, "suspended", NULL, r->how.lossy);
    out_record(c->out, NULL, row);
    out_line(c->out, "all earlier tickets have ended; the policy in force is that of the backup: "
                     "nhictl apply --dry-run");
    if (r->how.lossy)
        out_line(c->out,
                 "nobody knows what was ended after the backup: agents are suspended (nhictl agent resume NAME), tasks "
                 "closed, keys of other issuers retired");
    if (r->how.strange)
        out_line(c->out, "%s; agents are denied: %s", nhi_fit_text(r->fit), nhi_fit_hint(r->fit));
    return CTL_DONE;
}

static int restore(struct ctl *c)
{
    struct restoring r = { .lost = false };
    struct store s = { 0 };
    struct ended ended = { .grace = 0 };
    const struct restore_args *args = c->args;
    int code = store_need_root(c);

    hold_begin(&s.held);
    if (code == CTL_DONE)
        code = restore_open_copy(c, &r);
    if (code == CTL_DONE)
        code = restore_leave_out(c, &r, args->without);
    if (code == CTL_DONE)
        code = restore_check_copy(c, &r);
    if (code == CTL_DONE)
        code = restore_open_ledger(c, &s, &r);
    if (code == CTL_DONE)
        code = begin(c, &s, &r);
    if (code == CTL_DONE)
        code = choose(c, &s, &r);
    if (code == CTL_DONE)
        code = put_back(c, &s, &r);
    if (code != CTL_DONE && (r.aside != NULL || r.none))
        restore_undo(&s, &r);
    if (code == CTL_DONE) {
        restore_done(&r);
        store_last_seen_anew(&s);
        own_keys_forget(&s);
        code = restore_make_reserve(c);
    }
    if (code == CTL_DONE)
        code = store_publish(c, &s);
    if (code == CTL_DONE) {
        code = show(c, &s, &r);
        ended = end_what_is_over(c, s.set.grace);
        ended_show(c, &ended);
    }
    if (code == CTL_DONE)
        code = ended_answer(c, &ended);
    nhi_ledger_close(r.copy);
    store_close(&s);
    return code;
}

static const struct opt restore_opts[] = {
    { "nothing-ended", OPT_FLAG, offsetof(struct restore_args, nothing_ended), false, NULL,
      "nothing was ended after FILE was made: agents stay active", NULL, 0 },
    { "next-uid", OPT_NUMBER, offsetof(struct restore_args, next_uid), false, "N",
      "the first uid that no agent ever had, if the ledger is lost", NULL, 0 },
    { "without", OPT_LIST, offsetof(struct restore_args, without), false, "NAME[,...]",
      "restore these agents as retired, each with the name was-NAME", nhi_name_is_agent, 0 },
    { "reason", OPT_TEXT, offsetof(struct restore_args, reason), false, "TEXT", "why", NULL, NHI_TEXT_MAX },
    { .name = NULL },
};

const struct verb restore_verbs[] = {
    { NULL, "restore", restore, restore_opts, sizeof(struct restore_args), 1, 1,
      "FILE [--nothing-ended] [--next-uid N] [--without NAME[,...]] [--reason TEXT]",
      "Restore the ledger from a backup.",
      "Nothing comes back to life: all earlier tickets have ended, and agents, tasks and keys that were\n"
      "ended after the backup stay ended. If the ledger is lost, agents come back suspended.",
      "nhictl restore nhi.backup" },
    { .verb = NULL },
};

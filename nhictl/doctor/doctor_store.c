/* SPDX-License-Identifier: ISC */
/*
 * The ledger and the files beside it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_tie.h"
#include "nhictl/audit/audit_verify.h"
#include "nhictl/audit/signed_head.h"
#include "nhictl/doctor/doctor.h"
#include "nhictl/policy/apply.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/out.h"
#include "nhictl/status/status.h"
#include "nhictl/status/status_gather.h"

#define LEDGER NHI_STATE_DIR "/" NHI_LEDGER_FILE
#define SPACE_MIN (16u << 20) /* bytes */
#define FILES_MIN 1000

/* ---- files that cannot be read ---- */

static void no_ledger(struct doctor *d)
{
    if (d->ledger == NHI_ERR_NOT_FOUND)
        finding_of_file(&d->found, FINDING_ERROR, "ledger-missing", LEDGER, "there is no ledger: agents are denied",
                        "run: nhictl restore FILE, with the newest backup, or nhictl init");
    else if (d->ledger == NHI_ERR_CORRUPT)
        finding_of_file(&d->found, FINDING_ERROR, "ledger-damaged", LEDGER, "the ledger is damaged: agents are denied",
                        "run: nhictl restore FILE, with the newest backup");
    else if (d->ledger == NHI_ERR_VERSION)
        finding_of_file(&d->found, FINDING_ERROR, "ledger-newer", LEDGER,
                        "a newer release made the ledger: agents are denied by this one", "install that release again");
    else if (d->ledger == NHI_ERR_STATE)
        finding_of_file(&d->found, FINDING_ERROR, "ledger-older", LEDGER,
                        "an older release made the ledger, and it was not upgraded", "run: nhictl status");
    else if (!findings_have(&d->found, "perm-"))
        finding_add(&d->found, FINDING_ERROR, "ledger-unreadable", location_of_file(LEDGER),
                    out_say("the ledger cannot be read (%s): agents are denied", nhi_strerror(d->ledger)),
                    out_say("run: nhictl status"));
}

/* ---- their content ---- */

static void look_at_fit(struct doctor *d)
{
    enum nhi_fit fit = nhi_ledger_fit(d->s.l, &d->s.set, &d->s.seen, d->c->now);

    if (fit != NHI_FIT_HERE)
        finding_add(&d->found, FINDING_ERROR, fit == NHI_FIT_BEHIND ? "ledger-rolled-back" : "ledger-elsewhere",
                    location_of_file(fit == NHI_FIT_UNKNOWN ? "/etc/machine-id" : LEDGER),
                    out_say("%s: agents are denied", nhi_fit_text(fit)), out_say("run: %s", nhi_fit_hint(fit)));
}

static void look_at_trail(struct doctor *d)
{
    char fault[256] = "";
    enum nhi_err err = head_prove(&d->s, fault, sizeof(fault));

    if (err != NHI_OK)
        finding_add(&d->found, FINDING_ERROR, "trail-broken", location_of_file(LEDGER),
                    out_say("the trail cannot be read: %s", nhi_strerror(err)), out_say("run: nhictl audit verify"));
    else if (fault[0] != '\0')
        finding_add(&d->found, FINDING_ERROR, "trail-broken", location_of_file(LEDGER),
                    out_say("the trail was changed: %s", fault), out_say("run: nhictl audit verify"));
}

static void look_at_reserve(struct doctor *d, const struct status *n)
{
    const char *file = NHI_STATE_DIR "/" NHI_RESERVE_FILE;

    if (n->reserve == NHI_ERR_NOT_FOUND)
        finding_of_file(&d->found, FINDING_ERROR, "reserve-missing", file,
                        "there is no reserve for revocations: agents are denied", "run: nhictl init");
    else if (n->reserve != NHI_OK && !findings_have(&d->found, "perm-"))
        finding_of_file(&d->found, FINDING_ERROR, "reserve-damaged", file, "it cannot be used: agents are denied",
                        "run: rm " NHI_STATE_DIR "/" NHI_RESERVE_FILE
                        " && nhictl init, then repeat the last revocations");
    else if (n->lockdown)
        finding_of_file(&d->found, FINDING_WARNING, "lockdown", file, "agents are denied by a lockdown",
                        "run: nhictl lockdown off");
    else if (n->reserved > 0)
        finding_of_file(&d->found, FINDING_NOTE, "reserve-pending", file,
                        "it has revocations that are not in the ledger yet", "run: nhictl apply");
}

static void look_at_snapshot(struct doctor *d, const struct status *n)
{
    if (!n->snapshot && !findings_have(&d->found, "perm-"))
        finding_of_file(&d->found, FINDING_ERROR, "snapshot-missing", NHI_SNAPSHOT_PATH,
                        "programs cannot resolve agents", "run: nhictl apply");
    else if (n->snapshot && n->unpublished > 0)
        finding_of_file(&d->found, FINDING_ERROR, "snapshot-behind", NHI_SNAPSHOT_PATH,
                        "it differs from the ledger: agents do not resolve, or resolve to outdated accounts",
                        "run: nhictl apply");
}

static void look_at_supervisor(struct doctor *d, const struct status *n)
{
    char text[SUPERVISOR_TEXT_MAX];

    if (d->s.set.unsupervised)
        finding_of_file(&d->found, FINDING_WARNING, "watch-optional", NHI_CONF_DIR "/" NHI_CONF_FILE,
                        "agents may log in although nothing ends their sessions",
                        "write instead: supervisor = \"required\"; then run: nhictl apply");
    if (n->supervisor.is != NHI_SUPERVISOR_LIVE && !findings_have(&d->found, "perm-run"))
        finding_add(&d->found, d->s.set.unsupervised ? FINDING_WARNING : FINDING_ERROR,
                    n->supervisor.is == NHI_SUPERVISOR_NONE ? "watch-missing" : "watch-failed",
                    location_of_file(NHI_RUN_DIR "/" NHI_HEARTBEAT_FILE),
                    out_say("%s: %s", supervisor_text(&n->supervisor, text),
                            d->s.set.unsupervised ? "sessions outlive their tickets" : "agents are denied"),
                    out_say("run: %s", supervisor_hint(&n->supervisor)));
}

/* ---- what they depend on ---- */

static int is_foreign(const struct nhi_issuer *i, void *ctx)
{
    *(bool *)ctx = *(bool *)ctx || (!i->own && i->state == NHI_ISSUER_ACTIVE);
    return 0;
}

/* Tickets of other hosts have times of other clocks. */
static void look_at_clock(struct doctor *d, const struct status *n)
{
    struct timex t = { .modes = 0 };
    bool foreign = false;

    if (n->clock_behind)
        finding_of_file(&d->found, FINDING_ERROR, "clock-behind", LEDGER,
                        "this host's clock is behind the newest time in the ledger: agents are denied",
                        "set the clock right; if it is right now, run: nhictl status --accept-clock");
    if (nhi_issuer_each(d->s.l, is_foreign, &foreign) == NHI_OK && foreign && adjtimex(&t) == TIME_ERROR)
        finding_of_file(&d->found, FINDING_NOTE, "clock-unsynchronised", LEDGER,
                        "nothing keeps this host's clock right, but it accepts tickets from hosts with other clocks",
                        "run an NTP client (on the host, if this is a container)");
}

static void look_at_space(struct doctor *d)
{
    static const char *const dirs[] = { NHI_STATE_DIR, NHI_STATE_DIR "/" NHI_GRANTS_DIR };
    struct statvfs fs;

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        if (statvfs(dirs[i], &fs) != 0)
            continue;
        if ((fs.f_flag & ST_RDONLY) != 0)
            finding_of_file(&d->found, FINDING_ERROR, "store-read-only", dirs[i],
                            "the file system is read-only: nothing can be recorded, so agents are denied",
                            "mount it read-write");
        else if ((fs.f_blocks > 0 && (uint64_t)fs.f_bavail * fs.f_frsize < SPACE_MIN) ||
                 (fs.f_files > 0 && fs.f_favail < FILES_MIN))
            finding_of_file(&d->found, FINDING_WARNING, "store-full", dirs[i],
                            "there is hardly any space left: what cannot be recorded is denied",
                            "free space on that file system");
    }
}

void doctor_store(struct doctor *d)
{
    struct ctl quiet = { .now = d->c->now };
    struct status n = { .now = 0 };

    if (d->s.l == NULL) {
        no_ledger(d);
        return;
    }
    if (status_gather(&quiet, &d->s, &n) != CTL_DONE) {
        finding_of_file(&d->found, FINDING_ERROR, "ledger-damaged", LEDGER, "the ledger is damaged: agents are denied",
                        "run: nhictl restore FILE, with the newest backup");
        return;
    }
    look_at_fit(d);
    look_at_trail(d);
    look_at_reserve(d, &n);
    look_at_snapshot(d, &n);
    look_at_supervisor(d, &n);
    look_at_clock(d, &n);
    look_at_space(d);
}

/* The accounts that it names are checked earlier: an error there is not an error of the policy. */
void doctor_policy(struct doctor *d)
{
    static const char *const before[] = { "perm-", "snapshot-", "nss-", "agent-", "only-" };
    struct ctl quiet = { .now = d->c->now };
    bool pending = false;
    int64_t rules = 1;

    if (d->s.l == NULL || nhi_policy_count(d->s.l, &rules) != NHI_OK)
        return;
    if (rules == 0)
        finding_of_file(&d->found, FINDING_WARNING, "policy-empty", NHI_CONF_DIR "/" NHI_POLICY_DIR,
                        "no rule permits anything", "write one there (nhi-policy(5)), then run: nhictl apply");
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        if (findings_have(&d->found, before[i]))
            return;
    if (apply_is_pending(&quiet, &d->s, &pending) != CTL_DONE)
        finding_of_file(&d->found, FINDING_WARNING, "policy-broken", NHI_CONF_DIR,
                        "these files cannot be applied: the earlier policy stays in force", "run: nhictl policy check");
    else if (pending && rules != 0)
        finding_of_file(&d->found, FINDING_WARNING, "policy-not-applied", NHI_CONF_DIR,
                        "these files differ from the policy in force",
                        "run: nhictl apply --dry-run, then nhictl apply");
}

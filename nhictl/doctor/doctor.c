/* SPDX-License-Identifier: ISC */
/*
 * doctor: what is wrong with this host, and the line that would correct it.
 */
#include "nhictl/doctor/doctor.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/version.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/session/cgroup.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"

/* ---- accounts to look at ---- */

/* If programs do not see agents' groups, sshd does not either, and that is not an error of sshd. */
static bool is_in_group(const struct doctor *d, const struct passwd *pw)
{
    gid_t groups[NHI_GROUPS_MAX + 32];
    int n = (int)(sizeof(groups) / sizeof(groups[0]));

    if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
        return false;
    for (int i = 0; i < n; i++)
        if (groups[i] == d->s.set.uid_min)
            return true;
    return false;
}

static int first_agent(const struct nhi_agent *a, void *ctx)
{
    struct doctor *d = ctx;
    const struct passwd *pw;

    if (a->state != NHI_AGENT_ACTIVE)
        return 0;
    pw = getpwnam(a->account.name);
    if (pw == NULL || pw->pw_uid != a->account.uid || !is_in_group(d, pw))
        return 0;
    memcpy(d->agent, a->account.name, sizeof(d->agent));
    return 1;
}

/* As pam_nhi does: from the local file. */
static void read_only(struct doctor *d)
{
    FILE *f = fopen("/etc/group", "re");
    const struct group *gr = NULL;

    d->only = out_say("%s", "");
    while (f != NULL && (gr = fgetgrent(f)) != NULL && strcmp(gr->gr_name, "nhi-only") != 0)
        ;
    for (char **m = gr != NULL ? gr->gr_mem : NULL; m != NULL && *m != NULL; m++) {
        char *more = nhi_name_is_account(*m) ? out_say("%s%s%s", d->only, d->only[0] != '\0' ? " " : "", *m) : NULL;

        if (more == NULL)
            continue;
        free(d->only);
        d->only = more;
    }
    if (f != NULL)
        fclose(f);
}

/* The verbs that read the ledger first upgrade it, which writes. */
static void open_ledger(struct doctor *d)
{
    enum nhi_err err;

    nhi_last_seen_ask(NHI_STATE_DIR, NHI_RUN_DIR, &d->s.seen);
    err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &d->s.l);
    if (err == NHI_OK)
        err = nhi_ledger_begin(d->s.l, d->c->now);
    if (err == NHI_OK)
        err = nhi_ledger_settings(d->s.l, &d->s.set);
    if (err == NHI_OK)
        (void)!nhi_agent_each(d->s.l, first_agent, d);
    d->ledger = err;
    if (err != NHI_OK) {
        nhi_ledger_close(d->s.l);
        d->s.l = NULL;
    }
}

/* ---- the answer ---- */

static const char *container(void)
{
    if (access("/run/systemd/container", F_OK) == 0 || access("/.dockerenv", F_OK) == 0 ||
        access("/run/.containerenv", F_OK) == 0)
        return "yes";
    return "no";
}

static void show_json(struct ctl *c, const struct doctor *d)
{
    struct out_row *release = out_row_new(c->out), *host = out_row_new(c->out);

    out_text(release, "version", NULL, NHI_VERSION);
    out_record(c->out, NULL, release);
    out_flag(host, "systemd", NULL, nhi_cgroup_is_systemds());
    out_flag(host, "container", NULL, strcmp(container(), "yes") == 0);
    out_record(c->out, "host", host);
    out_table(c->out, "findings", NULL);
    for (size_t i = 0; i < d->found.count; i++) {
        const struct finding *f = &d->found.all[i];
        struct out_row *row = out_row_new(c->out);

        out_text(row, "level", NULL, finding_level_name(f->level));
        out_text(row, "finding", NULL, f->id);
        out_text(row, "file", NULL, f->file);
        out_number(row, "line", NULL, f->line);
        out_text(row, "text", NULL, f->text);
        out_text(row, "why", NULL, f->why);
        out_text(row, "fix", NULL, f->fix);
        out_table_row(c->out, row);
    }
}

static void show_text(struct ctl *c, const struct doctor *d)
{
    for (size_t i = 0; i < d->found.count; i++) {
        const struct finding *f = &d->found.all[i];
        char line[16] = "";

        if (f->line > 0)
            snprintf(line, sizeof(line), ":%d", f->line);
        out_line(c->out, "%-7s  %s%s: %s", finding_level_name(f->level), f->file, line, f->id);
        if (f->text != NULL)
            out_line(c->out, "         | %s", f->text);
        out_line(c->out, "         %s", f->why);
        out_line(c->out, "         %s", f->fix);
    }
    if (d->found.count == 0)
        out_line(c->out, "nothing is wrong with this host");
}

static int answer(struct ctl *c, struct doctor *d)
{
    bool ill;
    int code;

    findings_sort(&d->found);
    ill = d->found.count > 0 && d->found.all[0].level > FINDING_NOTE;
    if (c->json)
        show_json(c, d);
    else
        show_text(c, d);
    if (ill)
        out_negative(c->out, "there are findings", NULL);
    code = ctl_answer(c);
    return code == CTL_DONE && ill ? CTL_REFUSED : code;
}

static int doctor(struct ctl *c)
{
    struct doctor d = { .c = c };
    int code;

    if (geteuid() != 0)
        return ctl_fail(c, CTL_REFUSED, "sudo nhictl doctor", "only root can read the files that doctor checks");
    open_ledger(&d);
    read_only(&d);
#define DOCTOR_PART(name) doctor_##name(&d);
    DOCTOR_PARTS(DOCTOR_PART)
#undef DOCTOR_PART
    code = answer(c, &d);
    findings_free(&d.found);
    free(d.only);
    store_close(&d.s);
    return code;
}

const struct verb doctor_verbs[] = {
    { NULL, "doctor", doctor, NULL, 0, 0, 0, "", "Report what is wrong with this host, and how to fix it.",
      "Reads how PAM, sshd, sudo, su, cron, NSS and nhi itself are set up, and changes nothing. Each\n"
      "finding has its place, why it matters, and the exact line or command. Exit status 1: there are\n"
      "findings other than notes.",
      "nhictl doctor" },
    { .verb = NULL },
};

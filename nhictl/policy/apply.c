/* SPDX-License-Identifier: ISC */
/*
 * apply: the files of /etc/nhi become the ledger's policy and settings, all of them or none.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/setting.h"
#include "libnhi/policy/rule_line.h"
#include "nhictl/agent/agents_apply.h"
#include "nhictl/agent/agents_put.h"
#include "nhictl/agent/namesake.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/policy/apply.h"
#include "nhictl/policy/apply_diff.h"
#include "nhictl/policy/apply_sessions.h"
#include "nhictl/policy/apply_tickets.h"
#include "nhictl/policy/policy_read.h"
#include "nhictl/policy/zone.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

#define YEARS_AHEAD 10 /* for which zones are compiled, from the end of this year on */
#define YEAR INT64_C(31556952)

struct apply_args {
    bool dry_run, force;
};

struct plan {
    struct nhi_policy_conf conf;
    struct agents_plan agents;
    struct nhi_settings set;
    struct apply_side had; /* the policy in force, its rules by name */
    size_t added, removed, modified;
    struct apply_touched touched;
    struct apply_effect effect;
    int64_t until; /* zones are compiled up to this moment */
    char hash[NHI_POLICY_LEN + 1];
    bool changed;
};

/* ---- the hash of the plan, whatever the order of its rules ---- */

static const struct nhi_rule *nth(const struct plan *p, size_t i)
{
    return &p->conf.rules[p->conf.by_name[i]];
}

/* Whether this is the first rule in its zone, in the order of names. */
static bool is_first_of_zone(const struct plan *p, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(nth(p, k)->zone, nth(p, i)->zone) == 0)
            return false;
    return nth(p, i)->zone[0] != '\0';
}

struct zone_sum {
    struct nhi_hash *hash;
    struct nhi_ledger *l;
    const char *name;
    enum nhi_err err;
};

static int add_zone_to_hash(int64_t at, int32_t ahead, void *ctx)
{
    const struct zone_sum *sum = ctx;
    char text[64];

    snprintf(text, sizeof(text), "%lld %d", (long long)at, ahead);
    nhi_hash_add(sum->hash, text);
    return 0;
}

/* Begins at a moment that does not move with the clock, or the hash would change. */
static int64_t zones_from(int64_t now)
{
    return now / YEAR * YEAR;
}

static void hash_plan(const struct ctl *c, struct plan *p)
{
    char text[NHI_RULE_LINE_MAX + 1], line[NHI_SETTING_LINE_MAX + 1];
    struct nhi_hash hash;
    struct zone_sum sum = { .hash = &hash };

    nhi_hash_start(&hash);
    nhi_setting_line_format(&p->set, line);
    nhi_hash_add(&hash, line);
    for (size_t i = 0; i < p->conf.count; i++) {
        nhi_rule_line_format(nth(p, i), text);
        nhi_hash_add(&hash, text);
        if (is_first_of_zone(p, i))
            (void)zone_each(nth(p, i)->zone, zones_from(c->now), p->until, add_zone_to_hash, &sum);
    }
    nhi_hash_end(&hash, p->hash);
}

/* ---- the difference ---- */

/* A host keeps its name, which tickets have, and its range, in which agents' files have their uids. */
static int check_settings(struct ctl *c, const struct store *s, const struct nhi_settings *set)
{
    const char *what = NULL;

    if (set->host[0] != '\0' && strcmp(set->host, s->set.host) != 0)
        what = "host";
    if (set->uid_min != 0 && set->uid_min != s->set.uid_min)
        what = "uid_min";
    if (set->uid_max != 0 && set->uid_max != s->set.uid_max)
        what = "uid_max";
    if (what == NULL)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, NULL,
                    NHI_CONF_DIR "/" NHI_CONF_FILE
                                 ": %s differs from the value given to nhictl init (%s, %u-%u); nothing was changed",
                    what, s->set.host, s->set.uid_min, s->set.uid_max);
}

static int read_plan(struct ctl *c, struct plan *p)
{
    int code = settings_read(c, &p->set);

    if (code == CTL_DONE)
        code = policy_read(c, &p->conf);
    if (code == CTL_DONE)
        code = agents_read(c, &p->agents);
    p->until = zones_from(c->now) + YEARS_AHEAD * YEAR;
    if (code == CTL_DONE)
        hash_plan(c, p);
    return code;
}

static int compare(struct ctl *c, struct store *s, struct plan *p)
{
    char in_force[NHI_POLICY_LEN + 1] = "";
    enum nhi_err err = NHI_OK;
    int code = check_settings(c, s, &p->set);

    if (code != CTL_DONE)
        return code;
    if (s->set.policy != 0)
        err = nhi_policy_hash(s->l, s->set.policy, in_force);
    if (err == NHI_OK)
        err = nhi_policy_load(s->l, 0, c->now, &p->had.rules, &p->had.count);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the current policy");
    p->touched.rules = calloc(p->had.count + p->conf.count + 1, sizeof(*p->touched.rules));
    if (p->touched.rules == NULL)
        return ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
    p->changed = strcmp(in_force, p->hash) != 0;
    p->removed = apply_show_rules(c, APPLY_REMOVED, &p->had, &p->conf, &p->touched);
    p->added = apply_show_rules(c, APPLY_ADDED, &p->had, &p->conf, &p->touched);
    p->modified = apply_show_rules(c, APPLY_MODIFIED, &p->had, &p->conf, &p->touched);
    apply_show_settings(c, &s->set, &p->set);
    p->had.max_lifetime = s->set.max_lifetime;
    p->had.overdue_denies = s->set.overdue_denies;
    code = apply_show_tickets(
        c, s,
        &(const struct apply_change){
            &p->had,
            &(const struct apply_side){ p->conf.rules, p->conf.count, p->set.max_lifetime, p->set.overdue_denies },
            &p->touched },
        &p->effect);
    if (code == CTL_DONE)
        code = agents_compare(c, s, &p->agents);
    return code == CTL_DONE ? apply_show_sessions(c, &p->effect, &p->agents) : code;
}

/* What takes nearly everything away may be a directory that is not mounted, or a file with a typing error. */
static int need_force(struct ctl *c, const struct plan *p)
{
    const struct apply_args *args = c->args;

    if (args->force || args->dry_run)
        return CTL_DONE;
    if (p->had.count > 0 && p->conf.count == 0)
        return ctl_fail(c, CTL_REFUSED, "nhictl apply --dry-run, then nhictl apply --force",
                        "this removes every rule (there are %zu), and nothing is permitted any more", p->had.count);
    if (2 * p->effect.shut > p->effect.live)
        return ctl_fail(c, CTL_REFUSED, "nhictl apply --dry-run, then nhictl apply --force",
                        "of %zu live tickets %zu open nothing any more", p->effect.live, p->effect.shut);
    return CTL_DONE;
}

/* ---- putting it in force ---- */

static int add_zone(int64_t at, int32_t ahead, void *ctx)
{
    struct zone_sum *sum = ctx;

    sum->err = nhi_policy_add_zone(sum->l, sum->name, at, &ahead);
    return sum->err != NHI_OK;
}

static enum nhi_err put_zones(struct ctl *c, struct store *s, const struct plan *p)
{
    struct zone_sum sum = { .l = s->l, .err = NHI_OK };

    for (size_t i = 0; i < p->conf.count && sum.err == NHI_OK; i++) {
        if (!is_first_of_zone(p, i))
            continue;
        sum.name = nth(p, i)->zone;
        (void)zone_each(sum.name, zones_from(c->now), p->until, add_zone, &sum);
        if (sum.err == NHI_OK)
            sum.err = nhi_policy_add_zone(s->l, sum.name, p->until, NULL);
    }
    return sum.err;
}

static enum nhi_err put(struct ctl *c, struct store *s, const struct plan *p)
{
    enum nhi_err err = nhi_policy_replace(s->l, p->conf.rules, p->conf.count, p->hash, c->now);

    if (err == NHI_OK)
        err = put_zones(c, s, p);
    return err == NHI_OK ? nhi_ledger_set(s->l, &p->set) : err;
}

static int replace(struct ctl *c, struct store *s, const struct plan *p)
{
    struct out_row *detail = out_row_new(c->out);
    enum nhi_err err = p->changed ? put(c, s, p) : NHI_OK;
    int code;

    out_text(detail, "policy", NULL, p->hash);
    out_number(detail, "rules", NULL, (int64_t)p->conf.count);
    out_number(detail, "added", NULL, (int64_t)p->added);
    out_number(detail, "removed", NULL, (int64_t)p->removed);
    out_number(detail, "modified", NULL, (int64_t)p->modified);
    apply_put_settings(detail, &p->set);
    if (err == NHI_OK)
        err = store_event(c, s, (struct store_event){ .kind = "policy-apply" }, detail);
    else
        out_row_free(detail);
    if (err != NHI_OK)
        return store_fail(c, s, err, "replace the policy");
    err = agents_put(c, s, &p->agents);
    if (err != NHI_OK)
        return store_fail(c, s, err, "change the agents");
    code = store_commit(c, s);
    /* Also repairs a snapshot that was not written when its accounts changed. */
    return code == CTL_DONE ? store_publish(c, s) : code;
}

static void show_summary(struct ctl *c, const struct plan *p)
{
    const struct apply_args *args = c->args;
    struct out_row *r = out_row_new(c->out);

    out_number(r, "rules", NULL, (int64_t)p->conf.count);
    out_text(r, "policy", NULL, p->hash);
    out_flag(r, "changed", NULL, p->changed);
    apply_put_settings(r, &p->set);
    out_number(r, "declared", NULL, (int64_t)p->agents.conf.count);
    out_flag(r, "dry_run", NULL, args->dry_run);
    out_record(c->out, NULL, r);
    out_line(c->out, "%s%zu rule%s, %zu added, %zu removed, %zu changed (%.8s)",
             args->dry_run ? "would be: " : "policy: ", p->conf.count, p->conf.count == 1 ? "" : "s", p->added,
             p->removed, p->modified, p->hash);
    if (p->set.pin_records)
        out_line(c->out, "tickets that are used away from their first place are recorded, not refused");
}

int apply_is_pending(struct ctl *c, struct store *s, bool *pending)
{
    char in_force[NHI_POLICY_LEN + 1] = "";
    struct plan p = { .changed = false };
    int code = read_plan(c, &p);

    if (code == CTL_DONE && s->set.policy != 0 && nhi_policy_hash(s->l, s->set.policy, in_force) != NHI_OK)
        in_force[0] = '\0';
    *pending = code == CTL_DONE && strcmp(in_force, p.hash) != 0;
    nhi_policy_conf_free(&p.conf);
    agents_free(&p.agents);
    return code;
}

static int apply(struct ctl *c)
{
    const struct apply_args *args = c->args;
    struct plan p = { .changed = false };
    struct store s = { 0 };
    struct ended ended = { .grace = 0 };
    int code = store_need_root(c);

    /* The files are read under the ledger's lock: of two commands at once, the last one to write has read last. */
    if (code == CTL_DONE)
        code = args->dry_run ? store_read(c, &s) : store_write(c, &s);
    if (code == CTL_DONE)
        code = read_plan(c, &p);
    if (code == CTL_DONE)
        code = compare(c, &s, &p);
    if (code == CTL_DONE && p.agents.count > 0)
        code = store_need_sound(c, &s);
    if (code == CTL_DONE)
        code = need_force(c, &p);
    if (code == CTL_DONE)
        show_summary(c, &p);
    if (code == CTL_DONE && !args->dry_run)
        code = replace(c, &s, &p);
    if (code == CTL_DONE && !args->dry_run)
        code = agents_make_homes(c, &p.agents);
    /* Sessions that the new policy does not permit end as well. */
    if (code == CTL_DONE && !args->dry_run)
        ended = end_what_is_denied(c, p.set.grace);
    if (code == CTL_DONE && !args->dry_run) {
        ended_show(c, &ended);
        agents_show_other_hosts(c, &s, &p.agents);
    }
    if (code == CTL_DONE)
        namesakes_note(s.l);
    if (code == CTL_DONE)
        code = ended_answer(c, &ended);
    free(p.had.rules);
    free(p.touched.rules);
    free(p.effect.lost);
    nhi_policy_conf_free(&p.conf);
    agents_free(&p.agents);
    store_close(&s);
    return code;
}

static const struct opt apply_opts[] = {
    { "dry-run", OPT_FLAG, offsetof(struct apply_args, dry_run), false, NULL,
      "show what would change, and change nothing", NULL, 0 },
    { "force", OPT_FLAG, offsetof(struct apply_args, force), false, NULL,
      "also if no rule is left, or most live tickets open nothing any more", NULL, 0 },
    { .name = NULL },
};

const struct verb apply_verbs[] = {
    { NULL, "apply", apply, apply_opts, sizeof(struct apply_args), 0, 0, "[--dry-run | --force]",
      "Put the settings, policy and agents of " NHI_CONF_DIR " into force.",
      "All of them or none: after an error in one, everything stays as it is.", "nhictl apply --dry-run" },
    { .verb = NULL },
};

/* SPDX-License-Identifier: ISC */
/*
 * What would replace the account as it is used today, as commands that can be typed unchanged.
 *
 * MUST: everything that was read from this host is quoted in them. MUST: the first step denies nobody who can log in
 * today.
 */
#include "nhictl/adopt/adopt_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libnhi/base/net.h"
#include "libnhi/base/time.h"
#include "libnhi/ticket/ticket.h"
#include "nhictl/adopt/adopt_crontab.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/out.h"

#define REVIEW_IN ((int64_t)90 * 86400)
#define SOURCES_MAX 8 /* a list of more addresses would not be maintained */

struct text {
    char *buf;
    size_t len;
    FILE *f;
};

static FILE *begin(struct text *t)
{
    t->buf = NULL;
    t->f = out_must(open_memstream(&t->buf, &t->len));
    return t->f;
}

/* Shows one step from the text that was written: as lines for people and as a row for programs. */
static void say(struct adopt *a, const char *step, const char *why, struct text *t)
{
    struct out *o = a->c->out;
    struct out_row *r;
    char *line, *next;

    if (fclose(t->f) != 0)
        out_must(NULL);
    if (a->c->json) {
        r = out_row_new(o);
        out_text(r, "step", NULL, step);
        out_text(r, "why", NULL, why);
        out_text(r, "command", NULL, t->buf);
        out_table_row(o, r);
    } else {
        out_line(o, "%s", "");
        out_line(o, "# %s: %s", step, why);
        for (line = t->buf; line != NULL && *line != '\0'; line = next) {
            next = strchr(line, '\n');
            if (next != NULL)
                *next++ = '\0';
            out_line(o, "%s", line);
        }
    }
    free(t->buf);
}

static void put_quoted(FILE *f, const char *text)
{
    adopt_put_quoted(f, text, strlen(text));
}

static bool is_used_by_ssh(const struct adopt *a)
{
    return a->key_count > 0 || a->logins.count > 0;
}

static void observe(struct adopt *a)
{
    struct text t;
    FILE *f = begin(&t);

    fprintf(f, "groupadd -f nhi-observe\nusermod -a -G nhi-observe %s\nnhictl status\n", a->account.name);
    say(a, "observe", "everybody still gets in, and nhictl status counts who would be denied; a week is usually enough",
        &t);
}

static void enroll(struct adopt *a)
{
    char day[NHI_TIME_LEN + 1] = "2099-12-31";
    struct text t;
    FILE *f = begin(&t);

    if (nhi_time_format(a->c->now + REVIEW_IN, day) == NHI_OK)
        day[10] = '\0';
    fprintf(f, "nhictl agent add %s --owner ", a->agent);
    put_quoted(f, a->owner);
    fprintf(f, " --purpose 'what account %s did' --review-by %s", a->account.name, day);
    if (a->groups[0] != '\0')
        fprintf(f, " --group %s", a->groups);
    putc('\n', f);
    say(a, "register", "every agent has an owner and a purpose: describe it", &t);
}

/* The addresses that logins came from, if they are few: "source = [ … ];". */
static void put_sources(const struct adopt *a, FILE *f)
{
    char text[NHI_NET_TEXT_MAX + 1];
    /* From a log that anybody can write, it is only a proposal. */
    const char *between = a->logs_proven ? " source = [ "
                                         : "\n"
                                           "    # from a log that anybody can write to: source = [ ";
    struct nhi_net net;
    size_t n = 0;

    for (size_t i = 0; i < a->logins.count; i++)
        n += a->logins.all[i].from != NULL && nhi_net_parse(a->logins.all[i].from, &net) == NHI_OK;
    if (n != a->logins.count || n == 0 || n > SOURCES_MAX)
        return;
    for (size_t i = 0; i < a->logins.count; i++) {
        bool before = false;

        for (size_t j = 0; j < i; j++)
            before = before || strcmp(a->logins.all[j].from, a->logins.all[i].from) == 0;
        if (before || nhi_net_parse(a->logins.all[i].from, &net) != NHI_OK)
            continue;
        nhi_net_format(&net, text);
        fprintf(f, "%s\"%s\"", between, text);
        between = ", ";
    }
    fputs(a->logs_proven ? " ];" : " ];\n   ", f);
}

static void policy(struct adopt *a)
{
    struct text t;
    FILE *f = begin(&t);

    fprintf(f, "cat >/etc/nhi/policy.d/%s.conf <<'X'\nrules = (\n", a->agent);
    if (is_used_by_ssh(a) || a->job_count == 0) {
        fprintf(f, "  { name = \"%s-login\"; effect = \"permit\"; agent = \"%s\"; account = \"%s\";\n", a->agent,
                a->agent, a->account.name);
        fprintf(f, "    service = [ \"sshd\"%s ];", a->sudo.count > 0 ? ", \"sudo\"" : "");
        put_sources(a, f);
        fprintf(f, " }%s\n", a->job_count > 0 ? "," : "");
    }
    if (a->job_count > 0)
        fprintf(f,
                "  { name = \"%s-jobs\"; effect = \"permit\"; agent = \"%s\"; account = \"%s\";\n"
                "    service = \"sudo\"; bound = \"tree\"; }\n",
                a->agent, a->agent, a->agent);
    fputs(");\nX\nnhictl apply --dry-run\nnhictl apply\n", f);
    say(a, "policy", "what it may do here, and from where", &t);
}

/* Whether the key has an option with that name: names may have any case, and values may be quoted. */
static bool has_option(const struct adopt_key *k, const char *name)
{
    const char *at = k->options;
    size_t len = strlen(name);
    bool quoted = false;

    for (bool first = true; *at != '\0'; first = !quoted && *at == ',', at++) {
        if (first && strncasecmp(at, name, len) == 0 && (at[len] == '\0' || strchr(",=", at[len]) != NULL))
            return true;
        if (*at == '\\' && at[1] == '"')
            at++;
        else if (*at == '"')
            quoted = !quoted;
    }
    return false;
}

/* What a ticket takes away from sessions, as the key's options do; "" or " --ssh …". */
static void put_ssh(FILE *f, const struct adopt_key *k)
{
    static const char *const words[] = { "restrict", "no-pty", "no-port-forwarding", "no-agent-forwarding",
                                         "no-X11-forwarding" };
    const char *between = " --ssh ";

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (has_option(k, words[i])) {
            fprintf(f, "%s%s", between, words[i]);
            /* The first one, restrict, includes all others. */
            if (i == 0)
                return;
            between = ",";
        }
}

static void tickets(struct adopt *a)
{
    struct text t;
    FILE *f = begin(&t);

    fprintf(f, "nhictl task open %s-1 --agent %s --until 9h\n", a->agent, a->agent);
    for (size_t i = 0; i < a->key_count; i++) {
        const struct adopt_key *k = &a->key[i];

        if (has_option(k, "cert-authority")) {
            fprintf(f, "# key %zu, %s, signs certificates: bind a ticket to each key that it has certified\n", i + 1,
                    k->print);
            continue;
        }
        if (k->base64[0] == '\0') {
            fprintf(f, "# key %zu, %s, cannot be bound: make another where it is used: ssh-keygen -t ed25519\n", i + 1,
                    k->print);
            continue;
        }
        fprintf(f, "echo '" NHI_SSHKEY_TYPE " %s' >%s-%zu.pub\n", k->base64, a->agent, i + 1);
        fprintf(f,
                "nhictl issue --agent %s --task %s-1 --account %s --service sshd%s --bind-key %s-%zu.pub --ttl 8h "
                "--out %s-%zu.ticket",
                a->agent, a->agent, a->account.name, a->sudo.count > 0 ? ",sudo" : "", a->agent, i + 1, a->agent,
                i + 1);
        put_ssh(f, k);
        putc('\n', f);
        if (has_option(k, "command"))
            fprintf(f, "# key %zu could run one command only, but its ticket opens a shell: %s\n", i + 1, k->options);
    }
    if (a->key_count == 0)
        fprintf(f, "nhictl issue --agent %s --task %s-1 --account %s --service sshd%s --ttl 8h --out %s.ticket\n",
                a->agent, a->agent, a->account.name, a->sudo.count > 0 ? ",sudo" : "", a->agent);
    say(a, "tickets", "a task and a ticket for each run: the program that starts the run does this, not a person", &t);
}

/* Today they run beside each other, and beside logins. */
static void jobs(struct adopt *a)
{
    bool beside = is_used_by_ssh(a) || a->job_count > 1;
    struct text t;
    FILE *f = begin(&t);

    fprintf(f, "cat >/etc/cron.d/%s <<'X'\n", a->agent);
    for (size_t i = 0; i < a->job_count; i++)
        adopt_put_job(f, a, &a->job[i], beside);
    fputs("X\n", f);
    for (size_t i = 0; i < a->job_count; i++) {
        fprintf(f, "# then remove from %s: %s %s\n", a->job[i].file, a->job[i].when, a->job[i].command);
        adopt_put_for_cron(f, &a->job[i]);
    }
    say(a, "jobs", "the jobs run as the agent's own account, which needs access to their files", &t);
}

/* "(root) NOPASSWD: /usr/bin/id" for the agent's own account, without its NOPASSWD. */
static void put_rule(FILE *f, const char *who, const char *rule)
{
    static const char tag[] = "NOPASSWD: ";
    const char *at = strstr(rule, tag);

    if (at != NULL)
        fprintf(f, "%s ALL=%.*s%s\n", who, (int)(at - rule), rule, at + strlen(tag));
    else
        fprintf(f, "%s ALL=%s\n", who, rule);
}

static void sudo_rules(struct adopt *a)
{
    struct text t;
    FILE *f = begin(&t);

    fprintf(f, "cat >/etc/sudoers.d/%s <<'X'\n", a->agent);
    fprintf(f, "Defaults:%s noninteractive_auth, timestamp_timeout=0\n", a->account.name);
    if (a->job_count > 0)
        for (size_t i = 0; i < a->sudo.count; i++)
            put_rule(f, a->agent, a->sudo.text[i]);
    fprintf(f, "X\nchmod 440 /etc/sudoers.d/%s\nvisudo -c\n", a->agent);
    say(a, "sudo", "sudo uses the ticket of the session, and nobody types anything", &t);
}

static void enforce(struct adopt *a)
{
    struct text t;
    FILE *f = begin(&t);

    fprintf(f, "groupadd -f nhi-only\nusermod -a -G nhi-only %s\ngpasswd -d %s nhi-observe\n", a->account.name,
            a->account.name);
    for (size_t i = 0; i < a->key_count; i++) {
        bool before = false;

        for (size_t j = 0; j < i; j++)
            before = before || strcmp(a->key[j].file, a->key[i].file) == 0;
        if (before)
            continue;
        fputs("mv ", f);
        put_quoted(f, a->key[i].file);
        putc(' ', f);
        put_quoted(f, a->key[i].file);
        fputs(".before-nhi\n", f);
    }
    for (size_t i = 0; i < a->sudo.count; i++)
        if (strstr(a->sudo.text[i], "NOPASSWD") != NULL)
            fprintf(f, "# with visudo, remove NOPASSWD from: %s %s\n", a->account.name, a->sudo.text[i]);
    say(a, "enforce", "last, when nhictl status shows that nobody would be denied any more: tickets only", &t);
}

void adopt_plan(struct adopt *a)
{
    if (a->c->json)
        out_table(a->c->out, "steps", NULL);
    observe(a);
    enroll(a);
    policy(a);
    if (is_used_by_ssh(a) || a->job_count == 0)
        tickets(a);
    if (a->job_count > 0)
        jobs(a);
    if (a->sudo.count > 0)
        sudo_rules(a);
    enforce(a);
}

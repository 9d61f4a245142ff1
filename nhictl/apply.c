/*
 * apply: policy files become the ledger's policy, all of them or none.
 *
 * MUST: read only what nobody but root could have written.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/paths.h"
#include "libnhi/policy_conf.h"
#include "libnhi/privileged.h"
#include "libnhi/sshopt.h"
#include "nhictl/ctl.h"
#include "nhictl/store.h"

#define DIR_PATH NHI_CONF_DIR "/" NHI_POLICY_DIR
#define FILES_MAX 1000

struct apply_args {
    bool dry_run;
};

struct files {
    char *name[FILES_MAX];
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_policy_file(const char *name)
{
    size_t len = strlen(name);

    return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

static int list_files(struct ctl *c, int dir, struct files *files)
{
    int fd = dup(dir), code = CTL_DONE;
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;

    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", DIR_PATH, strerror(errno));
    }
    while (code == CTL_DONE && (e = readdir(d)) != NULL) {
        if (!is_policy_file(e->d_name))
            continue;
        if (files->count == FILES_MAX)
            code = ctl_fail(c, CTL_REFUSED, NULL, "more than %d files in %s", FILES_MAX, DIR_PATH);
        else if ((files->name[files->count] = strdup(e->d_name)) == NULL)
            code = ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
        else
            files->count++;
    }
    closedir(d);
    qsort(files->name, files->count, sizeof(*files->name), by_name);
    return code;
}

static int read_failed(struct ctl *c, const char *name, enum nhi_err err)
{
    char hint[300];

    snprintf(hint, sizeof(hint), "chown root: %s/%s; chmod go-w %s/%s", DIR_PATH, name, DIR_PATH,
             name);
    if (err == NHI_ERR_UNSAFE)
        return ctl_fail(c, CTL_REFUSED, hint,
                        "%s/%s: not a file that only root can write; nothing was changed", DIR_PATH,
                        name);
    if (err == NHI_ERR_TOO_LONG)
        return ctl_fail(c, CTL_REFUSED, NULL, "%s/%s: larger than 1 MiB; nothing was changed",
                        DIR_PATH, name);
    return ctl_fail(c, CTL_SYSTEM, NULL, "%s/%s: %s; nothing was changed", DIR_PATH, name,
                    nhi_strerror(err));
}

static int read_file(struct ctl *c, int dir, const char *name, struct nhi_policy_conf *conf)
{
    struct nhi_conf_error error;
    unsigned long len = 0;
    char *text = NULL;
    enum nhi_err err;

    err = nhi_file_read(dir, name, 0, NHI_CONF_FILE_MAX, &text, &len);
    if (err != NHI_OK)
        return read_failed(c, name, err);
    err = nhi_policy_conf_add(conf, name, text, len, &error);
    free(text);
    if (err == NHI_OK)
        return CTL_DONE;
    if (err != NHI_ERR_FORMAT)
        return read_failed(c, name, err);
    if (error.line == 0)
        return ctl_fail(c, CTL_REFUSED, NULL, "%s/%s: %s; nothing was changed", DIR_PATH, name,
                        error.text);
    return ctl_fail(c, CTL_REFUSED, NULL, "%s/%s:%u: %s; nothing was changed", DIR_PATH, name,
                    error.line, error.text);
}

/* Root is out of reach of policy too, under whatever name. */
static int check_accounts(struct ctl *c, const struct nhi_policy_conf *conf)
{
    for (size_t i = 0; i < conf->count; i++) {
        const char *at = conf->rules[i].accounts;
        char name[NHI_LIST_MAX + 1];

        while ((at = nhi_list_next(at, name)) != NULL) {
            struct nhi_local local;
            enum nhi_err err = nhi_local_by_name(name, &local);

            if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
                return ctl_fail(c, CTL_SYSTEM, NULL, "could not look up account %s: %s", name,
                                nhi_strerror(err));
            if (err == NHI_OK && local.privileged)
                return ctl_fail(
                    c, CTL_REFUSED, NULL,
                    "%s/%s:%u: account %s is privileged (%s): no rule can name it; nothing "
                    "was changed",
                    DIR_PATH, conf->where[i].file, conf->where[i].line, name, local.because);
        }
    }
    return CTL_DONE;
}

static int read_all(struct ctl *c, struct nhi_policy_conf *conf)
{
    struct files files = { .count = 0 };
    enum nhi_err err;
    int dir, code;

    err = nhi_dir_open(DIR_PATH, &dir);
    if (err == NHI_ERR_NOT_FOUND)
        return ctl_fail(c, CTL_SYSTEM, "nhictl init", "there is no directory %s", DIR_PATH);
    if (err == NHI_ERR_UNSAFE)
        return ctl_fail(c, CTL_REFUSED, "chmod go-w " DIR_PATH,
                        "%s or a directory above it can be changed by others than root", DIR_PATH);
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", DIR_PATH, nhi_strerror(err));
    code = list_files(c, dir, &files);
    for (size_t i = 0; i < files.count && code == CTL_DONE; i++)
        code = read_file(c, dir, files.name[i], conf);
    for (size_t i = 0; i < files.count; i++)
        free(files.name[i]);
    close(dir);
    return code == CTL_DONE ? check_accounts(c, conf) : code;
}

static bool same_rule(const struct nhi_rule *a, const struct nhi_rule *b)
{
    return strcmp(a->name, b->name) == 0 && a->forbid == b->forbid &&
           strcmp(a->agents, b->agents) == 0 && strcmp(a->accounts, b->accounts) == 0 &&
           strcmp(a->services, b->services) == 0 && a->ssh == b->ssh;
}

static bool has_rule(const struct nhi_rule *rules, size_t count, const struct nhi_rule *r)
{
    for (size_t i = 0; i < count; i++)
        if (same_rule(&rules[i], r))
            return true;
    return false;
}

/* Lists the rules of one side that the other does not have. */
static size_t show_difference(struct ctl *c, const char *key, const char *sign,
                              const struct nhi_rule *of, size_t of_count,
                              const struct nhi_rule *other, size_t other_count)
{
    char ssh[NHI_SSHOPT_TEXT_MAX + 1];
    size_t n = 0;

    out_strings(c->out, key, NULL);
    for (size_t i = 0; i < of_count; i++) {
        if (has_rule(other, other_count, &of[i]))
            continue;
        n++;
        nhi_sshopt_format(of[i].ssh, ' ', ssh);
        if (c->json)
            out_string(c->out, "%s", of[i].name);
        else
            out_string(c->out, "%s %s %s: agent %s, account %s, service %s%s%s", sign,
                       of[i].forbid ? "forbid" : "permit", of[i].name, of[i].agents, of[i].accounts,
                       of[i].services, ssh[0] != '\0' ? ", ssh " : "", ssh);
    }
    return n;
}

static int replace(struct ctl *c, struct store *s, const struct nhi_policy_conf *conf, size_t added,
                   size_t removed)
{
    struct out_row *detail = out_row_new(c->out);
    enum nhi_err err = nhi_policy_replace(s->l, conf->rules, conf->count, c->now);
    int code;

    out_number(detail, "rules", NULL, (int64_t)conf->count);
    out_number(detail, "added", NULL, (int64_t)added);
    out_number(detail, "removed", NULL, (int64_t)removed);
    if (err == NHI_OK)
        err = nhi_ledger_set_pin(s->l, conf->pin_records);
    out_text(detail, "pin", NULL, conf->pin_records ? "record" : "refuse");
    if (err == NHI_OK)
        err = store_event(c, s, "policy-apply", NULL, NULL, NULL, detail);
    else
        out_row_free(detail);
    if (err != NHI_OK)
        return store_fail(c, s, err, "replace the policy");
    code = store_commit(c, s);
    /* Also mends a snapshot that was not written when its accounts changed. */
    return code == CTL_DONE ? store_publish(c, s) : code;
}

static void show_summary(struct ctl *c, const struct nhi_policy_conf *conf, size_t added,
                         size_t removed)
{
    const struct apply_args *args = c->args;
    struct out_row *r = out_row_new(c->out);

    out_number(r, "rules", NULL, (int64_t)conf->count);
    out_text(r, "pin", NULL, conf->pin_records ? "record" : "refuse");
    out_flag(r, "dry_run", NULL, args->dry_run);
    out_record(c->out, NULL, r);
    out_line(c->out, "%s%zu rule%s, %zu added, %zu removed",
             args->dry_run ? "would be: " : "policy: ", conf->count, conf->count == 1 ? "" : "s",
             added, removed);
    if (conf->pin_records)
        out_line(c->out, "tickets that are used elsewhere than at first are recorded, not refused");
}

static int apply(struct ctl *c)
{
    const struct apply_args *args = c->args;
    struct nhi_policy_conf conf = { 0 };
    struct store s = { 0 };
    struct nhi_rule *had = NULL;
    size_t had_count = 0, added, removed;
    enum nhi_err err;
    int code = store_need_root(c);

    if (code == CTL_DONE)
        code = read_all(c, &conf);
    if (code == CTL_DONE)
        code = args->dry_run ? store_read(c, &s) : store_write(c, &s);
    if (code != CTL_DONE)
        goto out;
    err = nhi_policy_load(s.l, &had, &had_count);
    if (err != NHI_OK) {
        code = store_fail(c, &s, err, "read the present policy");
        goto out;
    }
    removed = show_difference(c, "removed", "-", had, had_count, conf.rules, conf.count);
    added = show_difference(c, "added", "+", conf.rules, conf.count, had, had_count);
    show_summary(c, &conf, added, removed);
    if (!args->dry_run)
        code = replace(c, &s, &conf, added, removed);
    if (code == CTL_DONE)
        code = ctl_answer(c);
out:
    free(had);
    nhi_policy_conf_free(&conf);
    store_close(&s);
    return code;
}

static const struct opt apply_opts[] = {
    { "dry-run", OPT_FLAG, offsetof(struct apply_args, dry_run), false, NULL,
      "say what would change, and change nothing", NULL, 0 },
    { .name = NULL },
};

const struct verb apply_verbs[] = {
    { NULL, "apply", apply, apply_opts, sizeof(struct apply_args), 0, 0, "[--dry-run]",
      "Put the policy files of " DIR_PATH " in force.",
      "All of them or none: an error in one leaves the present policy as it is.",
      "nhictl apply --dry-run" },
    { .verb = NULL },
};

/* SPDX-License-Identifier: ISC */
/*
 * Policy and settings from their files.
 *
 * MUST: read only files that only root could have written.
 */
#include "nhictl/policy/policy_read.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger.h"
#include "nhictl/end/account_lookup.h"
#include "nhictl/policy/zone.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/conf_read.h"

static enum nhi_err take(void *to, const char *name, const char *text, size_t len, struct nhi_conf_error *error)
{
    return nhi_policy_conf_add(to, name, text, len, error);
}

static int unknown_zone(struct ctl *c, const char *path, const struct nhi_policy_conf *conf, size_t i)
{
    return ctl_fail(c, CTL_REFUSED, "ls /usr/share/zoneinfo, from package tzdata",
                    "%s/%s:%u: zone: this host does not know '%s'; nothing was changed", path, conf->where[i].file,
                    conf->where[i].line, conf->rules[i].zone);
}

static int check_zones(struct ctl *c, const char *path, struct nhi_policy_conf *conf)
{
    for (size_t i = 0; i < conf->count; i++) {
        struct nhi_rule *r = &conf->rules[i];

        if (r->zone[0] == '\0')
            continue;
        if (!zone_is_known(r->zone))
            return unknown_zone(c, path, conf, i);
        r->offset = zone_ahead(r->zone, c->now);
        r->offset_known = true;
    }
    return CTL_DONE;
}

/* No rule can name root's accounts, under any name. */
static int check_accounts(struct ctl *c, const char *path, const struct nhi_policy_conf *conf)
{
    for (size_t i = 0; i < conf->count; i++) {
        const char *at = conf->rules[i].accounts;
        char name[NHI_LIST_MAX + 1];

        while ((at = nhi_list_next(at, name)) != NULL && strcmp(name, NHI_ANY) != 0) {
            struct nhi_host_account local;
            enum nhi_err err = account_by_name(c, name, &local);

            /* An account that no source knows now may exist later: each use checks it. */
            if (err != NHI_OK && err != NHI_ERR_NOT_FOUND && err != NHI_ERR_BUSY)
                return ctl_fail(c, CTL_SYSTEM, NULL, "could not look up account %s: %s", name, nhi_strerror(err));
            if (err == NHI_OK && local.privileged)
                return ctl_fail(c, CTL_REFUSED, NULL,
                                "%s/%s:%u: account %s is privileged (%s), and no rule can name it; nothing was changed",
                                path, conf->where[i].file, conf->where[i].line, name, local.because);
        }
    }
    return CTL_DONE;
}

static int read_all(struct ctl *c, const char *path, enum conf_trust trust, struct nhi_policy_conf *conf)
{
    const struct conf_dir dir = { path, trust, take, conf };
    int code = conf_read_dir(c, &dir, NULL);

    return code == CTL_DONE ? check_zones(c, path, conf) : code;
}

int policy_read(struct ctl *c, struct nhi_policy_conf *conf)
{
    int code = read_all(c, POLICY_PATH, CONF_ROOTS, conf);

    return code == CTL_DONE ? check_accounts(c, POLICY_PATH, conf) : code;
}

int policy_read_from(struct ctl *c, const char *path, struct nhi_policy_conf *conf)
{
    return read_all(c, path, CONF_ANYBODYS, conf);
}

int settings_read(struct ctl *c, struct nhi_settings *conf)
{
    struct nhi_conf_error error;
    unsigned long len = 0;
    char *text = NULL;
    enum nhi_err err;
    int dir;

    err = nhi_dir_open(NHI_CONF_DIR, &dir);
    if (err != NHI_OK)
        return conf_dir_failed(c, NHI_CONF_DIR, err);
    err = nhi_file_read(dir, NHI_CONF_FILE, 0, NHI_CONF_FILE_MAX, &text, &len);
    close(dir);
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return conf_read_failed(c, NHI_CONF_DIR, NHI_CONF_FILE, err);
    err = nhi_settings_conf_read(text != NULL ? text : "", len, conf, &error);
    free(text);
    if (err == NHI_OK)
        return CTL_DONE;
    if (err != NHI_ERR_FORMAT)
        return conf_read_failed(c, NHI_CONF_DIR, NHI_CONF_FILE, err);
    return conf_not_understood(c, NHI_CONF_DIR, NHI_CONF_FILE, &error);
}

/* SPDX-License-Identifier: ISC */
/*
 * What directories such as sss and ldap report about accounts and groups: each source is asked with getent(1), which
 * file_run ends when it takes too long. A source that does not list its entries cannot be checked in this way.
 */
#include <stdlib.h>
#include <string.h>

#include "hostcfg/wiring.h"
#include "libnhi/base/elsewhere.h"
#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/doctor/doctor.h"
#include "nhictl/say/out.h"

#define GETENT "/usr/bin/getent"
#define ONLY "nhi-only"
#define RANGE (WIRING_UID_MAX - WIRING_UID_MIN + 1)

/* The lines of a source's answer; NULL: none. key NULL: everything that it lists. */
static char *ask(const char *source, const char *database, const char *key)
{
    char program[] = GETENT, option[] = "-s", *from = out_say("%s", source), *of = out_say("%s", database);
    char *what = key != NULL ? out_say("%s", key) : NULL;
    char *const argv[] = { program, option, from, of, what, NULL };
    char *said = NULL, *err = NULL;
    int status = -1;

    if (file_run(argv, &said, &err, &status) != NHI_OK || status != 0) {
        free(said);
        said = NULL;
    }
    free(err);
    free(what);
    free(of);
    free(from);
    return said;
}

/* NAME:PASSWORD:NUMBER:REST; replaces the colons by NULs. */
static bool split(char *line, char **name, unsigned *number, char **rest)
{
    char *at = strchr(line, ':'), *end;
    unsigned long n;

    *name = line;
    if (at == NULL)
        return false;
    *at = '\0';
    at = strchr(at + 1, ':');
    if (at == NULL)
        return false;
    n = strtoul(at + 1, &end, 10);
    if (end == at + 1 || *end != ':' || n > UINT32_MAX)
        return false;
    *number = (unsigned)n;
    *rest = end + 1;
    return true;
}

/* ---- accounts that would accept tickets only ---- */

static bool has(const char *names, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = names; (at = strstr(at, name)) != NULL; at += len)
        if ((at == names || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

static void look_at_only(struct doctor *d, const char *source)
{
    char *said = ask(source, "group", ONLY), *at, *name, *members, *member, *missing = out_say("%s", ""), *more;
    unsigned gid;

    if (said != NULL)
        said[strcspn(said, "\n")] = '\0';
    if (said != NULL && split(said, &name, &gid, &members))
        for (at = members; (member = strsep(&at, ",")) != NULL;)
            if (nhi_name_is_text(member, NHI_TEXT_MAX) && !has(d->only, member)) {
                more = out_say("%s%s%s", missing, missing[0] != '\0' ? " " : "", member);
                free(missing);
                missing = more;
            }
    if (missing[0] != '\0')
        finding_add(&d->found, FINDING_ERROR, "only-elsewhere", location_of_file(NHI_NSSWITCH),
                    out_say("%s has accounts in " ONLY
                            " that /etc/group does not list there: %s; sshd refuses their keys, but passwords let them "
                            "in, since our modules read /etc/group only",
                            source, missing),
                    out_say("add each of them to the local group: gpasswd -a NAME " ONLY));
    free(missing);
    free(said);
}

/* ---- people in the agents' range ---- */

static void look_at_people(struct doctor *d, const char *source)
{
    char *said = d->s.l != NULL ? ask(source, "passwd", NULL) : NULL, *at = said, *line, *name, *rest, *who = NULL;
    unsigned uid, of = 0, top = d->s.set.uid_max;
    size_t count = 0;
    struct nhi_agent a;

    while ((line = strsep(&at, "\n")) != NULL) {
        if (!split(line, &name, &uid, &rest))
            continue;
        top = uid > top && uid < UINT32_MAX - 4 * RANGE ? uid : top;
        if (uid < d->s.set.uid_min || uid > d->s.set.uid_max ||
            (nhi_name_is_agent(name) && nhi_agent_get(d->s.l, name, &a) == NHI_OK && a.account.uid == uid))
            continue;
        if (count++ == 0) {
            who = name;
            of = uid;
        }
    }
    top = top / 65536 * 65536 + 65536;
    if (who != NULL)
        finding_add(
            &d->found, FINDING_ERROR, "uid-taken", location_of_file(NHI_NSSWITCH),
            out_say("%s has %zu account%s in the agents' range, the first is %s with uid %u: without a ticket it is "
                    "refused",
                    source, count, count == 1 ? "" : "s", who, of),
            out_say("give them uids outside %u to %u there; a new host can be initialised with a free range: nhictl "
                    "init --uid-min %u --uid-max %u",
                    d->s.set.uid_min, d->s.set.uid_max, top, top + RANGE - 1));
    free(said);
}

static enum nhi_err look(enum nhi_database db, const char *source, void *ctx)
{
    if (db == NHI_GROUP)
        look_at_only(ctx, source);
    else
        look_at_people(ctx, source);
    return NHI_OK;
}

void doctor_elsewhere(struct doctor *d)
{
    (void)!nhi_nsswitch_each(look, d);
}

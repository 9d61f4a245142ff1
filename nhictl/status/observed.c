/* SPDX-License-Identifier: ISC */
#include "nhictl/status/observed.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/ledger/ledger_event.h"
#include "nhictl/say/ctl.h"
#include "nhictl/store/store.h"

#define GROUP "nhi-observe"

static int show(struct ctl *c, struct store *s, const char *account)
{
    struct nhi_observed o;
    struct out_row *r;
    enum nhi_err err = nhi_observed_get(s->l, account, &o);

    if (err != NHI_OK)
        return store_fail(c, s, err, "read what was observed");
    r = out_row_new(c->out);
    out_text(r, "account", "under observation", account);
    out_number(r, "would_be_denied", "would be denied", o.denied);
    out_number(r, "would_be_permitted", "would be permitted", o.permitted);
    out_time(r, "since", "since", o.first);
    out_time(r, "last", "last", o.last);
    out_table_row(c->out, r);
    return CTL_DONE;
}

/* As pam_nhi does: from the local file, by membership or as the primary group. */
static int show_members(struct ctl *c, struct store *s, const struct group *group)
{
    const struct passwd *pw;
    int code = CTL_DONE;
    FILE *f;

    for (char **m = group->gr_mem; code == CTL_DONE && *m != NULL; m++)
        if (nhi_name_is_account(*m))
            code = show(c, s, *m);
    f = fopen("/etc/passwd", "re");
    while (code == CTL_DONE && f != NULL && (pw = fgetpwent(f)) != NULL)
        if (pw->pw_gid == group->gr_gid && nhi_name_is_account(pw->pw_name))
            code = show(c, s, pw->pw_name);
    if (f != NULL)
        fclose(f);
    return code;
}

int observed_show(struct ctl *c, struct store *s)
{
    FILE *f = fopen("/etc/group", "re");
    const struct group *group = NULL;
    int code = CTL_DONE;

    while (f != NULL && (group = fgetgrent(f)) != NULL && strcmp(group->gr_name, GROUP) != 0)
        ;
    if (group != NULL && group->gr_mem[0] != NULL)
        out_line(c->out, "%s", "");
    out_table(c->out, "observed", NULL);
    if (group != NULL)
        code = show_members(c, s, group);
    if (f != NULL)
        fclose(f);
    return code;
}

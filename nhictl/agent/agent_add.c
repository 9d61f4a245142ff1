/* SPDX-License-Identifier: ISC */
/*
 * agent add. The home directory comes last, when the account exists, so that nothing is left behind that belongs to no
 * account.
 */
#include <stddef.h>

#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/agent/agent_new.h"
#include "nhictl/agent/home.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/store.h"

struct add_args {
    const char *owner, *purpose, *home, *shell;
    int64_t review_by;
    char groups[NHI_LIST_MAX + 1];
    bool no_home, daemons;
    uint32_t uid;
};

static int agent_add(struct ctl *c)
{
    const struct add_args *args = c->args;
    struct store s = { 0 };
    struct nhi_agent a = { 0 };
    struct agent_new n = { .name = c->operand[0],
                           .owner = args->owner,
                           .purpose = args->purpose,
                           .groups = args->groups,
                           .home = args->home,
                           .shell = args->shell,
                           .review_by = args->review_by,
                           .uid = args->uid,
                           .no_home = args->no_home,
                           .daemons = args->daemons };
    enum nhi_err err;
    int code = store_write(c, &s);

    if (code == CTL_DONE)
        code = store_need_sound(c, &s);
    if (code == CTL_DONE)
        code = agent_new_prepare(c, &s, &n, &a);
    if (code == CTL_DONE) {
        err = agent_new_record(c, &s, &a);
        code = err == NHI_OK ? store_commit(c, &s) : store_fail(c, &s, err, "register the agent");
    }
    if (code == CTL_DONE)
        code = store_publish_changes(c, &s);
    if (code == CTL_DONE && !args->no_home)
        code = home_make(c, &a.account);
    if (code == CTL_DONE) {
        out_record(c->out, "agent", agent_row(c->out, &a, true));
        code = ctl_answer(c);
    }
    store_close(&s);
    return code;
}

#define AT(field) offsetof(struct add_args, field)

static const struct opt add_opts[] = {
    { "owner", OPT_TEXT, AT(owner), true, "OWNER", "the person or team that is responsible for it", nhi_name_is_owner,
      NHI_OWNER_MAX },
    { "purpose", OPT_TEXT, AT(purpose), true, "TEXT", "what it is for", NULL, NHI_TEXT_MAX },
    { "review-by", OPT_DATE, AT(review_by), true, "DATE", "the date of its next review", NULL, 0 },
    { "group", OPT_LIST, AT(groups), false, "GROUP", "an ordinary local group (repeatable)", nhi_name_is_account, 0 },
    { "home", OPT_PATH, AT(home), false, "DIR", "home directory (default /home/NAME)", NULL, 0 },
    { "no-home", OPT_FLAG, AT(no_home), false, NULL, "do not make the home directory", NULL, 0 },
    { "daemons", OPT_FLAG, AT(daemons), false, NULL, "root starts daemons under its account, without systemd", NULL,
      0 },
    { "shell", OPT_PATH, AT(shell), false, "FILE", "login shell (default /bin/sh)", NULL, 0 },
    { "uid", OPT_NUMBER, AT(uid), false, "N", "this uid, not the next free one", NULL, 0 },
    { .name = NULL },
};

const struct verb agent_add_verbs[] = {
    { "agent", "add", agent_add, add_opts, sizeof(struct add_args), 1, 1,
      "NAME --owner OWNER --purpose TEXT --review-by DATE [options]", "Register an agent.",
      "Its account resolves at once, and takes tickets only.",
      "nhictl agent add ci-bot --owner ops@example.org --purpose 'builds and deploys' --review-by 2027-06-30" },
    { .verb = NULL },
};

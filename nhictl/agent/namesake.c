/* SPDX-License-Identifier: ISC */
#include "nhictl/agent/namesake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostcfg/host_file.h"
#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"

#define GETENT "/usr/bin/getent"
#define MANY 1000 /* names in one command line; a host with more has somebody who maintains its directory */
#define FIXED 2   /* arguments before the names */

struct asked {
    char *argv[FIXED + MANY + 1];
    size_t count;
};

static int add_name(const struct nhi_agent *a, void *ctx)
{
    struct asked *k = ctx;

    if (a->state != NHI_AGENT_RETIRED)
        k->argv[FIXED + k->count++] = out_say("%s", a->account.name);
    return k->count == MANY;
}

/* NAME:PASSWORD:UID:... */
static int take_line(char *line, struct nhi_ledger *l, int (*fn)(const struct nhi_agent *, uint32_t, void *), void *ctx)
{
    char *name = strsep(&line, ":"), *end;
    struct nhi_agent a;
    unsigned long uid;

    (void)strsep(&line, ":");
    if (line == NULL || !nhi_name_is_agent(name) || nhi_agent_get(l, name, &a) != NHI_OK)
        return 0;
    uid = strtoul(line, &end, 10);
    return end != line && uid <= UINT32_MAX && uid != a.account.uid ? fn(&a, (uint32_t)uid, ctx) : 0;
}

void namesakes_each(struct nhi_ledger *l, int (*fn)(const struct nhi_agent *, uint32_t, void *), void *ctx)
{
    char program[] = GETENT, database[] = "passwd", *said = NULL, *err = NULL, *at, *line;
    struct asked *k = out_must(calloc(1, sizeof(*k)));
    int status, stop = 0;

    k->argv[0] = program;
    k->argv[1] = database;
    /* A status other than 0 means that one of the names does not exist. */
    if (nhi_agent_each(l, add_name, k) == NHI_OK && k->count > 0 && file_run(k->argv, &said, &err, &status) == NHI_OK)
        for (at = said; stop == 0 && (line = strsep(&at, "\n")) != NULL;)
            stop = take_line(line, l, fn, ctx);
    for (size_t i = 0; i < k->count; i++)
        free(k->argv[FIXED + i]);
    free(k);
    free(said);
    free(err);
}

char *namesake_text(const struct nhi_agent *a, uint32_t uid)
{
    return out_say(
        "the name %s resolves to uid %u, not to the agent's %u, so its tickets are refused: getent passwd %s shows the "
        "other account",
        a->account.name, uid, a->account.uid, a->account.name);
}

static int note(const struct nhi_agent *a, uint32_t uid, void *ctx)
{
    char *text = namesake_text(a, uid);

    (void)ctx;
    ctl_note("%s", text);
    free(text);
    return 0;
}

void namesakes_note(struct nhi_ledger *l)
{
    namesakes_each(l, note, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * MUST: a word that is two things ends neither.
 */
#include "nhictl/revoke/revoke_what.h"

#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_short.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"
#include "nhictl/store/unknown.h"

struct meaning {
    enum nhi_revoke_kind kind;
    const char *id;
    int count;
    char all[64]; /* "a task and an agent" */
};

/* err: of looking it up. Returns other errors than that there is none. */
static enum nhi_err add(struct meaning *m, enum nhi_err err, enum nhi_revoke_kind kind, const char *id)
{
    size_t len = strlen(m->all);
    const char *name = nhi_revoke_kind_name(kind);

    if (err != NHI_OK)
        return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
    m->kind = kind;
    m->id = id;
    m->count++;
    snprintf(m->all + len, sizeof(m->all) - len, "%s%s %s", len > 0 ? " and " : "",
             strchr("aei", name[0]) != NULL ? "an" : "a", name);
    return NHI_OK;
}

static enum nhi_err look_up(struct nhi_ledger *l, const char *word, struct meaning *m, char jti[NHI_JTI_LEN + 1])
{
    struct nhi_agent a;
    struct nhi_issuer i;
    enum nhi_err err = NHI_OK, ticket = nhi_ticket_by_short(l, word, jti);

    if (nhi_name_is_task(word))
        err = add(m, task_is_known(l, word), NHI_REVOKE_TASK, word);
    if (err == NHI_OK && nhi_name_is_agent(word))
        err = add(m, nhi_agent_get(l, word, &a), NHI_REVOKE_AGENT, word);
    if (err == NHI_OK && nhi_name_is_kid(word))
        err = add(m, nhi_issuer_get(l, word, &i), NHI_REVOKE_ISSUER, word);
    /* Several tickets: as if it were more than one thing. */
    if (err == NHI_OK && ticket == NHI_ERR_EXISTS)
        snprintf(m->all, sizeof(m->all), "the beginning of several tickets' IDs");
    m->count += ticket == NHI_ERR_EXISTS ? 2 : 0;
    return err == NHI_OK && ticket != NHI_ERR_EXISTS ? add(m, ticket, NHI_REVOKE_TICKET, jti) : err;
}

/* A ticket's ID names it, seen or unseen. */
static int unknown(struct ctl *c, const struct store *s, const char *word, struct revocation *r)
{
    if (nhi_name_is_jti(word)) {
        r->kind = NHI_REVOKE_TICKET;
        r->id = word;
        return CTL_DONE;
    }
    if (nhi_name_is_task(word))
        return unknown_task(c, s, word);
    return ctl_fail(c, CTL_REFUSED, "nhictl ticket list", "there is no task, agent, ticket or key '%s'", word);
}

int revoke_what(struct ctl *c, const char *word, struct revocation *r, char jti[NHI_JTI_LEN + 1])
{
    struct store s = { .l = NULL };
    struct meaning m = { .count = 0 };
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &s.l);
    int code;

    if (err == NHI_OK)
        err = look_up(s.l, word, &m, jti);
    if (err != NHI_OK && nhi_name_is_jti(word))
        m.count = 0;
    if (err != NHI_OK && !nhi_name_is_jti(word)) {
        code = ctl_fail(
            c, CTL_SYSTEM, "nhictl help revoke",
            "the ledger cannot be read (%s), so what '%s' is must be said: --task, --agent, --ticket or --issuer",
            nhi_strerror(err), word);
    } else if (m.count > 1) {
        code = ctl_fail(c, CTL_REFUSED, "nhictl help revoke",
                        "'%s' is %s: say which with --task, --agent, --ticket or --issuer", word, m.all);
    } else if (m.count == 0) {
        code = unknown(c, &s, word, r);
    } else {
        r->kind = m.kind;
        r->id = m.id;
        code = CTL_DONE;
    }
    nhi_ledger_close(s.l);
    return code;
}

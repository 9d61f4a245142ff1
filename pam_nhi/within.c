#include "pam_nhi/within.h"

#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/check/check.h"
#include "libnhi/check/privileged.h"
#include "libnhi/session/session.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_read.h"

#define RUN "nhictl-run" /* no service: what it opened lives as long as its ticket would open anything */

static enum nhi_reason check(const struct nhi_who *who, const struct nhi_shown *what, const char *services)
{
    enum nhi_reason reason = NHI_DENY_INTERNAL;
    char service[NHI_LIST_MAX + 1];
    struct nhi_who asked = *who;
    struct nhi_verdict v;

    asked.service = service;
    while (reason != NHI_PERMIT && (services = nhi_list_next(services, service)) != NULL) {
        nhi_check(&asked, what, &v);
        reason = v.reason;
    }
    return reason;
}

enum nhi_reason pnhi_within_look(const struct nhi_grant *session)
{
    struct nhi_shown what = { .source = session->source,
                              .ticket = &session->ticket,
                              .place = session->place[0] != '\0' ? session->place : NULL,
                              .remote = session->pin == NHI_PIN_REMOTE,
                              .from = session->rhost[0] != '\0' ? session->rhost : NULL,
                              .is_local = session->rhost[0] == '\0',
                              .granted = true,
                              .registered = true,
                              .since = session };
    struct nhi_who who = { .subject = session->subject };
    char tree[NHI_TREE_MAX + 1];

    if (nhi_local_uid(session->subject, &who.uid) != NHI_OK)
        return NHI_DENY_SUBJECT;
    who.in_range = nhi_snapshot_range_has(NHI_SNAPSHOT_PATH, who.uid);
    nhi_session_tree(session, tree);
    what.tree = nhi_proc_is_alive(&session->self) ? tree : NULL;
    return check(&who, &what, strcmp(session->service, RUN) == 0 ? session->ticket.services : session->service);
}

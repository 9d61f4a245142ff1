/*
 * Asking the decision function, as pam_nhi does, without a login.
 */
#ifndef NHICTL_PREVIEW_H
#define NHICTL_PREVIEW_H

#include "libnhi/policy/decide.h"

struct ctl;
struct store;

enum judge_rules {
    JUDGE_RULES,   /* with those in force that t could meet */
    JUDGE_NO_RULES /* with none: they come from elsewhere */
};
/* Everything that this host knows about t, the reserve included. Free with nhi_facts_free. */
int judge_facts(struct ctl *c, struct store *s, const struct nhi_ticket *t, enum judge_rules rules,
                struct nhi_facts *facts);

/* What would be asked then, by whoever holds the key that t is bound to, from wherever. */
NHI_CHECK enum nhi_err judge_request(const struct ctl *c, const struct store *s, const struct nhi_ticket *t,
                                     const struct nhi_facts *facts, const char *account, const char *service,
                                     struct nhi_request *out);

enum judge_as {
    JUDGE_ANYWHERE, /* wherever the login comes from */
    JUDGE_INSIDE,   /* the same, inside of the process tree that it is bound to */
    JUDGE_PERMITTED /* as if policy permitted it */
};
/* Whether t would open account through service now, to whoever holds the key that it is bound to. */
enum nhi_reason judge(struct ctl *c, const struct store *s, const struct nhi_ticket *t, const struct nhi_facts *facts,
                      const char *account, const char *service, enum judge_as as);

#endif

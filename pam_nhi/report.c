/* SPDX-License-Identifier: ISC */
#include "pam_nhi/report.h"

#include <security/pam_ext.h>
#include <stdio.h>
#include <syslog.h>

#include "libnhi/policy/reason.h"

#define DATA_SAID "pam_nhi:said"

/* What each phase returns, and no other code, chosen from the codes that the host programs obey: tests/contract/table
 * has them, and pam_nhi(8) prints them. sudo opens the session even after PAM_SESSION_ERR, and hardly any program
 * checks the result of setcred. */
static const struct {
    int refused, not_ours;
} codes[] = {
    [PNHI_AUTH] = { PAM_AUTH_ERR, PAM_USER_UNKNOWN },
    [PNHI_ACCOUNT] = { PAM_PERM_DENIED, PAM_IGNORE },
    /* It runs through the lines of auth, where default=die would act on PAM_IGNORE. */
    [PNHI_CRED] = { PAM_CRED_ERR, PAM_USER_UNKNOWN },
    [PNHI_SESSION] = { PAM_PERM_DENIED, PAM_IGNORE },
    [PNHI_PASSWORD] = { PAM_PERM_DENIED, PAM_IGNORE },
};

int pnhi_refused(enum pnhi_phase phase)
{
    return codes[phase].refused;
}

int pnhi_not_ours(enum pnhi_phase phase)
{
    return codes[phase].not_ours;
}

int pnhi_pam_code(enum nhi_reason reason, enum pnhi_phase phase)
{
    return reason == NHI_PERMIT ? PAM_SUCCESS : pnhi_refused(phase);
}

/* Names that break the grammar come from outside: they are not written to the log. */
static const char *account_name(const struct pnhi_caller *c)
{
    if (c->subject[0] != '\0' && nhi_name_is_account(c->subject))
        return c->subject;
    return "?";
}

static bool is_said(struct pnhi_times times)
{
    return (times.counted <= PNHI_LINES && !times.recorded) || (times.counted & (times.counted - 1)) == 0;
}

/* How often it happened, where not every denial is logged. */
static void say_times(struct pnhi_times times, char *out, size_t size)
{
    out[0] = '\0';
    if (times.counted > 0 && times.recorded)
        snprintf(out, size,
                 "; this ticket has %d records in this hour, and %llu more with that reason were only counted",
                 PNHI_LINES, (unsigned long long)times.counted);
    else if (times.counted >= PNHI_LINES)
        snprintf(out, size, "; %llu of these in this hour, and more are counted but not logged: nhictl status",
                 (unsigned long long)times.counted);
}

void pnhi_log(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_shown *what,
              const struct nhi_verdict *v, struct pnhi_times times)
{
    bool permit = v->reason == NHI_PERMIT;
    const struct nhi_ticket *t = &v->ticket;
    int level = permit && !v->handed_off ? LOG_INFO : LOG_NOTICE;
    char often[128];

    if (!is_said(times))
        return;
    say_times(times, often, sizeof(often));
    if (v->verified)
        pam_syslog(pamh, level, "%s: %sreason=%s account=%s agent=%s task=%s ticket=%s source=%s (%s)%s%s%s",
                   permit ? "permitted" : "denied", v->handed_off ? "hand-off " : "", nhi_reason_name(v->reason),
                   account_name(c), t->agent, t->task, t->jti, nhi_source_name(what->asked.source),
                   nhi_reason_text(v->reason), v->message[0] != '\0' ? ": " : "", v->message, often);
    else
        pam_syslog(pamh, level, "denied: reason=%s account=%s%s%s (%s)%s%s%s", nhi_reason_name(v->reason),
                   account_name(c), v->kid[0] != '\0' ? " kid=" : "", v->kid, nhi_reason_text(v->reason),
                   v->message[0] != '\0' ? ": " : "", v->message, often);
    if (c->debug)
        pam_syslog(pamh, LOG_DEBUG, "service=%s program=%d uid=%u marks=%d%d%d%d%d%d%d%d%s%s rule=%s", c->service,
                   (int)c->program, (unsigned)c->uid, (int)c->marks.uid, (int)c->marks.loginuid, (int)c->marks.cgroup,
                   (int)c->marks.session, (int)c->marks.target, (int)c->marks.only, (int)c->marks.grant,
                   (int)c->marks.key, c->blind != NULL ? " blind: " : "", c->blind != NULL ? c->blind : "",
                   v->rule[0] != '\0' ? v->rule : "-");
}

void pnhi_log_observed(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_shown *what,
                       const struct nhi_verdict *v)
{
    pam_syslog(pamh, LOG_NOTICE, "observed: would be %s: reason=%s account=%s source=%s (%s)",
               v->reason == NHI_PERMIT ? "permitted" : "denied", nhi_reason_name(v->reason),
               nhi_name_is_account(c->observed) ? c->observed : "?", nhi_source_name(what->asked.source),
               nhi_reason_text(v->reason));
}

void pnhi_log_blind(pam_handle_t *pamh, const struct pnhi_caller *c)
{
    static const char said[] = "said";
    const void *data = NULL;
    union {
        const char *in;
        void *out;
    } w = { said };

    if (pam_get_data(pamh, DATA_SAID, &data) == PAM_SUCCESS)
        return;
    (void)pam_set_data(pamh, DATA_SAID, w.out, NULL);
    pam_syslog(pamh, LOG_ERR, "%s: %s: account=%s is treated as a person's", c->blind, pnhi_caller_cause(c),
               account_name(c));
}

void pnhi_log_unrecorded(pam_handle_t *pamh, const struct pnhi_caller *c, const char *why)
{
    pam_syslog(pamh, LOG_ERR, "not recorded: account=%s: %s", account_name(c), why);
}

void pnhi_log_become(pam_handle_t *pamh, const struct pnhi_caller *c)
{
    const char *user = nhi_name_is_account(c->user) ? c->user : "?";
    const struct nhi_ticket *t = &c->session.ticket;

    if (c->in_session)
        pam_syslog(pamh, LOG_NOTICE, "root inside a session goes on: account=%s agent=%s task=%s ticket=%s", user,
                   t->agent, t->task, t->jti);
    else
        pam_syslog(pamh, LOG_NOTICE, "root goes on to an account that takes tickets only: account=%s", user);
}

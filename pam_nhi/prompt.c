/* SPDX-License-Identifier: ISC */
#include "pam_nhi/prompt.h"

#include <security/pam_ext.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/phase.h"

/* The delay of pam_unix after a wrong password: the time to a denial must not reveal which module denied. */
#define FAIL_DELAY_USEC 2000000

static int take(pam_handle_t *pamh, const char *reply, bool ours, char **text)
{
    char *copy;

    /* If the reply cannot be passed on, the next module asks again. */
    if (!ours && strncmp(reply, NHI_TICKET_PREFIX, strlen(NHI_TICKET_PREFIX)) != 0) {
        (void)pam_set_item(pamh, PAM_AUTHTOK, reply);
        return PAM_SUCCESS;
    }
    copy = strdup(reply);
    if (copy == NULL)
        return PAM_BUF_ERR;
    (void)pam_set_item(pamh, PAM_AUTHTOK, NULL);
    *text = copy;
    return PAM_SUCCESS;
}

/* The program that asks for sudo belongs to the caller: it gets no resource that the caller may not have. The answer
 * may take minutes: what was read before it is not kept. */
static int ask(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c, char **reply)
{
    const bool raised = c->limits.raised;
    int rc;

    pnhi_limits_put_back(&c->limits);
    nhi_phase_end();
    rc = pam_prompt(pamh, PAM_PROMPT_ECHO_OFF, reply, "%s", o->prompt);
    nhi_phase_begin();
    if (raised && c->program == PNHI_LOGIN)
        pnhi_limits_raise_files(&c->limits);
    else if (raised)
        pnhi_limits_raise(&c->limits);
    return rc;
}

int pnhi_prompt(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c, char **text)
{
    const void *earlier = NULL;
    char *reply = NULL;
    int rc;

    *text = NULL;
    (void)pam_fail_delay(pamh, FAIL_DELAY_USEC);
    if (o->use_first_pass || o->try_first_pass) {
        if (pam_get_item(pamh, PAM_AUTHTOK, &earlier) == PAM_SUCCESS && earlier != NULL)
            return take(pamh, earlier, c->ours, text);
        if (o->use_first_pass)
            return PAM_SUCCESS;
    }
    /* sudo -n, BatchMode, cron: nobody can be asked. That is not an error, there is just no ticket. */
    if (ask(pamh, o, c, &reply) != PAM_SUCCESS || reply == NULL)
        return PAM_SUCCESS;
    rc = take(pamh, reply, c->ours, text);
    nhi_text_free(reply);
    return rc;
}

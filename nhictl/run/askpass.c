/* SPDX-License-Identifier: ISC */
/*
 * askpass: the ticket in the session keyring, to an ssh that asks for a password.
 *
 * MUST: nothing but a password prompt is answered: no prompt for a passphrase, and no "yes" to a host key.
 */
#include <stdlib.h>
#include <string.h>

#include "libnhi/ticket/ticket_keyring.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store.h"

static bool is_for_a_password(const char *prompt)
{
    static const char *const others[] = { "passphrase", "PIN", "(yes/no", "fingerprint", NULL };
    const char *kind = getenv("SSH_ASKPASS_PROMPT"); /* "confirm", "none": ssh expects no answer */

    if (kind != NULL && *kind != '\0')
        return false;
    for (size_t i = 0; others[i] != NULL; i++)
        if (strstr(prompt, others[i]) != NULL)
            return false;
    return true;
}

static int askpass(struct ctl *c)
{
    char text[NHI_TICKET_READ_MAX + 1];
    size_t len;

    if (c->operand_count > 0 && !is_for_a_password(c->operand[0]))
        return ctl_fail(c, CTL_REFUSED, NULL, "'%s' is not a prompt for a ticket", c->operand[0]);
    if (text_may_print(c, NULL) != CTL_DONE)
        return CTL_REFUSED;
    len = nhi_keyring_read(text, NHI_TICKET_READ_MAX);
    if (len == 0)
        return ctl_fail(c, CTL_REFUSED, "nhictl run --keyring ... -- ssh ...",
                        "there is no ticket in the session keyring");
    text[len] = '\0';
    out_raw(c->out, "text", text);
    return ctl_answer(c);
}

const struct verb askpass_verbs[] = {
    { NULL, "askpass", askpass, NULL, 0, 0, 1, "[PROMPT]", "Print the ticket in the session keyring, for ssh.",
      "As " LIBEXECDIR "/nhi-askpass it serves as SSH_ASKPASS.", "nhictl askpass 'Password: '" },
    { .verb = NULL },
};

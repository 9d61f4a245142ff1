/* SPDX-License-Identifier: ISC */
/*
 * Plays a login through a stack of PAM files, for nhictl setup, before that stack is put into force.
 *
 *   nhi-pam-trial DIRECTORY SERVICE CALLER USER TTY
 *
 * DIRECTORY takes the place of /etc/pam.d. CALLER is the uid that calls su or sudo, which run with it as their real uid
 * and as root, or "-" for a daemon, which nobody calls. Prints one line for each phase: its name, libpam's code, and
 * libpam's text for it. Every prompt is answered with "x", so no module of the stack may ask for a password. Exit
 * status: 0 if the phases were played, whatever their results; 3 if they could not be.
 */
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COULD_NOT 3

static void drop(int n, struct pam_response *r)
{
    while (n > 0)
        free(r[--n].resp);
    free(r);
}

static int converse(int n, const struct pam_message **msg, struct pam_response **out, void *data)
{
    struct pam_response *r = calloc(n > 0 ? (size_t)n : 1, sizeof(*r));

    (void)data;
    for (int i = 0; r != NULL && i < n; i++) {
        if (msg[i]->msg_style != PAM_PROMPT_ECHO_OFF && msg[i]->msg_style != PAM_PROMPT_ECHO_ON)
            continue;
        r[i].resp = strdup("x");
        if (r[i].resp == NULL) {
            drop(i, r);
            r = NULL;
        }
    }
    *out = r;
    return r != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* A module may wait after a denial, so that guessing is slow. Here nobody guesses. */
static void no_delay(int status, unsigned usec, void *data)
{
    (void)status;
    (void)usec;
    (void)data;
}

static void say(pam_handle_t *h, const char *phase, int code)
{
    printf("%s %d %s\n", phase, code, pam_strerror(h, code));
    fflush(stdout);
}

static int set_items(pam_handle_t *h, const struct passwd *caller, const char *tty)
{
    union {
        void (*fn)(int, unsigned, void *);
        const void *item;
    } delay = { .fn = no_delay };
    int code = pam_set_item(h, PAM_FAIL_DELAY, delay.item);

    if (code == PAM_SUCCESS)
        code = pam_set_item(h, PAM_TTY, tty);
    if (code == PAM_SUCCESS && caller != NULL)
        code = pam_set_item(h, PAM_RUSER, caller->pw_name);
    return code;
}

int main(int argc, char **argv)
{
    const struct pam_conv conv = { converse, NULL };
    const struct passwd *caller;
    pam_handle_t *h = NULL;
    bool daemon;
    int code;

    if (argc != 6) {
        fputs("usage: nhi-pam-trial DIRECTORY SERVICE CALLER USER TTY\n", stderr);
        return COULD_NOT;
    }
    daemon = strcmp(argv[3], "-") == 0;
    caller = daemon ? NULL : getpwuid((uid_t)strtoul(argv[3], NULL, 10));
    code = pam_start_confdir(argv[2], argv[4], &conv, argv[1], &h);
    if (code != PAM_SUCCESS) {
        fprintf(stderr, "nhi-pam-trial: %s: libpam does not start (%d)\n", argv[2], code);
        return COULD_NOT;
    }
    code = set_items(h, caller, argv[5]);
    if (code != PAM_SUCCESS || (caller == NULL) != daemon || (!daemon && setresuid(caller->pw_uid, 0, 0) != 0)) {
        fprintf(stderr, "nhi-pam-trial: cannot be called by %s\n", argv[3]);
        pam_end(h, PAM_ABORT);
        return COULD_NOT;
    }
    say(h, "auth", pam_authenticate(h, PAM_SILENT));
    say(h, "account", pam_acct_mgmt(h, PAM_SILENT));
    code = pam_open_session(h, PAM_SILENT);
    say(h, "session", code);
    if (code == PAM_SUCCESS)
        (void)pam_close_session(h, PAM_SILENT);
    pam_end(h, code);
    return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * One PAM transaction in a process of its own, as a host program runs it: this program links libc and libpam, and
 * libpam itself loads the modules.
 *
 *   pam_cycle [-c DIR] [-p PHASES] [-r FILE] [-k FILE] [-f ADDRESS] [-t TTY] [-u USER] [-n] [-s] SERVICE USER
 *
 *   -c  the directory with the stacks, instead of /etc/pam.d
 *   -p  a: authenticate, c: account, o: open the session, x: close it. Default: acox. 0: not even pam_start
 *   -r  the first line of this file is the reply to each prompt
 *   -k  the public key that sshd has seen proven
 *   -u  the caller, whose real uid this process takes, as su and sudo have it
 *   -n  it must be denied
 *   -s  stays with its session open, after printing its process ID, until a signal ends it
 *
 * Where descriptor 3 is open, the microseconds from pam_start to pam_end are written to it. Exit status: 0 the answer
 * was as it must be, 1 it was not, 125 anything else.
 */
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/bench.h"

struct call {
    const char *dir, *phases, *from, *tty, *service, *user, *caller;
    bool denied, stays;
};

static char reply[4096], proof[4096];

static int converse(int n, const struct pam_message **msg, struct pam_response **out, void *data)
{
    struct pam_response *r = calloc((size_t)n, sizeof(*r));

    (void)data;
    if (r == NULL)
        return PAM_BUF_ERR;
    for (int i = 0; i < n; i++)
        if (msg[i]->msg_style == PAM_PROMPT_ECHO_OFF || msg[i]->msg_style == PAM_PROMPT_ECHO_ON)
            r[i].resp = strdup(reply);
    *out = r;
    return PAM_SUCCESS;
}

/* A denied login waits, so that guessing is slow. That is not what is measured. */
static void no_delay(int status, unsigned usec, void *data)
{
    (void)status;
    (void)usec;
    (void)data;
}

static union {
    void (*fn)(int, unsigned, void *);
    const void *item;
} delay = { .fn = no_delay };

static void read_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");

    if (f == NULL || fgets(out, (int)size, f) == NULL)
        exit(125);
    out[strcspn(out, "\n")] = '\0';
    fclose(f);
}

static void take_uid_of(const char *caller)
{
    const struct passwd *pw = getpwnam(caller);

    if (pw == NULL || setresuid(pw->pw_uid, 0, 0) != 0)
        exit(125);
}

static bool asked(const struct call *c, char phase)
{
    return strchr(c->phases, phase) != NULL;
}

static int go_through(const struct call *c, pam_handle_t *h)
{
    int rc = PAM_SUCCESS;

    (void)pam_set_item(h, PAM_FAIL_DELAY, delay.item);
    (void)pam_set_item(h, PAM_RHOST, c->from);
    (void)pam_set_item(h, PAM_RUSER, c->caller);
    (void)pam_set_item(h, PAM_TTY, c->tty);
    if (asked(c, 'a'))
        rc = pam_authenticate(h, 0);
    if (rc == PAM_SUCCESS && asked(c, 'c'))
        rc = pam_acct_mgmt(h, 0);
    /* sshd sets it in the process that opens the session, and only there. */
    if (rc == PAM_SUCCESS && proof[0] != '\0')
        (void)pam_putenv(h, proof);
    if (rc == PAM_SUCCESS && asked(c, 'o'))
        rc = pam_open_session(h, 0);
    if (rc == PAM_SUCCESS && c->stays) {
        printf("%ld\n", (long)getpid());
        (void)fflush(stdout);
        for (;;)
            pause();
    }
    if (rc == PAM_SUCCESS && asked(c, 'x'))
        rc = pam_close_session(h, 0);
    return rc;
}

static int cycle(const struct call *c)
{
    const struct pam_conv conv = { converse, NULL };
    double began = now_us();
    pam_handle_t *h = NULL;
    int rc = c->dir != NULL ? pam_start_confdir(c->service, c->user, &conv, c->dir, &h)
                            : pam_start(c->service, c->user, &conv, &h);

    if (rc != PAM_SUCCESS)
        return 125;
    rc = go_through(c, h);
    (void)pam_end(h, rc);
    (void)dprintf(3, "%.1f\n", now_us() - began);
    if ((rc != PAM_SUCCESS) != c->denied)
        fprintf(stderr, "pam_cycle: %s for %s: %s\n", c->service, c->user, pam_strerror(NULL, rc));
    return (rc != PAM_SUCCESS) != c->denied;
}

static void take_options(int argc, char **argv, struct call *c)
{
    char key[2048];
    int option;

    while ((option = getopt(argc, argv, "c:p:r:k:f:t:u:ns")) != -1) {
        if (option == 'c')
            c->dir = optarg;
        else if (option == 'p')
            c->phases = optarg;
        else if (option == 'r')
            read_line(optarg, reply, sizeof(reply));
        else if (option == 'k') {
            read_line(optarg, key, sizeof(key));
            snprintf(proof, sizeof(proof), "SSH_AUTH_INFO_0=publickey %s", key);
        } else if (option == 'f')
            c->from = optarg;
        else if (option == 't')
            c->tty = optarg;
        else if (option == 'u')
            c->caller = optarg;
        else if (option == 'n')
            c->denied = true;
        else if (option == 's')
            c->stays = true;
        else
            exit(125);
    }
}

int main(int argc, char **argv)
{
    struct call c = { .phases = "acox", .tty = "ssh" };

    take_options(argc, argv, &c);
    if (argc - optind != 2)
        return 125;
    c.service = argv[optind];
    c.user = argv[optind + 1];
    if (c.phases[0] == '0')
        return 0;
    if (c.caller != NULL)
        take_uid_of(c.caller);
    return cycle(&c);
}

/* SPDX-License-Identifier: ISC */
/*
 * People at the PAM services of this machine, with its own stacks, as the host programs call them: whether each gets
 * through every phase.
 *
 *   people PERSON OTHER PASSWORD PUBLIC-KEY [FLOW]
 *
 * Both have the password in that file. Prints a line for each flow that was stopped: its name, the phase and the code.
 * Exit status: 0 none was, 1 one was, 125 anything else.
 */
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char password[256], proof[2048];

static int converse(int n, const struct pam_message **msg, struct pam_response **out, void *data)
{
    struct pam_response *r = calloc((size_t)n, sizeof(*r));

    (void)data;
    if (r == NULL)
        return PAM_BUF_ERR;
    for (int i = 0; i < n; i++)
        if (msg[i]->msg_style == PAM_PROMPT_ECHO_OFF || msg[i]->msg_style == PAM_PROMPT_ECHO_ON)
            r[i].resp = strdup(password);
    *out = r;
    return PAM_SUCCESS;
}

enum { AUTH = 1, ACCOUNT = 2, CRED = 4, OPEN = 8, ALL = 15, NO_AUTH = 14 };

struct flow {
    const char *name, *service;
    int who;    /* 0: root, 1: the person, 2: the other */
    int as;     /* in setcred and session */
    bool calls; /* su and sudo: with the person's real uid */
    const char *rhost, *tty;
    bool key;
    int phases;
};

static const struct flow flows[] = {
    { "password", "sshd", 1, 1, false, "192.0.2.7", "ssh", false, ALL },
    { "key", "sshd", 1, 1, false, "192.0.2.7", "ssh", true, NO_AUTH },
    { "shared", "sshd", 2, 2, false, "192.0.2.7", "ssh", true, NO_AUTH },
    { "root", "sshd", 0, 0, false, "192.0.2.7", "ssh", true, NO_AUTH },
    { "sudo", "sudo", 1, 0, true, NULL, "/dev/pts/0", false, ALL },
    { "su", "su", 2, 2, true, NULL, "/dev/pts/0", false, ALL },
    { "cron", "cron", 1, 1, false, NULL, "cron", false, NO_AUTH },
    { "rootsu", "su", 1, 1, false, NULL, "/dev/pts/0", false, ALL },
    { "rootsudo", "sudo", 0, 1, false, NULL, "/dev/pts/0", false, NO_AUTH },
};

static const char *names[3] = { "root" };

static int through(const struct flow *f, pam_handle_t *h, const char **phase)
{
    int rc = PAM_SUCCESS;

    *phase = "auth";
    if (f->phases & AUTH)
        rc = pam_authenticate(h, 0);
    if (rc == PAM_SUCCESS) {
        *phase = "account";
        rc = pam_acct_mgmt(h, 0);
    }
    if (rc == PAM_SUCCESS) {
        *phase = "setcred";
        (void)pam_set_item(h, PAM_USER, names[f->as]);
        rc = pam_setcred(h, PAM_ESTABLISH_CRED);
    }
    if (rc == PAM_SUCCESS) {
        *phase = "session";
        if (f->key)
            (void)pam_putenv(h, proof);
        rc = pam_open_session(h, 0);
    }
    if (rc == PAM_SUCCESS)
        (void)pam_close_session(h, 0);
    return rc;
}

static int one(const struct flow *f)
{
    const struct pam_conv conv = { converse, NULL };
    const struct passwd *pw = getpwnam(names[1]);
    const char *phase = "start";
    pam_handle_t *h = NULL;
    int rc;

    if (pw == NULL || pam_start(f->service, names[f->who], &conv, &h) != PAM_SUCCESS)
        return 125;
    (void)pam_set_item(h, PAM_RUSER, f->calls ? names[1] : "root");
    if (f->rhost != NULL)
        (void)pam_set_item(h, PAM_RHOST, f->rhost);
    (void)pam_set_item(h, PAM_TTY, f->tty);
    if (f->calls && setresuid(pw->pw_uid, 0, 0) != 0)
        return 125;
    rc = through(f, h, &phase);
    if (rc != PAM_SUCCESS)
        printf("%s: %s %d\n", f->name, phase, rc);
    (void)pam_end(h, rc);
    return rc != PAM_SUCCESS;
}

static bool read_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    bool got = f != NULL && fgets(out, (int)size, f) != NULL;

    if (f != NULL)
        fclose(f);
    if (got)
        out[strcspn(out, "\n")] = '\0';
    return got;
}

int main(int argc, char **argv)
{
    char key[1024];
    int bad = 0;

    if ((argc != 5 && argc != 6) || !read_line(argv[3], password, sizeof(password)) ||
        !read_line(argv[4], key, sizeof(key)))
        return 125;
    names[1] = argv[1];
    names[2] = argv[2];
    snprintf(proof, sizeof(proof), "SSH_AUTH_INFO_0=publickey %s", key);
    for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
        int status = 0;
        pid_t pid;

        if (argc == 6 && strcmp(argv[5], flows[i].name) != 0)
            continue;
        (void)fflush(stdout);
        pid = fork();
        if (pid == 0) {
            status = one(&flows[i]);
            (void)fflush(stdout);
            _exit(status);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            return 125;
        if (status != 0)
            bad = 1;
        if (WIFSIGNALED(status))
            printf("%s: killed by %d\n", flows[i].name, WTERMSIG(status));
    }
    return bad;
}

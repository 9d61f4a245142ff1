/* SPDX-License-Identifier: ISC */
/*
 * A PAM module for tests: answers in each phase what a file says, or stops its program there.
 *
 *   pam_answer.so DIRECTORY NAME CODE
 *
 * DIRECTORY/NAME.answer has lines of a phase (auth, account, setcred, open_session, close_session, password) and what
 * to do in it: the number of a PAM code, or "stop": SIGSTOP to its own process, as its caller could send it there, and
 * then CODE. In a phase without a line it is CODE, too. Each call is a line of DIRECTORY/NAME.called: phase and pid.
 */
#include <fcntl.h>
#include <security/pam_modules.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv);
int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv);
int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv);
int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv);
int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv);
int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv);

static void record(const char *const *argv, const char *phase)
{
    char path[512], line[64];
    int fd, len;

    snprintf(path, sizeof(path), "%s/%s.called", argv[0], argv[1]);
    fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    len = snprintf(line, sizeof(line), "%s %ld\n", phase, (long)getpid());
    (void)!write(fd, line, (size_t)len);
    close(fd);
}

/* The answer in the file for this phase; "": none. */
static void read_answer(const char *const *argv, const char *phase, char answer[16])
{
    char path[512], name[32], word[16];
    FILE *f;

    answer[0] = '\0';
    snprintf(path, sizeof(path), "%s/%s.answer", argv[0], argv[1]);
    f = fopen(path, "re");
    if (f == NULL)
        return;
    while (fscanf(f, "%31s %15s", name, word) == 2)
        if (strcmp(name, phase) == 0)
            memcpy(answer, word, sizeof(word));
    fclose(f);
}

static int answer_in(const char *phase, int argc, const char *const *argv)
{
    char answer[16];

    if (argc != 3)
        return PAM_SERVICE_ERR;
    read_answer(argv, phase, answer);
    record(argv, phase);
    if (strcmp(answer, "stop") == 0)
        kill(getpid(), SIGSTOP);
    else if (answer[0] != '\0')
        return (int)strtol(answer, NULL, 10);
    return (int)strtol(argv[2], NULL, 10);
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    return answer_in("auth", argc, argv);
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    return answer_in("account", argc, argv);
}

/* Deleting credentials belongs to the end of a session. */
EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    return (flags & PAM_DELETE_CRED) != 0 ? PAM_SUCCESS : answer_in("setcred", argc, argv);
}

EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    return answer_in("open_session", argc, argv);
}

EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    return answer_in("close_session", argc, argv);
}

EXPORT int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    return answer_in("password", argc, argv);
}

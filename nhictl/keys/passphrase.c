/* SPDX-License-Identifier: ISC */
/*
 * MUST: what is typed is not shown, and a signal meanwhile leaves the terminal as it was.
 */
#include "nhictl/keys/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/key/paserk.h"
#include "libnhi/key/paseto.h"

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
#define ENDS (sizeof(ends) / sizeof(ends[0]))

static volatile sig_atomic_t caught;

static void catch (int sig)
{
    caught = sig;
}

static size_t without_end(const char *text, size_t len)
{
    return len > 0 && text[len - 1] == '\n' ? len - 1 : len;
}

char *credential_read(const char *name, size_t max)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    unsigned long len = 0;
    char *text = NULL;
    int fd;

    if (dir == NULL || nhi_dir_open(dir, &fd) != NHI_OK)
        return NULL;
    if (nhi_file_read(fd, name, 1, max, &text, &len) != NHI_OK)
        text = NULL;
    close(fd);
    if (text != NULL)
        text[without_end(text, len)] = '\0';
    return text;
}

/* Reads up to the end of the line. -1: nothing was read, or a signal came. */
static ssize_t read_line(int tty, char *to, size_t max)
{
    size_t len = 0;

    while (len < max && caught == 0) {
        ssize_t n = read(tty, to + len, 1);

        if (n <= 0 || to[len] == '\n')
            break;
        len++;
    }
    return caught == 0 && len > 0 ? (ssize_t)len : -1;
}

static ssize_t ask(int tty, const char *prompt, char *to, size_t max)
{
    struct sigaction action = { .sa_handler = catch }, before[ENDS];
    struct termios as_it_was, quiet;
    ssize_t len = -1;

    caught = 0;
    for (size_t i = 0; i < ENDS; i++)
        (void)sigaction(ends[i], &action, &before[i]);
    if (tcgetattr(tty, &as_it_was) == 0) {
        quiet = as_it_was;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
        /* What was typed before the prompt is not meant for us. */
        if (tcsetattr(tty, TCSAFLUSH, &quiet) == 0 && write(tty, prompt, strlen(prompt)) > 0) {
            len = read_line(tty, to, max);
            (void)!write(tty, "\n", 1);
        }
        (void)tcsetattr(tty, TCSANOW, &as_it_was);
    }
    for (size_t i = 0; i < ENDS; i++)
        (void)sigaction(ends[i], &before[i], NULL);
    if (caught != 0)
        raise(caught);
    return len;
}

bool passphrase_get(const char *prompt, struct passphrase *p)
{
    char *text = credential_read(PASSPHRASE_CREDENTIAL, PASSPHRASE_MAX);
    ssize_t len = -1;
    int tty;

    /* Typing may take a long time. */
    nhi_keep(p, sizeof(*p));
    p->typed = text == NULL;
    if (text != NULL) {
        len = (ssize_t)strlen(text);
        memcpy(p->text, text, (size_t)len + 1);
        nhi_text_free(text);
    } else if ((tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) >= 0) {
        len = ask(tty, prompt, p->text, PASSPHRASE_MAX);
        close(tty);
    }
    p->len = len > 0 ? (size_t)len : 0;
    return len > 0;
}

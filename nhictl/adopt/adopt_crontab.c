/* SPDX-License-Identifier: ISC */
/*
 * The crontab in which the jobs of the account become an agent's.
 *
 * MUST: everything that was read from this host is quoted in it.
 */
#include "nhictl/adopt/adopt_crontab.h"

#include <stdio.h>
#include <string.h>

#define NHICTL "/usr/sbin/nhictl"
#define SHELL_PATH "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-"

void adopt_put_quoted(FILE *f, const char *text, size_t len)
{
    putc('\'', f);
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\'')
            fputs("'\\''", f);
        else
            putc(text[i], f);
    putc('\'', f);
}

/* For cron, the text after a % is not part of the command, but its input; \% is a %. */
static void put_command(FILE *f, const char *command)
{
    size_t len = 0;

    while (command[len] != '\0' && (command[len] != '%' || (len > 0 && command[len - 1] == '\\')))
        len++;
    adopt_put_quoted(f, command, len);
    fputs(command + len, f);
}

/* For text that is not a command: cron takes a % in it literally only after a \. */
static void put_for_crontab(FILE *f, const char *text, size_t len)
{
    size_t n = 0;

    for (; len > 0; text += n, len -= n) {
        if (*text == '%') {
            fputs("\\%", f);
            n = 1;
            continue;
        }
        for (n = 0; n < len && text[n] != '%'; n++)
            ;
        adopt_put_quoted(f, text, n);
    }
}

/* What the crontab sets for cron and not for the command. */
static bool is_for_cron(const char *name, size_t len)
{
    static const char *const names[] = { "MAILTO",
                                         "MAILFROM",
                                         "CRON_TZ",
                                         "RANDOM_DELAY",
                                         "START_HOURS_RANGE",
                                         "CONTENT_TYPE",
                                         "CONTENT_TRANSFER_ENCODING",
                                         "LOGNAME",
                                         "USER" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return true;
    return false;
}

void adopt_put_for_cron(FILE *f, const struct adopt_job *j)
{
    size_t len;

    for (const char *at = j->env; *at != '\0'; at += len + 1) {
        len = strcspn(at, "\n");
        if (is_for_cron(at, strcspn(at, "=")))
            fprintf(f, "# that crontab also sets: %.*s\n", (int)len, at);
    }
}

/* The words before the command: run passes on nothing of cron's environment. */
static void put_shell(FILE *f, const struct adopt_job *j)
{
    const char *shell = "/bin/sh", *before = "/usr/bin/env ";
    size_t shell_len = strlen(shell), len, name;

    for (const char *at = j->env; *at != '\0'; at += len + 1) {
        len = strcspn(at, "\n");
        name = strcspn(at, "=");
        if (name == strlen("SHELL") && memcmp(at, "SHELL", name) == 0) {
            shell = at + name + 1;
            shell_len = len - name - 1;
        } else if (!is_for_cron(at, name)) {
            fputs(before, f);
            before = " ";
            put_for_crontab(f, at, len);
        }
    }
    fputs(*before == ' ' ? " " : "", f);
    if (shell[0] == '/' && strspn(shell, SHELL_PATH) >= shell_len)
        fprintf(f, "%.*s", (int)shell_len, shell);
    else
        put_for_crontab(f, shell, shell_len);
    fputs(" -c ", f);
}

void adopt_put_job(FILE *f, const struct adopt *a, const struct adopt_job *j, bool beside)
{
    fprintf(f, "%s root " NHICTL " run --agent %s --job %s%s -- ", j->when, a->agent, j->name,
            beside ? " --concurrent" : "");
    put_shell(f, j);
    put_command(f, j->command);
    putc('\n', f);
}

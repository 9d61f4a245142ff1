/* SPDX-License-Identifier: ISC */
/*
 * Logins to the account, and its commands with sudo, as far as logs show them.
 *
 * MUST: believe only what the journal has from the programs themselves. Anybody can write such lines to a log with
 * logger(1): those are only counted and shown.
 */
#include "nhictl/adopt/adopt_log.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostcfg/host_file.h"
#include "libnhi/base/net.h"
#include "nhictl/say/out.h"

#define TAIL_MAX (16L << 20) /* bytes that are read from a log, from its end */
#define JOURNALCTL "/usr/bin/journalctl"

/* A tree for finding uses, of which a log may have many thousands; at: the index in the list. */
struct known {
    char *key;
    size_t at;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->key, ((const struct known *)b)->key);
}

static void known_free(void *k)
{
    free(((struct known *)k)->key);
    free(k);
}

static void count(struct adopt_uses *uses, const char *how, const char *from, const char *when)
{
    struct known *mine = out_must(malloc(sizeof(*mine))), **found;
    struct adopt_use *u;

    *mine = (struct known){ .key = out_say("%s %s", how, from), .at = uses->count };
    found = out_must(tsearch(mine, &uses->known, by_key));
    if (*found == mine) {
        uses->all = out_grow(uses->all, &uses->room, uses->count + 1, sizeof(*uses->all));
        uses->all[uses->count++] =
            (struct adopt_use){ .how = out_must(strdup(how)), .from = *from != '\0' ? out_must(strdup(from)) : NULL };
    } else {
        known_free(mine);
    }
    u = &uses->all[(*found)->at];
    u->count++;
    free(u->last);
    u->last = out_must(strdup(when));
}

static bool is_address(const char *text)
{
    static const struct nhi_net all;

    return nhi_net_has(&all, text);
}

/* "Nov 25 20:04:04", or one word such as 2026-11-25T20:04:04.123456+00:00, which is shown without its fraction. */
static void moment_of(const char *line, char when[32])
{
    size_t len = line[0] >= '0' && line[0] <= '9' ? 19 : 15;

    snprintf(when, 32, "%.*s", (int)len, line);
}

/* Accepted publickey for deploy from 192.0.2.7 port 51342 ssh2: ED25519 SHA256:… */
static void take_login(struct adopt *a, const char *line, const char *at)
{
    char how[32], account[64], from[64], print[64] = "", when[32];

    if (sscanf(at, "Accepted %31s for %63s from %63s", how, account, from) != 3 ||
        strcmp(account, a->account.name) != 0 || !is_address(from))
        return;
    at = strstr(at, "SHA256:");
    if (at != NULL)
        snprintf(print, sizeof(print), "%.*s", (int)strcspn(at, " \n"), at);
    moment_of(line, when);
    count(&a->logins, how, from, when);
    for (size_t i = 0; i < a->key_count; i++)
        if (strcmp(a->key[i].print, print) == 0) {
            a->key[i].logins++;
            free(a->key[i].last);
            a->key[i].last = out_must(strdup(when));
        }
}

/* sudo:   deploy : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id -u */
static void take_sudo(struct adopt *a, const char *line, const char *at)
{
    const char *command = strstr(at, "COMMAND=");
    char account[64], when[32], path[256];

    if (command == NULL || sscanf(at, ": %63s :", account) != 1 || strcmp(account, a->account.name) != 0)
        return;
    command += strlen("COMMAND=");
    snprintf(path, sizeof(path), "%.*s", (int)strcspn(command, " \n"), command);
    moment_of(line, when);
    count(&a->commands, path, "", when);
}

static void take_line(struct adopt *a, const char *line)
{
    const char *at;

    if (strstr(line, "sshd") != NULL && (at = strstr(line, "]: Accepted ")) != NULL)
        take_login(a, line, at + 3);
    else if ((at = strstr(line, " sudo")) != NULL && (at = strchr(at, ':')) != NULL)
        take_sudo(a, line, at);
}

static bool read_log(struct adopt *a, const char *path)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;

    if (f == NULL)
        return false;
    if (fseek(f, 0, SEEK_END) == 0 && ftell(f) > TAIL_MAX)
        (void)fseek(f, -TAIL_MAX, SEEK_END);
    else
        (void)fseek(f, 0, SEEK_SET);
    while (getline(&line, &room, f) > 0)
        take_line(a, line);
    free(line);
    fclose(f);
    return true;
}

static bool read_journal(struct adopt *a)
{
    char program[] = JOURNALCTL, quiet[] = "-q", format[] = "-oshort-iso", many[] = "-n4000", all[] = "--no-pager";
    /* The program, as the kernel reported it to the journal; anybody can choose the name at the beginning of a line. */
    char sshd[] = "_EXE=/usr/sbin/sshd", session[] = "_EXE=/usr/lib/openssh/sshd-session",
         sudo[] = "_EXE=/usr/bin/sudo";
    char *const argv[] = { program, quiet, format, many, all, sshd, session, sudo, NULL };
    char *out = NULL, *err = NULL, *line, *next;
    int status;
    bool read = file_run(argv, &out, &err, &status) == NHI_OK && status == 0 && out[0] != '\0';

    for (line = read ? out : NULL; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        take_line(a, line);
    }
    free(out);
    free(err);
    return read;
}

void adopt_logs(struct adopt *a)
{
    static const char *const files[] = { "/var/log/auth.log", "/var/log/secure" };

    if (read_journal(a)) {
        a->logs = "the journal";
        a->logs_proven = true;
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && !a->logs_proven; i++) {
        char *older = out_say("%s.1", files[i]);

        if (access(files[i], R_OK) == 0) {
            (void)read_log(a, older);
            a->logs = read_log(a, files[i]) ? files[i] : a->logs;
        }
        free(older);
    }
    tdestroy(a->logins.known, known_free);
    tdestroy(a->commands.known, known_free);
    a->logins.known = a->commands.known = NULL;
}

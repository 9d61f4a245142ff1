/* SPDX-License-Identifier: ISC */
/*
 * Source of the journal's protocol: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 */
#include "nhictl/trail/log_sockets.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL "/run/systemd/journal/socket"
#define JOURNAL_DIR "/run/systemd/journal/"
#define LOG "/dev/log"
#define IDENT "nhi"
#define PATIENCE_MS 1000

static int connect_to(const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd;

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Whether the journal serves /dev/log. */
static bool log_is_the_journals(void)
{
    char *real = realpath(LOG, NULL);
    bool is = real != NULL && strncmp(real, JOURNAL_DIR, strlen(JOURNAL_DIR)) == 0;

    free(real);
    return is;
}

bool log_sockets_open(struct log_sockets *s)
{
    s->journal = connect_to(JOURNAL);
    s->log = s->journal >= 0 && log_is_the_journals() ? -1 : connect_to(LOG);
    return s->journal >= 0 || s->log >= 0;
}

/* A log that has gone counts as missing; for a full one it waits, but not for long. */
static bool send_to(int *fd, const char *data, size_t len)
{
    struct pollfd p = { .fd = *fd, .events = POLLOUT };

    if (*fd < 0)
        return true;
    for (int tries = 0; tries < 2; tries++) {
        if (send(*fd, data, len, MSG_NOSIGNAL) >= 0)
            return true;
        if (errno != EAGAIN && errno != ENOBUFS)
            break;
        if (tries > 0 || poll(&p, 1, PATIENCE_MS) <= 0)
            return false;
    }
    close(*fd);
    *fd = -1;
    return false;
}

static void put_field(FILE *f, const char *name, const char *value)
{
    char *quoted = malloc(NHI_QUOTED_MAX(strlen(value)));

    fputs("NHI_", f);
    for (; *name != '\0'; name++)
        putc(toupper((unsigned char)*name), f);
    if (quoted != NULL)
        nhi_text_quote(value, quoted);
    fprintf(f, "=%s\n", quoted != NULL ? quoted : "");
    free(quoted);
}

static bool send_to_journal(struct log_sockets *s, int priority, const char *line, const struct nhi_event *e)
{
    const char *name, *value;
    char *text = NULL;
    size_t len = 0;
    FILE *f;
    bool sent;

    if (s->journal < 0)
        return true;
    f = open_memstream(&text, &len);
    if (f == NULL)
        return false;
    fprintf(f, "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=" IDENT "\nMESSAGE=%s\n", priority,
            LOG_AUTHPRIV >> 3, line);
    if (e != NULL)
        fprintf(f, "NHI_EVENT=%lld\nNHI_HASH=%s\nNHI_PREV=%s\n", (long long)e->seq, e->hash, e->prev);
    for (size_t i = 0; e != NULL && (name = nhi_event_member(e, i, &value)) != NULL; i++)
        if (value[0] != '\0')
            put_field(f, name, value);
    sent = fclose(f) == 0 && send_to(&s->journal, text, len);
    free(text);
    return sent;
}

static bool send_to_log(struct log_sockets *s, int priority, const char *line)
{
    time_t now = time(NULL);
    char moment[32] = "";
    char *text = NULL;
    struct tm tm;
    bool sent;
    int len;

    if (s->log < 0)
        return true;
    if (localtime_r(&now, &tm) != NULL)
        (void)strftime(moment, sizeof(moment), "%b %e %H:%M:%S", &tm);
    len = asprintf(&text, "<%d>%s " IDENT "[%ld]: %s", LOG_AUTHPRIV | priority, moment, (long)getpid(), line);
    sent = len > 0 && send_to(&s->log, text, (size_t)len);
    free(len > 0 ? text : NULL);
    return sent;
}

bool log_sockets_send(struct log_sockets *s, int priority, const char *line, const struct nhi_event *e)
{
    return (s->journal >= 0 || s->log >= 0) && send_to_log(s, priority, line) && send_to_journal(s, priority, line, e);
}

void log_sockets_close(struct log_sockets *s)
{
    if (s->journal >= 0)
        close(s->journal);
    if (s->log >= 0)
        close(s->log);
    s->journal = s->log = -1;
}

/* SPDX-License-Identifier: ISC */
/*
 * MUST: every event becomes one line of printable ASCII. MUST: a log that accepts nothing holds up nobody.
 */
#include "nhictl/trail/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_event.h"
#include "nhictl/trail/log_sockets.h"

#define SENT_LEN 20     /* digits */
#define TURN_TRIES 50   /* for another process that is sending */
#define DETAIL_MAX 1024 /* of a line; audit export has the whole detail */

struct sending {
    struct log_sockets logs;
    int file; /* descriptor of the file with sent */
    int64_t sent;
};

/* ---- lines ---- */

static bool needs_quotes(const char *value)
{
    for (; *value != '\0'; value++)
        if (*value <= ' ' || *value > '~' || *value == '"' || *value == '\\')
            return true;
    return false;
}

/* at: needs room for the name, 3 bytes and NHI_QUOTED_MAX of the value. Returns the end. */
static char *put_pair(char *at, const char *name, const char *value)
{
    bool quotes = needs_quotes(value);

    at = stpcpy(stpcpy(stpcpy(at, " "), name), quotes ? "=\"" : "=");
    nhi_text_quote(value, at);
    return stpcpy(at + strlen(at), quotes ? "\"" : "");
}

/* The members have the records of decisions already. */
static const char *detail_of(const struct nhi_event *e)
{
    if ((e->record[0] != '\0' && strcmp(e->kind, "refused") != 0) || e->detail == NULL || strcmp(e->detail, "{}") == 0)
        return "";
    return strlen(e->detail) <= DETAIL_MAX ? e->detail : "too long for a line";
}

char *trail_line(const struct nhi_event *e)
{
    const char *name, *value, *detail = detail_of(e);
    size_t room = 256 + NHI_QUOTED_MAX(strlen(detail));
    char at[NHI_TIME_LEN + 1], *line, *end;

    for (size_t i = 0; nhi_event_member(e, i, &value) != NULL; i++)
        room += 16 + NHI_QUOTED_MAX(strlen(value));
    line = malloc(room);
    if (line == NULL)
        return NULL;
    end = line + snprintf(line, room, "event=%lld", (long long)e->seq);
    if (nhi_time_format(e->at, at) == NHI_OK)
        end = put_pair(end, "at", at);
    for (size_t i = 0; (name = nhi_event_member(e, i, &value)) != NULL; i++)
        if (value[0] != '\0')
            end = put_pair(end, name, value);
    if (detail[0] != '\0')
        end = put_pair(end, "detail", detail);
    (void)put_pair(end, "hash", e->hash);
    return line;
}

static int priority_of(const struct nhi_event *e)
{
    static const char *const quiet[] = { "grant", "issue", "renew", "import", "task-open", "run", NULL };

    for (size_t i = 0; quiet[i] != NULL; i++)
        if (strcmp(e->kind, quiet[i]) == 0)
            return LOG_INFO;
    return LOG_NOTICE;
}

/* ---- the number that was sent last ---- */

static bool read_sent(struct sending *s)
{
    char text[SENT_LEN + 1] = "";
    ssize_t n = pread(s->file, text, SENT_LEN, 0);

    s->sent = n == SENT_LEN && strspn(text, "0123456789") == SENT_LEN ? strtoll(text, NULL, 10) : 0;
    return n >= 0;
}

static bool write_sent(struct sending *s, int64_t seq)
{
    char text[SENT_LEN + 2];

    snprintf(text, sizeof(text), "%0*lld\n", SENT_LEN, (long long)seq);
    s->sent = seq;
    return pwrite(s->file, text, SENT_LEN + 1, 0) == SENT_LEN + 1;
}

/* One process sends at a time, so that lines are in the order of the trail. A process that does not get the turn soon
 * leaves the sending to the other. */
static bool take_turn(struct sending *s)
{
    static const struct timespec pause = { .tv_nsec = 20000000 };
    int dir;

    if (nhi_dir_open(NHI_STATE_DIR, &dir) != NHI_OK)
        return false;
    s->file = openat(dir, TRAIL_SENT_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    close(dir);
    for (int i = 0; s->file >= 0 && i < TURN_TRIES; i++) {
        if (flock(s->file, LOCK_EX | LOCK_NB) == 0)
            return true;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

/* ---- sending ---- */

static int send_one(const struct nhi_event *e, void *ctx)
{
    char *line = trail_line(e);
    struct sending *s = ctx;
    bool sent;

    if (line == NULL)
        return 1;
    sent = log_sockets_send(&s->logs, priority_of(e), line, e) && write_sent(s, e->seq);
    free(line);
    return !sent;
}

void trail_send(struct nhi_ledger *l)
{
    struct sending s = { .file = -1 };
    struct nhi_head head;

    if (log_sockets_open(&s.logs) && take_turn(&s) && read_sent(&s) && nhi_event_head(l, &head) == NHI_OK) {
        /* The number belongs to another ledger. */
        if (s.sent > head.given)
            s.sent = 0;
        (void)!nhi_event_each(l, s.sent, INT32_MAX, send_one, &s);
    }
    if (s.file >= 0)
        close(s.file);
    log_sockets_close(&s.logs);
}

int64_t trail_sent(void)
{
    struct sending s = { .file = -1, .sent = INT64_MAX };

    if (log_sockets_open(&s.logs) && (!take_turn(&s) || !read_sent(&s)))
        s.sent = 0;
    if (s.file >= 0)
        close(s.file);
    log_sockets_close(&s.logs);
    return s.sent;
}

void trail_say(const char *text)
{
    struct log_sockets s;

    if (log_sockets_open(&s))
        (void)log_sockets_send(&s, LOG_NOTICE, text, NULL);
    log_sockets_close(&s);
}

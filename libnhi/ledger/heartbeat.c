/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/phase.h"
#include "libnhi/base/proc.h"
#include "libnhi/ledger/schema.h"
#include "libnhi/session/session.h"

#define LINE_MAX_LEN 64

enum nhi_err nhi_heartbeat_beat(const char *run_dir, enum nhi_err seen)
{
    const int64_t now = nhi_uptime();
    char text[LINE_MAX_LEN];
    enum nhi_err err;
    int dirfd, n;

    if (now == 0)
        return NHI_ERR_SYS;
    err = nhi_session_make_dir(run_dir);
    if (err == NHI_OK)
        err = nhi_dir_open(run_dir, &dirfd);
    if (err != NHI_OK)
        return err;
    n = snprintf(text, sizeof(text), "%lld %d %d\n", (long long)now, nhi_schema_version(), (int)seen);
    err = nhi_file_replace(dirfd, NHI_HEARTBEAT_FILE, 0600, text, (unsigned long)n);
    close(dirfd);
    return err;
}

void nhi_heartbeat_end(const char *run_dir)
{
    int dirfd;

    if (nhi_dir_open(run_dir, &dirfd) != NHI_OK)
        return;
    (void)unlinkat(dirfd, NHI_HEARTBEAT_FILE, 0);
    close(dirfd);
}

/* One decimal number, which must end with this character. */
static bool number(char **at, char ends, long long *out)
{
    char *end;

    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    *out = strtoll(*at, &end, 10);
    if (errno != 0 || *end != ends)
        return false;
    *at = end + 1;
    return true;
}

static enum nhi_supervisor read_line(char *text, long long now, enum nhi_err *why, int64_t *age)
{
    long long last, schema, seen;
    char *at = text;

    if (!number(&at, ' ', &last) || last > now || !number(&at, ' ', &schema))
        return NHI_SUPERVISOR_NONE;
    *age = now - last;
    if (schema != nhi_schema_version())
        return NHI_SUPERVISOR_OTHER;
    if (!number(&at, '\n', &seen) || *at != '\0')
        return NHI_SUPERVISOR_NONE;
    if (*age > NHI_HEARTBEAT_DEAD)
        return NHI_SUPERVISOR_STALE;
    *why = (enum nhi_err)seen;
    return seen == NHI_OK ? NHI_SUPERVISOR_LIVE : NHI_SUPERVISOR_BLIND;
}

enum nhi_supervisor nhi_heartbeat_see(const char *run_dir, enum nhi_err *why, int64_t *age)
{
    enum nhi_supervisor is = NHI_SUPERVISOR_NONE;
    const int64_t now = nhi_uptime();
    enum nhi_err cause = NHI_OK;
    unsigned long len = 0;
    int64_t since = -1;
    char *text = NULL;
    int dirfd;

    if (now > 0 && nhi_dir_borrow(run_dir, &dirfd) == NHI_OK) {
        if (nhi_file_read(dirfd, NHI_HEARTBEAT_FILE, 1, LINE_MAX_LEN, &text, &len) == NHI_OK)
            is = read_line(text, now, &cause, &since);
        free(text);
        nhi_dir_return(dirfd);
    }
    if (why != NULL)
        *why = cause;
    if (age != NULL)
        *age = since;
    return is;
}

bool nhi_heartbeat_is_live(const char *run_dir)
{
    return nhi_heartbeat_see(run_dir, NULL, NULL) == NHI_SUPERVISOR_LIVE;
}

/* Of one length, so that one write replaces it; a reader that sees half of it sees other numbers. */
#define LOOKED "%020lld %020lld\n"
#define LOOKED_LEN 42

void nhi_heartbeat_looked(const char *run_dir, int64_t generation, int64_t until)
{
    char text[LINE_MAX_LEN];
    int dirfd, fd,
        n = snprintf(text, sizeof(text), LOOKED, (long long)(generation < 0 ? INT64_MAX : generation),
                     (long long)until);

    if (n != LOOKED_LEN || nhi_dir_open(run_dir, &dirfd) != NHI_OK)
        return;
    fd = openat(dirfd, NHI_LOOKED_FILE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd >= 0 && pwrite(fd, text, LOOKED_LEN, 0) != LOOKED_LEN)
        (void)unlinkat(dirfd, NHI_LOOKED_FILE, 0);
    if (fd >= 0)
        close(fd);
    close(dirfd);
}

bool nhi_heartbeat_has_looked(const char *run_dir, int64_t generation, int64_t now)
{
    long long seen = 0, until = 0;
    unsigned long len = 0;
    char *text = NULL, *at;
    int dirfd;
    bool has = false;

    if (nhi_dir_borrow(run_dir, &dirfd) != NHI_OK)
        return false;
    if (nhi_file_read(dirfd, NHI_LOOKED_FILE, 1, LINE_MAX_LEN, &text, &len) == NHI_OK) {
        at = text;
        has = len == LOOKED_LEN && number(&at, ' ', &seen) && number(&at, '\n', &until) && seen == generation &&
              now <= until;
    }
    free(text);
    nhi_dir_return(dirfd);
    return has;
}

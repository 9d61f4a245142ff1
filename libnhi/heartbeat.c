#include "libnhi/heartbeat.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/paths.h"
#include "libnhi/session.h"

/* Seconds since boot, sleep included: a host that slept has not been watched meanwhile. */
static bool now(long long *seconds)
{
    struct timespec ts;

    if (clock_gettime(CLOCK_BOOTTIME, &ts) != 0)
        return false;
    *seconds = (long long)ts.tv_sec;
    return true;
}

enum nhi_err nhi_heartbeat_beat(const char *run_dir)
{
    long long seconds;
    char text[24];
    enum nhi_err err;
    int dirfd, n;

    if (!now(&seconds))
        return NHI_ERR_SYS;
    err = nhi_session_make_dir(run_dir);
    if (err == NHI_OK)
        err = nhi_dir_open(run_dir, &dirfd);
    if (err != NHI_OK)
        return err;
    n = snprintf(text, sizeof text, "%lld\n", seconds);
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

bool nhi_heartbeat_is_live(const char *run_dir)
{
    unsigned long len = 0;
    long long last, seconds;
    char *text = NULL, *end;
    bool live = false;
    int dirfd;

    if (!now(&seconds) || nhi_dir_open(run_dir, &dirfd) != NHI_OK)
        return false;
    if (nhi_file_read(dirfd, NHI_HEARTBEAT_FILE, 1, 24, &text, &len) == NHI_OK) {
        last = strtoll(text, &end, 10);
        live =
            end != text && *end == '\n' && last <= seconds && seconds - last <= NHI_HEARTBEAT_DEAD;
    }
    free(text);
    close(dirfd);
    return live;
}

/* SPDX-License-Identifier: ISC */
#include "libnhi/base/phase.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"

#define DIRS 4
#define PATH_ROOM 64 /* for a path of ours; a longer one is not kept */

/* One thread at a time has it; where a host program calls us from several, the others keep nothing. */
static struct {
    _Atomic(uintptr_t) owner; /* that thread; 0: none. Nobody else looks at the rest */
    char boot[37];
    struct {
        char path[PATH_ROOM];
        int fd;
    } dirs[DIRS];
    size_t count;
} kept;

static bool is_mine(void)
{
    return atomic_load(&kept.owner) == (uintptr_t)pthread_self();
}

void nhi_phase_begin(void)
{
    uintptr_t none = 0;

    nhi_phase_end();
    (void)atomic_compare_exchange_strong(&kept.owner, &none, (uintptr_t)pthread_self());
}

void nhi_phase_end(void)
{
    if (!is_mine())
        return;
    for (size_t i = 0; i < kept.count; i++)
        close(kept.dirs[i].fd);
    kept.count = 0;
    kept.boot[0] = '\0';
    atomic_store(&kept.owner, 0);
}

enum nhi_err nhi_dir_borrow(const char *path, int *fd)
{
    const bool mine = is_mine();
    enum nhi_err err;

    for (size_t i = 0; mine && i < kept.count; i++)
        if (strcmp(kept.dirs[i].path, path) == 0) {
            *fd = kept.dirs[i].fd;
            return NHI_OK;
        }
    err = nhi_dir_open(path, fd);
    if (err == NHI_OK && mine && kept.count < DIRS && strlen(path) < PATH_ROOM) {
        memcpy(kept.dirs[kept.count].path, path, strlen(path) + 1);
        kept.dirs[kept.count++].fd = *fd;
    }
    return err;
}

void nhi_dir_return(int fd)
{
    const bool mine = is_mine();
    int saved = errno;

    for (size_t i = 0; mine && i < kept.count; i++)
        if (kept.dirs[i].fd == fd)
            return;
    if (fd >= 0)
        close(fd);
    errno = saved;
}

bool nhi_phase_boot(char out[37])
{
    if (!is_mine() || kept.boot[0] == '\0')
        return false;
    memcpy(out, kept.boot, sizeof(kept.boot));
    return true;
}

void nhi_phase_boot_is(const char boot[37])
{
    if (is_mine())
        memcpy(kept.boot, boot, sizeof(kept.boot));
}

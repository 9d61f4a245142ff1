/* SPDX-License-Identifier: ISC */
#include "libnhi/base/phase.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"

/* One thread at a time has it; where a host program calls us from several, the others keep nothing. */
static struct {
    _Atomic(uintptr_t) owner; /* that thread; 0: none. Nobody else looks at the rest */
    struct nhi_phase_kept it;
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

void nhi_phase_hand_over(struct nhi_phase_kept *out)
{
    memset(out, 0, sizeof(*out));
    if (!is_mine())
        return;
    *out = kept.it;
    kept.it.count = 0;
    nhi_phase_end();
}

void nhi_phase_adopt(const struct nhi_phase_kept *from)
{
    nhi_phase_begin();
    if (is_mine())
        kept.it = *from;
    else
        for (size_t i = 0; i < from->count; i++)
            close(from->dirs[i].fd);
}

void nhi_phase_end(void)
{
    if (!is_mine())
        return;
    for (size_t i = 0; i < kept.it.count; i++)
        close(kept.it.dirs[i].fd);
    kept.it.count = 0;
    kept.it.boot[0] = '\0';
    kept.it.init_start = 0;
    atomic_store(&kept.owner, 0);
}

/* The one above it, if that is kept, with the slash that follows its path; else -1. */
static int kept_above(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) : 0;

    if (len == 0 || slash[1] == '\0')
        return -1;
    *name = slash + 1;
    for (size_t i = 0; i < kept.it.count; i++)
        if (strncmp(kept.it.dirs[i].path, path, len) == 0 && kept.it.dirs[i].path[len] == '\0')
            return kept.it.dirs[i].fd;
    return -1;
}

/* What is above a directory that was checked was checked with it. */
static enum nhi_err open_dir(const char *path, bool mine, int *fd)
{
    const char *name = NULL;
    int above = mine ? kept_above(path, &name) : -1;

    if (above >= 0 && nhi_dir_open_at(above, name, fd) == NHI_OK)
        return NHI_OK;
    return nhi_dir_open(path, fd);
}

enum nhi_err nhi_dir_borrow(const char *path, int *fd)
{
    const bool mine = is_mine();
    enum nhi_err err;

    for (size_t i = 0; mine && i < kept.it.count; i++)
        if (strcmp(kept.it.dirs[i].path, path) == 0) {
            *fd = kept.it.dirs[i].fd;
            return NHI_OK;
        }
    err = open_dir(path, mine, fd);
    if (err == NHI_OK && mine && kept.it.count < NHI_PHASE_DIRS && strlen(path) < NHI_PHASE_PATH) {
        memcpy(kept.it.dirs[kept.it.count].path, path, strlen(path) + 1);
        kept.it.dirs[kept.it.count++].fd = *fd;
    }
    return err;
}

void nhi_dir_return(int fd)
{
    const bool mine = is_mine();
    int saved = errno;

    for (size_t i = 0; mine && i < kept.it.count; i++)
        if (kept.it.dirs[i].fd == fd)
            return;
    if (fd >= 0)
        close(fd);
    errno = saved;
}

bool nhi_phase_boot(char out[37])
{
    if (!is_mine() || kept.it.boot[0] == '\0')
        return false;
    memcpy(out, kept.it.boot, sizeof(kept.it.boot));
    return true;
}

void nhi_phase_boot_is(const char boot[37])
{
    if (is_mine())
        memcpy(kept.it.boot, boot, sizeof(kept.it.boot));
}

bool nhi_phase_init(uint64_t *start)
{
    if (!is_mine() || kept.it.init_start == 0)
        return false;
    *start = kept.it.init_start;
    return true;
}

void nhi_phase_init_is(uint64_t start)
{
    if (is_mine())
        kept.it.init_start = start;
}

/* SPDX-License-Identifier: ISC */
/*
 * MUST: load what root has installed, under a path that is compiled in, and nothing that the environment or a caller of
 * su or sudo could choose: no search path is used for it, and its own libraries are looked for where it says (the
 * Makefile gives it a path that comes before that of the environment).
 */
#include "pam_nhi/decider.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"

/* Several threads of a host program may be here at once. */
static _Atomic(void *) loaded;

static const struct pnhi_decider *entry_of(void *handle)
{
    return dlsym(handle, PNHI_DECIDER_SYMBOL);
}

static bool is_ours(const struct pnhi_decider *d)
{
    return strncmp(d->version, PNHI_DECIDER_VERSION, sizeof(d->version)) == 0 && d->size == sizeof(struct pnhi_caller);
}

/* Whether the file ends where its header says, with the table of sections. The loader of the C library does not look,
 * and the first access behind the end of a file that was cut ends the host program. */
static enum nhi_err look_at_end(int fd)
{
    ElfW(Ehdr) h;
    struct stat st;

    if (fstat(fd, &st) != 0 || pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
        return NHI_ERR_CORRUPT;
    return memcmp(h.e_ident, ELFMAG, SELFMAG) == 0 && h.e_shoff > 0 && h.e_shoff <= (uint64_t)st.st_size &&
                   (uint64_t)h.e_shnum * h.e_shentsize <= (uint64_t)st.st_size - h.e_shoff
               ? NHI_OK
               : NHI_ERR_CORRUPT;
}

/* A file that somebody else could have written is not loaded. */
static enum nhi_err look_at_file(void)
{
    enum nhi_err err;
    int dir, fd;

    err = nhi_dir_borrow(PNHI_DECIDER_DIR, &dir);
    if (err != NHI_OK)
        return err;
    err = nhi_file_open(dir, PNHI_DECIDER_NAME, 0, &fd);
    if (err == NHI_OK) {
        err = look_at_end(fd);
        close(fd);
    }
    nhi_dir_return(dir);
    return err;
}

static void *load(char why[PNHI_WHY_MAX])
{
    enum nhi_err err = look_at_file();
    const struct pnhi_decider *d;
    const char *text = NULL;
    void *handle;

    if (err != NHI_OK) {
        snprintf(why, PNHI_WHY_MAX, PNHI_DECIDER_FILE ": %s", nhi_strerror(err));
        return NULL;
    }
    handle = dlopen(PNHI_DECIDER_FILE, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        text = dlerror();
        snprintf(why, PNHI_WHY_MAX, "%s", text != NULL ? text : PNHI_DECIDER_FILE ": cannot be loaded");
        return NULL;
    }
    d = entry_of(handle);
    if (d != NULL && is_ours(d))
        return handle;
    snprintf(why, PNHI_WHY_MAX, PNHI_DECIDER_FILE ": of another version than pam_nhi.so");
    (void)dlclose(handle);
    return NULL;
}

const struct pnhi_decider *pnhi_decider_load(char why[PNHI_WHY_MAX])
{
    void *handle = atomic_load(&loaded), *none = NULL;

    why[0] = '\0';
    if (handle != NULL)
        return entry_of(handle);
    handle = load(why);
    if (handle == NULL)
        return NULL;
    /* Another thread was faster: the same object, counted twice. */
    if (!atomic_compare_exchange_strong(&loaded, &none, handle))
        (void)dlclose(handle);
    return entry_of(handle);
}

/* libpam unloads this module after what the decider has left with the handle of PAM was cleaned up. */
__attribute__((destructor)) static void unload(void)
{
    void *handle = atomic_exchange(&loaded, NULL);

    if (handle != NULL)
        (void)dlclose(handle);
}

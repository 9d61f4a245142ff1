/* SPDX-License-Identifier: ISC */
/*
 * MUST: load what root has installed, and nothing that the environment or a caller of su or sudo could choose: no
 * search path is used for the object, and its own libraries are looked for where it says (the Makefile gives it a path
 * that comes before that of the environment).
 */
#include "libnhi/base/object.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/phase.h"

/* Whether the file ends where its header says, with the table of sections. The loader of the C library does not look,
 * and the first access behind the end of a file that was cut ends the host program. */
static enum nhi_err look_at_end(int fd, size_t size)
{
    ElfW(Ehdr) h;

    if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
        return NHI_ERR_CORRUPT;
    return memcmp(h.e_ident, ELFMAG, SELFMAG) == 0 && h.e_shoff > 0 && h.e_shoff <= size &&
                   (uint64_t)h.e_shnum * h.e_shentsize <= size - h.e_shoff
               ? NHI_OK
               : NHI_ERR_CORRUPT;
}

/* A file that somebody else could have written is not loaded. */
static enum nhi_err look_at_file(const char *in, const char *name)
{
    enum nhi_err err;
    size_t size;
    int dir, fd;

    err = nhi_dir_borrow(in, &dir);
    if (err != NHI_OK)
        return err;
    err = nhi_file_open_sized(dir, name, 0, &fd, &size);
    if (err == NHI_OK) {
        err = look_at_end(fd, size);
        close(fd);
    }
    nhi_dir_return(dir);
    return err;
}

void *nhi_object_load(const char *dir, const char *name, const char *symbol, const struct nhi_object **entry,
                      char why[NHI_OBJECT_WHY_MAX])
{
    enum nhi_err err = look_at_file(dir, name);
    char path[128];
    const char *text;
    void *handle, *library;

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        err = NHI_ERR_TOO_LONG;
    if (err != NHI_OK) {
        snprintf(why, NHI_OBJECT_WHY_MAX, "%.100s: %.50s", path, nhi_strerror(err));
        return NULL;
    }
    /* By its whole name first, since the loader would look for it in a dozen directories that hardly ever exist. */
    library = dlopen(NHI_OBJECT_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL)
        (void)dlclose(library);
    if (handle == NULL) {
        text = dlerror();
        snprintf(why, NHI_OBJECT_WHY_MAX, "%.*s", NHI_OBJECT_WHY_MAX - 1, text != NULL ? text : path);
        return NULL;
    }
    *entry = dlsym(handle, symbol);
    if (*entry != NULL && strncmp((*entry)->version, NHI_OBJECT_VERSION, sizeof((*entry)->version)) == 0)
        return handle;
    snprintf(why, NHI_OBJECT_WHY_MAX, "%.100s: of another version than what loads it", path);
    (void)dlclose(handle);
    return NULL;
}

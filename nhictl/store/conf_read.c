/* SPDX-License-Identifier: ISC */
/*
 * MUST: read only files that nobody but root could have written, unless the caller only inspects them.
 */
#include "nhictl/store/conf_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"

#define FILES_MAX 1000

struct files {
    char *name[FILES_MAX];
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_conf_file(const char *name)
{
    size_t len = strlen(name);

    return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

static int list_files(struct ctl *c, const char *path, int dir, struct files *files)
{
    int fd = dup(dir), code = CTL_DONE;
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;

    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", path, strerror(errno));
    }
    while (code == CTL_DONE) {
        errno = 0;
        e = readdir(d);
        /* A directory that is read in part could give a policy without its forbidding rules. */
        if (e == NULL && errno != 0)
            code = ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s; nothing was changed", path, strerror(errno));
        if (e == NULL)
            break;
        if (!is_conf_file(e->d_name))
            continue;
        if (files->count == FILES_MAX)
            code = ctl_fail(c, CTL_REFUSED, NULL, "more than %d files in %s", FILES_MAX, path);
        else if ((files->name[files->count] = strdup(e->d_name)) == NULL)
            code = ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
        else
            files->count++;
    }
    closedir(d);
    qsort(files->name, files->count, sizeof(*files->name), by_name);
    return code;
}

int conf_read_failed(struct ctl *c, const char *dir, const char *name, enum nhi_err err)
{
    char hint[300];

    snprintf(hint, sizeof(hint), "chown root: %s/%s; chmod go-w %s/%s", dir, name, dir, name);
    if (err == NHI_ERR_UNSAFE)
        return ctl_fail(c, CTL_REFUSED, hint,
                        "%s/%s: expected a regular file, not a link, that only root can write; nothing was changed",
                        dir, name);
    if (err == NHI_ERR_ARG)
        return ctl_fail(c, CTL_REFUSED, NULL, "%s/%s: expected a regular file", dir, name);
    if (err == NHI_ERR_TOO_LONG)
        return ctl_fail(c, CTL_REFUSED, NULL, "%s/%s: larger than 1 MiB; nothing was changed", dir, name);
    return ctl_fail(c, CTL_SYSTEM, NULL, "%s/%s: %s; nothing was changed", dir, name, nhi_strerror(err));
}

int conf_not_understood(struct ctl *c, const char *dir, const char *name, const struct nhi_conf_error *error)
{
    if (error->line == 0)
        return ctl_fail(c, CTL_REFUSED, NULL, "%s/%s: %s; nothing was changed", dir, name, error->text);
    return ctl_fail(c, CTL_REFUSED, NULL, "%s/%s:%u: %s; nothing was changed", dir, name, error->line, error->text);
}

/* Reads a file that anybody may have written, for a policy that is only inspected. */
static enum nhi_err read_any(int dir, const char *name, char **buf, unsigned long *len)
{
    char *text = malloc(NHI_CONF_FILE_MAX + 2);
    struct stat st;
    size_t n = 0;
    int fd;
    FILE *f;

    if (text == NULL)
        return NHI_ERR_NOMEM;
    fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    /* A FIFO without a writer would count as a policy without rules. */
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        free(text);
        return NHI_ERR_ARG;
    }
    f = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (f != NULL)
        n = fread(text, 1, NHI_CONF_FILE_MAX + 1, f);
    if (f == NULL || ferror(f)) {
        enum nhi_err err = nhi_err_from_errno(errno);

        if (f != NULL)
            fclose(f);
        else if (fd >= 0)
            close(fd);
        free(text);
        return err;
    }
    fclose(f);
    if (n > NHI_CONF_FILE_MAX) {
        free(text);
        return NHI_ERR_TOO_LONG;
    }
    text[n] = '\0';
    *buf = text;
    *len = n;
    return NHI_OK;
}

static int read_file(struct ctl *c, const struct conf_dir *d, int dir, const char *name)
{
    struct nhi_conf_error error = { .line = 0 };
    unsigned long len = 0;
    char *text = NULL;
    enum nhi_err err;

    err = d->trust == CONF_ANYBODYS ? read_any(dir, name, &text, &len)
                                    : nhi_file_read(dir, name, 0, NHI_CONF_FILE_MAX, &text, &len);
    if (err != NHI_OK)
        return conf_read_failed(c, d->path, name, err);
    err = d->take(d->to, name, text, len, &error);
    free(text);
    if (err == NHI_OK)
        return CTL_DONE;
    if (err != NHI_ERR_FORMAT)
        return conf_read_failed(c, d->path, name, err);
    return conf_not_understood(c, d->path, name, &error);
}

int conf_dir_failed(struct ctl *c, const char *path, enum nhi_err err)
{
    char hint[100];

    snprintf(hint, sizeof(hint), "chmod go-w %s", path);
    if (err == NHI_ERR_NOT_FOUND)
        return ctl_fail(c, CTL_SYSTEM, "nhictl init", "there is no directory %s", path);
    if (err == NHI_ERR_UNSAFE)
        return ctl_fail(c, CTL_REFUSED, hint, "users other than root can change %s or a directory above it", path);
    return ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", path, nhi_strerror(err));
}

static int open_dir(struct ctl *c, const char *path, enum conf_trust trust, bool *missing, int *dir)
{
    enum nhi_err err;

    if (trust == CONF_ANYBODYS) {
        *dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *dir >= 0 ? CTL_DONE : ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", path, strerror(errno));
    }
    err = nhi_dir_open(path, dir);
    if (err == NHI_ERR_NOT_FOUND && trust == CONF_MAY_MISS) {
        *missing = true;
        return CTL_DONE;
    }
    return err == NHI_OK ? CTL_DONE : conf_dir_failed(c, path, err);
}

int conf_read_dir(struct ctl *c, const struct conf_dir *d, bool *missing)
{
    struct files files = { .count = 0 };
    int dir = -1, code = open_dir(c, d->path, d->trust, missing, &dir);

    if (code != CTL_DONE || dir < 0)
        return code;
    code = list_files(c, d->path, dir, &files);
    for (size_t i = 0; i < files.count && code == CTL_DONE; i++)
        code = read_file(c, d, dir, files.name[i]);
    for (size_t i = 0; i < files.count; i++)
        free(files.name[i]);
    close(dir);
    return code;
}

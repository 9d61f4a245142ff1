/* SPDX-License-Identifier: ISC */
/*
 * setup: the present files, and a place to try the changed ones.
 */
#include "nhictl/setup/setup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "hostcfg/host_file.h"
#include "hostcfg/program.h"
#include "libnhi/base/paths.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"

#define FILE_MAX 262144
#define SCRATCH_PATH_MAX 512 /* a drop-in may have a long name */

/* ---- places ---- */

enum nhi_err setup_open_directory(const char *path, const char **name, int *fd)
{
    const char *slash = strrchr(path, '/');
    char dir[SCRATCH_PATH_MAX];

    snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
    *name = slash + 1;
    return nhi_dir_open(dir, fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    return at->level > 0 ? remove(path) : 0;
}

bool setup_make_parents(const char *path)
{
    char dir[SCRATCH_PATH_MAX];

    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
        if (mkdir(dir, 0700) != 0 && errno != EEXIST)
            return false;
    }
    return true;
}

int setup_begin(struct setup *s)
{
    s->lock = -1;
    if (mkdir(SETUP_SCRATCH, 0700) != 0 && errno != EEXIST)
        return ctl_fail(s->c, CTL_SYSTEM, NULL, "cannot make " SETUP_SCRATCH ": %s", strerror(errno));
    if (nhi_dir_open(SETUP_SCRATCH, &s->lock) != NHI_OK)
        return ctl_fail(s->c, CTL_SYSTEM, NULL, SETUP_SCRATCH " is not a directory that only root can write");
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
        /* Its content belongs to the other run. */
        close(s->lock);
        s->lock = -1;
        return ctl_fail(s->c, CTL_REFUSED, "wait for it", "another nhictl setup is running; nothing was changed");
    }
    if (nftw(SETUP_SCRATCH, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return ctl_fail(s->c, CTL_SYSTEM, NULL, "cannot empty " SETUP_SCRATCH ": %s", strerror(errno));
    return CTL_DONE;
}

void setup_end(struct setup *s)
{
    for (size_t i = 0; i < s->count; i++)
        for (size_t v = 0; v < SETUP_VIEWS; v++)
            free(s->file[i].text[v]);
    if (s->lock < 0)
        return;
    (void)nftw(SETUP_SCRATCH, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    close(s->lock);
}

int setup_scratch(struct setup *s, const char *name, const char *text)
{
    char path[SCRATCH_PATH_MAX];
    enum nhi_err err;
    int fd;

    snprintf(path, sizeof(path), SETUP_SCRATCH "/%s", name);
    err = setup_make_parents(path) ? setup_open_directory(path, &name, &fd) : NHI_ERR_SYS;
    if (err == NHI_OK) {
        err = nhi_file_replace(fd, name, 0440, text, strlen(text));
        close(fd);
    }
    return err == NHI_OK ? CTL_DONE : ctl_fail(s->c, CTL_SYSTEM, NULL, "cannot write %s: %s", path, nhi_strerror(err));
}

/* ---- reading ---- */

enum nhi_err setup_read_file(const char *path, char **text)
{
    unsigned long len = 0;
    const char *name;
    enum nhi_err err;
    int fd;

    err = setup_open_directory(path, &name, &fd);
    if (err != NHI_OK)
        return err;
    err = nhi_file_read(fd, name, 0, FILE_MAX, text, &len);
    close(fd);
    if (err == NHI_OK && strlen(*text) != len) {
        free(*text);
        *text = NULL;
        err = NHI_ERR_FORMAT;
    }
    return err;
}

int setup_add(struct setup *s, const struct wiring_service *w, const char *path, mode_t mode, struct setup_file **to)
{
    struct setup_file *f = &s->file[s->count];
    enum nhi_err err;

    if (s->count == SETUP_FILES_MAX)
        return ctl_fail(s->c, CTL_SYSTEM, NULL, "too many files");
    *f = (struct setup_file){ .service = w, .mode = mode };
    snprintf(f->path, sizeof(f->path), "%s", path);
    if (lstat(path, &f->st) == 0 && S_ISLNK(f->st.st_mode))
        return ctl_fail(s->c, CTL_REFUSED, NULL,
                        "%s is a symbolic link, so another program manages it: nothing was changed", path);
    err = setup_read_file(path, &f->text[SETUP_NOW]);
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return ctl_fail(s->c, err == NHI_ERR_UNSAFE ? CTL_REFUSED : CTL_SYSTEM, NULL, "%s: %s; nothing was changed",
                        path, nhi_strerror(err));
    *to = f;
    s->count++;
    return CTL_DONE;
}

/* As the program that uses it reads it: whoever may write it, and wherever a link leads. */
static char *read_of_others(const char *path)
{
    struct file_text lines;
    char *text = NULL;
    size_t len = 0;
    FILE *f;

    if (file_text_read(path, false, &lines) != NHI_OK)
        return NULL;
    f = out_must(open_memstream(&text, &len));
    for (size_t i = 0; i < lines.count; i++)
        fprintf(f, "%s\n", lines.line[i].text);
    if (fclose(f) != 0)
        out_must(NULL);
    file_text_free(&lines);
    return out_must(text);
}

char *setup_read(const struct setup *s, const char *path, enum setup_view view)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->file[i].path, path) == 0)
            return s->file[i].text[view] != NULL ? out_must(strdup(s->file[i].text[view])) : NULL;
    return read_of_others(path);
}

/* ---- the difference ---- */

bool setup_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool setup_changes(const struct setup_file *f)
{
    return !setup_same_text(f->text[SETUP_NOW], f->text[SETUP_THEN]);
}

bool setup_is_ours(const struct setup_file *f)
{
    return setup_changes(f) || !setup_same_text(f->text[SETUP_NOW], f->text[SETUP_CLEAN]);
}

char *setup_diff(struct setup *s, const struct setup_file *f)
{
    const char *const argv[] = { "/usr/bin/diff",
                                 "-u",
                                 "--label",
                                 f->text[SETUP_NOW] != NULL ? f->path : "/dev/null",
                                 "--label",
                                 f->text[SETUP_THEN] != NULL ? f->path : "/dev/null",
                                 SETUP_SCRATCH "/diff/now",
                                 SETUP_SCRATCH "/diff/then",
                                 NULL };
    char *said = NULL;

    if (setup_scratch(s, "diff/now", f->text[SETUP_NOW] != NULL ? f->text[SETUP_NOW] : "") != CTL_DONE ||
        setup_scratch(s, "diff/then", f->text[SETUP_THEN] != NULL ? f->text[SETUP_THEN] : "") != CTL_DONE)
        return out_must(strdup(""));
    (void)program_run(argv, &said);
    return said;
}

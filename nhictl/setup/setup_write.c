/* SPDX-License-Identifier: ISC */
/*
 * setup: saving files, and replacing them.
 */
#include "nhictl/setup/setup_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/setup/setup_file.h"

/* ---- backups ---- */

/* Removes what a killed run has left beside a file. */
static void sweep(const char *path)
{
    const char *name;
    int fd;

    if (setup_open_directory(path, &name, &fd) != NHI_OK)
        return;
    nhi_file_sweep(fd, name);
    close(fd);
}

void setup_backup_path(const struct setup_file *f, char path[128])
{
    snprintf(path, 128, SETUP_BACKUPS "%s", f->path);
}

bool setup_has_backup(const struct setup_file *f, bool *same)
{
    char path[128], *text = NULL;
    bool has;

    setup_backup_path(f, path);
    has = setup_read_file(path, &text) == NHI_OK;
    *same = has && setup_same_text(text, f->text[SETUP_CLEAN]);
    free(text);
    return has;
}

bool setup_is_edited(const struct setup *s, const struct setup_file *f)
{
    bool same;

    return s->undo && setup_has_backup(f, &same) && !same;
}

bool setup_keeps_backup(const struct setup *s, const struct setup_file *f)
{
    if (s->undo)
        return setup_is_edited(s, f);
    /* For a file that is only ours, nothing needs to be kept. */
    return setup_is_ours(f) && f->text[SETUP_NOW] != NULL && f->text[SETUP_CLEAN] != NULL;
}

static enum nhi_err put_like(const char *path, const char *like, bool dated, const char *text)
{
    enum nhi_err err;
    const char *name;
    int fd, model = open(like, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);

    if (model < 0)
        return nhi_err_from_errno(errno);
    err = setup_open_directory(path, &name, &fd);
    if (err == NHI_OK) {
        err = nhi_file_replace_like(fd, name, model, dated, text);
        close(fd);
    }
    close(model);
    return err;
}

/* Keeps the file as it is without us. */
static enum nhi_err keep(const struct setup_file *f)
{
    char path[128];
    bool same;

    if (setup_has_backup(f, &same) && same)
        return NHI_OK;
    setup_backup_path(f, path);
    if (!setup_make_parents(path))
        return nhi_err_from_errno(errno);
    return put_like(path, f->path, setup_same_text(f->text[SETUP_CLEAN], f->text[SETUP_NOW]), f->text[SETUP_CLEAN]);
}

/* Also removes what a killed run has left there, and directories that are empty then. */
static void drop_backup(const struct setup_file *f)
{
    char path[128], *slash;

    setup_backup_path(f, path);
    (void)unlink(path);
    sweep(path);
    while ((slash = strrchr(path, '/')) != NULL && strlen(path) > strlen(SETUP_BACKUPS)) {
        *slash = '\0';
        if (rmdir(path) != 0 && errno != ENOENT)
            break;
    }
}

/* ---- writing ---- */

/* For people: a read-only file system, or a file that must not change, would otherwise be just a failed call. */
static const char *why(enum nhi_err err)
{
    return err == NHI_ERR_SYS && errno != 0 ? strerror(errno) : nhi_strerror(err);
}

static enum nhi_err remove_file(const char *path)
{
    const char *name;
    enum nhi_err err;
    int fd;

    err = setup_open_directory(path, &name, &fd);
    if (err != NHI_OK)
        return err;
    if (unlinkat(fd, name, 0) != 0 || fsync(fd) != 0)
        err = nhi_err_from_errno(errno);
    close(fd);
    return err;
}

static enum nhi_err make_file(const struct setup_file *f, const char *text)
{
    const char *name;
    enum nhi_err err;
    int fd;

    err = setup_open_directory(f->path, &name, &fd);
    if (err != NHI_OK)
        return err;
    err = nhi_file_replace(fd, name, f->mode, text, strlen(text));
    close(fd);
    return err;
}

static bool is_as_read(const struct setup_file *f)
{
    struct stat st;

    if (lstat(f->path, &st) != 0)
        return errno == ENOENT && f->text[SETUP_NOW] == NULL;
    return f->text[SETUP_NOW] != NULL && st.st_ino == f->st.st_ino && st.st_size == f->st.st_size &&
           st.st_mtim.tv_sec == f->st.st_mtim.tv_sec && st.st_mtim.tv_nsec == f->st.st_mtim.tv_nsec;
}

/* Restores what was kept, with its time, unless its owner was changed meanwhile. */
static enum nhi_err put_back(const struct setup_file *f, enum setup_view view)
{
    char path[128];
    struct stat st;
    bool same;

    setup_backup_path(f, path);
    if (setup_has_backup(f, &same) && same && stat(path, &st) == 0 && st.st_mode == f->st.st_mode &&
        st.st_uid == f->st.st_uid && st.st_gid == f->st.st_gid)
        return put_like(f->path, path, true, f->text[view]);
    return put_like(f->path, f->path, false, f->text[view]);
}

int setup_write(struct setup *s, struct setup_file *f)
{
    enum nhi_err err = NHI_OK;

    sweep(f->path);
    errno = 0;
    if (setup_changes(f) && !is_as_read(f))
        return ctl_fail(s->c, CTL_REFUSED, "run the command again", "%s has just been changed by another program",
                        f->path);
    if (setup_changes(f) && setup_keeps_backup(s, f) && !s->undo)
        err = keep(f);
    if (err != NHI_OK)
        return ctl_fail(s->c, CTL_SYSTEM, NULL, "cannot save %s in " SETUP_BACKUPS ": %s", f->path, why(err));
    if (setup_changes(f)) {
        if (f->text[SETUP_THEN] == NULL)
            err = remove_file(f->path);
        else if (f->text[SETUP_NOW] == NULL)
            err = make_file(f, f->text[SETUP_THEN]);
        else if (s->undo)
            err = put_back(f, SETUP_THEN);
        else
            err = put_like(f->path, f->path, false, f->text[SETUP_THEN]);
    }
    if (err != NHI_OK)
        return ctl_fail(s->c, CTL_SYSTEM, NULL, "cannot write %s: %s", f->path, why(err));
    return CTL_DONE;
}

void setup_settle(const struct setup_file *f)
{
    bool same;

    if (!setup_has_backup(f, &same) || same)
        drop_backup(f);
}

int setup_restore(struct setup *s, const struct setup_file *f)
{
    bool was_clean = setup_same_text(f->text[SETUP_NOW], f->text[SETUP_CLEAN]);
    enum nhi_err err;

    if (!setup_changes(f))
        return CTL_DONE;
    if (f->text[SETUP_NOW] == NULL)
        err = remove_file(f->path);
    else if (f->text[SETUP_THEN] == NULL)
        err = make_file(f, f->text[SETUP_NOW]);
    else if (was_clean)
        err = put_back(f, SETUP_NOW);
    else
        err = put_like(f->path, f->path, false, f->text[SETUP_NOW]);
    if (err == NHI_OK && was_clean)
        setup_settle(f);
    return err == NHI_OK ? CTL_DONE
                         : ctl_fail(s->c, CTL_SYSTEM, NULL, "cannot restore %s: %s", f->path, nhi_strerror(err));
}

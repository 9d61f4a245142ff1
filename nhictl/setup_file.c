/*
 * setup: reading files, keeping them, and putting others in their place.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libnhi/paths.h"
#include "nhictl/ctl.h"
#include "nhictl/program.h"
#include "nhictl/setup.h"

#define FILE_MAX 262144

/* ---- places ---- */

static void split(const char *path, char dir[128], const char **name)
{
    const char *slash = strrchr(path, '/');

    snprintf(dir, 128, "%.*s", (int)(slash - path), path);
    *name = slash + 1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    return at->level > 0 ? remove(path) : 0;
}

/* Makes what is missing of the path to a file. */
static bool make_parents(const char *path)
{
    char dir[160];

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
        return ctl_fail(s->c, CTL_SYSTEM, NULL, SETUP_SCRATCH " is not a directory of root's alone");
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
        return ctl_fail(s->c, CTL_REFUSED, NULL, "another nhictl setup is at work");
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
    char path[160], dir[128];
    enum nhi_err err;
    int fd;

    snprintf(path, sizeof(path), SETUP_SCRATCH "/%s", name);
    split(path, dir, &name);
    err = make_parents(path) ? nhi_dir_open(dir, &fd) : NHI_ERR_SYS;
    if (err == NHI_OK) {
        err = nhi_file_replace(fd, name, 0440, text, strlen(text));
        close(fd);
    }
    return err == NHI_OK ? CTL_DONE
                         : ctl_fail(s->c, CTL_SYSTEM, NULL, "cannot write %s: %s", path, nhi_strerror(err));
}

/* ---- reading ---- */

static enum nhi_err read_file(const char *path, char **text)
{
    unsigned long len = 0;
    const char *name;
    char dir[128];
    enum nhi_err err;
    int fd;

    split(path, dir, &name);
    err = nhi_dir_open(dir, &fd);
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
                        "%s is a symbolic link, so something else looks after that file: nothing was changed", path);
    err = read_file(path, &f->text[SETUP_NOW]);
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return ctl_fail(s->c, err == NHI_ERR_UNSAFE ? CTL_REFUSED : CTL_SYSTEM, NULL, "%s: %s; nothing was changed",
                        path, nhi_strerror(err));
    *to = f;
    s->count++;
    return CTL_DONE;
}

char *setup_read(const struct setup *s, const char *path, enum setup_view view)
{
    char *text = NULL;

    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->file[i].path, path) == 0)
            return s->file[i].text[view] != NULL ? out_must(strdup(s->file[i].text[view])) : NULL;
    return read_file(path, &text) == NHI_OK ? text : NULL;
}

/* ---- the difference ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool setup_changes(const struct setup_file *f)
{
    return !same_text(f->text[SETUP_NOW], f->text[SETUP_THEN]);
}

bool setup_is_ours(const struct setup_file *f)
{
    return setup_changes(f) || !same_text(f->text[SETUP_NOW], f->text[SETUP_CLEAN]);
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

/* ---- backups ---- */

/* What a run that was killed has left beside a file. */
static void sweep(const char *path)
{
    char dir[128], temp[160];
    const char *name;

    split(path, dir, &name);
    snprintf(temp, sizeof(temp), "%s/.%s.new", dir, name);
    (void)unlink(temp);
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
    has = read_file(path, &text) == NHI_OK;
    *same = has && same_text(text, f->text[SETUP_CLEAN]);
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
    /* There is nothing to be kept of one that is ours alone. */
    return setup_is_ours(f) && f->text[SETUP_NOW] != NULL && f->text[SETUP_CLEAN] != NULL;
}

static enum nhi_err put_like(const char *path, const char *like, bool dated, const char *text)
{
    enum nhi_err err;
    const char *name;
    char dir[128];
    int fd, model = open(like, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);

    if (model < 0)
        return nhi_err_from_errno(errno);
    split(path, dir, &name);
    err = nhi_dir_open(dir, &fd);
    if (err == NHI_OK) {
        err = nhi_file_replace_like(fd, name, model, dated, text, strlen(text));
        close(fd);
    }
    close(model);
    return err;
}

/* What the file is without us. */
static enum nhi_err keep(const struct setup_file *f)
{
    char path[128];
    bool same;

    if (setup_has_backup(f, &same) && same)
        return NHI_OK;
    setup_backup_path(f, path);
    if (!make_parents(path))
        return nhi_err_from_errno(errno);
    return put_like(path, f->path, same_text(f->text[SETUP_CLEAN], f->text[SETUP_NOW]), f->text[SETUP_CLEAN]);
}

/* And what a run that was killed has left there; with the directories that are empty then. */
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

static enum nhi_err remove_file(const char *path)
{
    const char *name;
    char dir[128];
    enum nhi_err err;
    int fd;

    split(path, dir, &name);
    err = nhi_dir_open(dir, &fd);
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
    char dir[128];
    enum nhi_err err;
    int fd;

    split(f->path, dir, &name);
    err = nhi_dir_open(dir, &fd);
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

/* Back to what was kept, with its time, unless somebody has given it to others since. */
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
    if (setup_changes(f) && !is_as_read(f))
        return ctl_fail(s->c, CTL_REFUSED, "run it again", "%s was changed by somebody else just now", f->path);
    if (setup_changes(f) && setup_keeps_backup(s, f) && !s->undo)
        err = keep(f);
    if (err == NHI_OK && setup_changes(f)) {
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
        return ctl_fail(s->c, CTL_SYSTEM, NULL, "cannot write %s: %s", f->path, nhi_strerror(err));
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
    bool was_clean = same_text(f->text[SETUP_NOW], f->text[SETUP_CLEAN]);
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
                         : ctl_fail(s->c, CTL_SYSTEM, NULL, "cannot put %s back: %s", f->path, nhi_strerror(err));
}

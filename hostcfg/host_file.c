/* SPDX-License-Identifier: ISC */
/*
 * MUST: not hang on a FIFO, not read an endless file, not run anything that users other than root can write.
 */
#include "hostcfg/host_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "nhictl/say/out.h"

#define PATIENCE 5 /* seconds */

/* ---- reading ---- */

static enum nhi_err read_all(int fd, char **out, size_t *len)
{
    char *text = out_must(malloc(FILE_TEXT_MAX + 2));
    size_t have = 0;
    ssize_t n = 1;

    while (n != 0 && have <= FILE_TEXT_MAX) {
        n = read(fd, text + have, FILE_TEXT_MAX + 1 - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(text);
            return NHI_ERR_SYS;
        }
        have += (size_t)n;
    }
    text[have] = '\0';
    *out = text;
    *len = have;
    return NHI_OK;
}

static void add_line(struct file_text *f, int number, const char *text, size_t len)
{
    f->line = out_grow(f->line, &f->room, f->count + 1, sizeof(*f->line));
    f->line[f->count++] = (struct file_line){ number, out_must(strndup(text, len)) };
}

/* Appends to the last line, which has bytes of text so far. */
static void extend(struct file_text *f, size_t have, const char *text, size_t len)
{
    struct file_line *last = &f->line[f->count - 1];

    last->text = out_must(realloc(last->text, have + len + 1));
    memcpy(last->text + have, text, len);
    last->text[have + len] = '\0';
}

/* # without a number after it: sudoers takes a number for a uid. */
static bool is_comment(const char *text, size_t len)
{
    size_t at = 0;

    while (at < len && (text[at] == ' ' || text[at] == '\t'))
        at++;
    return at < len && text[at] == '#' && (at + 1 == len || text[at + 1] < '0' || text[at + 1] > '9');
}

static void split(struct file_text *f, const char *text, size_t len, bool joined)
{
    const char *end = text + len;
    bool more = false;
    size_t have = 0;

    for (int number = 1; text < end; number++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((newline != NULL ? newline : end) - text), use;
        bool goes_on = joined && n > 0 && text[n - 1] == '\\' && (more || !is_comment(text, n));

        use = strnlen(text, goes_on ? n - 1 : n);
        if (more) {
            extend(f, have, text, use);
        } else {
            add_line(f, number, text, use);
            have = 0;
        }
        have += use;
        more = goes_on;
        text += n + 1;
    }
}

enum nhi_err file_text_read(const char *path, bool joined, struct file_text *out)
{
    struct stat st;
    enum nhi_err err = NHI_OK;
    char *text = NULL;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    memset(out, 0, sizeof(*out));
    if (fd < 0)
        return nhi_err_from_errno(errno);
    if (fstat(fd, &st) != 0)
        err = NHI_ERR_SYS;
    else if (!S_ISREG(st.st_mode))
        err = NHI_ERR_FORMAT;
    if (err == NHI_OK)
        err = read_all(fd, &text, &len);
    if (err == NHI_OK && len > FILE_TEXT_MAX)
        err = NHI_ERR_TOO_LONG;
    if (err == NHI_OK) {
        out->path = out_must(strdup(path));
        split(out, text, len, joined);
    }
    free(text);
    close(fd);
    return err;
}

void file_text_free(struct file_text *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->line[i].text);
    free(f->line);
    free(f->path);
    memset(f, 0, sizeof(*f));
}

char *file_bare(char *text)
{
    size_t len;

    text[strcspn(text, "#")] = '\0';
    text += strspn(text, " \t\r\f\v");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r\f\v", text[len - 1]) != NULL)
        text[--len] = '\0';
    return text;
}

char *file_word(char **at)
{
    char *word = *at + strspn(*at, " \t\r\f\v");
    size_t len = strcspn(word, " \t\r\f\v");

    if (len == 0)
        return NULL;
    *at = word + len + (word[len] != '\0');
    word[len] = '\0';
    return word;
}

bool file_is_of_cron(const char *name)
{
    static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

    return name[0] != '\0' && name[strspn(name, known)] == '\0';
}

/* ---- who can write it ---- */

enum nhi_err file_guarded(const char *path)
{
    char *real = realpath(path, NULL), *slash;
    enum nhi_err err;
    struct stat st;
    int fd = -1;

    if (real == NULL)
        return nhi_err_from_errno(errno);
    slash = strrchr(real, '/');
    if (slash == NULL || slash[1] == '\0') {
        free(real);
        return NHI_ERR_ARG;
    }
    *slash = '\0';
    err = nhi_dir_open(slash == real ? "/" : real, &fd);
    if (err == NHI_OK && fstatat(fd, slash + 1, &st, AT_SYMLINK_NOFOLLOW) != 0)
        err = nhi_err_from_errno(errno);
    else if (err == NHI_OK && (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0))
        err = NHI_ERR_UNSAFE;
    if (fd >= 0)
        close(fd);
    free(real);
    return err;
}

/* ---- running ---- */

static void become(char *const argv[], int out, int err)
{
    char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
    char *const environment[] = { path, locale, NULL };
    int null = open("/dev/null", O_RDONLY);

    if (null >= 0 && dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2) {
        /* The alarm stays set after exec. */
        alarm(PATIENCE);
        execve(argv[0], argv, environment);
    }
    _exit(127);
}

static enum nhi_err take(int fd, char **out)
{
    size_t len;

    if (lseek(fd, 0, SEEK_SET) != 0)
        return NHI_ERR_SYS;
    return read_all(fd, out, &len);
}

enum nhi_err file_run(char *const argv[], char **out, char **err, int *status)
{
    enum nhi_err failed = file_guarded(argv[0]);
    int to = -1, to_err = -1, how = 0;
    pid_t pid = -1;

    *out = *err = NULL;
    *status = 127;
    if (failed != NHI_OK)
        return failed;
    /* Files rather than pipes, so that no program waits for another. */
    to = memfd_create("out", MFD_CLOEXEC);
    to_err = memfd_create("err", MFD_CLOEXEC);
    if (to >= 0 && to_err >= 0)
        pid = fork();
    if (pid == 0)
        become(argv, to, to_err);
    failed = pid > 0 ? NHI_OK : NHI_ERR_SYS;
    while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR)
        continue;
    if (failed == NHI_OK && WIFEXITED(how))
        *status = WEXITSTATUS(how);
    if (failed == NHI_OK)
        failed = take(to, out);
    if (failed == NHI_OK)
        failed = take(to_err, err);
    if (to >= 0)
        close(to);
    if (to_err >= 0)
        close(to_err);
    return failed;
}

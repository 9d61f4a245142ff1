/* SPDX-License-Identifier: ISC */
/*
 * Not by fgetgrent_r, which asks the kernel for its position at each line, and parses every one.
 */
#include "libnhi/check/local_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/grow.h"

#define ROOM 16384 /* for a start */
#define LINE_MAX_BYTES (1u << 20)
#define BLANKS " \t\v\f\r"

/* ---- fields ---- */

static bool is_blank(char c)
{
    return c != '\0' && strchr(BLANKS, c) != NULL;
}

static void skip_blanks(struct nhi_line *l)
{
    while (l->at < l->end && is_blank(*l->at))
        l->at++;
}

/* The text up to the separator, or all of it. */
static struct nhi_line take_until(struct nhi_line *l, char separator)
{
    const char *stop = memchr(l->at, separator, (size_t)(l->end - l->at));
    struct nhi_line field = { l->at, stop != NULL ? stop : l->end };

    l->at = stop != NULL ? stop + 1 : l->end;
    return field;
}

/* As the C library reads it: after any blanks, with a sign or without, and of 32 bits. */
static bool take_number(struct nhi_line *l, uint32_t *out)
{
    struct nhi_line f = take_until(l, ':');
    bool minus = false;
    uint64_t n = 0;

    skip_blanks(&f);
    if (f.at < f.end && (*f.at == '-' || *f.at == '+'))
        minus = *f.at++ == '-';
    if (f.at == f.end)
        return false;
    for (; f.at < f.end; f.at++) {
        if (*f.at < '0' || *f.at > '9' || n > UINT32_MAX)
            return false;
        n = n * 10 + (uint64_t)(*f.at - '0');
    }
    *out = (uint32_t)n;
    return n <= UINT32_MAX && (n == 0 || !minus);
}

bool nhi_line_equals(struct nhi_line line, const char *text)
{
    size_t len = strlen(text);

    return (size_t)(line.end - line.at) == len && memcmp(line.at, text, len) == 0;
}

/* Without leading blanks and what follows a NUL. false: nothing, or a comment. */
static bool trim(struct nhi_line *l)
{
    const char *nul = memchr(l->at, '\0', (size_t)(l->end - l->at));

    if (nul != NULL)
        l->end = nul;
    skip_blanks(l);
    return l->at < l->end && *l->at != '#';
}

bool nhi_line_is_group(struct nhi_line line, struct nhi_local_group *out)
{
    if (!trim(&line))
        return false;
    out->name = take_until(&line, ':');
    (void)take_until(&line, ':');
    if (!take_number(&line, &out->gid))
        return false;
    out->members = line;
    return true;
}

bool nhi_local_group_lists(const struct nhi_local_group *g, const char *member)
{
    struct nhi_line rest = g->members, one;

    while (rest.at < rest.end) {
        one = take_until(&rest, ',');
        skip_blanks(&one);
        if (nhi_line_equals(one, member))
            return true;
    }
    return false;
}

bool nhi_line_is_account(struct nhi_line line, const char *name, uint32_t *uid, uint32_t *gid)
{
    uint32_t u, g;

    if (!trim(&line) || !nhi_line_equals(take_until(&line, ':'), name))
        return false;
    (void)take_until(&line, ':');
    if (!take_number(&line, &u) || !take_number(&line, &g))
        return false;
    *uid = u;
    *gid = g;
    return true;
}

/* ---- the file ---- */

/* A part of the file: begins with a line, and ends anywhere. */
struct part {
    char *text;
    size_t room, have;
    const struct nhi_lines *which;
    bool first[256]; /* of a line that is wanted for its first letter */
    enum nhi_err (*fn)(struct nhi_line, void *);
    void *ctx;
};

static void choose_letters(struct part *p)
{
    for (const char *c = BLANKS; *c != '\0'; c++)
        p->first[(unsigned char)*c] = p->which->letters[0] != '\0';
    for (const char *c = p->which->letters; *c != '\0'; c++)
        p->first[(unsigned char)*c] = true;
}

/* Where the word is next; the end of the text: nowhere. */
static const char *find_word(const struct part *p, const char *from, const char *end)
{
    const char *word = p->which->word, *hit;

    hit = memmem(from, (size_t)(end - from), word, strlen(word));
    return hit != NULL ? hit : end;
}

/* Takes all whole lines, and with last also what follows them; moves the rest to the front. */
static enum nhi_err take_lines(struct part *p, bool last)
{
    const char *at = p->text, *end = p->text + p->have, *hit = at, *stop;
    enum nhi_err err = NHI_OK;

    while (err == NHI_OK && at < end) {
        stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL && !last)
            break;
        if (stop == NULL)
            stop = end;
        if ((size_t)(stop - at) > LINE_MAX_BYTES)
            return NHI_ERR_TOO_LONG;
        if (p->which->word != NULL && hit <= at)
            hit = find_word(p, at, end);
        if (p->which->word == NULL || hit < stop || p->first[(unsigned char)*at])
            err = p->fn((struct nhi_line){ at, stop }, p->ctx);
        at = stop < end ? stop + 1 : end;
    }
    p->have = (size_t)(end - at);
    memmove(p->text, at, p->have);
    return err;
}

static enum nhi_err grow(struct part *p)
{
    char *more;

    if (p->have < p->room)
        return NHI_OK;
    if (p->room > LINE_MAX_BYTES)
        return NHI_ERR_TOO_LONG;
    more = nhi_grow(p->text, &p->room, p->room + 1, 1);
    if (more == NULL)
        return NHI_ERR_NOMEM;
    p->text = more;
    return NHI_OK;
}

/* A read that is not full and reaches the size of the file has reached its end. */
static enum nhi_err read_all(int fd, off_t size, struct part *p)
{
    enum nhi_err err = NHI_OK;
    bool last = false;
    off_t have = 0;
    size_t room;
    ssize_t n;

    while (err == NHI_OK && !last) {
        room = p->room - p->have;
        n = read(fd, p->text + p->have, room);
        if (n < 0 && errno != EINTR)
            return NHI_ERR_SYS;
        if (n > 0) {
            p->have += (size_t)n;
            have += n;
        }
        last = n == 0 || (n > 0 && (size_t)n < room && size > 0 && have >= size);
        err = take_lines(p, last);
        if (err == NHI_OK)
            err = grow(p);
    }
    return err;
}

/* Another file in its place must not make a host process wait. */
static enum nhi_err open_file(const char *file, int *fd, off_t *size)
{
    int f = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (f < 0)
        return NHI_ERR_SYS;
    if (fstat(f, &st) == 0 && S_ISREG(st.st_mode)) {
        *fd = f;
        *size = st.st_size;
        return NHI_OK;
    }
    close(f);
    errno = EINVAL;
    return NHI_ERR_SYS;
}

enum nhi_err nhi_lines_each(const struct nhi_lines *which, enum nhi_err (*fn)(struct nhi_line, void *), void *ctx)
{
    struct part p = { .text = malloc(ROOM), .room = ROOM, .which = which, .fn = fn, .ctx = ctx };
    enum nhi_err err = p.text != NULL ? NHI_OK : NHI_ERR_NOMEM;
    int fd = -1, cause;
    off_t size = 0;

    choose_letters(&p);
    if (err == NHI_OK)
        err = open_file(which->file, &fd, &size);
    if (err == NHI_OK)
        err = read_all(fd, size, &p);
    cause = errno;
    if (fd >= 0)
        close(fd);
    free(p.text);
    errno = cause;
    return err;
}

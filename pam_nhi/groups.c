/* SPDX-License-Identifier: ISC */
#include "pam_nhi/groups.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP_FILE "/etc/group"

enum { ONLY, OBSERVED, GROUPS };
/* Both begin with the same letter. */
static const char *const groups[GROUPS] = { "nhi-only", "nhi-observe" };

enum { NAME, PASSWORD, GID, MEMBERS }; /* group(5) */

/* The position in a line of any length, and which names have matched so far. */
struct line {
    const char *name; /* of the account */
    gid_t gid;
    int field;
    size_t at;         /* position in the field; in the last field, in the member */
    bool fits[GROUPS]; /* matches the name of the group */
    bool is_member;    /* matches the name of the account */
    bool is_number;    /* the gid: has digits only */
    unsigned long long number;
    bool has[GROUPS]; /* the result over all lines */
};

static void begin_line(struct line *l)
{
    l->field = NAME;
    l->at = 0;
    l->fits[ONLY] = l->fits[OBSERVED] = true;
}

static void begin_member(struct line *l)
{
    l->at = 0;
    l->is_member = true;
}

static void say_has(struct line *l)
{
    for (int i = 0; i < GROUPS; i++)
        l->has[i] = l->has[i] || l->fits[i];
}

static void end_field(struct line *l)
{
    if (l->field == NAME)
        for (int i = 0; i < GROUPS; i++)
            l->fits[i] = l->fits[i] && groups[i][l->at] == '\0';
    if (l->field == GID && l->at > 0 && l->is_number && l->number == l->gid)
        say_has(l);
    if (l->field == MEMBERS && l->at > 0 && l->is_member && l->name[l->at] == '\0')
        say_has(l);
}

static void take_gid(struct line *l, char c)
{
    if (l->at == 0) {
        l->is_number = true;
        l->number = 0;
    }
    if (c < '0' || c > '9')
        l->is_number = false;
    else if (l->number <= UINT32_MAX)
        l->number = l->number * 10 + (unsigned)(c - '0');
    l->at++;
}

/* A NUL is an ordinary character. Like libc, this skips blanks before a name. */
static void take(struct line *l, char c)
{
    if ((l->field == NAME || l->field == MEMBERS) && l->at == 0 && (c == ' ' || c == '\t'))
        return;
    if (l->field == GID) {
        take_gid(l, c);
        return;
    }
    if (l->field == NAME)
        for (int i = 0; i < GROUPS; i++)
            l->fits[i] = l->fits[i] && l->at < strlen(groups[i]) && groups[i][l->at] == c;
    if (l->field == MEMBERS)
        l->is_member = l->is_member && l->at < strlen(l->name) && l->name[l->at] == c;
    l->at++;
}

static void put(struct line *l, char c)
{
    if (c == '\n') {
        end_field(l);
        begin_line(l);
    } else if (c == ':' && l->field < MEMBERS) {
        end_field(l);
        l->field++;
        begin_member(l);
    } else if (c == ',' && l->field == MEMBERS) {
        end_field(l);
        begin_member(l);
    } else {
        take(l, c);
    }
}

static ssize_t read_some(int fd, char *buf, size_t size)
{
    ssize_t n;

    do
        n = read(fd, buf, size);
    while (n < 0 && errno == EINTR);
    return n;
}

/* A line of another group: from within it to the next line that may be one of these groups. end: in the next part. */
static const char *skip(struct line *l, const char *at, const char *end)
{
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL)
        if (++at == end || *at == groups[ONLY][0] || *at == ' ' || *at == '\t') {
            begin_line(l);
            return at;
        }
    return end;
}

static void take_part(struct line *l, const char *at, const char *end)
{
    while (at < end)
        if (l->fits[ONLY] || l->fits[OBSERVED])
            put(l, *at++);
        else
            at = skip(l, at, end);
}

static enum nhi_err scan(int fd, struct line *l)
{
    struct stat st;
    char buf[16384];
    off_t have = 0;
    ssize_t n;

    if (fstat(fd, &st) != 0)
        return NHI_ERR_SYS;
    if (!S_ISREG(st.st_mode))
        return NHI_ERR_UNSAFE;
    begin_line(l);
    while ((n = read_some(fd, buf, sizeof(buf))) > 0) {
        take_part(l, buf, buf + n);
        have += n;
        /* A read that is not full and reaches the size of the file has reached its end. */
        if (n < (ssize_t)sizeof(buf) && st.st_size > 0 && have >= st.st_size)
            break;
    }
    if (n < 0)
        return NHI_ERR_SYS;
    put(l, '\n');
    return NHI_OK;
}

void pnhi_groups_read(const char *name, uid_t uid, gid_t gid, struct pnhi_groups *out, int *cause)
{
    struct line l = { .name = name, .gid = gid };
    enum nhi_err err;
    int fd;

    fd = open(GROUP_FILE, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    err = fd >= 0 ? scan(fd, &l) : errno == ENOENT ? NHI_ERR_NOT_FOUND : NHI_ERR_SYS;
    *cause = errno;
    if (fd >= 0)
        close(fd);
    /* A match that was found before the error counts. */
    out->only = l.has[ONLY] ? NHI_PRESENT : err == NHI_OK ? NHI_ABSENT : nhi_presence_of(err, *cause);
    if (uid == 0)
        out->only = NHI_ABSENT;
    out->observed = l.has[OBSERVED];
}

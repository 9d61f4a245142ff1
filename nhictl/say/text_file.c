/* SPDX-License-Identifier: ISC */
/*
 * MUST: buffers that held a ticket are wiped. MUST: only the caller can read a written file, from its first byte on.
 */
#include "nhictl/say/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/key/paserk.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/hold.h"

#define NOT_A_FILE (-1) /* different from all values of errno */
#define LINKS_MAX 40
#define READ_MAX (NHI_TICKET_READ_MAX + 2) /* and one line end */

/* Reads until the end or until the buffer is full. -1: errno says why. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
    size_t have = 0;

    while (have < size) {
        ssize_t n = read(fd, buf + have, size - have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

int text_read(struct ctl *c, const char *file, char **text, size_t *len)
{
    char *buf;
    ssize_t n = -1;
    int fd, code = CTL_DONE;

    if (strncmp(file, NHI_TICKET_PREFIX, strlen(NHI_TICKET_PREFIX)) == 0)
        return ctl_fail(c, CTL_USAGE, "./FILE, or - for standard input",
                        "tickets are read from a file, never from the command line");
    buf = calloc(1, READ_MAX + 2);
    if (buf == NULL)
        return ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
    fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0)
        n = read_all(fd, buf, READ_MAX + 1);
    if (n < 0)
        code = ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", file, strerror(errno));
    else if (n > READ_MAX)
        code = ctl_fail(c, CTL_REFUSED, NULL, "%s is too long to be a ticket", file);
    if (fd > STDIN_FILENO)
        close(fd);
    if (code == CTL_DONE) {
        if (n > 0 && buf[n - 1] == '\n')
            buf[--n] = '\0';
        if (n > 0 && buf[n - 1] == '\r')
            buf[--n] = '\0';
        *text = buf;
        *len = (size_t)n;
        return CTL_DONE;
    }
    nhi_wipe(buf, READ_MAX + 2);
    free(buf);
    return code;
}

int text_write_failed(struct ctl *c, const char *file, int why)
{
    return ctl_fail(c, CTL_SYSTEM, NULL, "cannot write %s: %s", file,
                    why == NOT_A_FILE ? "it exists and is not a regular file"
                    : why == ELOOP    ? "its path contains a link that another user made"
                                      : strerror(why));
}

/* A link that another user could have made would choose where root writes: only root's own are followed. Puts its
 * target before rest, the remaining path. Returns 0 or a value of errno. */
static int follow(int fd, uid_t owner, char rest[PATH_MAX], unsigned *links)
{
    char target[PATH_MAX], joined[PATH_MAX];
    ssize_t n;

    if ((owner != 0 && owner != geteuid()) || ++*links > LINKS_MAX)
        return ELOOP;
    n = readlinkat(fd, "", target, sizeof(target) - 1);
    if (n < 0)
        return errno;
    target[n] = '\0';
    if (snprintf(joined, sizeof(joined), "%s/%s", target, rest) >= (int)sizeof(joined))
        return ENAMETOOLONG;
    memcpy(rest, joined, strlen(joined) + 1);
    return 0;
}

/* Enters one component of a path, and closes at. -1: errno says why. */
static int step(int at, const char *name, char rest[PATH_MAX], unsigned *links)
{
    struct stat st = { .st_mode = 0 };
    int why = 0, fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0)
        why = errno;
    if (why == 0 && !S_ISLNK(st.st_mode)) {
        close(at);
        return fd;
    }
    if (why == 0)
        why = follow(fd, st.st_uid, rest, links);
    if (fd >= 0)
        close(fd);
    if (why == 0 && rest[0] != '/')
        return at;
    close(at);
    errno = why;
    return why == 0 ? open("/", O_PATH | O_CLOEXEC) : -1;
}

int text_directory(const char *file, const char **name)
{
    const char *slash = strrchr(file, '/');
    char rest[PATH_MAX], component[PATH_MAX];
    unsigned links = 0;
    int at;

    *name = slash != NULL ? slash + 1 : file;
    if (slash == NULL)
        slash = file;
    if ((size_t)(slash - file) >= sizeof(rest)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(rest, file, (size_t)(slash - file));
    rest[slash - file] = '\0';
    at = open(file[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (at >= 0) {
        char *from = rest + strspn(rest, "/");
        size_t len = strcspn(from, "/");

        if (len == 0)
            break;
        memcpy(component, from, len);
        component[len] = '\0';
        memmove(rest, from + len, strlen(from + len) + 1);
        at = step(at, component, rest, &links);
    }
    return at;
}

int text_need_new(struct ctl *c, const char *file, bool force)
{
    struct stat st;

    if (file == NULL || strcmp(file, "-") == 0 || force || lstat(file, &st) != 0 || !S_ISREG(st.st_mode))
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, "another name, or --force to replace it", "%s exists", file);
}

bool text_holds_ticket(const char *file)
{
    char begin[sizeof(NHI_TICKET_PREFIX) - 1];
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    bool holds = fd >= 0 && read_all(fd, begin, sizeof(begin)) == (ssize_t)sizeof(begin) &&
                 memcmp(begin, NHI_TICKET_PREFIX, sizeof(begin)) == 0;

    if (fd >= 0)
        close(fd);
    return holds;
}

struct text_piece {
    const char *data;
    size_t len;
};

/* A file that has its name now keeps it after a power failure. If the directory cannot be flushed, nothing more can be
 * done. */
static int keep_name(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed = 0;

    if (fd < 0)
        return errno == EACCES ? 0 : errno;
    if (fsync(fd) != 0 && errno != EINVAL)
        failed = errno;
    close(fd);
    return failed;
}

static int put(int dir, const char *name, const struct text_piece pieces[2], mode_t mode)
{
    struct nhi_new_file n = { .fd = -1 };
    struct stat st;
    int failed = 0;

    /* A link that another user put there would be replaced unnoticed; it is better to report it. */
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
        return NOT_A_FILE;
    if (nhi_file_begin(dir, name, &n) != NHI_OK)
        return errno;
    for (size_t i = 0; i < 2 && failed == 0; i++)
        failed = nhi_file_write(n.fd, pieces[i].data, pieces[i].len) == NHI_OK ? 0 : errno;
    if (failed == 0 && (fchmod(n.fd, mode) != 0 || fsync(n.fd) != 0 || nhi_file_end(dir, name, &n) != NHI_OK))
        failed = errno;
    nhi_file_drop(dir, &n);
    return failed == 0 ? keep_name(dir) : failed;
}

/* As systemd reports it in the environment, and if sudo removed that, by the other end of the socket. */
static bool is_journal(int fd)
{
    static const char dir[] = "/run/systemd/journal"; /* journald's; with .NAME, that of a namespace */
    struct sockaddr_un peer = { .sun_family = AF_UNSPEC };
    socklen_t len = sizeof(peer) - 1;
    const char *said = getenv("JOURNAL_STREAM"), *slash;
    char is[64] = "";
    struct stat st;

    if (fstat(fd, &st) == 0)
        snprintf(is, sizeof(is), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    if (said != NULL && strcmp(said, is) == 0)
        return true;
    if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0 || peer.sun_family != AF_UNIX)
        return false;
    slash = strrchr(peer.sun_path, '/');
    return strncmp(peer.sun_path, dir, strlen(dir)) == 0 && slash != NULL && strcmp(slash, "/stdout") == 0;
}

int text_may_print(struct ctl *c, const char *hint)
{
    if (!is_journal(STDOUT_FILENO))
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, hint, "standard output is the journal, where group adm could read the ticket");
}

void text_remove(const char *file)
{
    const char *name;
    int dir = text_directory(file, &name);

    if (dir >= 0 && *name != '\0')
        (void)unlinkat(dir, name, 0);
    if (dir >= 0)
        close(dir);
}

static int write_pieces(struct ctl *c, const char *file, const struct text_piece pieces[2], mode_t mode)
{
    struct hold held = { .on = false };
    const char *name;
    int dir, failed;

    dir = text_directory(file, &name);
    if (dir < 0)
        return text_write_failed(c, file, errno);
    errno = 0;
    /* Ctrl-C leaves all of it done or nothing. */
    hold_begin(&held);
    failed = *name == '\0' ? EISDIR : put(dir, name, pieces, mode);
    hold_end(&held);
    close(dir);
    return failed == 0 ? CTL_DONE : text_write_failed(c, file, failed);
}

int text_write(struct ctl *c, const char *file, const char *text, mode_t mode)
{
    const struct text_piece pieces[2] = { { text, strlen(text) }, { "\n", 1 } };

    return write_pieces(c, file, pieces, mode);
}

int text_write_bytes(struct ctl *c, const char *file, const void *data, size_t len, mode_t mode)
{
    const struct text_piece pieces[2] = { { data, len }, { "", 0 } };

    return write_pieces(c, file, pieces, mode);
}

/* SPDX-License-Identifier: ISC */
/*
 * The host around nhi: whether programs resolve agents, and what the kernel does for their sessions.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "hostcfg/host_text.h"
#include "hostcfg/wiring.h"
#include "libnhi/base/paths.h"
#include "libnhi/session/cgroup.h"
#include "nhictl/agent/range.h"
#include "nhictl/doctor/doctor.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/out.h"
#include "nhictl/status/platform.h"

#define MODULE "libnss_nhi.so.2"
#define CONTAINER "in a container, the host that runs it has to allow it"

/* ---- nsswitch ---- */

/* The line of a database, with the text after its name in *sources, in place. NULL: no such line. */
static const struct file_line *line_of(const struct file_text *f, const char *database, char **copy, char **sources)
{
    size_t len = strlen(database);

    for (size_t i = 0; i < f->count; i++) {
        char *text = out_must(strdup(f->line[i].text)), *bare = file_bare(text);

        if (strncmp(bare, database, len) == 0 && bare[len + strspn(bare + len, " \t")] == ':') {
            *copy = text;
            *sources = strchr(bare, ':') + 1;
            return &f->line[i];
        }
        free(text);
    }
    return NULL;
}

/* The line with our source in the place where setup would put it. */
static char *with_ours(const char *database, const char *sources)
{
    char *text = out_say("passwd:%s\ngroup:%s\n", sources, sources), *line = NULL, *whole;
    const char *missing;
    char *wired = setup_text_nss(text, &missing);

    if (wired != NULL)
        line = setup_text_nss_line(wired, "passwd");
    whole = out_say("%s:%s", database, line != NULL ? line : " files " WIRING_NSS_SOURCE);
    free(line);
    free(wired);
    free(text);
    return whole;
}

/* An action that ends the search for a name that was not found. */
static bool ends_search(const char *word)
{
    return word[0] == '[' &&
           (strcasestr(word, "NOTFOUND=return") != NULL || strcasestr(word, "!SUCCESS=return") != NULL ||
            strcasestr(word, "!UNAVAIL=return") != NULL);
}

static void look_at_order(struct doctor *d, const struct file_text *f, const struct file_line *line,
                          const char *database, char *sources)
{
    bool ours = false, local[2] = { false, false }, unreachable = false; /* local: before our source, and after it */
    char *word;

    while ((word = file_word(&sources)) != NULL) {
        ours = ours || strcmp(word, WIRING_NSS_SOURCE) == 0;
        local[ours] = local[ours] || strcmp(word, "files") == 0 || strcmp(word, "compat") == 0;
        unreachable = unreachable || (!ours && ends_search(word));
    }
    if (unreachable)
        finding_add(&d->found, FINDING_ERROR, "nss-unreachable", location_of_line(f->path, line),
                    out_say("the action before " WIRING_NSS_SOURCE " ends the search: programs do not find agents"),
                    out_say("put " WIRING_NSS_SOURCE " before the source that the action belongs to"));
    else if (local[1] && !local[0])
        finding_add(&d->found, FINDING_WARNING, "nss-order", location_of_line(f->path, line),
                    out_say("agents are always looked up before the accounts of this host"),
                    out_say("write instead: %s: files " WIRING_NSS_SOURCE " …", database));
}

static void look_at_database(struct doctor *d, const struct file_text *f, const char *id, const char *database,
                             bool needed)
{
    char *copy = NULL, *sources = NULL, *all;
    const struct file_line *line = line_of(f, database, &copy, &sources);
    bool has = false;

    if (line != NULL || needed) {
        char *words = out_must(strdup(sources != NULL ? sources : "")), *at = words, *word;

        while ((word = file_word(&at)) != NULL)
            has = has || strcmp(word, WIRING_NSS_SOURCE) == 0;
        free(words);
    }
    if (has) {
        look_at_order(d, f, line, database, sources);
    } else if (line != NULL || needed) {
        all = with_ours(database, sources != NULL ? sources : " files");
        finding_add(&d->found, FINDING_ERROR, id, location_of_line(WIRING_NSSWITCH, line),
                    out_say("programs do not find agents, or the groups that they are in"),
                    out_say("%s: %s", line != NULL ? "write instead" : "add", all));
        free(all);
    }
    free(copy);
}

/* The directory of libc's own modules, which is that of libc. */
static char *libc_dir(void)
{
    struct file_text f = { .count = 0 };
    char *dir = NULL;

    if (file_text_read("/proc/self/maps", false, &f) == NHI_OK)
        for (size_t i = 0; i < f.count && dir == NULL; i++) {
            char *path = strchr(f.line[i].text, '/');

            if (path == NULL || strstr(path, "/libc.so.6") == NULL)
                continue;
            *strrchr(path, '/') = '\0';
            dir = out_must(strdup(path));
        }
    file_text_free(&f);
    return dir;
}

static void look_at_module(struct doctor *d)
{
    char *dir = libc_dir(), *path;

    if (dir == NULL)
        return;
    path = out_say("%s/" MODULE, dir);
    if (access(path, F_OK) != 0 && strncmp(path, "/usr/", 5) != 0) {
        char *other = out_say("/usr%s", path);

        free(path);
        path = other;
    }
    if (access(path, F_OK) != 0)
        finding_add(&d->found, FINDING_ERROR, "nss-module-missing", location_of_file(path),
                    out_say(WIRING_NSSWITCH " names " WIRING_NSS_SOURCE
                                            " but the module is missing: programs do not find agents"),
                    out_say("install it (make install)"));
    else
        (void)findings_check_guard(&d->found, "nss-module-writable", path, "a module that every program loads");
    free(path);
    free(dir);
}

static void look_at_nss(struct doctor *d)
{
    struct file_text f = { .count = 0 };
    enum nhi_err err = file_text_read(WIRING_NSSWITCH, false, &f);

    if (err == NHI_OK)
        (void)findings_check_guard(&d->found, "nss-writable", WIRING_NSSWITCH, "where programs look for accounts");
    for (const char *const *name = wiring_nss_databases; *name != NULL; name++)
        look_at_database(d, &f, strcmp(*name, "passwd") == 0 ? "nss-passwd" : "nss-group", *name, true);
    /* If it exists, login uses it instead of group. */
    look_at_database(d, &f, "nss-initgroups", "initgroups", false);
    if (!findings_have(&d->found, "nss-passwd"))
        look_at_module(d);
    file_text_free(&f);
}

static bool nscd_keeps(const char *database)
{
    struct file_text f = { .count = 0 };
    bool keeps = true;

    if (file_text_read("/etc/nscd.conf", false, &f) != NHI_OK)
        return true;
    for (size_t i = 0; i < f.count; i++) {
        char *at = file_bare(f.line[i].text), *word = file_word(&at), *what = word == NULL ? NULL : file_word(&at),
             *is = what == NULL ? NULL : file_word(&at);

        if (is != NULL && strcmp(word, "enable-cache") == 0 && strcmp(what, database) == 0)
            keeps = strcmp(is, "no") != 0;
    }
    file_text_free(&f);
    return keeps;
}

static void look_at_nscd(struct doctor *d)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/run/nscd/socket" };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool runs = fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0;

    if (fd >= 0)
        close(fd);
    if (runs && (nscd_keeps("passwd") || nscd_keeps("group")))
        finding_add(&d->found, FINDING_WARNING, "nscd-keeps", location_of_file("/etc/nscd.conf"),
                    out_say("after a change, nscd answers with the old agents for some minutes"),
                    out_say("write there: enable-cache passwd no, and: enable-cache group no; or run after a change: "
                            "nscd -i passwd -i group"));
}

/* ---- the kernel ---- */

static void look_at_sessions(struct doctor *d)
{
    bool audit = platform_has_audit();

    if (audit)
        return;
    if (nhi_cgroup_is_systemds())
        finding_of_file(
            &d->found, FINDING_WARNING, "platform-audit", "/proc/self/loginuid",
            "no audit sessions: processes left behind by a double fork outlive a session of su, sudo or cron",
            CONTAINER " (CAP_AUDIT_CONTROL)");
    else if (nhi_cgroup_usable() != NHI_OK)
        finding_of_file(
            &d->found, FINDING_WARNING, "platform-descent", "/proc/self/loginuid",
            "neither audit sessions nor cgroups for sessions: processes left behind by a double fork outlive them",
            CONTAINER " (CAP_AUDIT_CONTROL), or mount cgroup2 at /sys/fs/cgroup");
}

/* Whether the kernel, or a container's filter of system calls, does not have the call at all. */
static bool is_refused(long result)
{
    return result < 0 && (errno == ENOSYS || errno == EPERM || errno == EACCES);
}

static void look_at_calls(struct doctor *d)
{
    long fd = syscall(SYS_pidfd_open, getpid(), 0);

    if (fd >= 0)
        close((int)fd);
    else if (is_refused(fd))
        finding_of_file(&d->found, FINDING_ERROR, "platform-pidfd", "/proc/self",
                        "pidfd_open(2) is refused: sessions cannot be ended", "use Linux 5.3 or later; " CONTAINER);
    /* KEYCTL_DESCRIBE without a key: a kernel with keyrings reports that the key does not exist. */
    if (is_refused(syscall(SYS_keyctl, 6, 0, 0, 0)))
        finding_of_file(&d->found, FINDING_NOTE, "platform-keyring", "/proc/keys",
                        "keyctl(2) is refused: nhictl run cannot hand its command a ticket for sudo and su", CONTAINER);
}

/* A record of a grant begins as a file without a name. */
static void look_at_records(struct doctor *d)
{
    const char *dir = NHI_STATE_DIR "/" NHI_GRANTS_DIR;
    int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
    else if (errno == EOPNOTSUPP)
        finding_of_file(&d->found, FINDING_ERROR, "platform-tmpfile", dir,
                        "no grant can be recorded: this file system does not support O_TMPFILE",
                        "put " NHI_STATE_DIR " on ext4, xfs, btrfs or tmpfs");
}

static void look_at_range(struct doctor *d)
{
    const struct nhi_settings *set = &d->s.set;

    if (d->s.l != NULL && !range_is_mapped(set->uid_min, set->uid_max))
        finding_add(&d->found, FINDING_ERROR, "platform-uid-map", location_of_file("/proc/self/uid_map"),
                    out_say("the agents' uids, %u to %u, are not all mapped into this user namespace", set->uid_min,
                            set->uid_max),
                    out_say("map them in the configuration of the container"));
}

static void look_at_unit(struct doctor *d)
{
    static const char *const wants[] = { "/etc/systemd/system/multi-user.target.wants/nhi-watch.service",
                                         "/run/systemd/system/multi-user.target.wants/nhi-watch.service",
                                         "/usr/lib/systemd/system/multi-user.target.wants/nhi-watch.service" };
    struct stat st;

    if (!nhi_cgroup_is_systemds())
        return;
    for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
        if (lstat(wants[i], &st) == 0)
            return;
    finding_of_file(&d->found, FINDING_WARNING, "watch-not-enabled", wants[0],
                    "the supervisor does not start with the host: after a reboot agents are denied",
                    "run: systemctl enable --now nhi-watch");
}

void doctor_host(struct doctor *d)
{
    look_at_nss(d);
    look_at_nscd(d);
    look_at_sessions(d);
    look_at_calls(d);
    look_at_records(d);
    look_at_range(d);
    look_at_unit(d);
}

/* SPDX-License-Identifier: ISC */
/*
 * How sshd is started: an option on its command line overrides its files, and sshd -T knows nothing of it. Packages add
 * one with a drop-in of the unit, as EC2 Instance Connect does.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcfg/wiring.h"
#include "nhictl/doctor/doctor_sshd_started.h"
#include "nhictl/say/out.h"

#define KEYWORD "AuthorizedKeysCommand"

/* Whether a command line gives sshd another command for keys than ours. */
static bool asks_another(const char *text)
{
    for (const char *at = text; (at = strcasestr(at, KEYWORD)) != NULL; at += strlen(KEYWORD)) {
        const char *value = at + strlen(KEYWORD);

        /* AuthorizedKeysCommandUser is a different keyword. */
        if (*value != '=' && *value != ' ' && *value != '\t')
            continue;
        value += strspn(value, "= \t\"'");
        if (strncmp(value, WIRING_SSHD_HELPER, strlen(WIRING_SSHD_HELPER)) != 0)
            return true;
    }
    return false;
}

static void find(struct doctor *d, struct location at)
{
    finding_add(&d->found, FINDING_ERROR, "sshd-command-line", at,
                out_say("sshd is started with " KEYWORD
                        " on its command line, which overrides its files: keys that have a ticket open nothing"),
                out_say("make the command named there also run: %s", strchr(WIRING_SSHD_COMMAND, '/')));
}

static void look_at_file(struct doctor *d, const char *path, const char *key)
{
    struct file_text f = { .count = 0 };

    if (file_text_read(path, true, &f) == NHI_OK)
        for (size_t i = 0; i < f.count; i++) {
            char *copy = out_must(strdup(f.line[i].text));

            if (strncmp(file_bare(copy), key, strlen(key)) == 0 && asks_another(copy))
                find(d, location_of_line(path, &f.line[i]));
            free(copy);
        }
    file_text_free(&f);
}

static void look_at_units(struct doctor *d)
{
    static const char *const dirs[] = { "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                                        "/usr/lib/systemd/system" };
    static const char *const units[] = { "ssh.service",           "ssh@.service",          "sshd.service",
                                         "sshd@.service",         "ssh.service.d/*.conf",  "ssh@.service.d/*.conf",
                                         "sshd.service.d/*.conf", "sshd@.service.d/*.conf" };

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        for (size_t k = 0; k < sizeof(units) / sizeof(units[0]); k++) {
            char *pattern = out_say("%s/%s", dirs[i], units[k]);
            glob_t found = { .gl_pathc = 0 };

            (void)glob(pattern, 0, NULL, &found);
            for (size_t n = 0; n < found.gl_pathc; n++)
                look_at_file(d, found.gl_pathv[n], "ExecStart");
            globfree(&found);
            free(pattern);
        }
    look_at_file(d, "/etc/default/ssh", "SSHD_OPTS");
}

/* The options of one process; sshd shows them in its title. */
static void look_at_process(struct doctor *d, const char *pid)
{
    char *path = out_say("/proc/%s/cmdline", pid), text[4096];
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        n = read(fd, text, sizeof(text) - 1);
        close(fd);
    }
    for (ssize_t i = 0; i < n; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    text[n > 0 ? n : 0] = '\0';
    if ((strncmp(text, "sshd:", 5) == 0 || strncmp(text, "/usr/sbin/sshd", 14) == 0) && asks_another(text))
        find(d, (struct location){ .file = path, .text = text });
    free(path);
}

/* Only root's: every user can give a process such a title. */
static bool is_roots(const char *pid)
{
    char *path = out_say("/proc/%s", pid);
    struct stat st;
    bool is = stat(path, &st) == 0 && st.st_uid == 0;

    free(path);
    return is;
}

static void look_at_processes(struct doctor *d)
{
    DIR *dir = opendir("/proc");
    const struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL)
        if (isdigit((unsigned char)e->d_name[0]) && is_roots(e->d_name))
            look_at_process(d, e->d_name);
    if (dir != NULL)
        closedir(dir);
}

/* If the units have the option for the next start as well, the process need not be named. */
void doctor_sshd_started(struct doctor *d)
{
    look_at_units(d);
    if (!findings_have(&d->found, "sshd-command-line"))
        look_at_processes(d);
}

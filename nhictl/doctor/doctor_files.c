/* SPDX-License-Identifier: ISC */
/*
 * Owners and modes of nhi's files.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/state/bound.h"
#include "nhictl/doctor/doctor.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/out.h"

struct file {
    const char *path;
    mode_t most, least; /* bits that are allowed, and bits that are required */
    const char *id, *why;
};

static const struct file files[] = {
    { NHI_STATE_DIR, 0755, 0555, "perm-state", "users other than root can replace the ledger" },
    { NHI_STATE_DIR "/" NHI_LEDGER_FILE, 0600, 0600, "perm-ledger",
      "users other than root can read or write the data behind decisions" },
    { NHI_STATE_DIR "/" NHI_LEDGER_FILE "-wal", 0600, 0600, "perm-ledger",
      "users other than root can read or write the data behind decisions" },
    { NHI_STATE_DIR "/" NHI_LEDGER_FILE "-shm", 0600, 0600, "perm-ledger",
      "users other than root can read or write the data behind decisions" },
    { NHI_STATE_DIR "/" NHI_RESERVE_FILE, 0600, 0600, "perm-reserve",
      "users other than root can revoke, or undo a revocation: the reserve is not used, and agents are denied" },
    { NHI_STATE_DIR "/" NHI_NOTES_FILE, 0600, 0600, "perm-reserve",
      "users other than root can change who revoked something and why: reasons are not kept for the ledger" },
    { NHI_STATE_DIR "/" NHI_BOUND_FILE, 0600, 0600, "perm-state",
      "users other than root can see or change which keys are those of agents" },
    { NHI_STATE_DIR "/" NHI_GRANTS_DIR, 0700, 0700, "perm-grants",
      "users other than root can see or change what was granted" },
    { NHI_STATE_DIR "/" NHI_KEYS_DIR, 0700, 0700, "perm-keys",
      "users other than root can look for keys that sign tickets" },
    { NHI_SNAPSHOT_PATH, 0644, 0444, "perm-snapshot",
      "everybody must be able to read the accounts, and only root may write them: programs cannot resolve agents" },
    { NHI_SNAPSHOT_QUICK, 0644, 0444, "perm-snapshot",
      "everybody must be able to read the accounts, and only root may write them: programs cannot resolve agents" },
    { NHI_PUBLIC_DIR, 0755, 0555, "perm-run", "users other than root can change what programs know of agents" },
    { NHI_CONF_DIR, 0755, 0, "perm-conf", "users other than root can change what agents may do" },
    { NHI_CONF_DIR "/" NHI_CONF_FILE, 0755, 0, "perm-conf", "users other than root can change what agents may do" },
    { NHI_CONF_DIR "/" NHI_POLICY_DIR, 0755, 0, "perm-conf", "users other than root can change what agents may do" },
    { NHI_CONF_DIR "/" NHI_AGENTS_DIR, 0755, 0, "perm-conf", "users other than root can declare agents" },
    { NHI_RUN_DIR, 0700, 0700, "perm-run", "users other than root can see or change who is in a session" },
    { NHI_RUN_DIR "/sessions", 0700, 0700, "perm-run", "users other than root can see or change who is in a session" },
};

static void look(struct doctor *d, const struct file *f)
{
    struct stat st, to;
    mode_t mode;

    if (lstat(f->path, &st) != 0)
        return;
    /* A directory may be elsewhere if root has put a link in its place. */
    if (S_ISLNK(st.st_mode) && st.st_uid == 0 && stat(f->path, &to) == 0 && S_ISDIR(to.st_mode))
        st = to;
    mode = st.st_mode & 07777;
    if (st.st_uid == 0 && (mode & ~f->most) == 0 && (mode & f->least) == f->least && !S_ISLNK(st.st_mode))
        return;
    finding_add(
        &d->found, FINDING_ERROR, f->id, location_of_file(f->path), out_say("%s", f->why),
        out_say("run: chown root:root %s && chmod %04o %s", f->path, (unsigned)((mode & f->most) | f->least), f->path));
}

/* Checks each file in the directory whose name ends with end. */
static void look_in(struct doctor *d, const char *dir, const char *end, struct file like)
{
    const struct dirent *e;
    DIR *at = opendir(dir);

    while (at != NULL && (e = readdir(at)) != NULL) {
        size_t len = strlen(e->d_name), n = strlen(end);
        char *path;

        if (len <= n || strcmp(e->d_name + len - n, end) != 0)
            continue;
        path = out_say("%s/%s", dir, e->d_name);
        like.path = path;
        look(d, &like);
        free(path);
    }
    if (at != NULL)
        closedir(at);
}

/* This program, which root runs. */
static void look_at_program(struct doctor *d)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (len <= 0)
        return;
    path[len] = '\0';
    (void)findings_check_guard(&d->found, "perm-program", path, "nhictl, which root runs");
}

void doctor_files(struct doctor *d)
{
    const struct file secret = { NULL, 0600, 0600, "perm-secret",
                                 "users other than root can sign tickets of this host" };
    const struct file conf = { NULL, 0755, 0, "perm-conf", "users other than root can change what agents may do" };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        look(d, &files[i]);
    look_in(d, NHI_STATE_DIR "/" NHI_KEYS_DIR, ".secret", secret);
    look_in(d, NHI_CONF_DIR "/" NHI_POLICY_DIR, ".conf", conf);
    look_in(d, NHI_CONF_DIR "/" NHI_AGENTS_DIR, ".conf", conf);
    look_at_program(d);
}

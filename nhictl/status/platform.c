/* SPDX-License-Identifier: ISC */
#include "nhictl/status/platform.h"

#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "libnhi/session/cgroup.h"
#include "libnhi/session/session.h"
#include "nhictl/say/ctl.h"

/* Determined, once, by a process that does what a login does, and then ends. */
bool platform_has_audit(void)
{
    static bool asked, has;
    int status = -1;
    pid_t pid;

    if (asked)
        return has;
    pid = fork();
    if (pid == 0)
        _exit(nhi_proc_new_audit(getuid()) == NHI_OK ? 0 : 1);
    has = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
    asked = true;
    return has;
}

void platform_show(struct out_row *r)
{
    bool audit = platform_has_audit();

    if (nhi_cgroup_is_systemds())
        out_text(r, "sessions_known_by", "sessions known by",
                 audit ? "audit session, scope of logind" : "scope of logind, descent");
    else if (nhi_cgroup_usable() == NHI_OK)
        out_text(r, "sessions_known_by", "sessions known by", audit ? "audit session, cgroup" : "cgroup, descent");
    else
        out_text(r, "sessions_known_by", "sessions known by", audit ? "audit session" : "descent");
}

void platform_attention(struct ctl *c)
{
    if (platform_has_audit())
        return;
    if (nhi_cgroup_is_systemds())
        out_string(c->out,
                   "this host has no audit sessions: processes left behind by a double fork outlive a session of su, "
                   "sudo or cron");
    else if (nhi_cgroup_usable() != NHI_OK)
        out_string(c->out,
                   "this host has neither audit sessions nor cgroups for sessions: processes left behind by a double "
                   "fork outlive them");
}

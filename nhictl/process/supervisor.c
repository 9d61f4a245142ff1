/* SPDX-License-Identifier: ISC */
#include "nhictl/process/supervisor.h"

#include <stdio.h>

#include "libnhi/base/paths.h"

struct supervisor supervisor_look(void)
{
    struct supervisor p;

    p.is = nhi_heartbeat_see(NHI_RUN_DIR, &p.why, &p.age);
    return p;
}

const char *supervisor_state(const struct supervisor *p)
{
    switch (p->is) {
    case NHI_SUPERVISOR_LIVE:
        return "alive";
    case NHI_SUPERVISOR_NONE:
        return "not running";
    case NHI_SUPERVISOR_STALE:
        return "stopped";
    case NHI_SUPERVISOR_OTHER:
        return "of another release";
    case NHI_SUPERVISOR_BLIND:
        return "cannot see";
    }
    return "not running";
}

const char *supervisor_text(const struct supervisor *p, char buf[SUPERVISOR_TEXT_MAX])
{
    switch (p->is) {
    case NHI_SUPERVISOR_STALE:
        snprintf(buf, SUPERVISOR_TEXT_MAX, "the supervisor has not looked for %lld seconds", (long long)p->age);
        return buf;
    case NHI_SUPERVISOR_OTHER:
        return "the running supervisor is from another release, and ends nothing";
    case NHI_SUPERVISOR_BLIND:
        snprintf(buf, SUPERVISOR_TEXT_MAX, "the supervisor cannot read the ledger or the sessions (%s)",
                 nhi_strerror(p->why));
        return buf;
    case NHI_SUPERVISOR_LIVE:
    case NHI_SUPERVISOR_NONE:
        break;
    }
    return "the supervisor is not running";
}

const char *supervisor_hint(const struct supervisor *p)
{
    switch (p->is) {
    case NHI_SUPERVISOR_OTHER:
        return "systemctl restart nhi-watch, or restart nhictl watch";
    case NHI_SUPERVISOR_STALE:
    case NHI_SUPERVISOR_BLIND:
        return "systemctl status nhi-watch";
    case NHI_SUPERVISOR_LIVE:
    case NHI_SUPERVISOR_NONE:
        break;
    }
    return "systemctl enable --now nhi-watch, or keep nhictl watch running in another way";
}

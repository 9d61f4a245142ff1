#include "nhictl/process/pulse.h"

#include <stdio.h>

#include "libnhi/base/paths.h"

struct pulse pulse_see(void)
{
    struct pulse p;

    p.is = nhi_heartbeat_see(NHI_RUN_DIR, &p.why, &p.age);
    return p;
}

const char *pulse_word(const struct pulse *p)
{
    switch (p->is) {
    case NHI_PULSE_LIVE:
        return "alive";
    case NHI_PULSE_NONE:
        return "not running";
    case NHI_PULSE_STALE:
        return "stopped";
    case NHI_PULSE_OTHER:
        return "of another release";
    case NHI_PULSE_BLIND:
        return "cannot see";
    }
    return "not running";
}

const char *pulse_text(const struct pulse *p, char buf[PULSE_TEXT_MAX])
{
    switch (p->is) {
    case NHI_PULSE_STALE:
        snprintf(buf, PULSE_TEXT_MAX, "the supervisor has not looked for %lld seconds", (long long)p->age);
        return buf;
    case NHI_PULSE_OTHER:
        return "the running supervisor is from another release, and ends nothing";
    case NHI_PULSE_BLIND:
        snprintf(buf, PULSE_TEXT_MAX, "the supervisor cannot read the ledger or the sessions (%s)",
                 nhi_strerror(p->why));
        return buf;
    case NHI_PULSE_LIVE:
    case NHI_PULSE_NONE:
        break;
    }
    return "the supervisor is not running";
}

const char *pulse_hint(const struct pulse *p)
{
    switch (p->is) {
    case NHI_PULSE_OTHER:
        return "systemctl restart nhi-watch, or restart nhictl watch";
    case NHI_PULSE_STALE:
    case NHI_PULSE_BLIND:
        return "systemctl status nhi-watch";
    case NHI_PULSE_LIVE:
    case NHI_PULSE_NONE:
        break;
    }
    return "systemctl enable --now nhi-watch, or keep nhictl watch running in another way";
}

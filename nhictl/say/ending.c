/* SPDX-License-Identifier: ISC */
#include "nhictl/say/ending.h"

#include <string.h>

static const struct {
    const char *noun, *verb;
} all[] = {
    { NULL, "revoke" },  { NULL, "restore" },     { "agent", "suspend" }, { "agent", "retire" },
    { "task", "close" }, { "owner", "offboard" }, { "session", "kill" },  { "session", "end" },
    { "key", "retire" }, { "key", "revoke" },     { "lockdown", "on" },   { "audit", "archive" },
};

bool verb_ends(const struct verb *v)
{
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i].verb, v->verb) == 0 &&
            (all[i].noun == NULL ? v->noun == NULL : v->noun != NULL && strcmp(all[i].noun, v->noun) == 0))
            return true;
    return false;
}

/* SPDX-License-Identifier: ISC */
#include "nhictl/end/warning.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/base/proc.h"
#include "libnhi/policy/reason.h"
#include "nhictl/end/end.h"

#define SETTLED 2 /* seconds after the grant, in which a login has no terminal yet */

struct warning {
    char handle[SESSION_HANDLE_MAX + 1];
    int64_t then; /* the moment that it was warned of */
};

static bool was_given(const struct warnings *w, const struct session *s)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->all[i].handle, s->handle) == 0)
            return w->all[i].then == s->then;
    return false;
}

/* From when on it is to be warned. */
static int64_t due(const struct session *s, int64_t ahead)
{
    int64_t at = s->then - ahead, settled = s->g.at + SETTLED;

    return at > settled ? at : settled;
}

/* The next second may have begun since they were loaded. */
static int64_t earlier(int64_t again, int64_t at, int64_t now)
{
    if (at <= now)
        at = now + 1;
    return at < again ? at : again;
}

static void give(const struct session *s)
{
    char line[SESSION_LINE_MAX];

    session_warning(s, line);
    session_notify(s, line);
}

int64_t warnings_give(struct warnings *w, const struct sessions *s)
{
    struct warning *given = s->count > 0 ? calloc(s->count, sizeof(*given)) : NULL;
    int64_t again = INT64_MAX, now = nhi_now();
    size_t count = 0;

    for (size_t i = 0; i < s->count && s->ahead != 0; i++) {
        const struct session *one = &s->all[i];
        bool had = was_given(w, one);

        if (one->reason != NHI_PERMIT || (one->why != NHI_PERMIT && !nhi_reason_is_end(one->why)))
            continue;
        if (one->why == NHI_PERMIT || (!had && now < due(one, s->ahead))) {
            again = earlier(again, due(one, s->ahead), now);
            continue;
        }
        /* Without memory no warning is given, since it would be repeated at once. */
        if (given == NULL)
            continue;
        if (!had)
            give(one);
        memcpy(given[count].handle, one->handle, sizeof(one->handle));
        given[count++].then = one->then;
    }
    free(w->all);
    w->all = given;
    w->count = count;
    return again;
}

void warnings_free(struct warnings *w)
{
    free(w->all);
    memset(w, 0, sizeof(*w));
}

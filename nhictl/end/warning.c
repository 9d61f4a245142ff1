/* SPDX-License-Identifier: ISC */
#include "nhictl/end/warning.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
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

/* Warns one, unless it had that warning, and adds that to given, which has room for it; without memory it has none, and
 * no warning is given, since it would be repeated at once. Returns again, or an earlier time to look at this one. */
static int64_t look_at(const struct session *one, bool had, int64_t ahead, struct warnings *given, int64_t again)
{
    int64_t now = nhi_now();

    if (one->reason != NHI_PERMIT || (one->why != NHI_PERMIT && !nhi_reason_is_end(one->why)))
        return again;
    if (one->why == NHI_PERMIT || (!had && now < due(one, ahead)))
        return earlier(again, due(one, ahead), now);
    if (given->count == given->room)
        return again;
    if (!had)
        give(one);
    memcpy(given->all[given->count].handle, one->handle, sizeof(one->handle));
    given->all[given->count++].then = one->then;
    return again;
}

int64_t warnings_give(struct warnings *w, const struct sessions *s)
{
    struct warnings given = { .all = s->count > 0 ? calloc(s->count, sizeof(*given.all)) : NULL };
    int64_t again = INT64_MAX;

    given.room = given.all != NULL ? s->count : 0;
    for (size_t i = 0; i < s->count && s->ahead != 0; i++)
        again = look_at(&s->all[i], was_given(w, &s->all[i]), s->ahead, &given, again);
    free(w->all);
    *w = given;
    return again;
}

int64_t warnings_add(struct warnings *w, const struct sessions *s)
{
    int64_t again = INT64_MAX;
    struct warning *more;

    for (size_t i = 0; i < s->count && s->ahead != 0; i++) {
        if (was_given(w, &s->all[i]))
            continue;
        more = nhi_grow(w->all, &w->room, w->count + 1, sizeof(*more));
        if (more != NULL)
            w->all = more;
        again = look_at(&s->all[i], false, s->ahead, w, again);
    }
    return again;
}

void warnings_free(struct warnings *w)
{
    free(w->all);
    memset(w, 0, sizeof(*w));
}

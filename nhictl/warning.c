#include "nhictl/warning.h"

#include <stdlib.h>
#include <string.h>

#include "nhictl/end.h"

struct warning {
    char handle[SESSION_HANDLE_MAX + 1];
    int64_t then; /* the moment of which it was told */
};

static bool was_given(const struct warnings *w, const struct session *s)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->all[i].handle, s->handle) == 0)
            return w->all[i].then == s->then;
    return false;
}

static bool is_ahead(const struct session *s)
{
    return s->reason == NHI_PERMIT && nhi_reason_is_end(s->why);
}

int64_t warnings_give(struct warnings *w, const struct sessions *s)
{
    struct warning *given = s->count > 0 ? calloc(s->count, sizeof(*given)) : NULL;
    int64_t again = INT64_MAX;
    size_t count = 0;

    for (size_t i = 0; i < s->count && s->ahead != 0; i++) {
        const struct session *one = &s->all[i];
        char line[SESSION_LINE_MAX];

        if (one->reason == NHI_PERMIT && one->why == NHI_PERMIT && one->then - s->ahead < again)
            again = one->then - s->ahead;
        /* Without the memory for it, none is given: one is enough, and a second would come at once. */
        if (!is_ahead(one) || given == NULL)
            continue;
        if (!was_given(w, one)) {
            session_warning(one, line);
            session_tell(one, line);
        }
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

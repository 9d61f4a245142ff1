/* SPDX-License-Identifier: ISC */
/*
 * Lists and words in the findings of review.
 */
#include "nhictl/review/review_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/out.h"

const char *review_level_name(enum review_level level)
{
    switch (level) {
    case REVIEW_LOW:
        return "low";
    case REVIEW_MEDIUM:
        return "medium";
    case REVIEW_HIGH:
        return "high";
    }
    return "unknown";
}

const char *review_owasp_title(const char *owasp)
{
    static const struct {
        const char *entry, *title;
    } titles[] = {
        { "NHI1", "Improper Offboarding" }, { "NHI2", "Secret Leakage" },     { "NHI4", "Insecure Authentication" },
        { "NHI5", "Overprivileged NHI" },   { "NHI7", "Long-Lived Secrets" }, { "NHI9", "NHI Reuse" },
    };

    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        if (strcmp(titles[i].entry, owasp) == 0)
            return titles[i].title;
    return "";
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "a, b, c and 4 more". The caller frees it. */
char *review_listed(struct text_set *w)
{
    char *text = out_must(strdup("")), *more;

    /* Events of the same second have no order. */
    if (w->count > 0)
        qsort(w->text, w->count, sizeof(w->text[0]), by_text);
    for (size_t i = 0; i < w->count && i < 3; i++) {
        more = out_say("%s%s%s", text, i > 0 ? ", " : "", w->text[i]);
        free(text);
        text = more;
    }
    if (w->count <= 3)
        return text;
    more = out_say("%s and %zu more", text, w->count - 3);
    free(text);
    return more;
}

const char *review_day(int64_t t, char buf[NHI_TIME_LEN + 1])
{
    if (nhi_time_format(t, buf) != NHI_OK)
        return "?";
    buf[10] = '\0';
    return buf;
}

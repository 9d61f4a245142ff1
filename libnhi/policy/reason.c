/* SPDX-License-Identifier: ISC */
#include "libnhi/policy/reason.h"

#include <string.h>

struct row {
    const char *name, *text;
    unsigned flags;
};

static const struct row rows[NHI_REASON_COUNT] = { [NHI_PERMIT] = { "permit", "permitted", 0 },
#define ROW(id, name, flags, text, ...) [NHI_DENY_##id] = { name, text, flags },
                                                   NHI_REASONS(ROW)
#undef ROW
};

static const struct row *row_of(enum nhi_reason r)
{
    return &rows[(unsigned)r < NHI_REASON_COUNT ? r : NHI_DENY_INTERNAL];
}

const char *nhi_reason_name(enum nhi_reason r)
{
    return row_of(r)->name;
}

bool nhi_reason_find(const char *name, enum nhi_reason *out)
{
    for (unsigned r = 0; r < NHI_REASON_COUNT; r++)
        if (strcmp(rows[r].name, name) == 0) {
            *out = (enum nhi_reason)r;
            return true;
        }
    return false;
}

const char *nhi_reason_text(enum nhi_reason r)
{
    return row_of(r)->text;
}

bool nhi_reason_is_end(enum nhi_reason r)
{
    return (row_of(r)->flags & NHI_REASON_END) != 0;
}

bool nhi_reason_is_attempt(enum nhi_reason r)
{
    return (row_of(r)->flags & NHI_REASON_ATTEMPT) != 0;
}

const char *nhi_source_name(enum nhi_source s)
{
    switch (s) {
    case NHI_FROM_PROMPT:
        return "prompt";
    case NHI_FROM_SESSION:
        return "session";
    case NHI_FROM_KEYRING:
        return "keyring";
    case NHI_FROM_LEDGER:
        return "ledger";
    case NHI_FROM_KEY:
        return "key";
    }
    return "unknown";
}

bool nhi_source_find(const char *name, enum nhi_source *out)
{
    for (unsigned s = NHI_FROM_PROMPT; s <= NHI_FROM_KEY; s++)
        if (strcmp(nhi_source_name((enum nhi_source)s), name) == 0) {
            *out = (enum nhi_source)s;
            return true;
        }
    return false;
}

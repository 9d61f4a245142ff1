/* SPDX-License-Identifier: ISC */
#include "nhictl/policy/explain_reason.h"

#include "nhictl/store/store.h"

/* "`": text between two of them is to be typed; output for people needs no such marks. */
static const struct {
    const char *cause, *remedy;
} rows[NHI_REASON_COUNT] = { [NHI_PERMIT] = { "A rule permits it, and nothing forbids it.", "There is nothing to do." },
#define ROW(id, name, flags, text, cause, remedy) [NHI_DENY_##id] = { cause, remedy },
                             NHI_REASONS(ROW)
#undef ROW
};

int explain_reason(struct ctl *c, enum nhi_reason reason)
{
    struct out_row *r = out_row_new(c->out);

    out_text(r, "name", "reason", nhi_reason_name(reason));
    out_text(r, "text", "meaning", nhi_reason_text(reason));
    out_text(r, "cause", "usual cause", rows[reason].cause);
    out_text(r, "remedy", "what to do", rows[reason].remedy);
    out_flag(r, "ends_sessions", "ends sessions", nhi_reason_is_end(reason));
    out_flag(r, "attempt", NULL, nhi_reason_is_attempt(reason));
    out_record(c->out, "reason", r);
    return ctl_answer(c);
}

/* SPDX-License-Identifier: ISC */
#include "libnhi/grant/grant_kind.h"

#include <stddef.h>

static const struct nhi_record_kind kinds[] = {
    { .letter = NHI_RECORD_PERMIT,
      .folds = NHI_FOLDS_DECISION,
      .rests = NHI_RESTS_NOT,
      .bounded = true,
      .is_use = true,
      .counted = true },
    /* An existing slot means that the use is spent. */
    { .letter = NHI_RECORD_USE,
      .folds = NHI_FOLDS_DECISION,
      .rests = NHI_RESTS_TICKET,
      .is_use = true,
      .counted = true },
    { .letter = NHI_RECORD_SUCCESSOR, .folds = NHI_FOLDS_SUPERSEDED, .rests = NHI_RESTS_SETTLED, .bounded = true },
    { .letter = NHI_RECORD_PIN, .folds = NHI_FOLDS_NOTHING, .rests = NHI_RESTS_TICKET },
    { .letter = NHI_RECORD_HOUR, .folds = NHI_FOLDS_NOTHING, .rests = NHI_RESTS_RULE_HOUR },
    { .letter = NHI_RECORD_KEY, .folds = NHI_FOLDS_KEY, .rests = NHI_RESTS_SETTLED, .bounded = true },
    /* An existing slot counts one recorded denial of that ticket in this hour. */
    { .letter = NHI_RECORD_DENIAL,
      .folds = NHI_FOLDS_DECISION,
      .rests = NHI_RESTS_THIS_HOUR,
      .bounded = true,
      .counted = true },
    { .letter = NHI_RECORD_OBSERVED, .folds = NHI_FOLDS_DECISION, .rests = NHI_RESTS_NOT, .bounded = true },
    /* An existing record means that this was recorded in this hour. */
    { .letter = NHI_RECORD_BECAME, .folds = NHI_FOLDS_DECISION, .rests = NHI_RESTS_HOUR },
    { .letter = NHI_RECORD_SESSION,
      .folds = NHI_FOLDS_SESSION,
      .rests = NHI_RESTS_NOT,
      .bounded = true,
      .is_use = true },
    { .letter = NHI_RECORD_UNUSED, .folds = NHI_FOLDS_UNUSED, .rests = NHI_RESTS_NOT, .bounded = true },
    { .letter = NHI_RECORD_INDEX, .folds = NHI_FOLDS_NOTHING, .rests = NHI_RESTS_PROCESS, .bounded = true },
};

const struct nhi_record_kind *nhi_record_kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (name[0] == (char)kinds[i].letter)
            return name[1] == '-' ? &kinds[i] : NULL;
    return NULL;
}

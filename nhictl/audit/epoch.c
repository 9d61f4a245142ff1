/* SPDX-License-Identifier: ISC */
#include "nhictl/audit/epoch.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "nhictl/say/ctl.h"

/* The texts of kind and detail cannot occur anywhere else: in strings a quote follows a backslash. */
void epoch_note(struct epoch *e, const char *line, int64_t seq)
{
    const char *restore = strstr(line, "\",\"kind\":\"restore\","), *whole;
    char at[NHI_TIME_LEN + 1] = "";

    if (restore == NULL && strstr(line, "\",\"kind\":\"new-host\",") == NULL)
        return;
    whole = strstr(line, ",\"detail\":{\"epoch\":");
    e->event = seq;
    e->restored = restore != NULL;
    e->lossy = restore != NULL && (whole == NULL || strstr(whole, ",\"trail\":\"whole\",") == NULL);
    if (sscanf(line, "{\"seq\":%*d,\"at\":\"%20[^\"]\"", at) != 1 || nhi_time_parse(at, &e->at) != NHI_OK)
        e->at = 0;
}

bool epoch_lost(const struct epoch *e, const struct nhi_signed_head *h)
{
    return e->lossy && h->seq >= e->event && h->at <= e->at;
}

void epoch_show(struct ctl *c, const struct epoch *e)
{
    long long n = e->event;

    if (n == 0)
        return;
    if (!e->restored)
        out_line(c->out,
                 "event %lld: the ledger was moved to another machine; earlier events are from the previous one", n);
    else if (e->lossy)
        out_line(c->out, "event %lld restored the ledger from a backup: events after that backup are lost", n);
    else
        out_line(c->out, "event %lld restored the ledger from a backup: no event of the trail was lost", n);
}

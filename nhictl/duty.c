#include "nhictl/duty.h"

#include <stdio.h>
#include <syslog.h>
#include <time.h>

#include "libnhi/paserk.h"
#include "libnhi/paths.h"
#include "nhictl/head.h"
#include "nhictl/trail.h"

void duties_settings(struct duties *d, const struct nhi_settings *set)
{
    d->head_every = set->head_every;
}

static bool is_due(int64_t at, int64_t every, int64_t now)
{
    return at == 0 || now - at >= every * 1000;
}

/* Also as a line, so that it leaves the host with the log. */
static void sign_head(void)
{
    char line[1100], *token = NULL;
    enum nhi_err err = head_publish((int64_t)time(NULL), &token);

    if (err == NHI_OK) {
        snprintf(line, sizeof(line), "head=%s", token);
        trail_say(line);
    } else {
        syslog(LOG_DAEMON | LOG_ERR, "watch: the head of the trail could not be signed: %s",
               nhi_strerror(err));
    }
    nhi_text_free(token);
}

/* What a log did not take when its event was written. */
static void send_rest(void)
{
    struct nhi_ledger *l = NULL;

    if (nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l) == NHI_OK)
        trail_send(l);
    nhi_ledger_close(l);
}

void duties_step(struct duties *d, int64_t now)
{
    send_rest();
    if (d->head_every > 0 && is_due(d->head_at, d->head_every, now)) {
        sign_head();
        d->head_at = now;
    }
}

/* SPDX-License-Identifier: ISC */
#include "nhictl/say/hold.h"

#include <stddef.h>

void hold_begin(struct hold *h)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigaddset(&ends, SIGQUIT);
    sigaddset(&ends, SIGTSTP);
    h->on = sigprocmask(SIG_BLOCK, &ends, &h->mask) == 0;
}

void hold_end(struct hold *h)
{
    if (h->on)
        sigprocmask(SIG_SETMASK, &h->mask, NULL);
    h->on = false;
}

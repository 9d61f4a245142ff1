/* SPDX-License-Identifier: ISC */
/*
 * MUST: nothing of it is left on the terminal, and nothing goes anywhere else.
 */
#include "nhictl/say/progress.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "nhictl/say/ctl.h"

#define AFTER_MS 1000 /* what is done sooner needs none */
#define EVERY_MS 200
#define LOOK_AT 256 /* steps between two looks at the clock */

static struct {
    const char *what; /* NULL: nothing is shown */
    size_t done;
    int64_t due;
    bool shown;
} progress;

void progress_begin(const struct ctl *c, const char *what)
{
    progress_end();
    if (c->json || !isatty(STDERR_FILENO))
        return;
    progress.what = what;
    progress.done = 0;
    progress.due = nhi_clock_ms(CLOCK_MONOTONIC) + AFTER_MS;
}

void progress_step(size_t total)
{
    int64_t now;

    progress.done++;
    if (progress.what == NULL || progress.done % LOOK_AT != 0)
        return;
    now = nhi_clock_ms(CLOCK_MONOTONIC);
    if (now < progress.due)
        return;
    if (total > 0)
        fprintf(stderr, "\r\033[K%s: %zu of %zu", progress.what, progress.done, total);
    else
        fprintf(stderr, "\r\033[K%s: %zu", progress.what, progress.done);
    fflush(stderr);
    progress.shown = true;
    progress.due = now + EVERY_MS;
}

void progress_end(void)
{
    if (progress.shown)
        fputs("\r\033[K", stderr);
    progress.shown = false;
    progress.what = NULL;
}

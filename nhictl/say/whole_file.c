/* SPDX-License-Identifier: ISC */
/*
 * MUST: a file that could not be read to its end is not taken for a shorter one.
 */
#include "nhictl/say/whole_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "nhictl/say/fail.h"

#define STEP ((size_t)64 * 1024)

/* Returns 0 or a value of errno. */
static int read_stream(FILE *f, size_t max, char **text, size_t *len)
{
    size_t room = 0, n = STEP;
    char *more;

    while (n == STEP && *len <= max) {
        more = nhi_grow(*text, &room, *len + STEP + 1, 1);
        if (more == NULL)
            return ENOMEM;
        *text = more;
        errno = 0;
        n = fread(*text + *len, 1, STEP, f);
        if (n < STEP && ferror(f))
            return errno != 0 ? errno : EIO;
        *len += n;
        (*text)[*len] = '\0';
    }
    return 0;
}

int whole_file_read(struct ctl *c, const char *file, size_t max, char **text, size_t *len)
{
    bool is_file = strcmp(file, "-") != 0;
    FILE *f = is_file ? fopen(file, "re") : stdin;
    int why;

    *text = NULL;
    *len = 0;
    why = f != NULL ? read_stream(f, max, text, len) : errno;
    if (f != NULL && is_file)
        fclose(f);
    if (why == 0)
        return CTL_DONE;
    free(*text);
    *text = NULL;
    return ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", file, strerror(why));
}

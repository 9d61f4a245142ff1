/* SPDX-License-Identifier: ISC */
#include "libnhi/base/wipe.h"

#include <stdlib.h>
#include <string.h>

void nhi_text_free(char *s)
{
    if (s != NULL)
        explicit_bzero(s, strlen(s));
    free(s);
}

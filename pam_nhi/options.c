/* SPDX-License-Identifier: ISC */
#include "pam_nhi/options.h"

#include <errno.h>
#include <security/pam_ext.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define UID_MIN_DEFAULT 65536
#define UID_MAX_DEFAULT 99999

static const char *after(const char *arg, const char *key)
{
    size_t len = strlen(key);

    return strncmp(arg, key, len) == 0 ? arg + len : NULL;
}

static bool number(const char *text, uint32_t *out)
{
    unsigned long v;
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    v = strtoul(text, &end, 10);
    if (*end != '\0' || errno != 0 || v < 1000 || v > INT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

bool pnhi_options_parse(pam_handle_t *pamh, int argc, const char **argv, struct pnhi_options *out)
{
    const char *value;
    bool ok = true;

    memset(out, 0, sizeof(*out));
    out->prompt = "Password: ";
    out->uid_min = UID_MIN_DEFAULT;
    out->uid_max = UID_MAX_DEFAULT;
    for (int i = 0; i < argc; i++) {
        bool good = true, known = true;

        if (strcmp(argv[i], "use_first_pass") == 0)
            out->use_first_pass = true;
        else if (strcmp(argv[i], "try_first_pass") == 0)
            out->try_first_pass = true;
        else if (strcmp(argv[i], "debug") == 0)
            out->debug = true;
        else if ((value = after(argv[i], "prompt=")) != NULL)
            out->prompt = value;
        else if ((value = after(argv[i], "uid_min=")) != NULL)
            good = number(value, &out->uid_min);
        else if ((value = after(argv[i], "uid_max=")) != NULL)
            good = number(value, &out->uid_max);
        else
            known = false;
        if (!good || !known)
            pam_syslog(pamh, LOG_ERR, "%s option: %s", known ? "bad" : "unknown", argv[i]);
        ok = ok && good;
    }
    if (ok && out->uid_min >= out->uid_max) {
        pam_syslog(pamh, LOG_ERR, "bad options: uid_min is not below uid_max");
        ok = false;
    }
    return ok;
}

/* SPDX-License-Identifier: ISC */
#include "hostcfg/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostcfg/host_file.h"
#include "hostcfg/wiring.h"
#include "nhictl/say/out.h"

int program_run(const char *const argv[], char **said)
{
    union {
        const char *const *in;
        char *const *out;
    } words = { .in = argv };
    char *out = NULL, *err = NULL;
    int status = -1;

    if (file_run(words.out, &out, &err, &status) != NHI_OK)
        status = -1;
    if (asprintf(said, "%s%s", err != NULL ? err : "", out != NULL ? out : "") < 0)
        *said = NULL;
    out_must(*said);
    free(out);
    free(err);
    return status;
}

const char *program_refusal(const char *said, int *len)
{
    const char *line = said;

    while (strncmp(line, "Warning:", 8) == 0 && line[strcspn(line, "\n")] != '\0')
        line += strcspn(line, "\n") + 1;
    if (*line == '\0')
        line = said;
    *len = (int)strcspn(line, "\r\n");
    return line;
}

bool program_sshd_is(unsigned release)
{
    const char *const argv[] = { WIRING_SSHD_PROGRAM, "-V", NULL };
    unsigned major = 0, minor = 0;
    const char *at;
    char *said;

    (void)program_run(argv, &said);
    at = said != NULL ? strstr(said, "OpenSSH_") : NULL;
    if (at != NULL)
        (void)sscanf(at, "OpenSSH_%u.%u", &major, &minor);
    free(said);
    return major * 100 + minor >= release;
}

bool program_is_old_sudo_rs(const char *path)
{
    const char *const argv[] = { path, "--version", NULL };
    unsigned major = 0, minor = 0, patch = 0;
    bool is_rs = false;
    char *said = NULL;

    if (access(path, X_OK) == 0 && program_run(argv, &said) == 0)
        is_rs = sscanf(said, "sudo-rs %u.%u.%u", &major, &minor, &patch) == 3;
    free(said);
    return is_rs && major * 10000 + minor * 100 + patch < 209;
}

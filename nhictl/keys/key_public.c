/* SPDX-License-Identifier: ISC */
#include "nhictl/keys/key_public.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/key/sshkey.h"
#include "libnhi/ticket/sshcert.h"
#include "nhictl/say/fail.h"

#define LINE_MAX_LEN 16384 /* sshd's own limit for a key and its comment is below */

static int not_a_key(struct ctl *c, const char *option, const char *file, const char *line, enum nhi_err err)
{
    char hint[300];

    snprintf(hint, sizeof(hint), "%s %s.pub", option, file);
    if (strncmp(line, "-----BEGIN ", 11) == 0)
        return ctl_fail(c, CTL_REFUSED, hint, "%s is a private key: give the public key", file);
    if (strncmp(line, NHI_SSHCERT_TYPE " ", sizeof(NHI_SSHCERT_TYPE)) == 0)
        return ctl_fail(c, CTL_REFUSED, NULL, "%s is a certificate: give the public key that it certifies", file);
    if (err == NHI_ERR_STATE)
        return ctl_fail(c, CTL_REFUSED, "ssh-keygen -t ed25519", "%s is not an Ed25519 key, and no other type works",
                        file);
    return ctl_fail(c, CTL_REFUSED, "ssh-keygen -t ed25519", "%s does not start with an OpenSSH public key", file);
}

int key_read_public(struct ctl *c, const char *option, const char *file, uint8_t pk[NHI_PK_LEN])
{
    char line[LINE_MAX_LEN] = "";
    enum nhi_err err;
    FILE *f;

    f = fopen(file, "re");
    if (f == NULL || (fgets(line, sizeof(line), f) == NULL && ferror(f))) {
        int saved = errno;

        if (f != NULL)
            fclose(f);
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not read %s: %s", file, strerror(saved));
    }
    fclose(f);
    err = nhi_sshkey_parse(line, pk);
    return err == NHI_OK ? CTL_DONE : not_a_key(c, option, file, line, err);
}

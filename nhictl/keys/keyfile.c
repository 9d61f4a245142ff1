/* SPDX-License-Identifier: ISC */
/*
 * MUST: buffers that held a secret key are wiped on every path.
 */
#include "nhictl/keys/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "libnhi/base/paths.h"

enum nhi_err keyfile_random_kid(char *kid)
{
    static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t bytes[7];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return NHI_ERR_SYS;
    *kid++ = 'k';
    for (size_t i = 0; i < sizeof(bytes); i++)
        *kid++ = base32[bytes[i] & 31];
    *kid = '\0';
    return NHI_OK;
}

static void file_name(char *name, size_t size, const char *kid)
{
    snprintf(name, size, "%s.secret", kid);
}

static enum nhi_err open_keys(int statefd, int *fd)
{
    *fd = openat(statefd, NHI_KEYS_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *fd >= 0 ? NHI_OK : nhi_err_from_errno(errno);
}

static enum nhi_err write_text(int keys, const char *kid, const char *text)
{
    char name[NHI_KID_MAX + 16], line[NHI_PASERK_MAX + 1];
    int len = snprintf(line, sizeof(line), "%s\n", text);
    enum nhi_err err = NHI_ERR_TOO_LONG;

    file_name(name, sizeof(name), kid);
    if (len > 0 && (size_t)len < sizeof(line))
        err = nhi_file_replace(keys, name, 0600, line, (unsigned long)len);
    nhi_wipe(line, sizeof(line));
    return err;
}

enum nhi_err keyfile_create(int statefd, const char *kid, uint8_t pk[NHI_PK_LEN])
{
    char text[NHI_PASERK_MAX];
    uint8_t made[NHI_PK_LEN], sk[NHI_SK_LEN];
    enum nhi_err err;
    int keys;

    err = open_keys(statefd, &keys);
    if (err != NHI_OK)
        return err;
    err = nhi_key_generate(made, sk);
    if (err == NHI_OK)
        err = nhi_paserk_secret_encode(sk, text);
    if (err == NHI_OK)
        err = write_text(keys, kid, text);
    nhi_wipe(sk, sizeof(sk));
    nhi_wipe(text, sizeof(text));
    close(keys);
    if (err == NHI_OK)
        memcpy(pk, made, sizeof(made));
    return err;
}

enum nhi_err keyfile_text(const char *kid, char **text)
{
    char name[NHI_KID_MAX + 16];
    unsigned long len = 0;
    enum nhi_err err;
    int keys;

    *text = NULL;
    file_name(name, sizeof(name), kid);
    err = nhi_dir_open(NHI_STATE_DIR "/" NHI_KEYS_DIR, &keys);
    if (err != NHI_OK)
        return err;
    err = nhi_file_read(keys, name, 1, NHI_PASERK_MAX - 1, text, &len);
    close(keys);
    if (err == NHI_OK && len > 0 && (*text)[len - 1] == '\n')
        (*text)[len - 1] = '\0';
    return err;
}

enum nhi_err keyfile_read(const char *kid, uint8_t sk[NHI_SK_LEN])
{
    char *text;
    enum nhi_err err = keyfile_text(kid, &text);

    if (err == NHI_OK)
        err = nhi_paserk_secret_decode(text, sk);
    nhi_text_free(text);
    return err;
}

enum nhi_err keyfile_replace(const char *kid, const char *text)
{
    enum nhi_err err;
    int keys;

    err = nhi_dir_open(NHI_STATE_DIR "/" NHI_KEYS_DIR, &keys);
    if (err != NHI_OK)
        return err;
    err = write_text(keys, kid, text);
    close(keys);
    return err;
}

enum nhi_err keyfile_remove(const char *kid)
{
    char name[NHI_KID_MAX + 16];
    enum nhi_err err;
    int keys;

    file_name(name, sizeof(name), kid);
    err = nhi_dir_open(NHI_STATE_DIR "/" NHI_KEYS_DIR, &keys);
    if (err != NHI_OK)
        return err;
    err = nhi_file_remove(keys, name);
    close(keys);
    return err;
}

/* SPDX-License-Identifier: ISC */
/*
 * Source: draft-ietf-sshm-ssh-agent, 4 (messages), 5.1 (numbers); RFC 8709, 4 and 6 (Ed25519 key and signature).
 *
 * MUST: lengths come from outside: each is compared with what is left before it is used.
 */
#include "nhictl/keys/sshagent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "libnhi/key/sshkey.h"

/* Seconds for a whole answer, in however many pieces it comes. */
#define TO_LIST 5          /* no person has to be asked */
#define TO_SIGN 60         /* a person may have to confirm */
#define MESSAGE_MAX 262144 /* the limit of ssh-agent itself */
#define BLOB_LEN (4 + sizeof(NHI_SSHKEY_TYPE) - 1 + 4 + NHI_PK_LEN)

enum { REQUEST_IDENTITIES = 11, IDENTITIES_ANSWER = 12, SIGN_REQUEST = 13, SIGN_RESPONSE = 14 };

/* The rest of a message. */
struct in {
    const uint8_t *at;
    size_t left;
};

static uint8_t *put_u32(uint8_t *at, size_t n)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(n >> shift);
    return at;
}

static uint8_t *put_string(uint8_t *at, const void *bytes, size_t len)
{
    at = put_u32(at, len);
    memcpy(at, bytes, len);
    return at + len;
}

static bool get_u32(struct in *in, size_t *n)
{
    if (in->left < 4)
        return false;
    *n = (size_t)in->at[0] << 24 | (size_t)in->at[1] << 16 | (size_t)in->at[2] << 8 | in->at[3];
    in->at += 4;
    in->left -= 4;
    return true;
}

static bool get_string(struct in *in, struct in *out)
{
    size_t len;

    if (!get_u32(in, &len) || len > in->left)
        return false;
    *out = (struct in){ in->at, len };
    in->at += len;
    in->left -= len;
    return true;
}

static bool is_text(const struct in *in, const char *text)
{
    return in->left == strlen(text) && memcmp(in->at, text, in->left) == 0;
}

static void put_blob(uint8_t blob[BLOB_LEN], const uint8_t pk[NHI_PK_LEN])
{
    (void)put_string(put_string(blob, NHI_SSHKEY_TYPE, strlen(NHI_SSHKEY_TYPE)), pk, NHI_PK_LEN);
}

static int connect_to_agent(void)
{
    const struct timeval patience = { .tv_sec = TO_LIST };
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    const char *path = getenv("SSH_AUTH_SOCK");
    int fd;

    if (path == NULL || *path == '\0' || strlen(path) >= sizeof(to.sun_path))
        return -1;
    memcpy(to.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
                    connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool receive(int fd, uint8_t *to, size_t len, int64_t until)
{
    while (len > 0) {
        const struct timeval left = { .tv_sec = until - nhi_clock_ms(CLOCK_MONOTONIC) / 1000 };
        ssize_t n = -1;

        if (left.tv_sec > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &left, sizeof(left)) == 0)
            n = recv(fd, to, len, 0);
        if (n <= 0)
            return false;
        to += n;
        len -= (size_t)n;
    }
    return true;
}

/* Sends a message after its length, and reads an answer of that type. answer: allocated, the caller frees it; in: what
 * follows the type. */
static bool ask(const uint8_t *message, size_t len, uint8_t type, uint8_t **answer, struct in *in)
{
    int64_t until = nhi_clock_ms(CLOCK_MONOTONIC) / 1000 + (type == SIGN_RESPONSE ? TO_SIGN : TO_LIST);
    uint8_t head[4];
    struct in length = { head, sizeof(head) };
    size_t n = 0;
    bool good = false;
    int fd = connect_to_agent();

    if (fd < 0)
        return false;
    for (size_t sent = 0; sent < len;) {
        ssize_t now = send(fd, message + sent, len - sent, MSG_NOSIGNAL);

        if (now <= 0)
            goto out;
        sent += (size_t)now;
    }
    if (!receive(fd, head, sizeof(head), until) || !get_u32(&length, &n) || n < 1 || n > MESSAGE_MAX)
        goto out;
    *answer = malloc(n);
    if (*answer == NULL || !receive(fd, *answer, n, until) || (*answer)[0] != type)
        goto out;
    *in = (struct in){ *answer + 1, n - 1 };
    good = true;
out:
    close(fd);
    return good;
}

bool sshagent_has(const uint8_t pk[NHI_PK_LEN])
{
    uint8_t request[5], blob[BLOB_LEN], *answer = NULL;
    struct in in, key, comment;
    size_t count = 0;
    bool found = false;

    put_blob(blob, pk);
    put_u32(request, 1)[0] = REQUEST_IDENTITIES;
    if (ask(request, sizeof(request), IDENTITIES_ANSWER, &answer, &in) && get_u32(&in, &count))
        while (!found && count-- > 0 && get_string(&in, &key) && get_string(&in, &comment))
            found = key.left == BLOB_LEN && memcmp(key.at, blob, BLOB_LEN) == 0;
    free(answer);
    return found;
}

static bool read_signature(struct in *in, uint8_t signature[NHI_SIG_LEN])
{
    struct in whole, type, bytes;

    if (!get_string(in, &whole) || !get_string(&whole, &type) || !is_text(&type, NHI_SSHKEY_TYPE) ||
        !get_string(&whole, &bytes) || bytes.left != NHI_SIG_LEN)
        return false;
    memcpy(signature, bytes.at, NHI_SIG_LEN);
    return true;
}

bool sshagent_sign(const uint8_t pk[NHI_PK_LEN], const uint8_t *bytes, size_t len, uint8_t signature[NHI_SIG_LEN])
{
    size_t size = 1 + 4 + BLOB_LEN + 4 + len + 4;
    uint8_t blob[BLOB_LEN], *request, *at, *answer = NULL;
    struct in in;
    bool good;

    if (len > MESSAGE_MAX / 2)
        return false;
    request = malloc(4 + size);
    if (request == NULL)
        return false;
    put_blob(blob, pk);
    at = put_u32(request, size);
    *at++ = SIGN_REQUEST;
    at = put_string(put_string(at, blob, BLOB_LEN), bytes, len);
    (void)put_u32(at, 0);
    good = ask(request, 4 + size, SIGN_RESPONSE, &answer, &in) && read_signature(&in, signature);
    free(request);
    free(answer);
    return good;
}

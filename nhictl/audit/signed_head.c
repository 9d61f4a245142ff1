/* SPDX-License-Identifier: ISC */
/*
 * MUST: the secret half is wiped on every path.
 */
#include "nhictl/audit/signed_head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/key/paserk.h"
#include "libnhi/ledger/ledger_event.h"
#include "nhictl/keys/keyfile.h"

/* If two processes make it at once, the later one uses the earlier one's key. */
static enum nhi_err make_key(void)
{
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];
    enum nhi_err err;
    int fd, turn = -1;

    err = nhi_dir_open(NHI_STATE_DIR, &fd);
    if (err != NHI_OK)
        return err;
    /* Not the directory itself: every user can open that, and keep it locked. */
    err = nhi_dir_open(NHI_STATE_DIR "/" NHI_GRANTS_DIR, &turn);
    if (err == NHI_OK && flock(turn, LOCK_EX) != 0)
        err = NHI_ERR_SYS;
    if (err == NHI_OK && keyfile_read(HEAD_KEY, sk) == NHI_ERR_NOT_FOUND)
        err = keyfile_create(fd, HEAD_KEY, pk);
    nhi_wipe(sk, sizeof(sk));
    if (turn >= 0)
        close(turn);
    close(fd);
    return err;
}

static enum nhi_err read_key(uint8_t sk[NHI_SK_LEN])
{
    enum nhi_err err = keyfile_read(HEAD_KEY, sk);

    if (err != NHI_ERR_NOT_FOUND)
        return err;
    err = make_key();
    return err == NHI_OK ? keyfile_read(HEAD_KEY, sk) : err;
}

enum nhi_err head_key(uint8_t pk[NHI_PK_LEN])
{
    uint8_t sk[NHI_SK_LEN];
    enum nhi_err err = read_key(sk);

    if (err == NHI_OK)
        memcpy(pk, sk + NHI_SK_LEN - NHI_PK_LEN, NHI_PK_LEN);
    nhi_wipe(sk, sizeof(sk));
    return err;
}

enum nhi_err head_make(struct store *s, int64_t now, struct nhi_signed_head *h, char **token)
{
    uint8_t sk[NHI_SK_LEN];
    struct nhi_head last;
    enum nhi_err err = nhi_event_head(s->l, &last);

    if (err == NHI_OK && last.seq == 0)
        err = NHI_ERR_NOT_FOUND;
    if (err == NHI_OK)
        err = read_key(sk);
    if (err != NHI_OK)
        return err;
    memset(h, 0, sizeof(*h));
    memcpy(h->host, s->set.host, sizeof(h->host));
    memcpy(h->hash, last.hash, sizeof(h->hash));
    h->seq = last.seq;
    h->at = now;
    err = nhi_head_sign(sk, h, token);
    nhi_wipe(sk, sizeof(sk));
    return err;
}

static enum nhi_err write_file(const char *token)
{
    char line[1024];
    enum nhi_err err;
    int fd, len = snprintf(line, sizeof(line), "%s\n", token);

    if (len >= (int)sizeof(line))
        return NHI_ERR_TOO_LONG;
    err = nhi_dir_open(NHI_STATE_DIR, &fd);
    if (err != NHI_OK)
        return err;
    err = nhi_file_replace(fd, HEAD_FILE, 0644, line, (unsigned long)len);
    close(fd);
    return err;
}

enum nhi_err head_publish(int64_t now, char **token)
{
    struct store s = { .l = NULL };
    struct nhi_signed_head h;
    char *made = NULL;
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &s.l);

    if (err == NHI_OK)
        err = nhi_ledger_settings(s.l, &s.set);
    if (err == NHI_OK)
        err = head_make(&s, now, &h, &made);
    nhi_ledger_close(s.l);
    if (err == NHI_OK)
        err = write_file(made);
    if (err == NHI_OK && token != NULL)
        *token = made;
    else
        nhi_text_free(made);
    return err;
}

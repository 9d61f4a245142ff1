/* SPDX-License-Identifier: ISC */
#include "libnhi/state/bound.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/state/state_format.h"

#define AT_ONCE 64 /* records */

uint64_t bound_sum(struct bound_record r)
{
    r.sum = 0;
    return state_sum(0, &r, sizeof(r));
}

static bool is(const struct bound_record *r, const struct nhi_fact_key *key)
{
    return r->kind == key->kind && r->len == key->len && memcmp(r->key, key->bytes, key->len) == 0 &&
           r->sum == bound_sum(*r);
}

enum nhi_err nhi_bound_has(const char *dir, const uint8_t key[NHI_PK_LEN], const char *account)
{
    const struct nhi_fact_key bound = nhi_fact_key_pk(NHI_FACT_BOUND, key);
    const struct nhi_fact_key named = nhi_fact_key(NHI_FACT_NAMED, account);
    struct bound_record all[AT_ONCE];
    bool is_bound = false, is_named = false;
    enum nhi_err err;
    ssize_t n = 0;
    off_t at = 0;
    int in, fd;

    err = nhi_dir_open(dir, &in);
    if (err != NHI_OK)
        return err;
    err = nhi_file_open(in, NHI_BOUND_FILE, 1, &fd);
    close(in);
    if (err != NHI_OK)
        return err;
    while (!(is_bound && is_named) && (n = pread(fd, all, sizeof(all), at)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(all[0]); i++) {
            is_bound = is_bound || is(&all[i], &bound);
            is_named = is_named || is(&all[i], &named);
        }
        if (n > 0 && (size_t)n < sizeof(all[0]))
            break;
        at += n > 0 ? n - n % (ssize_t)sizeof(all[0]) : 0;
    }
    close(fd);
    if (n < 0)
        return NHI_ERR_SYS;
    return is_bound && is_named ? NHI_OK : NHI_ERR_NOT_FOUND;
}

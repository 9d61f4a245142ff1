/* SPDX-License-Identifier: ISC */
/*
 * Out of memory at every allocation of signing, verifying and reading a ticket: refused, nothing written, nothing kept.
 *
 * The sources are compiled into this program, so that their malloc is the counted one here.
 */
#include "tests/vectors/vectors.h"

static long left = -1, live, refusals; /* left: allocations until one fails, -1 for none */

static void *counted_malloc(size_t n)
{
    void *p;

    if (left == 0) {
        refusals++;
        return NULL;
    }
    if (left > 0)
        left--;
    p = malloc(n);
    live += p != NULL;
    return p;
}

static void counted_free(void *p)
{
    live -= p != NULL;
    free(p);
}

#define malloc counted_malloc
#define free counted_free
#include "libnhi/base/wipe.c"
#include "libnhi/key/paseto.c"
#undef HEADER
#undef HEADER_LEN
#include "libnhi/ticket/claims.c"
#define writer cert_writer
#include "libnhi/ticket/sshcert.c"
#undef writer
#undef malloc
#undef free

static int setup(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

static struct nhi_ticket sample(void)
{
    struct nhi_ticket t = { .kid = "main",
                            .jti = "AAECAwQFBgcICQoLDA0ODw",
                            .agent = "builder",
                            .task = "CHG-4711",
                            .host = "w1",
                            .accounts = "deploy",
                            .services = "sshd",
                            .iat = 1795471500,
                            .exp = 1795475100,
                            .uses = 2,
                            .has_cnf = true };
    uint8_t sk[NHI_SK_LEN];

    golden_key(t.cnf, sk);
    return t;
}

static void mint(void **state)
{
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];
    struct nhi_ticket t = sample();
    enum nhi_err err = NHI_ERR_NOMEM;
    char *text = NULL;
    long n;

    (void)state;
    golden_key(pk, sk);
    for (n = 0; err == NHI_ERR_NOMEM; n++) {
        left = n;
        err = nhi_ticket_mint(&t, sk, &text);
        left = -1;
        assert_int_equal(live, err == NHI_OK);
        assert_true(err == NHI_OK || text == NULL);
    }
    assert_int_equal(err, NHI_OK);
    assert_int_equal(n, 5); /* payload, signed form, body, text, and none */
    nhi_text_free(text);
    assert_int_equal(live, 0);
}

static void verify(void **state)
{
    struct nhi_ticket t = sample(), got, before;
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];
    enum nhi_err err = NHI_ERR_NOMEM;
    char *text = NULL;
    long n;

    (void)state;
    golden_key(pk, sk);
    assert_int_equal(nhi_ticket_mint(&t, sk, &text), NHI_OK);
    memset(&before, 7, sizeof(before));
    for (n = 0; err != NHI_OK; n++) {
        memcpy(&got, &before, sizeof(got));
        left = n;
        refusals = 0;
        err = nhi_ticket_verify(text, strlen(text), pk, &got);
        left = -1;
        assert_int_equal(live, 1);
        assert_int_equal(err, refusals == 0 ? NHI_OK : NHI_ERR_NOMEM);
        if (err != NHI_OK)
            assert_memory_equal(&got, &before, sizeof(got));
    }
    assert_true(n > 3);
    assert_string_equal(got.agent, t.agent);
    nhi_text_free(text);
    assert_int_equal(live, 0);
}

/* A certificate that does not fit is refused, whatever would have fitted after the part that did not. */
static void certificate_without_room(void **state)
{
    static const uint8_t bytes[BLOB_MAX];
    static struct cert_writer w;

    (void)state;
    put(&w, bytes, BLOB_MAX - 8);
    put_string(&w, bytes, 4);
    assert_int_equal(w.len, BLOB_MAX);
    assert_false(w.full);
    w.len = BLOB_MAX - 8;
    put_string(&w, bytes, 5);
    put(&w, bytes, 1);
    assert_true(w.len <= BLOB_MAX - 4);
    assert_int_equal(sign(&w), NHI_ERR_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mint),
        cmocka_unit_test(verify),
        cmocka_unit_test(certificate_without_room),
    };

    return cmocka_run_group_tests_name("nomem", tests, setup, NULL);
}

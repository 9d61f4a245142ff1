/* SPDX-License-Identifier: ISC */
/*
 * The claims of a ticket. Every refused payload here is correctly signed, so that only the reading of claims can refuse
 * it.
 * Invariants: 8, 13.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "libnhi/base/time.h"
#include "libnhi/ticket/claims.h"
#include "libnhi/ticket/sshopt.h"
#include "tests/vectors/vectors.h"

#define KEY "JUO5L_EJVRFHatyDadtt3JM2ZaEZeN2hQE7hBmypVZ0"
#define JTI "AAECAwQFBgcICQoLDA0ODw"
#define A31 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A62 A31 A31
#define S32 "abcdefghijklmnopqrstuvwxyz012345"

struct member {
    const char *name, *value; /* value: raw JSON */
};

static const struct member full[] = {
    { "jti", "\"" JTI "\"" },
    { "sub", "\"builder\"" },
    { "task", "\"CHG-4711\"" },
    { "aud", "\"web1.example.org\"" },
    { "acc", "\"builder deploy\"" },
    { "svc", "\"sshd sudo\"" },
    { "iat", "\"2026-11-23T22:05:00Z\"" },
    { "exp", "\"2026-11-23T23:05:00Z\"" },
    { "nbf", "\"2026-11-23T22:06:00Z\"" },
    { "cnf", "\"" KEY "\"" },
    { "use", "3" },
    { "par", "\"" JTI "\"" },
    { "ssh", "\"no-pty\"" },
};
#define FULL (sizeof(full) / sizeof(full[0]))

static const char *const optional[] = { "nbf", "use", "par", "ssh" };

static int setup(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

/* The full payload, with another value for one claim (NULL: left out, new: added). */
static void payload(const char *name, const char *value, char *out, size_t size)
{
    bool found = false;
    size_t i, len = 0;

    for (i = 0; i < FULL; i++) {
        bool other = strcmp(full[i].name, name) == 0;
        const char *v = other ? value : full[i].value;

        found |= other;
        if (v != NULL)
            len += (size_t)snprintf(out + len, size - len, "%c\"%s\":%s", len == 0 ? '{' : ',', full[i].name, v);
    }
    if (!found && value != NULL)
        len += (size_t)snprintf(out + len, size - len, ",\"%s\":%s", name, value);
    len += (size_t)snprintf(out + len, size - len, "}");
    assert_true(len < size);
}

/* The result of verify once it is signed, which must be the same as that of decode alone. */
static enum nhi_err read_signed(const char *json, size_t len, struct nhi_ticket *t)
{
    char *text = signed_payload(json, len);
    uint8_t pk[NHI_PK_LEN], sk[NHI_SK_LEN];
    struct nhi_ticket alone;
    enum nhi_err err;

    golden_key(pk, sk);
    err = nhi_ticket_verify(text, strlen(text), pk, t);
    assert_int_equal(nhi_claims_decode(json, len, &alone), err);
    nhi_text_free(text);
    return err;
}

static void expect(const char *json, size_t len, enum nhi_err want)
{
    struct nhi_ticket t;
    enum nhi_err err = read_signed(json, len, &t);

    if (err != want)
        fail_msg("%s, not %s: %.*s", nhi_strerror(err), nhi_strerror(want), (int)len, json);
}

static void refused(const char *name, const char *value)
{
    char json[2048];

    payload(name, value, json, sizeof(json));
    expect(json, strlen(json), NHI_ERR_FORMAT);
}

static void taken(const char *name, const char *value)
{
    char json[2048];

    payload(name, value, json, sizeof(json));
    expect(json, strlen(json), NHI_OK);
}

/* From now on this process ends when it opens a file, and leaves no core. */
static bool open_nothing(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_open
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 1, 0),
#endif
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Checks the test itself: a process under that filter ends in this way. */
static void open_now(void)
{
    (void)syscall(SYS_openat, -1, "/dev/null", 0);
}

static void decode_now(void)
{
    struct nhi_ticket t;
    char json[2048];

    payload("", NULL, json, sizeof(json));
    if (nhi_claims_decode(json, strlen(json), &t) != NHI_OK)
        _exit(2);
}

static int status_of(void (*act)(void))
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        if (!open_nothing())
            _exit(3);
        act();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void opens_no_file(void **state)
{
    (void)state;
    assert_int_equal(status_of(open_now), -SIGSYS);
    assert_int_equal(status_of(decode_now), 0);
}

/* Refused, and nothing is written. */
static void untouched(const char *json)
{
    struct nhi_ticket t, before;

    memset(&before, 7, sizeof(before));
    memcpy(&t, &before, sizeof(t));
    if (nhi_claims_decode(json, strlen(json), &t) != NHI_ERR_FORMAT)
        fail_msg("accepted: %s", json);
    assert_memory_equal(&t, &before, sizeof(t));
}

/* However deep it is: the reader knows one level. */
static void nothing_is_nested(void **state)
{
    static const char *const values[] = { "[]",        "[[1]]",     "{}",          "{\"a\":1}", "1}",
                                          "1,{",       "1 ",        " 1",          "[",         "\"a\\\\\",[\"\"",
                                          "\"[{}] \"", "\"a\\\"\"", "\"a\\\"[{\"", "\"\\\\\"",  "1" };
    char json[4096], deep[500];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        payload("task", values[i], json, sizeof(json));
        untouched(json);
    }
    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    payload("task", deep, json, sizeof(json));
    untouched(json);
    /* An escaped quote opens and closes nothing that could hide the rest. */
    untouched("{\"a\":\"\\\"\",\"x\":[[\"b\\\"\"]]}");
    untouched("{\"a\":\"\\\"\",\"x\":{\"b\\\"\":1}}");
}

static void each_claim_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < FULL; i++) {
        bool may = false;

        for (size_t k = 0; k < sizeof(optional) / sizeof(optional[0]); k++)
            may |= strcmp(full[i].name, optional[k]) == 0;
        if (may)
            taken(full[i].name, NULL);
        else
            refused(full[i].name, NULL);
    }
}

static void each_claim_twice(void **state)
{
    char json[2048];
    size_t i, len;

    (void)state;
    for (i = 0; i < FULL; i++) {
        payload("", NULL, json, sizeof(json));
        len = strlen(json) - 1;
        snprintf(json + len, sizeof(json) - len, ",\"%s\":%s}", full[i].name, full[i].value);
        expect(json, strlen(json), NHI_ERR_FORMAT);
        /* The same name, spelled in another way. */
        snprintf(json + len, sizeof(json) - len, ",\"\\u00%02x%s\":%s}", full[i].name[0], full[i].name + 1,
                 full[i].value);
        expect(json, strlen(json), NHI_ERR_FORMAT);
    }
}

static void each_claim_of_a_wrong_type(void **state)
{
    static const char *const wrong[] = {
        "null",
        "true",
        "false",
        "1.5",
        "1.0",
        "1e3",
        "-1",
        "0",
        "[]",
        "{}",
        "[1]",
        "[\"builder\"]",
        "{\"a\":1}",
        "\"\"",
        "99999999999999999999999",
        "9223372036854775808",
        "1e999",
        "\" \"",
        "-0",
        "NaN",
        "Infinity",
        "01",
        "+1",
        "0x1",
        "'builder'",
        "builder",
        "\"\\u0000\"",
        "\"a\\u0000\"",
        "\"\\ud800\"",
        "\"\\u00e9\"",
        "\"\xc3\xa9\"",
        "\"\xff\"",
        "\"\\n\"",
        "\"a\nb\"",
        "\"\\q\"",
        "\"",
    };

    (void)state;
    for (size_t i = 0; i < FULL; i++) {
        for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++)
            refused(full[i].name, wrong[k]);
        if (strcmp(full[i].name, "use") != 0)
            refused(full[i].name, "3");
    }
    refused("use", "\"3\"");
    refused("use", "1000001");
    refused("use", "4294967297");
    taken("use", "1");
    taken("use", "1000000");
}

static void unknown_claims(void **state)
{
    static const char *const names[] = { "x", "kid", "JTI", "Sub", "iss", "jti ", "", "sub\\u0000" };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        refused(names[i], "\"x\"");
        refused(names[i], "1");
        refused(names[i], "null");
    }
}

static void the_object_alone(void **state)
{
    static const char *const form[] = { "%s ",        " %s",  "%s\n", "%s\r\n", "\xef\xbb\xbf%s",
                                        "[%s]",       "%s%s", "%s{}", "%s}",    "{%s}",
                                        "{\"a\":%s}", "%s,",  "%s//", "/**/%s", "\"%s\"" };
    static const char *const whole[] = { "",     "{",    "}",      "{}",     "[]",  "null", "\"\"",
                                         "{\"}", "{\"a", "{\\\"}", "{\"\\}", "{,}", "{a}",  "{:}" };
    char json[2048], bad[4200], *deep;
    size_t len;

    (void)state;
    payload("", NULL, json, sizeof(json));
    expect(json, strlen(json), NHI_OK);
    expect(json, strlen(json) - 1, NHI_ERR_FORMAT);
    expect(json, strlen(json) + 1, NHI_ERR_FORMAT); /* a NUL after it */
    for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
        const char *at = strstr(form[i], "%s"), *rest = at + 2;

        len = (size_t)snprintf(bad, sizeof(bad), "%.*s%s", (int)(at - form[i]), form[i], json);
        if (strcmp(rest, "%s") == 0)
            rest = json;
        snprintf(bad + len, sizeof(bad) - len, "%s", rest);
        len = strlen(bad);
        if (len < 690)
            expect(bad, len, NHI_ERR_FORMAT);
        else
            assert_int_equal(nhi_claims_decode(bad, len, &(struct nhi_ticket){ 0 }), NHI_ERR_FORMAT);
    }
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        expect(whole[i], strlen(whole[i]), NHI_ERR_FORMAT);

    deep = malloc(NHI_TICKET_READ_MAX + 1);
    assert_non_null(deep);
    memset(deep, '[', NHI_TICKET_READ_MAX + 1);
    expect(deep, 600, NHI_ERR_FORMAT);
    memset(deep, '{', NHI_TICKET_READ_MAX + 1);
    expect(deep, 600, NHI_ERR_FORMAT);
    assert_int_equal(nhi_claims_decode(deep, NHI_TICKET_READ_MAX + 1, &(struct nhi_ticket){ 0 }), NHI_ERR_TOO_LONG);
    assert_int_equal(nhi_claims_decode(deep, NHI_TICKET_READ_MAX, &(struct nhi_ticket){ 0 }), NHI_ERR_FORMAT);
    free(deep);
}

/* Whitespace that JSON permits, and we do not: between any two tokens. */
static void whitespace_between_tokens(void **state)
{
    static const char spaces[] = " \t\r\n";
    char json[2048], bad[2048];
    bool in_string = false;
    size_t len;

    (void)state;
    payload("", NULL, json, sizeof(json));
    len = strlen(json);
    for (size_t i = 0; i < len; i++) {
        in_string ^= json[i] == '"';
        if (in_string || strchr("{}:,\"", json[i]) == NULL)
            continue;
        for (size_t k = 0; k < 4; k++) {
            snprintf(bad, sizeof(bad), "%.*s%c%s", (int)i + 1, json, spaces[k], json + i + 1);
            expect(bad, len + 1, NHI_ERR_FORMAT);
        }
    }
}

/* Any byte of the payload replaced by any other: whatever is accepted still keeps every grammar. */
static void any_byte_replaced(void **state)
{
    char json[2048];
    size_t i, len, good = 0;

    (void)state;
    payload("", NULL, json, sizeof(json));
    len = strlen(json);
    for (i = 0; i < len; i++) {
        char was = json[i];

        for (int c = 0; c < 256; c++) {
            struct nhi_ticket t;
            char *again = NULL;

            json[i] = (char)c;
            if (nhi_claims_decode(json, len, &t) != NHI_OK)
                continue;
            good++;
            assert_true(c >= ' ' && c <= '~');
            assert_int_equal(nhi_claims_encode(&t, &again), NHI_OK);
            assert_int_equal(strlen(again), len);
            assert_memory_equal(again, json, len);
            nhi_text_free(again);
        }
        json[i] = was;
    }
    assert_true(good > len);
}

static void names_and_lists(void **state)
{
    static const struct member bad[] = {
        { "sub", "\"Builder\"" },
        { "sub", "\"..\"" },
        { "sub", "\"b/c\"" },
        { "sub", "\"" S32 "6\"" },
        { "sub", "\"b:c\"" },
        { "sub", "\"b c\"" },
        { "sub", "\"b\\n\"" },
        { "sub", "\"-b\"" },
        { "sub", "\"1b\"" },
        { "sub", "\"b.c\"" },
        { "sub", "\"root\\u0000\"" },
        { "task", "\"a b\"" },
        { "task", "\"a\\\"b\"" },
        { "task", "\"a\\\\b\"" },
        { "task", "\"a\\tb\"" },
        { "task", "\"\\u007f\"" },
        { "task", "\"" A62 "aaa\"" },
        { "aud", "\"Web1\"" },
        { "aud", "\"web1.\"" },
        { "aud", "\".web1\"" },
        { "aud", "\"a..b\"" },
        { "aud", "\"-a\"" },
        { "aud", "\"a-\"" },
        { "aud", "\"a_b\"" },
        { "aud", "\"*\"" },
        { "aud", "\"a b\"" },
        { "aud", "\"" A62 "aa\"" },
        { "aud", "\"::1\"" },
        { "acc", "\"a  b\"" },
        { "acc", "\" a\"" },
        { "acc", "\"a \"" },
        { "acc", "\"a a\"" },
        { "acc", "\"a b a\"" },
        { "acc", "\"a,b\"" },
        { "acc", "\"*\"" },
        { "acc", "\"a:b\"" },
        { "acc", "\"..\"" },
        { "acc", "\"a ..\"" },
        { "acc", "\"a\\tb\"" },
        { "acc", "\"a\\nb\"" },
        { "acc", "\"1000\"" },
        { "acc", "\"a " S32 "6\"" },
        { "svc", "\"sshd  sudo\"" },
        { "svc", "\"sshd sshd\"" },
        { "svc", "\".\"" },
        { "svc", "\"../sshd\"" },
        { "svc", "\"sshd/\"" },
        { "svc", "\"*\"" },
        { "svc", "\"sshd,sudo\"" },
        { "svc", "\" \"" },
        { "jti", "\"" JTI "A\"" },
        { "jti", "\"AAECAwQFBgcICQoLDA0OD\"" },
        { "jti", "\"AAECAwQFBgcICQoLDA0ODx\"" },
        { "jti", "\"AAECAwQFBgcICQoLDA0O+w\"" },
        { "par", "\"AAECAwQFBgcICQoLDA0ODx\"" },
        { "par", "\"x\"" },
    };
    static const struct member good[] = {
        { "sub", "\"" S32 "\"" },   { "sub", "\"b\\u0061\"" }, { "task", "\"!#$%&'()*+,-./:;<=>?\"" },
        { "task", "\"[{}]\"" },     { "task", "\"\\/\"" },     { "aud", "\"" A62 "a.b\"" },
        { "acc", "\"a\\u0020b\"" }, { "acc", "\"A.b _c-d\"" }, { "svc", "\"systemd-user cron@1\"" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused(bad[i].name, bad[i].value);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        taken(good[i].name, good[i].value);
}

static void escapes_decode(void **state)
{
    char json[2048];
    struct nhi_ticket t;

    (void)state;
    payload("sub", "\"\\u0062uild\\u0065r\"", json, sizeof(json));
    assert_int_equal(read_signed(json, strlen(json), &t), NHI_OK);
    assert_string_equal(t.agent, "builder");
}

static void times(void **state)
{
    static const char *const bad[] = {
        "\"2026-11-23T22:05:00z\"",     "\"2026-11-23T22:05:00\"",  "\"2026-11-23T22:05:00+00:00\"",
        "\"2026-11-23T22:05:00.000Z\"", "\"2026-02-30T00:00:00Z\"", "\"1795471500\"",
        "\"2026-11-23T22:05:00ZZ\"",
    };
    char long_time[200] = "";

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        for (size_t k = 6; k < 9; k++)
            refused(full[k].name, bad[i]);
    /* iat before exp, nbf before exp; nbf may be on either side of iat. */
    refused("exp", "\"2026-11-23T22:05:00Z\"");
    /* Far longer than any time, and than the place that it is read into. */
    memset(long_time, '2', sizeof(long_time) - 1);
    long_time[0] = long_time[sizeof(long_time) - 2] = '"';
    refused("exp", long_time);
    refused("exp", "\"2026-11-23T22:04:59Z\"");
    refused("iat", "\"2026-11-23T23:05:00Z\"");
    refused("iat", "\"2026-11-23T23:05:01Z\"");
    taken("iat", "\"2026-11-23T23:04:59Z\"");
    refused("nbf", "\"2026-11-23T23:05:00Z\"");
    refused("nbf", "\"1970-01-01T00:00:00Z\"");
    taken("nbf", "\"2026-11-23T23:04:59Z\"");
    taken("nbf", "\"1970-01-01T00:00:01Z\"");
    taken("iat", "\"1970-01-01T00:00:00Z\"");
    taken("exp", "\"9999-12-31T23:59:59Z\"");
}

static void bound_keys(void **state)
{
    (void)state;
    refused("cnf", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""); /* small order */
    refused("cnf", "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""); /* small order */
    refused("cnf", "\"AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""); /* not on the curve */
    refused("cnf", "\"JUO5L_EJVRFHatyDadtt3JM2ZaEZeN2hQE7hBmypVZ1\""); /* trailing bits */
    refused("cnf", "\"" KEY "=\"");
    refused("cnf", "\"" KEY "A\"");
    refused("cnf", "\"JUO5L/EJVRFHatyDadtt3JM2ZaEZeN2hQE7hBmypVZ0\"");
    refused("cnf", "\"JUO5L_EJVRFHatyDadtt3JM2ZaEZeN2hQE7hBmypVZ\"");
    refused("cnf", "\"k4.public." KEY "\"");
}

static void ssh_options(void **state)
{
    struct nhi_ticket t;
    char json[2048];

    (void)state;
    payload("ssh", "\"no-pty no-agent-forwarding\"", json, sizeof(json));
    assert_int_equal(read_signed(json, strlen(json), &t), NHI_OK);
    assert_int_equal(t.ssh, 5);
    payload("ssh", "\"restrict\"", json, sizeof(json));
    assert_int_equal(read_signed(json, strlen(json), &t), NHI_OK);
    assert_int_equal(t.ssh, NHI_SSHOPT_ALL);
    /* Only one form for each set. */
    refused("ssh", "\"no-agent-forwarding no-pty\"");
    refused("ssh", "\"no-pty no-pty\"");
    refused("ssh", "\"no-pty,no-agent-forwarding\"");
    refused("ssh", "\"no-pty  no-agent-forwarding\"");
    refused("ssh", "\"no-pty \"");
    refused("ssh", "\"restrict no-pty\"");
    refused("ssh", "\"no-pty no-port-forwarding no-agent-forwarding no-X11-forwarding\"");
    refused("ssh", "\"NO-PTY\"");
    refused("ssh", "\"pty\"");
    refused("ssh", "\"no-touch-required\"");
    refused("ssh", "1");
    /* Without a key, nothing can be taken away. */
    refused("cnf", NULL);
    snprintf(json, sizeof(json),
             "{\"jti\":\"" JTI "\",\"sub\":\"a\",\"task\":\"t\","
             "\"aud\":\"h\",\"acc\":\"a\",\"svc\":\"s\",\"iat\":\"2026-11-23T22:05:00Z\","
             "\"exp\":\"2026-11-23T23:05:00Z\"}");
    expect(json, strlen(json), NHI_OK);
}

static struct nhi_ticket longest(void)
{
    struct nhi_ticket t = { .iat = 0, .nbf = 1, .exp = NHI_TIME_MAX, .uses = 1000000 };
    uint8_t sk[NHI_SK_LEN];

    strcpy(t.jti, JTI);
    strcpy(t.parent, JTI);
    memset(t.agent, 'a', NHI_AGENT_MAX);
    memset(t.task, '~', NHI_TASK_MAX);
    for (size_t i = 0; i < NHI_HOST_MAX; i++)
        t.host[i] = i % 2 == 0 ? 'a' : '.';
    for (size_t i = 0; i < NHI_LIST_MAX; i++)
        t.accounts[i] = i % 3 == 2 ? ' ' : i % 3 == 0 ? (char)('a' + i / 78) : (char)('a' + i / 3 % 26);
    memcpy(t.services, t.accounts, sizeof(t.services));
    t.accounts[NHI_LIST_MAX - 1] = t.services[NHI_LIST_MAX - 1] = 'x';
    golden_key(t.cnf, sk);
    t.has_cnf = true;
    t.ssh = 7;
    return t;
}

static void longest_claims(void **state)
{
    struct nhi_ticket t = longest(), got;
    json_t *parsed;
    char *json = NULL;

    (void)state;
    assert_int_equal(nhi_claims_encode(&t, &json), NHI_OK);
    /* Too long for any ticket, so only the parser reports that it is whole. */
    assert_int_equal(nhi_claims_decode(json, strlen(json), &got), NHI_ERR_TOO_LONG);
    parsed = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_object_size(parsed), FULL);
    json_decref(parsed);
    assert_non_null(strstr(json, ",\"use\":1000000,\"par\":\"" JTI
                                 "\",\"ssh\":\"no-pty no-port-forwarding no-agent-forwarding\"}"));
    nhi_text_free(json);
}

/* encode refuses what decode would: each field of a good ticket broken once. */
static void encode_holds_the_grammar(void **state)
{
    const struct nhi_ticket good = longest();
    struct nhi_ticket bad[21];

    (void)state;
    for (size_t i = 0; i < 21; i++)
        bad[i] = good;
    bad[0].jti[0] = '\0';
    bad[1].agent[0] = 'A';
    bad[2].task[3] = '"';
    bad[3].host[0] = '.';
    bad[4].accounts[2] = ',';
    bad[5].services[0] = ' ';
    bad[6].parent[21] = 'x';
    bad[7].iat = -1;
    bad[8].iat = bad[8].exp;
    bad[9].exp = NHI_TIME_MAX + 1;
    bad[10].nbf = -1;
    bad[11].nbf = bad[11].exp;
    bad[12].uses = 1000001;
    memset(bad[13].cnf, 0, NHI_PK_LEN);
    bad[14].task[0] = '\0';
    bad[15].accounts[0] = '\0';
    bad[16].services[0] = '\0';
    memset(bad[17].agent, 'a', sizeof(bad[17].agent)); /* no NUL */
    memset(bad[18].accounts, 'a', sizeof(bad[18].accounts));
    bad[19].ssh = NHI_SSHOPT_ALL + 1;
    bad[20].has_cnf = false; /* and ssh */
    for (size_t i = 0; i < 21; i++) {
        char *json = NULL;

        if (nhi_claims_encode(&bad[i], &json) != NHI_ERR_FORMAT)
            fail_msg("number %zu", i);
        assert_null(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_no_file),
        cmocka_unit_test(nothing_is_nested),
        cmocka_unit_test(each_claim_missing),
        cmocka_unit_test(each_claim_twice),
        cmocka_unit_test(each_claim_of_a_wrong_type),
        cmocka_unit_test(unknown_claims),
        cmocka_unit_test(the_object_alone),
        cmocka_unit_test(whitespace_between_tokens),
        cmocka_unit_test(any_byte_replaced),
        cmocka_unit_test(names_and_lists),
        cmocka_unit_test(escapes_decode),
        cmocka_unit_test(times),
        cmocka_unit_test(bound_keys),
        cmocka_unit_test(ssh_options),
        cmocka_unit_test(longest_claims),
        cmocka_unit_test(encode_holds_the_grammar),
    };

    return cmocka_run_group_tests_name("claims", tests, setup, NULL);
}

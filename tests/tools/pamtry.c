/* SPDX-License-Identifier: ISC */
/*
 * Tries a PAM service of this machine, as root, with many replies that must all be denied, and with one at the end that
 * must be permitted. Or tries what it is told to, and reports the results.
 *
 *   pamtry SERVICE USER FILE flips|cuts|rubbish [STEP]
 *   pamtry ask      lines of SERVICE USER ADDRESS FILE on standard input: "permit" or "deny" for each
 *
 * FILE has a good ticket on its first line. flips: each bit of it inverted, one at a time, or at each STEPth place (but
 * not into NUL, where a reply ends); cuts: each proper prefix; rubbish: 64 KiB of several kinds. Prints how many were
 * tried. Exit status: 0 all as it must be, 1 one was not, 125 anything else.
 */
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUBBISH_LEN 65536

static const char *service, *user, *address = "127.0.0.1";
static char ticket[2048];
static size_t ticket_len;

static int converse(int n, const struct pam_message **msg, struct pam_response **out, void *data)
{
    struct pam_response *r = calloc((size_t)n, sizeof(*r));

    if (r == NULL)
        return PAM_BUF_ERR;
    for (int i = 0; i < n; i++) {
        if (msg[i]->msg_style != PAM_PROMPT_ECHO_OFF && msg[i]->msg_style != PAM_PROMPT_ECHO_ON)
            continue;
        r[i].resp = strdup(data);
        if (r[i].resp == NULL) {
            while (i > 0)
                free(r[--i].resp);
            free(r);
            return PAM_BUF_ERR;
        }
    }
    *out = r;
    return PAM_SUCCESS;
}

/* Denied logins wait, so that guessing is slow. There are thousands of them here. */
static void no_delay(int status, unsigned usec, void *data)
{
    (void)status;
    (void)usec;
    (void)data;
}

static union {
    void (*fn)(int, unsigned, void *);
    const void *item;
} delay = { .fn = no_delay };

static int knock(char *reply)
{
    struct pam_conv conv = { converse, reply };
    pam_handle_t *pamh = NULL;
    int rc = pam_start(service, user, &conv, &pamh);

    if (rc != PAM_SUCCESS) {
        fputs("pamtry: pam_start failed\n", stderr);
        exit(125);
    }
    if (pam_set_item(pamh, PAM_RHOST, address) != PAM_SUCCESS || pam_set_item(pamh, PAM_TTY, "ssh") != PAM_SUCCESS ||
        pam_set_item(pamh, PAM_FAIL_DELAY, delay.item) != PAM_SUCCESS)
        exit(125);
    /* Like a setuid program that asks for its caller. */
    if (getuid() != 0 && pam_set_item(pamh, PAM_RUSER, user) != PAM_SUCCESS)
        exit(125);
    rc = pam_authenticate(pamh, 0);
    if (rc == PAM_SUCCESS)
        rc = pam_acct_mgmt(pamh, 0);
    pam_end(pamh, rc);
    return rc;
}

static int must_refuse(char *reply, const char *what, size_t n)
{
    if (knock(reply) != PAM_SUCCESS)
        return 0;
    printf("let in: %s %zu\n", what, n);
    return 1;
}

static int flips(size_t step, size_t *tried)
{
    int bad = 0;

    for (size_t bit = 0; bit < ticket_len * 8; bit += step) {
        char reply[sizeof(ticket)];

        memcpy(reply, ticket, ticket_len + 1);
        reply[bit / 8] = (char)(reply[bit / 8] ^ (1 << bit % 8));
        if (reply[bit / 8] == '\0')
            continue;
        bad |= must_refuse(reply, "flipped bit", bit);
        ++*tried;
    }
    return bad;
}

static int cuts(size_t step, size_t *tried)
{
    int bad = 0;

    for (size_t len = 0; len < ticket_len; len += step) {
        char reply[sizeof(ticket)];

        memcpy(reply, ticket, len);
        reply[len] = '\0';
        bad |= must_refuse(reply, "cut at", len);
        ++*tried;
    }
    return bad;
}

static int rubbish(size_t *tried)
{
    static char reply[RUBBISH_LEN + 1];
    static const char *const starts[] = { "", "v4.", "v4.public.", "v4.public.AAAA.", "v4.local.", "v3." };
    int bad = 0;

    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        for (size_t fill = 0; fill < 3; fill++) {
            memset(reply, "A.\xff"[fill], RUBBISH_LEN);
            memcpy(reply, starts[i], strlen(starts[i]));
            bad |= must_refuse(reply, "rubbish", i);
            memcpy(reply, ticket, ticket_len);
            bad |= must_refuse(reply, "ticket and rubbish", i);
            *tried += 2;
        }
    return bad;
}

static bool read_ticket(const char *file)
{
    FILE *f = fopen(file, "re");
    bool read = f != NULL && fgets(ticket, sizeof(ticket), f) != NULL;

    if (!read)
        perror(file);
    if (f != NULL)
        fclose(f);
    ticket_len = strcspn(ticket, "\n");
    ticket[ticket_len] = '\0';
    return read;
}

static int ask(void)
{
    char of[64], as[64], from[64], file[256];

    service = of;
    user = as;
    address = from;
    while (scanf("%63s %63s %63s %255s", of, as, from, file) == 4) {
        if (!read_ticket(file))
            return 125;
        puts(knock(ticket) == PAM_SUCCESS ? "permit" : "deny");
    }
    return 0;
}

int main(int argc, char **argv)
{
    size_t tried = 0, step;
    int bad;

    if (argc == 2 && strcmp(argv[1], "ask") == 0)
        return ask();
    if (argc != 5 && argc != 6) {
        fputs("usage: pamtry SERVICE USER FILE flips|cuts|rubbish [STEP]\n       pamtry ask\n", stderr);
        return 125;
    }
    step = argc == 6 ? strtoul(argv[5], NULL, 10) : 1;
    if (step == 0)
        return 125;
    service = argv[1];
    user = argv[2];
    if (!read_ticket(argv[3]))
        return 125;
    bad = strcmp(argv[4], "flips") == 0  ? flips(step, &tried)
          : strcmp(argv[4], "cuts") == 0 ? cuts(step, &tried)
                                         : rubbish(&tried);
    if (knock(ticket) != PAM_SUCCESS) {
        puts("refused: the ticket itself");
        bad = 1;
    }
    printf("%zu refused\n", tried);
    return bad;
}

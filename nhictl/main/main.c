/* SPDX-License-Identifier: ISC */
/*
 * nhictl: which verb is meant, and running it.
 *
 * MUST: no ticket and no secret key on the command line: everybody can read it there.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "libnhi/base/version.h"
#include "libnhi/session/session.h"
#include "libnhi/ticket/ticket.h"
#include "nhictl/main/help.h"
#include "nhictl/main/proposal.h"
#include "nhictl/main/verbs.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"

#define TICKET_TEXT NHI_TICKET_PREFIX "public."

#define VERB_TABLE(name) name##_verbs,
static const struct verb *const tables[] = { VERB_TABLES(VERB_TABLE) NULL };
#undef VERB_TABLE

static bool is_noun(const char *word)
{
    for (size_t t = 0; tables[t] != NULL; t++)
        for (const struct verb *v = tables[t]; v->verb != NULL; v++)
            if (v->noun != NULL && strcmp(v->noun, word) == 0)
                return true;
    return false;
}

/* words: how many elements of argv named the verb. */
static const struct verb *find(int argc, char **argv, int *words)
{
    for (size_t t = 0; tables[t] != NULL; t++)
        for (const struct verb *v = tables[t]; v->verb != NULL; v++) {
            if (v->noun == NULL && strcmp(v->verb, argv[1]) == 0) {
                *words = 1;
                return v;
            }
            if (v->noun != NULL && argc > 2 && strcmp(v->noun, argv[1]) == 0 && strcmp(v->verb, argv[2]) == 0) {
                *words = 2;
                return v;
            }
        }
    return NULL;
}

static int unknown_command(struct ctl *c)
{
    char hint[TYPED_MAX];
    bool two = c->typed_count > 1 && is_noun(c->typed[0]);

    proposal(c, hint);
    return ctl_fail(c, CTL_USAGE, hint, "there is no command '%s%s%s'", c->typed[0], two ? " " : "",
                    two ? c->typed[1] : "");
}

/* A file of ours must not become descriptor 0, 1 or 2, or an answer would be written into it. If one of them is closed,
 * reading or writing it must fail as before. */
static void fill_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            _exit(CTL_SYSTEM);
}

/* The kernel shows every process's command line to every user, and the shell keeps it. */
static int refuse_secrets(struct ctl *c, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = strncmp(argv[i], "--", 2) == 0 ? strchr(argv[i], '=') : NULL;

        value = value != NULL ? value + 1 : argv[i];
        if (strncmp(value, TICKET_TEXT, strlen(TICKET_TEXT)) == 0)
            return ctl_fail(c, CTL_USAGE, "nhictl ticket inspect FILE, or - for standard input",
                            "every user of this host can read a ticket on the command line, and the shell keeps it in "
                            "its history: use a file");
        if (strncmp(value, "k4.secret", strlen("k4.secret")) == 0)
            return ctl_fail(c, CTL_USAGE, "nhictl key add KID k4.public....",
                            "every user of this host can read a secret key on the command line: consider it lost, and "
                            "make a new one");
    }
    return CTL_DONE;
}

static bool wants(int argc, char **argv, const char *option)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], option) == 0)
            return true;
    return false;
}

/* A code that the command itself may return must not be ours. */
static int failed_with(const struct verb *v, int code)
{
    return v != NULL && v->operand_max == COMMAND_OPERANDS ? CTL_NOT_RUN : code;
}

static int run(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    void *args = calloc(1, v->args_size > 0 ? v->args_size : 1);
    bool failed;
    int code;

    c->verb = v;
    if (args == NULL)
        return ctl_fail(c, failed_with(v, CTL_SYSTEM), NULL, "out of memory");
    code = opts_parse(c, v, argc, argv, args);
    failed = code != CTL_DONE;
    if (code == CTL_DONE && c->help) {
        code = help_verb(v);
    } else if (code == CTL_DONE) {
        c->args = args;
        c->out = out_new(c->json, c->now);
        code = v->run(c);
        out_free(c->out);
    }
    free(args);
    return failed ? failed_with(v, code) : code;
}

static int show_version(struct ctl *c)
{
    struct out_row *r;
    int code;

    c->out = out_new(c->json, c->now);
    r = out_row_new(c->out);
    out_text(r, "version", NULL, NHI_VERSION);
    out_record(c->out, NULL, r);
    out_line(c->out, "nhi %s", NHI_VERSION);
    code = ctl_answer(c);
    out_free(c->out);
    return code;
}

/* Called by ssh: nhi-askpass PROMPT. */
static int as_askpass(struct ctl *c, int argc, char **argv)
{
    char name[] = "askpass", dashes[] = "--";
    char *args[] = { name, dashes, argc > 1 ? argv[1] : NULL, NULL };

    return run(c, askpass_verbs, argc > 1 ? 3 : 1, args);
}

static bool is_called(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');

    return strcmp(slash != NULL ? slash + 1 : path, name) == 0;
}

/* nhictl help [NOUN] [VERB]: argv[1] is the noun. */
static int help(struct ctl *c, int argc, char **argv)
{
    bool named = argc > 1 && argv[1][0] != '-';
    int words;
    const struct verb *v = named ? find(argc, argv, &words) : NULL;

    if (v != NULL)
        return help_verb(v);
    c->typed = argv + 1;
    c->typed_count = argc - 1;
    if (named && (!is_noun(argv[1]) || (argc > 2 && argv[2][0] != '-')))
        return unknown_command(c);
    help_overview(stdout, tables, named ? argv[1] : NULL);
    return fflush(stdout) == 0 ? CTL_DONE : CTL_SYSTEM;
}

int main(int argc, char **argv)
{
    struct ctl c = { .now = nhi_now(), .loginuid = -1, .verbs = tables };
    uint32_t uid;
    const struct verb *v;
    int words = 0, code;

    /* Files are made with exact modes. A reader that has gone away is a write error to be reported, and must not end
     * this process between two steps. */
    fill_descriptors();
    c.umask = umask(022);
    if (nhi_proc_loginuid(getpid(), &uid) == NHI_OK)
        c.loginuid = uid;
    /* Tickets, keys and passphrases are in this memory: a crash, or Ctrl-\, must not write it to a disk. A program that
     * is executed from here has its own setting. */
    (void)prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);
    /* A file that must not grow (ulimit -f) must not end this process either: it still ends what has to end, and
     * reports the error. */
    signal(SIGXFSZ, SIG_IGN);
    if (argc > 0 && is_called(argv[0], "nhi-askpass"))
        return as_askpass(&c, argc, argv);
    c.json = wants(argc, argv, "--json");
    c.typed = argv + 1;
    c.typed_count = argc - 1;
    if (argc < 2) {
        help_overview(stderr, tables, NULL);
        return CTL_USAGE;
    }
    v = find(argc, argv, &words);
    code = refuse_secrets(&c, argc, argv);
    if (code != CTL_DONE)
        return failed_with(v, code);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return help(&c, argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") == 0)
        return show_version(&c);
    if (v != NULL)
        return run(&c, v, argc - words, argv + words);
    if (is_noun(argv[1]) && (argc == 2 || wants(argc, argv, "--help"))) {
        help_overview(argc == 2 ? stderr : stdout, tables, argv[1]);
        return argc == 2 ? CTL_USAGE : CTL_DONE;
    }
    return unknown_command(&c);
}

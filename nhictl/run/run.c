/* SPDX-License-Identifier: ISC */
/*
 * run: a command as an agent, for a task, with a ticket that lives as long as the command.
 *
 * MUST: SIGKILL of this process, at any moment, leaves nothing that could open anything: the ticket works only below
 * this process, in this boot.
 */
#include "nhictl/run/run.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "libnhi/check/privileged.h"
#include "nhictl/run/run_command.h"
#include "nhictl/run/run_end.h"
#include "nhictl/run/run_terminal.h"
#include "nhictl/run/run_ticket.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"

#define GRACE 10 /* seconds between SIGTERM and SIGKILL for the command itself */
/* Seconds. The distance to a moment changes when the clock is set, and nothing reports that. */
#define LONGEST_WAIT 10
#define HELD_NS 200000000 /* nanoseconds between two looks whether the terminal is ours again */

/* Signals that are passed on to the command, and those that report its end. */
static const int passed_on[] = {
    SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGWINCH, SIGTSTP
};

/* Signals that were ignored (nohup) stay ignored. Returns a descriptor to read signals from; -1: errno. */
static int hold_signals(void)
{
    sigset_t held, terminal;
    struct sigaction now;

    sigemptyset(&held);
    sigaddset(&held, SIGCHLD);
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
        if (sigaction(passed_on[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&held, passed_on[i]);
    /* Using the terminal from the background must not stop this process: the command continues. */
    terminal = held;
    sigaddset(&terminal, SIGTTIN);
    sigaddset(&terminal, SIGTTOU);
    sigprocmask(SIG_BLOCK, &terminal, NULL);
    return signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int find_account(struct ctl *c, const char *agent, struct passwd **out)
{
    struct nhi_host_account local;
    struct passwd *pw = getpwnam(agent);
    enum nhi_err err = nhi_host_account_by_name(agent, &local);

    if (err == NHI_ERR_NOT_FOUND || pw == NULL)
        return ctl_fail(c, CTL_REFUSED, "nhictl agent list, and the line 'passwd' in /etc/nsswitch.conf",
                        "there is no account '%s' on this host", agent);
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not look up account %s: %s", agent, nhi_strerror(err));
    if (local.privileged)
        return ctl_fail(c, CTL_REFUSED, NULL, "account %s is privileged (%s)", agent, local.because);
    if (!local.own || pw->pw_uid != local.uid)
        return ctl_fail(c, CTL_REFUSED, "nhictl doctor",
                        "the name %s resolves to uid %u on this host, which is not the agent", agent, pw->pw_uid);
    *out = pw;
    return CTL_DONE;
}

/* Renewed at half of its life; after a failure, tried again well before the end. */
static int64_t next_moment(const struct ctl *c, const struct run *r, bool failed)
{
    int64_t at = r->exp - r->ttl / 2;

    if (failed)
        at = c->now + (r->ttl >= 16 ? r->ttl / 16 : 1);
    return r->exp >= r->deadline || at > r->deadline ? r->deadline : at;
}

/* Returns a signal that came; 0: none. */
static int wait_until(struct ctl *c, int signals, struct run_terminal *t, int64_t moment)
{
    struct pollfd fds[1 + RUN_TERMINAL_FDS] = { { .fd = signals, .events = POLLIN } };
    struct timespec now, left = { .tv_sec = 0 };
    struct signalfd_siginfo info;
    size_t count = 1 + run_terminal_poll(t, fds + 1);
    bool came;

    /* Until that moment exactly, not a number of whole seconds: the ticket may have one second left. */
    clock_gettime(CLOCK_REALTIME, &now);
    if (moment > now.tv_sec + LONGEST_WAIT)
        left.tv_sec = LONGEST_WAIT;
    else if (moment > now.tv_sec)
        left = (struct timespec){ .tv_sec = moment - now.tv_sec - 1, .tv_nsec = 999999999L - now.tv_nsec };
    if (run_terminal_is_held(t) && (left.tv_sec > 0 || left.tv_nsec > HELD_NS))
        left = (struct timespec){ .tv_nsec = HELD_NS };
    (void)ppoll(fds, count, &left, NULL);
    run_terminal_carry(t);
    came = read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info);
    c->now = nhi_now();
    return came ? (int)info.ssi_signo : 0;
}

/* Returns the command's exit status, and in why what ended it, if it did not end by itself. */
static int supervise(struct ctl *c, struct run *r, struct run_terminal *t, const char **why)
{
    bool over = false, failed = false;
    int64_t moment = next_moment(c, r, failed);
    int code = CTL_NOT_RUN, sig;

    for (;;) {
        sig = wait_until(c, r->signals, t, moment);
        if (sig == SIGCHLD && run_reap(r->child, &code))
            return code;
        if (sig == SIGWINCH)
            run_terminal_resize(t);
        if (sig > 0 && sig != SIGCHLD)
            (void)kill(-r->child, sig);
        /* After any signal: a command whose processes end all the time must not delay this. */
        if (c->now < moment)
            continue;
        if (over) {
            (void)kill(-r->child, SIGKILL);
        } else if (c->now >= r->deadline) {
            *why = "the deadline";
            over = true;
        } else {
            int renewed = run_renew(c, r);

            failed = renewed != CTL_DONE;
            if (renewed == CTL_REFUSED) {
                *why = "its ticket could not be renewed";
                over = true;
            }
        }
        if (over)
            (void)kill(-r->child, SIGTERM);
        moment = over ? c->now + GRACE : next_moment(c, r, failed);
    }
}

static void end(struct ctl *c, const struct run *r, int code, const char *why)
{
    char text[64];

    snprintf(text, sizeof(text), RUN_ENDED, code);
    /* Processes that are left belong to the agent as long as they exist. The ticket is revoked only after them: a
     * supervisor that finds a session with a revoked ticket ends this process as well, which still has to return the
     * command's exit status. */
    if (run_end_rest())
        run_leave(r);
    c->now = nhi_now();
    run_close(c, r, why != NULL ? why : text);
    /* Last: the terminal may accept nothing. */
    if (why != NULL)
        ctl_note("%s was ended: %s", r->job, why);
}

static int run(struct ctl *c)
{
    const struct run_args *args = c->args;
    struct run r = { .child = -1, .signals = -1 };
    struct run_terminal t;
    struct passwd *pw = NULL;
    const char *why = NULL;
    int code;

    signal(SIGCHLD, SIG_DFL);
    code = find_account(c, args->agent, &pw);
    if (pw != NULL)
        r.uid = pw->pw_uid;
    /* A person at a terminal can still change the decision. */
    if (code == CTL_DONE && args->keyring)
        code = signer_open(c, NULL, &r.signer);
    if (code == CTL_DONE && (r.signals = hold_signals()) < 0)
        code = ctl_fail(c, CTL_SYSTEM, NULL, "could not hold signals: %s", strerror(errno));
    if (code == CTL_DONE)
        code = run_open(c, args, &r);
    if (code != CTL_DONE) {
        signer_close(&r.signer);
        run_refused(c, args);
        return CTL_NOT_RUN;
    }
    if (!run_terminal_open(&t, r.uid))
        code = ctl_fail(c, CTL_NOT_RUN, "</dev/null and a file for the output",
                        "could not make a terminal for the command: %s", strerror(errno));
    else
        code = run_start(c, pw, &t, args->keyring, &r.child);
    if (code == 0) {
        run_terminal_take(&t);
        code = supervise(c, &r, &t, &why);
    } else {
        why = "it could not be started";
    }
    run_terminal_close(&t);
    signer_close(&r.signer);
    end(c, &r, code, why);
    return code;
}

#define AT(field) offsetof(struct run_args, field)

static const struct opt run_opts[] = {
    { "agent", OPT_NAME, AT(agent), true, "NAME", "whose account runs the command", nhi_name_is_agent, 0 },
    { "job", OPT_TEXT, AT(job), false, "NAME", "open a task of its own: NAME, the time and six characters", NULL,
      NHI_TASK_MAX },
    { "task", OPT_NAME, AT(task), false, "ID", "open this task instead, or work for it if it is open", nhi_name_is_task,
      0 },
    { "service", OPT_LIST, AT(services), false, "NAME[,...]", "the PAM services (sudo)", nhi_name_is_service, 0 },
    { "ttl", OPT_DURATION, AT(ttl), false, "SPAN", "how long the ticket lives after each renewal (10m)", NULL, 0 },
    { "until", OPT_UNTIL, AT(until), false, "WHEN", "when to end the command (8h)", NULL, 0 },
    { "keyring", OPT_FLAG, AT(keyring), false, NULL, "put a ticket for sshd into the keyring, where ssh finds it", NULL,
      0 },
    { "host", OPT_NAME, AT(host), false, "NAME", "with --keyring: for this host name (this host)", nhi_name_is_host,
      0 },
    { "account", OPT_NAME, AT(account), false, "NAME", "with --keyring: for this account there (the agent's own)",
      nhi_name_is_account, 0 },
    { "concurrent", OPT_FLAG, AT(concurrent), false, NULL,
      "allow it beside another open task of the agent: both can reach each other", NULL, 0 },
    { .name = NULL },
};

const struct verb run_verbs[] = {
    { NULL, "run", run, run_opts, sizeof(struct run_args), 0, COMMAND_OPERANDS,
      "--agent NAME --job NAME [options] -- COMMAND [ARG...]",
      "Run a command as an agent, with a ticket that ends with it.",
      "For crontabs and units. Inside, sudo finds the ticket by itself: nothing is in the environment,\n"
      "the command line or the home directory. When the command ends, processes that it left running are\n"
      "ended, and its ticket and task are closed. Exit status: that of the command, or 128+N after\n"
      "signal N; 125 if nothing was run, 126 if the command cannot be executed, 127 if it does not exist.",
      "nhictl run --agent ci-bot --job nightly -- sudo -n systemctl restart web" },
    { .verb = NULL },
};

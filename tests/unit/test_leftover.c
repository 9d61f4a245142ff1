/* SPDX-License-Identifier: ISC */
/* Processes without a session: who started them, with systemd and without, on an agent's own account and on one that
 * accepts tickets only. */
/* Invariant: 19. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nhictl/leftover/leftover_judge.h"

#define STAYS LEFTOVER_STAYS
#define NAMED LEFTOVER_NAMED
#define ENDED LEFTOVER_ENDED
#define NONE 9 /* impossible on that kind of host */

struct row {
    const char *who;
    struct leftover_facts f;
    /* With systemd: own account, ticket only; without: the same. */
    int word[4];
};

static const struct row rows[] = {
    { "a session that is live", { .inside = true, .login = LOGIN_AGENTS }, { STAYS, STAYS, STAYS, STAYS } },
    { "another agent's live session, by sudo", { .inside = true }, { STAYS, STAYS, STAYS, STAYS } },
    { "an ended session, of an audit session", { .login = LOGIN_AGENTS }, { ENDED, ENDED, ENDED, ENDED } },
    { "an ended session, of a cgroup", { .cgroup = true }, { NONE, NONE, ENDED, ENDED } },
    { "an orphan without a login", { .login = LOGIN_NONE }, { ENDED, NAMED, ENDED, NAMED } },
    { "a process that wrote its own login uid", { .login = LOGIN_OTHER }, { ENDED, NAMED, ENDED, NAMED } },
    { "the account's manager", { .unit = UNIT_MANAGER }, { ENDED, ENDED, NONE, NONE } },
    { "the manager of an account that lingered earlier", { .unit = UNIT_KEPT }, { ENDED, NAMED, NONE, NONE } },
    { "a unit of root", { .unit = UNIT_ROOTS }, { STAYS, STAYS, NONE, NONE } },
    { "a unit from its crontab", { .unit = UNIT_CRONTAB }, { ENDED, ENDED, NONE, NONE } },
    { "a pipe of mail, in the server's unit",
      { .unit = UNIT_DELIVERY, .delivered = true },
      { ENDED, ENDED, NONE, NONE } },
    { "what a pipe of mail left in that unit", { .unit = UNIT_DELIVERY }, { ENDED, ENDED, NONE, NONE } },
    { "a pipe of mail", { .delivered = true }, { ENDED, ENDED, ENDED, ENDED } },
    { "a job of cron or at without PAM", { .delivered = true, .login = LOGIN_OTHER }, { ENDED, ENDED, ENDED, ENDED } },
    { "a worker of another daemon", { .unit = UNIT_OTHER }, { ENDED, NAMED, ENDED, NAMED } },
    { "a unit that systemd does not describe", { .unit = UNIT_UNKNOWN }, { NAMED, NAMED, NONE, NONE } },
    { "a person, by sudo in a login", { .login = LOGIN_PERSONS }, { STAYS, STAYS, STAYS, STAYS } },
    { "root's cron, by su", { .login = LOGIN_PERSONS, .delivered = true }, { STAYS, STAYS, STAYS, STAYS } },
    { "root at a terminal, no audit", { .terminal = true }, { STAYS, STAYS, STAYS, STAYS } },
    { "a person, no audit", { .person = true }, { STAYS, STAYS, STAYS, STAYS } },
    { "at a terminal, of an ended session",
      { .terminal = true, .login = LOGIN_AGENTS },
      { ENDED, ENDED, ENDED, ENDED } },
    { "below a process of a person, with a login uid of its own choice",
      { .person = true, .login = LOGIN_OTHER },
      { ENDED, NAMED, ENDED, NAMED } },
    { "a container of root", { .contained = true }, { STAYS, STAYS, STAYS, STAYS } },
    { "a container that cannot be looked at", { .unsure = true }, { NAMED, NAMED, NAMED, NAMED } },
    { "from an earlier time, an orphan", { .before = true }, { NAMED, NAMED, NAMED, NAMED } },
    { "from an earlier time, a pipe of mail", { .before = true, .delivered = true }, { NAMED, NAMED, NAMED, NAMED } },
    { "from an earlier time, a unit of root", { .before = true, .unit = UNIT_ROOTS }, { STAYS, STAYS, NONE, NONE } },
    { "from an earlier time, the manager", { .before = true, .unit = UNIT_MANAGER }, { NAMED, NAMED, NONE, NONE } },
    { "a daemon that root declared", { .daemons = true }, { ENDED, NAMED, STAYS, NAMED } },
    { "declared, and a pipe of mail", { .daemons = true, .delivered = true }, { ENDED, ENDED, ENDED, ENDED } },
    { "declared, and an ended session", { .daemons = true, .login = LOGIN_AGENTS }, { ENDED, ENDED, ENDED, ENDED } },
    { "declared, with a login uid of its own choice",
      { .daemons = true, .login = LOGIN_OTHER },
      { ENDED, NAMED, ENDED, NAMED } },
};

static void each_who_on_each_host(void **state)
{
    static const char *const word[] = { "stays", "named", "ended" };
    size_t wrong = 0, asked = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int k = 0; k < 4; k++) {
            struct leftover_facts f = rows[i].f;
            const char *why = NULL;
            int got;

            if (rows[i].word[k] == NONE)
                continue;
            f.systemd = k < 2;
            f.own = k % 2 == 0;
            got = (int)leftover_judge(&f, &why);
            asked++;
            assert_non_null(why);
            if (got == rows[i].word[k])
                continue;
            wrong++;
            print_error("%s, %s, %s account: %s, not %s\n", rows[i].who, f.systemd ? "systemd" : "no systemd",
                        f.own ? "own" : "ticket-only", word[got], word[rows[i].word[k]]);
        }
    assert_int_equal(wrong, 0);
    assert_true(asked > 100);
}

/* No fact in favour of an agent takes a process from a person or a container. */
static void whatever_else_is_so(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 1U << 10; bits++)
        for (int login = LOGIN_NONE; login <= LOGIN_OTHER; login++)
            for (int unit = UNIT_OTHER; unit <= UNIT_UNKNOWN; unit++) {
                struct leftover_facts f = { .own = (bits & 1) != 0,
                                            .systemd = (bits & 2) != 0,
                                            .daemons = (bits & 4) != 0,
                                            .before = (bits & 8) != 0,
                                            .inside = (bits & 16) != 0,
                                            .contained = (bits & 32) != 0,
                                            .unsure = (bits & 64) != 0,
                                            .terminal = (bits & 128) != 0,
                                            .delivered = (bits & 256) != 0,
                                            .cgroup = (bits & 512) != 0,
                                            .login = (enum leftover_login)login,
                                            .unit = (enum leftover_unit)unit };
                const char *why;
                enum leftover_verdict word = leftover_judge(&f, &why);

                if (f.inside || f.contained || f.login == LOGIN_PERSONS || f.unit == UNIT_ROOTS)
                    assert_int_equal(word, LEFTOVER_STAYS);
                else if (f.before || f.unsure)
                    assert_int_not_equal(word, LEFTOVER_ENDED);
                if (!f.own && word == LEFTOVER_ENDED)
                    assert_true(f.login == LOGIN_AGENTS || f.cgroup || f.delivered || f.unit == UNIT_MANAGER ||
                                f.unit == UNIT_CRONTAB || f.unit == UNIT_DELIVERY);
            }
}

static void units_in_cgroups(void **state)
{
    static const struct {
        const char *cgroup;
        enum leftover_unit unit;
        const char *name;
    } all[] = {
        { "/system.slice/cron.service", UNIT_UNKNOWN, "cron.service" },
        { "/system.slice/system-postfix.slice/postfix@-.service", UNIT_UNKNOWN, "postfix@-.service" },
        { "/system.slice/a.service/b.service", UNIT_UNKNOWN, "a.service" },
        { "/user.slice/user-70001.slice/user@70001.service/app.slice/x.service", UNIT_MANAGER, "" },
        { "/user.slice/user-70002.slice/user@70002.service/app.slice/x.service", UNIT_OTHER, "" },
        { "/user.slice/user-1000.slice/user@1000.service/system.slice/user@70001.service", UNIT_OTHER, "" },
        { "/user.slice/user-70001.slice/session-3.scope", UNIT_OTHER, "" },
        { "/machine.slice/libpod-1.scope/x.service", UNIT_OTHER, "" },
        { "/init.scope", UNIT_OTHER, "" },
        { "/system.slice/--version.service", UNIT_OTHER, "" },
        { "/", UNIT_OTHER, "" },
        { "", UNIT_OTHER, "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char name[64] = "";

        assert_int_equal(leftover_unit_in(all[i].cgroup, 70001, name, sizeof(name)), all[i].unit);
        assert_string_equal(name, all[i].name);
    }
    assert_true(leftover_delivers("cron.service") && leftover_delivers("postfix@-.service") &&
                leftover_delivers("cron"));
    assert_true(leftover_delivers("atd.service") && leftover_delivers("local") && leftover_delivers("dovecot-lda"));
    assert_false(leftover_delivers("cron-ci-bot-0.service"));
    assert_false(leftover_delivers("php8.2-fpm.service") || leftover_delivers("") || leftover_delivers("sshd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_who_on_each_host),
        cmocka_unit_test(whatever_else_is_so),
        cmocka_unit_test(units_in_cgroups),
    };

    return cmocka_run_group_tests_name("what runs without a session", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* The lines of the local files: read as the C library reads them, and none that matters is passed over. */
/* Invariants: 14, 20. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/check/local_lines.h"
#include "tests/lib/state.h"

#define FILE_NAME NHI_STATE_DIR "/lines"
#define ROUNDS 8000
#define PART 65536 /* what is read at once */

static const struct nhi_lines all = { .file = FILE_NAME, .letters = "" };

static void spill(const char *text, size_t len)
{
    state_spill(FILE_NAME, text, len);
}

/* ---- against the C library ---- */

#define TEXT_MAX 262144
static char found[TEXT_MAX], wanted[TEXT_MAX];

static void add(char *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(char *to, const char *format, ...)
{
    size_t used = strlen(to);
    va_list args;

    va_start(args, format);
    vsnprintf(to + used, TEXT_MAX - used, format, args);
    va_end(args);
}

/* The members that are asked for: names of one and two letters. */
static const char *const people[] = { "a", "b", "ab", "a b", "b ", "0" };
#define PEOPLE (sizeof(people) / sizeof(people[0]))

static enum nhi_err note_group(struct nhi_line line, void *ctx)
{
    struct nhi_local_group g;

    (void)ctx;
    if (!nhi_line_is_group(line, &g) || g.name.at == g.name.end || strchr("+-", *g.name.at) != NULL)
        return NHI_OK;
    add(found, "%.*s %u:", (int)(g.name.end - g.name.at), g.name.at, g.gid);
    for (size_t i = 0; i < PEOPLE; i++)
        if (nhi_local_group_lists(&g, people[i]))
            add(found, " %s", people[i]);
    add(found, "\n");
    return NHI_OK;
}

static void note_groups_of_libc(void)
{
    FILE *f = fopen(FILE_NAME, "re");
    struct group gr, *got;
    char buf[8192];

    assert_non_null(f);
    while (fgetgrent_r(f, &gr, buf, sizeof(buf), &got) == 0) {
        if (gr.gr_name[0] == '\0' || strchr("+-", gr.gr_name[0]) != NULL)
            continue;
        add(wanted, "%s %u:", gr.gr_name, gr.gr_gid);
        for (size_t i = 0; i < PEOPLE; i++)
            for (char **m = gr.gr_mem; *m != NULL; m++)
                if (strcmp(*m, people[i]) == 0) {
                    add(wanted, " %s", people[i]);
                    break;
                }
        add(wanted, "\n");
    }
    fclose(f);
}

/* Lines of four fields as a rule. No NUL, and a newline at the end: in both cases the C library may take a part of an
 * earlier line for a part of this one. */
static size_t random_text(char *text, size_t max)
{
    static const char *const words[] = {
        "a", "b",  "ab", "a b", "0", "7",  "42", "4294967295", "4294967296", "36893488147419103239", "-", "+", "#", ",",
        ",", "\t", "\r", " ",   "",  "ab", "a",  ":",          "\n"
    };
    size_t lines = state_random() % 8, used = 0;

    for (size_t i = 0; i < lines; i++)
        for (int field = 0; field < 4; field++) {
            for (uint32_t n = state_random() % 3 + (field == 3); n > 0; n--)
                used += (size_t)snprintf(text + used, max - used, "%s",
                                         words[state_random() % (sizeof(words) / sizeof(words[0]))]);
            text[used++] = field < 3 ? ':' : '\n';
        }
    return used;
}

struct listing {
    const char *member;
    int groups;
};

static enum nhi_err count_listing(struct nhi_line line, void *ctx)
{
    struct nhi_local_group g;
    struct listing *l = ctx;

    l->groups += nhi_line_is_group(line, &g) && nhi_local_group_lists(&g, l->member);
    return NHI_OK;
}

/* Lines that are passed over list nobody who was asked for. */
static void found_by_word(void)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        const struct nhi_lines of = { FILE_NAME, people[i], "" };
        struct listing some = { people[i], 0 }, every = { people[i], 0 };

        assert_int_equal(nhi_lines_each(&of, count_listing, &some), NHI_OK);
        assert_int_equal(nhi_lines_each(&all, count_listing, &every), NHI_OK);
        assert_int_equal(some.groups, every.groups);
    }
}

static void groups_like_libc(void **state)
{
    char text[2000];
    size_t len, compared = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        len = random_text(text, sizeof(text));
        spill(text, len);
        found[0] = wanted[0] = '\0';
        assert_int_equal(nhi_lines_each(&all, note_group, NULL), NHI_OK);
        note_groups_of_libc();
        assert_string_equal(found, wanted);
        found_by_word();
        compared += strlen(found) > 0;
    }
    assert_in_range(compared, ROUNDS / 10, ROUNDS);
}

struct account {
    const char *name;
    char text[4096];
};

static enum nhi_err note_account(struct nhi_line line, void *ctx)
{
    struct account *a = ctx;
    uint32_t uid, gid;
    size_t used = strlen(a->text);

    if (nhi_line_is_account(line, a->name, &uid, &gid))
        snprintf(a->text + used, sizeof(a->text) - used, "%u %u\n", uid, gid);
    return NHI_OK;
}

static void accounts_like_libc(void **state)
{
    char text[2000], buf[8192], want[4096];
    struct account a;
    struct passwd pw, *got;
    size_t used, compared = 0;
    FILE *f;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        spill(text, random_text(text, sizeof(text)));
        for (size_t k = 0; k < 3; k++) {
            const struct nhi_lines of = { FILE_NAME, people[k], "" };

            a.name = people[k];
            a.text[0] = want[0] = '\0';
            assert_int_equal(nhi_lines_each(&of, note_account, &a), NHI_OK);
            f = fopen(FILE_NAME, "re");
            assert_non_null(f);
            while (fgetpwent_r(f, &pw, buf, sizeof(buf), &got) == 0) {
                used = strlen(want);
                if (strcmp(pw.pw_name, a.name) == 0)
                    snprintf(want + used, sizeof(want) - used, "%u %u\n", pw.pw_uid, pw.pw_gid);
            }
            fclose(f);
            assert_string_equal(a.text, want);
            compared += want[0] != '\0';
        }
    }
    assert_in_range(compared, 10, 3 * ROUNDS);
}

/* ---- what is passed over ---- */

static enum nhi_err note_line(struct nhi_line line, void *ctx)
{
    (void)ctx;
    add(found, "%.*s|", (int)(line.end - line.at), line.at);
    return NHI_OK;
}

static void lines_with(const char *word, const char *letters, const char *want)
{
    const struct nhi_lines which = { FILE_NAME, word, letters };

    found[0] = '\0';
    assert_int_equal(nhi_lines_each(&which, note_line, NULL), NHI_OK);
    assert_string_equal(found, want);
}

static void wanted_lines(void **state)
{
    static const char text[] = "one:x:1:bob\n\n \n sudo:x:2:\nthree:x:3:rob,bob\nsix:x:6:eve\nbob:x:7:\nfour:x:4:bobo";

    (void)state;
    spill(text, sizeof(text) - 1);
    lines_with(NULL, "", "one:x:1:bob|| | sudo:x:2:|three:x:3:rob,bob|six:x:6:eve|bob:x:7:|four:x:4:bobo|");
    lines_with("bob", "", "one:x:1:bob|three:x:3:rob,bob|bob:x:7:|four:x:4:bobo|");
    lines_with("bob", "s", "one:x:1:bob| | sudo:x:2:|three:x:3:rob,bob|six:x:6:eve|bob:x:7:|four:x:4:bobo|");
    lines_with("nobody", "", "");
    lines_with("nobody", "t", " | sudo:x:2:|three:x:3:rob,bob|");
    spill("", 0);
    lines_with(NULL, "", "");
}

/* Lines of all lengths around the place at which one part of the file ends and the next begins. */
static void parts(void **state)
{
    static char text[3 * PART];
    static const char line[] = "sudo:x:27:alice,bob\n";
    size_t len = strlen(line);

    (void)state;
    for (size_t before = PART - 2 * len; before < PART + len; before++)
        for (int last = 0; last < 2; last++) {
            memset(text, 'x', sizeof(text));
            for (size_t i = 99; i < before; i += 100)
                text[i] = '\n';
            text[before - 1] = '\n';
            memcpy(text + before, line, len);
            spill(text, last != 0 ? before + len - 1 : sizeof(text));
            lines_with("bob", "", "sudo:x:27:alice,bob|");
            lines_with("nobody", "s", "sudo:x:27:alice,bob|");
        }
}

static enum nhi_err stop_at_once(struct nhi_line line, void *ctx)
{
    (void)line;
    ++*(int *)ctx;
    return NHI_ERR_FULL;
}

/* What cannot be read to its end is an error, and so is a line that nobody would have written. */
static void errors(void **state)
{
    const struct nhi_lines none = { NHI_STATE_DIR "/none", NULL, "" }, dir = { NHI_STATE_DIR, NULL, "" };
    static char text[(1 << 20) + 3];
    int seen = 0;

    (void)state;
    assert_int_equal(nhi_lines_each(&none, note_line, NULL), NHI_ERR_SYS);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(nhi_lines_each(&dir, note_line, NULL), NHI_ERR_SYS);
    assert_int_equal(errno, EINVAL);
    spill("a\nb\n", 4);
    assert_int_equal(nhi_lines_each(&all, stop_at_once, &seen), NHI_ERR_FULL);
    assert_int_equal(seen, 1);
    /* Its first byte is at an address that nothing has. */
    assert_int_equal(mount("/proc/self/mem", FILE_NAME, NULL, MS_BIND, NULL), 0);
    assert_int_equal(nhi_lines_each(&all, note_line, NULL), NHI_ERR_SYS);
    assert_int_equal(errno, EIO);
    assert_int_equal(umount(FILE_NAME), 0);
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < 2; i++) {
        found[0] = '\0';
        spill(text, (1 << 20) + i);
        assert_int_equal(nhi_lines_each(&all, stop_at_once, &seen), i == 0 ? NHI_ERR_FULL : NHI_ERR_TOO_LONG);
        text[(1 << 20) + i] = '\n';
        spill(text, (1 << 20) + i + 1);
        text[(1 << 20) + i] = 'x';
        assert_int_equal(nhi_lines_each(&all, stop_at_once, &seen), i == 0 ? NHI_ERR_FULL : NHI_ERR_TOO_LONG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_like_libc), cmocka_unit_test(accounts_like_libc),
        cmocka_unit_test(wanted_lines),     cmocka_unit_test(parts),
        cmocka_unit_test(errors),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("local_lines", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostcfg/sudoers.h"

#include "hostcfg/program.h"
#include "hostcfg/wiring.h"
#include "nhictl/say/out.h"

#define PROGRAM "/usr/bin/cvtsudoers"

int sudoers_check(const char *file, char **said)
{
    const char *const argv[] = { WIRING_VISUDO_PROGRAM, "-c", "-f", file, NULL };

    return program_run(argv, said);
}

/* ---- which files ---- */

static void add_file(struct sudoers *s, const char *path)
{
    struct file_text f;

    if (sudoers_has(s, path))
        return;
    if (file_text_read(path, true, &f) != NHI_OK) {
        file_text_free(&f);
        return;
    }
    (void)findings_check_guard(s->found, "sudo-file-writable", path, "this configuration of sudo, so sudo refuses it");
    s->file = out_grow(s->file, &s->room, s->count + 1, sizeof(*s->file));
    s->file[s->count++] = f;
}

static void broken(struct sudoers *s, const char *said)
{
    char file[256] = WIRING_SUDOERS;
    int line = 0, len;

    said = program_refusal(said, &len);
    if (sscanf(said, "%255[^:]:%d", file, &line) != 2 || file[0] != '/') {
        snprintf(file, sizeof(file), "%s", WIRING_SUDOERS);
        line = 0;
    }
    finding_add(s->found, FINDING_ERROR, "sudo-broken", (struct location){ .file = file, .line = line },
                out_say("sudo ignores this, or refuses everybody: %.*s", len, said),
                out_say("correct it with: visudo -f %s", file));
}

/* The visudo of sudo-rs, whose releases begin with 0, names the first file only. */
static bool names_files(void)
{
    const char *const argv[] = { WIRING_VISUDO_PROGRAM, "-V", NULL };
    unsigned major = 0;
    char *said;
    bool names;

    names = program_run(argv, &said) == 0 && sscanf(said, "visudo version %u", &major) == 1 && major > 0;
    free(said);
    return names;
}

static bool is_left_out(const char *path)
{
    const char *name = strrchr(path, '/') + 1;

    return strchr(name, '.') != NULL || name[strlen(name) - 1] == '~';
}

/* The files that Debian's sudoers includes: they give findings a place when visudo names no files. */
static void take_usual_files(struct sudoers *s)
{
    glob_t names = { .gl_pathc = 0 };

    add_file(s, WIRING_SUDOERS);
    (void)glob(WIRING_SUDOERS_DIR "/*", 0, NULL, &names);
    for (size_t i = 0; i < names.gl_pathc; i++)
        if (!is_left_out(names.gl_pathv[i]))
            add_file(s, names.gl_pathv[i]);
    globfree(&names);
}

/* visudo names each file that it reads, in order, if it accepts all of them. */
static void list_files(struct sudoers *s)
{
    static const char good[] = ": parsed OK";
    char *said = NULL, *save = NULL;
    int status = names_files() ? sudoers_check(WIRING_SUDOERS, &said) : -1;

    if (status > 0)
        broken(s, status == 127 ? "visudo does not finish with it" : said);
    for (char *l = status == 0 ? strtok_r(said, "\n", &save) : NULL; l != NULL; l = strtok_r(NULL, "\n", &save)) {
        size_t len = strlen(l);

        if (len < sizeof(good) || strcmp(l + len - (sizeof(good) - 1), good) != 0)
            continue;
        l[len - (sizeof(good) - 1)] = '\0';
        add_file(s, l);
        s->named = true;
    }
    if (!s->named)
        take_usual_files(s);
    if (status < 0)
        finding_add(s->found, FINDING_NOTE, "sudo-files-unknown", location_of_file(WIRING_SUDOERS),
                    out_say("without sudo's own " WIRING_VISUDO_PROGRAM
                            " doctor cannot tell which files sudo reads; it looked at " WIRING_SUDOERS
                            " and " WIRING_SUDOERS_DIR),
                    out_say("check that sudo reads " WIRING_SUDO_FILE));
    free(said);
}

static bool is_ours(const char *path)
{
    struct file_text f;
    bool ours = false;

    if (file_text_read(path, true, &f) == NHI_OK)
        for (size_t i = 0; i < f.count; i++)
            ours = ours || strstr(f.line[i].text, "%nhi-agents") != NULL;
    file_text_free(&f);
    return ours;
}

/* sudo skips files in a directory that have a dot in their name, or the name of an editor's copy. Beside our own file,
 * such a file is only a copy that somebody, or an editor, keeps. */
static void look_for_ignored(struct sudoers *s)
{
    glob_t names = { .gl_pathc = 0 };

    if (access(WIRING_SUDO_FILE, F_OK) != 0)
        (void)glob(WIRING_SUDOERS_DIR "/*", 0, NULL, &names);
    for (size_t i = 0; i < names.gl_pathc; i++) {
        const char *path = names.gl_pathv[i];

        if (is_left_out(path) && !sudoers_has(s, path) && is_ours(path))
            finding_add(s->found, FINDING_ERROR, "sudo-file-ignored", location_of_file(path),
                        out_say("sudo reads no file with a dot or a tilde in its name"),
                        out_say("run: mv %s " WIRING_SUDO_FILE, path));
    }
    globfree(&names);
}

bool sudoers_has(const struct sudoers *s, const char *path)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->file[i].path, path) == 0)
            return true;
    return false;
}

/* ---- their content ---- */

static bool ask(struct sudoers *s)
{
    char program[] = PROGRAM, c[] = "-c", none[] = "/dev/null", f[] = "-f", json[] = "json", e[] = "-e",
         input[] = WIRING_SUDOERS;
    char *const argv[] = { program, c, none, f, json, e, input, NULL };
    char *out = NULL, *err = NULL;
    int status = 127;
    bool ran = file_run(argv, &out, &err, &status) == NHI_OK;

    if (ran && status == 0)
        s->json = json_loads(out, 0, NULL);
    if (ran && status != 0)
        broken(s, status == 127 ? "cvtsudoers does not finish with it" : err);
    else if (s->json == NULL)
        finding_add(s->found, FINDING_NOTE, "sudo-unread", location_of_file(WIRING_SUDOERS),
                    out_say("without " PROGRAM " doctor cannot read the configuration of sudo"),
                    out_say("check it for NOPASSWD, and for: %s", WIRING_SUDO_LINE));
    free(out);
    free(err);
    return s->json != NULL;
}

bool sudoers_read(struct findings *found, struct sudoers *out)
{
    *out = (struct sudoers){ .found = found };
    list_files(out);
    /* sudo skips a directory that others can write, and visudo does not report that. */
    (void)findings_check_guard(found, "sudo-file-writable", WIRING_SUDOERS_DIR,
                               "this configuration of sudo, so sudo skips it");
    look_for_ignored(out);
    return ask(out);
}

void sudoers_free(struct sudoers *s)
{
    for (size_t i = 0; i < s->count; i++)
        file_text_free(&s->file[i]);
    free(s->file);
    json_decref(s->json);
}

static bool is_such(const struct file_line *l, const char *start, const char *word, const char *other)
{
    const char *text = l->text + strspn(l->text, " \t");

    return *text != '#' && (start == NULL || strncmp(text, start, strlen(start)) == 0) && strstr(text, word) != NULL &&
           strstr(text, other) != NULL;
}

struct location sudoers_find(const struct sudoers *s, const char *start, const char *word, const char *other)
{
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < s->file[i].count; k++)
            if (is_such(&s->file[i].line[k], start, word, other))
                return location_of_line(s->file[i].path, &s->file[i].line[k]);
    return location_of_file(WIRING_SUDOERS);
}

struct location sudoers_last(const struct sudoers *s, const char *start, const char *word)
{
    for (size_t i = s->count; i > 0; i--)
        for (size_t k = s->file[i - 1].count; k > 0; k--)
            if (is_such(&s->file[i - 1].line[k - 1], start, word, ""))
                return location_of_line(s->file[i - 1].path, &s->file[i - 1].line[k - 1]);
    return location_of_file(WIRING_SUDOERS);
}

/* ---- which host ---- */

/* Whether it may be this host's name: with or without a domain, which depends on sudo's settings. */
static bool may_be_here(const char *name)
{
    char here[HOST_NAME_MAX + 1] = "", *label = out_say("%.*s", (int)strcspn(name, "."), name);
    bool fits;

    (void)!gethostname(here, sizeof(here) - 1);
    here[strcspn(here, ".")] = '\0';
    fits = strcmp(name, "ALL") == 0 || fnmatch(label, here, FNM_CASEFOLD) == 0;
    free(label);
    return fits;
}

bool sudoers_is_elsewhere(const json_t *hosts)
{
    for (size_t i = 0; i < json_array_size(hosts); i++) {
        const json_t *host = json_array_get(hosts, i);
        const char *name = json_string_value(json_object_get(host, "hostname"));

        if (name == NULL || json_is_true(json_object_get(host, "negated")) || may_be_here(name))
            return false;
    }
    return json_array_size(hosts) > 0;
}

#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostcfg/sudoers.h"
#include "hostcfg/wiring.h"
#include "libnhi/base/paths.h"
#include "nhictl/say/out.h"

#define FILES_MAX 128 /* as in sudo: nested includes end there */
#define PROGRAM "/usr/bin/cvtsudoers"

/* ---- which files ---- */

static void read_file(struct sudoers *s, const char *path);

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* sudo leaves out names with a dot, and those of editors' copies. */
static bool is_left_out(const char *name)
{
    return strchr(name, '.') != NULL || name[strlen(name) - 1] == '~';
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

static void read_dir(struct sudoers *s, const char *dir)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, NULL, by_name);

    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        char *path = out_say("%s/%s", dir, name);

        if (!is_left_out(name))
            read_file(s, path);
        /* Beside ours it is a copy that somebody, or an editor, keeps. */
        else if (name[0] != '.' && access(WIRING_SUDO_FILE, F_OK) != 0 && is_ours(path))
            finding_add(s->found, FINDING_ERROR, "sudo-file-ignored", place_of_file(path),
                        out_say("sudo reads no file with a dot or a tilde in its name"),
                        out_say("run: mv %s " WIRING_SUDO_FILE, path));
        free(path);
        free(names[i]);
    }
    free(names);
}

/* #include and @include, once the word for which of them is behind us. */
static void include(struct sudoers *s, char *rest, const char *from, bool dir)
{
    char *name = file_word(&rest), *path;

    if (name == NULL)
        return;
    name += *name == '"';
    name[strcspn(name, "\"")] = '\0';
    path = name[0] == '/' ? out_must(strdup(name)) : out_say("%.*s/%s", (int)(strrchr(from, '/') - from), from, name);
    if (dir)
        read_dir(s, path);
    else
        read_file(s, path);
    free(path);
}

static void read_file(struct sudoers *s, const char *path)
{
    struct file_text f;
    size_t at = s->count;

    if (s->count == FILES_MAX || sudoers_has(s, path))
        return;
    if (file_text_read(path, true, &f) != NHI_OK) {
        file_text_free(&f);
        return;
    }
    (void)findings_check_guard(s->found, "sudo-file-writable", path, "this configuration of sudo, so sudo refuses it");
    s->file = out_must(reallocarray(s->file, s->count + 1, sizeof(*s->file)));
    s->file[s->count++] = f;
    for (size_t i = 0; i < s->file[at].count; i++) {
        char *text = out_must(strdup(s->file[at].line[i].text)), *rest = text, *word = file_word(&rest);

        if (word != NULL && (strcmp(word, "@include") == 0 || strcmp(word, "#include") == 0))
            include(s, rest, path, false);
        else if (word != NULL && (strcmp(word, "@includedir") == 0 || strcmp(word, "#includedir") == 0))
            include(s, rest, path, true);
        free(text);
    }
}

bool sudoers_has(const struct sudoers *s, const char *path)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->file[i].path, path) == 0)
            return true;
    return false;
}

/* ---- what they say ---- */

static void broken(struct sudoers *s, char *said)
{
    char file[256] = WIRING_SUDOERS;
    int line = 0;

    said[strcspn(said, "\n")] = '\0';
    if (sscanf(said, "%255[^:]:%d", file, &line) != 2 || file[0] != '/') {
        snprintf(file, sizeof(file), "%s", WIRING_SUDOERS);
        line = 0;
    }
    finding_add(s->found, FINDING_ERROR, "sudo-broken", (struct place){ .file = file, .line = line },
                out_say("sudo ignores this, or refuses everybody: %s", said),
                out_say("correct it with: visudo -f %s", file));
}

static bool ask(struct sudoers *s)
{
    char program[] = PROGRAM, c[] = "-c", none[] = "/dev/null", f[] = "-f", json[] = "json", e[] = "-e",
         input[] = WIRING_SUDOERS;
    char *const argv[] = { program, c, none, f, json, e, input, NULL };
    char *out = NULL, *err = NULL;
    int status = 127;
    char endless[] = "cvtsudoers does not finish with it";
    bool ran = file_run(argv, &out, &err, &status) == NHI_OK;

    if (ran && status == 0)
        s->json = json_loads(out, 0, NULL);
    if (ran && status != 0)
        broken(s, status == 127 ? endless : err);
    else if (s->json == NULL)
        finding_add(s->found, FINDING_NOTE, "sudo-unread", place_of_file(WIRING_SUDOERS),
                    out_say("without " PROGRAM " doctor cannot read the configuration of sudo"),
                    out_say("check it for NOPASSWD, and for: %s", WIRING_SUDO_LINE));
    free(out);
    free(err);
    return s->json != NULL;
}

bool sudoers_read(struct findings *found, struct sudoers *out)
{
    *out = (struct sudoers){ .found = found };
    read_file(out, WIRING_SUDOERS);
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

struct place sudoers_find(const struct sudoers *s, const char *start, const char *word, const char *other)
{
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < s->file[i].count; k++)
            if (is_such(&s->file[i].line[k], start, word, other))
                return place_of_line(s->file[i].path, &s->file[i].line[k]);
    return place_of_file(WIRING_SUDOERS);
}

struct place sudoers_last(const struct sudoers *s, const char *start, const char *word)
{
    for (size_t i = s->count; i > 0; i--)
        for (size_t k = s->file[i - 1].count; k > 0; k--)
            if (is_such(&s->file[i - 1].line[k - 1], start, word, ""))
                return place_of_line(s->file[i - 1].path, &s->file[i - 1].line[k - 1]);
    return place_of_file(WIRING_SUDOERS);
}

/* ---- where ---- */

/* Whether it may be this host's name: with a domain or without, which one depends on what sudo is told. */
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

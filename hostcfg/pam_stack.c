/* SPDX-License-Identifier: ISC */
#include "hostcfg/pam_stack.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nhictl/say/out.h"

#define DEPTH_MAX 16   /* PAM_SUBSTACK_MAX_LEVEL of Linux-PAM */
#define FILES_MAX 200  /* files of one service, counted as often as they are included */
#define LINES_MAX 1000 /* lines of one type */
#define CONTROL_MAX 1000

static const char *const dirs[] = { WIRING_PAM_DIR, "/usr/lib/pam.d" };

struct reader {
    struct findings *found;
    struct service *service;
    int depth, level, files;
    bool told;
    int only;               /* of enum wiring_phase; -1: every type */
    struct location at;     /* the line that is being read */
    struct location before; /* file NULL: each line is its own place */
};

static void read_file(struct reader *r, const char *name, const struct location *from);

static char *path_of(const char *name)
{
    struct file_text f;

    for (size_t i = 0; name[0] != '/' && i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        char *path = out_say("%s/%s", dirs[i], name);
        enum nhi_err err = file_text_read(path, true, &f);

        file_text_free(&f);
        if (err != NHI_ERR_NOT_FOUND)
            return path;
        free(path);
    }
    return name[0] == '/' ? out_must(strdup(name)) : out_say("%s/%s", dirs[0], name);
}

/* What distributions share between services. */
static bool is_common(const char *name)
{
    return strncmp(name, "common-", 7) == 0 || strncmp(name, "system-", 7) == 0 || strncmp(name, "password-", 9) == 0;
}

static void include(struct reader *r, const char *name, int only, bool substack)
{
    struct reader inner = *r;

    inner.depth++;
    inner.level += substack;
    inner.only = only;
    if (r->before.file == NULL && is_common(name))
        inner.before = r->at;
    if (inner.depth > DEPTH_MAX || inner.files >= FILES_MAX) {
        if (!r->told)
            finding_add(r->found, FINDING_ERROR, "pam-include-loop", r->at,
                        out_say("PAM gives up on %s: the includes are nested too deeply", r->service->name),
                        out_say("remove this line"));
        r->told = true;
        return;
    }
    read_file(&inner, name, &r->at);
    r->files = inner.files;
    r->told = inner.told;
}

static void broken(struct reader *r, const char *what)
{
    finding_add(r->found, FINDING_ERROR, "pam-line-broken", r->at,
                out_say("PAM cannot read this line (%s) and refuses everybody %s", what, r->service->name),
                out_say("correct or remove this line"));
}

static void add(struct reader *r, enum wiring_phase type, const char *control, const char *module, const char *options)
{
    struct stack *s = &r->service->of[type];
    const struct location *at = &r->at, *before = r->before.file != NULL ? &r->before : at;
    const char *slash = strrchr(module, '/');
    struct stack_line *l;

    if (s->count == LINES_MAX)
        return;
    s->line = out_grow(s->line, &s->room, s->count + 1, sizeof(*s->line));
    l = &s->line[s->count++];
    *l = (struct stack_line){ .level = r->level, .line = at->line, .before_line = before->line };
    l->control = out_must(strdup(control));
    l->module = out_must(strdup(module));
    l->options = out_must(strdup(options));
    l->ours = strcmp(slash != NULL ? slash + 1 : module, WIRING_PAM_MODULE) == 0;
    l->file = out_must(strdup(at->file));
    l->text = out_must(strdup(at->text));
    l->before_file = out_must(strdup(before->file));
    l->before_text = out_must(strdup(before->text));
}

/* auth, account, session; WIRING_PHASES: password. -1: another word. */
static int type_of(const char *word)
{
    word += *word == '-';
    for (int i = 0; i < WIRING_PHASES; i++)
        if (strcasecmp(word, wiring_pam[i].type) == 0)
            return i;
    return strcasecmp(word, "password") == 0 ? WIRING_PHASES : -1;
}

/* A word, or the text in brackets, with the brackets. */
static char *control_word(char **at)
{
    char *word = *at + strspn(*at, " \t"), *end;

    if (*word != '[')
        return file_word(at);
    end = strchr(word, ']');
    if (end == NULL)
        return NULL;
    *at = end + 1 + (end[1] != '\0');
    end[1] = '\0';
    return word;
}

static bool is_control(const char *word)
{
    if (word[0] == '[')
        return strlen(word) <= CONTROL_MAX;
    return strcasecmp(word, "required") == 0 || strcasecmp(word, "requisite") == 0 ||
           strcasecmp(word, "sufficient") == 0 || strcasecmp(word, "optional") == 0;
}

static void take_line(struct reader *r, char *text)
{
    char *type_word = file_word(&text), *control, *module;
    int type;

    if (type_word == NULL)
        return;
    if (strcasecmp(type_word, "@include") == 0) {
        module = file_word(&text);
        if (module != NULL)
            include(r, module, r->only, false);
        else
            broken(r, "the file is missing");
        return;
    }
    type = type_of(type_word);
    control = type < 0 ? NULL : control_word(&text);
    module = control == NULL ? NULL : file_word(&text);
    if (type < 0)
        broken(r, "unknown type");
    else if (module == NULL)
        broken(r, control == NULL ? "the control is missing" : "the module is missing");
    else if (r->only >= 0 && r->only != type)
        return;
    else if (strcasecmp(control, "include") == 0 || strcasecmp(control, "substack") == 0)
        include(r, module, type, strcasecmp(control, "substack") == 0);
    else if (!is_control(control))
        broken(r, "unknown control");
    else if (type < WIRING_PHASES)
        add(r, (enum wiring_phase)type, control, module, text + strspn(text, " \t"));
}

static void read_file(struct reader *r, const char *name, const struct location *from)
{
    char *path = path_of(name);
    struct file_text f;
    enum nhi_err err = file_text_read(path, true, &f);

    r->files++;
    r->service->there = r->service->there || (err == NHI_OK && from == NULL);
    if (err == NHI_OK)
        (void)findings_check_guard(r->found, "pam-file-writable", path, "this PAM file");
    else if (from != NULL)
        finding_add(
            r->found, FINDING_ERROR, "pam-include-missing", *from,
            out_say("PAM refuses everybody %s: %s cannot be read (%s)", r->service->name, path, nhi_strerror(err)),
            out_say("restore %s, or remove this line", path));
    else if (err != NHI_ERR_NOT_FOUND)
        finding_add(
            r->found, FINDING_ERROR, "pam-file-broken", location_of_file(path),
            out_say("PAM refuses everybody %s: this file cannot be read (%s)", r->service->name, nhi_strerror(err)),
            out_say("restore the file from its package"));
    for (size_t i = 0; i < f.count; i++) {
        char *text = out_must(strdup(f.line[i].text));

        r->at = location_of_line(f.path, &f.line[i]);
        take_line(r, file_bare(text));
        free(text);
    }
    file_text_free(&f);
    free(path);
}

void service_read(struct findings *found, const char *name, struct service *out)
{
    struct reader r = { .found = found, .service = out, .only = -1 };

    memset(out, 0, sizeof(*out));
    out->name = name;
    read_file(&r, name, NULL);
}

void service_free(struct service *s)
{
    for (size_t t = 0; t < WIRING_PHASES; t++) {
        for (size_t i = 0; i < s->of[t].count; i++) {
            struct stack_line *l = &s->of[t].line[i];

            free(l->control);
            free(l->module);
            free(l->options);
            free(l->file);
            free(l->text);
            free(l->before_file);
            free(l->before_text);
        }
        free(s->of[t].line);
    }
}

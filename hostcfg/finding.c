/* SPDX-License-Identifier: ISC */
#include "hostcfg/finding.h"

#include <stdlib.h>
#include <string.h>

#include "nhictl/say/out.h"

const char *finding_level_name(enum finding_level level)
{
    switch (level) {
    case FINDING_NOTE:
        return "note";
    case FINDING_WARNING:
        return "warning";
    case FINDING_ERROR:
        return "error";
    }
    return "unknown";
}

static bool is_same(const struct finding *f, const char *id, const struct location *at)
{
    return strcmp(f->id, id) == 0 && strcmp(f->file, at->file) == 0 && f->line == at->line;
}

void finding_add(struct findings *found, enum finding_level level, const char *id, struct location at, char *why,
                 char *fix)
{
    struct finding *f;

    for (size_t i = 0; i < found->count; i++)
        if (is_same(&found->all[i], id, &at)) {
            free(why);
            free(fix);
            return;
        }
    found->all = out_grow(found->all, &found->room, found->count + 1, sizeof(*found->all));
    f = &found->all[found->count++];
    *f = (struct finding){ .level = level, .id = id, .line = at.line, .why = why, .fix = fix };
    f->file = out_must(strdup(at.file));
    f->text = at.text != NULL ? out_must(strdup(at.text)) : NULL;
}

void finding_of_file(struct findings *found, enum finding_level level, const char *id, const char *file,
                     const char *why, const char *fix)
{
    finding_add(found, level, id, location_of_file(file), out_say("%s", why), out_say("%s", fix));
}

bool findings_have(const struct findings *found, const char *prefix)
{
    for (size_t i = 0; i < found->count; i++)
        if (strncmp(found->all[i].id, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

struct location location_of_file(const char *file)
{
    return (struct location){ .file = file };
}

struct location location_of_line(const char *file, const struct file_line *line)
{
    if (line == NULL)
        return location_of_file(file);
    return (struct location){ .file = file, .line = line->number, .text = line->text };
}

bool findings_check_guard(struct findings *found, const char *id, const char *file, const char *what)
{
    if (file_guarded(file) != NHI_ERR_UNSAFE)
        return true;
    finding_add(
        found, FINDING_ERROR, id, location_of_file(file),
        out_say("users other than root can change or replace %s", what),
        out_say("run: chown root:root %s && chmod go-w %s (and the same for the directories above it)", file, file));
    return false;
}

void findings_free(struct findings *found)
{
    for (size_t i = 0; i < found->count; i++) {
        free(found->all[i].file);
        free(found->all[i].text);
        free(found->all[i].why);
        free(found->all[i].fix);
    }
    free(found->all);
}

static int by_gravity(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    int order = (int)y->level - (int)x->level;

    if (order == 0)
        order = strcmp(x->file, y->file);
    if (order == 0)
        order = (x->line > y->line) - (x->line < y->line);
    return order != 0 ? order : strcmp(x->id, y->id);
}

void findings_sort(struct findings *f)
{
    if (f->count > 0)
        qsort(f->all, f->count, sizeof(*f->all), by_gravity);
}

/* SPDX-License-Identifier: ISC */
/*
 * What opens an account today: keys, lines of sudoers, crontabs, units.
 */
#include "nhictl/adopt/adopt_read.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostcfg/host_file.h"
#include "hostcfg/sshd_conf.h"
#include "hostcfg/wiring.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"

void adopt_list_add(struct adopt_list *l, const char *text)
{
    l->text = out_grow(l->text, &l->room, l->count + 1, sizeof(*l->text));
    l->text[l->count++] = out_must(strdup(text));
}

/* ---- authorized_keys ---- */

/* The end of the options: a blank outside of quotes. */
static size_t options_len(const char *line)
{
    bool quoted = false;
    size_t i;

    for (i = 0; line[i] != '\0' && (quoted || (line[i] != ' ' && line[i] != '\t')); i++)
        if (line[i] == '\\' && line[i + 1] == '"')
            i++;
        else if (line[i] == '"')
            quoted = !quoted;
    return i;
}

static bool is_type(const char *word)
{
    return strncmp(word, "ssh-", 4) == 0 || strncmp(word, "ecdsa-", 6) == 0 || strncmp(word, "sk-", 3) == 0;
}

static void add_key(struct adopt *a, const char *file, char *line)
{
    size_t options = is_type(line) ? 0 : options_len(line);
    char *rest = line + options, *type = file_word(&rest), *base64 = type != NULL ? file_word(&rest) : NULL;
    struct adopt_key k = { .logins = 0 };
    uint8_t pk[NHI_PK_LEN];

    if (base64 == NULL || !is_type(type) || nhi_sshkey_print(base64, strlen(base64), k.print) != NHI_OK)
        return;
    if (options > 0)
        line[options] = '\0';
    k.file = out_must(strdup(file));
    k.type = out_must(strdup(type));
    k.options = out_must(strdup(options > 0 ? line : ""));
    k.comment = out_must(strdup(file_bare(rest)));
    if (strcmp(type, NHI_SSHKEY_TYPE) == 0 && nhi_sshkey_decode(base64, strlen(base64), pk) == NHI_OK)
        nhi_sshkey_encode(pk, k.base64);
    a->key = out_grow(a->key, &a->key_room, a->key_count + 1, sizeof(*a->key));
    a->key[a->key_count++] = k;
}

static void read_keys(struct adopt *a, const char *path)
{
    struct file_text f;

    if (file_text_read(path, false, &f) == NHI_OK)
        for (size_t i = 0; i < f.count; i++) {
            char *line = f.line[i].text + strspn(f.line[i].text, " \t");

            if (*line != '#' && *line != '\0')
                add_key(a, path, line);
        }
    file_text_free(&f);
}

/* %h, %u and %%, as sshd replaces them; a relative path is below the home directory. */
static char *expand(const struct adopt *a, const char *pattern)
{
    char *path = NULL;
    size_t len = 0;
    FILE *f = out_must(open_memstream(&path, &len));

    if (pattern[0] != '/' && strncmp(pattern, "%h", 2) != 0)
        fprintf(f, "%s/", a->home);
    while (*pattern != '\0') {
        bool home = strncmp(pattern, "%h", 2) == 0, name = strncmp(pattern, "%u", 2) == 0;

        if (home)
            fputs(a->home, f);
        else if (name)
            fputs(a->account.name, f);
        else
            putc(*pattern, f);
        pattern += home || name ? 2 : 1;
    }
    if (fclose(f) != 0)
        out_must(NULL);
    return path;
}

void adopt_keys(struct adopt *a)
{
    char standard[] = ".ssh/authorized_keys .ssh/authorized_keys2", *files, *at, *word;
    struct findings unused = { .count = 0 };
    struct sshd s;

    (void)sshd_read(&unused, a->account.name, &s);
    files = sshd_values(&s, "authorizedkeysfile");
    at = files;
    if (*files == '\0') {
        ctl_note(
            "sshd could not be asked where the keys of %s are: only .ssh/authorized_keys and .ssh/authorized_keys2 "
            "were read",
            a->account.name);
        at = standard;
    }
    while ((word = file_word(&at)) != NULL) {
        char *path = expand(a, word);

        if (strcmp(word, "none") != 0)
            read_keys(a, path);
        free(path);
    }
    free(files);
    sshd_free(&s);
    findings_free(&unused);
}

/* ---- sudo ---- */

/* Appends to the last entry of the list. */
static void list_go_on(struct adopt_list *l, const char *text)
{
    char *whole = out_say("%s %s", l->text[l->count - 1], text);

    free(l->text[l->count - 1]);
    l->text[l->count - 1] = whole;
}

/* As sudo itself prints it: "    (root) NOPASSWD: /usr/bin/id", with continuation lines further to the right. */
void adopt_sudo(struct adopt *a)
{
    char program[] = WIRING_SUDO_PROGRAM, list[] = "-l", of[] = "-U";
    char *const argv[] = { program, list, of, a->account.name, NULL };
    char *out = NULL, *err = NULL, *next, *line;
    bool behind = false;
    int status;

    if (file_run(argv, &out, &err, &status) == NHI_OK && status == 0)
        for (line = out; line != NULL; line = next) {
            next = strchr(line, '\n');
            if (next != NULL)
                *next++ = '\0';
            if (behind && strncmp(line, "    (", 5) == 0)
                adopt_list_add(&a->sudo, line + 4);
            else if (a->sudo.count > 0 && strncmp(line, "     ", 5) == 0)
                list_go_on(&a->sudo, line + strspn(line, " "));
            behind = behind || strstr(line, "may run the following commands") != NULL;
        }
    free(out);
    free(err);
}

/* ---- crontabs and units ---- */

/* "backup" for "/usr/local/bin/backup.sh --all", and another name for a second job like it. */
static void name_job(struct adopt *a, struct adopt_job *j)
{
    size_t len = strcspn(j->command, " \t;|&<>"), start = len, used = 0, same = 0;

    while (start > 0 && j->command[start - 1] != '/')
        start--;
    for (size_t i = start;
         i < len && used < 32 && (isalnum((unsigned char)j->command[i]) || strchr("_-", j->command[i])); i++)
        j->name[used++] = (char)tolower((unsigned char)j->command[i]);
    if (used == 0 || !isalnum((unsigned char)j->name[0]))
        memcpy(j->name, "job", sizeof("job"));
    for (size_t i = 0; i < a->job_count; i++)
        same += strncmp(a->job[i].name, j->name, strlen(j->name)) == 0;
    if (same > 0)
        snprintf(j->name + strlen(j->name), 16, "-%zu", same + 1);
}

/* when: five fields, or one that begins with @. user: the line names the account. */
static void add_job(struct adopt *a, const char *file, char *line, const char *env, bool user)
{
    char when[128] = "", *at = line;
    int fields = line[0] == '@' ? 1 : 5;
    struct adopt_job j = { .name = "" };

    for (int i = 0; i < fields; i++) {
        const char *word = file_word(&at);

        if (word == NULL || strlen(when) + strlen(word) + 2 > sizeof(when))
            return;
        snprintf(when + strlen(when), sizeof(when) - strlen(when), "%s%s", i > 0 ? " " : "", word);
    }
    if (user) {
        const char *whose = file_word(&at);

        if (whose == NULL || strcmp(whose, a->account.name) != 0)
            return;
    }
    at += strspn(at, " \t");
    if (*at == '\0')
        return;
    j.file = out_must(strdup(file));
    j.when = out_must(strdup(when));
    j.command = out_must(strdup(at));
    j.env = out_must(strdup(env));
    name_job(a, &j);
    a->job = out_grow(a->job, &a->job_room, a->job_count + 1, sizeof(*a->job));
    a->job[a->job_count++] = j;
}

/* Removes blanks around it, and then quotes. */
static char *bare_value(char *text)
{
    size_t len;

    text += strspn(text, " \t");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL)
        text[--len] = '\0';
    if (len > 1 && (*text == '"' || *text == '\'') && text[len - 1] == *text) {
        text[len - 1] = '\0';
        text++;
    }
    return text;
}

/* Appends "PATH = /opt/bin:/bin" to the others. env: taken over, and returned. */
static char *add_variable(char *env, char *line)
{
    char *value = strchr(line, '='), *all;

    if (value == NULL || *line == '#')
        return env;
    *value++ = '\0';
    line = bare_value(line);
    if (*line == '\0' || line[strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
        return env;
    all = out_say("%s%s=%s\n", env, line, bare_value(value));
    free(env);
    return all;
}

/* A line that begins in another way sets a variable. */
static void read_crontab(struct adopt *a, const char *path, bool user)
{
    char *env = out_must(strdup(""));
    struct file_text f;

    if (file_text_read(path, false, &f) == NHI_OK)
        for (size_t i = 0; i < f.count; i++) {
            char *line = f.line[i].text + strspn(f.line[i].text, " \t");

            if (isdigit((unsigned char)*line) || *line == '*' || *line == '@')
                add_job(a, path, line, env, user);
            else
                env = add_variable(env, line);
        }
    free(env);
    file_text_free(&f);
}

/* Calls fn for each file of a directory. */
static void each_file(struct adopt *a, const char *dir, void (*fn)(struct adopt *, const char *))
{
    DIR *d = opendir(dir);
    const struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.') {
            char *path = out_say("%s/%s", dir, e->d_name);

            fn(a, path);
            free(path);
        }
    if (d != NULL)
        closedir(d);
}

/* ---- how root becomes it ---- */

static bool is_one_of(const char *const *names, const char *word)
{
    const char *slash = strrchr(word, '/');

    word = slash != NULL ? slash + 1 : word;
    for (; *names != NULL; names++)
        if (strcmp(*names, word) == 0)
            return true;
    return false;
}

/* Whether the text has su or a similar program, followed by the account as a separate word: -u deploy, --user=deploy,
 * deploy. names_user: a line of a crontab that names the account before the command. */
static bool becomes(const char *text, const char *account, bool names_user)
{
    static const char *const programs[] = { "su", "runuser", "sudo", "setpriv", NULL };
    char *copy = out_must(strdup(text)), *save = NULL;
    bool roots = !names_user, program = false, is = false;

    for (char *w = strtok_r(copy, " \t;|&()\"'`", &save); w != NULL && !is; w = strtok_r(NULL, " \t;|&()\"'`", &save)) {
        const char *value = strchr(w, '=');

        is = program && (strcmp(w, account) == 0 || (value != NULL && strcmp(value + 1, account) == 0) ||
                         (strncmp(w, "-u", 2) == 0 && strcmp(w + 2, account) == 0));
        roots = roots || strcmp(w, "root") == 0;
        program = program || (roots && is_one_of(programs, value != NULL ? value + 1 : w));
    }
    free(copy);
    return is;
}

static void read_for_root(struct adopt *a, const char *path)
{
    bool names_user = strcmp(path, "/etc/crontab") == 0 || strncmp(path, "/etc/cron.d/", 12) == 0;
    struct file_text f;

    if (file_text_read(path, true, &f) == NHI_OK)
        for (size_t i = 0; i < f.count; i++) {
            const char *text = f.line[i].text + strspn(f.line[i].text, " \t");
            char *all;

            if (*text == '#' || !becomes(text, a->account.name, names_user))
                continue;
            all = out_say("%s:%d: %s", path, f.line[i].number, text);
            adopt_list_add(&a->as_root, all);
            free(all);
        }
    file_text_free(&f);
}

static void read_where_root_does(struct adopt *a)
{
    static const char *const files[] = { "/etc/crontab", "/var/spool/cron/crontabs/root", "/var/spool/cron/root" };
    static const char *const dirs[] = { "/etc/cron.d",      "/etc/cron.hourly",  "/etc/cron.daily",
                                        "/etc/cron.weekly", "/etc/cron.monthly", "/etc/systemd/system" };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        read_for_root(a, files[i]);
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        each_file(a, dirs[i], read_for_root);
}

static void read_cron_d(struct adopt *a, const char *path)
{
    if (file_is_of_cron(strrchr(path, '/') + 1))
        read_crontab(a, path, true);
}

static void read_unit(struct adopt *a, const char *path)
{
    size_t len = strlen(path);
    struct file_text f;
    bool is = false;

    if (len < 8 || strcmp(path + len - 8, ".service") != 0)
        return;
    if (file_text_read(path, true, &f) == NHI_OK)
        for (size_t i = 0; i < f.count; i++)
            is = is || (strncmp(f.line[i].text, "User=", 5) == 0 &&
                        strcmp(file_bare(f.line[i].text + 5), a->account.name) == 0);
    file_text_free(&f);
    if (is)
        adopt_list_add(&a->units, path);
}

void adopt_jobs(struct adopt *a)
{
    static const char *const own[] = { "/var/spool/cron/crontabs", "/var/spool/cron" };

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        char *path = out_say("%s/%s", own[i], a->account.name);

        read_crontab(a, path, false);
        free(path);
    }
    read_crontab(a, "/etc/crontab", true);
    each_file(a, "/etc/cron.d", read_cron_d);
    each_file(a, "/etc/systemd/system", read_unit);
    read_where_root_does(a);
}

/* SPDX-License-Identifier: ISC */
/*
 * The least that a source of accounts costs behind glibc: two hash tables in memory, and texts copied into the caller's
 * buffer. It checks nothing and knows no change. NHI_BARE has the number of accounts (tests/bench/accounts.h), which
 * are made at the first look-up.
 */
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/accounts.h"

NSS_DECLARE_MODULE_FUNCTIONS(bare)

#define EXPORT __attribute__((visibility("default")))

struct entry {
    uint32_t uid;
    char name[BENCH_NAME_SIZE], home[BENCH_NAME_SIZE + 8];
};

static struct entry *entries;
static uint32_t count, slots; /* slots is a power of two; a slot has the number of an entry plus one, or 0 */
static uint32_t *names, *uids;

static uint32_t hash_name(const char *name)
{
    uint32_t h = 2166136261u;

    while (*name != '\0')
        h = (h ^ (unsigned char)*name++) * 16777619u;
    return h;
}

static uint32_t hash_uid(uint32_t uid)
{
    return uid * 2654435761u;
}

static void put(uint32_t *table, uint32_t hash, uint32_t entry)
{
    while (table[hash & (slots - 1)] != 0)
        hash++;
    table[hash & (slots - 1)] = entry + 1;
}

static bool make(void)
{
    const char *asked;

    if (entries != NULL)
        return true;
    asked = getenv("NHI_BARE");
    count = asked != NULL ? (uint32_t)atol(asked) : 0;
    for (slots = 16; slots < count * 2; slots *= 2)
        ;
    entries = calloc(count + 1, sizeof(*entries));
    names = calloc(slots, sizeof(*names));
    uids = calloc(slots, sizeof(*uids));
    if (entries == NULL || names == NULL || uids == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct entry *e = &entries[i];

        e->uid = BENCH_UID + i;
        bench_name(i, e->name);
        strcat(strcpy(e->home, "/home/"), e->name);
        put(names, hash_name(e->name), i);
        put(uids, hash_uid(e->uid), i);
    }
    return true;
}

static char *copy(char **at, size_t *room, const char *text)
{
    size_t len = strlen(text) + 1;
    char *to = *at;

    if (len > *room)
        return NULL;
    memcpy(to, text, len);
    *at += len;
    *room -= len;
    return to;
}

static enum nss_status give(const struct entry *e, struct passwd *pw, char *buf, size_t room, int *why)
{
    if (e == NULL) {
        *why = ENOENT;
        return NSS_STATUS_NOTFOUND;
    }
    pw->pw_uid = pw->pw_gid = e->uid;
    pw->pw_name = copy(&buf, &room, e->name);
    pw->pw_passwd = copy(&buf, &room, "*");
    pw->pw_gecos = copy(&buf, &room, BENCH_GECOS);
    pw->pw_dir = copy(&buf, &room, e->home);
    pw->pw_shell = copy(&buf, &room, BENCH_SHELL);
    if (pw->pw_shell == NULL) {
        *why = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    return NSS_STATUS_SUCCESS;
}

EXPORT enum nss_status _nss_bare_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t room, int *why)
{
    const struct entry *found = NULL;

    if (!make())
        return NSS_STATUS_UNAVAIL;
    for (uint32_t h = hash_name(name), n; found == NULL && (n = names[h & (slots - 1)]) != 0; h++)
        if (strcmp(entries[n - 1].name, name) == 0)
            found = &entries[n - 1];
    return give(found, pw, buf, room, why);
}

EXPORT enum nss_status _nss_bare_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t room, int *why)
{
    const struct entry *found = NULL;

    if (!make())
        return NSS_STATUS_UNAVAIL;
    for (uint32_t h = hash_uid(uid), n; found == NULL && (n = uids[h & (slots - 1)]) != 0; h++)
        if (entries[n - 1].uid == uid)
            found = &entries[n - 1];
    return give(found, pw, buf, room, why);
}

/* SPDX-License-Identifier: ISC */
#include "tests/lib/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char scratch_dir[SCRATCH_DIR_LEN + 1] = "/tmp/nhi-test.XXXXXX";
char scratch_path[sizeof(scratch_dir) + 32];

int scratch_entries(void)
{
    struct dirent *e;
    DIR *d = opendir(scratch_dir);
    int n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

bool scratch_is_root(void)
{
    if (geteuid() == 0)
        return true;
    puts("1..0 # SKIP only root can own a file that the reader accepts");
    return false;
}

int scratch_make(void **state)
{
    (void)state;
    strcpy(scratch_dir + sizeof(scratch_dir) - 7, "XXXXXX");
    if (mkdtemp(scratch_dir) == NULL)
        return -1;
    snprintf(scratch_path, sizeof(scratch_path), "%s/accounts", scratch_dir);
    return 0;
}

int scratch_remove(void **state)
{
    struct dirent *e;
    DIR *d = opendir(scratch_dir);

    (void)state;
    if (d == NULL)
        return -1;
    while ((e = readdir(d)) != NULL)
        if (unlinkat(dirfd(d), e->d_name, 0) != 0)
            (void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    closedir(d);
    return rmdir(scratch_dir);
}

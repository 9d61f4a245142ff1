/* SPDX-License-Identifier: ISC */
/*
 * The least that a program costs which records something: it starts, writes one page and has it flushed.
 *
 *   flush FILE
 */
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static const char page[4096];
    int fd;

    if (argc != 2 || (fd = open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return 125;
    return write(fd, page, sizeof(page)) != sizeof(page) || fsync(fd) != 0 || close(fd) != 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * Many PAM cycles in one process, for valgrind: whether they leak.
 *
 *   cycles NUMBER
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/world.h"

int main(int argc, char **argv)
{
    struct world_call call = { .service = "sshd", .user = "ci-bot", .rhost = "192.0.2.7", .tty = "ssh" };
    struct nhi_ticket t;
    char *text;
    int i;

    if (argc != 2 || !world_enter())
        return 1;
    world_reset();
    t = world_ticket();
    text = world_mint(&t);
    call.reply = text;
    for (i = 0; i < atoi(argv[1]); i++) {
        int rc = world_run_here(&call, WORLD_AUTH | WORLD_ACCOUNT, NULL);

        if (rc != PAM_SUCCESS) {
            fprintf(stderr, "cycles: %s\n", pam_strerror(NULL, rc));
            return 1;
        }
        (void)world_reason(); /* otherwise the log's socket fills up, and syslog waits */
    }
    nhi_text_free(text);
    printf("%d cycles\n", i);
    return 0;
}

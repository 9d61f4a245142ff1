/* SPDX-License-Identifier: ISC */
#include "hostcfg/wiring.h"

const struct wiring_pam wiring_pam[WIRING_PHASES] = {
    [WIRING_AUTH] = { "auth", "[success=done user_unknown=ignore default=die]",
                      "auth [success=done user_unknown=ignore default=die] " WIRING_PAM_MODULE,
                      "before common-auth: people fall through to their password, but a shown ticket is final" },
    [WIRING_ACCOUNT] = { "account", "required", "account required " WIRING_PAM_MODULE,
                         "before common-account and outside it, since its primary block would drop a denial" },
    [WIRING_SESSION] = { "session", "required", "session required " WIRING_PAM_MODULE,
                         "after pam_loginuid, before any module that lets users write the PAM environment" },
};

const struct wiring_service wiring_services[] = {
    { "nss", "libc-bin", { NULL } },
    { "sshd", "openssh-server", { "sshd", NULL } },
    { "sudo", "sudo", { "sudo", "sudo-i", NULL } },
    { "su", "util-linux", { "su", "su-l", NULL } },
    { "cron", "cron", { "cron", "atd", NULL } },
    { NULL, NULL, { NULL } },
};

const char *const wiring_sshd_agents[] = {
    "AuthorizedKeysFile none", "PermitUserRC no", "HostbasedAuthentication no", "GSSAPIAuthentication no", NULL,
};

const char *const wiring_nss_databases[] = { "passwd", "group", NULL };

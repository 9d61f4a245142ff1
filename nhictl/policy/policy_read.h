/* SPDX-License-Identifier: ISC */
/*
 * Policy and settings in /etc/nhi, checked as far as possible without the ledger.
 */
#ifndef NHICTL_POLICY_READ_H
#define NHICTL_POLICY_READ_H

#include "conf/policy_conf.h"
#include "libnhi/base/paths.h"

#define POLICY_PATH NHI_CONF_DIR "/" NHI_POLICY_DIR

struct ctl;

/* Each returns CTL_DONE, or another exit code after reporting what is wrong. */
/* Zones are as of now. conf: zeroed; release with nhi_policy_conf_free, whatever the result. */
int policy_read(struct ctl *c, struct nhi_policy_conf *conf);
/* The same from a directory that need not be root's, for checks only. */
int policy_read_from(struct ctl *c, const char *path, struct nhi_policy_conf *conf);
/* All empty if the file does not exist. */
int settings_read(struct ctl *c, struct nhi_settings *conf);

#endif

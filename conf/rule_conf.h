/* SPDX-License-Identifier: ISC */
/*
 * One rule, as people write it.
 */
#ifndef CONF_RULE_CONF_H
#define CONF_RULE_CONF_H

#include "conf/conf.h"

/* One rule, from its group. */
NHI_CHECK enum nhi_err nhi_conf_rule(const config_setting_t *group, struct nhi_rule *out, struct nhi_conf_error *error);

#endif

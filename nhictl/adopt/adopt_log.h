/*
 * Who came in as the account, and what sudo did for it, as far as logs show it.
 */
#ifndef NHICTL_ADOPT_LOG_H
#define NHICTL_ADOPT_LOG_H

#include "nhictl/adopt/adopt.h"

/* Each looks at one thing; what cannot be read is not there. */
void adopt_logs(struct adopt *a); /* after the keys */

#endif

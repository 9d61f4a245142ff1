/* SPDX-License-Identifier: ISC */
#include "libnhi/state/fit.h"

const char *nhi_fit_text(enum nhi_fit fit)
{
    switch (fit) {
    case NHI_FIT_HERE:
        return "the ledger belongs to this machine";
    case NHI_FIT_MACHINE:
        return "the ledger belongs to another machine: this is a copy of its disk, or its /etc/machine-id was changed";
    case NHI_FIT_BOOT:
        return "the ledger was written elsewhere while this host was running: it is a copy";
    case NHI_FIT_UNKNOWN:
        return "cannot identify this machine: /etc/machine-id is damaged, or does not belong to root";
    case NHI_FIT_BEHIND:
        return "the ledger is older than the one this host last saw: an old copy was put in its place, or its disk was "
               "rolled back";
    }
    return "cannot determine whether the ledger belongs to this machine";
}

const char *nhi_fit_hint(enum nhi_fit fit)
{
    return fit == NHI_FIT_BEHIND    ? "nhictl restore FILE, with the newest backup"
           : fit == NHI_FIT_UNKNOWN ? "cat /etc/machine-id"
                                    : "nhictl init --new-host, if this machine is a copy";
}

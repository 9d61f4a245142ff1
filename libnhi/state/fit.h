/* SPDX-License-Identifier: ISC */
/*
 * How a ledger fits the host that it lies on.
 */
#ifndef NHI_FIT_H
#define NHI_FIT_H

enum nhi_fit {
    NHI_FIT_HERE,
    NHI_FIT_MACHINE, /* the ledger belongs to another machine */
    NHI_FIT_BOOT,    /* another boot wrote it while this one ran, or that happened earlier and still counts */
    NHI_FIT_UNKNOWN, /* which machine this is cannot be determined */
    NHI_FIT_BEHIND,  /* this host has seen a newer state of it */
};

/* A sentence for people, without a final period, and the command to type. */
const char *nhi_fit_text(enum nhi_fit fit);
const char *nhi_fit_hint(enum nhi_fit fit);

#endif

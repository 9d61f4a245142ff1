/* SPDX-License-Identifier: ISC */
#ifndef NHI_WIPE_H
#define NHI_WIPE_H

/* Wipes and frees a string. Takes NULL. */
void nhi_text_free(char *s);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The release. This is the one place that has it; tests/cli/16-version.t compares the manuals, which repeat it.
 */
#ifndef NHI_VERSION_H
#define NHI_VERSION_H

#define NHI_VERSION "0.9.0"

#endif

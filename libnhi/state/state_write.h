/* SPDX-License-Identifier: ISC */
/*
 * Publishing the state: nhictl's writers, one at a time.
 *
 * MUST: never change, shorten or reuse what was published: a change is one more record in the tail, and a full tail
 * means a new file. Readers may have the old one open.
 */
#ifndef NHI_STATE_WRITE_H
#define NHI_STATE_WRITE_H

#include <stdbool.h>

#include "libnhi/state/state.h"
#include "libnhi/state/state_build.h"

struct nhi_state_writer;

/* Takes the writers' turn. run_dir, dir: as for nhi_state_open, and valid as long as the writer; run_dir is created if
 * it is missing. NHI_ERR_BUSY: others did not give it back within wait_ms milliseconds. NHI_ERR_UNSAFE, NHI_ERR_SYS,
 * NHI_ERR_FULL, NHI_ERR_NOMEM. */
NHI_CHECK enum nhi_err nhi_state_begin(const char *run_dir, const char *dir, int wait_ms,
                                       struct nhi_state_writer **out);
/* The same in two steps: a new file can be prepared before the turn is taken, if nhi_state_catch_up follows. */
NHI_CHECK enum nhi_err nhi_state_begin_beside(const char *run_dir, const char *dir, struct nhi_state_writer **out);
NHI_CHECK enum nhi_err nhi_state_take_turn(struct nhi_state_writer *w, int wait_ms);
/* Gives the turn back. NULL is allowed. */
void nhi_state_end(struct nhi_state_writer *w);

/* The state that readers see now, as it was when the turn was taken or the last new file was published; NULL: none that
 * they would accept, so that they deny. */
struct nhi_state *nhi_state_seen(const struct nhi_state_writer *w);

/* Adds a record to the tail, which readers see from now on. generation: of the ledger that has, or will have, this.
 * value NULL: what the key leads to is being changed, and denies until a later record of the same key, or a new file.
 * NHI_ERR_FULL: no room. NHI_ERR_NOT_FOUND: there is no state to add to. */
NHI_CHECK enum nhi_err nhi_state_add(struct nhi_state_writer *w, int64_t generation, const struct nhi_fact_key *key,
                                     const struct nhi_value *value);
/* Everything up to that generation is in the state. latest: seconds since the epoch. */
NHI_CHECK enum nhi_err nhi_state_done(struct nhi_state_writer *w, int64_t generation, int64_t latest);
/* How many bytes such a record takes, and how many are left. */
size_t nhi_state_cost(const struct nhi_fact_key *key, const struct nhi_value *value);
size_t nhi_state_room(const struct nhi_state_writer *w);

/* Writes a new file, which nobody sees yet. NHI_ERR_FULL: it would take too much of what is free. */
NHI_CHECK enum nhi_err nhi_state_prepare(struct nhi_state_writer *w, struct nhi_state_build *b, int64_t generation);
/* In the turn: adds to the prepared file what was added to the present one since the generation that it was made of.
 * NHI_ERR_STATE: that is not known, since another file was published meanwhile, or a writer was killed.
 * NHI_ERR_NOT_FOUND: nothing is published. */
NHI_CHECK enum nhi_err nhi_state_catch_up(struct nhi_state_writer *w);
/* Publishes the file that was prepared. NHI_ERR_STATE: another writer that published meanwhile took it for a file that
 * somebody had left. */
NHI_CHECK enum nhi_err nhi_state_publish(struct nhi_state_writer *w);

/* Removes the state: from now on agents are denied. It is no error if there is none. */
NHI_CHECK enum nhi_err nhi_state_withdraw(struct nhi_state_writer *w);

#endif

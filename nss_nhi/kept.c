/* SPDX-License-Identifier: ISC */
/*
 * Mappings of the snapshot that outlive a call.
 *
 * MUST hold: no lock, and nobody waits for anybody, since a fork may leave the other threads of a process at any
 * instruction; a mapping is removed only while no call uses it; none is used after it was seen to be replaced; a call
 * that finds no slot for its mapping, or no memory, reads the file by itself. At most SLOTS mappings are kept.
 *
 * A slot's word has the number of calls that use its mapping, and two flags: READY, there is a mapping, and BUSY, one
 * call is making or removing it. A call adds itself first and then looks at READY, so the mapping that it sees cannot
 * be removed: that needs the word to be READY alone. A child that was forked while another thread was inside keeps that
 * number or flag for ever, and with it one slot.
 *
 * A replaced file has a mark that is seen in the mapping. In case nobody could set it (the file was removed by hand, or
 * another file system was mounted over it), the path is looked at as well, once a second at most.
 */
#include "nss_nhi/kept.h"

#include "libnhi/snapshot/snapshot_read.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#define SLOTS 4
#define READY 0x80000000u
#define BUSY 0x40000000u

static struct slot {
    _Atomic uint32_t word;
    struct nhi_snapshot s; /* while READY */
} slots[SLOTS];

static _Atomic uint32_t newest;
static _Atomic int64_t next_look; /* seconds of CLOCK_MONOTONIC */

/* ---- slots ---- */

static void slot_clear(struct slot *slot)
{
    uint32_t idle = READY;

    if (!atomic_compare_exchange_strong(&slot->word, &idle, BUSY))
        return; /* somebody uses it, and will do this; or it is empty */
    nhi_snapshot_close(&slot->s);
    atomic_fetch_and(&slot->word, ~BUSY);
}

static void slot_give(uint32_t i)
{
    if (atomic_fetch_sub(&slots[i].word, 1) == (READY | 1) && i != atomic_load(&newest))
        slot_clear(&slots[i]);
}

static bool slot_take(uint32_t i, struct nss_snapshot *out)
{
    if ((atomic_fetch_add(&slots[i].word, 1) & READY) == 0) {
        atomic_fetch_sub(&slots[i].word, 1);
        return false;
    }
    out->s = &slots[i].s;
    out->slot = (int)i;
    return true;
}

/* Gives a new mapping, in use by this call, to a free slot. */
static bool slot_fill(const struct nhi_snapshot *s, struct nss_snapshot *out)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        uint32_t empty = 0, old;

        if (!atomic_compare_exchange_strong(&slots[i].word, &empty, BUSY | 1))
            continue;
        slots[i].s = *s;
        out->s = &slots[i].s;
        out->slot = (int)i;
        atomic_fetch_xor(&slots[i].word, BUSY | READY);
        old = atomic_exchange(&newest, i);
        if (old != i)
            slot_clear(&slots[old]);
        return true;
    }
    return false;
}

/* ---- which file ---- */

/* True for one call a second. */
static bool is_time_to_look(void)
{
    int64_t next = atomic_load(&next_look);
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC_COARSE, &now) != 0 || now.tv_sec < next)
        return false;
    return atomic_compare_exchange_strong(&next_look, &next, (int64_t)now.tv_sec + 1);
}

/* Keeps an open snapshot if that is possible. */
static void keep(struct nhi_snapshot *s, struct nss_snapshot *out)
{
    if (nhi_snapshot_map(s) && slot_fill(s, out))
        return;
    out->own = *s;
    out->s = &out->own;
    out->slot = -1;
}

/* What this call has, if anything, was not replaced: it stays unless there is another file, also where its path leads
 * nowhere now. */
static enum nhi_err look(bool have, struct nss_snapshot *out)
{
    const int slot = have ? out->slot : -1;
    struct nhi_snapshot s;
    enum nhi_err err = have ? nhi_snapshot_open(NHI_SNAPSHOT_QUICK, &s) : nhi_snapshot_open_published(&s);

    if (have && err != NHI_OK)
        return NHI_OK;
    if (err != NHI_OK)
        return err;
    if (have && s.dev == out->s->dev && s.ino == out->s->ino) {
        nhi_snapshot_close(&s);
        return NHI_OK;
    }
    keep(&s, out);
    if (have)
        slot_give((uint32_t)slot);
    return NHI_OK;
}

enum nhi_err kept_take(struct nss_snapshot *out)
{
    bool have = slot_take(atomic_load(&newest), out);

    if (have && nhi_snapshot_is_replaced(out->s)) {
        slot_give((uint32_t)out->slot);
        have = false;
    }
    return is_time_to_look() || !have ? look(have, out) : NHI_OK;
}

void kept_give(struct nss_snapshot *s)
{
    if (s->slot >= 0)
        slot_give((uint32_t)s->slot);
    else
        nhi_snapshot_close(&s->own);
}

/* When the library is unloaded, or the process ends, in which case other threads may still be inside. */
__attribute__((destructor)) static void kept_clear(void)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        slot_clear(&slots[i]);
}

/* SPDX-License-Identifier: ISC */
#include "pam_nhi/decider.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>

/* Several threads of a host program may be here at once. */
static _Atomic(void *) loaded;

static const struct pnhi_decider *entry_of(void *handle)
{
    return dlsym(handle, PNHI_DECIDER_SYMBOL);
}

const struct pnhi_decider *pnhi_decider_load(char why[PNHI_WHY_MAX])
{
    void *handle = atomic_load(&loaded), *none = NULL;
    const struct nhi_object *object;

    why[0] = '\0';
    if (handle != NULL)
        return entry_of(handle);
    handle = nhi_object_load(PNHI_DECIDER_DIR, PNHI_DECIDER_NAME, PNHI_DECIDER_SYMBOL, &object, why);
    if (handle == NULL)
        return NULL;
    if (entry_of(handle)->size != sizeof(struct pnhi_caller)) {
        snprintf(why, PNHI_WHY_MAX, PNHI_DECIDER_FILE ": of another build than pam_nhi.so");
        (void)dlclose(handle);
        return NULL;
    }
    /* Another thread was faster: the same object, counted twice. */
    if (!atomic_compare_exchange_strong(&loaded, &none, handle))
        (void)dlclose(handle);
    return entry_of(handle);
}

/* libpam unloads this module after what the decider has left with the handle of PAM was cleaned up. */
__attribute__((destructor)) static void unload(void)
{
    void *handle = atomic_exchange(&loaded, NULL);

    if (handle != NULL)
        (void)dlclose(handle);
}

/* SPDX-License-Identifier: ISC */
/*
 * Events: what was done, and by whom as far as this host knows.
 */
#include "nhictl/store/store_event.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/reserve/reserve_notes.h"
#include "nhictl/say/fail.h"

#define LOGINUID_UNSET 4294967295u

/* A decimal number that fills the whole text, as sudo writes uids. */
static bool uid_of(const char *text, int64_t *uid)
{
    unsigned long n;
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return false;
    n = strtoul(text, &end, 10);
    if (*end != '\0' || n >= LOGINUID_UNSET)
        return false;
    *uid = (int64_t)n;
    return true;
}

/* Events of one second are shown in their order. */
static void add_ms(struct out_row *detail, int64_t at)
{
    struct timespec ts;

    if (clock_gettime(CLOCK_REALTIME, &ts) == 0)
        out_number(detail, "ms", NULL, ts.tv_sec == at ? ts.tv_nsec / 1000000 : 999);
}

static void add_actor(const struct ctl *c, struct out_row *detail)
{
    int64_t uid;

    out_number(detail, "uid", NULL, (int64_t)getuid());
    if (c->loginuid >= 0)
        out_number(detail, "loginuid", NULL, c->loginuid);
    /* Set by sudo for root, but root can set it, too: a claim, not a proof. */
    if (uid_of(getenv("SUDO_UID"), &uid))
        out_number(detail, "sudo_uid", NULL, uid);
}

enum nhi_err store_note_later(const struct ctl *c, unsigned kind, const char *id, const char *reason)
{
    struct nhi_reserve_note n = {
        .kind = kind, .at = c->now, .uid = getuid(), .loginuid = c->loginuid, .sudo_uid = -1
    };
    enum nhi_err err;

    if (!uid_of(getenv("SUDO_UID"), &n.sudo_uid))
        n.sudo_uid = -1;
    snprintf(n.id, sizeof(n.id), "%s", id);
    snprintf(n.reason, sizeof(n.reason), "%s", reason != NULL ? reason : "");
    err = nhi_reserve_note_add(NHI_STATE_DIR, &n);
    /* The file was lost. */
    if (err == NHI_ERR_NOT_FOUND && nhi_reserve_notes_create(NHI_STATE_DIR) == NHI_OK)
        err = nhi_reserve_note_add(NHI_STATE_DIR, &n);
    if (err != NHI_OK && nhi_reserve_notes_create(NHI_RUN_DIR) == NHI_OK)
        err = nhi_reserve_note_add(NHI_RUN_DIR, &n);
    return err;
}

/* Actions that are in force even without the ledger, and have an event of their own. */
static unsigned kind_of_note(const char *kind)
{
    if (strcmp(kind, "lockdown-on") == 0)
        return NHI_NOTE_LOCKDOWN_ON;
    return strcmp(kind, "lockdown-off") == 0 ? NHI_NOTE_LOCKDOWN_OFF : 0;
}

void store_actor(const struct ctl *c, char out[NHI_OWNER_MAX + 1])
{
    const struct passwd *pw;
    int64_t uid;

    if (c->loginuid >= 0)
        uid = c->loginuid;
    else if (!uid_of(getenv("SUDO_UID"), &uid))
        uid = (int64_t)getuid();
    pw = getpwuid((uid_t)uid);
    if (pw != NULL && nhi_name_is_text(pw->pw_name, NHI_OWNER_MAX))
        snprintf(out, NHI_OWNER_MAX + 1, "%s", pw->pw_name);
    else
        snprintf(out, NHI_OWNER_MAX + 1, "uid %lld", (long long)uid);
}

enum nhi_err store_add_event(struct ctl *c, struct store *s, struct nhi_event *e, struct out_row *detail)
{
    enum nhi_err err;
    char *json;

    if (detail == NULL)
        detail = out_row_new(c->out);
    add_actor(c, detail);
    add_ms(detail, s->now);
    json = out_row_json(detail);
    e->at = s->now;
    e->detail = json;
    err = nhi_event_add(s->l, e);
    e->detail = NULL;
    free(json);
    out_row_free(detail);
    return err;
}

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text != NULL ? text : "");
}

enum nhi_err store_event(struct ctl *c, struct store *s, struct store_event done, struct out_row *detail)
{
    struct nhi_event e;

    memset(&e, 0, sizeof(e));
    copy(e.kind, sizeof(e.kind), done.kind);
    copy(e.agent, sizeof(e.agent), done.agent);
    copy(e.owner, sizeof(e.owner), done.owner);
    copy(e.task, sizeof(e.task), done.task);
    copy(e.jti, sizeof(e.jti), done.jti);
    copy(e.account, sizeof(e.account), done.account);
    copy(e.within, sizeof(e.within), done.within);
    copy(e.session, sizeof(e.session), done.session);
    copy(e.cause, sizeof(e.cause), done.cause);
    return store_add_event(c, s, &e, detail);
}

void store_note(struct ctl *c, struct store_event done, struct out_row *detail)
{
    struct store s = { .wait = kind_of_note(done.kind) != 0 ? STORE_SOON : STORE_WAITS };
    enum nhi_err err = store_open(&s, c->now);

    if (err == NHI_OK)
        err = store_event(c, &s, done, detail);
    else
        out_row_free(detail);
    if (err == NHI_OK) {
        err = nhi_ledger_commit(s.l);
        s.writing = err != NHI_OK;
        s.committed = err == NHI_OK;
    }
    if (err != NHI_OK && kind_of_note(done.kind) != 0 &&
        store_note_later(c, kind_of_note(done.kind), "", done.cause) == NHI_OK)
        ctl_note("this is not recorded in the ledger yet, which cannot be written: %s", nhi_strerror(err));
    else if (err != NHI_OK)
        ctl_note("this is not recorded in the ledger, which cannot be written: %s", nhi_strerror(err));
    store_close(&s);
}

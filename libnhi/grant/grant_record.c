/* SPDX-License-Identifier: ISC */
/*
 * The text of a grant: one JSON object, the ticket's claims without their signature in it.
 */
#include "libnhi/grant/grant_record.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/policy/reason.h"
#include "libnhi/ticket/claims.h"

#define RECORD_VERSION 1

/*
 * Writes a record around claims, which are inserted as text.
 *
 * Out of memory, json_dumps and json_loads (at least in 2.14) leave out characters and report success; json_dumpb
 * writes into the caller's buffer.
 */
static char *dump(const json_t *o, const char *claims)
{
    static const char key[] = ",\"claims\":";
    size_t len, size;
    char *text;

    len = json_dumpb(o, NULL, 0, JSON_COMPACT);
    if (len < 2)
        return NULL;
    size = len + strlen(key) + strlen(claims) + 1;
    text = malloc(size);
    if (text == NULL)
        return NULL;
    if (json_dumpb(o, text, len, JSON_COMPACT) != len) {
        free(text);
        return NULL;
    }
    snprintf(text + len - 1, size - (len - 1), "%s%s}", key, claims);
    return text;
}

static enum nhi_err encode_claims(const struct nhi_grant *g, char **claims)
{
    if ((!g->observed && !g->became) || g->ticket.jti[0] != '\0')
        return nhi_claims_encode(&g->ticket, claims);
    *claims = strdup("{}");
    return *claims != NULL ? NHI_OK : NHI_ERR_NOMEM;
}

static bool add_optional(json_t *o, const char *key, const char *value)
{
    return value[0] == '\0' || json_object_set_new(o, key, json_string(value)) == 0;
}

static bool add_became(json_t *o, bool became)
{
    return !became || json_object_set_new(o, "became", json_true()) == 0;
}

static bool add_number(json_t *o, const char *key, json_int_t n)
{
    return n == 0 || json_object_set_new(o, key, json_integer(n)) == 0;
}

enum nhi_err nhi_grant_encode(const struct nhi_grant *g, char **text)
{
    char *claims = NULL, *made = NULL;
    enum nhi_err err;
    json_t *o;

    err = encode_claims(g, &claims);
    if (err != NHI_OK)
        return err;
    o = json_pack("{s:i, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, "
                  "s:i, s:b, s:b, s:s, s:s, s:s, s:s}",
                  "v", RECORD_VERSION, "id", g->id, "at", (json_int_t)g->at, "reason", nhi_reason_name(g->reason),
                  "source", nhi_source_name(g->source), "service", g->service, "subject", g->subject, "rule", g->rule,
                  "rhost", g->rhost, "boot", g->boot, "pid", (json_int_t)g->self.pid, "start",
                  (json_int_t)g->self.start, "ppid", (json_int_t)g->parent.pid, "pstart", (json_int_t)g->parent.start,
                  "place", g->place, "pin", (int)g->pin, "handed_off", (int)g->handed_off, "observed", (int)g->observed,
                  "root", g->root, "renews", g->renews, "kid", g->ticket.kid, "policy", g->policy);
    if (o != NULL && add_number(o, "ns", (json_int_t)g->ns) && add_number(o, "up", g->up) &&
        add_optional(o, "owner", g->owner) && add_optional(o, "within", g->within) && add_became(o, g->became) &&
        json_object_set_new(o, "ms", json_integer(g->ms)) == 0)
        made = dump(o, claims);
    json_decref(o);
    nhi_text_free(claims);
    if (made == NULL)
        return NHI_ERR_NOMEM;
    *text = made;
    return NHI_OK;
}

static bool copy(char *out, size_t size, const char *from)
{
    size_t len = strlen(from);

    if (len >= size)
        return false;
    memcpy(out, from, len + 1);
    return true;
}

static enum nhi_err read_claims(json_t *claims, const char *kid, struct nhi_ticket *t)
{
    enum nhi_err err;
    char *text;

    text = json_dumps(claims, JSON_COMPACT);
    if (text == NULL)
        return NHI_ERR_NOMEM;
    err = nhi_claims_decode(text, strlen(text), t);
    free(text);
    if (err == NHI_OK && (!nhi_name_is_kid(kid) || !copy(t->kid, sizeof(t->kid), kid)))
        err = NHI_ERR_CORRUPT;
    return err;
}

static enum nhi_err read_record(json_t *o, struct nhi_grant *g)
{
    const char *id, *reason, *source, *service, *subject, *rule, *rhost, *boot, *place, *root, *renews, *kid, *policy,
        *owner = "", *within = "";
    json_int_t version, at, pid, start, ppid, pstart, ns = 0, up = 0, ms = 0;
    int pin, handed_off, observed, became = 0;
    json_t *claims;

    if (json_unpack(o,
                    "{s:I, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s?I, s:i,"
                    " s:b, s:b, s:s, s:s, s:s, s:s, s?I, s?s, s?s, s?b, s?I, s:o}",
                    "v", &version, "id", &id, "at", &at, "reason", &reason, "source", &source, "service", &service,
                    "subject", &subject, "rule", &rule, "rhost", &rhost, "boot", &boot, "pid", &pid, "start", &start,
                    "ppid", &ppid, "pstart", &pstart, "place", &place, "ns", &ns, "pin", &pin, "handed_off",
                    &handed_off, "observed", &observed, "root", &root, "renews", &renews, "kid", &kid, "policy",
                    &policy, "up", &up, "owner", &owner, "within", &within, "became", &became, "ms", &ms, "claims",
                    &claims) != 0 ||
        !json_is_object(claims))
        return NHI_ERR_CORRUPT;
    if (version != RECORD_VERSION)
        return NHI_ERR_VERSION;
    if (at < 0 || at > NHI_TIME_MAX || pid <= 0 || pid > INT32_MAX || ppid < 0 || ppid > INT32_MAX || start < 0 ||
        pstart < 0 || ns < 0 || up < 0 || ms < 0 || ms > 999 || pin < NHI_PIN_NONE || pin > NHI_PIN_LOCAL)
        return NHI_ERR_CORRUPT;
    if (!nhi_name_is_jti(id) || !copy(g->id, sizeof(g->id), id) || !nhi_reason_find(reason, &g->reason) ||
        !nhi_source_find(source, &g->source) || !copy(g->service, sizeof(g->service), service) ||
        !copy(g->subject, sizeof(g->subject), subject) || !copy(g->rule, sizeof(g->rule), rule) ||
        !copy(g->rhost, sizeof(g->rhost), rhost) || !copy(g->boot, sizeof(g->boot), boot) ||
        !copy(g->root, sizeof(g->root), root) || !copy(g->renews, sizeof(g->renews), renews) ||
        !copy(g->place, sizeof(g->place), place) || !copy(g->policy, sizeof(g->policy), policy) ||
        !copy(g->owner, sizeof(g->owner), owner) || !copy(g->within, sizeof(g->within), within))
        return NHI_ERR_CORRUPT;
    g->at = at;
    g->ms = (uint16_t)ms;
    g->pin = (enum nhi_pin)pin;
    g->handed_off = handed_off != 0;
    g->observed = observed != 0;
    g->became = became != 0;
    g->self.pid = (pid_t)pid;
    g->self.start = (uint64_t)start;
    g->parent.pid = (pid_t)ppid;
    g->parent.start = (uint64_t)pstart;
    g->ns = (uint64_t)ns;
    g->up = up;
    if ((g->observed || g->became) && json_object_size(claims) == 0)
        return kid[0] == '\0' ? NHI_OK : NHI_ERR_CORRUPT;
    return read_claims(claims, kid, &g->ticket);
}

/* Only we write this text, so encoding a whole one again gives the same: this shows anything that was lost in the
 * ledger or in jansson. */
static enum nhi_err check_whole(const struct nhi_grant *g, const char *text, size_t len)
{
    char *again = NULL;
    enum nhi_err err;

    err = nhi_grant_encode(g, &again);
    if (err == NHI_OK && (strlen(again) != len || memcmp(again, text, len) != 0))
        err = NHI_ERR_CORRUPT;
    free(again);
    return err;
}

enum nhi_err nhi_grant_decode(const char *text, size_t len, struct nhi_grant *out)
{
    struct nhi_grant g;
    enum nhi_err err;
    json_t *o;

    memset(&g, 0, sizeof(g));
    o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (o == NULL)
        return NHI_ERR_CORRUPT;
    err = read_record(o, &g);
    json_decref(o);
    if (err == NHI_OK)
        err = check_whole(&g, text, len);
    if (err == NHI_OK)
        *out = g;
    return err;
}

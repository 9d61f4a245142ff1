/* SPDX-License-Identifier: ISC */
/*
 * audit verify: whether the trail was changed.
 *
 * MUST: report as verified only what was looked at, event by event.
 */
#include "nhictl/audit/audit_verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/hash.h"
#include "libnhi/key/paserk.h"
#include "libnhi/ledger/ledger_event.h"
#include "nhictl/audit/epoch.h"
#include "nhictl/say/fail.h"

#define HEADS_MAX 10000
#define HEAD_LINE_MAX 1024

struct verify_args {
    const char *head, *key;
    struct opt_paths archives;
};

struct known_head {
    struct nhi_signed_head h;
    bool seen;
};

struct walk {
    struct nhi_chain chain;
    int64_t first;           /* number of the first event that was checked; 0: none yet */
    struct nhi_chain before; /* what the first checked event follows */
    bool told;               /* an event records that earlier events are in an archive */
    struct epoch epoch;
    struct known_head *heads;
    size_t head_count;
    /* The first error. */
    const char *fault;
    int64_t at;
    char text[256];
};

__attribute__((format(printf, 4, 5))) static void wrong(struct walk *w, const char *fault, int64_t at, const char *fmt,
                                                        ...)
{
    va_list ap;

    if (w->fault != NULL)
        return;
    w->fault = fault;
    w->at = at;
    va_start(ap, fmt);
    vsnprintf(w->text, sizeof(w->text), fmt, ap);
    va_end(ap);
}

static void judge(struct walk *w, enum nhi_link link, int64_t seq)
{
    const char *fault = nhi_link_name(link);
    long long n = seq, last = w->chain.seq;

    switch (link) {
    case NHI_LINK_GOOD:
        return;
    case NHI_LINK_UNREADABLE:
        wrong(w, fault, seq, "event %lld is not readable as an event", n);
        return;
    case NHI_LINK_MISSING:
        if (n - 1 == last + 1)
            wrong(w, fault, last + 1, "event %lld is missing", last + 1);
        else
            wrong(w, fault, last + 1, "events %lld to %lld are missing", last + 1, n - 1);
        return;
    case NHI_LINK_REPEATED:
        wrong(w, fault, seq, "event %lld comes after event %lld", n, last);
        return;
    case NHI_LINK_EDITED:
        wrong(w, fault, seq, "event %lld was changed after it was written", n);
        return;
    case NHI_LINK_BROKEN:
        wrong(w, fault, seq, "event %lld does not continue event %lld as found here: one of the two was replaced", n,
              last);
        return;
    }
}

static void head_was_lost(struct walk *w, const struct nhi_signed_head *h)
{
    wrong(w, "lost", h->seq, "event %lld, whose head was signed, was lost when event %lld restored an older ledger",
          (long long)h->seq, (long long)w->epoch.event);
}

static void check_heads(struct walk *w)
{
    for (size_t i = 0; i < w->head_count; i++) {
        struct known_head *k = &w->heads[i];

        if (k->h.seq != w->chain.seq)
            continue;
        k->seen = true;
        if (strcmp(k->h.hash, w->chain.hash) != 0 && epoch_lost(&w->epoch, &k->h))
            head_was_lost(w, &k->h);
        else if (strcmp(k->h.hash, w->chain.hash) != 0)
            wrong(w, "rewritten", k->h.seq, "event %lld is not the one whose head was signed: the trail was rewritten",
                  (long long)k->h.seq);
    }
}

/* Whether this verified line records the archive of all events before the first line. The texts of its kind and detail
 * cannot occur anywhere else: in strings a quote follows a backslash. */
static bool tells_of_archive(const struct walk *w, const char *line)
{
    const char *detail = strstr(line, ",\"detail\":{\"until\":");
    char hash[NHI_DIGEST_LEN + 1];
    long long until;

    return detail != NULL && strstr(line, "\",\"kind\":\"archive\",") != NULL &&
           sscanf(detail, ",\"detail\":{\"until\":%18lld,\"hash\":\"%64[0-9a-f]\"", &until, hash) == 2 &&
           until == w->before.seq && strcmp(hash, w->before.hash) == 0;
}

/* false: stop here. */
static bool take_line(struct walk *w, const char *line, size_t len)
{
    enum nhi_link link;
    int64_t seq;

    if (w->first == 0 && nhi_chain_peek(line, len, &w->before)) {
        w->first = w->before.seq + 1;
        /* If it begins later, an archive has the earlier events: an event records that. */
        w->chain = w->before;
        if (w->first == 1)
            memcpy(w->chain.hash, NHI_NO_EVENT, sizeof(w->chain.hash));
    }
    link = nhi_chain_add(&w->chain, line, len, &seq);
    judge(w, link, seq);
    if (link == NHI_LINK_GOOD) {
        epoch_note(&w->epoch, line, seq);
        check_heads(w);
        w->told = w->told || tells_of_archive(w, line);
    }
    return w->fault == NULL;
}

/* ---- sources of lines ---- */

static int take_event(const struct nhi_event *e, void *ctx)
{
    char *line = nhi_event_line(e);
    struct walk *w = ctx;
    bool go_on;

    if (line == NULL) {
        wrong(w, "memory", e->seq, "out of memory");
        return 1;
    }
    go_on = take_line(w, line, strlen(line));
    free(line);
    return !go_on;
}

static int take_archive(struct ctl *c, struct walk *w, const char *file)
{
    FILE *f = fopen(file, "re");
    int64_t last = w->chain.seq;
    int code = CTL_DONE;
    char *line = NULL;
    size_t room = 0;
    ssize_t len = -1;

    if (f == NULL)
        return ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", file, strerror(errno));
    while (w->fault == NULL && (len = getline(&line, &room, f)) > 0) {
        if (line[len - 1] == '\n')
            line[--len] = '\0';
        (void)take_line(w, line, (size_t)len);
    }
    if (ferror(f))
        code = ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", file, strerror(errno));
    else if (w->fault == NULL && w->chain.seq == last)
        wrong(w, "missing", last + 1, "%s contains no event", file);
    free(line);
    fclose(f);
    return code;
}

static enum nhi_err take_events(struct store *s, struct walk *w)
{
    struct nhi_head head;
    enum nhi_err err = nhi_event_each(s->l, 0, INT32_MAX, take_event, w);

    if (err == NHI_ERR_CORRUPT) {
        wrong(w, "unreadable", w->chain.seq + 1, "the events after event %lld cannot be read", (long long)w->chain.seq);
        err = NHI_OK;
    }
    if (err == NHI_OK)
        err = nhi_event_head(s->l, &head);
    if (err == NHI_OK && head.given > w->chain.seq)
        wrong(w, "truncated", w->chain.seq + 1,
              "events after %lld are missing: the ledger had given numbers up to %lld", (long long)w->chain.seq,
              (long long)head.given);
    return err;
}

static int take_ledger(struct ctl *c, struct store *s, struct walk *w)
{
    enum nhi_err err = take_events(s, w);

    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the events");
}

/* ---- what it is compared with ---- */

static int public_key(struct ctl *c, const char *text, uint8_t pk[NHI_PK_LEN])
{
    enum nhi_err err;

    if (text != NULL) {
        if (nhi_paserk_public_decode(text, pk) == NHI_OK)
            return CTL_DONE;
        return ctl_fail(c, CTL_USAGE, "nhictl audit key", "'%s' is not a public key, which starts with k4.public.",
                        text);
    }
    err = head_key(pk);
    if (err == NHI_OK)
        return CTL_DONE;
    return ctl_fail(c, CTL_SYSTEM, NULL, "could not read the key of the trail: %s", nhi_strerror(err));
}

/* A file with one head on each line. */
static int read_heads(struct ctl *c, struct walk *w, const char *file, const uint8_t pk[NHI_PK_LEN])
{
    FILE *f = fopen(file, "re");
    char line[HEAD_LINE_MAX];
    int code = CTL_DONE, number = 0;
    enum nhi_err err;

    if (f == NULL)
        return ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", file, strerror(errno));
    w->heads = calloc(HEADS_MAX, sizeof(*w->heads));
    while (w->heads != NULL && code == CTL_DONE && w->head_count < HEADS_MAX && fgets(line, sizeof(line), f) != NULL) {
        number++;
        err = nhi_head_verify(pk, line, strcspn(line, "\n"), &w->heads[w->head_count].h);
        if (err == NHI_ERR_SIGNATURE)
            code = ctl_fail(c, CTL_REFUSED, "nhictl audit verify --head FILE --key k4.public....",
                            "%s:%d was not signed with the key of this trail, or was changed", file, number);
        else if (err != NHI_OK)
            code = ctl_fail(c, CTL_REFUSED, "nhictl audit head", "%s:%d is not a signed head", file, number);
        w->head_count++;
    }
    fclose(f);
    if (code == CTL_DONE && w->head_count == 0)
        code = ctl_fail(c, CTL_REFUSED, "nhictl audit head", "%s contains no signed head", file);
    return code;
}

static void check_ends(struct walk *w, const char *host)
{
    if (w->first > 1 && !w->told)
        wrong(w, "missing", 1, "events 1 to %lld are missing, and no event records an archive of them",
              (long long)(w->first - 1));
    for (size_t i = 0; i < w->head_count; i++) {
        const struct nhi_signed_head *h = &w->heads[i].h;
        long long n = h->seq;

        if (host[0] != '\0' && strcmp(h->host, host) != 0)
            wrong(w, "head", n, "the head of event %lld is from another host, %s", n, h->host);
        else if (h->seq > w->chain.seq && epoch_lost(&w->epoch, h))
            head_was_lost(w, h);
        else if (h->seq > w->chain.seq)
            wrong(w, "truncated", w->chain.seq + 1, "events after %lld are missing: the head of event %lld was signed",
                  (long long)w->chain.seq, n);
        else if (!w->heads[i].seen)
            wrong(w, "head", n, "event %lld, whose head was signed, is in an archive: add --archive FILE", n);
    }
}

enum nhi_err head_prove(struct store *s, char *fault, size_t size)
{
    struct walk w = { .chain = { .hash = NHI_NO_EVENT } };
    enum nhi_err err = take_events(s, &w);

    if (err != NHI_OK)
        return err;
    check_ends(&w, s->set.host);
    snprintf(fault, size, "%s", w.fault != NULL ? w.text : "");
    return NHI_OK;
}

static int answer(struct ctl *c, const struct walk *w)
{
    struct out_row *r = out_row_new(c->out);
    int64_t count = w->first != 0 ? w->chain.seq - w->before.seq : 0;
    int code;

    out_number(r, "events", NULL, count);
    out_number(r, "first", NULL, w->first);
    out_number(r, "last", NULL, w->chain.seq);
    out_text(r, "hash", NULL, w->chain.hash);
    out_number(r, "archived", NULL, w->first > 1 ? w->first - 1 : 0);
    out_number(r, "heads", NULL, (int64_t)w->head_count);
    out_number(r, "epoch_event", NULL, w->epoch.event);
    out_text(r, "fault", NULL, w->fault);
    if (w->fault != NULL)
        out_number(r, "event", NULL, w->at);
    out_record(c->out, NULL, r);
    if (w->fault != NULL) {
        out_line(c->out, "NOT proven: %s", w->text);
        out_negative(c->out, w->text, NULL);
    } else {
        out_line(c->out, "proven: %lld event%s, the last is %lld, %s", (long long)count, count == 1 ? "" : "s",
                 (long long)w->chain.seq, w->chain.hash);
        if (w->first > 1)
            out_line(c->out, "events 1 to %lld are in archives: to prove them too, add --archive FILE",
                     (long long)(w->first - 1));
        epoch_show(c, &w->epoch);
        if (w->head_count > 0)
            out_line(c->out, "%zu signed head%s agree%s", w->head_count, w->head_count == 1 ? "" : "s",
                     w->head_count == 1 ? "s" : "");
        else
            out_line(c->out,
                     "without a head kept on another host this cannot show whether root rewrote the whole trail");
    }
    code = ctl_answer(c);
    return code == CTL_DONE && w->fault != NULL ? CTL_REFUSED : code;
}

static int audit_verify(struct ctl *c)
{
    const struct verify_args *args = c->args;
    struct walk w = { .chain = { .hash = NHI_NO_EVENT } };
    uint8_t pk[NHI_PK_LEN];
    struct store s = { 0 };
    int code = store_read(c, &s);

    if (code == CTL_DONE && args->head != NULL)
        code = public_key(c, args->key, pk);
    if (code == CTL_DONE && args->head != NULL)
        code = read_heads(c, &w, args->head, pk);
    for (size_t i = 0; i < args->archives.count && code == CTL_DONE; i++)
        code = take_archive(c, &w, args->archives.path[i]);
    if (code == CTL_DONE && w.fault == NULL)
        code = take_ledger(c, &s, &w);
    if (code == CTL_DONE) {
        check_ends(&w, s.set.host);
        code = answer(c, &w);
    }
    free(w.heads);
    store_close(&s);
    return code;
}

static const struct opt verify_opts[] = {
    { "head", OPT_PATH, offsetof(struct verify_args, head), false, "FILE",
      "signed heads that were kept elsewhere, one per line", NULL, 0 },
    { "key", OPT_PATH, offsetof(struct verify_args, key), false, "KEY", "the public key that signed them (this host's)",
      NULL, 0 },
    { "archive", OPT_PATHS, offsetof(struct verify_args, archives), false, "FILE",
      "a file from audit archive, oldest first (repeatable)", NULL, 0 },
    { .name = NULL },
};

const struct verb audit_verify_verbs[] = {
    { "audit", "verify", audit_verify, verify_opts, sizeof(struct verify_args), 0, 0,
      "[--head FILE [--key KEY]] [--archive FILE ...]", "Prove that the trail was not changed.",
      "Reports the first event that does not fit. Without --head, root could have rewritten all of it,\n"
      "or removed the newest events.",
      "nhictl audit verify --head head-of-today" },
    { .verb = NULL },
};

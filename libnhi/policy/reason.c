#include "libnhi/policy/reason.h"

#include <string.h>

struct row {
    const char *name, *text;
};

/* By name and without a default, as below: a reason without a row does not compile. */
#define ROW(reason, ...)                                                                           \
    case reason:                                                                                   \
        return (struct row){ __VA_ARGS__ }
static struct row row_of(enum nhi_reason r)
{
    switch (r) {
        ROW(NHI_PERMIT, "permit", "permitted");
        ROW(NHI_DENY_INTERNAL, "internal", "a failure inside the module");
        ROW(NHI_DENY_LEDGER, "ledger", "the ledger cannot be read or trusted");
        ROW(NHI_DENY_LOCKDOWN, "lockdown", "no agent may enter this host now");
        ROW(NHI_DENY_MACHINE, "machine", "the ledger belongs to another machine, or was written by one");
        ROW(NHI_DENY_ROLLED_BACK, "rolled-back", "the ledger is older than this host has seen it");
        ROW(NHI_DENY_CLOCK, "clock", "this host's clock is behind what its ledger has seen");
        ROW(NHI_DENY_SUBJECT, "subject", "the account does not resolve, or is not the caller's");
        ROW(NHI_DENY_PRIVILEGED, "privileged", "the account leads to root, which no ticket may name");
        ROW(NHI_DENY_NO_TICKET, "no-ticket", "no ticket was shown or found");
        ROW(NHI_DENY_AMBIGUOUS, "ambiguous", "more than one live ticket fits");
        ROW(NHI_DENY_MALFORMED, "malformed", "this is not a ticket");
        ROW(NHI_DENY_SIGNATURE, "signature", "the ticket was changed after it was signed");
        ROW(NHI_DENY_ISSUER_UNKNOWN, "issuer-unknown", "no trusted issuer has this key name");
        ROW(NHI_DENY_ISSUER_RETIRED, "issuer-retired", "the issuer's key is retired");
        ROW(NHI_DENY_ISSUER_REVOKED, "issuer-revoked", "the issuer's key is revoked");
        ROW(NHI_DENY_ISSUER_BOUNDS, "issuer-bounds", "the issuer may not say this");
        ROW(NHI_DENY_HOST, "host", "the ticket is for another host");
        ROW(NHI_DENY_NOT_YET, "not-yet", "the ticket is not valid yet");
        ROW(NHI_DENY_EXPIRED, "expired", "the ticket has expired");
        ROW(NHI_DENY_REVOKED, "revoked", "the ticket is revoked");
        ROW(NHI_DENY_UNRECORDED, "not-recorded", "the ticket is signed with a key of this host, but was not issued here");
        ROW(NHI_DENY_SUPERSEDED, "superseded", "the ticket was renewed, and its successor is in use");
        ROW(NHI_DENY_EPOCH, "epoch", "the ticket is from before the ledger was restored, or came to this machine");
        ROW(NHI_DENY_AGENT_UNKNOWN, "agent-unknown", "no such agent is registered");
        ROW(NHI_DENY_AGENT_SUSPENDED, "agent-suspended", "the agent is suspended");
        ROW(NHI_DENY_AGENT_RETIRED, "agent-retired", "the agent is retired");
        ROW(NHI_DENY_AGENT_OVERDUE, "agent-overdue", "the agent's review is overdue");
        ROW(NHI_DENY_TASK_UNKNOWN, "task-unknown", "this host does not know the task");
        ROW(NHI_DENY_TASK_CLOSED, "task-closed", "the task is closed");
        ROW(NHI_DENY_TASK_ENDED, "task-ended", "the task's deadline has passed");
        ROW(NHI_DENY_TASK_AGENT, "task-agent", "the task is another agent's");
        ROW(NHI_DENY_KEY, "key", "the ticket is bound to a key that was not proven");
        ROW(NHI_DENY_ACCOUNT, "account", "the ticket is not for this account");
        ROW(NHI_DENY_SERVICE, "service", "the ticket is not for this service");
        ROW(NHI_DENY_SESSION, "session", "another ticket inside a session");
        ROW(NHI_DENY_PIN, "pin",
            "the ticket works only where it was first used, and this is another address, terminal or session");
        ROW(NHI_DENY_TREE, "tree", "the ticket works only inside what nhictl run started");
        ROW(NHI_DENY_POLICY, "policy", "no rule permits it");
        ROW(NHI_DENY_FORBIDDEN, "forbidden", "a rule forbids it");
        ROW(NHI_DENY_LIMIT, "limit", "a rule permits it, but not so many at once");
        ROW(NHI_DENY_LIFETIME, "lifetime", "the ticket lives longer than this host lets tickets live");
        ROW(NHI_DENY_UNSUPERVISED, "no-supervisor",
            "nhictl watch does not run, so that nobody would end the session");
        ROW(NHI_DENY_USES, "uses", "every use of the ticket is spent");
        ROW(NHI_DENY_RECORD, "record", "the grant could not be recorded");
        ROW(NHI_DENY_GROUPS, "groups", "not every source of groups gave an answer: the account may lead to root");
    case NHI_REASON_COUNT:
        break;
    }
    return row_of(NHI_DENY_INTERNAL);
}

const char *nhi_reason_name(enum nhi_reason r)
{
    return row_of(r).name;
}

bool nhi_reason_find(const char *name, enum nhi_reason *out)
{
    unsigned r;

    for (r = 0; r < NHI_REASON_COUNT; r++)
        if (strcmp(nhi_reason_name((enum nhi_reason)r), name) == 0) {
            *out = (enum nhi_reason)r;
            return true;
        }
    return false;
}

const char *nhi_reason_text(enum nhi_reason r)
{
    return row_of(r).text;
}

const char *nhi_source_name(enum nhi_source s)
{
    switch (s) {
    case NHI_FROM_PROMPT:
        return "prompt";
    case NHI_FROM_SESSION:
        return "session";
    case NHI_FROM_KEYRING:
        return "keyring";
    case NHI_FROM_LEDGER:
        return "ledger";
    case NHI_FROM_KEY:
        return "key";
    }
    return "unknown";
}

/* By name and without a default: a new reason does not compile until somebody has thought about it
 * here. */
bool nhi_reason_is_end(enum nhi_reason r)
{
    switch (r) {
    case NHI_DENY_LOCKDOWN:
    case NHI_DENY_PRIVILEGED:
    case NHI_DENY_ISSUER_UNKNOWN:
    case NHI_DENY_ISSUER_RETIRED:
    case NHI_DENY_ISSUER_REVOKED:
    case NHI_DENY_ISSUER_BOUNDS:
    case NHI_DENY_EXPIRED:
    case NHI_DENY_REVOKED:
    case NHI_DENY_UNRECORDED:
    case NHI_DENY_EPOCH:
    case NHI_DENY_AGENT_UNKNOWN:
    case NHI_DENY_AGENT_SUSPENDED:
    case NHI_DENY_AGENT_RETIRED:
    case NHI_DENY_AGENT_OVERDUE:
    case NHI_DENY_TASK_UNKNOWN:
    case NHI_DENY_TASK_CLOSED:
    case NHI_DENY_TASK_ENDED:
    case NHI_DENY_TASK_AGENT:
    case NHI_DENY_POLICY:
    case NHI_DENY_FORBIDDEN:
    case NHI_DENY_LIFETIME:
        return true;
    case NHI_PERMIT:
    case NHI_DENY_INTERNAL:
    case NHI_DENY_LEDGER:
    case NHI_DENY_MACHINE:
    case NHI_DENY_ROLLED_BACK:
    case NHI_DENY_CLOCK:
    case NHI_DENY_SUBJECT:
    case NHI_DENY_NO_TICKET:
    case NHI_DENY_AMBIGUOUS:
    case NHI_DENY_MALFORMED:
    case NHI_DENY_SIGNATURE:
    case NHI_DENY_HOST:
    case NHI_DENY_NOT_YET:
    case NHI_DENY_SUPERSEDED:
    case NHI_DENY_KEY:
    case NHI_DENY_ACCOUNT:
    case NHI_DENY_SERVICE:
    case NHI_DENY_SESSION:
    case NHI_DENY_PIN:
    case NHI_DENY_TREE:
    case NHI_DENY_LIMIT:
    case NHI_DENY_UNSUPERVISED:
    case NHI_DENY_USES:
    case NHI_DENY_RECORD:
    case NHI_DENY_GROUPS:
    case NHI_REASON_COUNT:
        return false;
    }
    return false;
}

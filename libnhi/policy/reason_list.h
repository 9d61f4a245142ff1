/*
 * Every reason for a denial, once: all else that is said or decided about one comes from here.
 *
 *   X(identifier, name, flags, sentence, usual cause, what to type)
 *
 * name: for logs, events and JSON, and never changed. sentence: for people, without a final period. The last two are
 * whole sentences, for "nhictl explain NAME" and pam_nhi(8), which tests/house/reasons.t compares; what is to be typed
 * stands between back-quotes.
 *
 * Flags. NHI_REASON_END: it ends the session that the ticket opened, too; what only keeps somebody new out does not,
 * nor does a failure of ours. NHI_REASON_ATTEMPT: somebody with a genuine ticket asked for what it is not for, which a
 * review shows to people.
 */
#ifndef NHI_REASON_LIST_H
#define NHI_REASON_LIST_H

#define NHI_REASON_END 1U
#define NHI_REASON_ATTEMPT 2U

#define NHI_REASONS(X) \
    X(INTERNAL, "internal", 0, "a failure inside the module", \
      "The host is out of memory, or a system call failed that the decision needs.", \
      "`nhictl doctor` shows what is wrong with the host; the system log has the call that failed.") \
    X(LEDGER, "ledger", 0, "the ledger cannot be read or trusted", \
      "The ledger is missing or damaged, others than root can write it, or a newer release has written it.", \
      "`nhictl doctor` names the file. nhi-recovery(7) says how to restore a backup.") \
    X(LOCKDOWN, "lockdown", NHI_REASON_END, "no agent may enter this host now", \
      "Somebody has locked the host down, or the reserve is missing or damaged.", \
      "`nhictl lockdown status` says which, `nhictl audit export` who did it and why.") \
    X(MACHINE, "machine", 0, "the ledger belongs to another machine, or was written by one", \
      "The disk was copied to another machine, or a virtual machine was cloned.", \
      "`nhictl status` says which of the two it is, and what to do. On a clone: `nhictl init --new-host`.") \
    X(ROLLED_BACK, "rolled-back", 0, "the ledger is older than this host has seen it", \
      "A snapshot of the disk was put back, and with it a ledger that knows nothing of what happened since.", \
      "`nhictl status` confirms it. nhi-recovery(7) says how to go on.") \
    X(CLOCK, "clock", 0, "this host's clock is behind what its ledger has seen", \
      "The clock was set back, or was wrong for a while and ran ahead.", \
      "`date` shows what this host takes for the time. Set the clock right.") \
    X(SUBJECT, "subject", 0, "the account does not resolve, or is not the caller's", \
      "No source of accounts knows the name, or it leads to another uid than the ledger gave the agent.", \
      "`getent passwd NAME` shows what programs see, `nhictl doctor` why.") \
    X(PRIVILEGED, "privileged", NHI_REASON_END | NHI_REASON_ATTEMPT, \
      "the account leads to root, which no ticket may name", \
      "Its uid or one of its groups is root's, or one that can become root, such as sudo, docker or disk.", \
      "`id NAME` shows its groups. Give agents sudo for named commands instead.") \
    X(NO_TICKET, "no-ticket", 0, "no ticket was shown or found", \
      "The program that answers the prompt has no ticket, or the ledger has none for this account and service.", \
      "`nhictl ticket list --agent NAME` shows what is live.") \
    X(AMBIGUOUS, "ambiguous", 0, "more than one live ticket fits", \
      "Cron, at and units show no ticket, so that the ledger must have exactly one for the account and service.", \
      "`nhictl ticket list --agent NAME` shows them. Name services more narrowly when a ticket is issued.") \
    X(MALFORMED, "malformed", 0, "this is not a ticket", \
      "The reply was cut short, was wrapped into several lines, or is a password.", \
      "`nhictl ticket inspect FILE` shows what a file holds.") \
    X(SIGNATURE, "signature", 0, "the ticket was changed after it was signed", \
      "A byte was lost or altered on its way, or it was signed with another key than it names.", \
      "`nhictl ticket inspect FILE` on the host that issued it shows whether it was whole there.") \
    X(ISSUER_UNKNOWN, "issuer-unknown", NHI_REASON_END, "no trusted issuer has this key name", \
      "The ticket was issued by a host whose key was never added here.", \
      "`nhictl key list` shows who is trusted. Add a key only after its owner has confirmed it.") \
    X(ISSUER_RETIRED, "issuer-retired", NHI_REASON_END, "the issuer's key is retired", \
      "The key was rotated out and its last tickets should have ended.", \
      "`nhictl key list` shows its state. Issue the ticket again with the key that is active.") \
    X(ISSUER_REVOKED, "issuer-revoked", NHI_REASON_END, "the issuer's key is revoked", \
      "The key was lost or stolen, so that nothing signed with it is believed any more.", \
      "`nhictl key list` shows its state. Issue the ticket again with the key that is active.") \
    X(ISSUER_BOUNDS, "issuer-bounds", NHI_REASON_END | NHI_REASON_ATTEMPT, "the issuer may not say this", \
      "The key was added for other agents, accounts or services, or for shorter lifetimes.", \
      "`nhictl key list --json` shows its bounds.") \
    X(HOST, "host", NHI_REASON_ATTEMPT, "the ticket is for another host", \
      "The ticket was carried to a host that it does not name.", \
      "`nhictl ticket inspect FILE` shows the host. Issue one with --host for this host.") \
    X(NOT_YET, "not-yet", 0, "the ticket is not valid yet", \
      "The clocks of this host and of the issuer differ, or the ticket was issued for later.", \
      "`nhictl ticket inspect FILE` shows from when on it is valid.") \
    X(EXPIRED, "expired", NHI_REASON_END, "the ticket has expired", "The work took longer than the ticket lives.", \
      "`nhictl renew JTI` before it ends, or issue a new one.") \
    X(REVOKED, "revoked", NHI_REASON_END | NHI_REASON_ATTEMPT, "the ticket is revoked", \
      "Somebody revoked it, the ticket that it came from, its task, its agent or its issuer.", \
      "`nhictl trace --ticket JTI` says who, when and why.") \
    X(UNRECORDED, "not-recorded", NHI_REASON_END | NHI_REASON_ATTEMPT, \
      "the ticket is signed with a key of this host, but was not issued here", \
      "Somebody else has a copy of this host's key.", \
      "Consider the key stolen: `nhictl key list` shows it, nhi-recovery(7) says how to replace it.") \
    X(SUPERSEDED, "superseded", 0, "the ticket was renewed, and its successor is in use", \
      "Two programs have the ticket, of which one uses what renewed it.", \
      "`nhictl ticket list --agent NAME` shows the successor.") \
    X(EPOCH, "epoch", NHI_REASON_END, "the ticket is from before the ledger was restored, or came to this machine", \
      "After a restore nobody knows what was revoked meanwhile, so that all earlier tickets have ended.", \
      "Issue new ones: `nhictl issue --help` has an example.") \
    X(AGENT_UNKNOWN, "agent-unknown", NHI_REASON_END, "no such agent is registered", \
      "The agent is registered on another host only, or its name is misspelled.", \
      "`nhictl agent list` shows who is registered.") \
    X(AGENT_SUSPENDED, "agent-suspended", NHI_REASON_END, "the agent is suspended", \
      "Somebody suspended it, its owner has left, or it is not declared any more.", \
      "`nhictl agent show NAME` says why.") \
    X(AGENT_RETIRED, "agent-retired", NHI_REASON_END, "the agent is retired", \
      "Its work has ended for good; retiring cannot be undone.", "`nhictl agent show NAME` says since when.") \
    X(AGENT_OVERDUE, "agent-overdue", NHI_REASON_END, "the agent's review is overdue", \
      "Nobody has said by its review date that the agent is still needed, and nhi.conf denies such agents.", \
      "`nhictl review` shows what it does. Its owner certifies it with `nhictl agent certify`.") \
    X(TASK_UNKNOWN, "task-unknown", NHI_REASON_END, "this host does not know the task", \
      "The task was opened on another host, whose tickets may not open tasks here.", \
      "`nhictl task list` shows the tasks of this host.") \
    X(TASK_CLOSED, "task-closed", NHI_REASON_END, "the task is closed", \
      "The work was done, or somebody has ended it.", \
      "`nhictl trace TASK` says who closed it and why. A task is not opened again: use a new ID.") \
    X(TASK_ENDED, "task-ended", NHI_REASON_END, "the task's deadline has passed", \
      "The work took longer than was allowed for it, or the task was idle for too long.", \
      "`nhictl task show TASK` shows the deadline. Open a new task with a later one.") \
    X(TASK_AGENT, "task-agent", NHI_REASON_END | NHI_REASON_ATTEMPT, "the task is another agent's", \
      "A task of that ID exists here, and was opened for another agent.", "`nhictl task show TASK` says whose it is.") \
    X(KEY, "key", NHI_REASON_ATTEMPT, "the ticket is bound to a key that was not proven", \
      "The ticket was used without its SSH key, or by a service that proves none, such as sudo.", \
      "`nhictl ticket inspect FILE` shows the key. For other services issue a ticket without --bind-key.") \
    X(ACCOUNT, "account", NHI_REASON_ATTEMPT, "the ticket is not for this account", \
      "The agent tried to become an account that its ticket does not name.", \
      "`nhictl ticket inspect FILE` shows the accounts.") \
    X(SERVICE, "service", NHI_REASON_ATTEMPT, "the ticket is not for this service", \
      "The ticket was used with another program than it names, such as sudo where it is for sshd.", \
      "`nhictl ticket inspect FILE` shows the services.") \
    X(SESSION, "session", NHI_REASON_ATTEMPT, "another ticket inside a session", \
      "An agent inside its session showed a ticket of another agent, which would hide who acts.", \
      "`nhictl session list` shows who is inside which session.") \
    X(PIN, "pin", NHI_REASON_ATTEMPT, \
      "the ticket works only where it was first used, and this is another address, terminal or session", \
      "The ticket was passed on, or the agent's address has changed.", \
      "`nhictl trace --ticket JTI` shows where it was used. Issue one for each place, or one with --no-pin.") \
    X(TREE, "tree", NHI_REASON_ATTEMPT, "the ticket works only inside what nhictl run started", \
      "A ticket of nhictl run left the process tree that it was issued for.", \
      "`nhictl trace --ticket JTI` shows where it was used.") \
    X(POLICY, "policy", NHI_REASON_END | NHI_REASON_ATTEMPT, "no rule permits it", \
      "No rule of /etc/nhi/policy.d fits the agent, account, service, time and address.", \
      "`nhictl explain --account NAME --service NAME FILE` shows what each rule misses.") \
    X(FORBIDDEN, "forbidden", NHI_REASON_END | NHI_REASON_ATTEMPT, "a rule forbids it", \
      "A rule with effect = \"forbid\" fits, which comes before every permit.", \
      "`nhictl explain --account NAME --service NAME FILE` names the rule.") \
    X(LIMIT, "limit", 0, "a rule permits it, but not so many at once", \
      "As many sessions are open, or as many grants were given in this hour, as the rule allows.", \
      "`nhictl session list` shows what is open.") \
    X(LIFETIME, "lifetime", NHI_REASON_END, "the ticket lives longer than this host lets tickets live", \
      "max_lifetime in nhi.conf is shorter than the time for which the ticket was issued.", \
      "`nhictl ticket inspect FILE` shows its lifetime. Issue one with a shorter --ttl.") \
    X(UNSUPERVISED, "no-supervisor", 0, "nhictl watch does not run, so that nobody would end the session", \
      "The unit nhi-watch has stopped, or cannot read the ledger.", \
      "`systemctl status nhi-watch` says why; `nhictl status` shows whether it is alive.") \
    X(USES, "uses", NHI_REASON_ATTEMPT, "every use of the ticket is spent", \
      "The ticket was issued with --uses, and has been used that often.", \
      "`nhictl trace --ticket JTI` shows each use.") \
    X(RECORD, "record", 0, "the grant could not be recorded", \
      "The disk is full or cannot be written: what leaves no record does not happen.", \
      "`df /var/lib/nhi` shows how much room is left; `nhictl doctor` shows what else is wrong.") \
    X(GROUPS, "groups", 0, "not every source of groups gave an answer: the account may lead to root", \
      "A directory such as LDAP does not answer, so that nobody knows which groups the account is in.", \
      "`nhictl doctor` asks each source; the system log names the one that gave no answer.")

#endif

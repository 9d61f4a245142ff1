/* SPDX-License-Identifier: ISC */
/*
 * Every reason for a denial, once: everything that is shown or decided about a reason comes from here.
 *
 *   X(identifier, name, flags, sentence, usual cause, what to type)
 *
 * name: for logs, events and JSON, and never changed. sentence: for people, without a final period. The last two are
 * whole sentences, for "nhictl explain NAME" and nhi-reasons(7), which packaging/reasons.awk makes; what is to be typed
 * stands between back-quotes.
 *
 * Flags. NHI_REASON_END: it also ends the session that the ticket opened. A reason that only denies new logins does
 * not, and neither does a failure of ours. NHI_REASON_ATTEMPT: a genuine ticket was used for something that it is not
 * for, which a review shows to people.
 */
#ifndef NHI_REASON_LIST_H
#define NHI_REASON_LIST_H

#define NHI_REASON_END 1U
#define NHI_REASON_ATTEMPT 2U

#define NHI_REASONS(X) \
    X(INTERNAL, "internal", 0, "a failure inside the module", \
      "The host is out of memory, a system call that the decision needs has failed, or a library is missing.", \
      "`nhictl doctor` shows what is wrong with the host; the system log names the call that failed.") \
    X(LEDGER, "ledger", 0, "the ledger cannot be read or trusted", \
      "The ledger is missing, damaged, written by a newer release, or users other than root can write it.", \
      "`nhictl doctor` names the file. nhi-recovery(7) explains how to restore a backup.") \
    X(STATE, "state", 0, "what nhictl published cannot be read, or is being changed", \
      "Nothing was published since this host was started, or a command that was changing something was killed.", \
      "`nhictl publish` publishes the ledger again; `nhictl doctor` says what else is wrong.") \
    X(LOCKDOWN, "lockdown", NHI_REASON_END, "no agent may log in to this host now", \
      "Somebody has locked the host down, or the reserve is missing or damaged.", \
      "`nhictl lockdown status` shows which, `nhictl audit export` who did it and why.") \
    X(MACHINE, "machine", 0, "the ledger belongs to another machine, or was written on one", \
      "The disk was copied to another machine, or a virtual machine was cloned.", \
      "`nhictl status` shows which of the two it is, and what to do. On a clone: `nhictl init --new-host`.") \
    X(ROLLED_BACK, "rolled-back", 0, "the ledger is older than the one this host last saw", \
      "A snapshot of the disk was restored, and with it a ledger that lacks all later events.", \
      "`nhictl status` confirms it. nhi-recovery(7) explains how to continue.") \
    X(CLOCK, "clock", 0, "this host's clock is behind the newest time in its ledger", \
      "The clock was set back, or ran ahead for a while.", "`date` shows the time of this host. Correct the clock.") \
    X(SUBJECT, "subject", 0, "the account does not resolve, or is not the caller's", \
      "No source of accounts knows the name, or its uid is not the one that the ledger gave the agent.", \
      "`getent passwd NAME` shows what programs see, `nhictl doctor` shows why.") \
    X(PRIVILEGED, "privileged", NHI_REASON_END | NHI_REASON_ATTEMPT, \
      "the account leads to root, so no ticket may name it", \
      "Its uid or one of its groups is root's, or one that can become root, such as sudo, docker or disk.", \
      "`id NAME` shows its groups. Give agents sudo for named commands instead.") \
    X(NO_TICKET, "no-ticket", 0, "no ticket was shown or found", \
      "The program that answers the prompt has no ticket, or the ledger has none for this account and service.", \
      "`nhictl ticket list --agent NAME` shows what is live.") \
    X(AMBIGUOUS, "ambiguous", 0, "more than one live ticket fits", \
      "Cron, at and units show no ticket, so the ledger must have exactly one for the account and service.", \
      "`nhictl ticket list --agent NAME` shows them. Name fewer services when issuing a ticket.") \
    X(MALFORMED, "malformed", 0, "this is not a ticket", \
      "The reply was cut short, was wrapped into several lines, or is a password.", \
      "`nhictl ticket inspect FILE` shows what a file holds.") \
    X(SIGNATURE, "signature", 0, "the ticket was changed after it was signed", \
      "A byte was lost or altered in transit, or the key that it names did not sign it.", \
      "`nhictl ticket inspect FILE` on the host that issued it shows whether it was intact there.") \
    X(ISSUER_UNKNOWN, "issuer-unknown", NHI_REASON_END, "no trusted issuer has this key name", \
      "The ticket was issued by a host whose key was never added here.", \
      "`nhictl key list` shows who is trusted. Add a key only after its owner has confirmed it.") \
    X(ISSUER_RETIRED, "issuer-retired", NHI_REASON_END, "the issuer's key is retired", \
      "The key was rotated out and its last tickets should have ended.", \
      "`nhictl key list` shows its state. Issue the ticket again with the key that is active.") \
    X(ISSUER_REVOKED, "issuer-revoked", NHI_REASON_END, "the issuer's key is revoked", \
      "The key was lost or stolen, so nothing signed with it is accepted any more.", \
      "`nhictl key list` shows its state. Issue the ticket again with the key that is active.") \
    X(ISSUER_BOUNDS, "issuer-bounds", NHI_REASON_END | NHI_REASON_ATTEMPT, \
      "the ticket goes beyond what its issuer may sign", \
      "The key was added for other agents, accounts or services, or for shorter lifetimes.", \
      "`nhictl key list --json` shows its bounds.") \
    X(HOST, "host", NHI_REASON_ATTEMPT, "the ticket is for another host", \
      "The ticket was used on a host that it does not name.", \
      "`nhictl ticket inspect FILE` shows the host. Issue one with --host for this host.") \
    X(NOT_YET, "not-yet", 0, "the ticket is not valid yet", \
      "The clocks of this host and of the issuer differ, or the ticket was issued for later.", \
      "`nhictl ticket inspect FILE` shows when it becomes valid.") \
    X(EXPIRED, "expired", NHI_REASON_END, "the ticket has expired", \
      "The work took longer than the lifetime of the ticket.", \
      "`nhictl renew JTI` before it ends, or issue a new one.") \
    X(REVOKED, "revoked", NHI_REASON_END | NHI_REASON_ATTEMPT, "the ticket is revoked", \
      "Somebody revoked it, the ticket that it came from, its task, its agent or its issuer.", \
      "`nhictl trace --ticket JTI` shows who did it, when and why.") \
    X(UNRECORDED, "not-recorded", NHI_REASON_END | NHI_REASON_ATTEMPT, \
      "the ticket is signed with a key of this host, but was not issued here", \
      "Somebody else has a copy of this host's key.", \
      "Consider the key stolen: `nhictl key list` shows it, nhi-recovery(7) explains how to replace it.") \
    X(SUPERSEDED, "superseded", 0, "the ticket was renewed, and its successor is in use", \
      "Two programs have the ticket, and one of them already uses its successor.", \
      "`nhictl ticket list --agent NAME` shows the successor.") \
    X(EPOCH, "epoch", NHI_REASON_END, "the ticket was issued before the ledger was restored or moved to this machine", \
      "After a restore nobody knows what was revoked in the meantime, so all earlier tickets have ended.", \
      "Issue new ones: `nhictl issue --help` has an example.") \
    X(AGENT_UNKNOWN, "agent-unknown", NHI_REASON_END, "no such agent is registered", \
      "The agent is registered on another host only, or its name is misspelled.", \
      "`nhictl agent list` shows who is registered.") \
    X(AGENT_SUSPENDED, "agent-suspended", NHI_REASON_END, "the agent is suspended", \
      "Somebody suspended it, its owner has left, or it is not declared any more.", \
      "`nhictl agent show NAME` shows why.") \
    X(AGENT_RETIRED, "agent-retired", NHI_REASON_END, "the agent is retired", \
      "Its work has ended for good; retiring cannot be undone.", "`nhictl agent show NAME` shows since when.") \
    X(AGENT_OVERDUE, "agent-overdue", NHI_REASON_END, "the agent's review is overdue", \
      "Nobody confirmed by its review date that the agent is still needed, and nhi.conf denies such agents.", \
      "`nhictl review` shows what it does. Its owner certifies it with `nhictl agent certify`.") \
    X(TASK_UNKNOWN, "task-unknown", NHI_REASON_END, "this host does not know the task", \
      "The task was opened on another host, whose tickets may not open tasks here.", \
      "`nhictl task list` shows the tasks of this host.") \
    X(TASK_CLOSED, "task-closed", NHI_REASON_END, "the task is closed", \
      "The work was done, or somebody has ended it.", \
      "`nhictl trace TASK` shows who closed it and why. A closed task never opens again: use a new ID.") \
    X(TASK_ENDED, "task-ended", NHI_REASON_END, "the task's deadline has passed", \
      "The work took longer than was allowed for it, or the task was idle for too long.", \
      "`nhictl task show TASK` shows the deadline. Open a new task with a later one.") \
    X(TASK_AGENT, "task-agent", NHI_REASON_END | NHI_REASON_ATTEMPT, "the task belongs to another agent", \
      "A task with that ID exists here, but was opened for another agent.", \
      "`nhictl task show TASK` shows whose it is.") \
    X(KEY, "key", NHI_REASON_ATTEMPT, "the ticket is bound to a key that was not proven", \
      "The ticket was used without its SSH key, or with a service that proves no key, such as sudo.", \
      "`nhictl ticket inspect FILE` shows the key. For other services issue a ticket without --bind-key.") \
    X(ACCOUNT, "account", NHI_REASON_ATTEMPT, "the ticket is not for this account", \
      "The agent tried to become an account that its ticket does not name.", \
      "`nhictl ticket inspect FILE` shows the accounts.") \
    X(SERVICE, "service", NHI_REASON_ATTEMPT, "the ticket is not for this service", \
      "The ticket was used with a program that it does not name, such as sudo when it is for sshd.", \
      "`nhictl ticket inspect FILE` shows the services.") \
    X(SESSION, "session", NHI_REASON_ATTEMPT, "another ticket inside a session", \
      "Inside its session an agent showed another agent's ticket, which would hide who is acting.", \
      "`nhictl session list` shows who is inside which session.") \
    X(PIN, "pin", NHI_REASON_ATTEMPT, \
      "the ticket works only where it was first used, and this is another address, terminal or session", \
      "The ticket was passed on, or the agent's address has changed.", \
      "`nhictl trace --ticket JTI` shows where it was used. Issue one for each place, or one with --no-pin.") \
    X(TREE, "tree", NHI_REASON_ATTEMPT, "the ticket works only inside the nhictl run that it was issued for", \
      "A ticket of nhictl run left the process tree that it was issued for.", \
      "`nhictl trace --ticket JTI` shows where it was used.") \
    X(POLICY, "policy", NHI_REASON_END | NHI_REASON_ATTEMPT, "no rule permits it", \
      "No rule in /etc/nhi/policy.d matches the agent, account, service, time and address.", \
      "`nhictl explain --account NAME --service NAME FILE` shows why each rule does not match.") \
    X(FORBIDDEN, "forbidden", NHI_REASON_END | NHI_REASON_ATTEMPT, "a rule forbids it", \
      "A rule with effect = \"forbid\" matches, which overrides every permit.", \
      "`nhictl explain --account NAME --service NAME FILE` names the rule.") \
    X(LIMIT, "limit", 0, "a rule permits it, but its limit is reached", \
      "As many sessions are open, or as many grants were given in this hour, as the rule allows.", \
      "`nhictl session list` shows what is open.") \
    X(LIFETIME, "lifetime", NHI_REASON_END, "the ticket's lifetime is longer than this host allows", \
      "max_lifetime in nhi.conf is shorter than the lifetime of the ticket.", \
      "`nhictl ticket inspect FILE` shows its lifetime. Issue one with a shorter --ttl.") \
    X(UNSUPERVISED, "no-supervisor", 0, "nhictl watch is not running, so nothing would end the session", \
      "The unit nhi-watch has stopped, or cannot read the ledger.", \
      "`systemctl status nhi-watch` shows why; `nhictl status` shows whether it is running.") \
    X(USES, "uses", NHI_REASON_ATTEMPT, "the ticket has no uses left", \
      "The ticket was issued with --uses, and has been used that many times.", \
      "`nhictl trace --ticket JTI` shows each use.") \
    X(RECORD, "record", 0, "the grant could not be recorded", \
      "The disk is full or cannot be written, and nothing is granted without a record.", \
      "`df /var/lib/nhi` shows how much space is left; `nhictl doctor` shows what else is wrong.") \
    X(GROUPS, "groups", 0, "not every source of groups answered: the account may lead to root", \
      "A directory such as LDAP does not answer, so the groups of the account are not known.", \
      "`nhictl doctor` asks each source; the system log names the one that did not answer.")

#endif

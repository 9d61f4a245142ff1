/*
 * Registered sessions: what a grant opened, and who is inside.
 *
 * One file under NHI_RUN_DIR/sessions names a handle that pid reuse cannot confuse and holds the grant
 * record. It needs no ledger, and it stays after the session has closed: what is left of a session
 * remains that agent's. When it is over the file becomes a mark of how, and with that an event (session_end.c).
 *
 *   a-BOOT-ID          the kernel's audit session, where the login got one of its own
 *   p-BOOT-PID-START   the process that opened the session, and all that descends from it
 *
 * Where there are cgroups for it (cgroup.h), a session is in one of its handle's name, too: what has lost its parent
 * is still found, and can be ended at once.
 */
#ifndef NHI_SESSION_H
#define NHI_SESSION_H

#include "libnhi/grant.h"

#define NHI_SESSIONS_DIR "sessions"

/* run_dir and what is in it, root 0700, where it is missing. */
NHI_CHECK enum nhi_err nhi_session_make_dir(const char *run_dir);

/* What this process is to the session that it registers. */
enum nhi_session_of {
    NHI_OF_LOGIN, /* a login's own: an audit session set for its uid which the parent does not share is its */
    NHI_OF_CALL,  /* su, sudo, nhictl run: in somebody's login, of which it is to leave the audit session */
    NHI_OF_TREE,  /* known by descent alone, as where the kernel gives no audit session */
};

/* run_dir is made when it is missing, root 0700. dir: the state directory, where the session is recorded as well,
 * since a boot empties the other. g: the grant that opened it; g->self is this process, which
 * holds the session open. A login or a call without an audit session of its own is given one for uid, where
 * the kernel does that. NHI_ERR_EXISTS: that handle is another ticket's. */
NHI_CHECK enum nhi_err nhi_session_register(const char *run_dir, const char *dir, const struct nhi_grant *g,
                                            enum nhi_session_of of, uint32_t uid);
/* ---- its end ---- */

/* Words for how, beside those of reason.c. */
#define NHI_END_CLOSED "closed" /* its program said so */
#define NHI_END_BY_HAND "by-hand"
#define NHI_END_GONE "gone"     /* nobody is inside any more, and nobody said how */
#define NHI_END_REBOOT "reboot" /* it was of another boot, or the host was going down */

/* For the process that registered it, g->self, which closes it: the handle of a process ends with that. An audit
 * session or a cgroup stays while somebody is inside, since what is left of it remains that agent's. g: as it was
 * registered. */
void nhi_session_close(const char *run_dir, const struct nhi_grant *g);
/* The same by the one who is the last in it: whatever handle it has, nothing of it is left. */
void nhi_session_leave(const char *run_dir, const struct nhi_grant *g);
/* Before somebody ends a session: from here on that is how it ends, whatever its program does about it. */
void nhi_session_say_why(const char *run_dir, const char *id, const char *reason);
/* For any handle, once nobody is inside: id is of the grant in it. NHI_ERR_NOT_FOUND: it has ended already, or was
 * another's in the first place. */
NHI_CHECK enum nhi_err nhi_session_end(const char *run_dir, const char *handle, const char *id, const char *reason);

/* What has ended, and is not in the ledger yet. */
struct nhi_session_end {
    char mark[256]; /* its name, for nhi_session_remove */
    char handle[NHI_TREE_MAX + 1], reason[32];
    int64_t at;
    struct nhi_grant g;
};
NHI_CHECK enum nhi_err nhi_session_each_end(const char *run_dir,
                                            enum nhi_err (*fn)(const struct nhi_session_end *, void *), void *ctx);
/* Of these, what closed or is gone, as programs do that a host stops on its way down, ended by that: if goes_down says
 * that it does, which is asked once, and only where there is one. */
void nhi_session_ends_by_reboot(const char *run_dir, bool (*goes_down)(void));
/* Takes a name away without a trace. false: it was gone. */
bool nhi_session_remove(const char *run_dir, const char *name);

/* Whether there is a session of that handle. What cannot be found out is a yes. */
bool nhi_session_is_registered(const char *run_dir, const char *handle);
/* The handle of a session that was registered without a login of its own, as nhictl run does: that of
 * g->self. out: at least NHI_TREE_MAX + 1 bytes. */
void nhi_session_handle(const struct nhi_grant *g, char *out);
/* The same with the PID namespace in which its number is one, as the ledger names a process tree. */
void nhi_session_tree(const struct nhi_grant *g, char *out);
/* Whether the process of such a handle or tree is there still; what it left behind does not count. What cannot be
 * looked at is: a tree of another PID namespace, too. */
bool nhi_session_is_alive(const char *handle);

/* The innermost registered session that process pid is inside. NHI_ERR_NOT_FOUND: none. Any other error: that could
 * not be found out, errno says how (sight.h); NHI_ERR_TOO_LONG: too many processes lie above it. A session that was
 * found counts, whatever else could not be read. Nothing is allocated before there is a record. */
NHI_CHECK enum nhi_err nhi_session_find(const char *run_dir, pid_t pid, struct nhi_grant *out);

/* Of all: calls fn with the handle's name, the grant, and whether a process is still inside. */
NHI_CHECK enum nhi_err nhi_session_each(const char *run_dir,
                                        int (*fn)(const char *handle, const struct nhi_grant *,
                                                  bool alive, void *),
                                        void *ctx);

/* Ends the sessions that no process is inside any more. */
NHI_CHECK enum nhi_err nhi_session_sweep(const char *run_dir, uint32_t *removed);

struct nhi_proc_stat {
    struct nhi_proc self;
    pid_t parent;
    pid_t session;    /* of setsid(2): the pid of its leader */
    bool ended;       /* and not taken in yet; with its first thread alone it has not */
    unsigned tty;     /* device number of the controlling terminal; 0: none */
};
/* Calls fn with each process, by pid, until it returns other than 0. Each is looked up when its turn comes, so that
 * one that keeps forking and ending to be missed is come upon in the end. */
NHI_CHECK enum nhi_err nhi_proc_each(int (*fn)(pid_t, void *), void *ctx);
/* NHI_ERR_NOT_FOUND: gone. */
NHI_CHECK enum nhi_err nhi_proc_stat(pid_t pid, struct nhi_proc_stat *out);
/* A file of /proc by one read, whole if it is smaller than size, with a NUL behind it. Nothing is allocated. Of an
 * error errno says which; NHI_ERR_NOT_FOUND: gone. */
NHI_CHECK enum nhi_err nhi_proc_file(const char *path, char *buf, size_t size);
/* Start time of a process, and its parent. NHI_ERR_NOT_FOUND: gone. */
NHI_CHECK enum nhi_err nhi_proc_read(pid_t pid, struct nhi_proc *self, pid_t *parent);
/* Whether it runs. One that has ended and was not taken in yet does not, however long its parent leaves it there;
 * what cannot be looked at does. */
bool nhi_proc_is_alive(const struct nhi_proc *p);
/* The kernel's audit session of a process. NHI_ERR_NOT_FOUND: it has none of its own, or is gone. */
NHI_CHECK enum nhi_err nhi_proc_audit(pid_t pid, uint32_t *session);
/* Puts this process, and so all that it starts from here on, into an audit session of its own, for the uid that
 * its login was for, or for uid where there was none. NHI_ERR_STATE: the kernel does not do that, here. */
NHI_CHECK enum nhi_err nhi_proc_new_audit(uint32_t uid);
/* For whom the login was that a process descends from. NHI_ERR_NOT_FOUND: unset, or gone. */
NHI_CHECK enum nhi_err nhi_proc_loginuid(pid_t pid, uint32_t *uid);
/* The inode of the PID namespace that this process is in. 0: it cannot be found out. */
uint64_t nhi_proc_namespace(void);
/* Seconds since the epoch. Ask nothing else: time(2) lags behind the exact clock by up to a tick, and who asks now the one
 * and then the other sees what came later in an earlier second. */
int64_t nhi_now(void);
/* Seconds since boot, sleep included, by a clock that nobody sets. 0: it cannot be found out. */
int64_t nhi_uptime(void);
/* This boot's ID, 36 characters. */
NHI_CHECK enum nhi_err nhi_boot_id(char out[37]);

#endif

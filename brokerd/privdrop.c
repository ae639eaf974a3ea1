/* SPDX-License-Identifier: ISC */
#include "privdrop.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "proto/log.h"
#include "proto/secret.h"

static const cap_value_t broker_caps[] = {CAP_SETUID, CAP_SETGID, CAP_SYS_CHROOT};
static const cap_value_t session_caps[] = {CAP_SYS_CHROOT};

#define COUNT(list) ((int)(sizeof(list) / sizeof(list[0])))

static bool is_in(cap_value_t cap, const cap_value_t *list, int count)
{
	for (int i = 0; i < count; i++)
		if (list[i] == cap)
			return true;
	return false;
}

/* Permitted and effective become the list; inheritable too if asked. */
static bool set_caps(const cap_value_t *list, int count, bool inheritable)
{
	cap_t caps = cap_init();
	bool good = caps != NULL;

	if (good && count != 0)
		good = cap_set_flag(caps, CAP_PERMITTED, count, list, CAP_SET) == 0 &&
		       cap_set_flag(caps, CAP_EFFECTIVE, count, list, CAP_SET) == 0 &&
		       (!inheritable ||
			   cap_set_flag(caps, CAP_INHERITABLE, count, list, CAP_SET) == 0);
	good = good && cap_set_proc(caps) == 0;
	cap_free(caps);
	return good;
}

/* Whether permitted and effective are the list and inheritable is it or nothing. */
static bool has_exactly(const cap_value_t *list, int count, bool inheritable)
{
	cap_t caps = cap_get_proc();
	bool good = caps != NULL;

	for (cap_value_t cap = 0; good && cap < cap_max_bits(); cap++) {
		cap_flag_value_t wanted = is_in(cap, list, count) ? CAP_SET : CAP_CLEAR;
		cap_flag_value_t permitted, effective, inherited;

		good = cap_get_flag(caps, cap, CAP_PERMITTED, &permitted) == 0 &&
		       cap_get_flag(caps, cap, CAP_EFFECTIVE, &effective) == 0 &&
		       cap_get_flag(caps, cap, CAP_INHERITABLE, &inherited) == 0 &&
		       permitted == wanted && effective == wanted &&
		       inherited == (inheritable ? wanted : CAP_CLEAR);
	}
	cap_free(caps);
	return good;
}

static bool has_ids(uid_t uid, gid_t gid)
{
	uid_t real_uid, effective_uid, saved_uid;
	gid_t real_gid, effective_gid, saved_gid;

	return getresuid(&real_uid, &effective_uid, &saved_uid) == 0 &&
	       getresgid(&real_gid, &effective_gid, &saved_gid) == 0 && real_uid == uid &&
	       effective_uid == uid && saved_uid == uid && real_gid == gid &&
	       effective_gid == gid && saved_gid == gid && getgroups(0, NULL) == 0;
}

/* Takes all but the broker's own capabilities out of the bounding set. */
static void shrink_bounding_set(void)
{
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
		if (is_in(cap, broker_caps, COUNT(broker_caps)) ||
		    prctl(PR_CAPBSET_READ, cap, 0, 0, 0) <= 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			log_fatal("privileges: cannot take %d out of the bounding set", cap);
	}
}

static void prove_broker(uid_t uid, gid_t gid)
{
	if (!has_ids(uid, gid))
		log_fatalx("privileges: user or groups did not change");
	if (!has_exactly(broker_caps, COUNT(broker_caps), false))
		log_fatalx("privileges: capabilities are not those that were asked for");
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 &&
		    !is_in(cap, broker_caps, COUNT(broker_caps)))
			log_fatalx("privileges: %d is still in the bounding set", cap);
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			log_fatalx("privileges: %d is ambient", cap);
	}
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) != 0)
		log_fatalx("privileges: no_new_privs is off or keepcaps on");
	/* What cannot be: signals to somebody else (unless this is process 1), a smaller bounding
	 * set. */
	if (getpid() != 1 && (kill(1, 0) == 0 || errno != EPERM))
		log_fatalx("privileges: process 1 can still be signalled");
	if (prctl(PR_CAPBSET_DROP, CAP_SYS_CHROOT, 0, 0, 0) == 0 || errno != EPERM)
		log_fatalx("privileges: the bounding set can still be changed");
}

void privdrop_broker(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0)
		log_fatal("privileges: cannot take group %u", (unsigned)gid);
	shrink_bounding_set();
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		log_fatal("privileges: cannot clear the ambient set");
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setresuid(uid, uid, uid) != 0)
		log_fatal("privileges: cannot take user %u", (unsigned)uid);
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0 ||
	    !set_caps(broker_caps, COUNT(broker_caps), false))
		log_fatal("privileges: cannot give up capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		log_fatal("privileges: cannot set no_new_privs");
	/* Changing ids makes a process dumpable by the system's setting again. */
	if (!secret_forbid_dumps())
		log_fatal("privileges: cannot forbid core dumps");
	prove_broker(uid, gid);
}

bool privdrop_keep_for_exec(void)
{
	if (!set_caps(broker_caps, COUNT(broker_caps), true))
		return false;
	for (int i = 0; i < COUNT(broker_caps); i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, broker_caps[i], 0, 0) != 0)
			return false;
	return true;
}

bool privdrop_child(uid_t uid, bool keep_chroot)
{
	int count = keep_chroot ? COUNT(session_caps) : 0;

	if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
	    setresuid(uid, uid, uid) != 0 || !set_caps(session_caps, count, true))
		return false;
	if (keep_chroot && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_CHROOT, 0, 0) != 0)
		return false;
	if (has_ids(uid, uid) && has_exactly(session_caps, count, true))
		return true;
	errno = EPERM;
	return false;
}

/* SPDX-License-Identifier: ISC */
/*
 * What the parts of `brokerctl doctor` share: one call of it, what it finds, how it is told. Each
 * part looks at one side of the installation and reports findings; whatever they look at may be
 * broken or hostile, so every wait has an end and every text that comes from elsewhere is cleaned
 * before it is shown. Runs in brokerctl, with the rights of its caller; changes nothing.
 *
 * ctl_doctor.c has the options and the order, ctl_doctor_report.c prints, ctl_doctor_judge*.c
 * decide what is right and do nothing else, the others look.
 */
#ifndef BROKERD_CTL_DOCTOR_H
#define BROKERD_CTL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "brokerd/config.h"
#include "ctl.h"

/* Of each wait. */
#define DOCTOR_DEADLINE_MS 10000

enum doctor_verdict {
	DOCTOR_GREEN,
	DOCTOR_RED,
	DOCTOR_OPEN, /* not looked at, or nobody can tell */
	DOCTOR_VERDICT_COUNT
};

struct doctor_finding {
	enum doctor_verdict verdict;
	char text[600]; /* what was found */
	char todo[600]; /* what to do about it; RED only */
};

struct doctor {
	const char *config_path;
	char socket_path[256];	     /* the broker's */
	const char *fcgi_path;	     /* x2goweb-fcgi's socket; NULL: calls come by CGI */
	char url[300];		     /* of the page, with a slash at the end; empty: not known */
	char origin[300];	     /* its scheme, host and port, as browsers send it */
	const char *ca_file;	     /* whom to trust; NULL: whom the system trusts */
	const char *login;	     /* USER@SERVER; NULL: nobody logs in */
	const struct config *config; /* NULL: cannot be used */
	struct ctl *ctl;
	struct ctl_json json;
	char area[160];
	unsigned counts[DOCTOR_VERDICT_COUNT];
};

/* --- ctl_doctor_report.c --- */

/* Sets verdict and text; the other sets todo and makes it red. */
void doctor_find(struct doctor_finding *finding, enum doctor_verdict verdict, const char *format,
    ...) __attribute__((format(printf, 3, 4)));
void doctor_advise(struct doctor_finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void doctor_report_begin(struct doctor *doctor);
/* What the following findings are about. */
void doctor_report_area(struct doctor *doctor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* check: what was looked at, a word that programs may rely on. */
void doctor_report(struct doctor *doctor, const char *check, const struct doctor_finding *finding);
void doctor_report_end(struct doctor *doctor);

/* --- the parts --- */

void doctor_look_config(struct doctor *doctor, struct config **ret_config);
void doctor_look_broker(struct doctor *doctor);
void doctor_look_fcgi(struct doctor *doctor);
void doctor_look_machine(struct doctor *doctor);
void doctor_look_web(struct doctor *doctor);
void doctor_look_streams(struct doctor *doctor);
void doctor_look_servers(struct doctor *doctor);

int64_t doctor_now_ms(void);

/* --- ctl_doctor_login.c --- */

struct addrinfo;

/* What a command on an X2Go server said, or why there is none. */
struct doctor_visit {
	struct doctor_finding finding; /* of the login */
	char output[4096];
};

/* Logs in at one of the addresses, asking the terminal for the password and whatever else the
 * server wants to know, and only if its host key is on file for name; runs what
 * doctor_judge_versions reads. */
void doctor_visit(struct doctor *doctor, const struct addrinfo *addresses, const char *host,
    uint16_t port, const char *user, struct doctor_visit *visit);

/* --- ctl_doctor_http.c --- */

enum doctor_tls {
	DOCTOR_TLS_USUAL,
	DOCTOR_TLS_NEW, /* 1.3 and nothing else */
	DOCTOR_TLS_OLD	/* 1.0 or 1.1 */
};

struct doctor_ask {
	const char *path;	    /* below the page's; NULL: the page */
	const char *const *headers; /* lines; NULL at the end */
	const char *body;	    /* NULL: a GET */
	enum doctor_tls tls;
	bool any_chain, any_name; /* the certificate is not looked at in this respect */
};

struct doctor_answer {
	int status;			 /* 0: none came */
	char problem[300];		 /* why not */
	char headers[16384];		 /* all lines of the last answer */
	char body[65536];		 /* as much as there is room for, with a 0 at the end */
	long verified;			 /* X509_V_ERR_* of the chain */
	bool untrusted;			 /* the certificate is why nothing came */
	int64_t valid_from, valid_until; /* of the certificate; 0: not known */
};

void doctor_http(struct doctor *doctor, const struct doctor_ask *ask, struct doctor_answer *answer);

/* Opens a connection to the page's server for use by hand. NULL with the reason in problem. */
void *doctor_http_open(struct doctor *doctor, char problem[300]);

/* --- ctl_doctor_judge.c and ctl_doctor_judge_host.c --- */

/* Value of the header that comes first; NULL if there is none. Valid until the next call. */
const char *doctor_header(const char *headers, const char *name);

void doctor_judge_chain(const struct doctor_answer *answer, struct doctor_finding *finding);
void doctor_judge_name(
    const struct doctor_answer *answer, const char *url, struct doctor_finding *finding);
void doctor_judge_expiry(
    int64_t valid_from, int64_t valid_until, int64_t now, struct doctor_finding *finding);
void doctor_judge_tls(int status_new, int status_old, struct doctor_finding *finding);
void doctor_judge_page(const struct doctor_answer *answer, struct doctor_finding *finding);
void doctor_judge_script(const struct doctor_answer *answer, struct doctor_finding *finding);
void doctor_judge_policy(const char *headers, struct doctor_finding *finding);
void doctor_judge_headers(const char *headers, struct doctor_finding *finding);
void doctor_judge_call(const struct doctor_answer *answer, const struct config *config,
    struct doctor_finding *finding);
/* own: the answer to a call from the page's own origin; other: from another; none: without. */
void doctor_judge_origin(const struct doctor_answer *own, const struct doctor_answer *other,
    const struct doctor_answer *none, struct doctor_finding *finding);

/* What became of a request for a WebSocket. */
struct doctor_stream {
	bool listened;	    /* somebody of ours was there to answer */
	bool arrived;	    /* there */
	char request[4096]; /* what arrived */
	int status;	    /* that came back; 0: none */
	bool down, up;	    /* bytes went through afterwards */
	char problem[300];
};

void doctor_judge_upgrade(const struct doctor_stream *stream, const char *place, const char *origin,
    struct doctor_finding *finding);
/* Nobody is there, but somebody could be. proved: an upgrade has worked. */
void doctor_judge_nobody(const struct doctor_stream *stream, const char *place, bool proved,
    struct doctor_finding *finding);
void doctor_judge_outside(
    const struct doctor_stream *stream, unsigned port, struct doctor_finding *finding);

/* What the machine's own settings say. */
void doctor_judge_limit(const char *what, uint64_t have, uint64_t need, const char *todo,
    struct doctor_finding *finding);
void doctor_judge_ports(const struct config *config, const char *local_range, const char *reserved,
    struct doctor_finding *finding);
/* Lines of /proc/net/tcp or tcp6: listeners in the range that are not the broker's. */
void doctor_judge_listeners(const struct config_range *range, const char *lines, uint32_t owner,
    struct doctor_finding *finding);
/* Lines of /etc/subuid. */
void doctor_judge_subuids(
    const struct config_range *range, const char *lines, struct doctor_finding *finding);
/* state: of adjtimex(2). */
void doctor_judge_clock(int state, int64_t now, struct doctor_finding *finding);

/* Beginning of the command's output that doctor_judge_versions reads. */
#define DOCTOR_VERSIONS_MARK "X2GOWEB-DOCTOR"
extern const char doctor_versions_command[];
void doctor_judge_x2go(const char *output, struct doctor_finding *finding);
void doctor_judge_kdrive(const char *output, struct doctor_finding *finding);
void doctor_judge_database(const char *output, struct doctor_finding *finding);
void doctor_judge_far_clock(const char *output, int64_t now, struct doctor_finding *finding);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Gathers the FastCGI records of one request until it is whole, in whatever pieces they come.
 * Part of x2goweb-fcgi. It does no I/O and understands no parameters: its result is the same
 * request once more, without padding, for libfcgi to parse. libfcgi reads by blocking calls and
 * trusts its peer in places (it answers management records into a small array); handing it whole,
 * checked requests only lets one thread serve everybody.
 */
#ifndef FCGI_INTAKE_H
#define FCGI_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest body that a call may have; more is read and dropped, up to INTAKE_TOTAL_BYTES. */
#define INTAKE_BODY_BYTES 16384
/* What a request may take up in memory: nginx's default header buffers and a body fit. */
#define INTAKE_STORED_BYTES 65536
/* What a peer may send for one request before the connection is dropped. */
#define INTAKE_TOTAL_BYTES (1024 * 1024)

enum intake_result {
	INTAKE_MORE,  /* the request goes on */
	INTAKE_WHOLE, /* data and length hold it */
	INTAKE_BROKEN /* not a request that can be served: drop the connection */
};

/* Zero-initialised at first. */
struct intake {
	uint8_t *data; /* INTAKE_STORED_BYTES by secret_malloc, made with the first byte */
	size_t length;
	/* private */
	uint8_t header[8]; /* of the current record */
	size_t header_length;
	size_t store_left, skip_left; /* of the current record's content and padding */
	size_t body_bytes, total_bytes;
	unsigned phase, request_id;
};

/* Takes the next bytes. After WHOLE or BROKEN nothing more may be fed. A body longer than
 * INTAKE_BODY_BYTES is cut to one byte more than that, so that its size still shows. */
enum intake_result intake_feed(struct intake *intake, const uint8_t *bytes, size_t length);

/* Wipes and frees what was gathered. */
void intake_finish(struct intake *intake);

#endif

/* SPDX-License-Identifier: ISC */
#include "intake.h"

#include <fastcgi.h>
#include <string.h>

#include "proto/secret.h"

/* FastCGI specification 1.0, sections 3.3 and 6.2: BEGIN_REQUEST, then two streams, each ended by
 * an empty record. */
enum { PHASE_BEGIN, PHASE_PARAMS, PHASE_STDIN, PHASE_OVER };

#define HEADER_BYTES FCGI_HEADER_LEN

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool store(struct intake *intake, const uint8_t *bytes, size_t length)
{
	if (length > INTAKE_STORED_BYTES - intake->length)
		return false;
	memcpy(intake->data + intake->length, bytes, length);
	intake->length += length;
	return true;
}

/* Repeats the current record's header for the part of its content that is kept. */
static bool store_header(struct intake *intake, size_t content)
{
	uint8_t header[HEADER_BYTES];

	memcpy(header, intake->header, sizeof(header));
	header[4] = (uint8_t)(content >> 8);
	header[5] = (uint8_t)content;
	header[6] = 0;
	return store(intake, header, sizeof(header));
}

/* Judges a complete header and says what becomes of its content. */
static enum intake_result begin_record(struct intake *intake)
{
	const uint8_t *header = intake->header;
	unsigned type = header[1], id = (unsigned)header[2] << 8 | header[3];
	size_t content = (size_t)header[4] << 8 | header[5], kept = content;
	unsigned expected = intake->phase == PHASE_BEGIN    ? FCGI_BEGIN_REQUEST
			    : intake->phase == PHASE_PARAMS ? FCGI_PARAMS
							    : FCGI_STDIN;

	if (header[0] != FCGI_VERSION_1 || type != expected || id == FCGI_NULL_REQUEST_ID)
		return INTAKE_BROKEN;
	if (intake->phase == PHASE_BEGIN) {
		if (content != sizeof(FCGI_BeginRequestBody))
			return INTAKE_BROKEN;
		intake->request_id = id;
	} else if (id != intake->request_id) {
		return INTAKE_BROKEN;
	}
	if (intake->phase == PHASE_STDIN) {
		kept = min_size(content, INTAKE_BODY_BYTES + 1 - intake->body_bytes);
		intake->body_bytes += kept;
	}
	intake->store_left = kept;
	intake->skip_left = content - kept + header[6];
	/* An empty record ends its stream, so it is kept only where the peer sent one. */
	if ((kept != 0 || content == 0) && !store_header(intake, kept))
		return INTAKE_BROKEN;
	if (intake->phase == PHASE_BEGIN || content == 0)
		intake->phase++;
	return INTAKE_MORE;
}

enum intake_result intake_feed(struct intake *intake, const uint8_t *bytes, size_t length)
{
	size_t used = 0;

	if (intake->data == NULL && (intake->data = secret_malloc(INTAKE_STORED_BYTES)) == NULL)
		return INTAKE_BROKEN;
	intake->total_bytes += length;
	if (intake->total_bytes > INTAKE_TOTAL_BYTES)
		return INTAKE_BROKEN;
	while (used < length) {
		size_t part;

		if (intake->phase == PHASE_OVER && intake->skip_left == 0)
			return INTAKE_BROKEN; /* one request a connection */
		if (intake->store_left != 0) {
			part = min_size(intake->store_left, length - used);
			if (!store(intake, bytes + used, part))
				return INTAKE_BROKEN;
			intake->store_left -= part;
		} else if (intake->skip_left != 0) {
			part = min_size(intake->skip_left, length - used);
			intake->skip_left -= part;
		} else {
			part = min_size(HEADER_BYTES - intake->header_length, length - used);
			memcpy(intake->header + intake->header_length, bytes + used, part);
			intake->header_length += part;
			if (intake->header_length == HEADER_BYTES) {
				intake->header_length = 0;
				if (begin_record(intake) == INTAKE_BROKEN)
					return INTAKE_BROKEN;
			}
		}
		used += part;
	}
	return intake->phase == PHASE_OVER && intake->skip_left == 0 ? INTAKE_WHOLE : INTAKE_MORE;
}

void intake_finish(struct intake *intake)
{
	secret_free(intake->data);
	explicit_bzero(intake, sizeof(*intake));
}

/* SPDX-License-Identifier: ISC */
/*
 * Failure codes that cross process borders, drawn from errors.def. Linked by every program.
 */
#ifndef PROTO_ERRORS_H
#define PROTO_ERRORS_H

#include <stdbool.h>
#include <stdint.h>

enum error_code {
#define ERROR(name, number, code, status, text, hint) ERROR_##name = (number),
#include "errors.def"
#undef ERROR
};

/* Row of errors.def. All strings are static. */
struct error_info {
	enum error_code code;
	const char *name; /* as in JSON: snake_case */
	int http_status;
	const char *text; /* for the user */
	const char *hint; /* for the admin; may be empty */
};

/* True if a peer's number is a code of the table. */
bool error_is_known(uint16_t number);

/* Never NULL: an unknown code yields ERROR_INTERNAL's row. */
const struct error_info *error_info(enum error_code code);

/* Rows in the table's order, for documentation and tests; NULL past the end. */
const struct error_info *error_info_at(unsigned index);

#endif

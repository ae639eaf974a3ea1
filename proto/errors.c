/* SPDX-License-Identifier: ISC */
#include "errors.h"

#include <stddef.h>

static const struct error_info rows[] = {
#define ERROR(name, number, code, status, text, hint) {ERROR_##name, code, status, text, hint},
#include "errors.def"
#undef ERROR
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static const struct error_info *find(unsigned number)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if ((unsigned)rows[i].code == number)
			return &rows[i];
	return NULL;
}

bool error_is_known(uint16_t number)
{
	return find(number) != NULL;
}

const struct error_info *error_info(enum error_code code)
{
	const struct error_info *row = find((unsigned)code);

	return row != NULL ? row : find(ERROR_INTERNAL);
}

const struct error_info *error_info_at(unsigned index)
{
	return index < ROW_COUNT ? &rows[index] : NULL;
}

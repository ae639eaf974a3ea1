/* SPDX-License-Identifier: ISC */
#include "ctl_text.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "proto/log.h"

#define COLUMNS_USUAL 80
#define GAP	      2

struct ctl_look ctl_look_at(FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct ctl_look look = {0};
	struct winsize size;

	setlocale(LC_CTYPE, "");
	look.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	look.terminal = isatty(fileno(out)) != 0;
	look.columns = COLUMNS_USUAL;
	if (!look.terminal)
		return look;
	look.colour =
	    (no_color == NULL || no_color[0] == 0) && term != NULL && strcmp(term, "dumb") != 0;
	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col != 0)
		look.columns = size.ws_col;
	return look;
}

const char *ctl_colour(const struct ctl_look *look, enum ctl_colour colour)
{
	static const char *const codes[] = {[CTL_PLAIN] = "",
	    [CTL_GOOD] = "\33[32m",
	    [CTL_CARE] = "\33[33m",
	    [CTL_BAD] = "\33[31m",
	    [CTL_FAINT] = "\33[2m",
	    [CTL_BOLD] = "\33[1m"};

	return look->colour ? codes[colour] : "";
}

const char *ctl_colour_end(const struct ctl_look *look, enum ctl_colour colour)
{
	return look->colour && colour != CTL_PLAIN ? "\33[0m" : "";
}

/* --- words -------------------------------------------------------------------------------- */

const char *ctl_age(uint64_t age_s, char text[CTL_TEXT_BYTES])
{
	if (age_s < 60)
		snprintf(text, CTL_TEXT_BYTES, "%" PRIu64 "s", age_s);
	else if (age_s < 3600)
		snprintf(text, CTL_TEXT_BYTES, "%" PRIu64 "m", age_s / 60);
	else if (age_s < 86400)
		snprintf(text, CTL_TEXT_BYTES, "%" PRIu64 "h%02" PRIu64 "m", age_s / 3600,
		    age_s / 60 % 60);
	else
		snprintf(text, CTL_TEXT_BYTES, "%" PRIu64 "d%02" PRIu64 "h", age_s / 86400,
		    age_s / 3600 % 24);
	return text;
}

/* Two figures at least, without more behind the point than that takes. */
static const char *print_bytes(
    uint64_t bytes, const char *const units[7], char text[CTL_TEXT_BYTES])
{
	double value = (double)bytes;
	unsigned unit = 0;

	/* What would be rounded up to 1024 of one is 1.0 of the next. */
	for (; value >= 1023.5 && unit < 6; unit++)
		value /= 1024;
	snprintf(
	    text, CTL_TEXT_BYTES, "%.*f%s", unit != 0 && value < 9.95 ? 1 : 0, value, units[unit]);
	return text;
}

const char *ctl_bytes(uint64_t bytes, char text[CTL_TEXT_BYTES])
{
	static const char *const units[7] = {"", "K", "M", "G", "T", "P", "E"};

	return print_bytes(bytes, units, text);
}

const char *ctl_bytes_long(uint64_t bytes, char text[CTL_TEXT_BYTES])
{
	static const char *const units[7] = {
	    " bytes", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};

	return print_bytes(bytes, units, text);
}

const char *ctl_latency(uint32_t microseconds, char text[CTL_TEXT_BYTES])
{
	if (microseconds == 0)
		snprintf(text, CTL_TEXT_BYTES, "-");
	else if (microseconds < 9950)
		snprintf(text, CTL_TEXT_BYTES, "%.1fms", microseconds / 1e3);
	else if (microseconds < 999500)
		snprintf(text, CTL_TEXT_BYTES, "%.0fms", microseconds / 1e3);
	else
		snprintf(text, CTL_TEXT_BYTES, "%.1fs", microseconds / 1e6);
	return text;
}

const char *ctl_count(uint64_t count, const char *noun, char text[CTL_TEXT_BYTES])
{
	snprintf(text, CTL_TEXT_BYTES, "%" PRIu64 " %s%s", count, noun, count == 1 ? "" : "s");
	return text;
}

const char *ctl_or_dash(const char *text)
{
	return text[0] != 0 ? text : "-";
}

bool ctl_parse_duration(const char *text, unsigned *ret_s)
{
	static const struct {
		const char *unit;
		unsigned seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 6)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + digits, units[i].unit) != 0)
			continue;
		*ret_s = (unsigned)strtoul(text, NULL, 10) * units[i].seconds;
		return strtoul(text, NULL, 10) <= 86400 && *ret_s <= 86400;
	}
	return false;
}

/* --- tables ------------------------------------------------------------------------------- */

struct cell {
	char *text;
	unsigned width;
	enum ctl_colour colour;
};

struct ctl_table {
	const struct ctl_column *columns;
	unsigned column_count;
	struct cell *cells;
	size_t cell_count;
};

/* Signs, as terminals count them as long as none is wide. */
static unsigned width_of(const char *text)
{
	unsigned width = 0;

	for (; *text != 0; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

struct ctl_table *ctl_table_create(const struct ctl_column *columns, unsigned count)
{
	struct ctl_table *table = calloc(1, sizeof(*table));

	if (table != NULL) {
		table->columns = columns;
		table->column_count = count;
	}
	return table;
}

void ctl_table_add(struct ctl_table *table, const char *text, enum ctl_colour colour)
{
	size_t size = strlen(text) + 1;
	struct cell *cells;
	char *copy;

	if (table == NULL)
		return;
	cells = realloc(table->cells, (table->cell_count + 1) * sizeof(*cells));
	copy = malloc(size);
	if (cells != NULL)
		table->cells = cells;
	if (cells == NULL || copy == NULL) {
		free(copy);
		return;
	}
	/* Users' names are the words of whoever types them. */
	log_make_harmless(copy, size, text);
	cells[table->cell_count++] = (struct cell){copy, width_of(copy), colour};
}

/* How wide each column is printed; 0: not at all. */
static void measure(
    const struct ctl_table *table, const struct ctl_look *look, unsigned widths[CTL_COLUMNS_MAX])
{
	unsigned columns = look->columns, total = 0, widest;

	for (unsigned c = 0; c < table->column_count; c++) {
		widths[c] = width_of(table->columns[c].title);
		for (size_t i = c; i < table->cell_count; i += table->column_count)
			if (table->cells[i].width > widths[c])
				widths[c] = table->cells[i].width;
		total += widths[c] + (c != 0 ? GAP : 0);
	}
	/* Programs want all of it. */
	if (!look->terminal)
		return;
	for (unsigned c = table->column_count; c-- > 0 && total > columns;) {
		if (!table->columns[c].spare)
			continue;
		total -= widths[c] + GAP;
		widths[c] = 0;
	}
	/* The widest of those that may be cut gives first. */
	while (total > columns) {
		widest = table->column_count;
		for (unsigned c = 0; c < table->column_count; c++)
			if (table->columns[c].least != 0 && widths[c] > table->columns[c].least &&
			    (widest == table->column_count || widths[c] > widths[widest]))
				widest = c;
		if (widest == table->column_count)
			return;
		widths[widest]--;
		total--;
	}
}

/* Bytes of the first signs. */
static int bytes_of(const char *text, unsigned signs)
{
	int bytes = 0;

	while (text[bytes] != 0 && signs-- > 0)
		do
			bytes++;
		while (((unsigned char)text[bytes] & 0xc0) == 0x80);
	return bytes;
}

static void print_cell(FILE *out, const struct ctl_look *look, const struct ctl_column *column,
    const struct cell *cell, unsigned width, bool last)
{
	bool cut = cell->width > width;
	unsigned shown = cut ? width : cell->width;
	int blanks = (int)(width - shown);

	fprintf(out, "%*s%s", column->right ? blanks : 0, "", ctl_colour(look, cell->colour));
	if (cut)
		fprintf(out, "%.*s%s", bytes_of(cell->text, shown - 1), cell->text,
		    look->utf8 ? "\xe2\x80\xa6" : "~");
	else
		fputs(cell->text, out);
	fputs(ctl_colour_end(look, cell->colour), out);
	if (!last)
		fprintf(out, "%*s", (column->right ? 0 : blanks) + GAP, "");
}

static void print_row(FILE *out, const struct ctl_look *look, const struct ctl_table *table,
    const struct cell *cells, const unsigned widths[CTL_COLUMNS_MAX])
{
	unsigned end = table->column_count;

	while (end > 1 && widths[end - 1] == 0)
		end--;
	for (unsigned c = 0; c < end; c++)
		if (widths[c] != 0)
			print_cell(
			    out, look, &table->columns[c], &cells[c], widths[c], c + 1 == end);
	fputc('\n', out);
}

void ctl_table_drop(struct ctl_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

void ctl_table_print(FILE *out, const struct ctl_look *look, struct ctl_table *table)
{
	unsigned widths[CTL_COLUMNS_MAX];
	struct cell titles[CTL_COLUMNS_MAX];

	if (table == NULL)
		return;
	for (unsigned c = 0; c < table->column_count; c++) {
		/* Written into by nobody. */
		titles[c].text = (char *)(uintptr_t)table->columns[c].title;
		titles[c].width = width_of(titles[c].text);
		titles[c].colour = CTL_FAINT;
	}
	measure(table, look, widths);
	print_row(out, look, table, titles, widths);
	for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count)
		print_row(out, look, table, &table->cells[i], widths);
	ctl_table_drop(table);
}

/* --- JSON --------------------------------------------------------------------------------- */

static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != 0; text++) {
		if ((unsigned char)*text < 0x20)
			fprintf(out, "\\u%04x", (unsigned)(unsigned char)*text);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void begin(struct ctl_json *json, const char *name)
{
	if (json->follows)
		fputc(',', json->out);
	json->follows = true;
	if (name == NULL)
		return;
	put_string(json->out, name);
	fputc(':', json->out);
}

void ctl_json_open(struct ctl_json *json, const char *name, char bracket)
{
	begin(json, name);
	fputc(bracket, json->out);
	json->follows = false;
}

void ctl_json_close(struct ctl_json *json, char bracket)
{
	fputc(bracket, json->out);
	json->follows = true;
}

void ctl_json_text(struct ctl_json *json, const char *name, const char *text)
{
	begin(json, name);
	put_string(json->out, text);
}

void ctl_json_uint(struct ctl_json *json, const char *name, uint64_t number)
{
	begin(json, name);
	fprintf(json->out, "%" PRIu64, number);
}

void ctl_json_bool(struct ctl_json *json, const char *name, bool value)
{
	begin(json, name);
	fputs(value ? "true" : "false", json->out);
}

/* SPDX-License-Identifier: ISC */
/*
 * How `brokerctl doctor` tells what it has found: lines for people as they come, or one JSON
 * object. Runs in brokerctl.
 */
#include <stdarg.h>
#include <string.h>

#include "ctl_doctor.h"
#include "ctl_hostkey.h"

#define INDENT	"         "
#define COLUMNS 96

static const struct {
	const char *word, *name;
	enum ctl_colour colour;
} verdicts[DOCTOR_VERDICT_COUNT] = {
    [DOCTOR_GREEN] = {"ok ", "green", CTL_GOOD},
    [DOCTOR_RED] = {"BAD", "red", CTL_BAD},
    [DOCTOR_OPEN] = {" - ", "open", CTL_FAINT},
};

void doctor_find(
    struct doctor_finding *finding, enum doctor_verdict verdict, const char *format, ...)
{
	va_list arguments;

	memset(finding, 0, sizeof(*finding));
	finding->verdict = verdict;
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
}

void doctor_advise(struct doctor_finding *finding, const char *format, ...)
{
	va_list arguments;

	finding->verdict = DOCTOR_RED;
	va_start(arguments, format);
	vsnprintf(finding->todo, sizeof(finding->todo), format, arguments);
	va_end(arguments);
}

void doctor_report_begin(struct doctor *doctor)
{
	doctor->json.out = doctor->ctl->out;
	if (!doctor->ctl->json)
		return;
	ctl_json_open(&doctor->json, NULL, '{');
	ctl_json_open(&doctor->json, "checks", '[');
}

void doctor_report_area(struct doctor *doctor, const char *format, ...)
{
	char text[sizeof(doctor->area)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	ctl_show_text(text, strlen(text), doctor->area, sizeof(doctor->area));
	if (!doctor->ctl->json)
		fprintf(doctor->ctl->out, "%s%s%s\n", ctl_colour(&doctor->ctl->look, CTL_BOLD),
		    doctor->area, ctl_colour_end(&doctor->ctl->look, CTL_BOLD));
}

/* By words, from this column on, so that no line is longer than COLUMNS if it need not be. */
static void print_wrapped(FILE *out, size_t column, const char *first, const char *text)
{
	size_t used = column + strlen(first);
	bool begun = false;

	fputs(first, out);
	while (*(text += strspn(text, " ")) != 0) {
		size_t length = strcspn(text, " ");

		if (begun && used + 1 + length > COLUMNS) {
			fputs("\n" INDENT "  ", out);
			used = strlen(INDENT "  ");
			begun = false;
		}
		fprintf(out, "%s%.*s", begun ? " " : "", (int)length, text);
		used += length + begun;
		begun = true;
		text += length;
	}
	fputc('\n', out);
}

static void print_json(struct doctor *doctor, const char *check,
    const struct doctor_finding *finding, const char *text, const char *todo)
{
	struct ctl_json *json = &doctor->json;

	ctl_json_open(json, NULL, '{');
	ctl_json_text(json, "area", doctor->area);
	ctl_json_text(json, "check", check);
	ctl_json_text(json, "verdict", verdicts[finding->verdict].name);
	ctl_json_text(json, "text", text);
	if (finding->verdict == DOCTOR_RED)
		ctl_json_text(json, "todo", todo);
	ctl_json_close(json, '}');
}

void doctor_report(struct doctor *doctor, const char *check, const struct doctor_finding *finding)
{
	char text[sizeof(finding->text)], todo[sizeof(finding->todo)], first[80];
	const struct ctl_look *look = &doctor->ctl->look;
	enum ctl_colour colour = verdicts[finding->verdict].colour;
	FILE *out = doctor->ctl->out;

	ctl_show_text(finding->text, strlen(finding->text), text, sizeof(text));
	ctl_show_text(finding->todo, strlen(finding->todo), todo, sizeof(todo));
	doctor->counts[finding->verdict]++;
	if (doctor->ctl->json) {
		print_json(doctor, check, finding, text, todo);
		return;
	}
	fprintf(out, "  %s%s%s", ctl_colour(look, colour), verdicts[finding->verdict].word,
	    ctl_colour_end(look, colour));
	snprintf(first, sizeof(first), "  %s: ", check);
	print_wrapped(out, 5, first, text);
	if (finding->verdict == DOCTOR_RED)
		print_wrapped(out, 0, INDENT "> ", todo);
	/* The next check may take a while. */
	fflush(out);
}

void doctor_report_end(struct doctor *doctor)
{
	const unsigned *counts = doctor->counts;

	if (!doctor->ctl->json) {
		fprintf(doctor->ctl->out, "\n%u in order, %u to be mended, %u not known\n",
		    counts[DOCTOR_GREEN], counts[DOCTOR_RED], counts[DOCTOR_OPEN]);
		return;
	}
	ctl_json_close(&doctor->json, ']');
	for (unsigned i = 0; i < DOCTOR_VERDICT_COUNT; i++)
		ctl_json_uint(&doctor->json, verdicts[i].name, counts[i]);
	ctl_json_close(&doctor->json, '}');
	fputc('\n', doctor->ctl->out);
}

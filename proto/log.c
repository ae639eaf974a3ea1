/* SPDX-License-Identifier: ISC */
/* The line of this file that wrote a line of the log is nobody's concern. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "wire.h"

#define TEXT_BYTES  1024 /* of a line without its fields */
#define VALUE_BYTES 300	 /* of a field's value */
/* No pipe cuts a line of this length in two while others write to it (POSIX, PIPE_BUF), and a text
 * and all fields have room in it. */
#define STDERR_BYTES	  4096
#define PLAIN_VALUE_BYTES 160

static const struct {
	const char *name, *message_id;
	enum log_level level;
} events[LOG_EVENT_COUNT] = {
#define EVENT(name, id, level) [LOG_EVENT_##name] = {#name, id, LOG_LEVEL_##level},
#include "events.def"
#undef EVENT
};

/* clang-format off */
#define PREFIX "X2GOWEB_"
#define SHOWN_PREFIX "XGOWEB_"
#define TEXT_FIELD(NAME, name) {PREFIX #NAME, #name, offsetof(struct log_context, name), false}
#define COUNT_FIELD(NAME, name) {PREFIX #NAME, #name, offsetof(struct log_counts, name), true}
static const struct {
	const char *journal, *plain;
	size_t offset;
	bool is_count;
} fields[] = {
    TEXT_FIELD(LOGIN, login),
    TEXT_FIELD(SESSION, session),
    TEXT_FIELD(USER, user),
    TEXT_FIELD(SERVER, server),
    TEXT_FIELD(CLIENT, client),
    TEXT_FIELD(ERROR, error),
    TEXT_FIELD(HOST, host),
    TEXT_FIELD(JUMP, jump),
    TEXT_FIELD(JUMP_USER, jump_user),
    TEXT_FIELD(METHODS, methods),
    TEXT_FIELD(HOST_KEY, host_key),
    TEXT_FIELD(JUMP_HOST_KEY, jump_host_key),
    TEXT_FIELD(ADMIN, admin),
    COUNT_FIELD(DURATION_MS, duration_ms),
    COUNT_FIELD(TO_BROWSER_BYTES, to_browser_bytes),
    COUNT_FIELD(FROM_BROWSER_BYTES, from_browser_bytes),
};
/* clang-format on */
#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))
#define NAME_BYTES  40

_Static_assert(TEXT_BYTES + (FIELD_COUNT + 1) * (PLAIN_VALUE_BYTES + 20) < STDERR_BYTES,
    "a line has room for all fields");

static const char *program_name = "x2goweb";
static enum log_level level_limit = LOG_LEVEL_INFO;
static bool to_journal;
static void (*line_sink)(enum log_level level, const char *text, void *arg);
static void *line_sink_arg;
static void (*line_tap)(
    enum log_level level, const struct log_context *about, const char *text, void *arg);
static void *line_tap_arg;

/* Whether stderr is the journal's stream: systemd says so by device and inode. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

void log_init(const char *program, enum log_level most_detailed)
{
	program_name = program;
	level_limit = most_detailed;
	to_journal = stderr_is_journal();
}

void log_set_sink(void (*sink)(enum log_level level, const char *text, void *arg), void *arg)
{
	line_sink = sink;
	line_sink_arg = arg;
}

void log_set_tap(void (*tap)(enum log_level level, const struct log_context *context,
		     const char *text, void *arg),
    void *arg)
{
	line_tap = tap;
	line_tap_arg = arg;
}

enum log_level log_get_level(void)
{
	return level_limit;
}

/* Copies text to out, harmless and cut at a character's border. avoided becomes '\''; 0: nothing.
 */
static void copy_harmless(char *out, size_t size, const char *text, char avoided)
{
	static const char cut[] = "...";
	size_t used = 0, fits = 0, length = strlen(text);

	while (length != 0) {
		bool plain;
		size_t taken = wire_character(text, length, &plain);
		size_t put = plain ? taken : 1;

		if (used + put >= size) {
			memcpy(out + fits, cut, sizeof(cut));
			return;
		}
		memcpy(out + used, !plain ? "?" : *text == avoided ? "'" : text, put);
		used += put;
		if (used + sizeof(cut) <= size)
			fits = used;
		text += taken;
		length -= taken;
	}
	out[used] = 0;
}

void log_make_harmless(char *out, size_t size, const char *text)
{
	copy_harmless(out, size, text, 0);
}

/* The value of this field, as text; NULL if there is none. */
static const char *value_of(const struct log_context *about, size_t index, char number[24])
{
	const char *text;
	uint64_t count;

	if (about == NULL)
		return NULL;
	if (fields[index].is_count) {
		if (about->counts == NULL)
			return NULL;
		memcpy(&count, (const char *)about->counts + fields[index].offset, sizeof(count));
		snprintf(number, 24, "%" PRIu64, count);
		return number;
	}
	memcpy(&text, (const char *)about + fields[index].offset, sizeof(text));
	return text != NULL && text[0] != 0 ? text : NULL;
}

/* --- the journal ---------------------------------------------------------------------------- */

/* Those of a context, twice, and five of every line. */
#define PARTS_MAX (2 * FIELD_COUNT + 5)

struct parts {
	struct iovec list[PARTS_MAX];
	char texts[PARTS_MAX][NAME_BYTES + VALUE_BYTES];
	int count;
};

static void add_part(struct parts *parts, const char *name, const char *value)
{
	char *text = parts->texts[parts->count];
	int length = snprintf(text, NAME_BYTES, "%s=", name);

	copy_harmless(text + length, VALUE_BYTES, value, 0);
	parts->list[parts->count].iov_base = text;
	parts->list[parts->count].iov_len = strlen(text);
	parts->count++;
}

/* False if the journal does not take it. */
static bool write_journal(
    enum log_level level, int event, const struct log_context *about, const char *line)
{
	char priority[2] = {(char)('0' + (int)level), 0}, message[TEXT_BYTES + 16], number[24];
	char shown[NAME_BYTES];
	struct parts parts = {.count = 0};

	add_part(&parts, "PRIORITY", priority);
	add_part(&parts, "SYSLOG_IDENTIFIER", program_name);
	if (event >= 0) {
		add_part(&parts, "MESSAGE_ID", events[event].message_id);
		add_part(&parts, PREFIX "EVENT", events[event].name);
	}
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const char *value = value_of(about, i, number);

		if (value == NULL)
			continue;
		add_part(&parts, fields[i].journal, value);
		/* The explanations of journalctl -x can show no field with a digit in its name. */
		if (event >= 0) {
			snprintf(shown, sizeof(shown), SHOWN_PREFIX "%s",
			    fields[i].journal + sizeof(PREFIX) - 1);
			add_part(&parts, shown, value);
		}
	}
	snprintf(message, sizeof(message), "MESSAGE=%s", line);
	parts.list[parts.count].iov_base = message;
	parts.list[parts.count].iov_len = strlen(message);
	return sd_journal_sendv(parts.list, parts.count + 1) == 0;
}

/* --- stderr ---------------------------------------------------------------------------------- */

/* Whether a reader could take the value for more than one word. */
static bool needs_quotes(const char *value)
{
	for (; *value != 0; value++)
		if (*value == ' ' || *value == '=' || *value == '"' || (*value & 0x80) != 0)
			return true;
	return false;
}

/* Whether a reader could take some of the text for fields. */
static bool looks_like_fields(const char *text)
{
	const char *equals = text;

	while ((equals = strchr(equals, '=')) != NULL) {
		if (equals != text && equals[-1] != ' ')
			return true;
		equals++;
	}
	return text[0] == '"';
}

static void append(char *line, const char *between, const char *value, bool in_quotes)
{
	const char *quote = in_quotes ? "\"" : "";
	char text[TEXT_BYTES];
	size_t used = strlen(line);

	copy_harmless(text, TEXT_BYTES, value, in_quotes ? '"' : 0);
	snprintf(line + used, STDERR_BYTES - 1 - used, "%s%s%s%s", between, quote, text, quote);
}

static void append_field(char *line, const char *name, const char *value)
{
	char text[PLAIN_VALUE_BYTES], between[NAME_BYTES];

	copy_harmless(text, sizeof(text), value, 0);
	snprintf(between, sizeof(between), " %s=", name);
	append(line, between, text, needs_quotes(text));
}

static void write_stderr(
    enum log_level level, int event, const struct log_context *about, const char *line)
{
	static const char *const words[] = {[LOG_LEVEL_ERROR] = ": error: ",
	    [LOG_LEVEL_WARNING] = ": warning: ",
	    [5] = ": ",
	    [LOG_LEVEL_INFO] = ": ",
	    [LOG_LEVEL_DEBUG] = ": debug: "};
	char text[STDERR_BYTES], number[24];

	snprintf(text, sizeof(text), "%s", program_name);
	append(text, words[level], line, looks_like_fields(line));
	if (event >= 0)
		append_field(text, "event", events[event].name);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const char *value = value_of(about, i, number);

		if (value != NULL)
			append_field(text, fields[i].plain, value);
	}
	strcat(text, "\n");
	/* One write for the whole line: other processes share this stderr. */
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

/* --- lines ----------------------------------------------------------------------------------- */

__attribute__((format(printf, 5, 0))) static void log_line(enum log_level level, int event,
    const struct log_context *about, int error_number, const char *format, va_list arguments)
{
	int saved = errno;
	char raw[2 * TEXT_BYTES], line[TEXT_BYTES];
	bool wanted = level <= level_limit || event >= 0;
	bool tapped = line_tap != NULL && about != NULL;
	size_t used;

	if (!wanted && !tapped)
		return;
	vsnprintf(raw, sizeof(raw), format, arguments);
	used = strlen(raw);
	if (error_number != 0)
		snprintf(raw + used, sizeof(raw) - used, ": %s", strerror(error_number));
	copy_harmless(line, sizeof(line), raw, 0);
	if (tapped)
		line_tap(level, about, line, line_tap_arg);
	if (!wanted)
		; /* for the tap alone */
	else if (line_sink != NULL)
		line_sink(level, line, line_sink_arg);
	else if (!to_journal || !write_journal(level, event, about, line))
		write_stderr(level, event, about, line);
	errno = saved;
}

#define DEFINE_LOG(name, level, error_number, ending)                                              \
	void name(const char *format, ...)                                                         \
	{                                                                                          \
		va_list arguments;                                                                 \
		va_start(arguments, format);                                                       \
		log_line(level, -1, NULL, error_number, format, arguments);                        \
		va_end(arguments);                                                                 \
		ending;                                                                            \
	}

DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG, 0, )
DEFINE_LOG(log_info, LOG_LEVEL_INFO, 0, )
DEFINE_LOG(log_warn, LOG_LEVEL_WARNING, errno, )
DEFINE_LOG(log_warnx, LOG_LEVEL_WARNING, 0, )
DEFINE_LOG(log_error, LOG_LEVEL_ERROR, errno, )
DEFINE_LOG(log_errorx, LOG_LEVEL_ERROR, 0, )
DEFINE_LOG(log_fatal, LOG_LEVEL_ERROR, errno, exit(1))
DEFINE_LOG(log_fatalx, LOG_LEVEL_ERROR, 0, exit(1))

void log_about(const struct log_context *context, enum log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(level, -1, context, 0, format, arguments);
	va_end(arguments);
}

void log_event(enum log_event event, const struct log_context *context, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(events[event].level, (int)event, context, 0, format, arguments);
	va_end(arguments);
}

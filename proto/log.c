/* SPDX-License-Identifier: ISC */
#include "log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define LINE_BYTES  1024
#define FIELD_BYTES 400
#define FIELDS_MAX  11

static const struct {
	const char *name, *message_id;
} events[LOG_EVENT_COUNT] = {
#define EVENT(name, id) [LOG_EVENT_##name] = {#name, id},
#include "events.def"
#undef EVENT
};

static const char *program_name = "x2goweb";
static enum log_level level_limit = LOG_LEVEL_INFO;
static bool to_journal;
static void (*line_sink)(enum log_level level, const char *text, void *arg);
static void *line_sink_arg;

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

enum log_level log_get_level(void)
{
	return level_limit;
}

/* Foreign text must not be able to start a line of its own or to drive a terminal. */
static void make_harmless(char *text)
{
	for (; *text != 0; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

struct field_list {
	struct iovec parts[FIELDS_MAX];
	char texts[FIELDS_MAX][FIELD_BYTES];
	int count;
};

static void add_field(struct field_list *list, const char *name, const char *value)
{
	char *text = list->texts[list->count];

	if (value == NULL || value[0] == 0)
		return;
	snprintf(text, FIELD_BYTES, "%s=%s", name, value);
	make_harmless(text);
	list->parts[list->count].iov_base = text;
	list->parts[list->count].iov_len = strlen(text);
	list->count++;
}

static void write_journal(
    enum log_level level, int event, const struct log_context *about, const char *line)
{
	char priority[2] = {(char)('0' + (int)level), 0}, message[LINE_BYTES + 16];
	struct field_list list = {.count = 0};

	add_field(&list, "PRIORITY", priority);
	add_field(&list, "SYSLOG_IDENTIFIER", program_name);
	if (event >= 0) {
		add_field(&list, "MESSAGE_ID", events[event].message_id);
		add_field(&list, "X2GOWEB_EVENT", events[event].name);
	}
	if (about != NULL) {
		add_field(&list, "X2GOWEB_LOGIN", about->login);
		add_field(&list, "X2GOWEB_SESSION", about->session);
		add_field(&list, "X2GOWEB_USER", about->user);
		add_field(&list, "X2GOWEB_SERVER", about->server);
		add_field(&list, "X2GOWEB_CLIENT", about->client);
		add_field(&list, "X2GOWEB_ERROR", about->error);
	}
	snprintf(message, sizeof(message), "MESSAGE=%s", line);
	list.parts[list.count].iov_base = message;
	list.parts[list.count].iov_len = strlen(message);
	sd_journal_sendv(list.parts, list.count + 1);
}

/* In quotes if it could be taken for more than one field: names of users may have blanks. */
static void append(char *line, const char *name, const char *value)
{
	size_t used = strlen(line);
	const char *quote;

	if (value == NULL || value[0] == 0)
		return;
	quote = strpbrk(value, " =\"") != NULL ? "\"" : "";
	snprintf(line + used, LINE_BYTES - used, " %s=%s", name, quote);
	for (used = strlen(line); *value != 0 && used + 2 < LINE_BYTES; value++)
		line[used++] = (char)(*value == '"' ? '\'' : *value);
	snprintf(line + used, LINE_BYTES - used, "%s", quote);
}

static void write_stderr(
    enum log_level level, int event, const struct log_context *about, const char *line)
{
	static const char *const words[] = {[LOG_LEVEL_ERROR] = "error: ",
	    [LOG_LEVEL_WARNING] = "warning: ",
	    [5] = "",
	    [LOG_LEVEL_INFO] = "",
	    [LOG_LEVEL_DEBUG] = "debug: "};
	char text[LINE_BYTES];

	snprintf(text, sizeof(text), "%s: %s%s", program_name, words[level], line);
	if (event >= 0)
		append(text, "event", events[event].name);
	if (about != NULL) {
		append(text, "login", about->login);
		append(text, "session", about->session);
		append(text, "user", about->user);
		append(text, "server", about->server);
		append(text, "client", about->client);
		append(text, "error", about->error);
	}
	make_harmless(text);
	/* One write for the whole line: other processes share this stderr. */
	dprintf(STDERR_FILENO, "%s\n", text);
}

__attribute__((format(printf, 5, 0))) static void log_line(enum log_level level, int event,
    const struct log_context *about, int error_number, const char *format, va_list arguments)
{
	int saved = errno;
	char line[LINE_BYTES];
	size_t used;

	if (level > level_limit)
		return;
	vsnprintf(line, sizeof(line), format, arguments);
	used = strlen(line);
	if (error_number != 0)
		snprintf(line + used, sizeof(line) - used, ": %s", strerror(error_number));
	make_harmless(line);
	if (line_sink != NULL)
		line_sink(level, line, line_sink_arg);
	else if (to_journal)
		write_journal(level, event, about, line);
	else
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
	log_line(LOG_LEVEL_INFO, (int)event, context, 0, format, arguments);
	va_end(arguments);
}

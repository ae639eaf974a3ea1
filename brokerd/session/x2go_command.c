/* SPDX-License-Identifier: ISC */
/* The spelling follows sections 1.2 and 1.4 to 1.8 of the X2Go server's command contract. */
#include "x2go_command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "x2go_desktops.h"

#define NAME_CHARS_MAX 32
#define QUALITY_BEST   9
/* Stands for a blank in x2goruncommand's program. */
#define SPACE_WORD "X2GO_SPACE_CHAR"

/* --- writing ------------------------------------------------------------------------------ */

static void add_bytes(struct x2go_command *command, const char *text, size_t length)
{
	if (command->failed || length >= sizeof(command->text) - command->length) {
		command->failed = true;
		return;
	}
	memcpy(command->text + command->length, text, length);
	command->length += length;
	command->text[command->length] = 0;
}

/* What we spell ourselves. */
static void add(struct x2go_command *command, const char *fixed)
{
	add_bytes(command, fixed, strlen(fixed));
}

static bool is_plain(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c != 0 && strchr("._/=+:,@%-", c) != NULL);
}

/* Whether the text can be sent as one word: a first character of - = ~ means something to a
 * command or a shell. */
static bool is_word(const char *text)
{
	if (text[0] == 0 || strchr("-=~", text[0]) != NULL)
		return false;
	for (; *text != 0; text++)
		if (!is_plain(*text))
			return false;
	return true;
}

/* The one place where something of somebody else's enters a command line. */
static void add_word(struct x2go_command *command, const char *word)
{
	if (!is_word(word))
		command->failed = true;
	add(command, word);
}

static void add_number(struct x2go_command *command, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	add_word(command, text);
}

/* A session's id, in an argument or as the folder of the session. */
static void add_id(struct x2go_command *command, const char *id)
{
	struct x2go_id parsed;

	if (!x2go_id_parse(id, strlen(id), &parsed))
		command->failed = true;
	add_word(command, id);
}

static void add_folder(struct x2go_command *command, const char *id)
{
	add(command, ".x2go/C-");
	add_id(command, id);
}

/* A line of its own even after output that ended without one. */
static void add_marker(struct x2go_command *command, const char *name)
{
	add(command, "echo; echo X2GOWEB-");
	add_word(command, command->nonce);
	if (name != NULL) {
		add(command, "-");
		add_word(command, name);
	}
	add(command, "; ");
}

static void begin(struct x2go_command *command)
{
	command->length = 0;
	command->failed = false;
	add(command, "exec sh -c '");
	add_marker(command, NULL);
}

static bool end(struct x2go_command *command)
{
	add(command, "'");
	return !command->failed;
}

/* --- arguments ---------------------------------------------------------------------------- */

bool x2go_program_is_valid(const char *program)
{
	if (strlen(program) > 128 || program[0] == 0 || strchr(" -=~", program[0]) != NULL)
		return false;
	for (; *program != 0; program++)
		if (*program != ' ' && !is_plain(*program))
			return false;
	return true;
}

void x2go_session_name(const char *program, char *name, size_t size)
{
	size_t end = strcspn(program, " "), start = end, used = 0;

	while (start > 0 && program[start - 1] != '/')
		start--;
	for (; start < end && used + 1 < size && used < NAME_CHARS_MAX; start++) {
		bool plain = is_plain(program[start]) && strchr("_/=+:,@%", program[start]) == NULL;

		/* A minus in front would look like an option. */
		if (plain && (used != 0 || program[start] != '-'))
			name[used++] = program[start];
	}
	name[used] = 0;
	/* Lists leave out what has this in its name. */
	if (used == 0 || strstr(name, "XSHAD") != NULL)
		snprintf(name, size, "program");
}

/* GEOMETRY LINK PACK: link has no effect, the last digit of pack sets the quality of pictures. */
static void add_screen(struct x2go_command *command, const struct x2go_screen *screen)
{
	if (screen->width < SCREEN_MIN || screen->width > SCREEN_MAX ||
	    screen->height < SCREEN_MIN || screen->height > SCREEN_MAX)
		command->failed = true;
	add_number(command, screen->width);
	add(command, "x");
	add_number(command, screen->height);
	add(command, " lan 16m-jpeg-");
	add_number(command, screen->quality < QUALITY_DEFAULT ? screen->quality : QUALITY_BEST);
}

static void add_clipboard(struct x2go_command *command, const struct x2go_screen *screen)
{
	static const char *const words[CLIPBOARD_COUNT] = {
	    [CLIPBOARD_BOTH] = " both",
	    [CLIPBOARD_NONE] = " none",
	    [CLIPBOARD_CLIENT] = " client",
	    [CLIPBOARD_SERVER] = " server",
	};

	if (screen->clipboard < CLIPBOARD_COUNT)
		add(command, words[screen->clipboard]);
	else
		command->failed = true;
}

/* An empty one is us. */
static struct keyboard_layout read_layout(struct x2go_command *command, const char *text)
{
	struct keyboard_layout layout = {"us", ""};

	if (text[0] != 0 && !keyboard_layout_parse(text, &layout))
		command->failed = true;
	return layout;
}

/* A model that xkb does not know does no harm. What stands in a list of options or in a path does
 * not stand in a model's name. */
static void add_model(struct x2go_command *command, const char *model)
{
	if (strpbrk(model, ",/=:@%+") != NULL)
		command->failed = true;
	add_word(command, model[0] != 0 ? model : "pc105");
}

/* LAYOUT KBDTYPE SETKBD. These reach the agent's command line and options unquoted, so without
 * the parentheses of a variant. */
static void add_keyboard(struct x2go_command *command, const struct x2go_screen *screen)
{
	struct keyboard_layout layout = read_layout(command, screen->layout);

	add(command, " ");
	add_word(command, layout.name);
	add(command, " ");
	add_model(command, screen->model);
	add(command, "/");
	add_word(command, layout.name);
	add(command, " 1");
}

bool x2go_screen_is_valid(const struct x2go_screen *screen)
{
	struct x2go_command command = {.failed = false};

	add_screen(&command, screen);
	add_keyboard(&command, screen);
	add_clipboard(&command, screen);
	return !command.failed;
}

static void add_display(struct x2go_command *command, uint32_t display)
{
	add(command, "DISPLAY=:");
	add_number(command, display);
	add(command, " ");
}

/* What no argument of X2Go's scripts can say. */
static void add_setxkbmap(struct x2go_command *command, uint32_t display, const char *model,
    const struct keyboard_layout *layout)
{
	add_display(command, display);
	add(command, "setxkbmap -model ");
	add_model(command, model);
	add(command, " -layout ");
	add_word(command, layout->name);
	if (layout->variant[0] != 0) {
		add(command, " -variant ");
		add_word(command, layout->variant);
	}
}

/* --- commands ----------------------------------------------------------------------------- */

/* What has failed is no empty list: the line that says so is no session. */
static void add_list(struct x2go_command *command)
{
	add(command, "x2golistsessions 2>/dev/null || echo x2golistsessions failed; ");
}

bool x2go_command_list(struct x2go_command *command)
{
	begin(command);
	add_list(command);
	add(command, "exit 0");
	return end(command);
}

static void add_desktop_test(
    struct x2go_command *command, const char *test, const char *word, size_t index)
{
	add(command, test);
	add_word(command, word);
	add(command, " >/dev/null 2>&1 && echo ");
	add_number(command, index);
	add(command, "; ");
}

static void add_desktop_tests(struct x2go_command *command, const char *id, size_t index)
{
	const struct x2go_desktop *desktop = x2go_desktop_find(id);
	char program[129];

	if (desktop == NULL) {
		/* A program: x2goruncommand looks its first word up in PATH. */
		snprintf(program, sizeof(program), "%.*s", (int)strcspn(id, " "), id);
		add_desktop_test(command, "command -v ", program, index);
		return;
	}
	for (size_t i = 0; desktop->paths[i] != NULL; i++)
		add_desktop_test(command, "test -x ", desktop->paths[i], index);
}

bool x2go_command_probe(
    struct x2go_command *command, const struct record_choice *desktops, size_t count)
{
	begin(command);
	add(command, "command -v x2golistsessions >/dev/null 2>&1 || exit 127; "
		     "echo >&2; x2gofeaturelist >&2 & ");
	add_list(command);
	add(command, "wait; ");
	add_marker(command, "HOST");
	add(command, "uname -n; date +%z; ");
	add_marker(command, "DESKTOPS");
	for (size_t i = 0; i < count; i++)
		if (x2go_program_is_valid(desktops[i].id))
			add_desktop_tests(command, desktops[i].id, i);
	add(command, "exit 0");
	return end(command);
}

bool x2go_command_applications(struct x2go_command *command)
{
	begin(command);
	add(command, "command -v x2gogetapps >/dev/null 2>&1 || exit 0; x2gogetapps 2>/dev/null | "
		     "LC_ALL=C grep -a -e desktop -e Name= -e Name.= -e Exec= -e Exec.= "
		     "-e Terminal -e Categories | head -c ");
	add_number(command, X2GO_APPLICATIONS_BYTES);
	add(command, "; ");
	add_marker(command, "TERMINAL");
	add(command, "command -v xterm; exit 0");
	return end(command);
}

bool x2go_command_start(
    struct x2go_command *command, const struct x2go_screen *screen, const char *program)
{
	char name[NAME_CHARS_MAX + 1];

	begin(command);
	if (!x2go_program_is_valid(program))
		command->failed = true;
	x2go_session_name(program, name, sizeof(name));
	/* With exec the server's clean-up cannot take this connection for a dead one's. */
	add(command, "exec ");
	if (screen->dpi != 0) {
		add(command, "env X2GODPI=");
		add_number(command, screen->dpi);
		add(command, " ");
	}
	add(command, "x2gostartagent ");
	add_screen(command, screen);
	add(command, " unix-kde-depth_24");
	add_keyboard(command, screen);
	add(command, " K ");
	add_word(command, name);
	add_clipboard(command, screen);
	return end(command);
}

/* Blanks are spelt as x2goruncommand wants them, so that all is one word. */
static void add_program(struct x2go_command *command, const char *program)
{
	char word[128 * sizeof(SPACE_WORD)];
	size_t used = 0;

	if (!x2go_program_is_valid(program)) {
		command->failed = true;
		return;
	}
	for (const char *c = program; *c != 0; c++) {
		if (*c == ' ') {
			memcpy(word + used, SPACE_WORD, sizeof(SPACE_WORD) - 1);
			used += sizeof(SPACE_WORD) - 1;
		} else {
			word[used++] = *c;
		}
	}
	word[used] = 0;
	add_word(command, word);
}

static void add_forget_sshd(struct x2go_command *command, const char *id)
{
	add(command, "rm -f ");
	add_folder(command, id);
	add(command, "/sshd.pid; ");
}

bool x2go_command_run(struct x2go_command *command, const struct x2go_started *started,
    const struct x2go_screen *screen, const char *program)
{
	struct keyboard_layout layout;

	begin(command);
	layout = read_layout(command, screen->layout);
	add(command, "cd; ");
	if (screen->layout[0] != 0) {
		add_setxkbmap(command, started->display, screen->model, &layout);
		add(command, "; ");
	}
	add(command, "setsid x2goruncommand ");
	add_number(command, started->display);
	add(command, " ");
	add_number(command, started->pid);
	add(command, " ");
	add_id(command, started->id);
	add(command, " ");
	add_number(command, started->sound_port);
	add(command, " ");
	add_program(command, program);
	add(command, " nosnd D </dev/null >/dev/null 2>&1 & ");
	add_forget_sshd(command, started->id);
	add(command, "exit 0");
	return end(command);
}

bool x2go_command_resume(
    struct x2go_command *command, const struct x2go_screen *screen, const char *id)
{
	begin(command);
	add(command, "exec x2goresume-session ");
	add_id(command, id);
	add(command, " ");
	add_screen(command, screen);
	add(command, " us auto 0");
	add_clipboard(command, screen);
	return end(command);
}

bool x2go_command_layout(struct x2go_command *command, uint32_t display, const char *text)
{
	struct keyboard_layout layout;

	begin(command);
	layout = read_layout(command, text);
	add_setxkbmap(command, display, "", &layout);
	add(command, " || exit 1; exit 0");
	return end(command);
}

bool x2go_command_stop_resume(struct x2go_command *command, const char *id)
{
	begin(command);
	/* A pattern that does not match itself: this line is in the list of processes, too. */
	add(command, "exec pkill -KILL -f x2goresume-sessio[n].");
	add_id(command, id);
	return end(command);
}

bool x2go_command_adapt(
    struct x2go_command *command, uint32_t display, const struct x2go_screen *screen)
{
	struct keyboard_layout layout;

	begin(command);
	if (screen->dpi != 0) {
		add(command, "command -v xrdb >/dev/null 2>&1 && echo Xft.dpi: ");
		add_number(command, screen->dpi);
		add(command, " | ");
		add_display(command, display);
		add(command, "xrdb -nocpp -merge; ");
	}
	if (screen->layout[0] != 0) {
		layout = read_layout(command, screen->layout);
		add_setxkbmap(command, display, screen->model, &layout);
		add(command, " || exit 1; ");
	}
	add(command, "exit 0");
	return end(command);
}

bool x2go_command_suspend(struct x2go_command *command, const char *id)
{
	begin(command);
	add(command, "exec x2gosuspend-session ");
	add_id(command, id);
	return end(command);
}

bool x2go_command_terminate(struct x2go_command *command, const char *id)
{
	begin(command);
	add(command, "exec x2goterminate-session ");
	add_id(command, id);
	return end(command);
}

static void add_state(struct x2go_command *command, const char *id)
{
	add(command, "cd; cat ");
	add_folder(command, id);
	add(command, "/state 2>/dev/null; ");
}

bool x2go_command_state(struct x2go_command *command, const char *id)
{
	begin(command);
	add_state(command, id);
	add(command, "exit 0");
	return end(command);
}

bool x2go_command_inquire(struct x2go_command *command, const char *id, uint32_t pid)
{
	begin(command);
	add_marker(command, "MESSAGE");
	add(command, "x2gocmdexitmessage ");
	add_id(command, id);
	add(command, " 2>/dev/null; ");
	add_marker(command, "STATE");
	add_state(command, id);
	add_marker(command, "ALIVE");
	if (pid != 0) {
		add(command, "kill -0 ");
		add_number(command, pid);
		add(command, " 2>/dev/null && echo alive; ");
	}
	add_marker(command, "TAKER");
	add(command, "pgrep -f x2goresume-sessio[n].");
	add_id(command, id);
	add(command, " >/dev/null 2>&1 && echo taker; exit 0");
	return end(command);
}

bool x2go_command_inspect(struct x2go_command *command, const char *id, bool options)
{
	begin(command);
	add_marker(command, "STATE");
	add_state(command, id);
	if (options)
		add(command, "echo >&2; x2gooptionsstring 2>&1 | grep -a Encode/Locale.pm >&2 & ");
	add_marker(command, "LIST");
	add_list(command);
	add(command, "wait; exit 0");
	return end(command);
}

/* A test: whether that process is the session's agent, and no zombie. */
static void add_agent_test(struct x2go_command *command, const char *id, uint32_t pid)
{
	add(command, "grep -qF ");
	add_id(command, id);
	add(command, " /proc/");
	add_number(command, pid);
	add(command, "/cmdline 2>/dev/null");
}

static void add_sockets(struct x2go_command *command, const char *ss, uint16_t port)
{
	add(command, ss);
	add(command, " -Htan sport = :");
	add_number(command, port);
	add(command, " 2>/dev/null");
}

bool x2go_command_examine(struct x2go_command *command, const char *id, uint32_t pid, uint16_t port)
{
	begin(command);
	add_marker(command, "AGENT");
	add_agent_test(command, id, pid);
	add(command, " && echo agent; ");
	add_marker(command, "PORT");
	add_sockets(command, "ss", port);
	add(command, " || ");
	add_sockets(command, "/usr/sbin/ss", port);
	add(command, "; ");
	add_marker(command, "PROGRAM");
	add(command, "cd; test -e ");
	add_folder(command, id);
	add(command, "/cmdoutput && echo program; exit 0");
	return end(command);
}

/* In the background, on the server's own account: nothing of ours has to wait for it. */
static void add_reaper(struct x2go_command *command, const char *id, uint32_t pid)
{
	add(command, "( ");
	add_agent_test(command, id, pid);
	add(command, " && sleep 30 && ");
	add_agent_test(command, id, pid);
	add(command, " && kill -KILL ");
	add_number(command, pid);
	add(command, " ) </dev/null >/dev/null 2>&1 & ");
}

bool x2go_command_forget_sshd(struct x2go_command *command, const char *id)
{
	begin(command);
	add(command, "cd; ");
	add_forget_sshd(command, id);
	add(command, "exit 0");
	return end(command);
}

bool x2go_command_clean(
    struct x2go_command *command, const char *id, const char *user, uint32_t pid)
{
	begin(command);
	if (pid != 0)
		add_reaper(command, id, pid);
	add(command, "cd; rm -rf ");
	add_folder(command, id);
	if (is_word(user)) {
		add(command, " /tmp/.x2go-");
		add(command, user);
		add(command, "/C-");
		add_id(command, id);
	}
	add(command, "; exit 0");
	return end(command);
}

bool x2go_command_kill(struct x2go_command *command, const char *id, uint32_t pid)
{
	begin(command);
	add_agent_test(command, id, pid);
	add(command, " || exit 0; kill ");
	add_number(command, pid);
	add(command, "; ");
	add_reaper(command, id, pid);
	add(command, "exit 0");
	return end(command);
}

/* SPDX-License-Identifier: ISC */
/*
 * brokerctl kill, message, reload and upgrade: one request, and what came of it.
 */
#include <inttypes.h>
#include <string.h>

#include "ctl.h"

/* The beginning of a login's name. */
static bool is_login(const char *word)
{
	size_t length = strlen(word);

	return length > 0 && length <= 16 && strspn(word, "0123456789abcdef") == length;
}

enum ctl_status ctl_whom(struct ctl *ctl, bool by_word, struct record_whom *ret_whom)
{
	if (ctl->whom.all && (ctl->options & (CTL_OPTION_USER | CTL_OPTION_SERVER)) != 0)
		return ctl_usage("--all is everybody, so neither --user nor --server goes with it");
	*ret_whom = ctl->whom;
	if (!by_word)
		return CTL_STATUS_OK;
	if (!is_login(ctl->words[0]))
		return ctl_usage("%s is no login: those are named as list shows them, or by the "
				 "beginning of that",
		    ctl->words[0]);
	strcpy(ret_whom->login, ctl->words[0]);
	ctl->login = ctl->words[0];
	return CTL_STATUS_OK;
}

void ctl_print_done(struct ctl *ctl, const char *text, const char *name, bool value)
{
	struct ctl_json json = {.out = ctl->out};

	if (!ctl->json) {
		fprintf(ctl->out, "%s\n", text);
		return;
	}
	ctl_json_open(&json, NULL, '{');
	ctl_json_bool(&json, name, value);
	ctl_json_close(&json, '}');
	fputc('\n', ctl->out);
}

/* --- kill --------------------------------------------------------------------------------- */

static enum ctl_status kill_one(struct ctl *ctl, const struct record_whom *whom, unsigned *count)
{
	struct message request, answer;
	enum ctl_status status;

	message_init(&request, MESSAGE_KILL, 0);
	request.kill.whom_count = 1;
	request.kill.whom[0] = *whom;
	status = ctl_ask(ctl, &request, &answer);
	if (status == CTL_STATUS_OK)
		*count += answer.killed.logins;
	return status;
}

enum ctl_status ctl_kill(struct ctl *ctl)
{
	bool by_word = ctl->word_count != 0;
	enum ctl_status status = CTL_STATUS_OK, one;
	struct ctl_json json = {.out = ctl->out};
	struct record_whom whom;
	unsigned count = 0;
	char text[CTL_TEXT_BYTES];

	if (by_word == ((ctl->options & CTL_OPTION_WHOM) != 0))
		return ctl_usage("kill wants logins, or one of --user, --server and --all");
	do {
		one = ctl_whom(ctl, by_word, &whom);
		if (one == CTL_STATUS_OK)
			one = kill_one(ctl, &whom, &count);
		if (one > status)
			status = one;
		ctl->words++;
	} while (status < CTL_STATUS_USAGE && by_word && --ctl->word_count > 0);
	if (ctl->json) {
		ctl_json_open(&json, NULL, '{');
		ctl_json_uint(&json, "logins", count);
		ctl_json_close(&json, '}');
		fputc('\n', ctl->out);
	} else if (status == CTL_STATUS_OK || count != 0) {
		fprintf(ctl->out, "%s told to end.\n",
		    count != 0 ? ctl_count(count, "login", text)
			       : "None that does not end already was");
	}
	return status;
}

/* --- message ------------------------------------------------------------------------------ */

/* One line out of the words. False after a complaint. */
static bool join_words(char **words, int count, char text[TELL_BYTES + 1])
{
	char clean[TELL_BYTES + 1];
	size_t used = 0;

	for (int i = 0; i < count; i++) {
		size_t length = strlen(words[i]);

		if (used + (used != 0) + length > TELL_BYTES) {
			ctl_usage("a message has at most 400 bytes");
			return false;
		}
		if (used != 0)
			text[used++] = ' ';
		memcpy(text + used, words[i], length);
		used += length;
	}
	text[used] = 0;
	for (size_t i = 0; i < used; i++)
		if (text[i] == '\n' || text[i] == '\t')
			text[i] = ' ';
	message_set_text(clean, sizeof(clean), text, used);
	if (used == 0 || strspn(text, " ") == used || strcmp(clean, text) != 0) {
		ctl_usage("a message is UTF-8 without control characters, and not empty");
		return false;
	}
	return true;
}

enum ctl_status ctl_say(struct ctl *ctl, const struct record_whom *whom, char **words, int count,
    struct message *answer)
{
	struct message request;

	message_init(&request, MESSAGE_SAY, 0);
	if (!join_words(words, count, request.say.text))
		return CTL_STATUS_USAGE;
	request.say.whom_count = 1;
	request.say.whom[0] = *whom;
	return ctl_ask(ctl, &request, answer);
}

void ctl_print_said(FILE *out, const struct message_said *said)
{
	char text[CTL_TEXT_BYTES];

	if (said->pages == 0 && said->later == 0)
		fprintf(out, "Nobody sees it: none of %s has a page that could show it.\n",
		    ctl_count(said->logins, "login", text));
	else if (said->pages == 0)
		fprintf(out, "%s will show it when next heard from.\n",
		    ctl_count(said->later, "page", text));
	else if (said->later == 0)
		fprintf(out, "%s show%s it.\n", ctl_count(said->pages, "page", text),
		    said->pages == 1 ? "s" : "");
	else
		fprintf(out, "%s show%s it, and %" PRIu32 " will when next heard from.\n",
		    ctl_count(said->pages, "page", text), said->pages == 1 ? "s" : "", said->later);
}

enum ctl_status ctl_message(struct ctl *ctl)
{
	bool by_word = (ctl->options & CTL_OPTION_WHOM) == 0;
	struct ctl_json json = {.out = ctl->out};
	struct record_whom whom;
	struct message answer;
	enum ctl_status status = ctl_whom(ctl, by_word, &whom);

	if (status != CTL_STATUS_OK)
		return status;
	if (by_word && ctl->word_count < 2)
		return ctl_usage("message wants a login, or one of --user, --server and --all, and "
				 "then the text");
	status = ctl_say(ctl, &whom, ctl->words + by_word, ctl->word_count - by_word, &answer);
	if (status != CTL_STATUS_OK)
		return status;
	if (ctl->json) {
		ctl_json_open(&json, NULL, '{');
		ctl_json_uint(&json, "logins", answer.said.logins);
		ctl_json_uint(&json, "pages", answer.said.pages);
		ctl_json_uint(&json, "later", answer.said.later);
		ctl_json_close(&json, '}');
		fputc('\n', ctl->out);
	} else {
		ctl_print_said(ctl->out, &answer.said);
	}
	return answer.said.pages != 0 || answer.said.later != 0 ? CTL_STATUS_OK : CTL_STATUS_FAILED;
}

/* --- reload ------------------------------------------------------------------------------- */

enum ctl_status ctl_reload(struct ctl *ctl)
{
	struct ctl_json json = {.out = ctl->out};
	struct message request, answer;
	const struct message_reloaded *reloaded = &answer.reloaded;
	enum ctl_status status;
	enum ctl_colour colour;

	message_init(&request, MESSAGE_RELOAD, 0);
	status = ctl_ask(ctl, &request, &answer);
	if (status != CTL_STATUS_OK)
		return status;
	colour = reloaded->done ? CTL_CARE : CTL_BAD;
	if (ctl->json) {
		ctl_json_open(&json, NULL, '{');
		ctl_json_bool(&json, "reloaded", reloaded->done);
		ctl_json_open(&json, "lines", '[');
	}
	for (size_t i = 0; i < reloaded->lines_count; i++) {
		/* The last line says what came of it. */
		if (i + 1 == reloaded->lines_count && reloaded->done)
			colour = CTL_GOOD;
		if (ctl->json)
			ctl_json_text(&json, NULL, reloaded->lines[i].text);
		else
			fprintf(ctl->out, "%s%s%s\n", ctl_colour(&ctl->look, colour),
			    reloaded->lines[i].text, ctl_colour_end(&ctl->look, colour));
	}
	if (ctl->json) {
		ctl_json_close(&json, ']');
		ctl_json_close(&json, '}');
		fputc('\n', ctl->out);
	}
	return reloaded->done ? CTL_STATUS_OK : CTL_STATUS_FAILED;
}

/* --- upgrade ------------------------------------------------------------------------------ */

enum ctl_status ctl_upgrade(struct ctl *ctl)
{
	struct message request, answer;
	enum ctl_status status;

	message_init(&request, MESSAGE_UPGRADE, 0);
	status = ctl_ask(ctl, &request, &answer);
	if (status == CTL_STATUS_OK)
		ctl_print_done(
		    ctl, "The installed broker takes over, with all logins.", "upgraded", true);
	return status;
}

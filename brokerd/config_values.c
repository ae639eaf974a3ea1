/* SPDX-License-Identifier: ISC */
#include "config_values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "proto/log.h"
#include "proto/wire.h"

/* Decimal digits and nothing else. */
static bool parse_number(const char *text, size_t length, unsigned max, unsigned *ret_number)
{
	uint64_t number = 0;

	if (length == 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		number = number * 10 + (unsigned)(text[i] - '0');
		if (number > max)
			return false;
	}
	*ret_number = (unsigned)number;
	return true;
}

static const char *parse_text(unsigned min, unsigned max, const char *value, void *field)
{
	size_t length = strlen(value);

	if (length < min)
		return "is empty";
	if (length > max)
		return "is too long";
	if (!wire_text_is_clean(value, length))
		return "is not clean UTF-8 text";
	memcpy(field, value, length + 1);
	return NULL;
}

static const char *parse_path(unsigned min, unsigned max, const char *value, void *field)
{
	return value[0] == '/' || (value[0] == 0 && min == 0) ? parse_text(min, max, value, field)
							      : "is not an absolute path";
}

/* Not more than a path: it stands in the page, and only files of the same web server may. */
static const char *parse_web_path(unsigned min, unsigned max, const char *value, void *field)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._~%+-";

	if (value[0] != 0 &&
	    (value[0] != '/' || value[1] == '/' || strspn(value, allowed) != strlen(value)))
		return "is not a path on this web server, as /x2go-logo.svg is";
	return parse_text(min, max, value, field);
}

static const char *parse_colour(unsigned min, unsigned max, const char *value, void *field)
{
	if (value[0] != 0 && (value[0] != '#' || strlen(value) != 7 ||
				 strspn(value + 1, "0123456789abcdefABCDEF") != 6))
		return "is not a colour #rrggbb";
	return parse_text(min, max, value, field);
}

static bool is_address(const char *value)
{
	unsigned char binary[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, value, binary) == 1 || inet_pton(AF_INET6, value, binary) == 1;
}

static const char *parse_address(unsigned min, unsigned max, const char *value, void *field)
{
	return is_address(value) || (value[0] == 0 && min == 0) ? parse_text(min, max, value, field)
								: "is not a numeric IP address";
}

static const char *parse_listen(unsigned min, unsigned max, const char *value, void *field)
{
	return is_address(value) || strcmp(value, "unix") == 0
		   ? parse_text(min, max, value, field)
		   : "is neither a numeric IP address nor unix";
}

static const char *parse_uint(unsigned min, unsigned max, const char *value, void *field)
{
	unsigned number;

	if (!parse_number(value, strlen(value), max, &number) || number < min)
		return "is not a whole number within its bounds";
	*(unsigned *)field = number;
	return NULL;
}

static const char *parse_seconds(unsigned min, unsigned max, const char *value, void *field)
{
	unsigned seconds;

	if (parse_uint(min, max, value, &seconds) != NULL)
		return "is not a number of seconds within its bounds";
	*(unsigned *)field = seconds * 1000;
	return NULL;
}

static const char *parse_bool(unsigned min, unsigned max, const char *value, void *field)
{
	bool yes = strcmp(value, "yes") == 0;

	(void)min;
	(void)max;
	if (!yes && strcmp(value, "no") != 0)
		return "is neither yes nor no";
	*(bool *)field = yes;
	return NULL;
}

struct word {
	const char *text;
	unsigned value;
};

static bool find_word(const struct word *words, const char *text, unsigned *ret_value)
{
	for (; words->text != NULL; words++) {
		if (strcmp(words->text, text) == 0) {
			*ret_value = words->value;
			return true;
		}
	}
	return false;
}

static const char *parse_level(unsigned min, unsigned max, const char *value, void *field)
{
	static const struct word levels[] = {{"error", LOG_LEVEL_ERROR},
	    {"warning", LOG_LEVEL_WARNING}, {"info", LOG_LEVEL_INFO}, {"debug", LOG_LEVEL_DEBUG},
	    {NULL, 0}};

	(void)min;
	(void)max;
	return find_word(levels, value, field) ? NULL : "is none of error, warning, info, debug";
}

static const char *parse_host_keys(unsigned min, unsigned max, const char *value, void *field)
{
	static const struct word policies[] = {{"strict", HOST_KEYS_STRICT}, {"ask", HOST_KEYS_ASK},
	    {"accept-new", HOST_KEYS_ACCEPT_NEW}, {NULL, 0}};

	(void)min;
	(void)max;
	return find_word(policies, value, field) ? NULL : "is none of strict, ask, accept-new";
}

static const char *parse_when_left(unsigned min, unsigned max, const char *value, void *field)
{
	static const struct word ways[] = {
	    {"suspend", WHEN_LEFT_SUSPEND}, {"leave", WHEN_LEFT_LEAVE}, {NULL, 0}};

	(void)min;
	(void)max;
	return find_word(ways, value, field) ? NULL : "is neither suspend nor leave";
}

static const char *parse_drop(unsigned min, unsigned max, const char *value, void *field)
{
	const char *first = strchr(value, ':');
	const char *second = first != NULL ? strchr(first + 1, ':') : NULL;
	struct config_drop drop;

	if (second == NULL || !parse_number(value, (size_t)(first - value), max, &drop.begin) ||
	    !parse_number(first + 1, (size_t)(second - first - 1), 100, &drop.percent) ||
	    !parse_number(second + 1, strlen(second + 1), max, &drop.full) || drop.begin < min)
		return "is not BEGIN:PERCENT:FULL within its bounds";
	if (drop.begin > drop.full)
		return "is full before it begins";
	memcpy(field, &drop, sizeof(drop));
	return NULL;
}

static const char *parse_range(unsigned min, unsigned max, const char *value, void *field)
{
	const char *dash = strchr(value, '-');
	struct config_range range;

	if (dash == NULL || !parse_number(value, (size_t)(dash - value), max, &range.first) ||
	    !parse_number(dash + 1, strlen(dash + 1), max, &range.last) || range.first < min)
		return "is not FIRST-LAST within its bounds";
	if (range.first > range.last)
		return "ends before it begins";
	memcpy(field, &range, sizeof(range));
	return NULL;
}

/* Cuts blanks off both ends. */
static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t");
	end = text + strlen(text);
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = 0;
	return text;
}

static const char *add_choice(void *list, char *item)
{
	struct config_choices *choices = list;
	struct record_choice *choice = &choices->items[choices->count];
	char *rest = item, *id = strsep(&rest, "="), *title = rest != NULL ? rest : id;

	if (choices->count == CONFIG_CHOICES_MAX)
		return "has too many items";
	if (parse_text(1, sizeof(choice->id) - 1, trim(id), choice->id) != NULL ||
	    parse_text(1, sizeof(choice->title) - 1, trim(title), choice->title) != NULL)
		return "has an item that is not NAME=Title";
	for (size_t i = 0; i < choices->count; i++)
		if (strcmp(choices->items[i].id, choice->id) == 0)
			return "names an item twice";
	choices->count++;
	return NULL;
}

static const char *add_account(void *list, char *item)
{
	struct config_accounts *accounts = list;

	if (accounts->count == CONFIG_USERS_MAX)
		return "has too many items";
	if (parse_text(1, sizeof(accounts->items[0].name) - 1, item,
		accounts->items[accounts->count].name) != NULL)
		return "has an item that is no user's name";
	accounts->count++;
	return NULL;
}

/* Calls add for each trimmed item of a comma list; an empty value is an empty list. */
static const char *parse_list(
    const char *value, void *list, const char *(*add)(void *list, char *item))
{
	char *copy = strdup(value), *rest = copy, *item;
	const char *wrong = NULL;

	if (copy == NULL)
		return "does not fit the memory";
	if (*trim(copy) == 0)
		rest = NULL;
	while (wrong == NULL && (item = strsep(&rest, ",")) != NULL)
		wrong = add(list, trim(item));
	free(copy);
	return wrong;
}

static const char *parse_choices(unsigned min, unsigned max, const char *value, void *field)
{
	(void)min;
	(void)max;
	memset(field, 0, sizeof(struct config_choices));
	return parse_list(value, field, add_choice);
}

static const char *parse_accounts(unsigned min, unsigned max, const char *value, void *field)
{
	(void)min;
	(void)max;
	memset(field, 0, sizeof(struct config_accounts));
	return parse_list(value, field, add_account);
}

static const char *add_network(void *list, char *item)
{
	struct config_networks *networks = list;

	if (networks->count == CONFIG_NETWORKS_MAX)
		return "has too many items";
	if (!network_parse(item, &networks->items[networks->count]))
		return "has an item that is not ADDRESS/BITS with zeros after its bits";
	networks->count++;
	return NULL;
}

static const char *parse_networks(unsigned min, unsigned max, const char *value, void *field)
{
	(void)min;
	(void)max;
	memset(field, 0, sizeof(struct config_networks));
	return parse_list(value, field, add_network);
}

static const char *add_port(void *list, char *item)
{
	struct config_ports *ports = list;

	if (ports->count == CONFIG_PORTS_MAX)
		return "has too many items";
	if (parse_uint(1, UINT16_MAX, item, &ports->items[ports->count]) != NULL)
		return "has an item that is no port";
	ports->count++;
	return NULL;
}

static const char *parse_ports(unsigned min, unsigned max, const char *value, void *field)
{
	(void)min;
	(void)max;
	memset(field, 0, sizeof(struct config_ports));
	return parse_list(value, field, add_port);
}

/* Lists that stay text, without blanks. */
struct text_list {
	char *text;
	size_t used, max;
};

static const char *append_item(struct text_list *list, const char *item)
{
	size_t length = strlen(item), comma = list->used != 0;

	if (list->used + comma + length > list->max)
		return "is too long";
	if (comma)
		list->text[list->used++] = ',';
	memcpy(list->text + list->used, item, length + 1);
	list->used += length;
	return NULL;
}

static const char *add_pattern(void *list, char *item)
{
	const char *rest = item + (item[0] == '!');

	for (char *c = item; *c != 0; c++)
		*c = (char)tolower((unsigned char)*c);
	if (*rest == 0 ||
	    strspn(rest, "abcdefghijklmnopqrstuvwxyz0123456789.:_-*?") != strlen(rest))
		return "has an item that is no pattern of host names";
	return append_item(list, item);
}

static const char *add_method(void *list, char *item)
{
	static const char *const methods[] = {"publickey", "keyboard-interactive", "password"};
	const struct text_list *text = list;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i], item) != 0)
			continue;
		/* None is a part of another. */
		return strstr(text->text, item) == NULL ? append_item(list, item)
							: "names an item twice";
	}
	return "has an item that is none of publickey, keyboard-interactive, password";
}

static const char *parse_patterns(unsigned min, unsigned max, const char *value, void *field)
{
	struct text_list list = {field, 0, max};

	(void)min;
	list.text[0] = 0;
	return parse_list(value, &list, add_pattern);
}

static const char *parse_methods(unsigned min, unsigned max, const char *value, void *field)
{
	struct text_list list = {field, 0, max};

	(void)min;
	list.text[0] = 0;
	return parse_list(value, &list, add_method);
}

static const char *parse_account(unsigned min, unsigned max, const char *value, void *field)
{
	struct config_account *account = field;

	(void)min;
	(void)max;
	return parse_text(1, sizeof(account->name) - 1, value, account->name);
}

static const struct {
	const char *(*parse)(unsigned min, unsigned max, const char *value, void *field);
	bool is_list;
	size_t bytes;
} kinds[CONFIG_KIND_COUNT] = {
    [CONFIG_KIND_TEXT] = {parse_text, false, 0},
    [CONFIG_KIND_PATH] = {parse_path, false, 0},
    [CONFIG_KIND_WEB_PATH] = {parse_web_path, false, 0},
    [CONFIG_KIND_COLOUR] = {parse_colour, false, 0},
    [CONFIG_KIND_ADDRESS] = {parse_address, false, 0},
    [CONFIG_KIND_LISTEN] = {parse_listen, false, 0},
    [CONFIG_KIND_UINT] = {parse_uint, false, sizeof(unsigned)},
    [CONFIG_KIND_SECONDS] = {parse_seconds, false, sizeof(unsigned)},
    [CONFIG_KIND_BOOL] = {parse_bool, false, sizeof(bool)},
    [CONFIG_KIND_LEVEL] = {parse_level, false, sizeof(unsigned)},
    [CONFIG_KIND_HOST_KEYS] = {parse_host_keys, false, sizeof(unsigned)},
    [CONFIG_KIND_WHEN_LEFT] = {parse_when_left, false, sizeof(unsigned)},
    [CONFIG_KIND_DROP] = {parse_drop, false, sizeof(struct config_drop)},
    [CONFIG_KIND_RANGE] = {parse_range, false, sizeof(struct config_range)},
    [CONFIG_KIND_CHOICES] = {parse_choices, true, sizeof(struct config_choices)},
    [CONFIG_KIND_NAMES] = {parse_text, true, 0},
    [CONFIG_KIND_PATTERNS] = {parse_patterns, true, 0},
    [CONFIG_KIND_METHODS] = {parse_methods, true, 0},
    [CONFIG_KIND_NETWORKS] = {parse_networks, true, sizeof(struct config_networks)},
    [CONFIG_KIND_PORTS] = {parse_ports, true, sizeof(struct config_ports)},
    [CONFIG_KIND_USER] = {parse_account, false, sizeof(struct config_account)},
    [CONFIG_KIND_GROUP] = {parse_account, false, sizeof(struct config_account)},
    [CONFIG_KIND_ACCOUNTS] = {parse_accounts, true, sizeof(struct config_accounts)},
};

bool config_kind_is_list(enum config_kind kind)
{
	return kinds[kind].is_list;
}

bool config_kind_has_bounds(enum config_kind kind)
{
	return kind == CONFIG_KIND_UINT || kind == CONFIG_KIND_SECONDS ||
	       kind == CONFIG_KIND_RANGE || kind == CONFIG_KIND_DROP;
}

size_t config_kind_bytes(enum config_kind kind)
{
	return kinds[kind].bytes;
}

const char *config_value_parse(
    enum config_kind kind, unsigned min, unsigned max, const char *value, void *field)
{
	return kinds[kind].parse(min, max, value, field);
}

bool config_value_equal(enum config_kind kind, const void *a, const void *b)
{
	const struct config_accounts *list_a = a, *list_b = b;

	switch (kind) {
	case CONFIG_KIND_ACCOUNTS:
		if (list_a->count != list_b->count)
			return false;
		for (size_t i = 0; i < list_a->count; i++)
			if (strcmp(list_a->items[i].name, list_b->items[i].name) != 0)
				return false;
		return true;
	case CONFIG_KIND_USER:
	case CONFIG_KIND_GROUP:
		return strcmp(((const struct config_account *)a)->name,
			   ((const struct config_account *)b)->name) == 0;
	default:
		return kinds[kind].bytes != 0 ? memcmp(a, b, kinds[kind].bytes) == 0
					      : strcmp(a, b) == 0;
	}
}

bool config_account_resolve(struct config_account *account, bool group)
{
	const struct passwd *user;
	const struct group *entry;
	unsigned number;

	/* The highest id means "unchanged" to the kernel. */
	if (parse_number(account->name, strlen(account->name), UINT32_MAX - 1, &number)) {
		account->id = number;
		return true;
	}
	if (group) {
		entry = getgrnam(account->name);
		if (entry != NULL)
			account->id = entry->gr_gid;
		return entry != NULL;
	}
	user = getpwnam(account->name);
	if (user != NULL)
		account->id = user->pw_uid;
	return user != NULL;
}

/* SPDX-License-Identifier: ISC */
#include "messages.h"

#include <stdio.h>
#include <string.h>

#include "wire.h"

/* The first byte of each field on the wire; numbers are part of the protocol. */
enum field_kind {
	FIELD_UINT = 1,
	FIELD_TEXT = 2,
	FIELD_SECRET = 3,
	FIELD_BYTES = 4,
	FIELD_LIST = 5,
	FIELD_LINES = 6
};

struct layout;

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;	     /* of the value in its struct */
	size_t count_offset; /* BYTES, LIST: of its uint16_t count */
	size_t width;	     /* UINT: bytes; LIST: bytes of one record's struct */
	uint64_t min, max;   /* value, bytes or records */
	const struct layout *record;
};

/* A record's or message's fields. */
struct layout {
	const struct field *fields;
	size_t count;
	size_t size; /* of its struct */
};

struct message_info {
	enum message_type type;
	const char *name;
	unsigned senders, receivers;
	size_t fds;
	const struct layout *layout;
};

/* clang-format off */
/* Each array ends with an empty entry, so that a message without fields has one, too. */
#define FIELDS(tag) static const struct field fields_##tag[] = {
#define FIELDS_END(tag) {NULL, FIELD_UINT, 0, 0, 0, 0, 0, NULL}}; \
	static const struct layout layout_##tag = {fields_##tag, \
	    sizeof(fields_##tag) / sizeof(fields_##tag[0]) - 1, sizeof(struct tag)};
#define UINT(tag, field, bits, smallest, largest) {#field, FIELD_UINT, \
	offsetof(struct tag, field), 0, bits / 8, smallest, largest, NULL},
#define TEXT(tag, field, shortest, longest) {#field, FIELD_TEXT, \
	offsetof(struct tag, field), 0, 1, shortest, longest, NULL},
#define LINES(tag, field, shortest, longest) {#field, FIELD_LINES, \
	offsetof(struct tag, field), 0, 1, shortest, longest, NULL},
#define SECRET(tag, field, shortest, longest) {#field, FIELD_SECRET, \
	offsetof(struct tag, field), 0, 1, shortest, longest, NULL},
#define BYTES(tag, field, shortest, longest) {#field, FIELD_BYTES, \
	offsetof(struct tag, field), offsetof(struct tag, field##_length), 1, \
	shortest, longest, NULL},
#define LIST(tag, field, record, fewest, most) {#field, FIELD_LIST, \
	offsetof(struct tag, field), offsetof(struct tag, field##_count), \
	sizeof(struct record_##record), fewest, most, &layout_record_##record},
#define RECORD(name) FIELDS(record_##name)
#define RECORD_END(name) FIELDS_END(record_##name)
#define MESSAGE(NAME, name, number, senders, receivers, fds) FIELDS(message_##name)
#define MESSAGE_END(name) FIELDS_END(message_##name)
#include "messages.def"
#undef UINT
#undef TEXT
#undef LINES
#undef SECRET
#undef BYTES
#undef LIST
#undef RECORD
#undef RECORD_END
#undef MESSAGE
#undef MESSAGE_END

#define UINT(tag, field, bits, smallest, largest)
#define TEXT(tag, field, shortest, longest)
#define LINES(tag, field, shortest, longest)
#define SECRET(tag, field, shortest, longest)
#define BYTES(tag, field, shortest, longest)
#define LIST(tag, field, record, fewest, most)
#define RECORD(name)
#define RECORD_END(name)
#define MESSAGE(NAME, name, number, senders, receivers, fds) \
	{MESSAGE_##NAME, #NAME, senders, receivers, fds, &layout_message_##name},
#define MESSAGE_END(name)
static const struct message_info infos[] = {
#include "messages.def"
};
/* clang-format on */

#define INFO_COUNT (sizeof(infos) / sizeof(infos[0]))

static const struct message_info *info_find(uint64_t type)
{
	for (size_t i = 0; i < INFO_COUNT; i++)
		if ((uint64_t)infos[i].type == type)
			return &infos[i];
	return NULL;
}

/* All bodies share the union, so any member's address is the body's. */
static uint8_t *body_of(struct message *message)
{
	return (uint8_t *)&message->hello;
}

static const uint8_t *const_body_of(const struct message *message)
{
	return (const uint8_t *)&message->hello;
}

void message_init(struct message *message, enum message_type type, uint32_t request_id)
{
	const struct message_info *info = info_find(type);

	message->type = type;
	message->request_id = request_id;
	for (size_t i = 0; i < PROTO_FDS; i++)
		message->fds[i] = -1;
	if (info != NULL && info->layout->size != 0)
		memset(body_of(message), 0, info->layout->size);
}

void message_wipe(struct message *message)
{
	const struct message_info *info = info_find(message->type);

	if (info != NULL && info->layout->size != 0)
		explicit_bzero(body_of(message), info->layout->size);
}

static uint64_t uint_load(const uint8_t *at, size_t width)
{
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	switch (width) {
	case 1:
		memcpy(&u8, at, 1);
		return u8;
	case 2:
		memcpy(&u16, at, 2);
		return u16;
	case 4:
		memcpy(&u32, at, 4);
		return u32;
	default:
		memcpy(&u64, at, 8);
		return u64;
	}
}

static void uint_store(uint8_t *at, uint64_t value, size_t width)
{
	uint8_t u8 = (uint8_t)value;
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;

	switch (width) {
	case 1:
		memcpy(at, &u8, 1);
		break;
	case 2:
		memcpy(at, &u16, 2);
		break;
	case 4:
		memcpy(at, &u32, 4);
		break;
	default:
		memcpy(at, &value, 8);
		break;
	}
}

/* Value, bytes or records that the field holds now; max + 1 for text without its end. */
static uint64_t field_amount(const struct field *field, const uint8_t *body)
{
	switch (field->kind) {
	case FIELD_UINT:
		return uint_load(body + field->offset, field->width);
	case FIELD_TEXT:
	case FIELD_LINES:
	case FIELD_SECRET:
		return strnlen((const char *)body + field->offset, field->max + 1);
	default:
		return uint_load(body + field->count_offset, sizeof(uint16_t));
	}
}

/* Whether these characters may stand in such a field. */
static bool text_is_allowed(enum field_kind kind, const char *text, size_t length)
{
	switch (kind) {
	case FIELD_TEXT:
		return wire_text_is_clean(text, length);
	case FIELD_LINES:
		return wire_lines_are_clean(text, length);
	default:
		return true;
	}
}

static void encode_layout(
    struct wire_writer *writer, const struct layout *layout, const uint8_t *body)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct field *field = &layout->fields[i];
		const uint8_t *value = body + field->offset;
		uint64_t amount = field_amount(field, body);
		size_t start;

		if (amount < field->min || amount > field->max ||
		    !text_is_allowed(field->kind, (const char *)value, amount)) {
			writer->failed = true;
			return;
		}
		wire_put_uint(writer, field->kind, 1);
		start = writer->length;
		wire_put_uint(writer, 0, 4);
		if (field->kind == FIELD_UINT) {
			wire_put_uint(writer, amount, field->width);
		} else if (field->kind == FIELD_LIST) {
			wire_put_uint(writer, amount, 2);
			for (size_t k = 0; k < amount; k++)
				encode_layout(writer, field->record, value + k * field->width);
		} else {
			wire_put_bytes(writer, value, amount);
		}
		wire_patch_uint(writer, start, writer->length - start - 4, 4);
	}
}

bool message_encode(
    const struct message *message, uint8_t *buffer, size_t capacity, size_t *ret_length)
{
	const struct message_info *info = info_find(message->type);
	struct wire_writer writer = {buffer, capacity, 0, info == NULL};

	wire_put_uint(&writer, PROTO_MAGIC, 4);
	wire_put_uint(&writer, PROTO_VERSION, 2);
	wire_put_uint(&writer, (uint64_t)message->type, 2);
	wire_put_uint(&writer, 0, 4);
	wire_put_uint(&writer, message->request_id, 4);
	if (!writer.failed)
		encode_layout(&writer, info->layout, const_body_of(message));
	wire_patch_uint(&writer, 8, writer.length - PROTO_HEADER_BYTES, 4);
	if (writer.failed || writer.length > PROTO_FRAME_BYTES)
		return false;
	*ret_length = writer.length;
	return true;
}

static void decode_layout(
    struct wire_reader *reader, const struct layout *layout, uint8_t *body, bool may_end);

static void decode_field(struct wire_reader *reader, const struct field *field, uint8_t *body)
{
	uint8_t *value = body + field->offset;
	bool kind_matches = wire_get_uint(reader, 1) == (uint64_t)field->kind;
	size_t length = wire_get_uint(reader, 4);
	const uint8_t *data = wire_get_bytes(reader, length);
	struct wire_reader part = {data, length, 0, data == NULL || !kind_matches};
	uint64_t amount = field->kind == FIELD_UINT   ? wire_get_uint(&part, field->width)
			  : field->kind == FIELD_LIST ? wire_get_uint(&part, 2)
						      : length;

	if (part.failed || amount < field->min || amount > field->max) {
		reader->failed = true;
		return;
	}
	switch (field->kind) {
	case FIELD_UINT:
		uint_store(value, amount, field->width);
		break;
	case FIELD_TEXT:
	case FIELD_LINES:
	case FIELD_SECRET:
		data = wire_get_bytes(&part, length);
		if ((length != 0 && memchr(data, 0, length) != NULL) ||
		    !text_is_allowed(field->kind, (const char *)data, length)) {
			reader->failed = true;
			return;
		}
		memcpy(value, data, length);
		value[length] = 0;
		break;
	case FIELD_BYTES:
		memcpy(value, wire_get_bytes(&part, length), length);
		uint_store(body + field->count_offset, length, sizeof(uint16_t));
		break;
	case FIELD_LIST:
		memset(value, 0, amount * field->width);
		for (size_t k = 0; k < amount && !part.failed; k++)
			decode_layout(&part, field->record, value + k * field->width, false);
		uint_store(body + field->count_offset, amount, sizeof(uint16_t));
		break;
	}
	if (!wire_end(&part))
		reader->failed = true;
}

/* may_end: fields at the end may be missing. */
static void decode_layout(
    struct wire_reader *reader, const struct layout *layout, uint8_t *body, bool may_end)
{
	for (size_t i = 0; i < layout->count; i++) {
		if (may_end && reader->offset == reader->length)
			return;
		decode_field(reader, &layout->fields[i], body);
		if (reader->failed)
			return;
	}
}

enum message_result message_decode(const uint8_t *data, size_t length, enum role sender,
    enum role receiver, struct message *message, size_t *ret_length)
{
	struct wire_reader header = {data, length, 0, false};
	uint64_t magic = wire_get_uint(&header, 4);
	uint64_t version = wire_get_uint(&header, 2);
	uint64_t type = wire_get_uint(&header, 2);
	uint64_t payload = wire_get_uint(&header, 4);
	uint64_t request_id = wire_get_uint(&header, 4);
	const struct message_info *info = info_find(type);
	struct wire_reader body;

	/* Nonsense is refused as soon as it shows, not when enough of it has come. */
	if (length >= 4 && magic != PROTO_MAGIC && !header.failed)
		return MESSAGE_MALFORMED;
	if (header.failed) {
		static const uint8_t magic_bytes[] = {'X', '2', 'G', 'W'};
		size_t seen = length < sizeof(magic_bytes) ? length : sizeof(magic_bytes);

		return memcmp(data, magic_bytes, seen) == 0 ? MESSAGE_SHORT : MESSAGE_MALFORMED;
	}
	if (version != PROTO_VERSION)
		return MESSAGE_VERSION;
	if (info == NULL || payload > PROTO_PAYLOAD_BYTES)
		return MESSAGE_MALFORMED;
	if ((info->senders & 1u << sender) == 0 || (info->receivers & 1u << receiver) == 0)
		return MESSAGE_DENIED;
	if (length - PROTO_HEADER_BYTES < payload)
		return MESSAGE_SHORT;
	message_init(message, info->type, (uint32_t)request_id);
	body = (struct wire_reader){data + PROTO_HEADER_BYTES, payload, 0, false};
	decode_layout(&body, info->layout, body_of(message), false);
	if (!wire_end(&body))
		return MESSAGE_MALFORMED;
	*ret_length = PROTO_HEADER_BYTES + payload;
	return MESSAGE_OK;
}

enum message_result message_decode_kept(const uint8_t *data, size_t length, struct message *message)
{
	struct wire_reader header = {data, length, 0, false};
	uint64_t magic = wire_get_uint(&header, 4);
	uint64_t version = wire_get_uint(&header, 2);
	const struct message_info *info = info_find(wire_get_uint(&header, 2));
	uint64_t payload = wire_get_uint(&header, 4);
	uint64_t request_id = wire_get_uint(&header, 4);
	struct wire_reader body;

	if (header.failed || magic != PROTO_MAGIC || info == NULL ||
	    payload != length - PROTO_HEADER_BYTES)
		return MESSAGE_MALFORMED;
	if ((info->senders & info->receivers & ROLE_BIT(BROKER)) == 0)
		return MESSAGE_DENIED;
	message_init(message, info->type, (uint32_t)request_id);
	body = (struct wire_reader){data + PROTO_HEADER_BYTES, payload, 0, false};
	decode_layout(&body, info->layout, body_of(message), version != PROTO_VERSION);
	if (body.failed || (version == PROTO_VERSION && !wire_end(&body)))
		return MESSAGE_MALFORMED;
	return MESSAGE_OK;
}

size_t message_fd_count(enum message_type type)
{
	const struct message_info *info = info_find(type);

	return info != NULL ? info->fds : 0;
}

const char *message_type_name(enum message_type type)
{
	const struct message_info *info = info_find(type);

	return info != NULL ? info->name : "?";
}

const char *role_name(enum role role)
{
	static const char *const names[ROLE_COUNT] = {[ROLE_FCGI] = "fcgi",
	    [ROLE_BROKER] = "broker",
	    [ROLE_SESSION] = "session",
	    [ROLE_CTL] = "ctl"};

	return role < ROLE_COUNT ? names[role] : "?";
}

const char *session_kind_name(enum session_kind kind)
{
	static const char *const names[SESSION_KIND_COUNT] = {
	    "desktop", "application", "nx", "other"};

	return kind < SESSION_KIND_COUNT ? names[kind] : "?";
}

const char *application_group_name(enum application_group group)
{
	static const char *const names[APPLICATION_GROUP_COUNT] = {"Other", "AudioVideo",
	    "Development", "Education", "Game", "Graphics", "Network", "Office", "Science",
	    "Settings", "System", "Utility"};

	return group < APPLICATION_GROUP_COUNT ? names[group] : "?";
}

const char *session_status_name(enum session_status status)
{
	static const char *const names[SESSION_STATUS_COUNT] = {
	    "starting", "running", "suspended", "terminating", "terminated"};

	return status < SESSION_STATUS_COUNT ? names[status] : "?";
}

const char *hop_name(enum hop hop)
{
	static const char *const names[HOP_COUNT] = {"server", "jump"};

	return hop < HOP_COUNT ? names[hop] : "?";
}

const char *prompt_kind_name(enum prompt_kind kind)
{
	static const char *const names[PROMPT_KIND_COUNT] = {
	    "questions", "password", "new_password", "host_key"};

	return kind < PROMPT_KIND_COUNT ? names[kind] : "?";
}

const char *message_result_text(enum message_result result)
{
	switch (result) {
	case MESSAGE_OK:
		return "ok";
	case MESSAGE_SHORT:
		return "incomplete message";
	case MESSAGE_MALFORMED:
		return "malformed message";
	case MESSAGE_VERSION:
		return "another protocol version";
	case MESSAGE_DENIED:
		return "message not allowed from this peer";
	}
	return "?";
}

static void print_layout(FILE *out, const struct layout *layout, const uint8_t *body)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct field *field = &layout->fields[i];
		const uint8_t *value = body + field->offset;
		uint64_t amount = field_amount(field, body);

		fprintf(out, " %s=", field->name);
		switch (field->kind) {
		case FIELD_UINT:
			fprintf(out, "%llu", (unsigned long long)amount);
			break;
		case FIELD_TEXT:
			fprintf(out, "\"%.*s\"", (int)amount, (const char *)value);
			break;
		case FIELD_LINES:
			fputc('"', out);
			for (size_t k = 0; k < amount; k++)
				fputc(value[k] == '\n' ? ' ' : value[k], out);
			fputc('"', out);
			break;
		case FIELD_SECRET:
			fputs("***", out);
			break;
		case FIELD_BYTES:
			fprintf(out, "<%llu bytes>", (unsigned long long)amount);
			break;
		case FIELD_LIST:
			fputc('[', out);
			for (size_t k = 0; k < amount && k < field->max; k++) {
				fputs(k == 0 ? "{" : ", {", out);
				print_layout(out, field->record, value + k * field->width);
				fputs(" }", out);
			}
			fputc(']', out);
			break;
		}
	}
}

const char *message_print(const struct message *message, char *text, size_t size)
{
	const struct message_info *info = info_find(message->type);
	FILE *out = fmemopen(text, size, "w");

	text[0] = 0;
	if (out == NULL)
		return text;
	fprintf(out, "%s #%u", message_type_name(message->type), message->request_id);
	if (info != NULL)
		print_layout(out, info->layout, const_body_of(message));
	fclose(out);
	text[size - 1] = 0;
	return text;
}

static void fill_layout(const struct layout *layout, bool largest, uint8_t *body)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct field *field = &layout->fields[i];
		uint8_t *value = body + field->offset;
		uint64_t amount = largest ? field->max : field->min;

		switch (field->kind) {
		case FIELD_UINT:
			uint_store(value, amount, field->width);
			break;
		case FIELD_LIST:
			for (size_t k = 0; k < amount; k++)
				fill_layout(field->record, largest, value + k * field->width);
			uint_store(body + field->count_offset, amount, sizeof(uint16_t));
			break;
		case FIELD_BYTES:
			uint_store(body + field->count_offset, amount, sizeof(uint16_t));
			memset(value, 'b', amount);
			break;
		default:
			memset(value, 'a', amount);
			break;
		}
	}
}

bool message_example(unsigned index, bool largest, struct message *message)
{
	if (index >= INFO_COUNT)
		return false;
	message_init(message, infos[index].type, index + 1);
	fill_layout(infos[index].layout, largest, body_of(message));
	return true;
}

/* Bytes of the character at text, which may be up to four; 0 if it is malformed or a control
 * character. */
static size_t clean_step(const char *text, size_t length)
{
	size_t step = 1;

	while (step <= 4 && step <= length && !wire_text_is_clean(text, step))
		step++;
	return step <= 4 && step <= length ? step : 0;
}

void message_set_text(char *field, size_t size, const char *text, size_t length)
{
	size_t used = 0;

	for (size_t i = 0; i < length && used + 1 < size;) {
		size_t step = clean_step(text + i, length - i);

		if (step == 0) {
			field[used++] = '?';
			i++;
			continue;
		}
		if (used + step >= size)
			break;
		memcpy(field + used, text + i, step);
		used += step;
		i += step;
	}
	field[used] = 0;
}

void message_set_lines(char *field, size_t size, const char *text, size_t length)
{
	size_t used = 0;

	for (size_t i = 0; i < length && used + 1 < size;) {
		bool newline = text[i] == '\n' ||
			       (text[i] == '\r' && (i + 1 == length || text[i + 1] != '\n'));
		size_t step = clean_step(text + i, length - i), taken = step != 0 ? step : 1;

		if (newline)
			field[used++] = '\n';
		else if (step != 0 && wire_lines_are_clean(text + i, step)) {
			if (used + step >= size)
				break;
			memcpy(field + used, text + i, step);
			used += step;
		}
		i += taken;
	}
	field[used] = 0;
}

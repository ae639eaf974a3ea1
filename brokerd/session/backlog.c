/* SPDX-License-Identifier: ISC */
#include "backlog.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"

/* Of one read; the most that stands in one piece. */
#define READ_BYTES	(64 * 1024)
#define PIECE_BYTES_MIN (16 * 1024)
#define MARKS_FIRST	64
/* Room for marks that is kept when nothing is unsent. */
#define MARKS_IDLE 1024

struct backlog_mark {
	size_t bytes; /* of the message, as far as it has come */
	enum kdrive_message type;
	bool whole_screen;
	bool known; /* picture is: it is a FRAME whose header has come */
	struct kdrive_picture picture;
};

static const char *const state_names[] = {"open", "thin", "shedding", "blind"};

static void forget_damage(struct backlog *backlog)
{
	damage_forget(&backlog->damage);
	backlog->asked = (struct damage_rect){0};
	backlog->answering = false;
}

static void set_state(struct backlog *backlog, enum backlog_state state)
{
	if (state == backlog->state)
		return;
	log_debug("backlog: %s -> %s", state_names[backlog->state], state_names[state]);
	backlog->state = state;
	/* The browser has been told to forget what it has of it. */
	if (state == BACKLOG_STATE_OPEN)
		backlog->selection_cut = false;
	/* All of it is asked for afterwards. */
	if (state == BACKLOG_STATE_SHEDDING || state == BACKLOG_STATE_BLIND)
		forget_damage(backlog);
}

/* Of no use to a browser whose caches are to be empty. */
static bool is_picture(enum kdrive_message type)
{
	return type == KDRIVE_MESSAGE_FRAME || type == KDRIVE_MESSAGE_DELETED ||
	       type == KDRIVE_MESSAGE_REINIT;
}

/* Somebody waits for what it says, and it is a header and nothing else. */
static bool is_dear(enum kdrive_message type)
{
	return type == KDRIVE_MESSAGE_DEMAND_SELECTION || type == KDRIVE_MESSAGE_SERVER_VERSION ||
	       type == KDRIVE_MESSAGE_DISCONNECT;
}

/* --- marks ---------------------------------------------------------------------------------- */

static bool add_mark(struct backlog *backlog)
{
	if (backlog->mark_count == backlog->mark_room) {
		size_t room = backlog->mark_room != 0 ? 2 * backlog->mark_room : MARKS_FIRST;
		void *marks = realloc(backlog->marks, room * sizeof(backlog->marks[0]));

		if (marks == NULL)
			return false;
		backlog->marks = marks;
		backlog->mark_room = room;
	}
	backlog->marks[backlog->mark_count++] =
	    (struct backlog_mark){.type = KDRIVE_MESSAGE_UNKNOWN};
	return true;
}

/* Counts bytes of the message that is coming in, which are at the end of unsent now. */
static void grow_mark(struct backlog *backlog, const struct kdrive_span *span)
{
	struct backlog_mark *mark = &backlog->marks[backlog->mark_count - 1];
	enum kdrive_message type = span->type;
	size_t bytes = span->length;

	mark->whole_screen |= span->whole_screen;
	if (span->header && type == KDRIVE_MESSAGE_FRAME) {
		mark->known = true;
		mark->picture = backlog->frames.picture;
	}
	if (is_picture(type))
		backlog->picture_bytes += bytes + (is_picture(mark->type) ? 0 : mark->bytes);
	mark->bytes += bytes;
	mark->type = type;
	backlog->marked_bytes += bytes;
}

/* The first ones, whose messages begin in what is sent now: nothing of them can be left out. */
static void remove_marks(struct backlog *backlog, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct backlog_mark *mark = &backlog->marks[i];

		backlog->refreshed |= mark->whole_screen;
		backlog->marked_bytes -= mark->bytes;
		if (is_picture(mark->type))
			backlog->picture_bytes -= mark->bytes;
	}
	backlog->mark_count -= count;
	memmove(backlog->marks, backlog->marks + count,
	    backlog->mark_count * sizeof(backlog->marks[0]));
	if (backlog->mark_count != 0)
		return;
	backlog->open_marked = false;
	if (backlog->mark_room > MARKS_IDLE) {
		free(backlog->marks);
		backlog->marks = NULL;
		backlog->mark_room = 0;
	}
}

/* --- coming in ------------------------------------------------------------------------------ */

static struct damage_rect place_of(const struct kdrive_picture *picture)
{
	return (struct damage_rect){
	    .x = picture->x, .y = picture->y, .width = picture->width, .height = picture->height};
}

/* What a part of a message that is taken means for what is not shown. */
static bool note_shown(struct backlog *backlog, const struct kdrive_span *span)
{
	const struct kdrive_picture *picture = &backlog->frames.picture;
	struct damage_rect place = place_of(picture), *asked = &backlog->asked;

	if (span->type == KDRIVE_MESSAGE_REINIT)
		forget_damage(backlog);
	if (span->type != KDRIVE_MESSAGE_FRAME)
		return true;
	if (span->header && span->whole_screen &&
	    !damage_set_screen(&backlog->damage, picture->width, picture->height))
		return false;
	if (span->header && !picture->cached && asked->width != 0 &&
	    (span->whole_screen ||
		(place.x == asked->x && place.y == asked->y && place.width == asked->width &&
		    place.height == asked->height))) {
		backlog->answering = true;
		backlog->answer_bytes = 0;
	}
	if (backlog->answering)
		backlog->answer_bytes += span->length;
	if (backlog->answering && span->ends) {
		damage_learn(&backlog->damage, backlog->answer_bytes,
		    (uint64_t)place.width * (uint64_t)place.height);
		backlog->answering = false;
		*asked = (struct damage_rect){0};
	}
	return true;
}

/* Notes what a part of a message that goes to the end of unsent means. */
static bool note_span(struct backlog *backlog, const struct kdrive_span *span)
{
	backlog->end += span->length;
	if (span->type == KDRIVE_MESSAGE_SELECTION)
		backlog->selection_end = backlog->end;
	backlog->introduced |=
	    span->type == KDRIVE_MESSAGE_SERVER_VERSION || span->type == KDRIVE_MESSAGE_FRAME;
	if (span->type == KDRIVE_MESSAGE_REINIT)
		backlog->refreshed = false;
	if (span->begins) {
		if (!add_mark(backlog))
			return false;
		backlog->open_marked = true;
	}
	/* Without a mark it is on its way already, since before it was known what it is. */
	if (backlog->open_marked)
		grow_mark(backlog, span);
	else
		backlog->refreshed |= span->whole_screen;
	if (span->ends)
		backlog->open_marked = false;
	return note_shown(backlog, span);
}

/* All that comes is taken, and goes to the end of unsent. Returns how many bytes of it are. */
static size_t follow(struct backlog *backlog, const uint8_t *data, size_t length)
{
	struct kdrive_span span;
	size_t used = 0;

	for (; used != length; used += span.length)
		if (!kdrive_frames_take(&backlog->frames, data + used, length - used, &span) ||
		    !note_span(backlog, &span))
			break;
	return used;
}

/* Whether a picture is left out while others of so many bytes are unsent. */
static bool is_thinned(
    const struct backlog *backlog, const struct kdrive_picture *picture, bool whole, size_t bytes)
{
	return picture->cached || (!whole && bytes > backlog->thin_bytes);
}

/* The same, of the one whose header has come. */
static bool thin_out(struct backlog *backlog)
{
	const struct kdrive_picture *picture = &backlog->frames.picture;
	struct damage_rect place = place_of(picture);
	bool out =
	    is_thinned(backlog, picture, backlog->frames.whole_screen, backlog->picture_bytes);

	if (out)
		damage_add(&backlog->damage, &place);
	return out;
}

/* The agent's caches are empty. */
static void renew(struct backlog *backlog)
{
	backlog->renewed = backlog->state != BACKLOG_STATE_BLIND;
	backlog->refreshed = false;
	forget_damage(backlog);
	if (backlog->renewed)
		set_state(backlog, BACKLOG_STATE_OPEN);
}

/* Whether a message of which this is known now is left out. */
static bool decide(struct backlog *backlog, enum kdrive_message type)
{
	if (backlog->plain && type == KDRIVE_MESSAGE_REINIT)
		renew(backlog);
	/* Upstream's client hangs up at what it does not know. */
	if (backlog->plain && type > KDRIVE_MESSAGE_DEMAND_SELECTION)
		return true;
	if (type == KDRIVE_MESSAGE_SELECTION && backlog->selection_cut)
		return true;
	if (backlog->state == BACKLOG_STATE_OPEN || !is_picture(type))
		return false;
	if (backlog->state == BACKLOG_STATE_THIN)
		return type == KDRIVE_MESSAGE_FRAME && thin_out(backlog);
	if (type != KDRIVE_MESSAGE_REINIT || backlog->state == BACKLOG_STATE_BLIND)
		return true;
	set_state(backlog, BACKLOG_STATE_OPEN);
	return false;
}

/* Takes a part of a message, or leaves it out. */
static bool sort_span(struct backlog *backlog, const uint8_t *data, struct kdrive_span *span)
{
	bool undecided = span->begins || backlog->limbo_bytes != 0;
	bool short_of_header = backlog->state == BACKLOG_STATE_THIN &&
			       span->type == KDRIVE_MESSAGE_FRAME && !span->header;

	if (undecided && (span->type == KDRIVE_MESSAGE_UNKNOWN || short_of_header)) {
		memcpy(backlog->limbo + backlog->limbo_bytes, data, span->length);
		backlog->limbo_bytes += span->length;
		return true;
	}
	if (undecided)
		backlog->dropping = decide(backlog, span->type);
	if (!backlog->dropping) {
		if (evbuffer_add(backlog->unsent, backlog->limbo, backlog->limbo_bytes) != 0 ||
		    evbuffer_add(backlog->unsent, data, span->length) != 0)
			return false;
		span->length += backlog->limbo_bytes;
		span->begins = undecided;
		if (!note_span(backlog, span))
			return false;
		span->length -= backlog->limbo_bytes;
	}
	backlog->limbo_bytes = 0;
	if (span->ends)
		backlog->dropping = false;
	return true;
}

/* Tells the browser to begin anew, as soon as no message stands half in unsent. */
static bool put_reinit(struct backlog *backlog)
{
	static const uint8_t reinit[KDRIVE_HEADER_BYTES] = {KDRIVE_MESSAGE_REINIT};
	const struct kdrive_span span = {
	    .length = sizeof(reinit), .type = KDRIVE_MESSAGE_REINIT, .begins = true, .ends = true};
	bool half = (backlog->frames.head_bytes != 0 || backlog->frames.in_region) &&
		    !backlog->dropping && backlog->limbo_bytes == 0;

	backlog->reinit_due = half;
	if (half)
		return true;
	set_state(backlog, BACKLOG_STATE_OPEN);
	if (backlog->plain)
		renew(backlog);
	return backlog->plain || (evbuffer_add(backlog->unsent, reinit, sizeof(reinit)) == 0 &&
				     note_span(backlog, &span));
}

static bool sort(struct backlog *backlog, const uint8_t *data, size_t length)
{
	struct kdrive_span span;

	for (; length != 0; data += span.length, length -= span.length)
		if (!kdrive_frames_take(&backlog->frames, data, length, &span) ||
		    !sort_span(backlog, data, &span) ||
		    (span.ends && backlog->reinit_due && !put_reinit(backlog)))
			return false;
	return true;
}

static void free_piece(const void *piece, size_t length, void *arg)
{
	(void)piece;
	(void)length;
	free(arg);
}

/* Puts what was read at the end of unsent: a large piece as it is, which then belongs to that. */
static bool append(struct backlog *backlog, uint8_t *piece, size_t length)
{
	if (length < backlog->piece_bytes_min) {
		bool good = evbuffer_add(backlog->unsent, piece, length) == 0;

		free(piece);
		return good;
	}
	if (evbuffer_add_reference(backlog->unsent, piece, length, free_piece, piece) == 0)
		return true;
	free(piece);
	return false;
}

/* When much comes: it is read to where it stays. */
static ssize_t fill_by_pieces(struct backlog *backlog,
    ssize_t (*read)(void *arg, void *buffer, size_t size), void *arg, bool *ret_broken)
{
	uint8_t *piece = malloc(READ_BYTES);
	ssize_t received;
	size_t used;

	*ret_broken = piece == NULL;
	if (piece == NULL)
		return 0;
	received = read(arg, piece, READ_BYTES);
	if (received <= 0) {
		free(piece);
		return received;
	}
	backlog->much = (size_t)received >= backlog->piece_bytes_min;
	used = follow(backlog, piece, (size_t)received);
	*ret_broken = !append(backlog, piece, used) || used != (size_t)received;
	return received;
}

ssize_t backlog_fill(struct backlog *backlog, ssize_t (*read)(void *arg, void *buffer, size_t size),
    void *arg, bool *ret_broken)
{
	static uint8_t scratch[READ_BYTES];
	bool all = backlog->state == BACKLOG_STATE_OPEN && !backlog->dropping &&
		   backlog->limbo_bytes == 0 && !backlog->plain;
	ssize_t received;
	size_t used;

	if (all && backlog->much)
		return fill_by_pieces(backlog, read, arg, ret_broken);
	*ret_broken = false;
	received = read(arg, scratch, sizeof(scratch));
	if (received <= 0)
		return received;
	backlog->much = (size_t)received >= backlog->piece_bytes_min;
	if (!all) {
		*ret_broken = !sort(backlog, scratch, (size_t)received);
		return received;
	}
	used = follow(backlog, scratch, (size_t)received);
	*ret_broken = evbuffer_add(backlog->unsent, scratch, used) != 0 || used != (size_t)received;
	return received;
}

/* --- going out ------------------------------------------------------------------------------ */

/* Bytes at the front of unsent whose message has been sent in part. */
static size_t rest_of_cut(const struct backlog *backlog)
{
	return backlog_unsent(backlog) - backlog->marked_bytes;
}

void backlog_note_sent(struct backlog *backlog, size_t bytes)
{
	size_t count = 0, start = backlog_unsent(backlog) + bytes - backlog->marked_bytes;

	while (count < backlog->mark_count && start < bytes)
		start += backlog->marks[count++].bytes;
	backlog->sent += bytes;
	if (count != 0)
		remove_marks(backlog, count);
}

bool backlog_acknowledge(struct backlog *backlog, uint64_t position)
{
	if (position > backlog->sent)
		return false;
	if (position > backlog->base) {
		evbuffer_drain(backlog->kept, (size_t)(position - backlog->base));
		backlog->base = position;
	}
	return true;
}

bool backlog_reaches(const struct backlog *backlog, uint64_t position)
{
	return position >= backlog->base && position <= backlog->sent;
}

void backlog_rewind(struct backlog *backlog, uint64_t position)
{
	backlog_acknowledge(backlog, position);
	evbuffer_prepend_buffer(backlog->unsent, backlog->kept);
	backlog->sent = backlog->base;
}

/* --- leaving out ---------------------------------------------------------------------------- */

/* Whether a message that is not on its way stays; of pictures that do, *pictures counts the bytes.
 */
static bool stays_thin(struct backlog *backlog, const struct backlog_mark *mark, size_t *pictures)
{
	struct damage_rect place = place_of(&mark->picture);

	if (mark->type == KDRIVE_MESSAGE_FRAME &&
	    is_thinned(backlog, &mark->picture, mark->whole_screen, *pictures)) {
		damage_add(&backlog->damage, &place);
		return false;
	}
	*pictures += is_picture(mark->type) ? mark->bytes : 0;
	return true;
}

/* Moves what stays of unsent to its place; the rest is drained. with_cut: the rest of a message
 * that has been sent in part stays. */
static bool filter(struct backlog *backlog, bool with_cut, bool all)
{
	size_t pictures = 0;
	struct evbuffer *stays = evbuffer_new();
	size_t cut = rest_of_cut(backlog), left = 0;
	bool open = backlog->frames.head_bytes != 0 || backlog->frames.in_region;
	bool thin = backlog->state == BACKLOG_STATE_THIN;

	if (stays == NULL)
		return false;
	if (with_cut)
		evbuffer_remove_buffer(backlog->unsent, stays, cut);
	else
		evbuffer_drain(backlog->unsent, cut);
	/* The message that is coming in has been sent in part, or is what is drained. */
	if (!with_cut && open && !backlog->open_marked && backlog->limbo_bytes == 0)
		backlog->dropping = true;
	for (size_t i = 0; i < backlog->mark_count; i++) {
		const struct backlog_mark mark = backlog->marks[i];
		bool open_one = i + 1 == backlog->mark_count && backlog->open_marked;

		/* Decided when more of it has come. */
		if (mark.type == KDRIVE_MESSAGE_UNKNOWN ||
		    (thin && mark.type == KDRIVE_MESSAGE_FRAME && !mark.known)) {
			evbuffer_remove(backlog->unsent, backlog->limbo, mark.bytes);
			backlog->limbo_bytes = mark.bytes;
			backlog->open_marked = false;
			continue;
		}
		if (thin ? stays_thin(backlog, &mark, &pictures)
			 : is_dear(mark.type) || (!is_picture(mark.type) && !all)) {
			evbuffer_remove_buffer(backlog->unsent, stays, mark.bytes);
			backlog->marks[left++] = mark;
			continue;
		}
		evbuffer_drain(backlog->unsent, mark.bytes);
		backlog->selection_cut |= mark.type == KDRIVE_MESSAGE_SELECTION;
		if (open_one) {
			backlog->open_marked = false;
			backlog->dropping = true;
		}
	}
	backlog->mark_count = left;
	backlog->picture_bytes = pictures;
	backlog->marked_bytes = evbuffer_get_length(stays) - (with_cut ? cut : 0);
	evbuffer_free(backlog->unsent);
	backlog->unsent = stays;
	backlog->end = backlog->sent + evbuffer_get_length(stays);
	if (backlog->selection_end > backlog->end)
		backlog->selection_end = backlog->end;
	backlog->whole = false;
	if (!thin) {
		backlog->refreshed = false;
		backlog->reinit_due = false;
	}
	return true;
}

bool backlog_shed(struct backlog *backlog, bool all)
{
	if (backlog->state != BACKLOG_STATE_BLIND)
		set_state(backlog, BACKLOG_STATE_SHEDDING);
	return filter(backlog, true, all);
}

bool backlog_thin(struct backlog *backlog, size_t bytes)
{
	backlog->thin_bytes = bytes;
	if (backlog->state != BACKLOG_STATE_OPEN)
		return true;
	set_state(backlog, BACKLOG_STATE_THIN);
	return filter(backlog, true, false);
}

void backlog_thicken(struct backlog *backlog)
{
	if (backlog->state == BACKLOG_STATE_THIN)
		set_state(backlog, BACKLOG_STATE_OPEN);
}

bool backlog_knows_screen(const struct backlog *backlog)
{
	return backlog->damage.width != 0;
}

bool backlog_set_blind(struct backlog *backlog, bool blind)
{
	if (blind == (backlog->state == BACKLOG_STATE_BLIND))
		return true;
	set_state(backlog, blind ? BACKLOG_STATE_BLIND : BACKLOG_STATE_SHEDDING);
	return !blind || filter(backlog, true, false);
}

bool backlog_start_afresh(struct backlog *backlog)
{
	set_state(backlog, BACKLOG_STATE_SHEDDING);
	if (!filter(backlog, false, false))
		return false;
	evbuffer_drain(backlog->kept, evbuffer_get_length(backlog->kept));
	/* Who has had every byte before may be in the middle of a message: it does not go on here.
	 * Nor who has had none, which may be since what it was sent is unsent again. */
	backlog->base = ++backlog->sent;
	backlog->end++;
	return true;
}

bool backlog_give_up_waiting(struct backlog *backlog)
{
	return backlog->state != BACKLOG_STATE_SHEDDING || put_reinit(backlog);
}

/* --- amounts and life ----------------------------------------------------------------------- */

size_t backlog_in_flight(const struct backlog *backlog)
{
	return evbuffer_get_length(backlog->kept);
}

size_t backlog_unsent(const struct backlog *backlog)
{
	return evbuffer_get_length(backlog->unsent);
}

size_t backlog_pictures(const struct backlog *backlog)
{
	return backlog->picture_bytes;
}

bool backlog_init(struct backlog *backlog)
{
	*backlog = (struct backlog){.whole = true, .piece_bytes_min = PIECE_BYTES_MIN};
	backlog->kept = evbuffer_new();
	backlog->unsent = evbuffer_new();
	damage_init(&backlog->damage);
	return backlog->kept != NULL && backlog->unsent != NULL;
}

void backlog_finish(struct backlog *backlog)
{
	if (backlog->kept != NULL)
		evbuffer_free(backlog->kept);
	if (backlog->unsent != NULL)
		evbuffer_free(backlog->unsent);
	free(backlog->marks);
	damage_finish(&backlog->damage);
	*backlog = (struct backlog){0};
}

void backlog_reset(struct backlog *backlog)
{
	struct evbuffer *kept = backlog->kept, *unsent = backlog->unsent;

	evbuffer_drain(kept, evbuffer_get_length(kept));
	evbuffer_drain(unsent, evbuffer_get_length(unsent));
	free(backlog->marks);
	damage_finish(&backlog->damage);
	*backlog = (struct backlog){.kept = kept,
	    .unsent = unsent,
	    .whole = true,
	    .plain = backlog->plain,
	    .piece_bytes_min = backlog->piece_bytes_min};
	damage_init(&backlog->damage);
}

/* SPDX-License-Identifier: ISC */
#include "fake_tunnel.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "brokerd/session/ssh.h"

/* Type of the event that makes an agent hang up, in an event of 41 bytes. */
#define DISCONNECT_CLIENT 15
#define EVENT_BYTES	  41

struct ssh_tunnel {
	const struct ssh_tunnel_handlers *handlers;
	void *arg;
	struct event *step;
	struct evbuffer *unsent;
	bool refused, open, owes_drained;
	enum error_code end; /* to be told when all has been read */
};

struct fake_tunnel fake;

static struct event_base *event_base;
static struct ssh_tunnel *tunnel; /* the last that was opened, while it is open */

struct ssh *fake_tunnel_init(struct event_base *base)
{
	static char ssh; /* never looked at */

	event_base = base;
	fake = (struct fake_tunnel){.refusal = ERROR_AGENT_LOST, .hangs_up = true};
	fake.received = evbuffer_new();
	fake.to_read = evbuffer_new();
	return (struct ssh *)&ssh;
}

void fake_tunnel_finish(void)
{
	evbuffer_free(fake.received);
	evbuffer_free(fake.to_read);
}

static void schedule(void)
{
	if (tunnel != NULL)
		event_active(tunnel->step, EV_TIMEOUT, 0);
}

void fake_tunnel_say(const void *data, size_t length)
{
	evbuffer_add(fake.to_read, data, length);
	schedule();
}

void fake_tunnel_end(enum error_code code)
{
	if (tunnel != NULL)
		tunnel->end = code;
	schedule();
}

static void let_out(struct ssh_tunnel *from)
{
	uint8_t last[EVENT_BYTES];
	size_t length = evbuffer_get_length(from->unsent);

	if (fake.window_closed)
		return;
	if (fake.hangs_up && length >= EVENT_BYTES) {
		uint8_t *all = evbuffer_pullup(from->unsent, -1);

		memcpy(last, all + length - EVENT_BYTES, EVENT_BYTES);
		if (last[0] == DISCONNECT_CLIENT && last[1] == 0 && from->end == ERROR_NONE)
			from->end = ERROR_ENDED;
	}
	evbuffer_add_buffer(fake.received, from->unsent);
	schedule();
}

void fake_tunnel_let_out(size_t length)
{
	if (tunnel != NULL)
		evbuffer_remove_buffer(tunnel->unsent, fake.received, length);
}

void fake_tunnel_open_window(void)
{
	fake.window_closed = false;
	if (tunnel != NULL)
		let_out(tunnel);
}

/* One thing per turn, always from the loop. */
static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct ssh_tunnel *self = arg;

	(void)fd;
	(void)what;
	if (self->refused) {
		self->handlers->failed(self, fake.refusal, "refused", self->arg);
	} else if (!self->open && !fake.hangs) {
		self->open = true;
		schedule();
		self->handlers->opened(self, self->arg);
	} else if (!self->open) {
		return;
	} else if (self->owes_drained && evbuffer_get_length(self->unsent) == 0) {
		self->owes_drained = false;
		schedule();
		self->handlers->drained(self, self->arg);
	} else if (self->end != ERROR_NONE && self->end != ERROR_ENDED) {
		self->handlers->failed(self, self->end, "lost", self->arg);
	} else if (evbuffer_get_length(fake.to_read) != 0) {
		self->handlers->readable(self, self->arg);
	} else if (self->end != ERROR_NONE) {
		self->handlers->failed(self, self->end, "closed", self->arg);
	}
}

struct ssh_tunnel *ssh_tunnel_open(struct ssh *ssh, const char *host, uint16_t port,
    const struct ssh_tunnel_handlers *handlers, void *arg)
{
	struct ssh_tunnel *self = calloc(1, sizeof(*self));

	(void)ssh;
	if (strcmp(host, "127.0.0.1") != 0)
		abort();
	self->handlers = handlers;
	self->arg = arg;
	self->step = evtimer_new(event_base, on_step, self);
	self->unsent = evbuffer_new();
	if (fake.refusals != 0) {
		fake.refusals--;
		self->refused = true;
	}
	fake.opened++;
	fake.open_now++;
	fake.port = port;
	tunnel = self;
	schedule();
	return self;
}

void ssh_tunnel_close(struct ssh_tunnel *self)
{
	if (self == NULL)
		return;
	fake.open_now--;
	event_free(self->step);
	evbuffer_free(self->unsent);
	if (tunnel == self)
		tunnel = NULL;
	free(self);
}

ssize_t ssh_tunnel_read(struct ssh_tunnel *self, void *buffer, size_t size)
{
	int length = evbuffer_remove(fake.to_read, buffer, size);

	/* Who takes nothing is not called again at once. */
	if (length > 0)
		schedule();

	return length > 0 ? length : self->end == ERROR_ENDED ? -1 : 0;
}

bool ssh_tunnel_write(struct ssh_tunnel *self, const void *data, size_t size)
{
	if (fake.writes++ == 0)
		fake.first_write_bytes = size;
	evbuffer_add(self->unsent, data, size);
	self->owes_drained = true;
	let_out(self);
	return true;
}

size_t ssh_tunnel_unsent(const struct ssh_tunnel *self)
{
	return evbuffer_get_length(self->unsent);
}

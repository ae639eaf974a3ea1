/* SPDX-License-Identifier: ISC */
/*
 * bench_client's connection: TLS, WebSocket, KDrive framing, and the words of x2goweb.v1. There is
 * one.
 */
#ifndef CLIENT_LINE_H
#define CLIENT_LINE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "brokerd/session/kdrive_frames.h"

#define LINE_BUFFER_BYTES (512 * 1024)
#define LINE_TEXT_BYTES	  600
/* For anything that has to come. */
#define LINE_GIVE_UP_S 60
/* Side of the small pictures that are asked for to see how old all is. */
#define LINE_PROBE_SIDE 8

struct line_options {
	const char *host, *port, *path, *header_host, *origin, *cookie, *protocol, *kdrive;
	bool tls;
};

extern struct line {
	int fd;
	SSL *ssl;
	bool web, v1;
	uint8_t buffer[LINE_BUFFER_BYTES];
	size_t start, end;
	uint64_t frame_left; /* of a WebSocket's message */
	uint8_t opcode;
	char text[LINE_TEXT_BYTES + 1];
	size_t text_bytes;
	struct kdrive_frames frames;
	uint64_t position; /* of the stream */
	uint64_t received, told;
	double unsaid_s; /* since when there is something to acknowledge; 0: nothing */
	char stream[17];
	unsigned hellos;
	char how[16];
	uint32_t token; /* that came last */
	uint32_t probe; /* that came last, of pictures asked for */
	unsigned pictures, reinits;
} line;

/* Monotonic. */
double line_now_s(void);

/* Connects, and is let in: goes on with the stream by x2goweb.v1, if it had one, else says what
 * upstream's page says to the agent. */
void line_begin(const struct line_options *options);

/* As when a network goes away: without a word. */
void line_cut(void);

/* Takes what is there, or waits for something. False: nothing came until then. */
bool line_pump(double until_s);

void line_send_event(uint32_t type, uint32_t first);

/* Width 0: the whole screen. */
void line_ask_picture(uint32_t x, uint32_t width, uint32_t height);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The browser's side of the relay's bench: takes a stream as fast as it comes, with as little work
 * of its own as can be, but reads it all: KDrive's framing, WebSocket frames, TLS. By x2goweb.v1
 * it acknowledges as the page does; by "binary", or without a WebSocket, it speaks to the agent as
 * upstream's page does. What it finds goes to standard output as one line of JSON.
 *
 *	bench_client KEY=VALUE ...
 *
 *	host, port		where to connect
 *	tls=1			TLS, whoever the server is
 *	path			of the WebSocket; without: plain TCP
 *	header_host, origin, cookie	of its request
 *	protocol		x2goweb.v1 or binary
 *	kdrive			the agent's cookie, for all but x2goweb.v1
 *	mode			flood, echo, echo-flood, resume, age
 *	seconds, count		how long, or how often
 *	stay=1			stays connected afterwards, until it is killed
 *	pids			comma separated: their processor time is measured, with their
 *children's
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_wire.h"
#include "client_cpu.h"
#include "client_line.h"

#define WARM_UP_S    0.3
#define BUSY_EVERY_S 0.0025

static struct line_options to = {.host = "127.0.0.1",
    .header_host = "localhost",
    .origin = "https://localhost",
    .cookie = "",
    .protocol = "x2goweb.v1"};
static const char *mode = "flood", *pids = "";
static double seconds_wanted = 2;
static unsigned count_wanted = 1000;
static bool stays;
static uint32_t token; /* sent last */

/* Sends a token and waits for it to come back. Returns the seconds. */
static double echo(void)
{
	double start_s = line_now_s();

	token++;
	line_send_event(EVENT_MOTION, token);
	while (line.token != token)
		if (!line_pump(start_s + LINE_GIVE_UP_S))
			errx(1, "no echo");
	return line_now_s() - start_s;
}

static void set_flood(bool on)
{
	line_send_event(EVENT_WIN_CHANGE, on ? FLOOD_ON : FLOOD_OFF);
	if (!on)
		echo();
}

static void pump_for(double seconds)
{
	double until_s = line_now_s() + seconds;

	while (line_now_s() < until_s)
		line_pump(until_s);
}

static void measure_flood(void)
{
	double start_s, took_s, before_s, own_before_s;
	uint64_t received;
	unsigned reinits;

	set_flood(true);
	pump_for(WARM_UP_S);
	received = line.received;
	reinits = line.reinits;
	before_s = cpu_used_s(pids);
	own_before_s = cpu_own_s();
	start_s = line_now_s();
	pump_for(seconds_wanted);
	took_s = line_now_s() - start_s;
	printf("{\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"cpu\":%.3f,\"own_cpu\":%.3f,"
	       "\"reinits\":%u}\n",
	    line.received - received, took_s, cpu_used_s(pids) - before_s,
	    cpu_own_s() - own_before_s, line.reinits - reinits);
	set_flood(false);
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static double at_share(const double *sorted, size_t count, double share)
{
	size_t i = (size_t)(share * (double)count);

	return 1e6 * sorted[i < count ? i : count - 1];
}

static void print_times(double *times, size_t count)
{
	qsort(times, count, sizeof(times[0]), compare);
	printf("{\"count\":%zu,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}\n", count,
	    at_share(times, count, 0.5), at_share(times, count, 0.99),
	    at_share(times, count, 0.999), at_share(times, count, 1));
}

static void measure_echo(void)
{
	double *times = calloc(count_wanted, sizeof(*times)), begin_s;
	size_t count = 0;

	if (times == NULL)
		err(1, "memory");
	for (int i = 0; i < 50; i++)
		echo();
	begin_s = line_now_s();
	while (count < count_wanted && line_now_s() - begin_s < seconds_wanted)
		times[count++] = echo();
	print_times(times, count);
	free(times);
}

/* Behind a stream at full rate. Events are sent in time, whether or not those before are back: else
 * one long wait would hide the others that belong to it. */
static void measure_echo_busy(void)
{
	double *sent_s = calloc(count_wanted, sizeof(*sent_s)), next_s;
	double *times = calloc(count_wanted, sizeof(*times)), until_s;
	size_t sent = 0, count = 0;
	uint32_t first;

	if (sent_s == NULL || times == NULL)
		err(1, "memory");
	set_flood(true);
	pump_for(WARM_UP_S);
	echo();
	first = token;
	next_s = line_now_s();
	until_s = next_s + seconds_wanted;
	for (;;) {
		double now = line_now_s();
		bool sending = now < until_s && sent < count_wanted;

		if (!sending && count == sent)
			break;
		if (now >= until_s + LINE_GIVE_UP_S)
			errx(1, "no echo");
		if (sending && now >= next_s) {
			sent_s[sent++] = now;
			line_send_event(EVENT_MOTION, ++token);
			next_s += BUSY_EVERY_S;
		}
		line_pump(sending ? next_s : now + 1);
		for (now = line_now_s(); first + count != line.token; count++)
			times[count] = now - sent_s[count];
	}
	print_times(times, count);
	set_flood(false);
	free(sent_s);
	free(times);
}

/* From the cut until bytes of the stream come again. */
static void measure_resume(void)
{
	double *times = calloc(count_wanted, sizeof(*times)), start_s;

	if (times == NULL)
		err(1, "memory");
	for (unsigned i = 0; i < count_wanted; i++) {
		uint64_t received;

		set_flood(true);
		pump_for(0.1);
		line_cut();
		received = line.received;
		start_s = line_now_s();
		line_begin(&to);
		if (line.v1 && strcmp(line.how, "resume") != 0)
			errx(1, "not resumed: %s", line.how);
		while (line.received == received)
			line_pump(start_s + LINE_GIVE_UP_S);
		times[i] = line_now_s() - start_s;
		set_flood(false);
	}
	print_times(times, count_wanted);
	free(times);
}

/* How long ago what is painted now was drawn: by small pictures that are asked for again and again,
 * each of another place, and wait in the agent's queue like all others. Each sample is the time
 * since the newest of those that have come was asked for. */
static void measure_age(void)
{
	enum { PLACES = 500, SAMPLES = 2000 };
	static double asked_s[PLACES], samples[SAMPLES];
	double start_s = line_now_s(), next_probe_s = start_s, next_sample_s = start_s + 5;
	double newest_s = start_s;
	size_t count = 0;
	uint32_t place = 0, seen = UINT32_MAX;

	line.probe = UINT32_MAX;
	while (line_now_s() - start_s < seconds_wanted && count < SAMPLES) {
		double now;

		line_pump(next_probe_s < next_sample_s ? next_probe_s : next_sample_s);
		now = line_now_s();
		if (line.probe != seen && line.probe < PLACES) {
			seen = line.probe;
			if (asked_s[seen] > newest_s)
				newest_s = asked_s[seen];
		}
		if (now >= next_probe_s) {
			place = (place + 1) % PLACES;
			asked_s[place] = now;
			line_ask_picture(place, LINE_PROBE_SIDE, LINE_PROBE_SIDE);
			next_probe_s += 0.2;
		}
		if (now >= next_sample_s) {
			samples[count++] = now - newest_s;
			next_sample_s += 0.05;
		}
	}
	fprintf(stderr, "%u pictures, %u new beginnings\n", line.pictures, line.reinits);
	print_times(samples, count);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		static const struct {
			const char *name;
			const char **where;
		} texts[] = {{"host", &to.host}, {"port", &to.port}, {"path", &to.path},
		    {"header_host", &to.header_host}, {"origin", &to.origin},
		    {"cookie", &to.cookie}, {"protocol", &to.protocol}, {"kdrive", &to.kdrive},
		    {"mode", &mode}, {"pids", &pids}};

		if (value == NULL)
			errx(2, "%s: not KEY=VALUE", argv[i]);
		*value++ = 0;
		for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++)
			if (strcmp(argv[i], texts[j].name) == 0)
				*texts[j].where = value;
		if (strcmp(argv[i], "tls") == 0)
			to.tls = value[0] == '1';
		else if (strcmp(argv[i], "seconds") == 0)
			seconds_wanted = atof(value);
		else if (strcmp(argv[i], "count") == 0)
			count_wanted = (unsigned)atoi(value);
		else if (strcmp(argv[i], "stay") == 0)
			stays = value[0] == '1';
	}
	line_begin(&to);
	if (line.v1 && strcmp(line.how, "start") != 0)
		pump_for(0.1); /* REINIT, and what it brings */
	else
		pump_for(0.05);
	if (strcmp(mode, "flood") == 0)
		measure_flood();
	else if (strcmp(mode, "resume") == 0)
		measure_resume();
	else if (strcmp(mode, "age") == 0)
		measure_age();
	else if (strcmp(mode, "echo-flood") == 0)
		measure_echo_busy();
	else
		measure_echo();
	fflush(stdout);
	while (stays)
		line_pump(line_now_s() + LINE_GIVE_UP_S);
	return 0;
}

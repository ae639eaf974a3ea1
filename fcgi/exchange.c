/* SPDX-License-Identifier: ISC */
#include "exchange.h"

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "intake.h"
#include "proto/log.h"

/* Every response fits the connection's empty send buffer, so writing never has to wait. This is
 * the kernel's default upper limit of what may be asked for. */
#define SEND_BUFFER_BYTES 212992

bool exchange_setup(void)
{
	/* libfcgi frees buffers that held cookies and passwords without wiping them; so glibc is
	 * told to overwrite memory as it is freed. */
	mallopt(M_PERTURB, 0xa5);
	return FCGX_Init() == 0;
}

/* A pipe that holds the whole request and then ends: reading it never blocks. -1 on failure. */
static int make_source(const struct intake *intake)
{
	int ends[2];
	ssize_t written;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	/* A pipe's default capacity is smaller for a user who has very many of them. */
	if (fcntl(ends[1], F_GETPIPE_SZ) < INTAKE_STORED_BYTES)
		fcntl(ends[1], F_SETPIPE_SZ, INTAKE_STORED_BYTES);
	written = write(ends[1], intake->data, intake->length);
	close(ends[1]);
	if (written != (ssize_t)intake->length) {
		close(ends[0]);
		return -1;
	}
	return ends[0];
}

bool exchange_init(struct exchange *exchange, int fd, const struct intake *intake)
{
	FCGX_Request *request = &exchange->request;
	int size = SEND_BUFFER_BYTES;

	exchange->fd = fd;
	/* No listening socket: when the request is bad, libfcgi's attempt to accept another one
	 * fails at once. keepConnection makes FCGX_Accept_r use ipcFd; FCGX_Detach spares us its
	 * lingering close, which waits for the peer. */
	FCGX_InitRequest(request, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	request->keepConnection = 1;
	request->ipcFd = make_source(intake);
	if (request->ipcFd < 0) {
		log_warn("request dropped: pipe");
		close(fd);
		return false;
	}
	FCGX_Detach(request);
	if (FCGX_Accept_r(request) != 0) {
		close(fd);
		return false;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return true;
}

const char *exchange_param(const struct exchange *exchange, const char *name)
{
	return FCGX_GetParam(name, exchange->request.envp);
}

size_t exchange_read_body(struct exchange *exchange, char *buffer, size_t capacity)
{
	FCGX_Stream *in = exchange->request.in;
	size_t length = 0;
	int byte;

	/* Byte by byte, as each is wiped from libfcgi's buffer behind us. */
	while ((byte = FCGX_GetChar(in)) != EOF) {
		in->rdNext[-1] = 0;
		if (length < capacity)
			buffer[length] = (char)byte;
		if (length <= capacity)
			length++;
	}
	return length;
}

void exchange_forget(struct exchange *exchange)
{
	for (char **param = exchange->request.envp; *param != NULL; param++)
		explicit_bzero(*param, strlen(*param));
}

void exchange_write(struct exchange *exchange, const char *bytes, size_t length)
{
	/* The parsed request came from a pipe; the response goes to the web server. */
	if (exchange->request.ipcFd != exchange->fd) {
		close(exchange->request.ipcFd);
		exchange->request.ipcFd = exchange->fd;
	}
	while (length != 0) {
		int part = length > INT_MAX ? INT_MAX : (int)length;

		if (FCGX_PutStr(bytes, part, exchange->request.out) < 0)
			return; /* sticky: FCGX_FClose reports it */
		bytes += part;
		length -= (size_t)part;
	}
}

static void release(struct exchange *exchange)
{
	if (exchange->request.ipcFd != exchange->fd)
		close(exchange->request.ipcFd);
	close(exchange->fd);
	exchange->request.ipcFd = exchange->fd = -1;
	FCGX_Free(&exchange->request, 0);
}

bool exchange_finish(struct exchange *exchange)
{
	bool delivered;

	exchange_write(exchange, "", 0);
	delivered = FCGX_FClose(exchange->request.err) == 0;
	delivered &= FCGX_FClose(exchange->request.out) == 0;
	release(exchange);
	return delivered;
}

void exchange_abort(struct exchange *exchange)
{
	release(exchange);
}

/* SPDX-License-Identifier: ISC */
#include "port_pool.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/log.h"

/* Browsers of one login: a few at a time. */
#define BACKLOG 16

enum port_use { PORT_USE_FREE, PORT_USE_TAKEN, PORT_USE_RESTING };

struct port {
	enum port_use use;
	uint64_t rests_until_ms;
};

struct port_pool {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address;
	socklen_t address_bytes;
	unsigned first, count, next; /* next: where the search begins, so that use goes round */
	struct port ports[];
};

struct port_pool *port_pool_create(const char *address, unsigned first, unsigned last)
{
	unsigned count = last - first + 1;
	struct port_pool *pool = calloc(1, sizeof(*pool) + count * sizeof(pool->ports[0]));

	if (pool == NULL)
		return NULL;
	pool->first = first;
	pool->count = count;
	if (inet_pton(AF_INET6, address, &pool->address.v6.sin6_addr) == 1) {
		pool->address.v6.sin6_family = AF_INET6;
		pool->address_bytes = sizeof(pool->address.v6);
	} else {
		inet_pton(AF_INET, address, &pool->address.v4.sin_addr);
		pool->address.v4.sin_family = AF_INET;
		pool->address_bytes = sizeof(pool->address.v4);
	}
	return pool;
}

void port_pool_destroy(struct port_pool *pool)
{
	free(pool);
}

static int listen_on(struct port_pool *pool, uint16_t port)
{
	const int on = 1;
	int fd = socket(pool->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		log_warn("ports: cannot make a socket");
		return -1;
	}
	if (pool->address.any.sa_family == AF_INET6)
		pool->address.v6.sin6_port = htons(port);
	else
		pool->address.v4.sin_port = htons(port);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, &pool->address.any, pool->address_bytes) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	log_warn("ports: %u is passed over", (unsigned)port);
	close(fd);
	return -1;
}

static bool is_free(struct port *port, uint64_t now_ms)
{
	if (port->use == PORT_USE_RESTING && now_ms >= port->rests_until_ms)
		port->use = PORT_USE_FREE;
	return port->use == PORT_USE_FREE;
}

int port_pool_take(struct port_pool *pool, uint64_t now_ms, uint16_t *ret_port)
{
	for (unsigned tried = 0; tried < pool->count; tried++) {
		unsigned index = pool->next;
		uint16_t number = (uint16_t)(pool->first + index);
		int fd;

		pool->next = (pool->next + 1) % pool->count;
		if (!is_free(&pool->ports[index], now_ms))
			continue;
		fd = listen_on(pool, number);
		if (fd < 0)
			continue;
		pool->ports[index].use = PORT_USE_TAKEN;
		*ret_port = number;
		return fd;
	}
	return -1;
}

/* NULL if it is not of the pool. */
static struct port *find(struct port_pool *pool, uint16_t port)
{
	return port >= pool->first && port - pool->first < pool->count
		   ? &pool->ports[port - pool->first]
		   : NULL;
}

bool port_pool_reserve(struct port_pool *pool, uint16_t port)
{
	struct port *entry = find(pool, port);

	if (entry == NULL || entry->use == PORT_USE_TAKEN)
		return false;
	entry->use = PORT_USE_TAKEN;
	return true;
}

void port_pool_give_back(
    struct port_pool *pool, uint16_t port, uint64_t now_ms, unsigned quarantine_ms)
{
	struct port *entry = find(pool, port);

	if (entry == NULL)
		return;
	entry->use = PORT_USE_RESTING;
	entry->rests_until_ms = now_ms + quarantine_ms;
}

struct port_pool_counts port_pool_count(struct port_pool *pool, uint64_t now_ms)
{
	struct port_pool_counts counts = {.total = pool->count};

	for (unsigned i = 0; i < pool->count; i++) {
		if (is_free(&pool->ports[i], now_ms))
			continue;
		if (pool->ports[i].use == PORT_USE_TAKEN)
			counts.used++;
		else
			counts.resting++;
	}
	return counts;
}

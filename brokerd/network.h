/* SPDX-License-Identifier: ISC */
/*
 * Addresses of the Internet Protocol and networks of them, both families in one form: an IPv4
 * address as its IPv6-mapped one. Runs in x2goweb-brokerd. Pure.
 */
#ifndef BROKERD_NETWORK_H
#define BROKERD_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETWORK_TEXT_BYTES 64

struct sockaddr;

struct ip {
	uint8_t bytes[16];
};

/* bits: of the IPv6 form. */
struct network {
	struct ip ip;
	uint8_t bits;
};

/* A number as inet_pton(3) reads it, nothing looser. False if it is none. */
bool ip_parse(const char *text, struct ip *ret_ip);
/* False for other families. */
bool ip_of_socket(const struct sockaddr *address, struct ip *ret_ip);
bool ip_is_v4(const struct ip *ip);
/* text: NETWORK_TEXT_BYTES. Returns text. */
const char *ip_print(const struct ip *ip, char *text);
/* Leaves the first bits bits of the IPv6 form, clears the others. */
void ip_mask(struct ip *ip, unsigned bits);

/* "ADDRESS/BITS" or "ADDRESS". False if it is none, or has bits set after its prefix. */
bool network_parse(const char *text, struct network *ret_network);
/* An IPv6 network has no IPv4 address, not even ::/0. */
bool network_has(const struct network *network, const struct ip *ip);
/* Whether all of inner is in outer. */
bool network_is_within(const struct network *inner, const struct network *outer);
const char *network_print(const struct network *network, char *text);

#endif

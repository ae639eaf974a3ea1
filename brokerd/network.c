/* SPDX-License-Identifier: ISC */
#include "network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool ip_is_v4(const struct ip *ip)
{
	return memcmp(ip->bytes, mapped, sizeof(mapped)) == 0;
}

static void set_v4(struct ip *ip, const void *bytes)
{
	memcpy(ip->bytes, mapped, sizeof(mapped));
	memcpy(ip->bytes + sizeof(mapped), bytes, 4);
}

bool ip_parse(const char *text, struct ip *ret_ip)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		set_v4(ret_ip, &v4);
		return true;
	}
	return inet_pton(AF_INET6, text, ret_ip->bytes) == 1;
}

bool ip_of_socket(const struct sockaddr *address, struct ip *ret_ip)
{
	const void *any = address;
	const struct sockaddr_in *v4 = any;
	const struct sockaddr_in6 *v6 = any;

	switch (address->sa_family) {
	case AF_INET:
		set_v4(ret_ip, &v4->sin_addr);
		return true;
	case AF_INET6:
		memcpy(ret_ip->bytes, &v6->sin6_addr, sizeof(ret_ip->bytes));
		return true;
	default:
		return false;
	}
}

const char *ip_print(const struct ip *ip, char *text)
{
	if (ip_is_v4(ip))
		inet_ntop(AF_INET, ip->bytes + sizeof(mapped), text, NETWORK_TEXT_BYTES);
	else
		inet_ntop(AF_INET6, ip->bytes, text, NETWORK_TEXT_BYTES);
	return text;
}

void ip_mask(struct ip *ip, unsigned bits)
{
	for (unsigned i = 0; i<sizeof(ip->bytes); i++, bits = bits> 8 ? bits - 8 : 0)
		if (bits < 8)
			ip->bytes[i] &= (uint8_t)(0xff00u >> bits);
}

/* One to three digits. */
static bool parse_bits(const char *text, unsigned max, unsigned *ret_bits)
{
	size_t length = strlen(text);

	if (length < 1 || length > 3 || strspn(text, "0123456789") != length)
		return false;
	*ret_bits = (unsigned)strtoul(text, NULL, 10);
	return *ret_bits <= max;
}

bool network_parse(const char *text, struct network *ret_network)
{
	size_t length = strcspn(text, "/");
	char address[NETWORK_TEXT_BYTES];
	struct ip masked;
	unsigned bits, max;

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = 0;
	if (!ip_parse(address, &ret_network->ip))
		return false;
	/* As it is written: an IPv6-mapped one counts its bits as IPv6 does. */
	max = strchr(address, ':') == NULL ? 32 : 128;
	bits = max;
	if (text[length] == '/' && !parse_bits(text + length + 1, max, &bits))
		return false;
	ret_network->bits = (uint8_t)(bits + 128 - max);
	masked = ret_network->ip;
	ip_mask(&masked, ret_network->bits);
	return memcmp(&masked, &ret_network->ip, sizeof(masked)) == 0;
}

static bool network_is_v4(const struct network *network)
{
	return network->bits >= 96 && ip_is_v4(&network->ip);
}

bool network_has(const struct network *network, const struct ip *ip)
{
	struct ip masked = *ip;

	if (network_is_v4(network) != ip_is_v4(ip))
		return false;
	ip_mask(&masked, network->bits);
	return memcmp(&masked, &network->ip, sizeof(masked)) == 0;
}

bool network_is_within(const struct network *inner, const struct network *outer)
{
	return inner->bits >= outer->bits && network_has(outer, &inner->ip);
}

const char *network_print(const struct network *network, char *text)
{
	bool v4 = network_is_v4(network);

	ip_print(&network->ip, text);
	snprintf(text + strlen(text), NETWORK_TEXT_BYTES - strlen(text), "/%u",
	    network->bits - (v4 ? 96u : 0u));
	return text;
}

/* SPDX-License-Identifier: ISC */
#include "ip_filter.h"

#include <string.h>

/* Ranges in which no X2Go server is meant to be: 0.0.0.0/0 does not open them. */
static const struct {
	const char *network, *why;
} special[] = {
    {"0.0.0.0/8", "is an address of no host (RFC 1122)"},
    {"127.0.0.0/8", "is a loopback address (RFC 1122)"},
    {"169.254.0.0/16", "is a link-local address, or metadata of a cloud (RFC 3927)"},
    {"100.100.100.200/32", "is metadata of a cloud (no RFC)"},
    {"168.63.129.16/32", "is metadata of a cloud (no RFC)"},
    {"192.0.0.0/24", "is reserved for protocols (RFC 6890)"},
    {"192.88.99.0/24", "is a relay of 6to4 (RFC 7526)"},
    {"198.18.0.0/15", "is reserved for benchmarks (RFC 2544)"},
    {"224.0.0.0/4", "is a multicast address (RFC 5771)"},
    {"240.0.0.0/4", "is reserved or a broadcast address (RFC 1112, RFC 919)"},
    {"::/96", "is unspecified, loopback or a compatible form of IPv4 (RFC 4291)"},
    {"64:ff9b:1::/48", "is a local translation of IPv4 (RFC 8215)"},
    {"100::/64", "is an address of no host (RFC 6666)"},
    {"fe80::/10", "is a link-local address (RFC 4291)"},
    {"fec0::/10", "is a site-local address (RFC 3879)"},
    {"ff00::/8", "is a multicast address (RFC 4291)"},
    {"fd00:ec2::/32", "is metadata of a cloud (no RFC)"},
    {"fd20:ce::/64", "is metadata of a cloud (no RFC)"},
};
#define SPECIAL_COUNT (sizeof(special) / sizeof(special[0]))

/* IPv6 addresses that hold an IPv4 address, to which their packets go in the end. Mapped ones
 * (RFC 4291) are IPv4 addresses to us from the start. */
static const struct {
	const char *network;
	unsigned at;   /* first byte of the IPv4 address */
	uint8_t xored; /* with each of its bytes */
} holders[] = {
    {"64:ff9b::/96", 12, 0},	/* NAT64, RFC 6052 */
    {"::ffff:0:0:0/96", 12, 0}, /* translated, RFC 2765 */
    {"2002::/16", 2, 0},	/* 6to4, RFC 3056 */
    {"2001::/32", 4, 0},	/* Teredo's server, RFC 4380 */
    {"2001::/32", 12, 0xff},	/* and its client */
};
#define HOLDER_COUNT (sizeof(holders) / sizeof(holders[0]))

/* ISATAP (RFC 5214): in any network, told by the bytes before the IPv4 address. */
static bool is_isatap(const struct ip *ip)
{
	return (ip->bytes[8] & 0xfc) == 0 && ip->bytes[9] == 0 && ip->bytes[10] == 0x5e &&
	       ip->bytes[11] == 0xfe;
}

static struct ip held(const struct ip *ip, unsigned at, uint8_t xored)
{
	struct ip v4 = {.bytes = {[10] = 0xff, [11] = 0xff}};

	for (unsigned i = 0; i < 4; i++)
		v4.bytes[12 + i] = ip->bytes[at + i] ^ xored;
	return v4;
}

/* NULL if ip is in no special range, or in those only in which a network lies that has it. */
static const char *check_special(const struct config_networks *networks, const struct ip *ip)
{
	for (size_t i = 0; i < SPECIAL_COUNT; i++) {
		struct network range;
		bool meant = false;

		if (!network_parse(special[i].network, &range) || !network_has(&range, ip))
			continue;
		for (size_t j = 0; j < networks->count; j++)
			if (network_is_within(&networks->items[j], &range) &&
			    network_has(&networks->items[j], ip))
				meant = true;
		if (!meant)
			return special[i].why;
	}
	return NULL;
}

const char *ip_filter_check(const struct config_networks *networks, const struct ip *ip)
{
	const char *why = check_special(networks, ip);
	bool within = false;
	struct ip v4;

	for (size_t i = 0; i < networks->count; i++)
		if (network_has(&networks->items[i], ip))
			within = true;
	for (size_t i = 0; why == NULL && i < HOLDER_COUNT; i++) {
		struct network range;

		if (!network_parse(holders[i].network, &range) || !network_has(&range, ip))
			continue;
		v4 = held(ip, holders[i].at, holders[i].xored);
		why = check_special(networks, &v4);
	}
	if (why == NULL && !ip_is_v4(ip) && is_isatap(ip)) {
		v4 = held(ip, 12, 0);
		why = check_special(networks, &v4);
	}
	if (why == NULL && !within)
		why = "is not in [other_servers] networks";
	return why;
}

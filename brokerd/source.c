/* SPDX-License-Identifier: ISC */
#include "source.h"

#include <string.h>

struct network source_of(const struct config *config, const char *client)
{
	struct network source;

	if (!ip_parse(client, &source.ip)) {
		memset(&source, 0xff, sizeof(source));
		return source;
	}
	source.bits = (uint8_t)(ip_is_v4(&source.ip) ? 96 + config->penalties.prefix4
						     : config->penalties.prefix6);
	ip_mask(&source.ip, source.bits);
	return source;
}

bool source_is_exempt(const struct config *config, const char *client)
{
	const struct config_networks *exempt = &config->penalties.exempt;
	struct ip ip;

	if (!ip_parse(client, &ip))
		return false;
	for (size_t i = 0; i < exempt->count; i++)
		if (network_has(&exempt->items[i], &ip))
			return true;
	return false;
}

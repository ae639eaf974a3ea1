// SPDX-License-Identifier: ISC
/** The web servers' snippets of packaging/, edited as their comments tell admins to. */

/** Lines of a snippet: how the first and the last of them begin, without comment signs. An only one
 * may stand alone. @typedef {[string, string?]} Lines */

/** Where they are. @param {string[]} lines @param {Lines} wanted @returns {[number, number]} */
function find(lines, [first, last = first]) {
	const begin = lines.findIndex((line) => line.startsWith(first));
	const end = lines.findIndex((line, i) => i >= begin && line.startsWith(last));
	if (begin < 0 || end < 0) throw new Error(`the snippet has no lines ${first} to ${last}`);
	return [begin, end];
}

/**
 * Takes lines out, and the comment signs off those that stand in their place then.
 * @param {string} text
 * @param {Lines[]} out
 * @param {Lines} alternative
 */
export function swap(text, out, alternative) {
	const lines = text.split("\n");
	for (const wanted of out) {
		const [begin, end] = find(lines, wanted);
		lines.splice(begin, end - begin + 1);
	}
	const bare = lines.map((line) => line.replace("#", ""));
	const [begin, end] = find(
		bare.map((line, i) => (line === lines[i] ? "" : line)),
		alternative,
	);
	return [...lines.slice(0, begin), ...bare.slice(begin, end + 1), ...lines.slice(end + 1)].join(
		"\n",
	);
}

const NGINX_SOCKET = "\tproxy_pass http://unix:";
const APACHE_SOCKETS = /** @type {Lines} */ ([
	'<LocationMatch "^/x2gows/(?<stream>',
	"</LocationMatch>",
]);

/** nginx's, with streams by ports. @param {string} text */
export const nginxByPorts = (text) =>
	swap(
		text,
		[['location ~ "^/x2gows/([0-9a-f]', NGINX_SOCKET]],
		['location ~ "^/x2gows/(20', "\tproxy_pass http://127.0.0.1"],
	);

/** Apache's, with streams by ports. @param {string} text */
export const apacheByPorts = (text) =>
	swap(text, [APACHE_SOCKETS], ['<LocationMatch "^/x2gows/(?<port>', "</LocationMatch>"]);

/** @param {string} text @param {string} place @param {string} authority */
const remote = (text, place, authority) =>
	text
		.replace("gateway.example.org:20443", place)
		.replace("/etc/ssl/certs/ca-certificates.crt", authority);

/** nginx's on another machine. @param {string} text @param {string} place of x2goweb-tls
 * @param {string} authority its certificate's */
export const nginxByTls = (text, place, authority) =>
	remote(
		swap(
			text,
			[[NGINX_SOCKET]],
			["\tproxy_pass https://gateway", "\tproxy_ssl_trusted_certificate"],
		),
		place,
		authority,
	);

/** Apache's on another machine. @param {string} text @param {string} place of x2goweb-tls
 * @param {string} authority its certificate's */
export const apacheByTls = (text, place, authority) =>
	remote(swap(text, [APACHE_SOCKETS], ["SSLProxyEngine on", "ProxyPassMatch"]), place, authority);

/** nginx's with calls by fcgiwrap. @param {string} text */
export const nginxByCgi = (text) =>
	swap(
		text,
		[["\tfastcgi_pass unix:"]],
		["\tfastcgi_pass unix:/run/fcgiwrap", "\tfastcgi_param SCRIPT_FILENAME"],
	);

/** Apache's with calls by CGI. @param {string} text */
export const apacheByCgi = (text) =>
	swap(
		text,
		[
			['<Location "/x2go/rpc/">', "</Location>"],
			['ProxyPass "/x2go/health"'],
			['ProxyPass "/x2go/metrics"'],
		],
		["ScriptAliasMatch", "</Directory>"],
	);

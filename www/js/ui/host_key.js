/* SPDX-License-Identifier: ISC */
/*
 * The question whether to trust a server's host key that nobody has vouched for: its fingerprint,
 * so that people can compare it, and two buttons, of which the safe one comes first.
 *
 * Ids: host-key-fingerprint host-key-type host-key-refuse host-key-trust
 */

import { plainLines } from "../text/foreign.js";
import { TEXT } from "../text/text.js";
import { make, spinner } from "./dom.js";
import { worded } from "./worded.js";

/** Signs that an eye compares at once. */
const GROUP = 4;

/** Names of the files that sshd keeps its keys in, by the key's type. */
const FILES = [
	{ type: /ed25519/, name: "ed25519" },
	{ type: /ecdsa/, name: "ecdsa" },
	{ type: /rsa/, name: "rsa" },
];

/** @param {{type: string, fingerprint: string}} key */
export function hostKeyFacts({ type, fingerprint }) {
	const [, hash, signs] = plainLines(fingerprint).match(/^([^:]*:)?(.*)$/s) ?? [];
	const groups = (signs ?? "").match(new RegExp(`.{1,${GROUP}}`, "gsu")) ?? [];
	const file = FILES.find((one) => one.type.test(type))?.name;
	const facts = make(
		"dl",
		{ className: "host-key" },
		worded("dt", "hostKeyFingerprint"),
		make(
			"dd",
			{},
			make(
				"code",
				{ id: "host-key-fingerprint" },
				make("span", { className: "hash", textContent: hash ?? "" }),
				...groups.map((textContent) => make("span", { textContent })),
			),
		),
		worded("dt", "hostKeyType"),
		make("dd", {}, make("code", { id: "host-key-type", textContent: plainLines(type) })),
	);
	const compare = worded("p", "hostKeyCompare", { id: "host-key-compare" });
	if (!file) return [facts, compare];
	const command = `ssh-keygen -lf /etc/ssh/ssh_host_${file}_key.pub`;
	const admin = make(
		"p",
		{ className: "hint" },
		worded("span", "hostKeyCommand"),
		make("code", { textContent: command }),
	);
	return [facts, compare, admin];
}

/** @param {(answer: string) => void} onAnswer */
export function hostKeyButtons(onAnswer) {
	const refuse = worded("button", "hostKeyRefuse", { id: "host-key-refuse", type: "button" });
	refuse.className = "primary";
	refuse.setAttribute("aria-describedby", "prompt-title host-key-fingerprint host-key-compare");
	refuse.addEventListener("click", () => onAnswer("no"));
	const trust = make(
		"button",
		{ id: "host-key-trust", type: "button" },
		spinner(),
		worded("span", "hostKeyTrust"),
	);
	trust.addEventListener("click", () => {
		refuse.dataset.stays = "";
		refuse.dataset.text = "cancel";
		refuse.textContent = TEXT.page.cancel;
		onAnswer("yes");
	});
	return [refuse, trust];
}

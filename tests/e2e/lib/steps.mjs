// SPDX-License-Identifier: ISC
/**
 * Logins that take several steps, and what a person has at hand for them: the answers that the
 * users of tests/x2gohost need, with one-time codes among them.
 */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Client } from "./rpc.mjs";

/**
 * @typedef {object} Prompt
 * @property {string} kind
 * @property {string} hop
 * @property {string} host
 * @property {string} title
 * @property {string} instruction
 * @property {string} [notice]
 * @property {{text: string, echo: boolean}[]} prompts
 * @property {{type: string, fingerprint: string}} [host_key]
 */
/** @typedef {{login: string, state: string, notice?: string, sessions: object[]} & Prompt} Step */
/** @typedef {{status: number, code: string, message: string, hop?: string, retryAfter?: number, header?: string}} Refusal */

const SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The code of this moment (RFC 6238: SHA-1, 30 s, six digits). */
export function oneTimeCode() {
	const bits = [...SECRET].map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, "0"));
	const bytes = bits.join("").match(/.{8}/g) ?? [];
	const time = Buffer.alloc(8);
	time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
	const mac = createHmac("sha1", Buffer.from(bytes.map((byte) => parseInt(byte, 2))))
		.update(time)
		.digest();
	const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
	return String(number % 1_000_000).padStart(6, "0");
}

/** A code that is wrong for certain: none of the minutes around. */
export function wrongCode() {
	return String((Number(oneTimeCode()) + 123_457) % 1_000_000).padStart(6, "0");
}

/** A person who logs in, step by step. */
export class Visitor extends Client {
	/** @param {string} call @param {object} body @returns {Promise<Step>} */
	async step(call, body) {
		const { status, json } = await this.call(call, body);
		if (status !== 200) throw new Error(`${call}: ${status} ${JSON.stringify(json)}`);
		this.login = json.login;
		return json;
	}

	/** @param {object} body over a login of alice at the server demo */
	begin(body) {
		return this.step("login", { server: "demo", user: "alice", password: "", ...body });
	}

	/** @param {string[]} answers */
	answer(...answers) {
		return this.step("answer", { login: this.login, answers });
	}

	/** A call that must not work. @param {string} call @param {object} body @returns {Promise<Refusal>} */
	async refusal(call, body) {
		const { status, headers, json } = await this.call(call, body);
		assert.ok(json.error, `${call} worked: ${JSON.stringify(json)}`);
		return {
			status,
			code: json.error.code,
			message: json.error.message,
			hop: json.error.hop,
			retryAfter: json.error.retry_after,
			header: headers["retry-after"],
		};
	}

	/** A login that must fail at once. @param {object} body as that of begin */
	refusedLogin(body) {
		return this.refusal("login", { server: "demo", user: "alice", password: "", ...body });
	}

	/** @param {string[]} answers */
	refusedAnswer(...answers) {
		return this.refusal("answer", { login: this.login, answers });
	}
}

/**
 * What the server asks now.
 * @param {Step} step
 * @returns {[text: string, echo: boolean][]}
 */
export function questions(step) {
	assert.equal(step.state, "prompt", JSON.stringify(step));
	return step.prompts.map(({ text, echo }) => [text, echo]);
}

/** @param {Step} step @param {string} kind @param {Partial<Prompt>} [more] */
export function assertPrompt(step, kind, more = {}) {
	assert.deepEqual([step.state, step.kind], ["prompt", kind], JSON.stringify(step));
	for (const [name, value] of Object.entries(more))
		assert.deepEqual(step[/** @type {keyof Step} */ (name)], value, name);
}

/** @param {Step} step */
export function assertReady(step) {
	assert.equal(step.state, "ready", JSON.stringify(step));
	assert.ok(Array.isArray(step.sessions));
}

/** @param {Refusal} refusal @param {number} status @param {string} code @param {string} [hop] */
export function assertRefused(refusal, status, code, hop) {
	assert.deepEqual([refusal.status, refusal.code, refusal.hop], [status, code, hop]);
}

// SPDX-License-Identifier: ISC
/**
 * Every way in which an X2Go server may want its users to log in: passwords, codes, several
 * methods one after the other, new passwords, the gateway's own key. Each of them right, and each
 * of them wrong.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { eventually } from "./lib/rpc.mjs";
import { brokerLogins, brokerStatus, endLogins, sessionsOf } from "./lib/status.mjs";
import { isLibraryNew, Stack } from "./lib/stack.mjs";
import {
	assertPrompt,
	assertReady,
	assertRefused,
	oneTimeCode,
	questions,
	Visitor,
	wrongCode,
} from "./lib/steps.mjs";

const stack = new Stack({
	config: (self) => {
		const here = { address: "127.0.0.1", port: String(self.sshPort) };
		return {
			"server keyed": { ...here, key: self.gatewayKey() },
			"server alone": { ...here, key: self.gatewayKey(), key_alone: "yes" },
			"server ecdsa": { ...here, key: self.gatewayKey("ecdsa"), key_alone: "yes" },
			"server rsa": { ...here, key: self.gatewayKey("rsa"), key_alone: "yes" },
			"server codes": { ...here, methods: "keyboard-interactive" },
			"server plain": { ...here, methods: "password,keyboard-interactive" },
		};
	},
});
/** The same X2Go server behind a gateway of little patience. */
const hasty = new Stack({
	hostName: stack.hostName,
	ownHost: false,
	config: { deadlines: { prompt: "6", auth: "5" } },
});
const PASSWORD = "wonderland";
/** Control characters but newline, and what turns the direction of text round. */
const UNCLEAN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

before(async () => {
	await stack.start();
	hasty.sshPort = stack.sshPort;
});
afterEach(() => assertNothingLeft());
after(async () => {
	await hasty.stop();
	await stack.stop();
});

async function assertNothingLeft(where = stack) {
	if (!where.broker?.running) return;
	await endLogins(where);
	await eventually(
		async () =>
			(await brokerStatus(where)).uids_used === 0 &&
			sessionsOf(where.broker?.pid ?? 0).length === 0,
		"no login, no process",
	);
}

/** In, a look around, out. @param {Visitor} visitor @param {import("./lib/steps.mjs").Step} step */
async function assertIn(visitor, step) {
	assertReady(step);
	assert.deepEqual(await visitor.sessions(), []);
	await visitor.ok("logout");
}

/** A login that needs no answer. @param {object} body */
async function straightIn(body) {
	const visitor = new Visitor(stack);
	const step = await visitor.begin({ password: PASSWORD, ...body });
	await assertIn(visitor, step);
	return step;
}

/** @param {object} body @param {number} status @param {string} code */
async function refused(body, status, code) {
	const visitor = new Visitor(stack);
	const refusal = await visitor.refusedLogin({ password: PASSWORD, ...body });
	assertRefused(refusal, status, code);
	assert.equal(visitor.cookie, "");
	return refusal;
}

test("a password", async () => {
	await straightIn({});
});

test("a password that the page did not ask for yet", async () => {
	const visitor = new Visitor(stack);
	const prompt = await visitor.begin({});
	assertPrompt(prompt, "password", {
		hop: "server",
		host: `[127.0.0.1]:${stack.sshPort}`,
		prompts: [],
	});
	assert.notEqual(visitor.cookie, "");
	await assertIn(visitor, await visitor.answer(PASSWORD));
});

test("a password and a code, in two rounds", async () => {
	const visitor = new Visitor(stack);
	const prompt = await visitor.begin({ user: "code", password: PASSWORD });
	assertPrompt(prompt, "questions", { hop: "server" });
	assert.deepEqual(questions(prompt), [["Verification code: ", false]]);
	await assertIn(visitor, await visitor.answer(oneTimeCode()));
});

test("the server's own question for the password", async () => {
	const visitor = new Visitor(stack);
	assert.deepEqual(questions(await visitor.begin({ user: "code" })), [["Password: ", false]]);
	assert.deepEqual(questions(await visitor.answer(PASSWORD)), [["Verification code: ", false]]);
	await assertIn(visitor, await visitor.answer(oneTimeCode()));
});

test("a password, then a code by another method", async () => {
	const visitor = new Visitor(stack);
	const prompt = await visitor.begin({ user: "twostep", password: PASSWORD });
	assert.deepEqual(questions(prompt), [["Verification code: ", false]]);
	await assertIn(visitor, await visitor.answer(oneTimeCode()));
});

test("a password by two methods", async () => {
	const visitor = new Visitor(stack);
	let step = await visitor.begin({ user: "twice", password: PASSWORD });
	if (step.state === "prompt") {
		assert.deepEqual(questions(step), [["Password: ", false]]);
		step = await visitor.answer(PASSWORD);
	}
	await assertIn(visitor, step);
});

test("what the server says is shown as text: banner, messages, questions, the last word", async () => {
	const visitor = new Visitor(stack);
	const code = await visitor.begin({ user: "rounds", password: "not asked for yet" });
	const [[text, echo], ...more] = questions(code);
	assert.deepEqual(more, []);
	assert.equal(echo, true);
	assert.match(
		text,
		/^Maintenance on Sunday\.\nBring .*coffee.*, not tea\.\nVerification code: $/,
	);
	assert.equal(code.notice, isLibraryNew() ? "Only for friends & <family>." : undefined);
	const password = await visitor.answer(oneTimeCode());
	assert.deepEqual(questions(password), [["The code was right.\nPassword: ", false]]);
	const ready = await visitor.answer(PASSWORD);
	// sshd says by a banner what PAM has to say in the end.
	assert.equal(ready.notice, isLibraryNew() ? "Your last visit was on a Tuesday." : undefined);
	for (const step of [code, password, ready])
		for (const words of [
			step.notice,
			step.title,
			step.instruction,
			...(step.prompts ?? []).map((each) => each.text),
		])
			assert.doesNotMatch(words ?? "", UNCLEAN);
	await assertIn(visitor, ready);
});

test("a server that has nothing to ask, but something to say", async () => {
	const { notice } = await straightIn({ user: "text" });
	assert.match(notice ?? "", isLibraryNew() ? /^Maintenance on Sunday\.$/m : /^$/);
});

test("an expired password is changed on the way", async () => {
	const visitor = new Visitor(stack);
	const current = await visitor.begin({ user: "renew", password: PASSWORD });
	const [[text, echo]] = questions(current);
	assert.match(text, /required to change your password[^]*\nCurrent password: $/);
	assert.equal(echo, false);
	assert.match(questions(await visitor.answer(PASSWORD))[0][0], /New password: $/);
	assert.match(questions(await visitor.answer("Xylophone-77"))[0][0], /Retype new password: $/);
	await assertIn(visitor, await visitor.answer("Xylophone-77"));
	await refused({ user: "renew" }, 401, "auth_failed");
	await straightIn({ user: "renew", password: "Xylophone-77" });
});

/** What becomes of these answers for renew. @param {string[]} answers */
async function renewWith(...answers) {
	const visitor = new Visitor(stack);
	await visitor.begin({ user: "renew", password: PASSWORD });
	let last;
	for (const answer of answers)
		last = await visitor.call("answer", { login: visitor.login, answers: [answer] });
	if (!last) throw new Error("no answers");
	return last;
}

test("an expired password that is not changed stays expired", async () => {
	await stack.host("exec", "sh", "-c", "echo renew:wonderland | chpasswd; chage -d 0 renew");
	const wrong = await renewWith("wrong");
	assert.deepEqual([wrong.status, wrong.json.error.code], [401, "auth_failed"]);
	const different = await renewWith(PASSWORD, "Xylophone-78", "Xylophone-79");
	assert.deepEqual([different.status, different.json.error.code], [403, "account_refused"]);
	assert.match(different.json.error.message, /do not match/);
	const short = await renewWith(PASSWORD, "abc", "abc");
	assert.match(questions(short.json)[0][0], /must choose a longer password[^]*New password: $/);
	await assertNothingLeft();
	const visitor = new Visitor(stack);
	assert.match(
		questions(await visitor.begin({ user: "renew", password: PASSWORD }))[0][0],
		/required to change/,
	);
	await visitor.ok("logout");
});

test("an expired password where the server cannot ask for a new one is named", async () => {
	await refused({ user: "expired" }, 403, "password_expired");
	await refused({ user: "renew", server: "plain" }, 403, "password_expired");
});

test("an expired account is named, but only to who knows the password", async () => {
	await refused({ user: "locked" }, 403, "account_refused");
	await refused({ user: "locked", password: "wrong" }, 401, "auth_failed");
});

test("accounts that may not run commands are told so", async () => {
	for (const user of ["nologin", "forced", "sftponly"])
		await refused({ user }, 403, "commands_denied");
});

test("the gateway's key, where the configuration lets it in alone", async () => {
	for (const server of ["alone", "ecdsa"])
		await straightIn({ server, user: "keyonly", password: "" });
	const rsa = { server: "rsa", user: "keyonly", password: "" };
	await (isLibraryNew() ? straightIn(rsa) : refused(rsa, 502, "method_missing"));
});

test("the gateway's key is not enough where the configuration does not say so", async () => {
	await refused({ server: "keyed", user: "keyonly" }, 403, "key_alone");
	await refused({ server: "keyed", user: "keyonly", password: "" }, 403, "key_alone");
});

test("without a key there is no way in for those who need one", async () => {
	for (const user of ["keyonly", "keycode", "keypass"])
		await refused({ user }, 502, "method_missing");
});

test("the gateway's key, then a code that is shown", async () => {
	const visitor = new Visitor(stack);
	const prompt = await visitor.begin({ server: "keyed", user: "keycode" });
	assert.deepEqual(questions(prompt), [["Verification code: ", true]]);
	await assertIn(visitor, await visitor.answer(oneTimeCode()));
});

test("the gateway's key, then a password", async () => {
	await straightIn({ server: "keyed", user: "keypass" });
	const visitor = new Visitor(stack);
	assertPrompt(await visitor.begin({ server: "keyed", user: "keypass" }), "password");
	await assertIn(visitor, await visitor.answer(PASSWORD));
});

test("key or password, then a code", async () => {
	for (const server of ["keyed", "demo"]) {
		const visitor = new Visitor(stack);
		const prompt = await visitor.begin({ server, user: "either", password: PASSWORD });
		assert.deepEqual(questions(prompt), [["Verification code: ", false]], server);
		await assertIn(visitor, await visitor.answer(oneTimeCode()));
	}
});

test("a key that the account does not trust is no obstacle", async () => {
	await straightIn({ server: "keyed" });
});

test("the admin's list of methods counts", async () => {
	await refused({ server: "codes" }, 502, "method_missing");
	const visitor = new Visitor(stack);
	await visitor.begin({ server: "codes", user: "code", password: PASSWORD });
	await assertIn(visitor, await visitor.answer(oneTimeCode()));
});

test("what is wrong is not told, whatever it is", async () => {
	const texts = new Set();
	// The server takes its time for each, and lets nobody wait while they are less than ten.
	const passwords = [
		{ password: "looking-glass" },
		{ user: "nobody-here" },
		{ user: "code", password: "looking-glass" },
		{ user: "twostep", password: "looking-glass" },
		{ user: "twice", password: "looking-glass" },
		{ user: "renew", password: "looking-glass" },
		{ server: "keyed", user: "keypass", password: "looking-glass" },
		{ server: "keyed", user: "nobody-here" },
	].map(async (body) => {
		const visitor = new Visitor(stack);
		let { status, json } = await visitor.call("login", {
			server: "demo",
			user: "alice",
			password: PASSWORD,
			...body,
		});
		// Whether the first of two secrets was wrong is the server's to tell: PAM asks for the code first.
		if (json.state === "prompt")
			({ status, json } = await visitor.call("answer", {
				login: json.login,
				answers: [oneTimeCode()],
			}));
		assert.deepEqual([status, json.error?.code], [401, "auth_failed"], JSON.stringify(body));
		texts.add(json.error.message);
	});
	await Promise.all(passwords);
	const codes = [
		["demo", "code"],
		["demo", "twostep"],
		["keyed", "keycode"],
		["keyed", "either"],
	].map(async ([server, user]) => {
		const visitor = new Visitor(stack);
		questions(await visitor.begin({ server, user, password: PASSWORD }));
		const refusal = await visitor.refusedAnswer(wrongCode());
		assertRefused(refusal, 401, "auth_failed");
		texts.add(refusal.message);
	});
	await Promise.all(codes);
	assert.equal(texts.size, 1, [...texts].join("\n"));
});

test("a wrong password is tried once, not by every method", async () => {
	const before = stack.hostLog().length;
	await refused({ user: "renew", password: "looking-glass" }, 401, "auth_failed");
	const tries =
		stack
			.hostLog()
			.slice(before)
			.match(/failure for renew |^Failed password for renew /gm) ?? [];
	assert.equal(tries.length, 1, tries.join("\n"));
});

test("as many answers as questions, and nothing else meanwhile", async () => {
	const visitor = new Visitor(stack);
	await visitor.begin({ user: "code", password: PASSWORD });
	for (const answers of [[], ["1", "2"], Array(16).fill("x")])
		assertRefused(
			await visitor.refusal("answer", { login: visitor.login, answers }),
			400,
			"bad_request",
		);
	for (const call of ["sessions", "applications"]) {
		const refusal = await visitor.refusal(call, { login: visitor.login });
		assertRefused(refusal, 409, "session_busy");
	}
	const stranger = new Visitor(stack);
	assertRefused(
		await stranger.refusal("answer", { login: visitor.login, answers: ["1"] }),
		401,
		"not_logged_in",
	);
	await assertIn(visitor, await visitor.answer(oneTimeCode()));
	assertRefused(
		await visitor.refusal("answer", { login: visitor.login, answers: ["1"] }),
		401,
		"not_logged_in",
	);
});

test("an answer that nobody asked for is refused", async () => {
	const visitor = new Visitor(stack);
	await visitor.begin({ password: PASSWORD });
	const { status } = await visitor.refusal("answer", { login: visitor.login, answers: ["yes"] });
	assert.ok(status >= 400 && status < 500);
	assert.deepEqual(await visitor.sessions(), []);
	await visitor.ok("logout");
});

test("cancelled at a question: gone at once", async () => {
	const visitor = new Visitor(stack);
	await visitor.begin({ user: "code", password: PASSWORD });
	const [{ pid }] = await brokerLogins(stack);
	assert.ok(pid);
	const { login, cookie } = visitor;
	await visitor.ok("logout");
	await assertNothingLeft();
	visitor.cookie = cookie;
	assertRefused(await visitor.refusal("answer", { login, answers: ["1"] }), 401, "not_logged_in");
});

test("cancelled while the server thinks about an answer", async () => {
	const visitor = new Visitor(stack);
	assert.deepEqual(questions(await visitor.begin({ user: "hang" })), [["Password: ", false]]);
	const other = new Visitor(stack);
	Object.assign(other, { login: visitor.login, cookie: visitor.cookie });
	const from = stack.broker?.log.length;
	const answer = visitor.refusal("answer", { login: visitor.login, answers: [PASSWORD] });
	// The answer has to be on its way, or the question would be cancelled.
	await stack.broker?.waitFor(/login: prompting -> opening/, { from });
	await other.ok("logout");
	// Not what the server would have been given up for later.
	assertRefused(await answer, 409, "logout");
});

test("a question that nobody answers ends the login, the user's time is not the server's", async () => {
	await hasty.start();
	const slow = new Visitor(hasty);
	const late = new Visitor(hasty);
	await slow.begin({ user: "code", password: PASSWORD });
	await late.begin({ user: "code", password: PASSWORD });
	const { login, cookie } = late;
	// Longer than auth, shorter than prompt: it is this time that is tested.
	await new Promise((resolve) => setTimeout(resolve, 5200));
	assertReady(await slow.answer(oneTimeCode()));
	await slow.ok("logout");
	await eventually(async () => (await brokerLogins(hasty)).length === 0, "given up");
	Object.assign(late, { login, cookie });
	const { status, json } = await late.call("answer", { login, answers: [oneTimeCode()] });
	assert.match(`${status} ${json.error.code}`, /^(408 prompt_timeout|401 not_logged_in)$/);
	await assertNothingLeft(hasty);
});

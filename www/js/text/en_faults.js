/* SPDX-License-Identifier: ISC */
/*
 * What went wrong, by code, and what the user can do now ("" where there is nothing). The codes are
 * those of docs/errors.md and, at the end, those that the page finds itself; a test compares.
 */

/** @type {Record<string, {what: string, now: string}>} */
export const enFaults = {
	bad_request: {
		what: "The gateway did not understand this page.",
		now: "Reload the page; it may be older than the gateway.",
	},
	too_large: {
		what: "That was more than the gateway takes at once.",
		now: "Shorten what you entered.",
	},
	bad_origin: {
		what: "The gateway does not take this page for its own.",
		now: "Open it by the address that your administrator gave you.",
	},
	unsupported_media_type: {
		what: "Something on the way changes what this page sends.",
		now: "Try another network, or tell your administrator.",
	},
	method_not_allowed: {
		what: "The gateway does not know this request.",
		now: "Reload the page; it may be older than the gateway.",
	},
	not_found: {
		what: "The gateway does not know this request.",
		now: "Reload the page; it may be older than the gateway.",
	},
	not_logged_in: { what: "Your login has ended.", now: "Please log in again." },
	auth_failed: {
		what: "The user name or the password is wrong.",
		now: "",
	},
	server_not_allowed: {
		what: "This gateway does not lead to that server.",
		now: "Choose another one.",
	},
	host_unreachable: {
		what: "The server cannot be reached.",
		now: "It may be switched off. Try again in a while, or tell your administrator.",
	},
	host_timeout: {
		what: "The server does not answer.",
		now: "Try again in a while, or tell your administrator.",
	},
	host_key_unknown: {
		what: "The gateway does not know this server yet and so does not trust it.",
		now: "Tell your administrator: the server's host key is missing.",
	},
	host_key_changed: {
		what: "The server shows another host key than before. Your password was not sent to it.",
		now: "Tell your administrator before you try again.",
	},
	host_refused: {
		what: "The server takes no connections from this gateway at the moment.",
		now: "Try again in a few minutes.",
	},
	x2go_missing: {
		what: "X2Go is not installed on this server.",
		now: "Choose another server, or tell your administrator.",
	},
	x2go_fault: {
		what: "X2Go does not work properly on this server.",
		now: "Tell your administrator.",
	},
	desktop_missing: {
		what: "That desktop or program is not installed on this server.",
		now: "Choose another one.",
	},
	session_limit: {
		what: "You have as many sessions as this server allows.",
		now: "Resume one of them, or terminate one that you do not need.",
	},
	no_such_session: {
		what: "This session does not exist any more.",
		now: "Choose another one, or start a new one.",
	},
	session_busy: {
		what: "Something else is being done with your sessions.",
		now: "Try again in a moment.",
	},
	start_failed: {
		what: "The desktop could not be started.",
		now: "Try again or choose another desktop.",
	},
	resume_failed: {
		what: "The session could not be resumed.",
		now: "Try again. If that does not help, terminate it and start a new one.",
	},
	forwarding_denied: {
		what: "This server does not let its desktops' screens out.",
		now: "Tell your administrator: port forwarding is switched off there.",
	},
	agent_lost: {
		what: "The session's screen on the server has stopped.",
		now: "Look in the session list whether the session is still there.",
	},
	ssh_lost: {
		what: "The gateway has lost its connection to the server.",
		now: "Your programs go on as long as the server runs. Log in again to go on working.",
	},
	too_many_logins: { what: "The gateway is full at the moment.", now: "Try again in a while." },
	layout_unknown: {
		what: "The server does not know this keyboard layout.",
		now: "Choose another one; the keyboard is as it was.",
	},
	draining: {
		what: "The gateway is being serviced and takes no new logins at the moment.",
		now: "Your sessions on the server go on. Log in again in a few minutes.",
	},
	renewed: {
		what: "The gateway was renewed since you logged in.",
		now: "Your desktop goes on. Log in again for anything else.",
	},
	broker_unavailable: { what: "The gateway is not ready yet.", now: "Try again in a moment." },
	internal: {
		what: "Something went wrong in the gateway.",
		now: "Try again. If it happens again, tell your administrator.",
	},
	timeout: {
		what: "This took too long and was given up.",
		now: "The server may be busy. Try again in a while.",
	},
	suspended: { what: "The session was suspended.", now: "You can resume it at any time." },
	terminated: { what: "The session was terminated.", now: "" },
	logout: { what: "You have logged out.", now: "" },
	replaced: {
		what: "The session was opened in another window or on another machine.",
		now: "Resuming it brings it back here.",
	},
	lagging: {
		what: "The network was too slow for the picture.",
		now: "Resume the session; a smaller screen needs less of the network.",
	},
	ended: { what: "The session was closed on the server.", now: "" },
	killed: {
		what: "An administrator has ended your login.",
		now: "Your programs go on; log in again when you may.",
	},
	idle: {
		what: "You were away for so long that your login has ended.",
		now: "Your programs go on. Log in again to go on working.",
	},
	too_many_attempts: {
		what: "Too many logins from your network have failed.",
		now: "Wait a moment before you try again.",
	},
	host_key_revoked: {
		what: "The server shows a host key that has been declared invalid. Nothing was sent to it.",
		now: "Tell your administrator at once: somebody may be answering in the server's place.",
	},
	host_key_refused: {
		what: "You did not trust the server's key, so nothing was sent to it.",
		now: "Ask your administrator for the right fingerprint, then log in again.",
	},
	prompt_timeout: {
		what: "The question was not answered in time, so the login was ended.",
		now: "Log in again, with everything at hand that you are asked for.",
	},
	method_missing: {
		what: "The server offers no way of logging in that this gateway can use.",
		now: "Tell your administrator.",
	},
	account_refused: {
		what: "The server does not let this account in.",
		now: "It may be locked or have expired: ask your administrator.",
	},
	password_expired: {
		what: "Your password has expired and cannot be changed here.",
		now: "Change it in another way, or ask your administrator; then log in again.",
	},
	login_expired: {
		what: "You have been logged in for as long as the gateway allows.",
		now: "Your programs go on. Log in again to go on working.",
	},
	key_alone: {
		what: "The server would let you in without asking you for anything, which this gateway does not allow.",
		now: "Tell your administrator.",
	},
	jump_refused: {
		what: "The jump host does not let the gateway through to the server.",
		now: "Tell your administrator.",
	},
	commands_denied: {
		what: "This account may not run programs on the server.",
		now: "Tell your administrator.",
	},
	not_showable: {
		what: "This session cannot be shown in the browser.",
		now: "Open it with a native X2Go client.",
	},

	unreachable: {
		what: "The gateway cannot be reached.",
		now: "Check your network and try again.",
	},
	gateway_fault: { what: "The gateway is out of order.", now: "Try again in a while." },
	answer_refused: {
		what: "The login was refused: the user name, the password or an answer is wrong.",
		now: "",
	},
	unexpected_login: { what: "The server asks for more than this page can answer.", now: "" },
	page_fault: {
		what: "Something went wrong in this page.",
		now: "Reload it and try again.",
	},
	connect_failed: {
		what: "The session's screen could not be connected.",
		now: "Your programs go on. Try again.",
	},
	suspended_away: {
		what: "The session was suspended while the connection was lost.",
		now: "Your programs go on. What you typed meanwhile did not arrive.",
	},
	connection_lost: {
		what: "The connection was lost.",
		now: "Your programs go on. Check your network and try again.",
	},
	bad_stream: {
		what: "The picture that came from the server makes no sense.",
		now: "Your programs go on. Try again.",
	},
};

/** What reads otherwise where it happened at the jump host, before the server was reached.
 * @type {Record<string, {what: string, now: string}>} */
export const enJumpFaults = {
	auth_failed: {
		what: "The user name or the password for the jump host is wrong.",
		now: "",
	},
	answer_refused: {
		what: "The jump host refused the login: the user name, the password or an answer is wrong.",
		now: "",
	},
	server_not_allowed: {
		what: "This gateway does not go through that jump host.",
		now: "Choose another one.",
	},
	host_unreachable: {
		what: "The jump host cannot be reached.",
		now: "It may be switched off. Try again in a while, or tell your administrator.",
	},
	host_timeout: {
		what: "The jump host does not answer.",
		now: "Try again in a while, or tell your administrator.",
	},
	host_key_unknown: {
		what: "The gateway does not know the jump host yet and so does not trust it.",
		now: "Tell your administrator: the jump host's host key is missing.",
	},
	host_key_changed: {
		what: "The jump host shows another host key than before. Your password was not sent to it.",
		now: "Tell your administrator before you try again.",
	},
	host_key_revoked: {
		what: "The jump host shows a host key that has been declared invalid. Nothing was sent to it.",
		now: "Tell your administrator at once: somebody may be answering in the jump host's place.",
	},
	host_key_refused: {
		what: "You did not trust the jump host's key, so nothing was sent to it.",
		now: "Ask your administrator for the right fingerprint, then log in again.",
	},
	host_refused: {
		what: "The jump host takes no connections from this gateway at the moment.",
		now: "Try again in a few minutes.",
	},
	prompt_timeout: {
		what: "The jump host's question was not answered in time, so the login was ended.",
		now: "Log in again, with everything at hand that you are asked for.",
	},
	method_missing: {
		what: "The jump host offers no way of logging in that this gateway can use.",
		now: "Tell your administrator.",
	},
	account_refused: {
		what: "The jump host does not let this account in.",
		now: "It may be locked or have expired: ask your administrator.",
	},
	password_expired: {
		what: "Your password on the jump host has expired and cannot be changed here.",
		now: "Change it in another way, or ask your administrator; then log in again.",
	},
	key_alone: {
		what: "The jump host would let you in without asking you for anything, which this gateway does not allow.",
		now: "Tell your administrator.",
	},
	jump_refused: enFaults.jump_refused,
	ssh_lost: {
		what: "The gateway has lost its connection to the jump host.",
		now: "Your programs go on as long as the server runs. Log in again to go on working.",
	},
	timeout: {
		what: "The jump host took too long, and the login was given up.",
		now: "Try again in a while.",
	},
};

/* SPDX-License-Identifier: ISC */
/*
 * Everything that the page says, in English. The other languages have the same entries: tsc and a
 * test compare them. Entries under `page` stand in index.html, whose elements name them in
 * data-text, data-text-title and data-text-label.
 */

import { enFaults, enJumpFaults } from "./en_faults.js";
import { enHelp } from "./en_help.js";
import { enKeyNames, enLayouts } from "./en_keys.js";
import { ago, duration, number, wait } from "./units.js";

/** @typedef {import("../types.js").SessionRow} SessionRow */

/** @type {Record<SessionRow["status"], string>} */
const STATUS = {
	starting: "Starting",
	running: "Running",
	suspended: "Suspended",
	terminating: "Ending",
	terminated: "Ended",
};

/** @type {Record<Exclude<SessionRow["kind"], "desktop">, string>} */
const NOT_HERE = {
	application:
		"A single application, begun with the X2Go client. This page shows whole desktops: go on in that client, or end it here.",
	nx: "An NX session, which browsers cannot show. Go on in the X2Go client, or end it here.",
	other: "A kind of session that browsers cannot show. Go on where it was begun, or end it here.",
};

/** Groups of applications, by the main categories of desktop files. @type {Record<string, string>} */
const GROUPS = {
	AudioVideo: "Sound and video",
	Audio: "Sound and video",
	Video: "Sound and video",
	Development: "Development",
	Education: "Education",
	Game: "Games",
	Graphics: "Graphics",
	Network: "Internet",
	Office: "Office",
	Science: "Science",
	Settings: "Settings",
	System: "System",
	Utility: "Accessories",
};

const NATIVE_FAULTS = {
	host: "the server's name is not valid.",
	user: "the user name has signs that are not allowed.",
	desktop: "the desktop's name is not valid.",
	jumpHost: "the jump host or its user name is not valid.",
	number: "a size or port is out of range.",
};

/** What is not as usual. @param {import("../types.js").StartOptions} options */
function optionsChosen({ clipboard, quality, dpi }) {
	const ways = { client: "into the session", server: "out of the session", none: "off" };
	return [
		clipboard && clipboard !== "both" ? `clipboard ${ways[clipboard]}` : "",
		quality === undefined ? "" : `quality ${quality}`,
		dpi === undefined ? "" : `${dpi} DPI`,
	].filter(Boolean);
}

export const en = {
	page: {
		logOut: "Log out",
		logIn: "Log in",
		lead: "Your desktop on the server, in this window.",
		server: "Server",
		otherServer: "Name of the server, or name:port",
		userName: "User name",
		password: "Password",
		desktop: "Desktop",
		jumpHostLogin: "Log in through a jump host",
		jumpHost: "Jump host",
		jumpHostUser: "User name on the jump host",
		jumpHostPassword: "Password on the jump host",
		jumpHint: "Left empty: the same user name, and the password is asked for if it is needed.",
		connect: "Connect",
		yourSessions: "Your sessions",
		refresh: "Refresh",
		noSessions: "No session is open.",
		newSession: "New session",
		start: "Start",
		applications: "Applications",
		findApplication: "Find an application",
		kioskFullscreen: "Use the whole screen",
		nativeClient: "Use the X2Go client on this computer",
		nativeHint:
			"Fill in server, user and desktop above. You get a file that an installed X2Go client opens; it asks for your password itself.",
		nativeKind: "Kind of session",
		nativeKdrive: "KDrive: opens here as well",
		nativeNx: "NX: for the client alone",
		nativeSize: "Size",
		nativeFullscreen: "Full screen",
		nativeFile: "Get the session file",
		clipboard: "Clipboard",
		close: "Close",
		adminMessage: "From your administrator",
		connecting: "Logging in …",
		language: "Language",
		pin: "Keep bar",
		pinTitle: "Keep the bar above the screen, or let it hide at the edge",
		showBar: "Show the bar",
		keys: "Keys",
		keyboard: "Keyboard",
		writing: "On-screen keyboard, input methods",
		options: "Options",
		optionQuality: "Picture quality",
		optionDpi: "Size of letters (DPI)",
		optionsHint: "For every session that you start or resume on this server.",
		heldKeys: "Hold for the next key",
		keptKeys: "Send to the session",
		plainKeys: "Other keys",
		functionKeys: "Function keys",
		textInput: "Text for the session",
		size: "Size",
		detach: "Detach",
		help: "Help",
		more: "More",
		statistics: "Statistics",
		fullScreen: "Full screen",
		suspend: "Suspend",
		disconnect: "Disconnect",
		terminate: "Terminate",
		screenSize: "Size of the screen",
		screenPixels: "Pixels",
		screenWidth: "Width",
		screenHeight: "Height",
		apply: "Apply",
		screenZoom: "Shown",
		zoomFit: "as large as the window",
		zoomActual: "pixel for pixel",
		screenSharp: "Use every pixel of this display",
		screenSharpHint:
			"Sharper on fine displays. Letters get their right size when a session is started.",
		cancel: "Cancel",
		goOn: "Continue",
		answer: "Answer",
		newPassword: "New password",
		newPasswordAgain: "New password again",
		hostKeyFingerprint: "Fingerprint of its key",
		hostKeyType: "Kind of key",
		hostKeyCompare:
			"Nobody has vouched for this key yet. Compare the fingerprint with one that your administrator gave you, not by this page. If a single sign differs, do not connect: somebody else may be answering.",
		hostKeyCommand: "On the host itself, an administrator gets it with",
		hostKeyRefuse: "Do not connect",
		hostKeyTrust: "Trust for this login",
		reconnectTitle: "Connection lost",
		reconnectHint: "Trying to reconnect. What you type is kept until then.",
		reconnectNow: "Try now",
		reconnectLeave: "Leave",
		sessionList: "Session list",
		logInAgain: "Log in again",
		refreshTitle: "Look again",
		suspendTitle: "Close the screen; programs go on",
		disconnectTitle: "Back to the sessions",
		terminateTitle: "Close all programs of the session",
		session: "Session",
		sessionControls: "Session controls",
		clipboardAllow: "Allow reading",
		clipboardText: "Text from the desktop",
		clipboardSave: "Save picture",
		clipboardSend: "Send to desktop",
		clipboardCopy: "Copy",
		clipboardSelected: "Selected on the desktop",
		screen: "Remote desktop. Press Control, Alt and Shift together to leave it for the controls.",
	},

	layouts: enLayouts,
	keyNames: enKeyNames,
	automaticLayout: (/** @type {string} */ layout) => `Automatic: ${layout}`,
	keysLocked: "All keys go to the session. Hold Esc to leave full screen.",

	retryAfter: (/** @type {number} */ seconds) => `Try again in ${wait("en", seconds)}.`,
	httpStatus: (/** @type {number} */ status) => `status ${status}`,
	desktopNotInstalled: (/** @type {string} */ desktop) =>
		`${desktop} is not installed on this server. Choose another desktop.`,
	otherServer: "Another server …",
	passwordInAddress:
		"The address held a password. It was not used and is gone from the address bar, but it may stand in histories and logs: please change it.",
	unknownServer: (/** @type {string} */ server) =>
		`The address asks for the server “${server}”, which this gateway does not offer.`,
	unknownDesktop: (/** @type {string} */ desktop) =>
		`The address asks for the desktop “${desktop}”, which is not offered. Choose another one.`,
	nativeFault: (/** @type {"host" | "user" | "desktop" | "jumpHost" | "number"} */ field) =>
		`No file can be made: ${NATIVE_FAULTS[field]}`,

	jumpLogin: (/** @type {string} */ jump) => `Your login on the jump host ${jump}`,
	retryIn: (/** @type {number} */ seconds) =>
		seconds < 90 ? `Try again in ${seconds} s` : `Try again in ${Math.ceil(seconds / 60)} min`,
	retryNow: "You can try again now.",
	promptFrom: {
		server: (/** @type {string} */ host) => `Server ${host}`,
		jump: (/** @type {string} */ host) => `Jump host ${host}`,
	},
	/* By kind, where the server has no title of its own. */
	promptTitle: {
		questions: { server: "One more step", jump: "One more step" },
		password: { server: "Your password", jump: "Your password on the jump host" },
		new_password: {
			server: "Choose a new password",
			jump: "Choose a new password for the jump host",
		},
		host_key: { server: "Do you trust this server?", jump: "Do you trust this jump host?" },
	},
	passwordsDiffer: "The two new passwords differ. Type the new one twice.",
	answerTooLong: "That is longer than any server takes.",
	answering: "Checking your answer …",
	comingBack: "Back to your sessions …",
	loginCancelled: "Login cancelled.",
	authenticating: (/** @type {string} */ server) => `Logging in to ${server} …`,
	starting: (/** @type {string} */ desktop) => `Starting ${desktop} …`,
	startingHint: "The server prepares your desktop. This takes a few seconds.",
	resuming: (/** @type {string} */ desktop) => `Resuming ${desktop} …`,
	reconnecting: "Connection lost. Trying to reconnect. What you type is kept until then.",
	reconnected: "The connection is back.",
	reconnectedWithout:
		"The connection is back. What you typed meanwhile did not arrive: the session was open elsewhere.",
	resumingHint: "Your programs are still there; the server brings back their screen.",
	running: (/** @type {string} */ desktop, /** @type {string} */ server) =>
		`Connected to ${desktop} on ${server}.`,
	barHides:
		"The bar hides. Rest the pointer at the top edge, or press Ctrl+Alt+Shift, to get it back.",
	barHidesTouch: "The bar hides. Press the handle at the top edge to get it back.",
	progressSteps: [
		"The server opens your session",
		"The screen is connected",
		"The first picture",
	],
	waited: (/** @type {number} */ seconds) => `Waiting for ${duration("en", seconds)}.`,
	takesLong: "This takes longer than usual; the server may be busy.",
	statsGraph: (/** @type {number} */ now, /** @type {number} */ most) =>
		`Pictures a second in the last minute: ${number("en", now)} now, ${number("en", most)} at most.`,
	working: "Just a moment …",

	status: (/** @type {SessionRow["status"]} */ status) => STATUS[status] ?? status,
	notHere: (/** @type {SessionRow["kind"]} */ kind) => (kind === "desktop" ? "" : NOT_HERE[kind]),
	sessionDetails: (/** @type {SessionRow} */ row) =>
		`Display\u00a0${row.display} on ${row.server}, started ${ago("en", row.age)}`,
	continueHere: "Continue where you left off",
	resume: "Resume",
	takeOver: "Take over",
	suspend: "Suspend",
	terminate: "Terminate",
	nativeFile: "File for the X2Go client",
	cancel: "Cancel",
	actionOn: (/** @type {string} */ action, /** @type {string} */ desktop) =>
		`${action} ${desktop}`,

	terminateTitle: (/** @type {string} */ desktop) => `Terminate ${desktop}?`,
	terminateText: "All programs in this session are closed. What is not saved is lost.",
	takeOverTitle: (/** @type {string} */ desktop) => `Take over ${desktop}?`,
	takeOverText: "If the session is open somewhere else, it closes there and opens here.",

	/* The clipboard's panel. Hints go by what the browser lets the page read. */
	clipboardHint: {
		granted: "Copy and paste as usual, here and on the desktop.",
		prompt: "Copy and paste with the usual keys. If you allow reading, the menus of the desktop's programs can paste as well.",
		denied: "Copy and paste with the usual keys. For pasting from menus on the desktop, allow this page to read the clipboard in your browser's settings.",
		unsupported:
			"Copy and paste with the usual keys. Before you paste from a menu on the desktop, put the text here and send it.",
	},
	/* Where the session has it one way only. */
	clipboardOneWay: {
		client: "In this session the clipboard goes one way: what you copy here can be pasted on the desktop, nothing comes back.",
		server: "In this session the clipboard goes one way: what is copied on the desktop comes here, nothing goes in.",
		none: "The clipboard is switched off for this session. You can change that in the options of the session list; then resume the session.",
	},
	clipboardTextIn: "Text for the desktop",
	clipboardDirections: {
		both: "Both ways",
		client: "Only into the session",
		server: "Only out of the session",
		none: "Off",
	},
	qualityUsual: "As the server has it",
	qualityMost: (/** @type {number} */ quality) => `${quality}: best`,
	qualityLeast: (/** @type {number} */ quality) => `${quality}: least data`,
	dpiUsual: (/** @type {number} */ dpi) => `Automatic: ${dpi}`,
	optionsChosen,
	clipboardFaults: {
		timeout:
			"The desktop announced something copied, but did not hand it over. Copy it there once more.",
		too_large: "What was copied is too large: the clipboard carries up to 32\u00a0MiB.",
		unreadable: "What was copied is in a format that cannot be carried: text and pictures can.",
	},
	clipboardPicture: "Picture from the desktop",
	clipboardWaiting: "Copied on the desktop. It will be in your clipboard with your next click.",
	clipboardOffered: "Ready to be pasted on the desktop.",
	clipboardFetched: "A program on the desktop has pasted it.",
	clipboardCopied: "Copied.",
	clipboardTooLong: (/** @type {number} */ characters) =>
		`Only the beginning is shown. Copy takes all ${characters.toLocaleString("en")} characters.`,

	suspendTitle: (/** @type {string} */ desktop) => `Suspend ${desktop}?`,
	suspendText:
		"The session may be open somewhere else: its screen closes there. Its programs go on.",
	applicationGroup: (/** @type {string} */ group) =>
		Object.hasOwn(GROUPS, group) ? GROUPS[group] : "Other",
	applicationsFailed: (/** @type {string} */ reason) =>
		`The list of applications could not be read. ${reason}`,
	noApplicationFound: "No application has that name.",

	suspended: "Session suspended",
	terminated: "Session terminated",
	replaced: "Opened elsewhere",
	ended: "Session ended",
	tryAgain: "Try again",
	startFailed: "The session could not be opened",
	streamFailed: "The screen was lost",

	faults: enFaults,
	jumpFaults: enJumpFaults,
	atJumpHost: (/** @type {string} */ what) => `At the jump host: ${what}`,

	help: enHelp,

	popupBlocked:
		"The browser has blocked the new window. Allow windows for this page and try again.",
	detached: {
		title: "Shown in its own window",
		what: "The session goes on in the window that has opened.",
	},
	detachedClosed: {
		title: "The session's window was closed",
		what: "Your programs go on on the server. Nothing is lost.",
	},
	bringBack: "Bring it back",

	sizeOfWindow: "As large as the window",
	sizeCustom: "Another size …",
	sizeFixed: (/** @type {import("../geometry.js").Size} */ { width, height }) =>
		`${width} × ${height}`,

	stats: (/** @type {import("../types.js").Stats} */ s) => [
		["Pictures", `${number("en", s.framesPerSecond)} /s`],
		["Data", `${number("en", s.bytesPerSecond / 1024)} KiB/s`],
		["Round trip", s.roundTripMs === null ? "–" : `${number("en", s.roundTripMs)} ms`],
		["Decoding", `${number("en", s.decodeMs, 1)} ms`],
		["Dropped", number("en", s.dropped)],
		["Repaired", number("en", s.repairs)],
		["Begun anew", number("en", s.rebuilds)],
		["Reconnected", number("en", s.reconnects)],
		["Remembered", number("en", s.cachedFrames)],
		["Screen", `${s.width} × ${s.height}`],
	],
};

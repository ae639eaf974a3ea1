/* SPDX-License-Identifier: ISC */
/*
 * Types that more than one module uses: what the RPC answers, what page and worker tell each
 * other. Nothing here exists at run time.
 */

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

/** @typedef {{id: string, title: string}} Choice */

/** A server of the list; host and port are told where native mode is offered. `jump`: it is reached
 * through that host, where the user logs in with an account of its own if `user` says so.
 * @typedef {Choice & {desktop?: string, host?: string, port?: number, jump?: {title: string, user: boolean}}} Server */

/** A published application. @typedef {{command: string, title: string, group: string}} Application */

/** Which way the clipboard goes: "client" only from the browser into the session, "server" only out of
 * it. @typedef {"both" | "none" | "client" | "server"} ClipboardDirection */

/** What the user wants of a session besides; absent: as it comes.
 * @typedef {{clipboard?: ClipboardDirection, quality?: number, dpi?: number}} StartOptions */

/** What can be started. @typedef {{desktop: string} | {command: string}} Startable */

/**
 * What `config` answers.
 * @typedef {object} Config
 * @property {string} title
 * @property {string} version
 * @property {Server[]} servers
 * @property {boolean} other_servers any may be typed
 * @property {boolean} [other_jumps] for such a server, a jump host may be typed as well
 * @property {Choice[]} desktops
 * @property {{server?: string, desktop?: string}} defaults
 * @property {{width_min: number, width_max: number, height_min: number, height_max: number}} limits
 * @property {string} [accent] "#rrggbb"
 * @property {string} [logo] address of an image
 * @property {boolean} [kiosk]
 * @property {boolean} [native_mode]
 */

/** @typedef {"starting" | "running" | "suspended" | "terminating" | "terminated"} SessionStatus */

/**
 * One X2Go session. Only kind "desktop" can be shown in the browser. `age` is in seconds;
 * `attached` says that this login's relay holds its stream.
 * @typedef {object} SessionRow
 * @property {string} id
 * @property {string} desktop
 * @property {"desktop" | "application" | "nx" | "other"} kind
 * @property {SessionStatus} status
 * @property {number} display
 * @property {string} server
 * @property {string} created
 * @property {number} age
 * @property {boolean} attached
 */

/** A login that is open. `notice`: lines that the server has for the user.
 * @typedef {{login: string, state: "ready", sessions: SessionRow[], desktops: Choice[],
 *   notice?: string}} ReadyReply */

/**
 * A login for which the server, or the jump host before it, wants to know more. The texts are its
 * own, foreign and of any length; `prompts` are of kind "questions" only, the other kinds want one
 * answer.
 * @typedef {object} PromptReply
 * @property {string} login
 * @property {"prompt"} state
 * @property {"questions" | "password" | "new_password" | "host_key"} kind
 * @property {"server" | "jump"} hop
 * @property {string} host who asks
 * @property {string} title
 * @property {string} instruction
 * @property {string} [notice] what it has said besides
 * @property {{text: string, echo: boolean}[]} prompts
 * @property {{type: string, fingerprint: string}} [host_key]
 */

/** @typedef {ReadyReply | PromptReply} LoginReply */

/** @typedef {{session: SessionRow, ws: string}} StreamReply */

/** Why a stream ended: `code` from the gateway's error table, its words for a normal end, or one of
 * the page's own; `message` is the gateway's, or "(technical detail)".
 * @typedef {{code: string, message: string}} EndReason */

/**
 * Rates and `decodeMs` (from a frame's arrival at the decoder to its end, on average) are since the
 * message before; counts are since the stream began.
 * @typedef {object} Stats
 * @property {number} framesPerSecond
 * @property {number} bytesPerSecond
 * @property {number} decodeMs
 * @property {number | null} roundTripMs to the gateway and back; null: unknown
 * @property {number} cachedFrames
 * @property {number} dropped frames that were not shown: hidden, or too far behind
 * @property {number} repairs parts of the screen that had to be asked for again
 * @property {number} rebuilds fresh starts of the caches on both sides
 * @property {number} reconnects connections that were lost and came back
 * @property {number} width of the screen
 * @property {number} height
 */

/** What a clipboard holds, as far as it can be carried. An image is a PNG when it comes from the
 * engine. @typedef {{text: string} | {image: Blob}} ClipboardContent */

/**
 * Page to engine, about selections (0: PRIMARY, 1: CLIPBOARD). "offer-selection": what the user has
 * in them; `pasting` says that the key that pastes it follows. "demand-selection": what the server
 * has there. "paste-text": types text that no key of the layout has.
 * @typedef {{type: "offer-selection", selections: number[], content: ClipboardContent,
 *     pasting: boolean}
 *   | {type: "demand-selection", selection: number}
 *   | {type: "paste-text", text: string}} SelectionOrder
 */

/**
 * Engine to page, about selections. "selection-noticed": a program of the server has put something
 * in; "selection": here it is; "selection-failed", "offer-failed": why it could not be carried
 * ("timeout", "too_large", "unreadable"); "selection-fetched": a program took what was offered.
 * @typedef {{type: "selection-noticed", selection: number}
 *   | {type: "selection", selection: number, content: ClipboardContent}
 *   | {type: "selection-failed", selection: number, why: string}
 *   | {type: "selection-fetched", selection: number}
 *   | {type: "offer-failed", why: string}} SelectionReport
 */

/**
 * Page to engine. "visible": whether anybody can see the canvas; until told, yes. "hurry": there is
 * reason to think that the network is back.
 * @typedef {{type: "key", down: boolean, keycode: number, mask: number, repeat?: boolean}
 *   | {type: "button", down: boolean, button: number, mask: number}
 *   | {type: "motion", x: number, y: number}
 *   | {type: "resize", width: number, height: number}
 *   | {type: "visible", visible: boolean}
 *   | {type: "stats", on: boolean}
 *   | {type: "hurry"}
 *   | SelectionOrder
 *   | {type: "close"}} PageMessage
 */

/**
 * Engine to paint side, in the stream's order. "shed" and "sleep" drop the pictures that wait, at
 * once; between "sleep" and "wake" no pointer shape is shown.
 * @typedef {Extract<import("./stream/kdrive_read.js").Message,
 *     {type: "frame" | "deleted" | "cursor" | "deleted-cursors" | "reinit"}>
 *   | {type: "shed"} | {type: "sleep"} | {type: "wake"} | {type: "close"}} PaintOrder
 */

/**
 * Paint side to engine.
 * @typedef {object} PaintReport
 * @property {number} painted frames since the report before
 * @property {number} decoded frames since the report before
 * @property {number} decodeMs that they took together
 * @property {import("./geometry.js").Size | null} whole the screen was painted whole, in this size
 * @property {Rect[]} missing parts of the screen that could not be painted
 * @property {number} settled frames painted or dropped since the stream began
 * @property {number} reinits fresh starts that it has come to; `whole` and `missing` are after them
 * @property {number} cachedFrames
 * @property {import("./geometry.js").Size} screen
 */

/**
 * Engine and paint side to page. "reconnecting": the connection is lost, "missed": once more in vain,
 * "reconnected": it is back, with all that was typed meanwhile unless that is lost. "said": by the
 * gateway's administrator. "cursor-image"
 * comes once per serial, "cursor" each time one is shown (null: the default arrow).
 * @typedef {{type: "connected"}
 *   | {type: "reconnecting"}
 *   | {type: "missed"}
 *   | {type: "reconnected", lost: boolean}
 *   | {type: "painted"}
 *   | {type: "screen", width: number, height: number}
 *   | {type: "cursor-image", serial: number, blob: Blob, width: number, height: number,
 *       hotX: number, hotY: number}
 *   | {type: "cursor", serial: number | null}
 *   | {type: "cursors-dropped"}
 *   | {type: "stats", stats: Stats}
 *   | {type: "said", text: string}
 *   | SelectionReport
 *   | {type: "ended", reason: EndReason}} EngineMessage
 */

export {};

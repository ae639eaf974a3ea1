/* SPDX-License-Identifier: ISC */
/* The offer to go on in the X2Go client of the user's own computer: choices, and the file. */

import { byId, make } from "./dom.js";
import { field, worded } from "./worded.js";
import { nativeFile, nativeFileName, NativeValueError } from "../native_mode.js";
import { TEXT } from "../text/text.js";

/** @typedef {import("../native_mode.js").NativeSession} NativeSession */
/** @typedef {Omit<NativeSession, "kdrive" | "size">} NativeTarget */

const SIZES = ["1280x800", "1024x768", "1600x900", "1920x1080"];
const MIME_TYPE = "application/x-x2go";
/** A browser has taken a download over by then. */
const TAKEN_OVER_MS = 60_000;

export class NativeOffer {
	/**
	 * @param {object} options
	 * @param {() => NativeTarget | null} options.target null: the form is not filled in yet, and
	 * says so
	 * @param {(text: string) => void} options.showError
	 */
	constructor({ target, showError }) {
		this._element = byId("native", HTMLDetailsElement);
		this._kind = make(
			"select",
			{ id: "native-kind" },
			worded("option", "nativeKdrive", { value: "kdrive" }),
			worded("option", "nativeNx", { value: "nx" }),
		);
		this._size = make(
			"select",
			{ id: "native-size" },
			...SIZES.map((value) =>
				make("option", { value, textContent: value.replace("x", " × ") }),
			),
			worded("option", "nativeFullscreen", { value: "" }),
		);
		const button = worded("button", "nativeFile", { id: "native-file", type: "button" });
		this._element.replaceChildren(
			worded("summary", "nativeClient"),
			worded("p", "nativeHint", { className: "hint" }),
			field(worded("label", "nativeKind"), this._kind),
			field(worded("label", "nativeSize"), this._size),
			button,
		);
		button.addEventListener("click", () => {
			const session = target();
			if (!session) return;
			showError("");
			const [width, height] = this._size.value.split("x").map(Number);
			const size = width && height ? { width, height } : null;
			try {
				saveNativeFile({ ...session, kdrive: this._kind.value === "kdrive", size });
			} catch (error) {
				showError(nativeFaultText(error));
			}
		});
	}

	/** @param {boolean} offered */
	show(offered) {
		this._element.hidden = !offered;
	}
}

/** Why there is no file. @param {unknown} error */
export function nativeFaultText(error) {
	if (error instanceof NativeValueError) return TEXT.nativeFault(error.field);
	throw error;
}

/** @param {NativeSession} session */
export function saveNativeFile(session) {
	const file = new Blob([nativeFile(session)], { type: MIME_TYPE });
	const url = URL.createObjectURL(file);
	const link = document.createElement("a");
	link.href = url;
	link.download = nativeFileName(session.title);
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), TAKEN_OVER_MS);
}

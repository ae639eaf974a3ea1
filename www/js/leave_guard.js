/* SPDX-License-Identifier: ISC */
/*
 * Leaving the page while a session is on the screen: the browser asks first, and the stream is
 * closed in order. A page that the browser brings back from its memory has no stream any more: it
 * starts over, as after a reload.
 */

export class LeaveGuard {
	/** @param {() => void} onLeave */
	constructor(onLeave) {
		this._on = false;
		window.addEventListener("pagehide", () => {
			this.set(false);
			onLeave();
		});
		window.addEventListener("pageshow", (event) => {
			if (event.persisted) location.reload();
		});
	}

	/** A listener that is always there would keep the browser from remembering the page.
	 * @param {boolean} on */
	set(on) {
		if (on === this._on) return;
		this._on = on;
		if (on) window.addEventListener("beforeunload", askFirst);
		else window.removeEventListener("beforeunload", askFirst);
	}
}

/** @param {BeforeUnloadEvent} event */
function askFirst(event) {
	event.preventDefault();
	event.returnValue = ""; /* what older browsers look at */
}

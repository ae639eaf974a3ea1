/* SPDX-License-Identifier: ISC */
/* The words of the help panel: chapters of rows, each what one wants and how one gets it. */

/** @type {{title: string, rows: [string, string][]}[]} */
export const enHelp = [
	{
		title: "Leaving and coming back",
		rows: [
			[
				"Suspend",
				"Closes the screen. Your programs go on, and you resume them here or elsewhere.",
			],
			[
				"Disconnect",
				"Back to the list of your sessions. The session is suspended on its own.",
			],
			["Terminate", "Closes all programs of the session. What is not saved is lost."],
		],
	},
	{
		title: "Keyboard",
		rows: [
			["Ctrl+Alt+Shift", "Press and let go together: from the screen to the bar."],
			["Arrow keys", "In the bar: from button to button."],
			["Esc", "In the bar or a panel: back to the screen."],
			["Keys", "Sends what the browser keeps for itself, such as Ctrl+Alt+Del or Alt+Tab."],
		],
	},
	{
		title: "Full screen",
		rows: [
			["The bar", "It hides. Rest the pointer at the top edge, or press its handle."],
			["Leaving", "Press Esc, or hold it where the browser says so; or use the bar."],
			["Keep bar", "Lets you choose whether the bar stays, in full screen and in a window."],
		],
	},
	{
		title: "Touch",
		rows: [
			["Tap", "A click; twice at one place, a double click."],
			["Long press", "Until the ring is full, then let go: the right button."],
			["Long press, then move", "Drags. So does a tap, followed at once by a move."],
			[
				"Move one finger",
				"Moves the pointer; a view that was enlarged moves with the finger.",
			],
			["Two fingers", "Moved: scroll. Tapped: the right button."],
			["Three fingers", "Tapped: the middle button."],
			["Pinch", "Makes the view larger or smaller."],
		],
	},
	{
		title: "Mouse",
		rows: [
			["Shift and wheel", "Scrolls sideways."],
			["Ctrl and wheel, or a touchpad's pinch", "Reaches the program: most of them zoom."],
		],
	},
	{
		title: "Size",
		rows: [
			["Size", "As large as the window, or fixed; fitted, or pixel for pixel."],
			[
				"Every pixel of this display",
				"Sharp on fine displays. A session that is started then has larger letters to match.",
			],
			[
				"Detach",
				"Shows the session in a window of its own; closing it suspends the session.",
			],
		],
	},
	{
		title: "Clipboard",
		rows: [
			[
				"Copy and paste",
				"Ctrl+C and Ctrl+V work between your computer and the session, for text and pictures.",
			],
			["Clipboard", "A panel for browsers that do not let the page do that by itself."],
		],
	},
];

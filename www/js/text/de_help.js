/* SPDX-License-Identifier: ISC */
/* The words of the help panel, in German. See en_help.js. */

/** @type {typeof import("./en_help.js").enHelp} */
export const deHelp = [
	{
		title: "Gehen und wiederkommen",
		rows: [
			[
				"Anhalten",
				"Schließt den Bildschirm. Ihre Programme laufen weiter; Sie setzen sie hier oder anderswo fort.",
			],
			[
				"Trennen",
				"Zurück zur Liste Ihrer Sitzungen. Die Sitzung wird von selbst angehalten.",
			],
			[
				"Beenden",
				"Schließt alle Programme der Sitzung. Was nicht gespeichert ist, geht verloren.",
			],
		],
	},
	{
		title: "Tastatur",
		rows: [
			[
				"Strg+Alt+Umschalt",
				"Zusammen drücken und loslassen: vom Bildschirm zur Bedienleiste.",
			],
			["Pfeiltasten", "In der Leiste: von Knopf zu Knopf."],
			["Esc", "In der Leiste oder einem Feld: zurück zum Bildschirm."],
			[
				"Tasten",
				"Sendet, was der Browser sonst für sich behält, etwa Strg+Alt+Entf oder Alt+Tab.",
			],
		],
	},
	{
		title: "Vollbild",
		rows: [
			[
				"Die Leiste",
				"Sie verschwindet. Lassen Sie den Zeiger am oberen Rand ruhen oder drücken Sie ihren Griff.",
			],
			[
				"Verlassen",
				"Drücken Sie Esc, oder halten Sie es, wo der Browser das verlangt; oder nehmen Sie die Leiste.",
			],
			["Leiste halten", "Bestimmt, ob die Leiste bleibt, im Vollbild und im Fenster."],
		],
	},
	{
		title: "Berührung",
		rows: [
			["Tippen", "Ein Klick; zweimal an derselben Stelle ein Doppelklick."],
			["Lange drücken", "Bis der Ring voll ist, dann loslassen: die rechte Taste."],
			[
				"Lange drücken, dann bewegen",
				"Zieht. Ebenso: tippen und gleich darauf drücken und bewegen.",
			],
			[
				"Einen Finger bewegen",
				"Bewegt den Zeiger; eine vergrößerte Ansicht geht mit dem Finger.",
			],
			["Zwei Finger", "Bewegt: blättert. Getippt: die rechte Taste."],
			["Drei Finger", "Getippt: die mittlere Taste."],
			["Zwei Finger spreizen", "Macht die Ansicht größer oder kleiner."],
		],
	},
	{
		title: "Maus",
		rows: [
			["Umschalt und Rad", "Blättert seitwärts."],
			[
				"Strg und Rad oder Spreizen auf dem Touchpad",
				"Geht an das Programm; die meisten ändern damit die Größe.",
			],
		],
	},
	{
		title: "Größe",
		rows: [
			["Größe", "So groß wie das Fenster oder fest; eingepasst oder Punkt für Punkt."],
			[
				"Jeden Bildpunkt dieser Anzeige",
				"Scharf auf feinen Anzeigen. Eine Sitzung, die dann gestartet wird, hat dazu passend größere Schrift.",
			],
			[
				"Ablösen",
				"Zeigt die Sitzung in einem eigenen Fenster; wird es geschlossen, ist die Sitzung angehalten.",
			],
		],
	},
	{
		title: "Zwischenablage",
		rows: [
			[
				"Kopieren und Einfügen",
				"Strg+C und Strg+V gelten zwischen Ihrem Rechner und der Sitzung, für Text und Bilder.",
			],
			["Zwischenablage", "Ein Feld für Browser, die das der Seite nicht erlauben."],
		],
	},
];

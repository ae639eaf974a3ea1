/* SPDX-License-Identifier: ISC */
/* Everything that the page says, in German. See en.js. */

import { deFaults, deJumpFaults } from "./de_faults.js";
import { deHelp } from "./de_help.js";
import { deKeyNames, deLayouts } from "./de_keys.js";
import { ago, duration, number, wait } from "./units.js";

/** @typedef {import("../types.js").SessionRow} SessionRow */

/** @type {Record<SessionRow["status"], string>} */
const STATUS = {
	starting: "Startet",
	running: "Läuft",
	suspended: "Angehalten",
	terminating: "Wird beendet",
	terminated: "Beendet",
};

/** @type {Record<Exclude<SessionRow["kind"], "desktop">, string>} */
const NOT_HERE = {
	application:
		"Eine einzelne Anwendung aus dem X2Go-Client. Diese Seite zeigt ganze Desktops: Machen Sie dort weiter oder beenden Sie sie hier.",
	nx: "Eine NX-Sitzung, die kein Browser zeigen kann. Machen Sie im X2Go-Client weiter oder beenden Sie sie hier.",
	other: "Eine Sitzung dieser Art kann kein Browser zeigen. Machen Sie dort weiter, wo sie begonnen wurde, oder beenden Sie sie hier.",
};

/** @type {Record<string, string>} */
const GROUPS = {
	AudioVideo: "Ton und Video",
	Audio: "Ton und Video",
	Video: "Ton und Video",
	Development: "Entwicklung",
	Education: "Bildung",
	Game: "Spiele",
	Graphics: "Grafik",
	Network: "Internet",
	Office: "Büro",
	Science: "Wissenschaft",
	Settings: "Einstellungen",
	System: "System",
	Utility: "Zubehör",
};

const NATIVE_FAULTS = {
	host: "Der Name des Servers ist nicht gültig.",
	user: "Der Benutzername enthält unerlaubte Zeichen.",
	desktop: "Der Name des Desktops ist nicht gültig.",
	jumpHost: "Der Sprungrechner oder sein Benutzername ist nicht gültig.",
	number: "Eine Größe oder ein Port liegt außerhalb des Erlaubten.",
};

/** @type {import("./text.js").Catalogue["optionsChosen"]} */
function optionsChosen({ clipboard, quality, dpi }) {
	const ways = { client: "nur hinein", server: "nur heraus", none: "aus" };
	return [
		clipboard && clipboard !== "both" ? `Zwischenablage ${ways[clipboard]}` : "",
		quality === undefined ? "" : `Qualität ${quality}`,
		dpi === undefined ? "" : `${dpi} DPI`,
	].filter(Boolean);
}

/** @type {import("./text.js").Catalogue} */
export const de = {
	page: {
		logOut: "Abmelden",
		logIn: "Anmelden",
		lead: "Ihr Desktop auf dem Server, in diesem Fenster.",
		server: "Server",
		otherServer: "Name des Servers oder Name:Port",
		userName: "Benutzername",
		password: "Passwort",
		desktop: "Desktop",
		jumpHostLogin: "Über einen Sprungrechner anmelden",
		jumpHost: "Sprungrechner",
		jumpHostUser: "Benutzername auf dem Sprungrechner",
		jumpHostPassword: "Passwort auf dem Sprungrechner",
		jumpHint:
			"Leer gelassen: derselbe Benutzername, und nach dem Passwort wird bei Bedarf gefragt.",
		connect: "Verbinden",
		yourSessions: "Ihre Sitzungen",
		refresh: "Aktualisieren",
		noSessions: "Es ist keine Sitzung offen.",
		newSession: "Neue Sitzung",
		start: "Starten",
		applications: "Anwendungen",
		findApplication: "Anwendung suchen",
		kioskFullscreen: "Den ganzen Bildschirm nutzen",
		nativeClient: "Den X2Go-Client auf diesem Rechner nutzen",
		nativeHint:
			"Füllen Sie oben Server, Benutzer und Desktop aus. Sie erhalten eine Datei, die ein installierter X2Go-Client öffnet; nach dem Passwort fragt er selbst.",
		nativeKind: "Art der Sitzung",
		nativeKdrive: "KDrive: öffnet sich auch hier",
		nativeNx: "NX: nur für den Client",
		nativeSize: "Größe",
		nativeFullscreen: "Vollbild",
		nativeFile: "Sitzungsdatei holen",
		clipboard: "Zwischenablage",
		close: "Schließen",
		adminMessage: "Nachricht Ihres Administrators",
		connecting: "Anmeldung läuft …",
		language: "Sprache",
		pin: "Leiste halten",
		pinTitle: "Die Leiste über dem Bildschirm halten oder am Rand verschwinden lassen",
		showBar: "Leiste zeigen",
		keys: "Tasten",
		keyboard: "Tastatur",
		writing: "Bildschirmtastatur, Eingabemethoden",
		options: "Optionen",
		optionQuality: "Bildqualität",
		optionDpi: "Schriftgröße (DPI)",
		optionsHint: "Für jede Sitzung, die Sie auf diesem Server starten oder fortsetzen.",
		heldKeys: "Für die nächste Taste halten",
		keptKeys: "An die Sitzung senden",
		plainKeys: "Weitere Tasten",
		functionKeys: "Funktionstasten",
		textInput: "Text für die Sitzung",
		size: "Größe",
		detach: "Ablösen",
		help: "Hilfe",
		more: "Mehr",
		statistics: "Statistik",
		fullScreen: "Vollbild",
		suspend: "Anhalten",
		disconnect: "Trennen",
		terminate: "Beenden",
		screenSize: "Größe des Bildschirms",
		screenPixels: "Bildpunkte",
		screenWidth: "Breite",
		screenHeight: "Höhe",
		apply: "Übernehmen",
		screenZoom: "Darstellung",
		zoomFit: "so groß wie das Fenster",
		zoomActual: "Punkt für Punkt",
		screenSharp: "Jeden Bildpunkt dieser Anzeige nutzen",
		screenSharpHint:
			"Schärfer auf feinen Anzeigen. Ihre richtige Größe bekommt die Schrift, wenn eine Sitzung gestartet wird.",
		cancel: "Abbrechen",
		goOn: "Weiter",
		answer: "Antwort",
		newPassword: "Neues Passwort",
		newPasswordAgain: "Neues Passwort noch einmal",
		hostKeyFingerprint: "Fingerabdruck seines Schlüssels",
		hostKeyType: "Art des Schlüssels",
		hostKeyCompare:
			"Noch hat sich niemand für diesen Schlüssel verbürgt. Vergleichen Sie den Fingerabdruck mit dem, den Sie von Ihrer Administration haben, nicht über diese Seite. Weicht ein einziges Zeichen ab, so verbinden Sie sich nicht: Vielleicht antwortet jemand anderes.",
		hostKeyCommand: "Auf dem Rechner selbst erhält ihn die Administration mit",
		hostKeyRefuse: "Nicht verbinden",
		hostKeyTrust: "Für diese Anmeldung vertrauen",
		reconnectTitle: "Verbindung unterbrochen",
		reconnectHint: "Sie wird wiederhergestellt. Ihre Eingaben bleiben bis dahin erhalten.",
		reconnectNow: "Jetzt versuchen",
		reconnectLeave: "Verlassen",
		sessionList: "Zu den Sitzungen",
		logInAgain: "Neu anmelden",
		refreshTitle: "Noch einmal nachsehen",
		suspendTitle: "Bildschirm schließen; die Programme laufen weiter",
		disconnectTitle: "Zurück zu den Sitzungen",
		terminateTitle: "Alle Programme der Sitzung schließen",
		session: "Sitzung",
		sessionControls: "Bedienung der Sitzung",
		clipboardAllow: "Lesen erlauben",
		clipboardText: "Text vom Desktop",
		clipboardSave: "Bild speichern",
		clipboardSend: "An den Desktop senden",
		clipboardCopy: "Kopieren",
		clipboardSelected: "Auf dem Desktop markiert",
		screen: "Entfernter Desktop. Mit Strg, Alt und Umschalt zusammen verlassen Sie ihn zur Bedienleiste.",
	},

	layouts: deLayouts,
	keyNames: deKeyNames,
	automaticLayout: (layout) => `Automatisch: ${layout}`,
	keysLocked:
		"Alle Tasten gehen an die Sitzung. Halten Sie Esc gedrückt, um das Vollbild zu verlassen.",

	retryAfter: (seconds) => `Versuchen Sie es in ${wait("de", seconds)} wieder.`,
	httpStatus: (status) => `Status ${status}`,
	desktopNotInstalled: (desktop) =>
		`${desktop} ist auf diesem Server nicht installiert. Wählen Sie einen anderen Desktop.`,
	otherServer: "Anderer Server …",
	passwordInAddress:
		"In der Adresse stand ein Passwort. Es wurde nicht benutzt und aus der Adresszeile entfernt, kann aber in Verläufen und Protokollen stehen: Bitte ändern Sie es.",
	unknownServer: (server) =>
		`Die Adresse verlangt den Server „${server}“, den dieses Gateway nicht anbietet.`,
	unknownDesktop: (desktop) =>
		`Die Adresse verlangt den Desktop „${desktop}“, der nicht angeboten wird. Wählen Sie einen anderen.`,
	nativeFault: (field) => `Es lässt sich keine Datei erstellen: ${NATIVE_FAULTS[field]}`,

	jumpLogin: (jump) => `Ihre Anmeldung beim Sprungrechner ${jump}`,
	retryIn: (seconds) =>
		seconds < 90
			? `Wieder möglich in ${seconds} s`
			: `Wieder möglich in ${Math.ceil(seconds / 60)} min`,
	retryNow: "Sie können es jetzt wieder versuchen.",
	promptFrom: {
		server: (host) => `Server ${host}`,
		jump: (host) => `Sprungrechner ${host}`,
	},
	promptTitle: {
		questions: { server: "Noch ein Schritt", jump: "Noch ein Schritt" },
		password: { server: "Ihr Passwort", jump: "Ihr Passwort auf dem Sprungrechner" },
		new_password: {
			server: "Wählen Sie ein neues Passwort",
			jump: "Wählen Sie ein neues Passwort für den Sprungrechner",
		},
		host_key: {
			server: "Vertrauen Sie diesem Server?",
			jump: "Vertrauen Sie diesem Sprungrechner?",
		},
	},
	passwordsDiffer:
		"Die beiden neuen Passwörter sind verschieden. Geben Sie das neue zweimal ein.",
	answerTooLong: "Das ist länger, als irgendein Server es annimmt.",
	answering: "Ihre Antwort wird geprüft …",
	comingBack: "Zurück zu Ihren Sitzungen …",
	loginCancelled: "Anmeldung abgebrochen.",
	authenticating: (server) => `Anmeldung bei ${server} …`,
	starting: (desktop) => `${desktop} wird gestartet …`,
	startingHint: "Der Server bereitet Ihren Desktop vor. Das dauert einige Sekunden.",
	resuming: (desktop) => `${desktop} wird fortgesetzt …`,
	reconnecting:
		"Verbindung unterbrochen. Sie wird wiederhergestellt. Ihre Eingaben bleiben bis dahin erhalten.",
	reconnected: "Die Verbindung ist wieder da.",
	reconnectedWithout:
		"Die Verbindung ist wieder da. Was Sie inzwischen eingegeben haben, kam nicht an: Die Sitzung war anderswo geöffnet.",
	resumingHint: "Ihre Programme sind noch da; der Server holt ihren Bildschirm zurück.",
	running: (desktop, server) => `Verbunden mit ${desktop} auf ${server}.`,
	barHides:
		"Die Leiste verschwindet. Der Zeiger am oberen Rand oder Strg+Alt+Umschalt holt sie zurück.",
	barHidesTouch: "Die Leiste verschwindet. Der Griff am oberen Rand holt sie zurück.",
	progressSteps: [
		"Der Server öffnet Ihre Sitzung",
		"Der Bildschirm wird verbunden",
		"Das erste Bild",
	],
	waited: (seconds) => `Sie warten seit ${duration("de", seconds)}.`,
	takesLong: "Das dauert länger als sonst; vielleicht ist der Server ausgelastet.",
	statsGraph: (now, most) =>
		`Bilder je Sekunde in der letzten Minute: jetzt ${number("de", now)}, höchstens ${number("de", most)}.`,
	working: "Einen Augenblick …",

	status: (status) => STATUS[status] ?? status,
	notHere: (kind) => (kind === "desktop" ? "" : NOT_HERE[kind]),
	sessionDetails: (row) =>
		`Display\u00a0${row.display} auf ${row.server}, gestartet ${ago("de", row.age)}`,
	continueHere: "Weitermachen, wo Sie aufgehört haben",
	resume: "Fortsetzen",
	takeOver: "Übernehmen",
	suspend: "Anhalten",
	terminate: "Beenden",
	nativeFile: "Datei für den X2Go-Client",
	cancel: "Abbrechen",
	actionOn: (action, desktop) => `${desktop}: ${action}`,

	terminateTitle: (desktop) => `${desktop} beenden?`,
	terminateText:
		"Alle Programme dieser Sitzung werden geschlossen. Was nicht gespeichert ist, geht verloren.",
	takeOverTitle: (desktop) => `${desktop} übernehmen?`,
	takeOverText: "Ist die Sitzung anderswo offen, so schließt sie sich dort und öffnet sich hier.",

	clipboardHint: {
		granted: "Kopieren und Einfügen gehen wie gewohnt, hier und auf dem Desktop.",
		prompt: "Kopieren und Einfügen gehen mit den gewohnten Tasten. Wenn Sie das Lesen erlauben, können auch die Menüs der Programme auf dem Desktop einfügen.",
		denied: "Kopieren und Einfügen gehen mit den gewohnten Tasten. Um auf dem Desktop aus Menüs einzufügen, erlauben Sie dieser Seite in den Einstellungen des Browsers, die Zwischenablage zu lesen.",
		unsupported:
			"Kopieren und Einfügen gehen mit den gewohnten Tasten. Bevor Sie auf dem Desktop aus einem Menü einfügen, legen Sie den Text hier ab und senden ihn.",
	},
	clipboardOneWay: {
		client: "In dieser Sitzung geht die Zwischenablage nur in eine Richtung: Was Sie hier kopieren, lässt sich auf dem Desktop einfügen; zurück kommt nichts.",
		server: "In dieser Sitzung geht die Zwischenablage nur in eine Richtung: Was auf dem Desktop kopiert wird, kommt hier an; hinein geht nichts.",
		none: "Die Zwischenablage ist für diese Sitzung abgeschaltet. In den Optionen bei der Liste der Sitzungen können Sie das ändern; setzen Sie die Sitzung dann fort.",
	},
	clipboardTextIn: "Text für den Desktop",
	clipboardDirections: {
		both: "In beide Richtungen",
		client: "Nur in die Sitzung",
		server: "Nur aus der Sitzung",
		none: "Aus",
	},
	qualityUsual: "Wie vom Server vorgegeben",
	qualityMost: (quality) => `${quality}: am besten`,
	qualityLeast: (quality) => `${quality}: am wenigsten Daten`,
	dpiUsual: (dpi) => `Automatisch: ${dpi}`,
	optionsChosen,
	clipboardFaults: {
		timeout:
			"Auf dem Desktop wurde etwas kopiert, aber nicht übergeben. Kopieren Sie es dort noch einmal.",
		too_large:
			"Der kopierte Inhalt ist zu groß: Die Zwischenablage überträgt bis zu 32\u00a0MiB.",
		unreadable:
			"Der kopierte Inhalt hat ein Format, das sich nicht übertragen lässt; möglich sind Text und Bilder.",
	},
	clipboardPicture: "Bild vom Desktop",
	clipboardWaiting:
		"Auf dem Desktop kopiert. Mit Ihrem nächsten Klick steht es in Ihrer Zwischenablage.",
	clipboardOffered: "Kann jetzt auf dem Desktop eingefügt werden.",
	clipboardFetched: "Ein Programm auf dem Desktop hat es eingefügt.",
	clipboardCopied: "Kopiert.",
	clipboardTooLong: (/** @type {number} */ characters) =>
		`Nur der Anfang ist zu sehen. „Kopieren“ nimmt alle ${characters.toLocaleString("de")} Zeichen.`,

	suspendTitle: (desktop) => `${desktop} anhalten?`,
	suspendText:
		"Die Sitzung ist vielleicht anderswo offen: Dort schließt sich ihr Bildschirm. Die Programme laufen weiter.",
	applicationGroup: (group) => (Object.hasOwn(GROUPS, group) ? GROUPS[group] : "Sonstige"),
	applicationsFailed: (reason) => `Die Liste der Anwendungen ließ sich nicht lesen. ${reason}`,
	noApplicationFound: "Keine Anwendung heißt so.",

	suspended: "Sitzung angehalten",
	terminated: "Sitzung beendet",
	replaced: "Anderswo geöffnet",
	ended: "Sitzung zu Ende",
	tryAgain: "Noch einmal",
	startFailed: "Die Sitzung konnte nicht geöffnet werden",
	streamFailed: "Der Bildschirm ging verloren",

	faults: deFaults,
	jumpFaults: deJumpFaults,
	atJumpHost: (what) => `Beim Sprungrechner: ${what}`,

	help: deHelp,

	popupBlocked:
		"Der Browser hat das neue Fenster verhindert. Erlauben Sie dieser Seite Fenster und versuchen Sie es wieder.",
	detached: {
		title: "In einem eigenen Fenster",
		what: "Die Sitzung geht in dem Fenster weiter, das sich geöffnet hat.",
	},
	detachedClosed: {
		title: "Das Fenster der Sitzung wurde geschlossen",
		what: "Ihre Programme laufen auf dem Server weiter. Nichts ist verloren.",
	},
	bringBack: "Zurückholen",

	sizeOfWindow: "So groß wie das Fenster",
	sizeCustom: "Andere Größe …",
	sizeFixed: ({ width, height }) => `${width} × ${height}`,

	stats: (s) => [
		["Bilder", `${number("de", s.framesPerSecond)} /s`],
		["Daten", `${number("de", s.bytesPerSecond / 1024)} KiB/s`],
		["Hin und zurück", s.roundTripMs === null ? "–" : `${number("de", s.roundTripMs)} ms`],
		["Dekodieren", `${number("de", s.decodeMs, 1)} ms`],
		["Ausgelassen", number("de", s.dropped)],
		["Ausgebessert", number("de", s.repairs)],
		["Neu begonnen", number("de", s.rebuilds)],
		["Neu verbunden", number("de", s.reconnects)],
		["Gemerkt", number("de", s.cachedFrames)],
		["Bildschirm", `${s.width} × ${s.height}`],
	],
};

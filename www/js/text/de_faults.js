/* SPDX-License-Identifier: ISC */
/* What went wrong, in German. See en_faults.js. */

/** @type {typeof import("./en_faults.js").enFaults} */
export const deFaults = {
	bad_request: {
		what: "Das Gateway hat diese Seite nicht verstanden.",
		now: "Laden Sie die Seite neu; vielleicht ist sie älter als das Gateway.",
	},
	too_large: {
		what: "Das war mehr, als das Gateway auf einmal annimmt.",
		now: "Kürzen Sie Ihre Eingabe.",
	},
	bad_origin: {
		what: "Das Gateway hält diese Seite nicht für seine eigene.",
		now: "Öffnen Sie sie unter der Adresse, die Sie von Ihrer Administration haben.",
	},
	unsupported_media_type: {
		what: "Unterwegs wird verändert, was diese Seite sendet.",
		now: "Versuchen Sie es in einem anderen Netz oder sagen Sie Ihrer Administration Bescheid.",
	},
	method_not_allowed: {
		what: "Das Gateway kennt diese Anfrage nicht.",
		now: "Laden Sie die Seite neu; vielleicht ist sie älter als das Gateway.",
	},
	not_found: {
		what: "Das Gateway kennt diese Anfrage nicht.",
		now: "Laden Sie die Seite neu; vielleicht ist sie älter als das Gateway.",
	},
	not_logged_in: {
		what: "Ihre Anmeldung ist abgelaufen.",
		now: "Bitte melden Sie sich neu an.",
	},
	auth_failed: {
		what: "Benutzername oder Passwort ist falsch.",
		now: "",
	},
	server_not_allowed: {
		what: "Dieses Gateway führt nicht zu jenem Server.",
		now: "Wählen Sie einen anderen.",
	},
	host_unreachable: {
		what: "Der Server ist nicht erreichbar.",
		now: "Vielleicht ist er ausgeschaltet. Versuchen Sie es später wieder oder sagen Sie Ihrer Administration Bescheid.",
	},
	host_timeout: {
		what: "Der Server antwortet nicht.",
		now: "Versuchen Sie es später wieder oder sagen Sie Ihrer Administration Bescheid.",
	},
	host_key_unknown: {
		what: "Das Gateway kennt diesen Server noch nicht und vertraut ihm deshalb nicht.",
		now: "Sagen Sie Ihrer Administration Bescheid: Der Host-Schlüssel des Servers fehlt.",
	},
	host_key_changed: {
		what: "Der Server zeigt einen anderen Host-Schlüssel als früher. Ihr Passwort wurde ihm nicht gesendet.",
		now: "Sagen Sie Ihrer Administration Bescheid, bevor Sie es wieder versuchen.",
	},
	host_refused: {
		what: "Der Server nimmt von diesem Gateway im Augenblick keine Verbindungen an.",
		now: "Versuchen Sie es in einigen Minuten wieder.",
	},
	x2go_missing: {
		what: "Auf diesem Server ist X2Go nicht installiert.",
		now: "Wählen Sie einen anderen Server oder sagen Sie Ihrer Administration Bescheid.",
	},
	x2go_fault: {
		what: "X2Go arbeitet auf diesem Server nicht richtig.",
		now: "Sagen Sie Ihrer Administration Bescheid.",
	},
	desktop_missing: {
		what: "Dieser Desktop oder dieses Programm ist auf dem Server nicht installiert.",
		now: "Wählen Sie etwas anderes.",
	},
	session_limit: {
		what: "Sie haben so viele Sitzungen, wie dieser Server erlaubt.",
		now: "Setzen Sie eine davon fort oder beenden Sie eine, die Sie nicht brauchen.",
	},
	no_such_session: {
		what: "Diese Sitzung gibt es nicht mehr.",
		now: "Wählen Sie eine andere oder starten Sie eine neue.",
	},
	session_busy: {
		what: "Mit Ihren Sitzungen geschieht gerade etwas anderes.",
		now: "Versuchen Sie es gleich noch einmal.",
	},
	start_failed: {
		what: "Der Desktop konnte nicht gestartet werden.",
		now: "Versuchen Sie es noch einmal oder wählen Sie einen anderen Desktop.",
	},
	resume_failed: {
		what: "Die Sitzung konnte nicht fortgesetzt werden.",
		now: "Versuchen Sie es noch einmal. Hilft das nicht, so beenden Sie sie und starten eine neue.",
	},
	forwarding_denied: {
		what: "Dieser Server lässt die Bildschirme seiner Desktops nicht heraus.",
		now: "Sagen Sie Ihrer Administration Bescheid: Dort ist die Portweiterleitung abgeschaltet.",
	},
	agent_lost: {
		what: "Der Bildschirm der Sitzung auf dem Server ist stehen geblieben.",
		now: "Sehen Sie in der Liste nach, ob die Sitzung noch da ist.",
	},
	ssh_lost: {
		what: "Das Gateway hat seine Verbindung zum Server verloren.",
		now: "Ihre Programme laufen weiter, solange der Server läuft. Melden Sie sich neu an, um weiterzuarbeiten.",
	},
	too_many_logins: {
		what: "Das Gateway ist im Augenblick voll.",
		now: "Versuchen Sie es später wieder.",
	},
	layout_unknown: {
		what: "Der Server kennt diese Tastaturbelegung nicht.",
		now: "Wählen Sie eine andere; die Tastatur ist noch wie zuvor.",
	},
	draining: {
		what: "Das Gateway wird gewartet und nimmt gerade keine neuen Anmeldungen an.",
		now: "Ihre Sitzungen auf dem Server laufen weiter. Melden Sie sich in einigen Minuten neu an.",
	},
	renewed: {
		what: "Das Gateway wurde erneuert, seit Sie sich angemeldet haben.",
		now: "Ihr Desktop läuft weiter. Melden Sie sich für alles andere neu an.",
	},
	broker_unavailable: {
		what: "Das Gateway ist noch nicht bereit.",
		now: "Versuchen Sie es gleich noch einmal.",
	},
	internal: {
		what: "Im Gateway ging etwas schief.",
		now: "Versuchen Sie es noch einmal. Geschieht es wieder, so sagen Sie Ihrer Administration Bescheid.",
	},
	timeout: {
		what: "Das dauerte zu lange und wurde abgebrochen.",
		now: "Vielleicht ist der Server ausgelastet. Versuchen Sie es später wieder.",
	},
	suspended: {
		what: "Die Sitzung wurde angehalten.",
		now: "Sie können sie jederzeit fortsetzen.",
	},
	terminated: { what: "Die Sitzung wurde beendet.", now: "" },
	logout: { what: "Sie haben sich abgemeldet.", now: "" },
	replaced: {
		what: "Die Sitzung wurde in einem anderen Fenster oder auf einem anderen Rechner geöffnet.",
		now: "Wenn Sie sie fortsetzen, kommt sie hierher zurück.",
	},
	lagging: {
		what: "Das Netz war zu langsam für das Bild.",
		now: "Setzen Sie die Sitzung fort; ein kleinerer Bildschirm braucht weniger vom Netz.",
	},
	ended: { what: "Die Sitzung wurde auf dem Server geschlossen.", now: "" },
	killed: {
		what: "Ihre Anmeldung wurde von der Administration beendet.",
		now: "Ihre Programme laufen weiter; melden Sie sich neu an, sobald Sie dürfen.",
	},
	idle: {
		what: "Sie waren so lange weg, dass Ihre Anmeldung abgelaufen ist.",
		now: "Ihre Programme laufen weiter. Melden Sie sich neu an, um weiterzuarbeiten.",
	},
	too_many_attempts: {
		what: "Aus Ihrem Netz sind zu viele Anmeldungen fehlgeschlagen.",
		now: "Warten Sie einen Augenblick, bevor Sie es wieder versuchen.",
	},
	host_key_revoked: {
		what: "Der Server zeigt einen Host-Schlüssel, der für ungültig erklärt wurde. Es wurde ihm nichts gesendet.",
		now: "Sagen Sie sofort Ihrer Administration Bescheid: Vielleicht antwortet jemand anderes an seiner Stelle.",
	},
	host_key_refused: {
		what: "Sie haben dem Schlüssel des Servers nicht vertraut; deshalb wurde ihm nichts gesendet.",
		now: "Fragen Sie Ihre Administration nach dem richtigen Fingerabdruck und melden Sie sich dann neu an.",
	},
	prompt_timeout: {
		what: "Die Frage wurde nicht rechtzeitig beantwortet; deshalb wurde die Anmeldung abgebrochen.",
		now: "Melden Sie sich neu an und legen Sie vorher bereit, wonach Sie gefragt werden.",
	},
	method_missing: {
		what: "Der Server bietet keine Art der Anmeldung an, die dieses Gateway benutzen kann.",
		now: "Sagen Sie Ihrer Administration Bescheid.",
	},
	account_refused: {
		what: "Der Server lässt dieses Konto nicht herein.",
		now: "Vielleicht ist es gesperrt oder abgelaufen: Fragen Sie Ihre Administration.",
	},
	password_expired: {
		what: "Ihr Passwort ist abgelaufen und lässt sich hier nicht ändern.",
		now: "Ändern Sie es auf anderem Weg oder fragen Sie Ihre Administration; melden Sie sich dann neu an.",
	},
	login_expired: {
		what: "Sie waren so lange angemeldet, wie es das Gateway erlaubt.",
		now: "Ihre Programme laufen weiter. Melden Sie sich neu an, um weiterzuarbeiten.",
	},
	key_alone: {
		what: "Der Server würde Sie einlassen, ohne Sie nach etwas zu fragen; das erlaubt dieses Gateway nicht.",
		now: "Sagen Sie Ihrer Administration Bescheid.",
	},
	jump_refused: {
		what: "Der Sprungrechner lässt das Gateway nicht zum Server durch.",
		now: "Sagen Sie Ihrer Administration Bescheid.",
	},
	commands_denied: {
		what: "Dieses Konto darf auf dem Server keine Programme ausführen.",
		now: "Sagen Sie Ihrer Administration Bescheid.",
	},
	not_showable: {
		what: "Diese Sitzung lässt sich nicht im Browser zeigen.",
		now: "Öffnen Sie sie mit einem X2Go-Client.",
	},

	unreachable: {
		what: "Das Gateway ist nicht erreichbar.",
		now: "Prüfen Sie Ihr Netz und versuchen Sie es wieder.",
	},
	gateway_fault: {
		what: "Das Gateway ist gestört.",
		now: "Versuchen Sie es später wieder.",
	},
	answer_refused: {
		what: "Die Anmeldung wurde abgelehnt: Benutzername, Passwort oder eine Antwort ist falsch.",
		now: "",
	},
	unexpected_login: {
		what: "Der Server verlangt mehr, als diese Seite beantworten kann.",
		now: "",
	},
	page_fault: {
		what: "In dieser Seite ging etwas schief.",
		now: "Laden Sie sie neu und versuchen Sie es wieder.",
	},
	connect_failed: {
		what: "Der Bildschirm der Sitzung konnte nicht verbunden werden.",
		now: "Ihre Programme laufen weiter. Versuchen Sie es noch einmal.",
	},
	suspended_away: {
		what: "Die Sitzung wurde angehalten, während die Verbindung unterbrochen war.",
		now: "Ihre Programme laufen weiter. Was Sie inzwischen eingegeben haben, kam nicht an.",
	},
	connection_lost: {
		what: "Die Verbindung ist abgerissen.",
		now: "Ihre Programme laufen weiter. Prüfen Sie Ihr Netz und versuchen Sie es wieder.",
	},
	bad_stream: {
		what: "Das Bild, das vom Server kam, ergibt keinen Sinn.",
		now: "Ihre Programme laufen weiter. Versuchen Sie es noch einmal.",
	},
};

/** @type {typeof import("./en_faults.js").enJumpFaults} */
export const deJumpFaults = {
	auth_failed: {
		what: "Benutzername oder Passwort für den Sprungrechner ist falsch.",
		now: "",
	},
	answer_refused: {
		what: "Der Sprungrechner hat die Anmeldung abgelehnt: Benutzername, Passwort oder eine Antwort ist falsch.",
		now: "",
	},
	server_not_allowed: {
		what: "Dieses Gateway geht nicht über jenen Sprungrechner.",
		now: "Wählen Sie einen anderen.",
	},
	host_unreachable: {
		what: "Der Sprungrechner ist nicht erreichbar.",
		now: "Vielleicht ist er ausgeschaltet. Versuchen Sie es später wieder oder sagen Sie Ihrer Administration Bescheid.",
	},
	host_timeout: {
		what: "Der Sprungrechner antwortet nicht.",
		now: "Versuchen Sie es später wieder oder sagen Sie Ihrer Administration Bescheid.",
	},
	host_key_unknown: {
		what: "Das Gateway kennt den Sprungrechner noch nicht und vertraut ihm deshalb nicht.",
		now: "Sagen Sie Ihrer Administration Bescheid: Der Host-Schlüssel des Sprungrechners fehlt.",
	},
	host_key_changed: {
		what: "Der Sprungrechner zeigt einen anderen Host-Schlüssel als früher. Ihr Passwort wurde ihm nicht gesendet.",
		now: "Sagen Sie Ihrer Administration Bescheid, bevor Sie es wieder versuchen.",
	},
	host_key_revoked: {
		what: "Der Sprungrechner zeigt einen Host-Schlüssel, der für ungültig erklärt wurde. Es wurde ihm nichts gesendet.",
		now: "Sagen Sie sofort Ihrer Administration Bescheid: Vielleicht antwortet jemand anderes an seiner Stelle.",
	},
	host_key_refused: {
		what: "Sie haben dem Schlüssel des Sprungrechners nicht vertraut; deshalb wurde ihm nichts gesendet.",
		now: "Fragen Sie Ihre Administration nach dem richtigen Fingerabdruck und melden Sie sich dann neu an.",
	},
	host_refused: {
		what: "Der Sprungrechner nimmt von diesem Gateway im Augenblick keine Verbindungen an.",
		now: "Versuchen Sie es in einigen Minuten wieder.",
	},
	prompt_timeout: {
		what: "Die Frage des Sprungrechners wurde nicht rechtzeitig beantwortet; deshalb wurde die Anmeldung abgebrochen.",
		now: "Melden Sie sich neu an und legen Sie vorher bereit, wonach Sie gefragt werden.",
	},
	method_missing: {
		what: "Der Sprungrechner bietet keine Art der Anmeldung an, die dieses Gateway benutzen kann.",
		now: "Sagen Sie Ihrer Administration Bescheid.",
	},
	account_refused: {
		what: "Der Sprungrechner lässt dieses Konto nicht herein.",
		now: "Vielleicht ist es gesperrt oder abgelaufen: Fragen Sie Ihre Administration.",
	},
	password_expired: {
		what: "Ihr Passwort auf dem Sprungrechner ist abgelaufen und lässt sich hier nicht ändern.",
		now: "Ändern Sie es auf anderem Weg oder fragen Sie Ihre Administration; melden Sie sich dann neu an.",
	},
	key_alone: {
		what: "Der Sprungrechner würde Sie einlassen, ohne Sie nach etwas zu fragen; das erlaubt dieses Gateway nicht.",
		now: "Sagen Sie Ihrer Administration Bescheid.",
	},
	jump_refused: deFaults.jump_refused,
	ssh_lost: {
		what: "Das Gateway hat seine Verbindung zum Sprungrechner verloren.",
		now: "Ihre Programme laufen weiter, solange der Server läuft. Melden Sie sich neu an, um weiterzuarbeiten.",
	},
	timeout: {
		what: "Der Sprungrechner brauchte zu lange; die Anmeldung wurde abgebrochen.",
		now: "Versuchen Sie es später wieder.",
	},
};

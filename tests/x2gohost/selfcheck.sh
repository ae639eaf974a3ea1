#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Proves that the test host is what the tests take it for: takes a session by hand through its
# whole life, tries every user and condition that differs, kills parts of it, and checks that
# nothing is left. Uses an instance of its own (name selfcheck-PID, a free port). Needs root.
# Prints one line a check; ends with 1 at the first that fails.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export X2GOHOST_NAME=selfcheck-$$
X2GOHOST_SSH_PORT=$(node -e '
	const server = require("node:net").createServer().listen(0, "127.0.0.1", () => {
		console.log(server.address().port);
		server.close();
	});')
export X2GOHOST_SSH_PORT
build=$(realpath -m "${BUILD:-$here/../../build}")
state=$build/x2gohost/run/$X2GOHOST_NAME
scratch=$(mktemp -d)
trap 'x2gohost down; rm -rf "$scratch"' EXIT

x2gohost() { "$here/x2gohost" "$@" >"$scratch/out" 2>"$scratch/err"; }
output() { cat "$scratch/out"; }

pass() { printf 'ok: %s\n' "$*"; }

fail() {
	printf 'FAILED: %s\n' "$*" >&2
	tail -n 5 "$scratch/out" "$scratch/err" >&2
	exit 1
}

check() { # text command...
	local text=$1
	shift
	"$@" || fail "$text"
	pass "$text"
}

# The daemon and the programs of a session change things in their own time: asks until it is so.
within() { # seconds command...
	local end=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.1
	done
}

fails_with() { # exit status, command...
	local want=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" -eq "$want" ]
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# Runs an X2Go command by hand as a client should; only what comes after the mark is its output.
x2go() { # user command...
	local user=$1 status=0
	shift
	x2gohost ssh "$user" "exec sh -c 'echo; echo MARK; exec $*'" || status=$?
	sed -i '1,/^MARK$/d' "$scratch/out"
	return "$status"
}

start() { # user
	x2go "$1" env X2GO_XINERAMA=no x2gostartagent 1024x768 lan 16m-jpeg-9 unix-kde-depth_24 \
		us pc105/us 1 K ICEWM both
}

# Field 5 of the session's row: R, S; or none.
listed_as() { # state
	x2go alice x2golistsessions
	[ "$(output | awk -F'|' -v id="$id" '$2 == id { print $5 }')" = "$1" ]
}

agent_state_is() {
	x2gohost exec --user alice cat ".x2go/C-$id/state" && [ "$(output)" = "$1" ]
}

# Connects to the agent of the session through SSH; its lines come from descriptor 4.
connect() { # port
	coproc KDRIVE { exec node "$here/kdrive-probe.mjs" ssh -F "$state/ssh_config" \
		-W "127.0.0.1:$1" alice@x2gohost; }
	# shellcheck disable=SC2153 # set by coproc
	kdrive_pid=$KDRIVE_PID
	# A copy, since bash closes its own as soon as the coprocess ends, read or not.
	exec 4<&"${KDRIVE[0]}"
	echo "$cookie" >&"${KDRIVE[1]}"
}

agent_says() {
	local line
	read -r -t 10 line <&4 && [ "$line" = "$1" ]
}

shows_window() { # name
	x2gohost exec --user alice env DISPLAY=":$display" xwininfo -root -tree && output | grep -q "$1"
}

namespaces_of() { # pid
	readlink /proc/"$1"/ns/{mnt,pid,net,uts,ipc} 2>/dev/null
}

# True if nothing of the instance is left; its namespaces were noted by up.
left_nothing() {
	local process
	for process in /proc/[0-9]*; do
		if namespaces_of "${process#/proc/}" | grep -qFf "$scratch/namespaces"; then
			echo "still there: $(tr '\0' ' ' <"$process/cmdline")" >"$scratch/err"
			return 1
		fi
	done
	! grep -F "$build/x2gohost/" /proc/mounts >"$scratch/err" &&
		! grep -lsFz "$state" /proc/[0-9]*/cmdline >"$scratch/err"
}

up() { # argument of up...
	x2gohost up "$@" || fail "up $*"
	# Without the test key, which would be tried first.
	sed '/IdentityFile/d; s/Host \*/&\n\tIdentityFile none/' "$state/ssh_config" >"$scratch/ssh_config"
	namespaces_of "$(cat "$state/init.pid")" >"$scratch/all"
	namespaces_of $$ >"$scratch/own"
	grep -vFf "$scratch/own" "$scratch/all" >"$scratch/namespaces"
	[ "$(wc -l <"$scratch/namespaces")" -eq 5 ] || fail 'five namespaces are its own'
}

down() {
	x2gohost down && left_nothing && [ ! -e "$state" ]
}

# What a person would type: $2 as password, else by the question; what was asked is kept.
login_with() { # user password ssh-option... command
	local user=$1
	cat >"$scratch/askpass" <<-ANSWERS
		#!/bin/sh
		printf '%s\n' "\$1" >>"$scratch/asked"
		case \$1 in
		*'ew password'*) echo 'Xylophone-77' ;;
		*' code: ') echo "${code:-$(one_time_code)}" ;;
		*) echo '$2' ;;
		esac
	ANSWERS
	chmod 700 "$scratch/askpass"
	: >"$scratch/asked"
	shift 2
	SSH_ASKPASS=$scratch/askpass SSH_ASKPASS_REQUIRE=force \
		ssh -F "$scratch/ssh_config" -o NumberOfPasswordPrompts=1 -l "$user" "$@" \
		</dev/null >"$scratch/out" 2>"$scratch/err"
}

password_login() { # user password command
	login_with "$1" "$2" x2gohost "$3"
}

one_time_code() {
	node -e '
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
		const bits = [...process.argv[1]]
			.map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0"))
			.join("");
		const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
		const time = Buffer.alloc(8);
		time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
		const mac = require("node:crypto").createHmac("sha1", key).update(time).digest();
		const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
		console.log(String(number % 1e6).padStart(6, "0"));' JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP
}

asked() { # pattern of each question
	[ "$(wc -l <"$scratch/asked")" -ge $# ] || return 1
	local pattern
	for pattern; do
		grep -q -- "$pattern" "$scratch/asked" || return 1
	done
}

check_life_of_a_session() {
	local began ended lines
	began=$(milliseconds)
	check 'x2gostartagent succeeds' start alice
	ended=$(milliseconds)
	mapfile -t lines < <(output)
	check "it prints seven lines ($((ended - began)) ms with the login)" [ ${#lines[@]} -eq 7 ]
	display=${lines[0]} cookie=${lines[1]} id=${lines[3]}
	# shellcheck disable=SC2016 # expanded inside
	check 'the listener is not reachable from outside' \
		bash -c '! : 2>/dev/null <"/dev/tcp/127.0.0.1/$1"' bash "${lines[4]}"
	connect "${lines[4]}"
	check 'the agent tells its version' agent_says 'version 8'
	check 'the agent sends the whole screen' agent_says 'frame 1024x768'
	check 'x2goruncommand starts' x2gohost ssh alice "exec sh -c 'setsid x2goruncommand \
$display ${lines[2]} $id ${lines[5]} ICEWM nosnd D </dev/null >/dev/null 2>&1 & exit 0'"
	check 'IceWM shows its bar' within 10 shows_window icewm
	check 'x2golistsessions has it running' listed_as R

	check 'x2gosuspend-session' x2go alice x2gosuspend-session "$id"
	check 'the agent closes the connection' agent_says eof
	wait "$kdrive_pid" || true
	check 'the agent is suspended' agent_state_is SUSPENDED
	check 'x2golistsessions has it suspended' listed_as S

	began=$(milliseconds)
	check 'x2goresume-session' \
		x2go alice x2goresume-session "$id" 1024x768 lan 16m-jpeg-9 us pc105/us 1 both
	ended=$(milliseconds)
	connect "$(output | sed -n 's/^gr_port=//p')"
	check "the agent is back ($((ended - began)) ms with the login)" agent_says 'version 8'
	check 'with the whole screen' agent_says 'frame 1024x768'
	check 'the agent keeps its options' \
		x2gohost exec --user alice test -s ".x2go/C-$id/options"
	check 'IceWM still lives' shows_window icewm

	check 'x2goterminate-session' x2go alice x2goterminate-session "$id"
	check 'the agent closes the connection' agent_says eof
	wait "$kdrive_pid" || true
	check 'x2golistsessions has it no more' within 5 listed_as ''
	check 'its processes are gone' within 5 fails_with 1 x2gohost exec pgrep -u alice icewm
}

check_users() {
	check 'alice logs in with her password' password_login alice wonderland true
	check 'not with another one' fails_with 255 password_login alice wonder true
	check 'u20 logs in too' password_login u20 wonderland true
	check 'alice cannot become root' fails_with 127 x2gohost ssh alice sudo -n true
	check 'nologin: the password is right, the command is not run' \
		fails_with 1 password_login nologin wonderland true
	check 'expired: logs in, but commands are refused' \
		fails_with 1 password_login expired wonderland true
	check 'locked: does not log in' fails_with 255 password_login locked wonderland true
	check 'tcsh: x2golistsessions works' x2go tcsh x2golistsessions
	check 'dash: x2golistsessions works' x2go dash x2golistsessions
	x2gohost ssh noisy 'echo out'
	check 'noisy: output is glued' grep -q '^half a lineout$' "$scratch/out"
	ssh -F "$state/ssh_config" -W 127.0.0.1:9 noforward@x2gohost </dev/null 2>"$scratch/err" || true
	check 'noforward: forwarding is prohibited' grep -q 'administratively prohibited' "$scratch/err"
	ssh -F "$state/ssh_config" -W 127.0.0.1:9 alice@x2gohost </dev/null 2>"$scratch/err" || true
	check 'alice: a closed port looks different' grep -q 'connect failed' "$scratch/err"
	check 'forbidden: no session' fails_with 9 start forbidden
	check 'limited: one session' start limited
	check 'limited: not a second one' fails_with 9 start limited
	check_onechannel
	check_methods
	check_inner
	check 'forced: another command is run' password_login forced wonderland 'echo mine'
	check 'and says so' grep -q '^only this$' "$scratch/out"
	check 'sftponly: no command is run' fails_with 1 password_login sftponly wonderland true
	local user
	for user in dot.user at@example.org dash-50-user; do
		check "$user: starts a session" start "$user"
		id=$(output | sed -n 4p)
		x2go "$user" x2golistsessions
		check "$user: and has it in the list" grep -q "|$id|" "$scratch/out"
	done
}

check_methods() {
	local code='' key type
	check 'code: password, then code' login_with code wonderland x2gohost true
	check 'code: asked for both' asked 'Password: ' 'Verification code: '
	check 'code: once more with the same one' login_with code wonderland x2gohost true
	code=000000
	check 'code: not with a wrong one' fails_with 255 login_with code wonderland x2gohost true
	code=
	check 'twostep: password, then code' login_with twostep wonderland x2gohost true
	check 'twostep: by two methods' asked "'s password: " 'Verification code: '
	check 'twice: the password by two methods' login_with twice wonderland x2gohost true
	check 'twice: asked twice' asked "'s password: " 'Password: '
	check 'rounds: texts, code, password' login_with rounds wonderland x2gohost true
	check 'rounds: the texts come' asked 'Maintenance' 'Verification' 'was right' 'Password'
	check 'rounds: and the last one' grep -q 'on a Tuesday' "$scratch/err"
	check 'rounds: and the banner' grep -q '& <family>' "$scratch/err"
	check 'text: no question' login_with text wonderland x2gohost true
	check 'text: none, really' fails_with 1 test -s "$scratch/asked"
	check 'renew: with a new password' login_with renew wonderland x2gohost true
	check 'renew: asked for it' asked 'Password: ' 'Current' 'New' 'Retype'
	check 'renew: which is good from now on' login_with renew Xylophone-77 x2gohost true
	check 'renew: without more questions' fails_with 1 asked . .

	check 'keyonly: no password helps' fails_with 255 login_with keyonly wonderland x2gohost true
	for type in ed25519 ecdsa rsa; do
		x2gohost gateway-key "$type"
		key=$(output)
		check "keyonly: the $type key does" login_with keyonly - -i "$key" x2gohost true
	done
	check 'alice does not trust it' fails_with 255 login_with alice wrong -i "$key" x2gohost true
	check 'keycode: key, then code' login_with keycode - -i "$key" x2gohost true
	check 'keypass: key, then password' login_with keypass wonderland -i "$key" x2gohost true
	check 'either: key, then code' login_with either - -i "$key" x2gohost true
	check 'either: password, then code' login_with either wonderland x2gohost true
}

check_inner() {
	ssh -F "$state/ssh_config" inner 'echo "$SSH_CONNECTION"' >"$scratch/out" 2>"$scratch/err"
	check 'inner: reached through the host' grep -q ' 192.0.2.22 22$' "$scratch/out"
	# shellcheck disable=SC2016 # expanded inside
	check 'inner: and in no other way' \
		bash -c '! timeout 2 bash -c ": </dev/tcp/192.0.2.22/22" 2>/dev/null'
	check 'jumper: may forward' login_with jumper springboard -W inner:22 x2gohost
	check 'jumper: to the sshd there' grep -q '^SSH-2.0-' "$scratch/out"
	check 'jumper: may do nothing else' \
		fails_with 1 login_with jumper springboard x2gohost true
	local code=''
	check 'jumpcode: after a code' login_with jumpcode springboard -W inner:22 x2gohost
	x2gohost gateway-key
	check 'jumpkey: by key' login_with jumpkey - -i "$(output)" -W inner:22 x2gohost
	check 'jumpdenied: may not' fails_with 255 login_with jumpdenied springboard -W inner:22 x2gohost
	check 'jumpdenied: prohibited' grep -q 'administratively prohibited' "$scratch/err"
}

check_onechannel() {
	local master=$scratch/master
	ssh -F "$state/ssh_config" -fMN -S "$master" onechannel@x2gohost >"$scratch/out" 2>"$scratch/err"
	coproc FIRST { exec ssh -F "$state/ssh_config" -S "$master" onechannel@x2gohost 'echo up; exec cat'; }
	# shellcheck disable=SC2153 # set by coproc
	local first_pid=$FIRST_PID
	read -r -t 10 <&"${FIRST[0]}" || fail 'onechannel: the first channel works'
	ssh -F "$state/ssh_config" -S "$master" -o ControlMaster=no onechannel@x2gohost true \
		2>"$scratch/err" </dev/null || true
	check 'onechannel: a second channel is refused' grep -q 'refused' "$scratch/err"
	ssh -F "$state/ssh_config" -S "$master" -O exit onechannel@x2gohost 2>/dev/null
	wait "$first_pid" || true
}

refused_before_banner() {
	! ssh -F "$state/ssh_config" alice@x2gohost true 2>"$scratch/err" &&
		grep -qE 'Connection (closed|reset)|banner' "$scratch/err"
}

check_conditions() {
	up --with no-x2go
	check 'no-x2go: exit 127' fails_with 127 x2gohost ssh alice x2golistsessions
	check 'another condition needs a down' fails_with 1 x2gohost up --with penalties
	check 'down' down

	up --with no-kdrive
	check 'no-kdrive: the feature is not there' \
		fails_with 255 x2go alice x2gofeature X2GOKDRIVE_BASE_SUPPORT
	check 'no-kdrive: starts fail' fails_with 12 start alice
	down || fail 'down'

	up --with no-encode-locale
	check 'no-encode-locale: the editor of options fails' fails_with 2 x2go alice x2gooptionsstring
	down || fail 'down'

	up --with broken-database
	x2go alice x2golistsessions
	check 'broken-database: Perl errors instead of a list' grep -q 'DBD::SQLite' "$scratch/out"
	down || fail 'down'

	up --with other-host-keys
	check 'other-host-keys: ssh notices' fails_with 255 x2gohost ssh alice true
	check 'and says so' grep -q 'HOST IDENTIFICATION HAS CHANGED' "$scratch/err"
	down || fail 'down'

	up --with other-inner-keys
	ssh -F "$state/ssh_config" inner true 2>"$scratch/err" && fail 'other-inner-keys'
	check 'other-inner-keys: ssh notices' grep -q 'Host key for inner has changed' "$scratch/err"
	down || fail 'down'

	up --with extensions
	check 'extensions: the feature is there' x2go alice x2gofeature X2GO_RUN_EXTENSIONS
	check 'extensions: sessions start as without' start alice
	down || fail 'down'

	up --with penalties
	local attempt attempts=()
	for _ in 1 2 3 4 5 6 7 8; do
		password_login alice wrong true &
		attempts+=($!)
	done
	for attempt in "${attempts[@]}"; do
		wait "$attempt" || true
	done
	check 'penalties: the address is shut out' refused_before_banner
	down || fail 'down'
}

check_crashes() {
	local process pid
	for process in unshare tini sshd; do
		up
		pid=$(cat "$state/init.pid")
		case $process in
		unshare) kill -KILL "$(awk '{ print $4 }' "/proc/$pid/stat")" ;;
		tini) kill -KILL "$pid" ;;
		# Who does it may go down with the host before its status is known.
		sshd) x2gohost exec pkill -KILL -o -x sshd || true ;;
		esac
		check "nothing outlives $process" within 5 left_nothing
		check 'status says so' fails_with 3 x2gohost status
	done
	up
	check 'up works again' x2gohost ssh alice true
	check 'homes are fresh' fails_with 1 x2gohost exec test -e /home/alice/.x2go
	check 'down leaves nothing' down
	check 'down again is no error' x2gohost down
}

x2gohost build || fail build
began=$(milliseconds)
up
pass "up ($(($(milliseconds) - began)) ms)"
began=$(milliseconds)
up
pass "up again ($(($(milliseconds) - began)) ms)"
check_life_of_a_session
check_users
began=$(milliseconds)
check 'down leaves nothing' down
pass "down ($(($(milliseconds) - began)) ms)"
check_conditions
check_crashes

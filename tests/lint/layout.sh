#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Rules of the layout that no compiler checks: who may include whom, how long a file may get, that
# every source names its licence and says what it owns.
set -euo pipefail
cd "$(dirname "$0")/../.."

failed=0
complain() {
	echo "layout: $*" >&2
	failed=1
}

# forbid FILES PATTERN WHY: none of the files may have an #include that matches.
forbid() {
	local hits
	# shellcheck disable=SC2086 # the file patterns are to be expanded
	hits=$(grep -nE "^#include [\"<]($2)" $1 /dev/null 2>/dev/null || true)
	[ -z "$hits" ] || complain "$3: $hits"
}

echo "  LINT  layout"
forbid "proto/*.[ch]" '(fcgi|brokerd|session)/' "proto/ knows no program"
forbid "proto/wire.? proto/messages.? proto/errors.?" '(event2/|log\.h|systemd/)' "pure files of proto/"
forbid "fcgi/*.[ch]" 'brokerd/' "fcgi/ knows only proto/"
forbid "$(git ls-files ':(glob)brokerd/*.[ch]')" '(brokerd/session/|brokerd/ctl/|fcgi/|libssh2|wslay|yajl|fcgiapp)' "the broker parses no SSH, HTTP, JSON or WebSocket"
# brokerctl asks servers for their host keys and what is installed there.
forbid "$(git ls-files ':(glob)brokerd/ctl/*.[ch]' ':!brokerd/ctl/ctl_hostkey_scan.c' ':!brokerd/ctl/ctl_doctor_login.c')" '(brokerd/session/|fcgi/|libssh2|wslay|yajl|fcgiapp)' "brokerctl parses no HTTP, JSON or WebSocket"
forbid "$(git ls-files ':(glob)**/*.[ch]' ':!brokerd/ctl/ctl_doctor_http.c' ':!brokerd/ctl/ctl_doctor_streams.c')" 'curl/' "only brokerctl doctor speaks HTTP as a client"
forbid "brokerd/session/*.[ch]" '(brokerd/[a-z_]+\.h|\.\./|fcgi|yajl|ini\.h)' "the session knows only its own and proto/"
forbid "brokerd/session/kdrive_*.[ch] brokerd/session/x2go_[a-z]*.[ch] brokerd/session/relay_flow.[ch] brokerd/session/relay_words.[ch]" '(sys/socket|event2/|libssh2|time\.h)' "pure files of the session"
# Another library in their places would be noticed there only.
forbid "$(git ls-files ':(glob)brokerd/session/*.[ch]' ':!brokerd/session/ssh*')" 'libssh2' "libssh2 is behind ssh.h"
forbid "$(git ls-files ':(glob)brokerd/session/*.[ch]' ':!brokerd/session/ws*')" 'wslay' "wslay is behind ws.h"

while read -r lines file; do
	[ "$file" = total ] || [ "$lines" -le 650 ] || complain "$file has $lines lines: split it by what it owns"
done < <(git ls-files '*.c' '*.h' '*.js' '*.mjs' '*.css' '*.sh' | xargs wc -l)

while read -r file; do
	head -3 "$file" | grep -q 'SPDX-License-Identifier: ISC' || complain "$file does not name its licence"
done < <(git ls-files '*.c' '*.h' '*.def' '*.js' '*.mjs' '*.css' '*.sh' Makefile)

exit "$failed"

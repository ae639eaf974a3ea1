#!/bin/bash
# SPDX-License-Identifier: ISC
# Installs Debian packages for building and testing. Some bring services along (nginx, sshd); tests
# and demo run their own instances, so those that are new here are neither started nor enabled.
set -euo pipefail

policy=/usr/sbin/policy-rc.d
services=()
installed() { dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'; }

installed nginx || services+=(nginx.service)
installed openssh-server || services+=(ssh.service ssh.socket)
installed fcgiwrap || services+=(fcgiwrap.service fcgiwrap.socket)
installed haproxy || services+=(haproxy.service)
installed lighttpd || services+=(lighttpd.service)
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
if [ ${#services[@]} -gt 0 ] && command -v systemctl >/dev/null; then
	systemctl disable --quiet "${services[@]}" || true
fi

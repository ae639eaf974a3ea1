#!/bin/bash
# SPDX-License-Identifier: ISC
#
# build-deb.sh TREE: builds the Debian package from a tree that `make deb` has laid out, on and for
# the release that runs here, and has lintian look at it. The package is then beside the tree; its
# version names the release, so that the next release's is newer.
set -euo pipefail
cd "$1"

# shellcheck source=/dev/null
. /etc/os-release
sed -i "1s/)/~deb$VERSION_ID)/" debian/changelog
# What it needs make deps has seen to. Nothing of the make that calls this is meant for the one inside.
env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u BUILD -u NPM_STAMP -u DEV -u SANITIZE -u CC -u PREFIX \
	dpkg-buildpackage --build=binary --no-pre-clean --no-check-builddeps --unsigned-source --unsigned-changes
cd ..
lintian --fail-on error,warning --tag-display-limit 0 ./*.changes

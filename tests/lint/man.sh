#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Manual pages: mandoc finds nothing in them, by its strictest rules but two. Lines may have 100
# columns, as everywhere in this tree; and whether a page of another package is installed here says
# nothing about ours.
set -euo pipefail
cd "$(dirname "$0")/../.."

echo "  LINT  manual pages"
command -v mandoc >/dev/null || {
	echo 'man: mandoc is not installed: make deps' >&2
	exit 1
}
found=$(mandoc -T lint packaging/man/*.[1-8] 2>/dev/null |
	grep -vE 'STYLE: (input text line longer than 80 bytes|referenced manual not found)' || true)
if [ -n "$found" ]; then
	printf '%s\n' "$found" >&2
	exit 1
fi

# The pages that ours name as ours are there.
failed=0
while read -r page section; do
	[ -e "packaging/man/$page.$section" ] || {
		echo "man: there is no $page($section)" >&2
		failed=1
	}
done < <(sed -nE 's/^\.Xr ((x2goweb|brokerctl)[a-z.-]*) ([1-8]).*/\1 \3/p' packaging/man/*.[1-8] | sort -u)
exit "$failed"

#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Runs the test programs that are named, several at a time, as most of them wait most of the time.
# What one that fails has said is shown; the last line counts passed and failed programs.
set -euo pipefail

run_one() {
	if timeout 120 "$1" >"$1.log" 2>&1; then
		echo "  PASS  ${1##*/}"
	else
		echo "  FAIL  ${1##*/}" >>"$1.log"
		cat "$1.log"
	fi
}
export -f run_one

results=$(mktemp)
trap 'rm -f "$results"' EXIT
# shellcheck disable=SC2016 # the inner shell's
printf '%s\0' "$@" |
	xargs -0 -n 1 -P "$((2 * $(nproc)))" bash -c 'run_one "$1"' bash | tee "$results"
passed=$(grep -c '^  PASS  ' "$results" || true)
echo "unit: $passed passed, $(($# - passed)) failed"
[ "$passed" = "$#" ]

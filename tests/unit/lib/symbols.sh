#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shared library exports exactly what its map lists, and the header declares
# exactly that. Usage: symbols.sh LIBRARY MAP HEADER
set -eu
exported=$(nm -D --defined-only "$1" | awk '$2 == "T" {sub(/@.*/, "", $3); print $3}' | sort)
listed=$(sed -n 's/^[[:space:]]*\(am_[a-z0-9_]*\);$/\1/p' "$2" | sort)
declared=$(tr '\n' ' ' <"$3" | grep -oE '[ *](am_[a-z0-9_]+)\(' | tr -d ' *(' | grep -v '_fn$' |
	sort -u)
n=0
fail=0
same() {
	n=$((n + 1))
	if [ -n "$2" ] && [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" >"${TMPDIR:-/tmp}/symbols.$$"
		printf '%s\n' "$3" | diff "${TMPDIR:-/tmp}/symbols.$$" - | sed 's/^/# /'
		rm -f "${TMPDIR:-/tmp}/symbols.$$"
		fail=1
	fi
}
echo 1..2
same "exported and listed symbols are the same" "$exported" "$listed"
same "listed and declared symbols are the same" "$listed" "$declared"
exit $fail

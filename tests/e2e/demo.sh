#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make demo: installs and builds what is missing, each step timed, then hands
# over to the controller. NODES=2 (default) or more; KEEP=1 stays up until
# Ctrl-C, KEEP=0 ends at once (default: stays on a terminal). SCENARIOS names
# what the guest runs, OUT where the results go.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${ROOT:=$(cd "$here/../.." && pwd)}" "${O:=$ROOT/build}"
: "${NODES:=2}" "${SCENARIOS:=demo}" "${KERNEL:=6.1}" "${LIMIT_SECONDS:=900}"
: "${OUT:=$O/demo}" "${SPARES:=0}"
export ROOT O
if [ -z "${KEEP:-}" ]; then
	if [ -t 0 ] && [ -t 1 ]; then KEEP=1; else KEEP=0; fi
fi
case $NODES in '' | *[!0-9]*) echo "demo: NODES: not a number; give 2 to 9" >&2; exit 2 ;; esac
if [ "$NODES" -lt 2 ] || [ "$NODES" -gt 9 ]; then
	echo "demo: NODES: $NODES is out of bounds; give 2 to 9" >&2
	exit 2
fi
mkdir -p "$OUT" "$O/demo-log"
steps=
step() { # name target...
	local name=$1 t0 t1 rc=0 log=$O/demo-log/$1.log
	shift
	printf 'setup: %s ... ' "$name"
	t0=$(date +%s%3N)
	make --no-print-directory -C "$ROOT" "$@" >"$log" 2>&1 </dev/null || rc=$?
	t1=$(date +%s%3N)
	if [ $rc -ne 0 ]; then
		printf 'FAILED\n'
		tail -n 30 "$log" >&2
		echo "demo: make $* failed; see $log" >&2
		exit 1
	fi
	printf '%s s\n' "$(awk "BEGIN{printf \"%.1f\", ($t1 - $t0) / 1000}")"
	steps+="${steps:+, }\"$name\": $(awk "BEGIN{printf \"%.1f\", ($t1 - $t0) / 1000}")"
}
step packages setup
fetched=$O/node/node_modules/node/bin # where this machine's Node.js is too old
[ -d "$fetched" ] && PATH=$fetched:$PATH
step userspace build-usr
step modules modules
step contracts contracts
step services build-devnet build-fakes
step controller build-e2e
list=$(printf '"%s",' $SCENARIOS)
E2E_OPTIONS="{\"root\":\"$ROOT\",\"build\":\"$O\",\"out\":\"$OUT\",\"nodes\":$NODES,\"spares\":$SPARES,\"scenarios\":[${list%,}],\"kernel\":\"$KERNEL\",\"keep\":$([ "$KEEP" = 1 ] && echo true || echo false),\"limitSeconds\":$LIMIT_SECONDS,\"setup\":{$steps}}"
export E2E_OPTIONS
exec node "$O/e2e/host.cjs"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make demo` is killed outright in the middle: after a while no process that it
# started, no mount, no namespace and no socket of it is left.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${ROOT:=$(cd "$here/../.." && pwd)}" "${O:=$ROOT/build}"
export ROOT O
mark=ATTESTMESH_KILL_TEST=$$.$RANDOM
out=$O/demo-killed
log=$O/demo-killed.log
fail() { echo "FAIL $*"; tail -n 20 "$log"; echo "0 passed, 1 failed"; exit 1; }

# Everything that inherited the mark; zombies have no environment.
marked() {
	local e
	for e in /proc/[0-9]*/environ; do
		[ "$e" = "/proc/$$/environ" ] && continue
		if { tr '\0' '\n' <"$e"; } 2>/dev/null | grep -qx "$mark"; then
			e=${e%/environ}
			echo "${e#/proc/} $(tr '\0' ' ' <"$e/cmdline" 2>/dev/null | cut -c1-80)"
		fi
	done
}
state() { awk '{print $1, $2, $3}' /proc/mounts | sort; ls /run/netns 2>/dev/null; }

before=$(state)
rm -rf "$out"
mkdir -p "$O"
env "$mark" KEEP=1 NODES=2 OUT="$out" make --no-print-directory -C "$ROOT" demo >"$log" 2>&1 </dev/null &
make=$!
for _ in $(seq 600); do
	grep -q 'lab ready' "$log" && break
	kill -0 $make 2>/dev/null || fail "make demo ended early"
	sleep 0.5
done
grep -q 'lab ready' "$log" || fail "no lab after 300 s"
running=$(marked | wc -l)
[ "$running" -ge 5 ] || fail "only $running processes carry the mark: the test sees too little"
kill -KILL $make
wait $make 2>/dev/null
for _ in $(seq 120); do
	[ -z "$(marked)" ] && break
	sleep 0.5
done
left=$(marked)
[ -z "$left" ] || { echo "$left" | awk '{print $1}' | xargs -r kill -KILL; fail "left behind: $left"; }
[ "$(state)" = "$before" ] || fail "mounts or namespaces differ"
[ -S "$out/console.sock" ] && fail "console.sock is left"
echo "ok   $running processes ended after SIGKILL to make, nothing left"
echo "1 passed, 0 failed"

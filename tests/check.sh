#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs make targets one after another, each with a log under build/check/, a
# line when it starts and ends, and a sign of life in between. A failure shows
# the end of its log and does not stop the others. The last line counts.
set -u
report=
if [ "${1:-}" = --report ]; then report=$2; shift 2; fi
: "${ROOT:=$(cd "$(dirname "$0")/.." && pwd)}" "${O:=$ROOT/build}"
export ROOT O
logs=$O/check
mkdir -p "$logs"

# Only the commands of listed packages are found from here on.
if [ -d "$O/setup/bin" ]; then
	export PATH=$O/setup/bin
	printf 'tools and packages:\n'
	sed 's/^/    /' "$O/setup/tools.txt"
fi
passed=0 failed=0 rows=
t_all=$SECONDS
beat=
trap '[ -n "$beat" ] && kill "$beat" 2>/dev/null' EXIT

run_one() { # target
	local t=$1 log=$logs/$1.log t0=$SECONDS rc=0 secs
	printf '==> %s\n' "$t"
	( while sleep 60; do printf '    %s: %d s, %s\n' "$t" $((SECONDS - t0)) \
		"$(tail -n 1 "$log" 2>/dev/null | tr -d '\r' | cut -c1-100)"; done ) &
	beat=$!
	make --no-print-directory -C "$ROOT" "$t" >"$log" 2>&1 </dev/null || rc=$?
	kill "$beat" 2>/dev/null; wait "$beat" 2>/dev/null; beat=
	secs=$((SECONDS - t0))
	if [ $rc -eq 0 ]; then
		passed=$((passed + 1))
		printf '    ok, %d s: %s\n' $secs "$(grep -E '[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)"
	else
		failed=$((failed + 1))
		printf '    FAILED (exit %d) after %d s; the end of %s:\n' $rc $secs "${log#"$ROOT"/}"
		tail -n 60 "$log" | sed 's/^/    | /'
	fi
	rows+="$t $rc $secs"$'\n'
}

for t in "$@"; do run_one "$t"; done

if [ -n "$report" ]; then
	mkdir -p "$(dirname "$report")"
	printf '%s' "$rows" | KERNEL=$(uname -r) LOGS=$logs python3 -c '
import json, os, re, sys
suites = []
for line in sys.stdin:
    name, rc, secs = line.split()
    text = open(os.path.join(os.environ["LOGS"], name + ".log"), errors="replace").read()
    counts = re.findall(r"\d+ passed, \d+ failed.*", text)
    suites.append({"suite": name, "kernel": os.environ["KERNEL"],
                   "result": "pass" if rc == "0" else "fail", "seconds": int(secs),
                   "detail": counts[-1] if counts else ""})
json.dump({"suites": suites}, open(sys.argv[1], "w"), indent=2)
' "$report"
fi

printf '%s' "$rows" | while read -r t rc secs; do
	printf '%-24s %-6s %5d s\n' "$t" "$([ "$rc" = 0 ] && echo pass || echo FAIL)" "$secs"
done
printf 'total %d s\n' $((SECONDS - t_all))
printf 'checks: %d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ] && [ $passed -gt 0 ]

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs make targets one after another, each with a log under build/check/, a
# line when it starts and ends, and a sign of life in between. A failure shows
# the end of its log and does not stop the others. The last line counts.
#   check.sh [--report FILE [--resume] [--beside 'TARGET...']] TARGET...
# FILE gets rows as report.py says. --resume leaves out what has passed there
# with the same inputs (CHECK_INPUTS: lines `TARGET PATH...`; one that is not
# named depends on everything). --beside: targets that only compute; they run
# beside the others with what the machine has left.
set -u
report= resume= beside=
while :; do
	case ${1:-} in
	--report) report=$2; shift 2 ;;
	--resume) resume=1; shift ;;
	--beside) beside=$2; shift 2 ;;
	*) break ;;
	esac
done
: "${ROOT:=$(cd "$(dirname "$0")/.." && pwd)}" "${O:=$ROOT/build}"
export ROOT O
logs=$O/check
mkdir -p "$logs" || exit
results=$(mktemp -d "$logs/results.XXXXXX") || exit
cd "$ROOT" || exit

# Only the commands of listed packages are found from here on.
if [ -d "$O/setup/bin" ]; then
	export PATH=$O/setup/bin
	printf 'tools and packages:\n'
	sed 's/^/    /' "$O/setup/tools.txt"
fi
t_all=$SECONDS
second=
trap '[ -n "$second" ] && kill -- -"$second" 2>/dev/null; rm -rf "$results"' EXIT

row() { # verb, target, arguments: of the report, if there is one
	python3 "$ROOT/tests/report.py" "$1" "$report" "${@:2}"
}

inputs_of() { # target
	local paths
	paths=$(sed -n "s/^ *$1 //p" <<<"${CHECK_INPUTS:-}")
	python3 "$ROOT/tests/report.py" inputs ${paths:-.}
}

run_one() { # target, how to call it...
	local t=$1 log=$logs/$1.log t0=$SECONDS rc=0 secs inputs= beat
	shift
	if [ -n "$report" ]; then
		inputs=$(inputs_of "$t") || exit
		if [ -n "$resume" ] && row has "$t" "$inputs"; then
			printf '==> %s\n    passed before with the same inputs (%s)\n' "$t" "$inputs"
			echo "0 0" >"$results/$t"
			return
		fi
		rm -f "$(dirname "$report")/rows/$t.json"
	fi
	printf '==> %s\n' "$t"
	( while sleep 60; do printf '    %s: %d s, %s\n' "$t" $((SECONDS - t0)) \
		"$(tail -n 1 "$log" 2>/dev/null | tr -d '\r' | cut -c1-100)"; done ) &
	beat=$!
	"$@" make --no-print-directory -C "$ROOT" "$t" >"$log" 2>&1 </dev/null || rc=$?
	kill "$beat" 2>/dev/null; wait "$beat" 2>/dev/null
	secs=$((SECONDS - t0))
	if [ $rc -eq 0 ]; then
		printf '    %s ok, %d s: %s\n' "$t" $secs "$(grep -E '[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)"
	else
		printf '    %s FAILED (exit %d) after %d s; the end of %s:\n' "$t" $rc $secs "${log#"$ROOT"/}"
		tail -n 60 "$log" | sed 's/^/    | /'
	fi
	if [ -n "$report" ]; then
		row add "$t" "$inputs" $rc $secs "$log" || rc=1
	fi
	echo "$rc $secs" >"$results/$t"
}

# A group of its own: an interrupt from the terminal does not reach it, the trap does.
if [ -n "$beside" ]; then
	set -m
	( for t in $beside; do run_one "$t" chrt -i 0 nice -n 19; done ) &
	second=$!
	set +m
fi
for t in "$@"; do run_one "$t"; done
[ -n "$second" ] && wait "$second"
second=

passed=0 failed=0
for t in "$@" $beside; do
	read -r rc secs <"$results/$t" || rc=1 secs=0
	if [ "$rc" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
	[ -n "$report" ] || printf '%-24s %-6s %5d s\n' "$t" "$([ "$rc" = 0 ] && echo pass || echo FAIL)" "$secs"
done
# Who sees the end of this alone is to see what failed.
for t in "$@" $beside; do
	read -r rc secs <"$results/$t" && [ "$rc" = 0 ] && continue
	printf 'of %s:\n' "${logs#"$ROOT"/}/$t.log"
	{ grep -aE -A 1 '^ *(FAIL|not ok|violation)' "$logs/$t.log" || tail -n 3 "$logs/$t.log"; } |
		cut -c1-300 | head -n 16 | sed 's/^/    | /'
done
printf 'total %d s\n' $((SECONDS - t_all))
printf 'checks: %d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ] && [ $passed -gt 0 ]

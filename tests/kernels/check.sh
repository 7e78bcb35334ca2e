#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# On a debug kernel built from source, KIND (see build.sh): proves that it finds
# planted mistakes, then has the modules' suites run in it, with allocations made
# to fail, and the netlink fuzzer. Logs under build/deep/, a row a part in
# build/deep/rows/ROWS.json. Closing line: `N passed, N failed`.
#   check.sh KIND [test...]      default: all of the suite
# ROWS: the make target (default kernels-KIND). FUZZ_SECS: how long the fuzzer runs
# in it (60). CHURN_ROUNDS: how often everything is unloaded, deleted and moved
# under traffic (5).
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${ROOT:=$(cd "$here/../.." && pwd)}" "${O:=$ROOT/build}"
export ROOT O
cd "$ROOT" || exit
part=
[ "${1:-}" = --part ] && { part=$2; shift 2; }
kind=$1
shift
kernel=$O/kernels/$kind modules=$O/kernels/$kind/modules deep=$O/deep tools=$O/netns
rows=$deep/rows/${ROWS:-kernels-$kind}.json
passed=0 failed=0
ok() { passed=$((passed + 1)); printf 'ok    %s\n' "$1"; }
bad() { failed=$((failed + 1)); printf 'FAIL  %s\n' "$1"; }
check() { local name=$1; shift; if "$@"; then ok "$name"; else bad "$name"; fi; }

# In a process the clock jumps to the next thing that is waited for, and stands
# still while anything runs: no deadline is missed for the machine's load. The
# fuzzer runs by the clock and gets one that walks, as does dump.sh: only a clock
# takes the CPU from a dump that another process is to interrupt. stall.sh, which
# has every CPU taken for a while, is for the kernel with several.
case $kind in
uml-debug)
	arch=um bugs="rcu lock object shift uaf oob leak"
	jumping="up down leave drops flood rekey iface two agent perm bounds churn faults unload"
	walking="dump fuzz"
	guest() { "$here/uml" -m 2G -k "$kernel" -a kasan_multi_shot "$@"; } ;;
smp-debug)
	arch=x86_64 bugs="rcu lock atomic object shift uaf oob leak"
	jumping=
	walking="up down leave drops flood rekey iface two agent stall perm bounds dump fuzz churn faults unload"
	# While a CPU's features are read anew there is no fifth level of tables for
	# a moment, and an interrupt then finds KASAN judging by the wrong bounds.
	guest() { "$ROOT/tests/qemu/vm" -m 3G -k "$kernel" -a "kasan_multi_shot no5lvl" "$@"; } ;;
*) echo "uml-debug or smp-debug" >&2; exit 2 ;;
esac
among() { local t; for t in $1; do [[ " $2 " == *" $t "* ]] && printf '%s ' "$t"; done; }
for t in "$@"; do
	[[ " $jumping $walking " == *" $t "* ]] || { echo "no test $t on $kind" >&2; exit 2; }
done
[ $# -gt 0 ] && jumping=$(among "$*" "$jumping") walking=$(among "$*" "$walking")

build_all() {
	"$here/build.sh" "$kind" || return 1
	# A process' modules are instrumented against undefined behaviour when told.
	kmod/tools/build "$kernel" "$modules" ARCH=$arch UBSAN_SANITIZE=y -j2 >"$deep/build-$kind.log" 2>&1 ||
		{ tail -n 20 "$deep/build-$kind.log"; return 1; }
	mkdir -p "$kernel/planted" && cp -u kmod/planted/* "$kernel/planted/" &&
		make -C "$kernel/obj" ARCH=$arch UBSAN_SANITIZE=y M="$kernel/planted" modules >"$deep/planted-$kind.log" 2>&1 ||
		{ tail -n 20 "$deep/planted-$kind.log"; return 1; }
	tests/netns/check.sh tools &&
		gcc -std=gnu11 -O1 -Wall -Wextra -Werror tests/kernels/failnth.c -o "$tools/failnth"
}

planted() {
	guest -q -t 600 -o "$deep/planted-$kind-run.log" "bash tests/kernels/planted.sh $kernel/planted/planted.ko $bugs"
	local rc=$?
	grep -E '^  (ok|FAIL) |^planted' "$deep/planted-$kind-run.log" | tr -d '\r'
	return $rc
}

# Patience for what has to happen is the clock's: one that jumps needs little, and
# what does not happen there takes long to wait for.
suites() { # jumping or walking, tests
	local log=$deep/$1-$kind.log patience=300 jump= rc
	[ "$1" = jumping ] && patience=30 jump=-j
	guest -q $jump -t "${SUITE_SECS:-5400}" -o "$log" \
		"PATIENCE_SECS=$patience CHURN_ROUNDS=${CHURN_ROUNDS:-5} FUZZ_SECS=${FUZZ_SECS:-60} FAULT_STEP=${FAULT_STEP:-5} bash tests/kernels/suite.sh $modules $tools $2"
	rc=$?
	tr -d '\r' <"$log" | awk '/FAIL/ {print; why = 1; next} /^-- |no memory is lost|passed, / || (why && /^        /) {print} {why = 0}'
	return $rc
}

case $part in
planted) planted; exit ;;
jumping) suites jumping "$jumping"; exit ;;
walking) suites walking "$walking"; exit ;;
esac

run() { # suite, part: in a process of its own, for the report
	local log=$deep/part-$kind.log n
	python3 tests/report.py run "$rows" "$1" "$(cat "$kernel/release")" "$here/check.sh" --part "$2" "$kind" "${tests[@]}" | tee "$log"
	local rc=${PIPESTATUS[0]}
	n=$(sed -nE 's/^[0-9].*[ :]([0-9]+) passed.*/\1/p' "$log" | tail -n 1)
	passed=$((passed + ${n:-0}))
	return $rc
}

tests=("$@")
mkdir -p "$deep"
rm -f "$rows"
check "$kind: kernel, modules and tools are built" build_all
[ $failed -eq 0 ] &&
	check "$kind: planted mistakes are all reported" run "planted mistakes" planted
[ $failed -eq 0 ] && [ -n "$jumping" ] &&
	check "$kind: suites with a clock that jumps, and no report of the kernel" run "suite, clock jumps" jumping
[ $failed -eq 0 ] && [ -n "$walking" ] &&
	check "$kind: suites by the clock, and no report of the kernel" run "suite, by the clock" walking
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ] && [ $passed -gt 0 ]

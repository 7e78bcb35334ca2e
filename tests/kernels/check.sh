#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# On a debug kernel built from source, KIND (see build.sh): proves that it finds
# planted mistakes, then has the modules' suites run in it, with allocations made
# to fail, and the netlink fuzzer. Log and result under build/deep/. Closing line:
# `N passed, N failed`.
#   check.sh KIND [test...]      default: all of the suite
# FUZZ_SECS: how long the fuzzer runs in it (default 60)
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${ROOT:=$(cd "$here/../.." && pwd)}" "${O:=$ROOT/build}"
cd "$ROOT" || exit
kind=$1
shift
kernel=$O/kernels/$kind modules=$O/kernels/$kind/modules deep=$O/deep tools=$O/netns
passed=0 failed=0 t0=$SECONDS
ok() { passed=$((passed + 1)); printf 'ok    %s\n' "$1"; }
bad() { failed=$((failed + 1)); printf 'FAIL  %s\n' "$1"; }
check() { local name=$1; shift; if "$@"; then ok "$name"; else bad "$name"; fi; }

# In a process the clock jumps to the next thing that is waited for, and stands
# still while anything runs: no deadline is missed for the machine's load. The
# fuzzer runs by the clock and gets one that walks; stall.sh, which has every CPU
# taken for a while, is for the kernel with several.
case $kind in
uml-debug)
	arch=um bugs="rcu lock object shift uaf oob leak"
	jumping="up down leave drops flood rekey iface two agent perm bounds dump faults unload"
	walking=fuzz
	guest() { "$here/uml" -m 2G -k "$kernel" -a kasan_multi_shot "$@"; } ;;
smp-debug)
	arch=x86_64 bugs="rcu lock atomic object shift uaf oob leak"
	jumping=
	walking="up down leave drops flood rekey iface two agent stall perm bounds dump fuzz faults unload"
	guest() { "$ROOT/tests/qemu/vm" -m 3G -k "$kernel" -a kasan_multi_shot "$@"; } ;;
*) echo "uml-debug or smp-debug" >&2; exit 2 ;;
esac
[ $# -gt 0 ] && jumping= walking=$*

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

count() { # log, word of the suite's closing line
	tr -d '\r' <"$1" | sed -nE "s/^[0-9].*[ :]([0-9]+) $2.*/\1/p" | tail -n 1
}

suites() { # log, option of the guest, tests
	local log=$deep/$1-$kind.log rc n
	guest -q $2 -t "${SUITE_SECS:-3600}" -o "$log" \
		"PATIENCE_SECS=120 FUZZ_SECS=${FUZZ_SECS:-60} FAULT_STEP=${FAULT_STEP:-5} bash tests/kernels/suite.sh $modules $tools $3"
	rc=$?
	grep -aE 'FAIL|^-- |no memory is lost|passed, ' "$log" | tr -d '\r'
	n=$(count "$log" passed)
	passed=$((passed + ${n:-0}))
	return $rc
}

mkdir -p "$deep"
check "$kind: kernel, modules and tools are built" build_all
[ $failed -eq 0 ] && check "$kind: planted mistakes are all reported" planted
[ $failed -eq 0 ] && [ -n "$jumping" ] &&
	check "$kind: suites with a clock that jumps, and no report of the kernel" suites jumping -j "$jumping"
[ $failed -eq 0 ] && [ -n "$walking" ] &&
	check "$kind: suites by the clock, and no report of the kernel" suites walking "" "$walking"
printf '{"suite": "kernels-%s", "kernel": "%s", "result": "%s", "seconds": %d, "detail": "%d passed, %d failed"}\n' \
	"$kind" "$(cat "$kernel/release" 2>/dev/null)" "$([ $failed -eq 0 ] && echo pass || echo fail)" \
	$((SECONDS - t0)) $passed $failed >"$deep/kernels-$kind.json"
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ] && [ $passed -gt 0 ]

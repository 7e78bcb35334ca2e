#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check-kmod: static checks of the modules' sources and builds, then the guest
# suites on each kernel given, with a negative control first. Closing line:
# `N passed, N failed`. With `tools` alone it builds the programs of the suites.
set -u
: "${ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}" "${O:=$ROOT/build}"
cd "$ROOT"
tools=$O/netns
src=$O/qemu/src/linux
passed=0 failed=0
ok() { passed=$((passed + 1)); printf 'ok    %s\n' "$1"; }
bad() { failed=$((failed + 1)); printf 'FAIL  %s\n' "$1"; }
check() { local name=$1; shift; if "$@"; then ok "$name"; else bad "$name"; fi; }

# Up first, for the rest relies on it; unloading last.
TESTS="up down leave drops flood rekey iface two agent stall perm bounds dump fuzz churn unload"

tools() {
	mkdir -p "$tools"
	local flags="-std=gnu11 -O1 -Wall -Wextra -Werror" i p s
	gcc $flags -Iinclude/uapi tests/netns/amctl.c tests/netns/amctl_nl.c -o "$tools/amctl" || return 1
	gcc $flags -Iinclude/uapi tests/netns/storm.c tests/netns/amctl_nl.c -o "$tools/storm" || return 1
	gcc $flags tests/netns/beatgen.c -lsodium -o "$tools/beatgen" || return 1
	gcc $flags tests/netns/hog.c -o "$tools/hog" || return 1
	python3 tests/fuzz/netlink/table.py include/uapi/linux/attestmesh.yaml >"$tools/table.h" &&
		gcc $flags -D_GNU_SOURCE -Iinclude/uapi -I"$tools" tests/fuzz/netlink/*.c -o "$tools/fuzz" || return 1
	[ -s "$tools/keys" ] && return 0
	for i in $(seq 64); do
		p=$(wg genkey)
		s=$(printf '%064x' $((i + 100)))
		echo "$i $p $(echo "$p" | wg pubkey) $s $("$tools/beatgen" key "$s")"
	done >"$tools/keys"
}

generated() {
	kmod/tools/nl-regen "$src" "$O/kmod/nl" >/dev/null &&
		cmp "$O/kmod/nl/attestmesh.h" include/uapi/linux/attestmesh.h &&
		cmp "$O/kmod/nl/nl_policy.c" kmod/nl_policy.c &&
		cmp "$O/kmod/nl/nl_policy.h" kmod/nl_policy.h
}

# W=1 and sparse, from emptied objects; nothing of ours may draw a warning, and
# a build in which sparse did not run says nothing.
static_build() { # kernel
	local log=$O/kmod/$1-static.log
	rm -rf "$O/kmod/$1-static"
	kmod/tools/build "$O/qemu/k$1" "$O/kmod/$1-static" W=1 C=2 -j2 >"$log" 2>&1 ||
		{ tail -n 20 "$log"; return 1; }
	local want=$(ls kmod/*.c | grep -vc selftest)
	[ "$(grep -c '^  CHECK' "$log")" -ge "$want" ] ||
		{ echo "sparse looked at $(grep -c '^  CHECK' "$log") files, there are $want"; return 1; }
	! grep -E 'warning:|error:' "$log" | grep -v 'Skipping BTF' | sort -u | head -n 20 | grep .
}

style() {
	perl "$src/scripts/checkpatch.pl" --no-tree --terse --strict --max-line-length=90 --show-types \
		--ignore "$(sed -nE 's/^([A-Z_]+)  # .*/\1/p' tests/netns/checkpatch.ignore | paste -sd,)" \
		-f $(ls kmod/*.[ch] | grep -v nl_policy) >"$O/kmod/checkpatch.log" 2>&1
	! grep -E '(ERROR|WARNING|CHECK):' "$O/kmod/checkpatch.log" | head -n 20 | grep .
}

small() { # module file: at most 250 KiB without debug information
	[ "$(stat -c %s "$1")" -le $((250 * 1024)) ]
}

guest() { # kernel, log, environment, tests...
	local kernel=$1 log=$2 env=$3
	shift 3
	tests/qemu/vm -q -k "$kernel" -t 600 -o "$log" \
		"$env bash tests/netns/suite.sh $O/kmod/$kernel $tools $*"
}

suites() { # kernel
	local log=$O/kmod/netns-$1.log p f
	# The control: a node on another port must make `up` fail, and by that.
	guest "$1" "$O/kmod/control-$1.log" "PLANT=port PATIENCE_SECS=4" up
	check "$1: a planted defect fails the suite" grep -q 'FAIL  all nodes up and converged' "$O/kmod/control-$1.log"
	guest "$1" "$log" "" $TESTS
	local rc=$?
	tr -d '\r' <"$log" | awk '/FAIL/ {print; why = 1; next} /^--|passed, / || (why && /^        /) {print} {why = 0}'
	p=$(sed -n 's/^[0-9].*: \([0-9]*\) passed, .*/\1/p' "$log" | tail -n 1)
	f=$(sed -n 's/^[0-9].*passed, \([0-9]*\) failed.*/\1/p' "$log" | tail -n 1)
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-1}))
	check "$1: the guest suite" test $rc = 0
}

[ "${1:-}" = tools ] && { tools; exit; }
check "test tools build" tools
check "generated netlink files are up to date" generated
check "checkpatch" style
for k in "$@"; do
	check "$k: W=1 and sparse" static_build "$k"
	for m in attestmesh attestmesh_ed25519; do
		check "$k: $m.ko is small" small "$O/kmod/$k/$m.ko"
	done
done
for k in "$@"; do suites "$k"; done
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ] && [ $passed -gt 0 ]

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The simulator's suite. Short: half a minute of seeds, one cluster of 1,100
# nodes, one seed twice, every planted defect. With SIM_DEEP=1: an hour of
# seeds that nobody has run yet, and a cluster of 2,048 nodes. SIM_JOBS: processes.
#
#   check.sh OUT      OUT/sim is the simulator
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$1
passed=0 failed=0

step() { # name command...
	local name=$1
	shift
	printf -- '-- %s\n' "$name"
	if "$@"; then passed=$((passed + 1)); else
		failed=$((failed + 1)); printf '%s: FAILED\n' "$name"
	fi
}

trace() { grep -o 'trace [0-9a-f]*'; }

# The same seed on a machine of 32 bits and on one of the other byte order:
# every verdict at the same nanosecond.
foreign() {
	local pure="beat replay own floors view row link pace live peers evidence converge"
	local flags="-std=gnu11 -O2 -static -D_GNU_SOURCE -I$root" sources f here_trace got
	sources=$(echo "$here"/*.c)
	for f in $pure; do sources+=" $root/kmod/$f.c"; done
	here_trace=$("$out/sim" --twice --seed 7 | trace)
	i686-linux-gnu-gcc $flags -o "$out/sim-i686" $sources || return 1
	powerpc64-linux-gnu-gcc $flags -o "$out/sim-powerpc64" $sources || return 1
	got=$(qemu-i386-static "$out/sim-i686" --twice --seed 7 | trace)
	echo "32 bits: $got"
	[ "$got" = "$here_trace" ] || return 1
	got=$(qemu-ppc64-static "$out/sim-powerpc64" --twice --seed 7 | trace)
	echo "big-endian: $got"
	[ "$got" = "$here_trace" ]
}

if [ -n "${SIM_DEEP:-}" ]; then
	seed=$(( $(date +%s) * 1000 ))
	step "seeds from $seed" "$out/sim" --seed "$seed" --jobs "${SIM_JOBS:-2}" \
		--seconds "${SIM_SECONDS:-3600}"
	step "2048 nodes" "$out/sim" --one --nodes 2048 --seed 2
else
	step "seeds" "$out/sim" --jobs "${SIM_JOBS:-2}" --seconds "${SIM_SECONDS:-30}"
	step "1100 nodes" "$out/sim" --one --nodes 1100 --seed 1
	step "one seed twice" "$out/sim" --twice --seed 7
	step "foreign machines" foreign
	step "planted defects" "$here/plants.sh" "$out/plants"
fi
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]

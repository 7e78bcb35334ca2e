#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The simulator's suite. Short: half a minute of seeds, one cluster of 1,100
# nodes, one seed twice, every planted defect. With SIM_DEEP=1: an hour of
# seeds that nobody has run yet, and a cluster of 2,048 nodes.
#
#   check.sh OUT      OUT/sim is the simulator
set -u
here=$(cd "$(dirname "$0")" && pwd)
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

if [ -n "${SIM_DEEP:-}" ]; then
	seed=$(( $(date +%s) * 1000 ))
	step "seeds from $seed" "$out/sim" --seed "$seed" --jobs 2 \
		--seconds "${SIM_SECONDS:-3600}"
	step "2048 nodes" "$out/sim" --one --nodes 2048 --seed 2
else
	step "seeds" "$out/sim" --jobs 2 --seconds "${SIM_SECONDS:-30}"
	step "1100 nodes" "$out/sim" --one --nodes 1100 --seed 1
	step "one seed twice" "$out/sim" --twice --seed 7
	step "planted defects" "$here/plants.sh" "$out/plants"
fi
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]

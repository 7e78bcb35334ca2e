#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the fuzzers: run.sh DIRECTORY runs|minutes. "runs" takes a fixed number
# of inputs each, "minutes" ten minutes each. Findings stay in DIRECTORY.
set -u
dir=$1 mode=$2
passed=0 failed=0
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1

fuzz() { # target runs
	local corpus=$dir/corpus/$1 bound=-runs=$2
	[ "$mode" = minutes ] && bound=-max_total_time=600
	mkdir -p "$corpus"
	"$dir/fuzz_$1" "$bound" -seed=7 -max_len=4096 -timeout=20 -rss_limit_mb=2048 \
		-artifact_prefix="$dir/finding-$1-" "$corpus" "$dir/seeds/$1" \
		>"$dir/$1.log" 2>&1
}

for spec in text:60000 server:15000 client:15000; do
	name=${spec%:*}
	if fuzz "$name" "${spec#*:}"; then
		passed=$((passed + 1))
		printf '%s: %s\n' "$name" "$(grep -E 'DONE|Done' "$dir/$name.log" | tail -n 1)"
	else
		failed=$((failed + 1))
		printf '%s: FAILED\n' "$name"
		tail -n 40 "$dir/$name.log"
	fi
done

# The defect on purpose must be found, or none of the above means anything.
rm -rf "$dir/corpus/planted"
mkdir -p "$dir/corpus/planted"
# From one seed, an echo, so that it is a matter of seconds.
"$dir/planted" -runs=300000 -mutate_depth=2 -len_control=0 -seed=7 -max_len=160 \
	-artifact_prefix="$dir/planted-" "$dir/corpus/planted" "$dir/seeds/planted" \
	>"$dir/planted.log" 2>&1
if grep -q '^planted: reached' "$dir/planted.log"; then
	passed=$((passed + 1))
	echo 'planted defect: found'
else
	failed=$((failed + 1))
	echo 'planted defect: NOT found'
fi
rm -f "$dir"/planted-*

printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]

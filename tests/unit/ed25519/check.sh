#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check.sh BUILD CASES SEED KERNEL...: runs what mk/ed25519.mk built and counts. Each line
# is one test program, one run of the fuzzer, one foreign machine,
# or one guest kernel.
set -u
build=$1 cases=$2 seed=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
passed=0 failed=0 skipped=0

result() { # name exit-code log
	if [ "$2" = 0 ]; then
		passed=$((passed + 1)); printf 'ok      %s: %s\n' "$1" "$(tail -n 1 "$3")"
	elif [ "$2" = 77 ]; then
		skipped=$((skipped + 1)); printf 'skipped %s (%s)\n' "$1" "$(tail -n 1 "$3")"
	else
		failed=$((failed + 1)); printf 'FAILED  %s (exit %s)\n' "$1" "$2"
		tail -n 30 "$3" | sed 's/^/    | /'
	fi
}

run() { # name command...
	local name=$1 log=$build/$1.log rc=0
	shift
	"$@" >"$log" 2>&1 || rc=$?
	result "$name" "$rc" "$log"
}

# The fuzzer with a defect linked in has to stop at a difference, all jobs of it.
run_planted() { # plant
	local log=$build/fuzz-$1.log rc=0
	timeout 120 "$build/fuzz-$1" -j 2 20000 "$seed" >"$log" 2>&1 || rc=$?
	if [ $rc = 1 ] && grep -q '^fuzz: ' "$log"; then
		result "planted $1 found" 0 "$log"
	else
		result "planted $1 found" 1 "$log"
	fi
}

# lanes.c that uses the FPU in spite of a refusal has to be seen doing it.
run_heedless() {
	local log=$build/t_fpu-planted.log rc=0
	"$build/t_fpu-planted" >"$log" 2>&1 || rc=$?
	if [ $rc != 0 ] && grep -q 'vector instructions outside a section' "$log"; then
		result 'planted use of a refused FPU found' 0 "$log"
	else
		result 'planted use of a refused FPU found' 1 "$log"
	fi
}

# The planted lookup has to be found, and to give the right signature otherwise.
run_secret_planted() {
	local log=$build/secret-planted.log rc=0
	timeout 120 valgrind -q "$build/secret-planted" >"$log" 2>&1 || rc=$?
	if [ $rc = 1 ] && grep -q '^secret: a branch or an address depends' "$log"; then
		result 'planted lookup found' 0 "$log"
	else
		result 'planted lookup found' 1 "$log"
	fi
}

# A program for another processor: directly where the kernel runs it, else by
# emulation.
run_foreign() { # triplet emulator
	local program=$build/replay-$1
	if "$program" >/dev/null 2>&1; [ $? = 2 ]; then
		run "replay $1" timeout 300 "$program" "$build/record"
	else
		run "replay $1 by $2" timeout 300 "$2" "$program" "$build/record"
	fi
}

# Signatures verified and made; the keys tried include a few that come often.
distinct() { # record...
	local twice all
	all=$(grep -hc '^[vs]' "$@" | sort -n | head -n 1)
	twice=$(grep -h '^[vs]' "$@" | sort | uniq -d | wc -l)
	echo "$twice of at least $all cases of each job in more than one"
	[ "$twice" = 0 ] && [ "$all" -ge 640 ]
}

has() { grep -qw "$1" /proc/cpuinfo; }

# Left out, because these files are userspace's too or hold assembly: types and
# attributes of the kernel, ARRAY_SIZE, macros of several values; and the two
# templates, whose function names are macros.
style() {
	local checkpatch=$1/linux/scripts/checkpatch.pl source=$here/../../../kmod/ed25519
	[ -e "$checkpatch" ] || { echo 'checkpatch.pl has not been fetched'; return 77; }
	perl "$checkpatch" --no-tree --strict --terse --ignore COMPLEX_MACRO,MACRO_ARG_REUSE,NEW_TYPEDEFS,LINUX_VERSION_CODE,PREFER_DEFINED_ATTRIBUTE_MACRO,ARRAY_SIZE,PREFER_KERNEL_TYPES,CONSTANT_COMPARISON \
		-f $(ls "$source"/*.[ch] | grep -vE 'comb_eval.h|ge_law.h') | grep -E ': (ERROR|WARNING|CHECK):' && return 1
	echo 'checkpatch finds nothing'
}

for t in t_field t_scalar t_comb t_verify t_lanes t_field_ifma t_fpu t_fpu_kernel t_wipe; do
	run $t "$build/$t"
done
run "fuzz $cases cases" "$build/fuzz" "$cases" "$seed"
run_planted S_RANGE
run_planted KEY_ORDER
if has avx512ifma && has avx512vbmi; then run_planted LANE; run_heedless
else echo 'no AVX-512 IFMA' >"$build/x.log"; result 'planted LANE found' 77 "$build/x.log"
	result 'planted use of a refused FPU found' 77 "$build/x.log"; fi
if has adx && has bmi2; then run_planted ADX
else echo 'no ADX' >"$build/x.log"; result 'planted ADX found' 77 "$build/x.log"; fi
run "signing is constant time" timeout 120 valgrind -q "$build/secret"
run_secret_planted
run "record" "$build/fuzz" -j 2 1280 "$seed"7 "$build/record"
run "no case in two jobs" distinct "$build/record" "$build/record.1"
if distinct "$build/record" "$build/record" >"$build/twice.log"
then result 'case in two jobs noticed' 1 "$build/twice.log"
else result 'case in two jobs noticed' 0 "$build/twice.log"; fi
run_foreign i686-linux-gnu qemu-i386-static
run_foreign powerpc64-linux-gnu qemu-ppc64-static
# a record with one verdict turned must be noticed
sed '0,/ 1$/s/ 1$/ 0/' "$build/record" >"$build/record-wrong"
if qemu-ppc64-static "$build/replay-powerpc64-linux-gnu" "$build/record-wrong" >"$build/wrong.log" 2>&1
then result 'wrong record noticed' 1 "$build/wrong.log"
else result 'wrong record noticed' 0 "$build/wrong.log"; fi
run style style "${O:-$build/..}/qemu/src"
for kernel; do
	run "guest $kernel" "$here/api/guest.sh" "$kernel" "$build"
done
printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed = 0 ] && [ $passed -gt 0 ]

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The netlink fuzzer's long run in a guest: guest.sh KERNEL MINUTES SEED, with
# modules and tools built before. Log: build/deep/fuzz-netlink.log; closing line
# as the suite's.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${ROOT:=$(cd "$here/../../.." && pwd)}" "${O:=$ROOT/build}"
cd "$ROOT" || exit
log=$O/deep/fuzz-netlink.log
mkdir -p "$O/deep"
tests/qemu/vm -q -k "$1" -t $(($2 * 60 + 300)) -o "$log" \
	"FUZZ_SECS=$(($2 * 60)) FUZZ_SEED=$3 bash tests/netns/suite.sh $O/kmod/$1 $O/netns fuzz"
rc=$?
grep -aE 'WRONG|WEAK|FAIL|fuzz:|passed, ' "$log" | tr -d '\r'
exit $rc

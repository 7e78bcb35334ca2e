#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In a debug kernel: planted.sh MODULE BUG... makes one mistake after another
# and fails if the kernel does not say of each what it has to say.
set -u
module=$1
shift
passed=0 failed=0

report_of() {
	case $1 in
	rcu) echo 'suspicious RCU usage' ;;
	lock) echo 'possible circular locking dependency' ;;
	atomic) echo 'sleeping function called from invalid context' ;;
	object) echo 'ODEBUG: free active .* timer_list' ;;
	shift) echo 'UBSAN: shift-out-of-bounds' ;;
	uaf) echo 'KASAN: (slab-)?use-after-free' ;;
	oob) echo 'KASAN: slab-out-of-bounds' ;;
	leak) echo 'unreferenced object' ;;
	esac
}

# Objects younger than five seconds are not reported, and one scan may be
# misled by what the registers and stacks of the moment point to.
scan() {
	local i
	for i in 1 2 3; do
		sleep 6
		echo scan >/sys/kernel/debug/kmemleak
	done
	cat /sys/kernel/debug/kmemleak
}

echo clear >/sys/kernel/debug/kmemleak
for bug in "$@"; do
	dmesg -c >/dev/null
	insmod "$module" bug="$bug" || echo "insmod: $?"
	said=$(dmesg)
	[ "$bug" = leak ] && said=$(scan)
	if grep -qE "$(report_of "$bug")" <<<"$said"; then
		passed=$((passed + 1))
		echo "  ok    planted $bug: $(grep -E "$(report_of "$bug")" <<<"$said" | head -n 1 | cut -c1-100)"
	else
		failed=$((failed + 1))
		echo "  FAIL  planted $bug: not reported"
	fi
	rmmod planted
done
echo "planted: $passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]

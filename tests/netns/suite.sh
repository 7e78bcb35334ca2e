#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs netns tests in the guest: suite.sh MODULES TOOLS test... Loads the
# modules, runs each test, and after each looks for leftovers and for anything
# the kernel had to say. Closing line: `N passed, N failed`.
set -u
cd "$(dirname "$0")"
modules=$1 tools=$2
shift 2
export TOOLS=$tools MODULES=$modules
total_passed=0 total_failed=0

load() {
	local m
	for m in veth bridge wireguard udp_tunnel ip6_udp_tunnel; do
		modprobe -d "$VM_KERNEL" "$m" || return 1
	done
	insmod "$modules/attestmesh_ed25519.ko" && insmod "$modules/attestmesh.ko"
}

unload() {
	local i
	for i in $(seq 100); do
		rmmod attestmesh 2>/dev/null && rmmod attestmesh_ed25519 && return 0
		sleep .1
	done
	echo "the modules do not unload"
	return 1
}

# Every created object destroyed, and the kernel content with it.
clean_after() { # test
	local line i
	for i in $(seq 100); do
		line=$(cat /sys/module/attestmesh/parameters/alive) || return 1
		[[ $line =~ meshes\ 0/.*peers\ 0/.*sockets\ 0/ ]] && break
		sleep .1
	done
	if [[ ! $line =~ meshes\ 0/.*peers\ 0/.*sockets\ 0/ ]]; then
		echo "  FAIL  objects are left after $1: $line"
		return 1
	fi
	quiet_kernel "$1"
}

# faults.sh makes memory scarce. That the leak detector itself lacked it is no
# report of the modules, nor that crypto_wait_for_test() warns when the kernel has
# none for the thread that is to test a new algorithm.
quiet_kernel() {
	local scarce='kmemleak: Cannot allocate a scan area'
	[ "$1" = faults ] && scarce+='|WARNING: .* at crypto/api\.c:.* crypto_wait_for_test\+'
	if dmesg -c | grep -vE "$scarce" | grep -E 'BUG|WARNING|INFO: |Oops|leak|refcount|unregister_netdevice|attestmesh: .* left|UBSAN|KASAN|possible recursive' >/tmp/said; then
		echo "  FAIL  the kernel said during $1:"
		sed 's/^/        /' /tmp/said | head -n 40
		return 1
	fi
}

add() { # closing line of a test
	local p f
	p=$(sed -n 's/.*: \([0-9]*\) passed, .*/\1/p' <<<"$1")
	f=$(sed -n 's/.*passed, \([0-9]*\) failed.*/\1/p' <<<"$1")
	total_passed=$((total_passed + ${p:-0})) total_failed=$((total_failed + ${f:-1}))
}

dmesg -c >/dev/null
load || { echo "the modules do not load"; dmesg | tail; exit 1; }
for t in "$@"; do
	t0=$SECONDS
	echo "== $t"
	bash "./$t.sh" 2>&1 | tee /tmp/out
	last=$(tail -n 1 /tmp/out)
	[[ $last == *passed,* ]] || { last="$t: 0 passed, 1 failed"; echo "  FAIL  $t ended early"; }
	add "$last"
	clean_after "$t" || total_failed=$((total_failed + 1))
	echo "-- $t $((SECONDS - t0)) s"
done
if [ -e /sys/module/attestmesh ]; then unload || total_failed=$((total_failed + 1)); fi
dmesg | grep 'attestmesh unloaded' || { echo "  FAIL  no closing word of the module"; total_failed=$((total_failed + 1)); }
quiet_kernel unloading || total_failed=$((total_failed + 1))
echo "$(uname -r): $total_passed passed, $total_failed failed"
[ $total_failed -eq 0 ] && [ $total_passed -gt 0 ]

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# guest.sh KERNEL BUILD: builds the provider and api_test.ko for a guest's kernel
# and runs them there. Called again inside the guest with the word "inside".
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${ROOT:=$(cd "$here/../../../.." && pwd)}" "${O:=$ROOT/build}"
export ROOT O

inside() { # directory with the modules
	dmesg -C
	for options in "" "adx=off" "simd=off adx=off"; do
		insmod "$1/attestmesh_ed25519.ko" $options
		insmod "$1/api_test.ko"
		rmmod api_test
		rmmod attestmesh_ed25519
	done
	dmesg
	[ "$(dmesg | grep -c 'ed25519-api: .* passed, 0 failed')" = 3 ]
	! dmesg | grep -E 'WARNING|BUG|Oops|Call Trace|UBSAN|KASAN'
	! grep -q '^name *: ed25519' /proc/crypto
}

if [ "$1" = inside ]; then inside "$2"; exit; fi

kernel=$1 build=$2/api-$1
headers=$(ls -d "$O/qemu/k$kernel"/usr/src/linux-headers-*-cloud-amd64)
rm -rf "$build"; mkdir -p "$build"
cp "$ROOT"/kmod/ed25519/*.[ch] "$ROOT"/kmod/ed25519/api_test/* "$build"
cp "$ROOT"/kmod/ed25519/Kbuild "$build"/Kbuild.provider
make -C "$headers" M="$build" W=1 KCFLAGS=-Werror modules >"$build/make.log" 2>&1 || {
	cat "$build/make.log"; exit 1; }
strip --strip-debug "$build"/*.ko
bytes=$(stat -c %s "$build/attestmesh_ed25519.ko")
echo "attestmesh_ed25519.ko without debug info: $bytes bytes"
[ "$bytes" -le $((250 * 1024)) ] || { echo "more than 250 KiB"; exit 1; }
timeout 200 "$ROOT/tests/qemu/vm" -k "$kernel" -n -o "$build/vm.log" -- \
	bash "$here/guest.sh" inside "$build" || exit 1
sed 's/\x1b\[[0-9;]*m//g' "$build/vm.log" | grep -o '[a-z]*: [0-9]* passed, [0-9]* failed' | tail -n 1

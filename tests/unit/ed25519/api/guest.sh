#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# guest.sh KERNEL BUILD: builds the provider and api_test.ko for a guest's kernel
# and runs them there. Called again inside the guest with the word "inside".
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${ROOT:=$(cd "$here/../../../.." && pwd)}" "${O:=$ROOT/build}"
export ROOT O

# A provider with a defect must not load where the defective part would be used.
refused() { # module options part
	if insmod "$1" $2; then
		echo "loaded in spite of a wrong answer: $1 $2"
		return 1
	fi
	dmesg | grep -q "known-answer test failed: .* ($3)"
	! grep -q '^name *: ed25519' /proc/crypto
}

inside() { # directory with the modules
	dmesg -C
	refused "$1/wrong-answer.ko" "" portable
	if grep -qw adx /proc/cpuinfo && grep -qw bmi2 /proc/cpuinfo; then
		refused "$1/wrong-adx.ko" "" adx
	fi
	insmod "$1/wrong-adx.ko" adx=off
	rmmod attestmesh_ed25519
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

# One source changed by a sed expression, which has to fit, in a module of its own.
plant() { # name source expression
	cp "$build/$2" "$build/$2.good"
	sed -i "$3" "$build/$2"
	! cmp -s "$build/$2" "$build/$2.good" || { echo "nothing planted in $2"; exit 1; }
	"$kmake" "$O/qemu/k$kernel" "$build" modules >>"$build/make.log" 2>&1 || {
		cat "$build/make.log"; exit 1; }
	strip --strip-debug -o "$build/$1.ko" "$build/attestmesh_ed25519.ko"
	mv "$build/$2.good" "$build/$2"
	touch "$build/$2"
}

if [ "$1" = inside ]; then inside "$2"; exit; fi

kernel=$1 build=$2/api-$1
kmake=$ROOT/kmod/tools/kmake
rm -rf "$build"; mkdir -p "$build"
cp "$ROOT"/kmod/ed25519/*.[ch] "$ROOT"/kmod/ed25519/api_test/* "$build"
cp "$ROOT"/kmod/ed25519/Kbuild "$build"/Kbuild.provider
"$kmake" "$O/qemu/k$kernel" "$build" W=1 KCFLAGS=-Werror modules >"$build/make.log" 2>&1 || {
	cat "$build/make.log"; exit 1; }
strip --strip-debug --remove-section=.BTF --remove-section=.BTF.base -o "$build/good.ko" "$build/attestmesh_ed25519.ko"
strip --strip-debug "$build/api_test.ko"
plant wrong-answer selftest.c '0,/0xe5, 0x56, 0x43/s//0xe5, 0x56, 0x42/'
plant wrong-adx eval_adx.c 's/f4_to_fe(&r->Y, &q.Y)/f4_to_fe(\&r->Y, \&q.X)/'
mv "$build/good.ko" "$build/attestmesh_ed25519.ko"
bytes=$(stat -c %s "$build/attestmesh_ed25519.ko")
echo "attestmesh_ed25519.ko without debug info: $bytes bytes"
[ "$bytes" -le $((250 * 1024)) ] || { echo "more than 250 KiB"; exit 1; }
timeout 200 "$ROOT/tests/qemu/vm" -k "$kernel" -n -o "$build/vm.log" -- \
	bash "$here/guest.sh" inside "$build" || exit 1
sed 's/\x1b\[[0-9;]*m//g' "$build/vm.log" | grep -o '[a-z]*: [0-9]* passed, [0-9]* failed' | tail -n 1

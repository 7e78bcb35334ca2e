#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Plants one defect at a time into a copy of the pure files and lets the
# simulator look for it: what it cannot find, it does not check. A defect is
# a sed script in plants/, named after the property that must find it; its
# second line says which file it goes into. The files of the project carry
# nothing for this.
#
#   plants.sh OUT [NAME...]
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$1; shift
: "${CC:=gcc}" "${PLANT_SECONDS:=60}"
flags="-std=gnu11 -O1 -D_GNU_SOURCE -I$out/base"
mkdir -p "$out/base"
rm -rf "$out/base/kmod"; mkdir -p "$out/base/kmod"
cp "$root"/kmod/*.[ch] "$out/base/kmod/"
pure="beat replay own floors view row link pace live peers evidence converge"

compile_base() {
	local f
	for f in $pure; do
		$CC $flags -c "$out/base/kmod/$f.c" -o "$out/base/$f.o" || return 1
	done
	for f in "$here"/*.c; do
		$CC $flags -c "$f" -o "$out/base/sim_$(basename "$f" .c).o" || return 1
	done
}

plant() { # name: prints a line, fails if not found
	local name=$1 script=$here/plants/$1.sed dir=$out/$1 file property objects f
	file=$(sed -n '2s/^# \([a-z_]*\)\.c: .*/\1/p' "$script")
	property=${name%%-*}
	mkdir -p "$dir"
	sed -f "$script" "$root/kmod/$file.c" >"$dir/$file.c" || return 1
	if cmp -s "$root/kmod/$file.c" "$dir/$file.c"; then
		echo "$name: FAILED: the defect no longer fits $file.c"; return 1
	fi
	$CC $flags -I"$out/base/kmod" -c "$dir/$file.c" -o "$dir/$file.o" ||
		{ echo "$name: FAILED: does not compile"; return 1; }
	objects=$dir/$file.o
	for f in $pure; do [ "$f" = "$file" ] || objects+=" $out/base/$f.o"; done
	$CC -o "$dir/sim" $objects "$out"/base/sim_*.o || return 1
	if f=$("$dir/sim" --find "$property" --seconds "$PLANT_SECONDS"); then
		echo "$name: $f"
	else
		echo "$name: FAILED: $f"; return 1
	fi
}

compile_base || { echo "plants: 0 passed, 1 failed (does not compile)"; exit 1; }
names=("$@")
[ ${#names[@]} -gt 0 ] || names=($(cd "$here/plants" && ls *.sed | sed 's/\.sed$//'))
rm -f "$out"/*.result
# Two at a time: this is one of several suites on two cores.
for name in "${names[@]}"; do
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
	( plant "$name"; echo $? >"$out/$name.result" ) &
done
wait
failed=0
for name in "${names[@]}"; do
	[ "$(cat "$out/$name.result" 2>/dev/null)" = 0 ] || failed=$((failed + 1))
done
echo "plants: $((${#names[@]} - failed)) passed, $failed failed"
[ $failed -eq 0 ]

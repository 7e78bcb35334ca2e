#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mutants.sh BUILD: makes each mistake listed in `mutants` in a copy of the
# sources, builds the tests named there over it and wants one of them to fail. A
# mistake that nothing notices is a failure, and so is a test that fails over the
# sources as they are.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
build=$1 source=$1/source
passed=0 failed=0
export O=$build

build_tests() { # test...
	make --no-print-directory -C "$root" -s ED_DIR="$source" SETUP="$build/no-setup" \
		"${@/#/$build/ed25519/}" >"$build/make.log" 2>&1 || { cat "$build/make.log"; return 1; }
}

passes() { timeout 120 "$build/ed25519/$1" >"$build/$1.log" 2>&1; }

# Which test noticed, or nothing.
noticed_by() { # test...
	local t
	for t; do passes "$t" || { echo "$t"; return; }; done
}

try() { # what file expression test...
	local what=$1 file=$2 expression=$3 by
	shift 3
	cp -p "$source/$file" "$build/good"
	sed -i "$expression" "$source/$file"
	if cmp -s "$source/$file" "$build/good"; then
		failed=$((failed + 1)); echo "FAILED  $what: the expression fits nothing in $file"
	elif ! build_tests "$@"; then
		failed=$((failed + 1)); echo "FAILED  $what: does not compile"
	elif by=$(noticed_by "$@"); [ -n "$by" ]; then
		passed=$((passed + 1)); echo "ok      $what: $by"
	else
		failed=$((failed + 1)); echo "FAILED  $what: noticed by none of $*"
	fi
	cat "$build/good" >"$source/$file"
}

mkdir -p "$source"
touch "$build/no-setup"
cp "$root"/kmod/ed25519/*.[ch] "$source"
mapfile -t lines < <(grep -v '^#' "$here/mutants")
tests=$(printf '%s\n' "${lines[@]}" | sed 's/.* | //' | tr ' ' '\n' | sort -u)
build_tests $tests || exit 1
for t in $tests; do
	passes "$t" || { echo "FAILED  $t fails without any mistake"; exit 1; }
done
for line in "${lines[@]}"; do
	what=${line%% | *} line=${line#* | }
	file=${line%% | *} line=${line#* | }
	try "$what" "$file" "${line% | *}" ${line##* | }
done
printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ] && [ $passed -gt 0 ]

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bundles one TypeScript test file or more and runs them under node's own test
# runner; closes with "N passed, N failed, N skipped". Usage: run.sh OUT FILE...
set -eu
out=$1; shift
: "${ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}"
export ROOT
rm -rf "$out"
"$ROOT/node_modules/.bin/esbuild" "$@" --bundle --platform=node --target=node20 --format=cjs \
	--out-extension:.js=.cjs --outdir="$out" --log-level=warning
cd "$ROOT"
rc=0
log=$out/log
find "$out" -name '*.test.cjs' | sort | xargs -r timeout 300 node --test --test-reporter=spec >"$log" 2>&1 || rc=$?
cat "$log"
count() { awk -v k="$1" '$2 == k && NF == 3 {n = $3} END {print n + 0}' "$log"; }
echo "$(count pass) passed, $(count fail) failed, $(count skipped) skipped"
[ $rc -eq 0 ] && [ "$(count pass)" -gt 0 ]

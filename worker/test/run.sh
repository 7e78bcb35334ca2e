#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The worker's tests inside workerd, without a network beyond loopback; closes
# with "N passed, N failed, N skipped". Usage: run.sh OUT
set -eu
out=$1
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$out/home"
report=$out/vitest.json
rm -f "$report"
cd "$here"
rc=0
HOME=$out/home WRANGLER_SEND_METRICS=false WRANGLER_SEND_ERROR_REPORTS=false CLOUDFLARE_CF_FETCH_ENABLED=false CI=1 NO_COLOR=1 \
	VITE_CACHE_DIR=$out/vite timeout "${WORKER_TEST_SECS:-300}" node ../node_modules/vitest/vitest.mjs run --config vitest.config.ts \
	--silent --reporter=default --reporter=json --outputFile.json="$report" >"$out/vitest.log" 2>&1 || rc=$?
grep -v '^{"surface"' "$out/vitest.log" || true
node -e '
const r = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
console.log(`${r.numPassedTests} passed, ${r.numFailedTests + (r.numFailedTestSuites > 0 && r.numFailedTests === 0 ? 1 : 0)} failed, ${r.numPendingTests} skipped`);
process.exit(r.success && r.numPassedTests > 0 && r.numPendingTests === 0 ? 0 : 1);
' "$report" || rc=1
exit $rc

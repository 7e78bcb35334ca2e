// SPDX-License-Identifier: MIT
// Tells what forge's JSON test report says, failures with their reasons, and ends with the line that the project's
// checks look for. The node tests' TAP reports are counted in.
import { readFileSync } from 'node:fs';

const [forgeReport, ...tapReports] = process.argv.slice(2);
let [passed, failed] = [0, 0];

for (const [suite, { test_results: tests }] of Object.entries(JSON.parse(readFileSync(forgeReport, 'utf8')))) {
  for (const [name, { status, reason }] of Object.entries(tests)) {
    if (status === 'Success') {
      passed += 1;
    } else {
      failed += 1;
      console.log(`FAILED ${suite} ${name}: ${reason ?? status}`);
    }
  }
}
for (const path of tapReports) {
  const text = readFileSync(path, 'utf8');
  passed += [...text.matchAll(/^ok /gm)].length;
  for (const [line] of text.matchAll(/^not ok .*$/gm)) {
    failed += 1;
    console.log(`FAILED ${path}: ${line}`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

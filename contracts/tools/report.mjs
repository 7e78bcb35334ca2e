// SPDX-License-Identifier: MIT
// Puts what the checks measured into build/contracts/report.json. It measures nothing itself: a missing input means
// that the checks have not run, and is an error.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILD, DEPLOYED, OUT, ROOT } from './paths.mjs';

const MAX_RUNTIME_BYTES = 24_576;
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

function testFacts() {
  const suites = Object.values(read(join(BUILD, 'tests.json')));
  const results = suites.flatMap(({ test_results: tests }) => Object.values(tests));
  const failed = results.filter(({ status }) => status !== 'Success').length;
  if (results.length === 0 || failed > 0) throw new Error(`${failed} of ${results.length} tests failed`);
  const campaigns = results.map(({ kind }) => kind.Invariant).filter(Boolean);
  if (campaigns.length === 0) throw new Error('no invariant campaign ran');
  return { tests: results.length, invariantRuns: Math.min(...campaigns.map(({ runs }) => runs)) };
}

function sizes() {
  const entries = DEPLOYED.map((name) => {
    const { deployedBytecode } = read(join(OUT, `${name}.sol`, `${name}.json`));
    return [name, (deployedBytecode.object.length - 2) / 2];
  });
  const tooLarge = entries.filter(([, bytes]) => bytes > MAX_RUNTIME_BYTES);
  if (tooLarge.length > 0) throw new Error(`larger than a contract may be: ${tooLarge.join(' ')}`);
  return Object.fromEntries(entries);
}

const coverage = read(join(BUILD, 'coverage.json'));
const gas = read(join(ROOT, 'contracts/snapshots/gas.json'));
const facts = testFacts();
const report = {
  coverage_lines: coverage.lines,
  coverage_branches: coverage.branches,
  tests: facts.tests,
  invariant_runs: facts.invariantRuns,
  gas: {
    register: Number(gas.register),
    send_300: Number(gas.send_300),
    set_csk_commitment: Number(gas.set_csk_commitment),
    members_page_1000: Number(gas.members_page_1000),
  },
  sizes: sizes(),
};
writeFileSync(join(BUILD, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
console.log(JSON.stringify(report, null, 2));

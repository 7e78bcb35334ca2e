// SPDX-License-Identifier: MIT
// Judges forge's coverage of contracts/src: at least so many lines and branches, and whatever is not covered must
// stand, with its reason, in contracts/test/uncovered.json. A reason for something that is covered fails as well.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BUILD, ROOT } from './paths.mjs';

const MIN_LINES_PERCENT = 98;
const MIN_BRANCHES_PERCENT = 95;

/// One pass over an lcov file; only our sources count, and all of them.
export function parse(text) {
  const totals = { lines: [0, 0], branches: [0, 0], uncovered: [] };
  let file;
  const count = (kind, hit, where) => {
    totals[kind][1] += 1;
    if (hit) totals[kind][0] += 1;
    else totals.uncovered.push(where);
  };
  for (const line of text.split('\n')) {
    const [tag, rest] = [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)];
    if (tag === 'SF') file = rest.startsWith('contracts/src/') ? rest : undefined;
    if (file === undefined) continue;
    const fields = rest.split(',');
    if (tag === 'DA') count('lines', Number(fields[1]) > 0, `${file}:${fields[0]}`);
    if (tag === 'BRDA') {
      count('branches', fields[3] !== '-' && Number(fields[3]) > 0, `${file}:${fields[0]} branch ${fields[1]}.${fields[2]}`);
    }
  }
  return totals;
}

export const percent = ([hit, all]) => Math.floor((hit / all) * 10_000) / 100;

function main() {
  const totals = parse(readFileSync(join(BUILD, 'lcov.info'), 'utf8'));
  const reasons = JSON.parse(readFileSync(join(ROOT, 'contracts/test/uncovered.json'), 'utf8'));
  const lines = percent(totals.lines);
  const branches = percent(totals.branches);
  const problems = [];
  if (totals.lines[1] === 0 || totals.branches[1] === 0) problems.push('the report has no lines or no branches');
  if (!(lines >= MIN_LINES_PERCENT)) problems.push(`${lines} % of lines, wanted ${MIN_LINES_PERCENT}`);
  if (!(branches >= MIN_BRANCHES_PERCENT)) problems.push(`${branches} % of branches, wanted ${MIN_BRANCHES_PERCENT}`);
  for (const where of totals.uncovered) {
    if (reasons[where]) console.log(`uncovered: ${where}: ${reasons[where]}`);
    else problems.push(`uncovered without a reason: ${where}`);
  }
  for (const where of Object.keys(reasons)) {
    if (!totals.uncovered.includes(where)) problems.push(`a reason for what is covered: ${where}`);
  }
  writeFileSync(join(BUILD, 'coverage.json'), `${JSON.stringify({ lines, branches, uncovered: totals.uncovered }, null, 2)}\n`);
  problems.forEach((problem) => console.error(`coverage: ${problem}`));
  console.log(`coverage: ${lines} % of ${totals.lines[1]} lines, ${branches} % of ${totals.branches[1]} branches`);
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = main();

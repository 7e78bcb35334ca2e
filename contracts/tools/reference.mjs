// SPDX-License-Identifier: MIT
// Writes the contracts' reference documentation from the NatSpec that the compiler kept: a page per deployed
// contract with its functions, events and errors. An external function without a @notice fails the build.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILD, DEPLOYED, OUT } from './paths.mjs';

/// Inherited from libraries that document themselves.
const FOREIGN = new Set([
  'acceptOwnership()', 'diamondCut((address,uint8,bytes4[])[],address,bytes)', 'facetAddress(bytes4)',
  'facetAddresses()', 'facetFunctionSelectors(address)', 'facets()', 'getFallbackAddress()', 'nomineeOwner()',
  'owner()', 'pendingOwner()', 'proxiableUUID()', 'setFallbackAddress(address)', 'supportsInterface(bytes4)',
  'transferOwnership(address)', 'UPGRADE_INTERFACE_VERSION()', 'upgradeToAndCall(address,bytes)', 'ENTRY_POINT()',
]);

const typeOf = ({ type, components }) =>
  (components ? type.replace('tuple', `(${components.map(typeOf).join(',')})`) : type);
const signature = ({ name, inputs }) => `${name}(${inputs.map(typeOf).join(',')})`;
const spoken = ({ name, inputs }) =>
  `${name}(${inputs.map((input) => [typeOf(input), input.indexed && 'indexed', input.name].filter(Boolean).join(' ')).join(', ')})`;

function describe(entry, user = {}, dev = {}) {
  const outputs = entry.outputs?.length ? ` → \`${entry.outputs.map(typeOf).join(', ')}\`` : '';
  const lines = [`### \`${spoken(entry)}\`${outputs}`, '', user.notice ?? '', ''];
  if (dev.details) lines.push(dev.details, '');
  for (const [name, text] of Object.entries(dev.params ?? {})) lines.push(`* \`${name}\`: ${text}`);
  if (dev.params) lines.push('');
  return lines;
}

function page(name) {
  const { abi, metadata } = JSON.parse(readFileSync(join(OUT, `${name}.sol`, `${name}.json`), 'utf8'));
  const { userdoc, devdoc } = metadata.output;
  const lines = [`# ${name}`, '', userdoc.notice ?? '', devdoc.details ?? '', ''];
  const missing = [];
  const section = (title, type, users, devs) => {
    const entries = abi.filter((entry) => entry.type === type);
    if (entries.length === 0) return;
    lines.push(`## ${title}`, '');
    for (const entry of entries.toSorted((a, b) => a.name.localeCompare(b.name))) {
      const key = signature(entry);
      // errors may be declared in several places, so they come as lists
      const [user, dev] = [users?.[key], devs?.[key]].map((doc) => (Array.isArray(doc) ? doc[0] : doc));
      if (type === 'function' && !user?.notice && !FOREIGN.has(key)) missing.push(`${name}.${key}`);
      lines.push(...describe(entry, user, dev));
    }
  };
  section('Functions', 'function', userdoc.methods, devdoc.methods);
  section('Events', 'event', userdoc.events, devdoc.events);
  section('Errors', 'error', userdoc.errors, devdoc.errors);
  return { text: `${lines.join('\n').replace(/\n{3,}/g, '\n\n')}\n`, missing };
}

const directory = join(BUILD, 'reference');
mkdirSync(directory, { recursive: true });
const undocumented = [];
for (const name of DEPLOYED) {
  const { text, missing } = page(name);
  writeFileSync(join(directory, `${name}.md`), text);
  undocumented.push(...missing);
}
undocumented.forEach((what) => console.error(`no @notice: ${what}`));
console.log(`reference: ${DEPLOYED.length} pages in ${directory}`);
process.exitCode = undocumented.length > 0 ? 1 : 0;

// SPDX-License-Identifier: MIT
// Compares the compiled contracts with the literal interface facts of tests/abi/contracts.json: selectors, topics,
// indexed arguments, layouts of answers and errors. Functions and errors both ways: none missing, none unlisted.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { concatHex, encodeAbiParameters, keccak256, toBytes } from 'viem';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OUT = process.env.FOUNDRY_OUT || join(ROOT, 'build/contracts/out');
const PINNED = JSON.parse(readFileSync(join(ROOT, 'tests/abi/contracts.json'), 'utf8'));

const abiOf = (name) => JSON.parse(readFileSync(join(OUT, `${name}.sol`, `${name}.json`), 'utf8')).abi;
const CONTRACTS = {
  attest: 'AttestFacet', csk: 'CskFacet', message: 'MessageFacet', network: 'NetworkFacet', dstack: 'DstackFacet',
  operator: 'OperatorFacet', member: 'ClusterMember', memberFactory: 'ClusterMemberFactory',
  clusterFactory: 'ClusterDiamondFactory', registry: 'IndexerRegistry', paymaster: 'VerifyingPaymaster',
  diamond: 'ClusterDiamond',
};
/// Public functions that are no part of the pinned interface: facets' self-description, and inherited ones.
const UNPINNED = {
  attest: ['selectorManifest()'], csk: ['selectorManifest()'], message: ['selectorManifest()'],
  network: ['selectorManifest()'], dstack: Object.keys(PINNED.functions.attestor),
  operator: Object.keys(PINNED.functions.attestor), memberFactory: [], clusterFactory: [], registry: [],
  member: ['UPGRADE_INTERFACE_VERSION()', ...Object.keys(PINNED.functions.dstack).filter((signature) =>
    /^(isAppAllowed|addComposeHash|removeComposeHash|addDevice|removeDevice|setAllowAnyDevice|setRequireTcbUpToDate|allowed(ComposeHashes|DeviceIds)|allowAnyDevice|requireTcbUpToDate|version)\(/.test(signature))],
  paymaster: ['renounceOwnership()'], diamond: ['getFallbackAddress()', 'setFallbackAddress(address)'],
};

const typeOf = ({ type, components }) =>
  (components ? type.replace('tuple', `(${components.map(typeOf).join(',')})`) : type);
const signature = ({ name, inputs }) => `${name}(${inputs.map(typeOf).join(',')})`;
const eventSignature = ({ name, inputs }) =>
  `${name}(${inputs.map((input) => typeOf(input) + (input.indexed ? ' indexed' : '')).join(',')})`;
const selector = (text) => keccak256(toBytes(text)).slice(0, 10);
const topic = (text) => keccak256(toBytes(text.replaceAll(' indexed', '')));

for (const [part, contract] of Object.entries(CONTRACTS)) {
  test(`${contract} has exactly the pinned functions`, () => {
    const compiled = abiOf(contract).filter(({ type }) => type === 'function').map(signature);
    for (const [text, pinned] of Object.entries(PINNED.functions[part])) {
      assert.equal(selector(text), pinned, `selector of ${text}`);
      assert.ok(compiled.includes(text), `${contract} has no ${text}`);
    }
    const allowed = new Set([...Object.keys(PINNED.functions[part]), ...UNPINNED[part]]);
    assert.deepEqual(compiled.filter((text) => !allowed.has(text)), [], 'unlisted functions');
  });
}

for (const [part, events] of Object.entries(PINNED.events)) {
  test(`${CONTRACTS[part]} emits the pinned events`, () => {
    const compiled = abiOf(CONTRACTS[part]).filter(({ type }) => type === 'event').map(eventSignature);
    for (const [text, pinned] of Object.entries(events)) {
      assert.equal(topic(text), pinned, `topic of ${text}`);
      assert.ok(compiled.includes(text), `${CONTRACTS[part]} has no event ${text}`);
    }
  });
}

test('answers have the pinned layouts', () => {
  const functions = Object.values(CONTRACTS).flatMap(abiOf).filter(({ type }) => type === 'function');
  for (const [text, layout] of Object.entries(PINNED.outputs)) {
    const found = functions.find((entry) => signature(entry) === text);
    assert.ok(found, `no ${text}`);
    assert.equal(found.outputs.map(typeOf).join(','), layout, text);
  }
});

test('errors are exactly the pinned ones', () => {
  const source = readFileSync(join(ROOT, 'contracts/src/types/Errors.sol'), 'utf8');
  const declared = [...source.matchAll(/^error (\w+)\(([^)]*)\);/gm)].map(([, name, inputs]) =>
    `${name}(${inputs.split(',').map((input) => input.trim().split(' ')[0]).join(',')})`);
  assert.deepEqual(declared.toSorted(), Object.keys(PINNED.errors).toSorted());
  for (const [text, pinned] of Object.entries(PINNED.errors)) assert.equal(selector(text), pinned, text);
});

test('the interface ids are the pinned ones', () => {
  const { dstack } = PINNED.functions;
  const gate = Object.keys(dstack).find((text) => text.startsWith('isAppAllowed'));
  assert.equal(dstack[gate], PINNED.interfaceIds.IAppAuth);
  const four = ['addComposeHash(bytes32)', 'removeComposeHash(bytes32)', 'addDevice(bytes32)', 'removeDevice(bytes32)'];
  const xor = four.reduce((sum, text) => sum ^ Number(dstack[text]), 0) >>> 0;
  assert.equal(`0x${xor.toString(16)}`, PINNED.interfaceIds.IAppAuthBasicManagement);
});

test('the worked vectors follow from the preimages', () => {
  const { vectors, preimages } = PINNED;
  const word = (value) => `0x${BigInt(value).toString(16).padStart(64, '0')}`;
  // words by hand, not by an ABI encoder: head, then the string's length and bytes
  const text = (string) => concatHex([word(string.length), `0x${Buffer.from(string).toString('hex').padEnd(64, '0')}`]);
  const binding = [vectors.cluster, vectors.member, vectors.xPubKey, vectors.wgPubKey].map(word);
  assert.equal(keccak256(concatHex([word(160), ...binding, text('attestmesh.bind.v1')])), vectors.dstackBind);
  assert.equal(
    keccak256(concatHex([word(224), ...binding, word(vectors.ownerKey), word(vectors.expiry), text('attestmesh.operator.bind.v1')])),
    vectors.operatorBind);
  assert.equal(
    keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'address' }, { type: 'bytes32' }],
      [vectors.cluster, vectors.member, preimages.attestorIdDstack])), vectors.memberIdDstack);
});

// SPDX-License-Identifier: MIT
// The deployment and administration scripts against a chain: every verb's effect read back from the chain, dry runs
// that send nothing, repeated runs that add nothing, refusals that are named.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeFunctionData, parseAbi, toHex, zeroAddress, zeroHash } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { ROOT, TEST_KEYS } from '../bundler/processes.mjs';
import { COMPOSE_HASH, World } from '../bundler/world.mjs';

const SECOND = TEST_KEYS.executor;
const second = privateKeyToAccount(SECOND).address;
let world;

before(async () => {
  world = await World.open();
  world.env.SECOND = SECOND;
});
after(() => world?.close());

const statuses = (receipt) => new Set(receipt.steps.map(({ status }) => status));
const blockNumber = () => world.client.getBlockNumber();

test('a dry run of the infrastructure sends nothing and names every address', async () => {
  const before = await blockNumber();
  const receipt = await world.verb('infrastructure', ['--paymaster-signer', second], { execute: false });
  assert.equal(await blockNumber(), before);
  assert.equal(receipt.dryRun, true);
  assert.deepEqual(statuses(receipt), new Set(['planned']));
  world.predicted = receipt.result;
});

test('the infrastructure lands where the dry run said, once', async () => {
  await world.deploy();
  for (const [name, address] of Object.entries(world.addresses)) {
    assert.ok(await world.client.getCode({ address }), `${name} has no code`);
    if (name !== 'paymaster') assert.equal(address, world.predicted[name], name);
  }
  const sponsor = privateKeyToAccount(TEST_KEYS.sponsor).address;
  const again = await world.verb('infrastructure', ['--paymaster-signer', sponsor, '--deposit', '1', '--stake', '1']);
  assert.deepEqual(statuses(again), new Set(['already']));
});

test('the operator attestor, which vouches by a key, is approved only on request', async () => {
  const { abi } = world.artifact('ClusterDiamondFactory');
  const approved = () => world.client.readContract({
    address: world.addresses.clusterFactory, abi, functionName: 'isApprovedAttestor', args: [world.addresses.operatorFacet],
  });
  assert.equal(await approved(), false);
  await world.verb('infrastructure', ['--with-operator']);
  assert.equal(await approved(), true);
});

test('a cluster is deployed and its diamond accepted; the same one again is accepted as it is', async () => {
  const owner = world.deployer;
  assert.equal(await world.read('clusterOwner'), owner);
  assert.equal(await world.read('owner'), owner);
  assert.deepEqual(await world.read('meshCidr'), [0x0a0d0000, 16]);
  assert.equal(await world.read('allowedComposeHashes', [COMPOSE_HASH]), true);
  const { result } = await world.verb('cluster', ['--cidr', '10.13.0.0/16', '--kms-root',
    '0xc4CfC07621383e38a109B72A570cd021989C439b', '--compose-hash', COMPOSE_HASH, '--allow-any-device']);
  assert.equal(result.cluster, world.cluster);
});

test('a cluster that somebody else deployed first with the same arguments is taken over', async () => {
  const words = ['--cidr', '10.14.0.0/16', '--owner', world.deployer];
  const byStranger = await world.verb('cluster', words, { key: 'SECOND' });
  assert.match(byStranger.result.diamondOwner, /^pending/);
  const byOwner = await world.verb('cluster', words);
  assert.equal(byOwner.result.cluster, byStranger.result.cluster);
  assert.equal(byOwner.result.diamondOwner, 'accepted');
  assert.equal(await world.read('owner', [], byOwner.result.cluster), world.deployer);
});

test('a bad network is refused by name before anything is sent', async () => {
  await assert.rejects(world.verb('cluster', ['--cidr', '10.13.0.0/30']), (error) => {
    assert.equal(error.receipt.error.revert, 'InvalidMeshCidr');
    return true;
  });
});

test('a member is deployed, allowed to boot, registers, is removed and readmitted', async () => {
  const node = await world.node(1);
  await world.verb('member', ['--cluster', world.cluster, '--salt', toHex(1, { size: 32 }), '--allow-app-id']);
  assert.equal(await world.read('allowedAppIds', [node.member]), true);
  const wallet = world.wallet(SECOND);
  const operator = world.operator();
  const register = await node.registerCall(world.abi.cluster);
  assert.equal(await operator.handle(node, register, wallet), true);
  await assert.rejects(world.verb('request-rotation', ['--cluster', world.cluster]), (error) =>
    error.receipt.error.revert === 'CskNotCommitted');
  const commit = encodeFunctionData({ abi: world.abi.cluster, functionName: 'setCskCommitment', args: [COMPOSE_HASH] });
  assert.equal(await operator.handle(node, commit, wallet), true);
  const rotation = await world.verb('request-rotation', ['--cluster', world.cluster]);
  assert.deepEqual(rotation.result, { committedGeneration: 1, requestedGeneration: 2 });

  const { result } = await world.verb('remove-member', ['--cluster', world.cluster, '--member', node.member]);
  assert.equal(await world.read('isClusterMember', [node.member]), false);
  // the live getter is silent now, so the script has to find the id in the paged view
  const back = await world.verb('readmit-member', ['--cluster', world.cluster, '--member', node.member]);
  assert.equal(back.result.memberId, result.memberId);
  assert.equal(await operator.handle(node, register, wallet), true);
  assert.equal(await world.read('isClusterMember', [node.member]), true);
  await world.verb('upgrade', ['--member', node.member]);
});

test('removing somebody who never was a member is refused', async () => {
  await assert.rejects(world.verb('remove-member', ['--cluster', world.cluster, '--member', zeroAddress]), /never was a member/);
});

test('a stock app is converted in place, and only after it was allowed', async () => {
  const { result: { app } } = await world.verb('stock-app', []);
  const words = ['--cluster', world.cluster, '--app', app];
  await assert.rejects(world.verb('convert', words), /allow it first/);
  await world.verb('allow', ['--cluster', world.cluster, '--app-id', app]);
  await world.verb('convert', words, { execute: false });
  const stock = parseAbi(['function owner() view returns (address)']);
  assert.equal(await world.client.readContract({ address: app, abi: stock, functionName: 'owner' }), world.deployer);
  await world.verb('convert', words);
  const cluster = await world.client.readContract({ address: app, abi: world.abi.member, functionName: 'cluster' });
  assert.equal(cluster, world.cluster);
  await assert.rejects(world.verb('convert', words), (error) => error.receipt.error.revert === 'InvalidInitialization');
});

test('lists and switches', async () => {
  const { cluster } = world;
  const items = ['--device', COMPOSE_HASH, '--kms-root', second, '--compose-hash', zeroHash];
  await world.verb('allow', ['--cluster', cluster, ...items]);
  assert.equal(await world.read('allowedDeviceIds', [COMPOSE_HASH]), true);
  assert.equal(await world.read('allowedKmsRoots', [second]), true);
  assert.deepEqual(statuses(await world.verb('allow', ['--cluster', cluster, ...items])), new Set(['already']));
  await world.verb('disallow', ['--cluster', cluster, ...items]);
  assert.equal(await world.read('allowedDeviceIds', [COMPOSE_HASH]), false);
  const { result } = await world.verb('policy', ['--cluster', cluster, '--any-device', 'off', '--legacy-registration', 'on']);
  assert.deepEqual(result, { 'any-device': false, 'tcb-up-to-date': false, 'legacy-registration': true });
  await assert.rejects(world.verb('allow', ['--cluster', cluster]), /nothing to change/);
  await assert.rejects(world.verb('policy', ['--cluster', cluster, '--any-device', 'on'], { key: 'SECOND' }), (error) =>
    error.receipt.error.revert === 'NotClusterOwner');
});

test('cuts add, remove and replace facets by their manifests', async () => {
  const { cluster, addresses } = world;
  const facets = () => world.read('facetAddresses');
  await world.verb('cut', ['--cluster', cluster, '--add', addresses.operatorFacet, '--operator-signer', second]);
  assert.equal(await world.read('isOperatorSigner', [second]), true);
  await world.verb('cut', ['--cluster', cluster, '--remove', addresses.operatorFacet]);
  assert.equal((await facets()).includes(addresses.operatorFacet), false);
  // the same facet of another release stands for a newer one: another salt, another address
  const { result: newer } = await world.verb('infrastructure', ['--salt', COMPOSE_HASH]);
  await world.verb('cut', ['--cluster', cluster, '--replace', addresses.messageFacet, '--with', newer.messageFacet]);
  assert.ok((await facets()).includes(newer.messageFacet));
  assert.equal((await facets()).includes(addresses.messageFacet), false);
  await assert.rejects(world.verb('cut', ['--cluster', cluster]), /exactly one/);
  await assert.rejects(world.verb('cut', ['--cluster', cluster, '--replace', newer.messageFacet]), /belong together/);
});

test('paymaster and registry', async () => {
  const { result } = await world.verb('paymaster', ['--deposit', '1', '--withdraw', '0.5', '--signer', second, '--to', second]);
  assert.equal(result.signer, second);
  const list = ['--endpoint', 'https://one', '--code-id', COMPOSE_HASH, '--pub-key', COMPOSE_HASH];
  await world.verb('indexers', [...list, ...list]);
  const { abi } = world.artifact('IndexerRegistry');
  const all = await world.client.readContract({ address: world.addresses.indexerRegistry, abi, functionName: 'indexers' });
  assert.equal(all.length, 2);
  await assert.rejects(world.verb('indexers', ['--endpoint', 'https://one']), /same number of times/);
});

test('one owner rotates, then both', async () => {
  const { cluster } = world;
  await world.verb('rotate-owner', ['--cluster', cluster, '--role', 'cluster', '--to', second]);
  await world.verb('accept-owner', ['--cluster', cluster, '--role', 'cluster'], { key: 'SECOND' });
  assert.equal(await world.read('clusterOwner'), second);
  await world.verb('rotate-owner', ['--cluster', cluster, '--role', 'diamond', '--to', second]);
  await world.verb('accept-owner', ['--cluster', cluster, '--role', 'diamond'], { key: 'SECOND' });
  await world.verb('rotate-owner', ['--cluster', cluster, '--to', world.deployer], { key: 'SECOND' });
  const { result } = await world.verb('accept-owner', ['--cluster', cluster]);
  assert.equal(result.clusterOwner, world.deployer);
  assert.equal(result.diamondOwner, world.deployer);
});

function cli(words, env = {}) {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, 'contracts/script/attestmesh-contracts.mjs'), ...words],
      { env: { ...process.env, ...env } },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
  });
}

test('the command line: help, usage errors, keys never in arguments', async () => {
  assert.equal((await cli(['--help'])).code, 0);
  assert.match((await cli(['cluster', '--help'])).stdout, /--cidr/);
  assert.equal((await cli([])).code, 2);
  for (const words of [
    ['nothing'], ['cluster', '--nothing'], ['cluster', '--cidr'], ['cluster', '--cidr', '10.13.0.0'],
    ['cluster', '--cidr', '10.13.0.300/16'], ['cluster', '--owner', '0x12', '--cidr', '10.13.0.0/16'], ['cluster'],
    ['member', '--cluster', zeroAddress, '--salt', '0x12'], ['paymaster', '--deposit', 'much'],
    ['policy', '--cluster', zeroAddress, '--any-device', 'maybe'], ['cut', '--cluster', zeroAddress, '--init-data', 'x'],
    ['infrastructure', '--rpc', world.chain.url], ['infrastructure', '--rpc', world.chain.url, '--execute', '--from', second],
    ['infrastructure', '--rpc', world.chain.url, '--key-env', 'A', '--key-file', 'B'],
    ['infrastructure', '--rpc', world.chain.url, '--key-env', 'SHORT'],
    ['member', '--rpc', world.chain.url, '--from', second, '--cluster', second],
  ]) {
    const { code, stderr } = await cli(words, { SHORT: '0x1234' });
    assert.equal(code, 2, `${words.join(' ')}: ${stderr}`);
  }
});

test('the command line writes its receipt, also of a failure', async () => {
  const file = join(world.directory, 'key');
  writeFileSync(file, `${TEST_KEYS.deployer}\n`, { mode: 0o600 });
  const receipt = join(world.directory, 'receipt.json');
  const common = ['--rpc', world.chain.url, '--key-file', file, '--artifacts', process.env.FOUNDRY_OUT || join(ROOT, 'build/contracts/out')];
  const done = await cli(['infrastructure', ...common]);
  assert.equal(done.code, 0, done.stderr);
  assert.equal(JSON.parse(done.stdout).verb, 'infrastructure');
  const failed = await cli(['request-rotation', ...common, '--cluster', second, '--receipt', receipt]);
  assert.equal(failed.code, 1);
  assert.doesNotMatch(failed.stdout + failed.stderr, new RegExp(TEST_KEYS.deployer.slice(2)));
});

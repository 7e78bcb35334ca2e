// SPDX-License-Identifier: MIT
// Operations of members under a real bundler's safe mode: account and factory unstaked, paymaster staked. A control
// account that breaks a rule is refused in the same set-up.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { encodeDeployData, encodeFunctionData } from 'viem';
import { DUMMY_SIGNATURE } from './node.mjs';
import { startStrictBundler, stop, TEST_KEYS } from './processes.mjs';
import { ENTRY_POINT } from '../../script/verbs/infrastructure.mjs';
import { World } from './world.mjs';

const RULE_VIOLATION = -32502;
let world;
let bundler;
let operator;
let first;

before(async () => {
  world = await World.open();
  await world.deploy();
  bundler = await startStrictBundler(world.chain.url);
  operator = world.operator(bundler.url);
  first = await world.node(1);
});

after(async () => {
  if (bundler) await stop(bundler.child);
  if (world) await world.close();
});

const deposit = (account) => world.client.readContract({
  address: ENTRY_POINT, abi: world.abi.entryPoint, functionName: 'getDepositInfo', args: [account],
});

test('account and factory are unstaked, the paymaster is staked', async () => {
  assert.equal((await deposit(first.member)).staked, false);
  assert.equal((await deposit(world.addresses.memberFactory)).staked, false);
  assert.equal((await deposit(world.addresses.paymaster)).staked, true);
});

test('the very first operation, a bootstrap, passes safe mode', async () => {
  const receipt = await operator.run(first, await first.registerCall(world.abi.cluster));
  assert.equal(receipt.success, true);
  assert.equal(await world.read('isClusterMember', [first.member]), true);
});

test('an operation of a registered member passes safe mode', async () => {
  const call = encodeFunctionData({ abi: world.abi.cluster, functionName: 'publishEd25519Key', args: [first.xPubKey] });
  assert.equal((await operator.run(first, call)).success, true);
  assert.equal(await world.read('ed25519KeyOf', [await world.read('memberIdOf', [first.member])]), first.xPubKey);
});

test('estimates with a dummy and with the real signature differ by less than one percent', async () => {
  const node = await world.node(2);
  const draft = await operator.sponsored(await operator.unsigned(node, await node.registerCall(world.abi.cluster)));
  const dummy = await operator.estimate({ ...draft, signature: DUMMY_SIGNATURE });
  const real = await operator.estimate(await operator.signed(draft, node));
  const [a, b] = [Number(dummy.verificationGasLimit), Number(real.verificationGasLimit)];
  assert.ok(Math.abs(a - b) < b / 100, `${a} with the dummy, ${b} with the real signature`);
});

test('a wrong signature is refused', async () => {
  const node = await world.node(3);
  const draft = await operator.sponsored(await operator.unsigned(node, await node.registerCall(world.abi.cluster)));
  await assert.rejects(operator.submit({ ...draft, signature: DUMMY_SIGNATURE }), /AA24|ignature/);
});

test('control: an account that asks its cluster in validation is refused by the rules', async () => {
  const wallet = world.wallet(TEST_KEYS.deployer);
  const { abi, bytecode } = world.artifact('RuleBreaker');
  const hash = await wallet.sendTransaction({ data: encodeDeployData({ abi, bytecode, args: [world.cluster] }) });
  const { contractAddress } = await world.client.waitForTransactionReceipt({ hash });
  const node = { member: contractAddress, cluster: world.cluster, owner: first.owner };
  const draft = await operator.sponsored(await operator.unsigned(node, '0x'));
  await assert.rejects(operator.submit(await operator.signed(draft, node)), { code: RULE_VIOLATION });
});

// SPDX-License-Identifier: Apache-2.0
// Every RPC of the agent socket through grpc-js, types taken from reflection,
// against a stand-in node (tests/unit/agent/surface/stand_in.c). Also a check
// of the command line client itself. Speaks TAP.
//
// Usage: node check.mjs STAND_IN
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { Surface } from './surface.mjs';

const AGENT = 'attestmesh.agent.v1.Agent';
const HEALTH = 'grpc.health.v1.Health';
const TO = '22'.repeat(32);
const bytes = (hex) => Buffer.from(hex, 'hex');
const dir = mkdtempSync(join(tmpdir(), 'grpc-js-'));
const socket = join(dir, 'agent.sock');
const node = spawn(process.argv[2], [socket], { stdio: ['ignore', 'pipe', 'inherit'] });
const exited = new Promise((resolve) => { node.on('exit', (code) => resolve(code)); });
let surface;

const send = (text, more = {}, options = {}) => surface.unary(AGENT, 'SendMessage',
  { recipient_member_id: bytes(TO), payload: Buffer.from(text), ...more }, options);
const text = (message) => Buffer.from(message.payload, 'hex').toString();

// Collects a stream; wait(n) resolves to its first n items.
function follow(service, method, request = {}) {
  const items = []; const waiters = []; let opened; let failed;
  const open = new Promise((resolve) => { opened = resolve; });
  const wake = () => waiters.forEach((waiter) => waiter());
  const cancel = surface.stream(service, method, request, {
    open: () => opened(), item: (item) => { items.push(item); wake(); },
    error: (error) => { failed = error; opened(); wake(); } });
  const wait = (count) => new Promise((resolve, reject) => {
    const look = () => {
      if (items.length >= count) resolve(items.slice(0, count));
      else if (failed) reject(failed);
    };
    waiters.push(look);
    look();
  });
  return { open, wait, cancel, items, error: () => failed };
}

function cli(...args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath,
      [fileURLToPath(new URL('client.mjs', import.meta.url)), ...args],
      { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (chunk) => { out += chunk; });
    child.on('exit', (code) => resolve({ code,
      lines: out.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line)) }));
  });
}

const tests = {
  'reflection lists what is served, in both versions': async () => {
    for (const version of ['v1', 'v1alpha']) {
      const other = await Surface.connect(socket, { version });
      assert.deepEqual([...other.services].sort(), [AGENT, HEALTH,
        'grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection']);
      other.close();
    }
    const service = surface.root.lookupService(AGENT);
    assert.deepEqual(service.methodsArray.map((method) => method.name).sort(),
      ['GetClusterSharedKey', 'GetMeshStatus', 'GetSelf', 'ListPeers', 'SendMessage',
        'SubscribeMessages', 'SubscribePeerEvents']);
  },
  'field numbers are those that existing apps hold': async () => {
    const numbers = (name) => Object.fromEntries(
      surface.root.lookupType(`attestmesh.agent.v1.${name}`).fieldsArray
        .map((field) => [field.name, field.id]));
    assert.deepEqual(numbers('MeshStatus'), { phase: 1, first_converged: 2, csk_acquired: 3,
      live_peer_count: 4, indexer_connected: 5, indexer_caught_up: 6, indexer_cursor_block: 7 });
    assert.deepEqual(numbers('PeerInfo'), { member_id: 1, mesh_ip: 2, live: 3 });
    assert.deepEqual(numbers('PeerList'), { peers: 1 });
    assert.deepEqual(numbers('SendRequest'), { recipient_member_id: 1, payload: 2,
      envelope_id: 3 });
    assert.deepEqual(numbers('SendResponse'), { envelope_id: 1, tx_hash: 2 });
    assert.deepEqual(numbers('SubscribeRequest'), { from_block: 1, from_log_index: 2 });
    assert.deepEqual(numbers('IncomingMessage'), { sender_member_id: 1, payload: 2,
      block_number: 3, log_index: 4, envelope_id: 5 });
    assert.deepEqual(numbers('PeerEvent'), { joined: 1, liveness: 2 });
    assert.deepEqual(numbers('PeerJoined'), { member_id: 1, mesh_ip: 2 });
    assert.deepEqual(numbers('PeerLiveness'), { member_id: 1, up: 2 });
    assert.deepEqual(numbers('ClusterSharedKey'), { key: 1 });
    assert.deepEqual(numbers('SelfInfo'), { member_id: 1, member_contract: 2, mesh_ip: 3 });
  },
  'status, self and peers': async () => {
    const { response: status } = await surface.unary(AGENT, 'GetMeshStatus');
    assert.equal(status.phase, 'heartbeating');
    assert.equal(status.indexer_cursor_block, String(2n ** 60n));
    const { response: self } = await surface.unary(AGENT, 'GetSelf');
    assert.equal(self.member_contract, 'bb'.repeat(20));
    assert.equal(self.mesh_ip, 0x0a000001);
    const { response: list } = await surface.unary(AGENT, 'ListPeers');
    assert.deepEqual(list.peers, [{ member_id: '11'.repeat(32), mesh_ip: 0x0a000002,
      live: true }]);
  },
  'the key is refused before the node is healthy, health says so': async () => {
    const watch = follow(HEALTH, 'Watch', { service: AGENT });
    assert.equal((await watch.wait(1))[0].status, 'NOT_SERVING');
    await assert.rejects(surface.unary(AGENT, 'GetClusterSharedKey'),
      { code: grpc.status.UNAVAILABLE });
    await send('healthy');
    const { response } = await surface.unary(AGENT, 'GetClusterSharedKey');
    assert.equal(response.key, '77'.repeat(32));
    assert.equal((await watch.wait(2))[1].status, 'SERVING');
    const check = await surface.unary(HEALTH, 'Check', { service: '' });
    assert.equal(check.response.status, 'SERVING');
    await assert.rejects(surface.unary(HEALTH, 'Check', { service: 'no.Such' }),
      { code: grpc.status.NOT_FOUND });
    const unknown = follow(HEALTH, 'Watch', { service: 'no.Such' });
    assert.equal((await unknown.wait(1))[0].status, 'SERVICE_UNKNOWN');
    unknown.cancel();
    watch.cancel();
  },
  'messages come to a subscriber, and from a cursor in order': async () => {
    const live = follow(AGENT, 'SubscribeMessages');
    await live.open;
    const sent = await send('one');
    assert.equal(sent.trailers['attestmesh-envelope-id'], sent.response.envelope_id);
    assert.equal(sent.response.tx_hash, `ee${'00'.repeat(31)}`);
    for (const word of ['two', 'three', 'four']) await send(word);
    const items = await live.wait(4);
    assert.deepEqual(items.map(text), ['one', 'two', 'three', 'four']);
    assert.equal(items[0].sender_member_id, TO);
    live.cancel();
    const at = items[0];
    const again = follow(AGENT, 'SubscribeMessages',
      { from_block: at.block_number, from_log_index: String(Number(at.log_index) + 1) });
    assert.deepEqual((await again.wait(3)).map(text), ['two', 'three', 'four']);
    await send('five');
    assert.deepEqual((await again.wait(4)).map(text)[3], 'five');
    assert.equal(again.items.length, 4);
    again.cancel();
  },
  'a send past its deadline is repeated with the id of the trailer': async () => {
    const live = follow(AGENT, 'SubscribeMessages');
    await live.open;
    const error = await send('hold', {}, { deadlineMs: 3000 }).then(
      () => assert.fail('it was not held'), (reason) => reason);
    assert.equal(error.code, grpc.status.DEADLINE_EXCEEDED);
    const [held] = await live.wait(1);
    const id = error.trailers['attestmesh-envelope-id'];
    assert.equal(id, held.envelope_id);
    const repeated = send('hold', { envelope_id: bytes(id) });
    await send('release');
    assert.equal((await repeated).response.envelope_id, id);
    await live.wait(2);
    assert.deepEqual(live.items.map(text), ['hold', 'release']);
    live.cancel();
  },
  'bad sends are refused with a sentence': async () => {
    await assert.rejects(send('x', { recipient_member_id: bytes('22') }),
      { code: grpc.status.INVALID_ARGUMENT, message: /32 bytes/ });
    await assert.rejects(send('reserved'), { code: grpc.status.INVALID_ARGUMENT });
    await assert.rejects(send('x'.repeat(65489)), { code: grpc.status.INVALID_ARGUMENT });
    await assert.rejects(send('x'.repeat(70000)), { code: grpc.status.RESOURCE_EXHAUSTED });
  },
  'an unknown method is UNIMPLEMENTED': () => new Promise((resolve, reject) => {
    surface.client.makeUnaryRequest(`/${AGENT}/Nothing`, () => Buffer.alloc(0), () => ({}),
      {}, (error) => {
        try { assert.equal(error?.code, grpc.status.UNIMPLEMENTED); resolve(); }
        catch (reason) { reject(reason); }
      });
  }),
  'peer events': async () => {
    const events = follow(AGENT, 'SubscribePeerEvents');
    await events.open;
    await send('peer');
    const [joined, up] = await events.wait(2);
    assert.deepEqual(joined, { joined: { member_id: '11'.repeat(32), mesh_ip: 0x0a000002 },
      kind: 'joined' });
    assert.deepEqual(up, { liveness: { member_id: '11'.repeat(32), up: true },
      kind: 'liveness' });
    events.cancel();
  },
  'the command line prints one object per line': async () => {
    assert.equal((await cli('--socket', socket, 'status')).lines[0].phase, 'healthy');
    const sent = await cli('--socket', socket, 'send', '--to', TO, '--text', 'by hand');
    assert.equal(sent.lines[0].trailers['attestmesh-envelope-id'], sent.lines[0].envelope_id);
    const got = await cli('--socket', socket, 'subscribe-messages', '--from-block', '1',
      '--count', '3');
    assert.equal(got.code, 0);
    assert.deepEqual(got.lines[0], { subscribed: true });
    assert.equal(text(got.lines[1]), 'healthy');
    const key = (await cli('--socket', socket, 'csk')).lines[0];
    assert.equal(key.bytes, 32);
    assert.equal(JSON.stringify(key).includes('7777'), false);
    const refused = await cli('--socket', socket, 'send', '--to', '22', '--text', 'x');
    assert.equal(refused.code, 1);
    assert.equal(refused.lines[0].error.name, 'INVALID_ARGUMENT');
    assert.equal((await cli('--socket', socket, 'nothing')).code, 2);
    assert.equal((await cli('--socket', `${socket}.absent`, 'status')).lines[0].error.name,
      'UNAVAILABLE');
    assert.equal((await cli('--socket', socket, 'reflect', '--version', 'v1alpha'))
      .lines.length, 4);
  },
  'a server that goes down ends its streams in order': async () => {
    const live = follow(AGENT, 'SubscribeMessages');
    await live.open;
    node.kill('SIGTERM');
    await assert.rejects(live.wait(1), { code: grpc.status.UNAVAILABLE });
    assert.equal(await exited, 0);
    assert.equal(existsSync(socket), false);
  },
};

async function main() {
  let failed = 0; let number = 0;
  await new Promise((resolve, reject) => {
    node.stdout.once('data', resolve);
    exited.then((code) => reject(new Error(`the stand-in ended with ${code}`)));
  });
  surface = await Surface.connect(socket);
  process.stdout.write(`1..${Object.keys(tests).length}\n`);
  for (const [name, run] of Object.entries(tests)) {
    number += 1;
    try {
      await run();
      process.stdout.write(`ok ${number} - ${name}\n`);
    } catch (error) {
      failed += 1;
      process.stdout.write(`not ok ${number} - ${name}\n# ${String(error.stack)
        .replaceAll('\n', '\n# ')}\n`);
    }
  }
  surface.close();
  return failed ? 1 : 0;
}

main().catch((error) => {
  process.stdout.write(`Bail out! ${error.message}\n`);
  return 1;
}).then((code) => {
  node.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
  process.exit(code);
});

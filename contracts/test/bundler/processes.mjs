// SPDX-License-Identifier: MIT
// The chain and the bundler of the node tests: started on free loopback ports, waited for by their answers, ended
// by their process ids whatever happens.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ENTRY_POINT } from '../../script/verbs/infrastructure.mjs';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const LOGS = join(process.env.O ?? join(ROOT, 'build'), 'contracts/logs');
const START_ATTEMPTS = 300;
const START_POLL_MS = 100;
/// anvil's published test keys: the deployer, the bundler's executor and its utility account.
export const TEST_KEYS = {
  deployer: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  executor: '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  utility: '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  sponsor: '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
};

const children = new Set();
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function rpc(url, method, params = []) {
  const response = await fetch(url, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const { result, error } = await response.json();
  if (error) throw Object.assign(new Error(`${method}: ${error.message}`), { code: error.code, data: error.data });
  return result;
}

function start(name, command, args) {
  mkdirSync(LOGS, { recursive: true });
  const log = createWriteStream(join(LOGS, `${name}.log`));
  const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  child.once('exit', () => children.delete(child));
  return child;
}

async function answering(child, url, method) {
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
    try {
      return await rpc(url, method);
    } catch (error) {
      if (attempt + 1 === START_ATTEMPTS) throw error;
      await sleep(START_POLL_MS);
    }
  }
}

export async function stop(child) {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

export async function startChain() {
  const port = await freePort();
  const child = start('anvil', join(ROOT, 'node_modules/.bin/anvil'),
    ['--port', String(port), '--host', '127.0.0.1', '--hardfork', 'prague', '--silent']);
  const url = `http://127.0.0.1:${port}`;
  await answering(child, url, 'eth_chainId');
  return { child, url };
}

/// The bundler with the validation rules of ERC-7562 enforced by tracing.
export async function startStrictBundler(chainUrl) {
  const port = await freePort();
  const child = start('bundler', process.execPath, [
    '--require', join(ROOT, 'contracts/test/bundler/loopback.cjs'),
    join(ROOT, 'node_modules/alto-strict/esm/cli/alto.js'), 'run',
    '--entrypoints', ENTRY_POINT, '--rpc-url', chainUrl, '--port', String(port), '--safe-mode', 'true',
    '--executor-private-keys', TEST_KEYS.executor, '--utility-private-key', TEST_KEYS.utility,
    '--utility-wallet-monitor', 'false', '--min-executor-balance', '0', '--min-entity-stake', '1',
    '--min-entity-unstake-delay', '86400', '--log-level', 'warn', '--json', 'true',
    '--enable-debug-endpoints', 'true',
  ]);
  const url = `http://127.0.0.1:${port}/v2/rpc`;
  await answering(child, url, 'eth_supportedEntryPoints');
  return { child, url };
}

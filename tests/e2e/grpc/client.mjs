// SPDX-License-Identifier: Apache-2.0
// The command line of surface.mjs: asks a node's agent socket and prints one
// JSON object per line. Exit code 0, 1 when the call failed (the last line
// then has "error"), 2 for a wrong command line.
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { REFLECTION_VERSIONS, Surface } from './surface.mjs';

const AGENT = 'attestmesh.agent.v1.Agent';
const HEALTH = 'grpc.health.v1.Health';

const USAGE = `usage: client --socket PATH COMMAND [options]
  reflect [--version v1|v1alpha]     services, methods and message fields
  status | peers | self
  send --to HEX (--text T | --hex H) [--id HEX] [--deadline-ms N]
  subscribe-messages [--from-block N] [--from-log-index N] [--count N] [--seconds S]
  subscribe-events [--count N] [--seconds S]
  csk [--raw]                        the key's SHA-256; --raw: the key itself
  health [--service NAME] [--watch] [--count N] [--seconds S]`;

const OPTIONS = {
  socket: { type: 'string' }, version: { type: 'string' }, to: { type: 'string' },
  text: { type: 'string' }, hex: { type: 'string' }, id: { type: 'string' },
  'deadline-ms': { type: 'string' }, 'from-block': { type: 'string' },
  'from-log-index': { type: 'string' }, count: { type: 'string' },
  seconds: { type: 'string' }, raw: { type: 'boolean' }, service: { type: 'string' },
  watch: { type: 'boolean' },
};

const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const bytes = (hex) => Buffer.from((hex ?? '').replace(/^0x/, ''), 'hex');

function describe(surface) {
  for (const name of surface.services) {
    const service = surface.root.lookupService(name);
    const methods = {};
    for (const method of service.methodsArray) {
      method.resolve();
      methods[method.name] = {
        request: method.resolvedRequestType.fullName.slice(1),
        response: method.resolvedResponseType.fullName.slice(1),
        requestStream: Boolean(method.requestStream),
        responseStream: Boolean(method.responseStream),
        fields: Object.fromEntries(method.resolvedResponseType.fieldsArray
          .map((field) => [field.name, field.id])),
      };
    }
    print({ service: name, methods });
  }
}

// Prints a stream until count items, seconds, or its end.
function follow(surface, service, method, request, options) {
  return new Promise((resolve) => {
    let left = options.count ? Number(options.count) : Infinity;
    let cancel = () => {};
    const timer = options.seconds
      ? setTimeout(() => { cancel(); resolve(0); }, Number(options.seconds) * 1000) : null;
    const finish = (code) => { clearTimeout(timer); resolve(code); };
    cancel = surface.stream(service, method, request, {
      open: () => print({ subscribed: true }),
      item: (item) => {
        print(item);
        left -= 1;
        if (left === 0) { cancel(); finish(0); }
      },
      error: (error) => { print(asError(error)); finish(1); },
      end: () => finish(0),
    });
  });
}

function asError(error) {
  return { error: { code: error.code ?? null, name: error.codeName ?? null,
    message: error.message, trailers: error.trailers ?? {} } };
}

async function unary(surface, service, method, request, options) {
  const { response, trailers } = await surface.unary(service, method, request, options);
  return { ...response, ...(trailers['attestmesh-envelope-id']
    ? { trailers: { 'attestmesh-envelope-id': trailers['attestmesh-envelope-id'] } } : {}) };
}

const commands = {
  reflect: async (surface) => { describe(surface); return 0; },
  status: async (surface) => { print(await unary(surface, AGENT, 'GetMeshStatus')); return 0; },
  peers: async (surface) => { print(await unary(surface, AGENT, 'ListPeers')); return 0; },
  self: async (surface) => { print(await unary(surface, AGENT, 'GetSelf')); return 0; },
  send: async (surface, o) => {
    const payload = o.hex !== undefined ? bytes(o.hex) : Buffer.from(o.text ?? '');
    print(await unary(surface, AGENT, 'SendMessage',
      { recipient_member_id: bytes(o.to), payload, envelope_id: bytes(o.id) },
      { deadlineMs: Number(o['deadline-ms'] ?? 120000) }));
    return 0;
  },
  'subscribe-messages': (surface, o) => follow(surface, AGENT, 'SubscribeMessages',
    { from_block: o['from-block'] ?? '0', from_log_index: o['from-log-index'] ?? '0' }, o),
  'subscribe-events': (surface, o) => follow(surface, AGENT, 'SubscribePeerEvents', {}, o),
  csk: async (surface, o) => {
    const { key } = await unary(surface, AGENT, 'GetClusterSharedKey');
    print(o.raw ? { key }
      : { sha256: createHash('sha256').update(bytes(key)).digest('hex'),
        bytes: bytes(key).length });
    return 0;
  },
  health: async (surface, o) => {
    const request = { service: o.service ?? '' };
    if (o.watch) return follow(surface, HEALTH, 'Watch', request, o);
    print(await unary(surface, HEALTH, 'Check', request));
    return 0;
  },
};

async function main(argv) {
  let values; let positionals;
  try {
    ({ values, positionals } = parseArgs({ args: argv, options: OPTIONS,
      allowPositionals: true }));
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}\n`);
    return 2;
  }
  const command = commands[positionals[0]];
  const version = values.version ?? 'v1';
  if (!command || positionals.length !== 1 || !values.socket ||
      !REFLECTION_VERSIONS.includes(version)) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  let surface;
  try {
    surface = await Surface.connect(values.socket, { version });
    return await command(surface, values);
  } catch (error) {
    print(asError(error));
    return 1;
  } finally {
    surface?.close();
  }
}

// Not at the top level: a bundle in CommonJS has no await there.
main(process.argv.slice(2)).then((code) => { process.exitCode = code; });

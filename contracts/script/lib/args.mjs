// SPDX-License-Identifier: MIT
// Command line parsing from one table per verb, and the value types it knows. It never sees a private key:
// keys come from a file or an environment variable that the command line only names.
import { getAddress, isAddress, isHex, parseEther, size } from 'viem';

export class UsageError extends Error {}

function address(text, name) {
  if (!isAddress(text, { strict: false })) throw new UsageError(`--${name}: not an address: ${text}`);
  return getAddress(text.toLowerCase());
}

function bytes32(text, name) {
  if (!isHex(text) || size(text) !== 32) throw new UsageError(`--${name}: not 32 bytes of hex: ${text}`);
  return text;
}

function hex(text, name) {
  if (!isHex(text)) throw new UsageError(`--${name}: not hex: ${text}`);
  return text;
}

/// "10.13.0.0/16" as the two numbers that the contracts take.
function cidr(text, name) {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  const parts = match?.slice(1).map(Number);
  if (!parts || parts.slice(0, 4).some((part) => part > 255)) {
    throw new UsageError(`--${name}: not a.b.c.d/prefix: ${text}`);
  }
  return { ip: parts.slice(0, 4).reduce((sum, part) => sum * 256 + part, 0), prefix: parts[4] };
}

function uint(text, name) {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${name}: not a number: ${text}`);
  return Number(text);
}

function ether(text, name) {
  if (!/^\d+(\.\d{1,18})?$/.test(text)) throw new UsageError(`--${name}: not an amount of ether: ${text}`);
  return parseEther(text);
}

function onOff(text, name) {
  if (text !== 'on' && text !== 'off') throw new UsageError(`--${name}: on or off, not ${text}`);
  return text === 'on';
}

const TYPES = { address, bytes32, hex, cidr, uint, ether, onOff, text: (text) => text };

export const COMMON = {
  rpc: { type: 'text', hint: 'URL', help: 'JSON-RPC endpoint (default http://127.0.0.1:8545)' },
  'key-file': { type: 'text', hint: 'FILE', help: 'file with the 32-byte hex key that signs' },
  'key-env': { type: 'text', hint: 'NAME', help: 'environment variable with that key' },
  from: { type: 'address', hint: 'ADDR', help: 'account to plan for in a dry run without a key' },
  artifacts: { type: 'text', hint: 'DIR', help: 'compiled contracts (default build/contracts/out)' },
  infrastructure: { type: 'text', hint: 'FILE', help: 'receipt of the infrastructure verb' },
  receipt: { type: 'text', hint: 'FILE', help: 'where to write the JSON receipt (default standard output)' },
  execute: { flag: true, help: 'send transactions; without it nothing is sent' },
};

/// Parse the words after the verb. Options marked `many` collect into arrays; `required` ones must be there.
export function parseArgs(words, options) {
  const table = { ...COMMON, ...options };
  const values = {};
  for (const [name, spec] of Object.entries(table)) if (spec.many) values[name] = [];
  for (let i = 0; i < words.length; i++) {
    const name = words[i].startsWith('--') ? words[i].slice(2) : undefined;
    const spec = name === undefined ? undefined : table[name];
    if (!spec) throw new UsageError(`unknown option ${words[i]}`);
    if (spec.flag) {
      values[name] = true;
      continue;
    }
    if (i + 1 >= words.length) throw new UsageError(`--${name} needs a value`);
    const value = TYPES[spec.type](words[++i], name);
    if (spec.many) values[name].push(value);
    else values[name] = value;
  }
  for (const [name, spec] of Object.entries(table)) {
    if (spec.required && values[name] === undefined) throw new UsageError(`--${name} is required`);
  }
  return values;
}

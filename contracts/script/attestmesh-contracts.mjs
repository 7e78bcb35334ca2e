#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Deploying and administering AttestMesh contracts: one verb per run, a JSON receipt, nothing sent without
// --execute. The verbs are under verbs/; this file only chooses one and reports.
import { BaseError, ContractFunctionRevertedError } from 'viem';
import { COMMON, parseArgs, UsageError } from './lib/args.mjs';
import { Session } from './lib/session.mjs';
import { acceptOwner, cluster, rotateOwner } from './verbs/cluster.mjs';
import { cut } from './verbs/cut.mjs';
import { infrastructure } from './verbs/infrastructure.mjs';
import { convert, member, readmitMember, removeMember, requestRotation, upgrade } from './verbs/member.mjs';
import { allow, disallow, policy } from './verbs/policy.mjs';
import { indexers, paymaster } from './verbs/services.mjs';
import { stockApp } from './verbs/stock-app.mjs';

const VERBS = {
  infrastructure, cluster, member, 'stock-app': stockApp, convert, upgrade, cut,
  allow, disallow, policy,
  'remove-member': removeMember, 'readmit-member': readmitMember, 'request-rotation': requestRotation,
  'rotate-owner': rotateOwner, 'accept-owner': acceptOwner, paymaster, indexers,
};
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

function optionLines(options) {
  return Object.entries(options).map(([name, { hint, help, required }]) =>
    `  --${`${name}${hint ? ` ${hint}` : ''}`.padEnd(28)} ${help}${required ? ' (required)' : ''}`).join('\n');
}

function help(verb) {
  if (verb) {
    return `usage: attestmesh-contracts.mjs ${verb} [options]\n${VERBS[verb].help}\n\n`
      + `${optionLines(VERBS[verb].options)}\n\ncommon options\n${optionLines(COMMON)}\n`;
  }
  const list = Object.entries(VERBS).map(([name, { help: text }]) => `  ${name.padEnd(18)} ${text}`).join('\n');
  return `usage: attestmesh-contracts.mjs VERB [options]; VERB --help for its options\n\n${list}\n`;
}

/// The innermost reason, with the custom error's name where the chain gave one.
function reason(error) {
  if (!(error instanceof BaseError)) return { message: error.message };
  const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
  const revert = reverted?.data?.errorName ?? reverted?.signature;
  return { message: error.shortMessage, ...(revert && { revert }) };
}

/// Run one verb in this process; what the devnet and the tests call. Throws on failure, with the receipt attached.
export async function runVerb(verb, words, env = process.env) {
  if (!Object.hasOwn(VERBS, verb)) throw new UsageError(`unknown verb ${verb}`);
  const args = parseArgs(words, VERBS[verb].options);
  const session = await Session.open(verb, args, env);
  try {
    return { receipt: session.receipt(await VERBS[verb].run(session)), args };
  } catch (error) {
    error.receipt = session.receipt(undefined, reason(error));
    error.args = args;
    throw error;
  }
}

async function main([verb, ...words]) {
  const known = verb !== undefined && Object.hasOwn(VERBS, verb);
  if (verb === undefined || verb === '--help' || (known && words.includes('--help'))) {
    process.stdout.write(help(known ? verb : undefined));
    return verb === undefined ? EXIT_USAGE : 0;
  }
  try {
    const { receipt, args } = await runVerb(verb, words);
    Session.write(receipt, args.receipt);
    return 0;
  } catch (error) {
    process.stderr.write(`attestmesh-contracts: ${verb}: ${reason(error).message}\n`);
    if (error.receipt) Session.write(error.receipt, error.args.receipt);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname) process.exitCode = await main(process.argv.slice(2));

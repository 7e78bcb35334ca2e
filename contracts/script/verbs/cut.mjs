// SPDX-License-Identifier: MIT
// Diamond cuts built from what facets say of themselves: adding an attestor with its initialiser, removing one
// with its retirement, replacing a core facet by a newer release's.
import { encodeAbiParameters, encodeFunctionData, parseAbi, parseAbiParameters, zeroAddress } from 'viem';
import { UsageError } from '../lib/args.mjs';

const FACET = parseAbi([
  'function selectorManifest() view returns (bytes4[])',
  'function initAttestor(bytes initData)',
  'function retireAttestor()',
]);
const ACTION = { add: 0, replace: 1, remove: 2 };

const manifest = (session, facet) => session.read(facet, FACET, 'selectorManifest');

function initBlob(args) {
  if (args['init-data'] !== undefined) return args['init-data'];
  if (args['operator-signer'].length > 0) {
    return encodeAbiParameters(parseAbiParameters('address[]'), [args['operator-signer']]);
  }
  throw new UsageError('--add needs --init-data or --operator-signer');
}

async function addition(session) {
  const { args } = session;
  const init = encodeFunctionData({ abi: FACET, functionName: 'initAttestor', args: [initBlob(args)] });
  const selectors = await manifest(session, args.add);
  return [[{ target: args.add, action: ACTION.add, selectors }], args.add, init];
}

async function removal(session) {
  const { args } = session;
  const init = encodeFunctionData({ abi: FACET, functionName: 'retireAttestor' });
  const selectors = await manifest(session, args.remove);
  return [[{ target: zeroAddress, action: ACTION.remove, selectors }], args.remove, init];
}

/// The old facet's selectors that the new one keeps are replaced, the rest removed, new ones added.
async function replacement(session) {
  const { args } = session;
  const [before, after] = await Promise.all([
    session.read(args.cluster, session.clusterAbi, 'facetFunctionSelectors', [args.replace]),
    manifest(session, args.with),
  ]);
  const kept = after.filter((selector) => before.includes(selector));
  const added = after.filter((selector) => !before.includes(selector));
  const gone = before.filter((selector) => !after.includes(selector));
  const cuts = [
    { target: args.with, action: ACTION.replace, selectors: kept },
    { target: args.with, action: ACTION.add, selectors: added },
    { target: zeroAddress, action: ACTION.remove, selectors: gone },
  ].filter((cut) => cut.selectors.length > 0);
  return [cuts, zeroAddress, '0x'];
}

export const cut = {
  help: 'add, remove or replace a facet (diamond owner)',
  options: {
    cluster: { type: 'address', hint: 'ADDR', required: true, help: 'the cluster' },
    add: { type: 'address', hint: 'FACET', help: 'attestor facet to add' },
    'init-data': { type: 'hex', hint: 'HEX', help: 'its initAttestor blob' },
    'operator-signer': { type: 'address', hint: 'ADDR', many: true,
      help: 'blob for the operator attestor, which vouches by a key, not by hardware (repeatable)' },
    remove: { type: 'address', hint: 'FACET', help: 'attestor facet to remove' },
    replace: { type: 'address', hint: 'FACET', help: 'facet to replace' },
    with: { type: 'address', hint: 'FACET', help: 'by this one' },
  },
  async run(session) {
    const { args } = session;
    const chosen = ['add', 'remove', 'replace'].filter((name) => args[name] !== undefined);
    if (chosen.length !== 1) throw new UsageError('give exactly one of --add, --remove, --replace');
    if ((args.replace === undefined) !== (args.with === undefined)) {
      throw new UsageError('--replace and --with belong together');
    }
    const plan = { add: addition, remove: removal, replace: replacement }[chosen[0]];
    const [cuts, init, data] = await plan(session);
    await session.call(`cut: ${chosen[0]}`, args.cluster, session.clusterAbi, 'diamondCut', [cuts, init, data]);
    return { facets: await session.read(args.cluster, session.clusterAbi, 'facetAddresses') };
  },
};

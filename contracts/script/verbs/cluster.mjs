// SPDX-License-Identifier: MIT
// Deploying a cluster, and its first and later owners. The new owner accepts the diamond in the same run when it
// is the account that runs it; otherwise the receipt says that this is still to do.
import { encodeAbiParameters, parseAbiParameters, zeroAddress, zeroHash } from 'viem';
import { UsageError } from '../lib/args.mjs';

const DSTACK_INIT = parseAbiParameters('(address, bytes32[], bytes32[], bool, bool)');
const OPERATOR_INIT = parseAbiParameters('address[]');

function attestors(session) {
  const { args } = session;
  const list = [];
  if (!args['no-dstack']) {
    const init = [args['kms-root'] ?? zeroAddress, args['compose-hash'], args.device,
      args['allow-any-device'] === true, args['require-tcb-up-to-date'] === true];
    list.push({ facet: session.address('dstack-facet', 'dstackFacet'), initData: encodeAbiParameters(DSTACK_INIT, [init]) });
  }
  if (args['operator-signer'].length > 0) {
    list.push({
      facet: session.address('operator-facet', 'operatorFacet'),
      initData: encodeAbiParameters(OPERATOR_INIT, [args['operator-signer']]),
    });
  }
  return list;
}

/// The nominee takes the diamond over from the factory.
async function acceptDiamond(session, cluster, owner) {
  if (owner !== session.from) return 'pending: the owner must call acceptOwnership()';
  if (await session.hasCode(cluster)) {
    if ((await session.read(cluster, session.clusterAbi, 'owner')) === owner) return 'accepted';
  }
  await session.call('accept diamond ownership', cluster, session.clusterAbi, 'acceptOwnership');
  return session.execute ? 'accepted' : 'planned';
}

export const cluster = {
  help: 'deploy a cluster and, if the key is its owner, accept the diamond',
  options: {
    owner: { type: 'address', hint: 'ADDR', help: 'cluster owner (default: the key)' },
    cidr: { type: 'cidr', hint: 'A.B.C.D/N', required: true, help: 'mesh network, prefix 8 to 29' },
    salt: { type: 'bytes32', hint: 'HEX', help: 'CREATE2 salt (default zero)' },
    factory: { type: 'address', hint: 'ADDR', help: 'cluster factory' },
    'member-factory': { type: 'address', hint: 'ADDR', help: 'member factory' },
    'dstack-facet': { type: 'address', hint: 'ADDR', help: 'dstack attestor' },
    'no-dstack': { flag: true, help: 'leave the dstack attestor out' },
    'kms-root': { type: 'address', hint: 'ADDR', help: 'KMS root key to accept' },
    'compose-hash': { type: 'bytes32', hint: 'HEX', many: true, help: 'compose hash to allow (repeatable)' },
    device: { type: 'bytes32', hint: 'HEX', many: true, help: 'device to allow (repeatable)' },
    'allow-any-device': { flag: true, help: 'let any device boot' },
    'require-tcb-up-to-date': { flag: true, help: 'require the TCB status UpToDate' },
    'operator-facet': { type: 'address', hint: 'ADDR', help: 'operator attestor' },
    'operator-signer': { type: 'address', hint: 'ADDR', many: true,
      help: 'install the operator attestor with this signer: it vouches by a key, not by hardware (repeatable)' },
  },
  async run(session) {
    const { args } = session;
    const owner = args.owner ?? session.from;
    const factory = session.address('factory', 'clusterFactory');
    const { abi } = session.artifact('ClusterDiamondFactory');
    const core = {
      clusterOwner: owner, meshCidrIp: args.cidr.ip, meshCidrPrefix: args.cidr.prefix,
      memberFactory: session.address('member-factory', 'memberFactory'),
    };
    const call = [core, attestors(session), args.salt ?? zeroHash];
    const address = await session.read(factory, abi, 'predictClusterAddress', call);
    if (await session.hasCode(address)) {
      // somebody deployed the same cluster: the address binds every argument
      session.steps.push({ step: 'deploy cluster', address, status: 'already' });
    } else {
      await session.call('deploy cluster', factory, abi, 'deployCluster', call);
      if (!session.execute) session.planned.add(address.toLowerCase());
    }
    return { cluster: address, clusterOwner: owner, diamondOwner: await acceptDiamond(session, address, owner) };
  },
};

const ROLES = {
  cluster: { propose: 'transferClusterOwnership', accept: 'acceptClusterOwnership' },
  diamond: { propose: 'transferOwnership', accept: 'acceptOwnership' },
  both: { propose: 'transferBothOwners', accept: 'acceptBothOwners' },
};

function role(args) {
  const chosen = ROLES[args.role ?? 'both'];
  if (!chosen) throw new UsageError(`--role: cluster, diamond or both, not ${args.role}`);
  return chosen;
}

const OWNER_OPTIONS = {
  cluster: { type: 'address', hint: 'ADDR', required: true, help: 'the cluster' },
  role: { type: 'text', hint: 'ROLE', help: 'cluster, diamond or both (default)' },
};

async function owners(session) {
  const ask = (name) => session.read(session.args.cluster, session.clusterAbi, name);
  const [clusterOwner, diamondOwner, pendingClusterOwner, nomineeOwner] =
    await Promise.all(['clusterOwner', 'owner', 'pendingClusterOwner', 'nomineeOwner'].map(ask));
  return { clusterOwner, diamondOwner, pendingClusterOwner, nomineeOwner };
}

export const rotateOwner = {
  help: 'propose a new owner; it takes over with accept-owner',
  options: { ...OWNER_OPTIONS, to: { type: 'address', hint: 'ADDR', required: true, help: 'the new owner' } },
  async run(session) {
    const { args } = session;
    await session.call('propose owner', args.cluster, session.clusterAbi, role(args).propose, [args.to]);
    return owners(session);
  },
};

export const acceptOwner = {
  help: 'accept a proposed ownership with the new owner\'s key',
  options: OWNER_OPTIONS,
  async run(session) {
    await session.call('accept ownership', session.args.cluster, session.clusterAbi, role(session.args).accept);
    return owners(session);
  },
};

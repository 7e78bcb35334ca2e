// SPDX-License-Identifier: MIT
// The cluster owner's lists and switches: what may boot, which KMS roots and operator keys count.
import { UsageError } from '../lib/args.mjs';

/// option, getter, adder, remover
const LISTS = [
  ['app-id', 'allowedAppIds', 'addAllowedAppId', 'removeAllowedAppId', 'address', 'app id (member contract)'],
  ['compose-hash', 'allowedComposeHashes', 'addComposeHash', 'removeComposeHash', 'bytes32', 'compose hash'],
  ['device', 'allowedDeviceIds', 'addDevice', 'removeDevice', 'bytes32', 'device'],
  ['kms-root', 'allowedKmsRoots', 'addAllowedKmsRoot', 'removeAllowedKmsRoot', 'address', 'KMS root key'],
  ['operator-signer', 'isOperatorSigner', 'addOperatorSigner', 'removeOperatorSigner', 'address',
    'operator key: it vouches by a key, not by hardware'],
];

const CLUSTER = { type: 'address', hint: 'ADDR', required: true, help: 'the cluster' };
const LIST_OPTIONS = Object.fromEntries(LISTS.map(([option, , , , type, help]) =>
  [option, { type, hint: type === 'address' ? 'ADDR' : 'HEX', many: true, help: `${help} (repeatable)` }]));

function listVerb(help, wanted) {
  return {
    help,
    options: { cluster: CLUSTER, ...LIST_OPTIONS },
    async run(session) {
      const { args, clusterAbi } = session;
      const changed = {};
      for (const [option, getter, adder, remover] of LISTS) {
        for (const item of args[option]) {
          const step = `${wanted ? 'allow' : 'disallow'} ${option} ${item}`;
          if ((await session.read(args.cluster, clusterAbi, getter, [item])) === wanted) {
            session.steps.push({ step, status: 'already' });
          } else {
            await session.call(step, args.cluster, clusterAbi, wanted ? adder : remover, [item]);
          }
          (changed[option] ??= []).push(item);
        }
      }
      if (Object.keys(changed).length === 0) throw new UsageError('nothing to change was given');
      return changed;
    },
  };
}

export const allow = listVerb('put items on the cluster\'s lists (cluster owner)', true);
export const disallow = listVerb('take items off the cluster\'s lists (cluster owner)', false);

const SWITCHES = [
  ['any-device', 'allowAnyDevice', 'setAllowAnyDevice', 'whether any device may boot'],
  ['tcb-up-to-date', 'requireTcbUpToDate', 'setRequireTcbUpToDate', 'whether boot requires the TCB status UpToDate'],
  ['legacy-registration', 'allowLegacyRegistration', 'setAllowLegacyRegistration',
    'whether older nodes\' registrations are admitted'],
];

export const policy = {
  help: 'turn the cluster\'s switches (cluster owner)',
  options: {
    cluster: CLUSTER,
    ...Object.fromEntries(SWITCHES.map(([option, , , help]) => [option, { type: 'onOff', hint: 'on|off', help }])),
  },
  async run(session) {
    const { args, clusterAbi } = session;
    for (const [option, , setter] of SWITCHES) {
      if (args[option] === undefined) continue;
      await session.call(`set ${option}`, args.cluster, clusterAbi, setter, [args[option]]);
    }
    const values = {};
    for (const [option, getter] of SWITCHES) {
      values[option] = await session.read(args.cluster, clusterAbi, getter);
    }
    return values;
  },
};

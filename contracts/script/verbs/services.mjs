// SPDX-License-Identifier: MIT
// The paymaster's money and signer, and the registry of indexers.
import { UsageError } from '../lib/args.mjs';
import { UNSTAKE_DELAY_SECS } from './infrastructure.mjs';

export const paymaster = {
  help: 'fund, stake or withdraw from the paymaster, or rotate its signer (owner)',
  options: {
    paymaster: { type: 'address', hint: 'ADDR', help: 'the paymaster' },
    deposit: { type: 'ether', hint: 'ETH', help: 'add to the deposit' },
    stake: { type: 'ether', hint: 'ETH', help: 'add to the stake, one day of unstake delay' },
    signer: { type: 'address', hint: 'ADDR', help: 'rotate the signer' },
    withdraw: { type: 'ether', hint: 'ETH', help: 'withdraw from the deposit' },
    'unlock-stake': { flag: true, help: 'begin to unstake' },
    'withdraw-stake': { flag: true, help: 'withdraw an unlocked stake' },
    to: { type: 'address', hint: 'ADDR', help: 'where withdrawals go (default: the key)' },
  },
  async run(session) {
    const { args } = session;
    const address = session.address('paymaster', 'paymaster');
    const { abi } = session.artifact('VerifyingPaymaster');
    const to = args.to ?? session.from;
    const call = (name, values, value) => session.call(`paymaster ${name}`, address, abi, name, values, value);
    if (args.deposit) await call('deposit', [], args.deposit);
    if (args.stake) await call('addStake', [UNSTAKE_DELAY_SECS], args.stake);
    if (args.signer) await call('setSigner', [args.signer]);
    if (args.withdraw) await call('withdrawTo', [to, args.withdraw]);
    if (args['unlock-stake']) await call('unlockStake', []);
    if (args['withdraw-stake']) await call('withdrawStake', [to]);
    return { paymaster: address, signer: await session.read(address, abi, 'signer') };
  },
};

export const indexers = {
  help: 'set the registry\'s indexers, in order: as many endpoints, code ids and keys (owner)',
  options: {
    registry: { type: 'address', hint: 'ADDR', help: 'the registry' },
    endpoint: { type: 'text', hint: 'URL', many: true, help: 'where it answers (repeatable)' },
    'code-id': { type: 'bytes32', hint: 'HEX', many: true, help: 'its code identity (repeatable)' },
    'pub-key': { type: 'bytes32', hint: 'HEX', many: true, help: 'its Ed25519 key (repeatable)' },
  },
  async run(session) {
    const { args } = session;
    const count = args.endpoint.length;
    if (count === 0 || args['code-id'].length !== count || args['pub-key'].length !== count) {
      throw new UsageError('give --endpoint, --code-id and --pub-key the same number of times');
    }
    const records = args.endpoint.map((endpoint, i) =>
      ({ endpoint, codeId: args['code-id'][i], pubKey: args['pub-key'][i], updatedAt: 0n }));
    const address = session.address('registry', 'indexerRegistry');
    const { abi } = session.artifact('IndexerRegistry');
    await session.call('set indexers', address, abi, 'setIndexers', [records]);
    return { registry: address, count };
  },
};

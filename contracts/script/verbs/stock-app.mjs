// SPDX-License-Identifier: MIT
// A stock dstack app for test chains, with every storage slot in use, to be converted afterwards. The contract is
// a stand-in of ours and no part of a deployment.
import { encodeFunctionData, zeroHash } from 'viem';

export const stockApp = {
  help: 'test chains only: deploy a stand-in for a stock dstack app, owned by the key, to convert later',
  options: {
    salt: { type: 'bytes32', hint: 'HEX', help: 'CREATE2 salt (default zero)' },
    device: { type: 'bytes32', hint: 'HEX', help: 'device on the app\'s own list' },
    'compose-hash': { type: 'bytes32', hint: 'HEX', help: 'compose hash on the app\'s own list' },
  },
  async run(session) {
    const { args } = session;
    const stock = session.artifact('StockDstackApp');
    const proxy = session.artifact('ERC1967Proxy');
    const salt = args.salt ?? zeroHash;
    const implementation = await session.deploy('StockDstackApp', stock, [], zeroHash);
    const init = encodeFunctionData({
      abi: stock.abi, functionName: 'initialize',
      args: [session.from, false, true, true, args.device ?? zeroHash, args['compose-hash'] ?? zeroHash],
    });
    const app = await session.deploy('stock app proxy', proxy, [implementation, init], salt);
    return { app, implementation };
  },
};

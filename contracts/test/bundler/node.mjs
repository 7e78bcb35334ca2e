// SPDX-License-Identifier: MIT
// A node as the chain sees it: keys derived as dstack derives them, its registration proof, and its operations as
// the agent builds them. For tests of bundlers and scripts.
import { hkdfSync } from 'node:crypto';
import {
  concat, encodeAbiParameters, encodeFunctionData, getAddress, hexToBytes, keccak256, pad, parseAbiParameters, parseEventLogs,
  toHex,
} from 'viem';
import { sign, privateKeyToAccount } from 'viem/accounts';
import { getUserOperationHash, toPackedUserOperation } from 'viem/account-abstraction';
import { secp256k1 } from '@noble/curves/secp256k1';
import { ENTRY_POINT } from '../../script/verbs/infrastructure.mjs';
import { rpc } from './processes.mjs';

/// dstack's published test root (sdk/tests/vectors/signature_chain.json); it never was in a KMS.
const KMS_ROOT_KEY = '0x4b4d532d726f6f742d746573742d6b65792d646f2d6e6f742d75736521212101';
export const KMS_ROOT = '0xc4CfC07621383e38a109B72A570cd021989C439b';
const PURPOSE = 'attestmesh.binding.v1';
/// 65 bytes that recover to somebody: what an operation is estimated with.
export const DUMMY_SIGNATURE = '0xfffffffffffffffffffffffffffffff0000000000000000000000000000000007aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1c';

const FIXED_FEES = { maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n };

const derive = (key, info) => toHex(new Uint8Array(hkdfSync('sha256', hexToBytes(key), 'RATLS', info, 32)));
const compressed = (key) => toHex(secp256k1.getPublicKey(hexToBytes(key), true));
const ascii = (text) => toHex(Buffer.from(text, 'latin1'));

/// As dstack encodes a signature: v is 0 or 1.
async function sign01(privateKey, hash) {
  const { r, s, yParity } = await sign({ privateKey, hash });
  return concat([r, s, toHex(yParity, { size: 1 })]);
}

export class Node {
  constructor(member, cluster, number) {
    const appKey = derive(KMS_ROOT_KEY, Buffer.concat([hexToBytes(member), Buffer.from('app-key')]));
    const ownerKey = derive(appKey, Buffer.from('attestmesh/v1/binding'));
    Object.assign(this, {
      member: getAddress(member), cluster, appKey, ownerKey, owner: privateKeyToAccount(ownerKey),
      xPubKey: keccak256(ascii(`x${number}`)), wgPubKey: keccak256(ascii(`wg${number}`)),
    });
  }

  async proof() {
    const messageHash = keccak256(encodeAbiParameters(
      parseAbiParameters('string, address, address, bytes32, bytes32'),
      ['attestmesh.bind.v1', this.cluster, this.member, this.xPubKey, this.wgPubKey]));
    const derived = compressed(this.ownerKey);
    const app = compressed(this.appKey);
    return {
      codeId: pad(this.member, { dir: 'right', size: 32 }),
      messageHash,
      messageSignature: await this.owner.signMessage({ message: { raw: messageHash } }),
      appSignature: await sign01(this.appKey, keccak256(ascii(`${PURPOSE}:${derived.slice(2)}`))),
      kmsSignature: await sign01(KMS_ROOT_KEY, keccak256(concat([ascii('dstack-kms-issued:'), this.member, app]))),
      derivedCompressedPubkey: derived, appCompressedPubkey: app, purpose: PURPOSE,
    };
  }

  async registerCall(clusterAbi) {
    return encodeFunctionData({
      abi: clusterAbi, functionName: 'dstack_register',
      args: [await this.proof(), this.member, this.xPubKey, this.wgPubKey],
    });
  }
}

/// Builds, sponsors, estimates, signs and sends operations in the order that the agent does.
export class Operator {
  constructor({ client, abi, paymaster, sponsorKey, bundler }) {
    Object.assign(this, { client, abi, paymaster, bundler, sponsor: privateKeyToAccount(sponsorKey) });
  }

  /// The operation before its sponsorship; fees as the bundler asks, or fixed where there is none.
  async unsigned(node, call) {
    const callData = encodeFunctionData({ abi: this.abi.member, functionName: 'execute', args: [node.cluster, 0n, call] });
    const nonce = await this.client.readContract({
      address: ENTRY_POINT, abi: this.abi.entryPoint, functionName: 'getNonce',
      args: [node.member, BigInt(node.owner.address)],
    });
    const { fast } = this.bundler === undefined ? { fast: FIXED_FEES }
      : await rpc(this.bundler, 'pimlico_getUserOperationGasPrice');
    return {
      sender: node.member, nonce, callData,
      maxFeePerGas: BigInt(fast.maxFeePerGas), maxPriorityFeePerGas: BigInt(fast.maxPriorityFeePerGas),
      callGasLimit: 5_000_000n, verificationGasLimit: 1_000_000n, preVerificationGas: 200_000n,
      paymaster: this.paymaster, paymasterVerificationGasLimit: 200_000n, paymasterPostOpGasLimit: 0n,
    };
  }

  async sponsored(operation) {
    const hash = keccak256(encodeAbiParameters(
      parseAbiParameters('address, uint256, bytes32, bytes32, uint256, uint256, uint256, uint256, uint256, address, uint48, uint48'),
      [operation.sender, operation.nonce, keccak256('0x'), keccak256(operation.callData),
        operation.verificationGasLimit << 128n | operation.callGasLimit,
        operation.paymasterVerificationGasLimit << 128n | operation.paymasterPostOpGasLimit,
        operation.preVerificationGas, operation.maxPriorityFeePerGas << 128n | operation.maxFeePerGas,
        BigInt(this.client.chain.id), this.paymaster, 0, 0]));
    const times = encodeAbiParameters(parseAbiParameters('uint48, uint48'), [0, 0]);
    return { ...operation, paymasterData: concat([times, await this.sponsor.signMessage({ message: { raw: hash } })]) };
  }

  /// Without a bundler: any account may hand an operation to the EntryPoint.
  async handle(node, call, wallet) {
    const operation = await this.signed(await this.sponsored(await this.unsigned(node, call)), node);
    const hash = await wallet.writeContract({
      address: ENTRY_POINT, abi: this.abi.entryPoint, functionName: 'handleOps',
      args: [[toPackedUserOperation(operation)], wallet.account.address], gas: 12_000_000n,
    });
    const { logs } = await this.client.waitForTransactionReceipt({ hash });
    const [event] = parseEventLogs({ abi: this.abi.entryPoint, eventName: 'UserOperationEvent', logs });
    return event.args.success;
  }

  hash(operation) {
    return getUserOperationHash({
      userOperation: { ...operation, signature: '0x' }, chainId: this.client.chain.id,
      entryPointAddress: ENTRY_POINT, entryPointVersion: '0.7',
    });
  }

  async signed(operation, node) {
    return { ...operation, signature: await node.owner.signMessage({ message: { raw: this.hash(operation) } }) };
  }

  estimate(operation) {
    return rpc(this.bundler, 'eth_estimateUserOperationGas', [wire(operation), ENTRY_POINT]);
  }

  async submit(operation) {
    const hash = await rpc(this.bundler, 'eth_sendUserOperation', [wire(operation), ENTRY_POINT]);
    for (let attempt = 0; attempt < 300; attempt++) {
      const receipt = await rpc(this.bundler, 'eth_getUserOperationReceipt', [hash]);
      if (receipt) return receipt;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`operation ${hash} was not included`);
  }

  /// Estimate with the dummy signature, then sponsor, sign and send the real one.
  async run(node, call) {
    const draft = await this.sponsored(await this.unsigned(node, call));
    const limits = await this.estimate({ ...draft, signature: DUMMY_SIGNATURE });
    const { callGasLimit, verificationGasLimit, preVerificationGas } = limits;
    const fixed = await this.sponsored({
      ...draft, callGasLimit: BigInt(callGasLimit), verificationGasLimit: BigInt(verificationGasLimit),
      preVerificationGas: BigInt(preVerificationGas),
    });
    return this.submit(await this.signed(fixed, node));
  }
}

/// JSON-RPC form: numbers as hex.
function wire(operation) {
  return Object.fromEntries(Object.entries(operation).map(([name, value]) =>
    [name, typeof value === 'bigint' ? toHex(value) : value]));
}

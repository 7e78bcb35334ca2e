// SPDX-License-Identifier: Apache-2.0
// Key derivation and signature chains of dstack's frozen (v0) surface, from a
// KMS root scalar down. Shares no code with the C that it tests. Knows nothing
// of HTTP and nothing of the hostile modes but the four ways to spoil a chain.
import { createECDH, createHash, createHmac, createPrivateKey, createPublicKey, ECDH } from "node:crypto";
import { keccak_256 } from "@noble/hashes/sha3";

const KDF_SALT = "RATLS";
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n; // of secp256k1
export const APP_ID_BYTES = 20;

export type Algorithm = "secp256k1" | "ed25519";

export interface AppRoot {
  readonly appId: Buffer;
  readonly scalar: Buffer;
  readonly publicKey: Buffer; // SEC1 compressed
  readonly issued: Buffer; // link 1: the KMS root's signature
}

export interface KeyAnswer {
  readonly key: Buffer;
  readonly chain: readonly [Buffer, Buffer];
}

export function sha256(data: Uint8Array | string): Buffer {
  return createHash("sha256").update(data).digest();
}

// One block of HKDF is the 32 bytes wanted. (Node's own refuses an info longer
// than 1,024 bytes; the agent takes any path.)
function hkdf(ikm: Uint8Array, info: Uint8Array): Buffer {
  const extracted = createHmac("sha256", KDF_SALT).update(ikm).digest();
  return createHmac("sha256", extracted).update(info).update(Buffer.from([1])).digest();
}

// Points by Node's own library: under emulation a big-integer implementation in
// JavaScript takes seconds for what this does in milliseconds.
function publicPoint(scalar: Uint8Array, form: "compressed" | "uncompressed"): Buffer {
  const ecdh = createECDH("secp256k1");
  ecdh.setPrivateKey(scalar);
  return ecdh.getPublicKey(null, form);
}

const toNumber = (bytes: Uint8Array): bigint => BigInt("0x" + Buffer.from(bytes).toString("hex"));
const toBytes = (number: bigint): Buffer => Buffer.from(number.toString(16).padStart(64, "0"), "hex");

function inverse(value: bigint): bigint {
  let [low, high, x, y] = [value % ORDER, ORDER, 1n, 0n];
  while (low > 1n) {
    const quotient = high / low;
    [low, high, x, y] = [high - quotient * low, low, y - quotient * x, x];
  }
  return ((x % ORDER) + ORDER) % ORDER;
}

// RFC 6979, section 3.2, with HMAC-SHA256: candidates until one is in range.
function* nonces(digest: Uint8Array, scalar: Uint8Array): Generator<Buffer> {
  const hmac = (key: Uint8Array, ...parts: Uint8Array[]): Buffer => parts.reduce((h, part) => h.update(part), createHmac("sha256", key)).digest();
  const seed = Buffer.concat([scalar, toBytes(toNumber(digest) % ORDER)]);
  let v: Buffer = Buffer.alloc(32, 1);
  let k: Buffer = Buffer.alloc(32, 0);
  for (const separator of [0, 1]) {
    k = hmac(k, v, Buffer.from([separator]), seed);
    v = hmac(k, v);
  }
  for (;;) {
    v = hmac(k, v);
    if (toNumber(v) > 0n && toNumber(v) < ORDER) yield v;
    k = hmac(k, v, Buffer.from([0]));
    v = hmac(k, v);
  }
}

// r || s || recovery id (0 or 1), low s.
export function signDigest(digest: Uint8Array, scalar: Uint8Array): Buffer {
  for (const nonce of nonces(digest, scalar)) {
    const point = publicPoint(nonce, "uncompressed");
    const r = toNumber(point.subarray(1, 33));
    const s = (inverse(toNumber(nonce)) * (toNumber(digest) + r * toNumber(scalar))) % ORDER;
    if (r >= ORDER || s === 0n) continue; // ids 2 and 3 have no place in the format
    const flip = s > ORDER / 2n;
    return Buffer.concat([toBytes(r), toBytes(flip ? ORDER - s : s), Buffer.from([(point[64]! & 1) ^ (flip ? 1 : 0)])]);
  }
  throw new Error("unreachable");
}

export function compressedPublicKey(scalar: Uint8Array): Buffer {
  return publicPoint(scalar, "compressed");
}

export function addressOf(publicKey: Uint8Array): string {
  const point = ECDH.convertKey(publicKey, "secp256k1", undefined, undefined, "uncompressed") as Buffer;
  return "0x" + Buffer.from(keccak_256(point.subarray(1))).subarray(12).toString("hex");
}

// RFC 8410 wraps an Ed25519 seed in this fixed PKCS#8 head; the public key is
// the last 32 bytes of the SPKI form.
export function ed25519PublicKey(seed: Uint8Array): Buffer {
  const head = Buffer.from("302e020100300506032b657004220420", "hex");
  const key = createPrivateKey({ key: Buffer.concat([head, seed]), format: "der", type: "pkcs8" });
  return createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
}

export function appRootFrom(kmsRoot: Uint8Array, appId: Buffer): AppRoot {
  if (appId.length !== APP_ID_BYTES) throw new Error(`app id has ${appId.length} bytes, not ${APP_ID_BYTES}`);
  const scalar = hkdf(kmsRoot, Buffer.concat([appId, Buffer.from("app-key")]));
  const publicKey = compressedPublicKey(scalar);
  const claim = Buffer.concat([Buffer.from("dstack-kms-issued:"), appId, publicKey]);
  return { appId, scalar, publicKey, issued: signDigest(keccak_256(claim), kmsRoot) };
}

export function deriveKey(root: AppRoot, path: string): Buffer {
  return hkdf(root.scalar, Buffer.from(path, "utf8"));
}

export function publicKeyFor(algorithm: Algorithm, key: Uint8Array): Buffer {
  return algorithm === "ed25519" ? ed25519PublicKey(key) : compressedPublicKey(key);
}

export function getKey(root: AppRoot, path: string, purpose: string, algorithm: Algorithm): KeyAnswer {
  const key = deriveKey(root, path);
  const claim = Buffer.from(`${purpose}:${publicKeyFor(algorithm, key).toString("hex")}`, "utf8");
  return { key, chain: [signDigest(keccak_256(claim), root.scalar), root.issued] };
}

// The other signature of the same message: s' = n - s with the parity flipped.
// It recovers to the same key, so only a low-s rule refuses it.
export function toHighS(signature: Buffer): Buffer {
  const high = toBytes(ORDER - toNumber(signature.subarray(32, 64)));
  return Buffer.concat([signature.subarray(0, 32), high, Buffer.from([signature[64]! ^ 1])]);
}

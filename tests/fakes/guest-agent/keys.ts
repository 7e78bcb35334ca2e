// SPDX-License-Identifier: Apache-2.0
// Key derivation and signature chains of dstack's frozen (v0) surface, from a
// KMS root scalar down. Shares no code with the C that it tests. Knows nothing
// of HTTP and nothing of the hostile modes but the four ways to spoil a chain.
import { createHash, createHmac, createPrivateKey, createPublicKey } from "node:crypto";
import { secp256k1 } from "@noble/curves/secp256k1";
import { keccak_256 } from "@noble/hashes/sha3";

const KDF_SALT = "RATLS";
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

// r || s || recovery id (0 or 1), low s, nonce by RFC 6979.
export function signDigest(digest: Uint8Array, scalar: Uint8Array): Buffer {
  const sig = secp256k1.sign(digest, scalar, { lowS: true, prehash: false });
  return Buffer.concat([sig.toCompactRawBytes(), Buffer.from([sig.recovery])]);
}

export function compressedPublicKey(scalar: Uint8Array): Buffer {
  return Buffer.from(secp256k1.getPublicKey(scalar, true));
}

export function addressOf(publicKey: Uint8Array): string {
  const point = secp256k1.ProjectivePoint.fromHex(publicKey).toRawBytes(false).subarray(1);
  return "0x" + Buffer.from(keccak_256(point)).subarray(12).toString("hex");
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
  const s = BigInt("0x" + signature.subarray(32, 64).toString("hex"));
  const high = (secp256k1.CURVE.n - s).toString(16).padStart(64, "0");
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(high, "hex"), Buffer.from([signature[64]! ^ 1])]);
}

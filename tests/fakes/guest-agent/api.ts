// SPDX-License-Identifier: Apache-2.0
// The methods: request in, JSON or an error out. Field names, defaults, hex
// rules and error texts are those of the real agent's JSON form.
import { makeEvidence, REPORT_DATA_BYTES, type Evidence } from "./evidence.ts";
import { appRootFrom, deriveKey, getKey, sha256, toHighS, type Algorithm, type AppRoot, type KeyAnswer } from "./keys.ts";
import type { Mode } from "./modes.ts";

export const AGENT_VERSION = "0.5.11";
const AGENT_REVISION = "fake";

export type Fields = Record<string, unknown>;
export interface Answer {
  readonly status: number;
  readonly body: Fields;
}

export interface Node {
  readonly appId: Buffer;
  readonly evidence: Evidence;
  root(mode: Mode): AppRoot;
  key(root: AppRoot, path: string, purpose: string, algorithm: Algorithm): KeyAnswer;
}

const KEYS_REMEMBERED_MAX = 256;

export function makeNode(appId: Buffer, kmsRoot: Buffer, appCompose: string): Node {
  const roots = new Map<string, AppRoot>();
  // Deriving costs a signature; each variant is made once, when first asked for.
  const cached = (name: string, make: () => AppRoot): AppRoot => {
    const found = roots.get(name) ?? make();
    roots.set(name, found);
    return found;
  };
  // Answers are a function of the question; a node asks the same at each start.
  const keys = new Map<string, KeyAnswer>();
  return {
    appId,
    evidence: makeEvidence(appId, appCompose),
    key(root, path, purpose, algorithm) {
      const question = JSON.stringify([root.publicKey.toString("hex"), path, purpose, algorithm]);
      const found = keys.get(question) ?? getKey(root, path, purpose, algorithm);
      if (keys.size < KEYS_REMEMBERED_MAX) keys.set(question, found);
      return found;
    },
    root(mode) {
      if (mode === "unlisted-root") return cached(mode, () => appRootFrom(sha256(Buffer.concat([kmsRoot, Buffer.from("other")])), appId));
      if (mode === "wrong-app-id") return cached(mode, () => appRootFrom(kmsRoot, otherAppId(appId)));
      return cached("ok", () => appRootFrom(kmsRoot, appId));
    },
  };
}

export function otherAppId(appId: Buffer): Buffer {
  return sha256(Buffer.concat([Buffer.from("other"), appId])).subarray(0, 20);
}

class Refused extends Error {}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw new Refused(`invalid type for field ${name}: expected a string`);
  return value;
}

function hexBytes(fields: Fields, name: string): Buffer {
  const value = text(fields, name).replace(/^0x/, "");
  if (value.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(value)) throw new Refused(`invalid hex in field ${name}`);
  return Buffer.from(value, "hex");
}

function algorithmOf(fields: Fields): Algorithm {
  switch (text(fields, "algorithm")) {
    case "": case "secp256k1": case "k256": return "secp256k1";
    case "ed25519": return "ed25519";
    default: throw new Refused("Unsupported algorithm");
  }
}

function answerGetKey(node: Node, fields: Fields, mode: Mode): Fields {
  const path = text(fields, "path");
  const asked = algorithmOf(fields);
  const algorithm: Algorithm = mode !== "wrong-algorithm" ? asked : asked === "ed25519" ? "secp256k1" : "ed25519";
  const root = node.root(mode);
  const { key, chain } = node.key(root, path, text(fields, "purpose"), algorithm);
  const shown = mode === "swapped-key" ? deriveKey(root, path + "/other") : mode === "short-key" ? key.subarray(0, 31) : key;
  const links = mode === "high-s" ? chain.map(toHighS) : mode === "empty-link1" ? [chain[0], Buffer.alloc(0)] : chain;
  return { key: shown.toString("hex"), signature_chain: links.map((l) => l.toString("hex")) };
}

function answerGetQuote(node: Node, fields: Fields): Fields {
  const given = hexBytes(fields, "report_data");
  if (given.length > REPORT_DATA_BYTES) throw new Refused(`Report data is too long: ${given.length} > ${REPORT_DATA_BYTES}`);
  const padded = Buffer.alloc(REPORT_DATA_BYTES);
  given.copy(padded);
  return node.evidence.quote(padded);
}

function answerInfo(node: Node, mode: Mode): Fields {
  const info = node.evidence.info;
  if (mode === "empty-info") return Object.fromEntries(Object.keys(info).map((name) => [name, ""]));
  if (mode === "wrong-info-app-id") return { ...info, app_id: otherAppId(node.appId).toString("hex") };
  return { ...info };
}

function dispatch(node: Node, method: string, fields: Fields, mode: Mode): Fields | undefined {
  switch (method) {
    case "GetKey": return answerGetKey(node, fields, mode);
    case "GetQuote": return answerGetQuote(node, fields);
    case "Info": return answerInfo(node, mode);
    case "Version": return { version: AGENT_VERSION, rev: AGENT_REVISION };
    default: return undefined;
  }
}

export function answer(node: Node, method: string, fields: Fields, mode: Mode): Answer {
  try {
    const body = dispatch(node, method, fields, mode);
    return body ? { status: 200, body } : { status: 404, body: { error: `Service not found: ${method}` } };
  } catch (error) {
    if (error instanceof Refused) return { status: 400, body: { error: error.message } };
    throw error;
  }
}

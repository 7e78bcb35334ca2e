// SPDX-License-Identifier: Apache-2.0
// The first bytes of a connection, and the name in them: what a gateway that
// does not terminate TLS reads of a ClientHello, and how it reads a host label.
// Pure: bytes in, verdict out.

export type Sni = { kind: "more" } | { kind: "none"; why: string } | { kind: "name"; name: string };

const none = (why: string): Sni => ({ kind: "none", why });
const MORE: Sni = { kind: "more" };

// The handshake bytes of all whole and partial records at the front. What comes
// behind them is not the gateway's business.
function handshakeBytes(data: Buffer): Buffer | string {
  const parts: Buffer[] = [];
  for (let at = 0; at < data.length; ) {
    if (data[at] !== 22 && at === 0) return "the first record is no handshake";
    if (data[at] !== 22) break;
    if (data.length < at + 5) break;
    if (data[at + 1] !== 3) return "no TLS version";
    const length = data.readUInt16BE(at + 3);
    parts.push(data.subarray(at + 5, Math.min(at + 5 + length, data.length)));
    at += 5 + length;
  }
  return Buffer.concat(parts);
}

function serverName(extension: Buffer): Sni {
  if (extension.length < 5 || extension[2] !== 0) return none("the server_name extension is malformed");
  const length = extension.readUInt16BE(3);
  if (length === 0 || extension.length < 5 + length) return none("the server_name extension is malformed");
  return { kind: "name", name: extension.toString("latin1", 5, 5 + length) };
}

export function readSni(data: Buffer): Sni {
  const bytes = handshakeBytes(data);
  if (typeof bytes === "string") return none(bytes);
  if (bytes.length < 4) return MORE;
  if (bytes[0] !== 1) return none("the first message is no ClientHello");
  const total = 4 + bytes.readUIntBE(1, 3);
  let at = 4 + 2 + 32;
  const have = (count: number): boolean => bytes.length >= at + count;
  if (!have(1)) return MORE;
  at += 1 + bytes[at]!;
  if (!have(2)) return MORE;
  at += 2 + bytes.readUInt16BE(at);
  if (!have(1)) return MORE;
  at += 1 + bytes[at]!;
  if (at >= total) return none("no extensions, so no server_name");
  if (!have(2)) return MORE;
  const end = at + 2 + bytes.readUInt16BE(at);
  at += 2;
  while (at < end) {
    if (!have(4)) return MORE;
    const type = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 2);
    at += 4;
    if (type === 0) return have(length) ? serverName(bytes.subarray(at, at + length)) : MORE;
    if (!have(length)) return MORE;
    at += length;
  }
  return none("no server_name extension");
}

export type Form = "plain" | "passthrough" | "h2";
export type Target = { ok: true; id: string; port: number; form: Form } | { ok: false; why: string };

const RESERVED_IDS = ["health", "gateway"];
const refuse = (why: string): Target => ({ ok: false, why });

// `<id>[-[port][s|g]].<base>`; lower case, first label only, one `-` at most.
export function readTarget(name: string, base: string): Target {
  if (!name.endsWith("." + base)) return refuse("foreign-base");
  const label = name.slice(0, -base.length - 1);
  if (label.includes(".")) return refuse("more-than-one-label");
  const [id = "", suffix, ...more] = label.split("-");
  if (more.length > 0) return refuse("more-than-one-dash");
  if (RESERVED_IDS.includes(id)) return refuse("reserved-id");
  const match = /^(\d*)([sg]?)$/.exec(suffix ?? "");
  if (match === null || id === "" || suffix === "") return refuse("malformed-label");
  const [, digits = "", letter] = match;
  const form: Form = letter === "s" ? "passthrough" : letter === "g" ? "h2" : "plain";
  const port = digits === "" ? (form === "passthrough" ? 443 : 80) : Number(digits);
  if (port < 1 || port > 65535) return refuse("malformed-label");
  return { ok: true, id, port, form };
}

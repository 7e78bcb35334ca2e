// SPDX-License-Identifier: Apache-2.0
// Somebody who is no member: connects through the gateway as anybody can, and
// sends what looks like WireGuard handshakes with a valid first MAC (the keys
// it takes are on chain). Runs in the gateway's namespace as a child process.
import { randomBytes } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";
import { blake2s } from "@noble/hashes/blake2";

const INITIATION_BYTES = 148;

// A handshake initiation that passes the MAC1 check of the owner of `publicKey`
// and fails only when it is decrypted.
export function initiation(publicKey: Buffer): Buffer {
  const packet = randomBytes(INITIATION_BYTES);
  packet.writeUInt32LE(1, 0);
  const key = blake2s(Buffer.concat([Buffer.from("mac1----"), publicKey]), { dkLen: 32 });
  Buffer.from(blake2s(packet.subarray(0, 116), { key, dkLen: 16 })).copy(packet, 116);
  packet.fill(0, 132);
  return packet;
}

export interface Flood {
  readonly host: string;      // the gateway
  readonly name: string;      // SNI: the victim
  readonly publicKey: string; // the victim's WireGuard key, hex
  readonly links: number;
  readonly perSecond: number; // initiations, over all links
  readonly seconds: number;
}

// peak: links open at one moment; the listener ends each after its ten seconds.
export interface Flooded { readonly opened: number; readonly peak: number; readonly sent: number; readonly closed: number }

function open(f: Flood, counts: { opened: number; closed: number }): Promise<TLSSocket | undefined> {
  return new Promise((resolve) => {
    const s = connect({ host: f.host, port: 443, servername: f.name, rejectUnauthorized: false }, () => {
      counts.opened++;
      resolve(s);
    });
    s.on("error", () => resolve(undefined));
    s.on("close", () => counts.closed++);
    s.on("data", () => undefined);
  });
}

// Keeps `links` links open and sends over them for the given time, then stops.
export async function flood(f: Flood): Promise<Flooded> {
  const counts = { opened: 0, closed: 0 };
  const until = Date.now() + f.seconds * 1000;
  const key = Buffer.from(f.publicKey, "hex");
  const length = Buffer.alloc(2);
  length.writeUInt16BE(INITIATION_BYTES);
  let sent = 0;
  const links: (TLSSocket | undefined)[] = new Array<TLSSocket | undefined>(f.links).fill(undefined);
  const keepOpen = async (): Promise<void> => {
    while (Date.now() < until) {
      const k = links.findIndex((s) => s === undefined || s.destroyed);
      if (k >= 0) links[k] = await open(f, counts);
      else await new Promise((r) => setTimeout(r, 50));
    }
  };
  let peak = 0;
  const shoot = async (): Promise<void> => {
    for (let k = 0; Date.now() < until; k++) {
      const open = links.filter((s): s is TLSSocket => s !== undefined && !s.destroyed);
      peak = Math.max(peak, open.length);
      const s = open[k % Math.max(1, open.length)];
      if (s !== undefined) {
        s.write(Buffer.concat([length, initiation(key)]));
        sent++;
      }
      await new Promise((r) => setTimeout(r, 1000 / f.perSecond));
    }
  };
  await Promise.all([keepOpen(), keepOpen(), keepOpen(), keepOpen(), shoot()]);
  links.forEach((s) => s?.destroy());
  return { opened: counts.opened, peak, sent, closed: counts.closed };
}


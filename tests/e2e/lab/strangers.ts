// SPDX-License-Identifier: Apache-2.0
// Somebody who is no member: connects through the gateway as anybody can, and
// sends what looks like WireGuard handshakes with a valid first MAC (the keys
// it takes are on chain).
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
  readonly host: string;      // the gateway, as this machine reaches it
  readonly ports: readonly number[]; // as many handshakes in progress; the listener takes 32 from all
  readonly name: string;      // SNI: the victim
  readonly publicKey: string; // the victim's WireGuard key, hex
  readonly links: number;
  readonly opensPerSecond: number;
  readonly perSecond: number; // initiations, over all links
  readonly seconds: number;
}

// held: links open now; peak: the most at one moment. The listener ends each
// after its ten seconds, so all have to be opened anew all the time.
export interface Flooded { readonly opened: number; readonly held: number; readonly peak: number; readonly sent: number; readonly closed: number }

class Stranger {
  private readonly until: number;
  private readonly links: (TLSSocket | undefined)[];
  private readonly counts = { opened: 0, peak: 0, sent: 0, closed: 0 };

  constructor(private readonly f: Flood) {
    this.until = Date.now() + f.seconds * 1000;
    this.links = new Array<TLSSocket | undefined>(f.links).fill(undefined);
  }

  private over(): boolean {
    return Date.now() >= this.until;
  }

  private open(slot: number, port: number): Promise<void> {
    return new Promise((resolve) => {
      const s = connect({ host: this.f.host, port, servername: this.f.name, rejectUnauthorized: false }, () => {
        this.counts.opened++;
        this.links[slot] = s;
        resolve();
      });
      s.on("error", () => undefined);
      s.on("close", () => {
        if (this.links[slot] === s) {
          this.links[slot] = undefined;
          this.counts.closed++;
        }
        resolve();
      });
      s.on("data", () => undefined);
    });
  }

  // Each worker has slots of its own, and its share of the rate.
  private async keepOpen(worker: number): Promise<void> {
    const workers = this.f.ports.length;
    const everyMs = (1000 * workers) / this.f.opensPerSecond;
    await new Promise((r) => setTimeout(r, (everyMs * worker) / workers));
    while (!this.over()) {
      const next = Date.now() + everyMs;
      let slot = worker;
      while (slot < this.f.links && this.links[slot] !== undefined) slot += workers;
      if (slot < this.f.links) await this.open(slot, this.f.ports[worker]!);
      await new Promise((r) => setTimeout(r, Math.max(5, next - Date.now())));
    }
  }

  private async shoot(): Promise<void> {
    const key = Buffer.from(this.f.publicKey, "hex");
    const length = Buffer.alloc(2);
    length.writeUInt16BE(INITIATION_BYTES);
    for (let k = 0; !this.over(); k++) {
      const s = this.links[k % this.f.links];
      if (s !== undefined) {
        s.write(Buffer.concat([length, initiation(key)]));
        this.counts.sent++;
        await new Promise((r) => setTimeout(r, 1000 / this.f.perSecond));
      } else if (k % this.f.links === 0) {
        await new Promise((r) => setTimeout(r, 20));
      }
    }
  }

  now(): Flooded {
    const held = this.links.filter((s) => s !== undefined).length;
    this.counts.peak = Math.max(this.counts.peak, held);
    return { ...this.counts, held };
  }

  async run(): Promise<void> {
    await Promise.all([...this.f.ports.map((_, worker) => this.keepOpen(worker)), this.shoot()]);
    this.links.forEach((s) => s?.destroy());
  }
}

// Keeps `links` links open and sends over them for the given time; says how it
// stands twice a second, and once more when it is over.
export async function flood(f: Flood, tell: (now: Flooded) => void): Promise<void> {
  const stranger = new Stranger(f);
  const timer = setInterval(() => tell(stranger.now()), 500);
  await stranger.run();
  clearInterval(timer);
  tell(stranger.now());
}

// SPDX-License-Identifier: Apache-2.0
// Command line of the fake guest agent: one process, any number of nodes.
// Owns flags and signals; everything else is next door.
import { readFileSync } from "node:fs";
import { makeNode } from "./api.ts";
import { APP_ID_BYTES, addressOf, compressedPublicKey } from "./keys.ts";
import { serve, type Served } from "./server.ts";

const USAGE = `usage: guest-agent --kms-root-key HEX|@FILE --app-compose FILE (--socket PATH --app-id HEX [--app-compose FILE])...

Each --socket opens a node; the --app-id, and if given the --app-compose, that
follow it are its own. --kms-root-key @FILE reads 64 hex digits from a file.
Write a mode to PATH.mode to make a node hostile:
  echo 'slow delay_ms=2000' > PATH.mode`;

interface Wanted {
  socket: string;
  appId?: Buffer;
  compose?: string;
}

function fail(message: string): never {
  console.error(`guest-agent: ${message}\n${USAGE}`);
  process.exit(2);
}

function hex(value: string, bytes: number, name: string): Buffer {
  const digits = value.trim().replace(/^0x/, "");
  if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length !== bytes * 2) fail(`${name} must be ${bytes * 2} hex digits`);
  return Buffer.from(digits, "hex");
}

function parse(args: readonly string[]): { root: Buffer; nodes: Required<Wanted>[] } {
  let root: Buffer | undefined;
  let compose: string | undefined;
  const nodes: Wanted[] = [];
  for (let i = 0; i < args.length; i += 2) {
    const flag = args[i]!;
    const value = args[i + 1];
    if (value === undefined) fail(`${flag} wants a value`);
    const node = nodes.at(-1);
    switch (flag) {
      case "--kms-root-key":
        root = hex(value.startsWith("@") ? readFileSync(value.slice(1), "utf8") : value, 32, flag);
        break;
      case "--socket": nodes.push({ socket: value }); break;
      case "--app-id":
        if (node === undefined) fail("--app-id comes after its --socket");
        node.appId = hex(value, APP_ID_BYTES, flag);
        break;
      case "--app-compose": {
        const text = readFileSync(value, "utf8");
        if (node === undefined) compose = text;
        else node.compose = text;
        break;
      }
      default: fail(`unknown flag ${flag}`);
    }
  }
  if (root === undefined) fail("--kms-root-key is missing");
  if (nodes.length === 0) fail("--socket is missing");
  const complete = nodes.map(({ socket, appId, compose: own }) => {
    if (appId === undefined) fail(`${socket} has no --app-id`);
    return { socket, appId, compose: own ?? compose ?? fail("--app-compose is missing") };
  });
  return { root, nodes: complete };
}

async function main(): Promise<void> {
  const { root, nodes } = parse(process.argv.slice(2));
  const served: Served[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(served.map((s) => s.close()));
    process.exit(0);
  };
  process.once("SIGTERM", () => void stop());
  process.once("SIGINT", () => void stop());
  for (const node of nodes) served.push(await serve(makeNode(node.appId, root, node.compose), node.socket));
  console.log(`guest-agent: ready, ${served.length} nodes, KMS root ${addressOf(compressedPublicKey(root))}`);
}

main().catch((error: Error) => {
  console.error(`guest-agent: ${error.message}`);
  process.exit(1);
});

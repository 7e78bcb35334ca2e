// SPDX-License-Identifier: Apache-2.0
// The devnet's command line.
export interface Options {
  readonly out: string;
  readonly dir: string;
  readonly nodes: number;
  readonly secondNodes: number;
  readonly stockProxy: boolean;
  readonly blockTimeSecs: number;
  readonly cidr: string;
  readonly kmsRootKeyFile: string | undefined;
  readonly appComposeFile: string | undefined;
  readonly state: string | undefined;
  readonly ports: number | undefined;
  readonly workerVars: Readonly<Record<string, string>>;
}

export const USAGE = `usage: devnet --out FILE.json --dir DIR [options]
  --nodes N              members of the first cluster, 1..64 (2)
  --second-nodes N       members of a second cluster, 0..8 (0: no second cluster)
  --stock-proxy 0|1      the last member of the first cluster comes by the stock-proxy path (1)
  --block-time SECS      1..30 (2)
  --cidr A.B.C.D/N       mesh network of the first cluster (10.13.0.0/16)
  --kms-root-key-file F  64 hex digits (default: drawn, and written to DIR)
  --app-compose FILE     the app_compose whose hash is allowed (default: a small one, written to DIR)
  --state FILE           anvil's state, read at start and written at an orderly end
  --ports N              first of seven ports in a row (default: free ones)
  --worker-var NAME=V    another variable for the worker (repeatable)
Writes FILE when everything answers, and runs until SIGTERM or SIGINT.`;

export class UsageError extends Error {}

function number(value: string, flag: string, min: number, max: number): number {
  const n = /^\d{1,5}$/.test(value) ? Number(value) : NaN;
  if (!(n >= min && n <= max)) throw new UsageError(`${flag} must be between ${min} and ${max}`);
  return n;
}

export function parseOptions(args: readonly string[]): Options {
  const given = new Map<string, string>();
  const workerVars: Record<string, string> = {};
  const known = [...USAGE.matchAll(/^ {2}(--[a-z-]+)/gm)].map((m) => m[1]!).concat("--out", "--dir");
  for (let i = 0; i < args.length; i += 2) {
    const [flag, value] = [args[i]!, args[i + 1]];
    if (!known.includes(flag)) throw new UsageError(`unknown flag ${flag}`);
    if (value === undefined) throw new UsageError(`${flag} wants a value`);
    if (flag !== "--worker-var") given.set(flag, value);
    else {
      const match = /^([A-Z0-9_]+)=(.*)$/.exec(value);
      if (match === null) throw new UsageError("--worker-var wants NAME=VALUE");
      workerVars[match[1]!] = match[2]!;
    }
  }
  const need = (flag: string): string => {
    const value = given.get(flag);
    if (value === undefined) throw new UsageError(`${flag} is missing`);
    return value;
  };
  return {
    out: need("--out"), dir: need("--dir"),
    nodes: number(given.get("--nodes") ?? "2", "--nodes", 1, 64),
    secondNodes: number(given.get("--second-nodes") ?? "0", "--second-nodes", 0, 8),
    stockProxy: number(given.get("--stock-proxy") ?? "1", "--stock-proxy", 0, 1) === 1,
    blockTimeSecs: number(given.get("--block-time") ?? "2", "--block-time", 1, 30),
    cidr: given.get("--cidr") ?? "10.13.0.0/16",
    kmsRootKeyFile: given.get("--kms-root-key-file"), appComposeFile: given.get("--app-compose"), state: given.get("--state"),
    ports: given.has("--ports") ? number(given.get("--ports")!, "--ports", 1024, 65528) : undefined,
    workerVars,
  };
}

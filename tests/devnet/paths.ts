// SPDX-License-Identifier: Apache-2.0
// Where things are. The bundle lives under the build directory, so the root of
// the checkout comes from the environment, or from two levels above the bundle.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

declare const __dirname: string;

function findRoot(): string {
  const named = process.env["ROOT"];
  const root = named !== undefined && named !== "" ? resolve(named) : resolve(__dirname, "../..");
  if (!existsSync(join(root, "node_modules"))) throw new Error(`${root} has no node_modules: run make setup, or set ROOT`);
  return root;
}

export const ROOT = findRoot();
export const OUT = process.env["O"] ?? join(ROOT, "build");
export const modulePath = (...parts: string[]): string => join(ROOT, "node_modules", ...parts);
// For packages that stay outside the bundle.
export const requireFromRoot = createRequire(join(ROOT, "package.json"));
export const ARTIFACTS = process.env["CONTRACTS_OUT"] ?? join(OUT, "contracts", "out");
export const CONTRACTS_SCRIPT = join(ROOT, "contracts", "script", "attestmesh-contracts.mjs");

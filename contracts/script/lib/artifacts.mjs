// SPDX-License-Identifier: MIT
// Reads compiled contracts: ours from forge's output, the EntryPoint's from the published package. It compiles
// nothing.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const DEFAULT_ARTIFACTS = join(ROOT, 'build/contracts/out');

export function loadArtifact(directory, name) {
  const path = join(directory, `${name}.sol`, `${name}.json`);
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${path} is missing: build the contracts first (make contracts)`, { cause: error });
  }
  const { abi, bytecode } = JSON.parse(text);
  return { abi, bytecode: bytecode.object };
}

const FACETS = ['ClusterDiamond', 'AttestFacet', 'MessageFacet', 'NetworkFacet', 'CskFacet', 'DstackFacet', 'OperatorFacet'];
const OTHERS = ['ClusterInit', 'ClusterMember', 'ClusterMemberFactory', 'ClusterDiamondFactory', 'IndexerRegistry', 'VerifyingPaymaster'];

function merged(directory, names) {
  const seen = new Set();
  return names.flatMap((name) => loadArtifact(directory, name).abi).filter((entry) => {
    const key = JSON.stringify(entry);
    return !seen.has(key) && seen.add(key);
  });
}

/// Everything a cluster answers: the diamond's own functions and those of every facet of this release.
export const loadClusterAbi = (directory) => merged(directory, FACETS);

/// Every custom error of the contracts.
export const loadErrors = (directory) => merged(directory, [...FACETS, ...OTHERS]).filter(({ type }) => type === 'error');

export function loadEntryPoint() {
  const require = createRequire(import.meta.url);
  const { abi, bytecode } = require('@account-abstraction/contracts/artifacts/EntryPoint.json');
  return { abi, bytecode };
}

// SPDX-License-Identifier: MIT
// Where the contract tools read and write: all under $(O)/contracts.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const BUILD = join(process.env.O || join(ROOT, 'build'), 'contracts');
export const OUT = process.env.FOUNDRY_OUT || join(BUILD, 'out');
/// The contracts that are deployed, and so have a size and a reference page.
export const DEPLOYED = [
  'AttestFacet', 'ClusterDiamond', 'ClusterDiamondFactory', 'ClusterInit', 'ClusterMember', 'ClusterMemberFactory',
  'CskFacet', 'DstackFacet', 'IndexerRegistry', 'MessageFacet', 'NetworkFacet', 'OperatorFacet', 'VerifyingPaymaster',
];

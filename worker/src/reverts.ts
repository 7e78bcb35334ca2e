// SPDX-License-Identifier: Apache-2.0
// Names for revert data, so that a refusal says what the cluster said. Only
// errors that a sponsored call can meet.
import { toFunctionSelector } from "viem";
import type { Hex } from "./types.ts";

const ERRORS = [
  "NotOurMember()", "AlreadyRegistered()", "NotClusterMember()", "CodeIdMismatch()", "BindingMismatch()", "InvalidSigChain()",
  "PointNotOnCurve()", "InvalidPubKeyLength()", "CallerNotMember()", "MemberBarred()", "MeshFull()", "ClusterFull()",
  "ZeroKey()", "WgKeyTaken(bytes32)", "VoucherExpired()", "OperatorSignerNotAllowed()", "OwnerAlreadySet()", "OnlyCluster()",
];
const NAMES: ReadonlyMap<string, string> = new Map(ERRORS.map((error) => [toFunctionSelector(error), error.slice(0, error.indexOf("("))]));
const SHOWN_HEX_MAX = 138;

export function nameRevert(data: Hex): string {
  return NAMES.get(data.slice(0, 10)) ?? data.slice(0, SHOWN_HEX_MAX);
}

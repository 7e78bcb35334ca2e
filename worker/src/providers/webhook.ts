// SPDX-License-Identifier: Apache-2.0
// What the two vendors' webhooks share: an operation in an object, judged by
// the whole policy and spent at once. How a vendor authenticates and is
// answered is its own file's business.
import { complete } from "../checks.ts";
import { ENTRY_POINT } from "../constants.ts";
import { readAddress, readOperation, readQuantity, type Json } from "../decode.ts";
import type { Bindings } from "../env.ts";
import { readStatically } from "../policy.ts";
import { deny, type Result } from "../result.ts";
import { contextOf, sponsorAtOnce } from "../sponsor.ts";

function readChainId(value: unknown): bigint | undefined {
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return BigInt(value);
  if (typeof value === "string" && /^\d{1,19}$/.test(value)) return BigInt(value);
  return readQuantity(value, 256);
}

export async function judgeWebhook(env: Bindings, body: Json): Promise<Result<number>> {
  const chainId = readChainId(body["chainId"]);
  if (chainId === undefined) return deny("malformed-request", "chainId is missing or malformed");
  // A vendor that names no EntryPoint means the one its policy is made for.
  const entryPoint = body["entryPoint"] === undefined ? ENTRY_POINT : readAddress(body["entryPoint"]);
  if (entryPoint === undefined) return deny("malformed-request", "entryPoint is no address");
  const partial = readOperation(body["userOperation"]);
  if (!partial.ok) return partial;
  const context = contextOf(env);
  const reading = readStatically(context.settings, { chainId, entryPoint, operation: partial.value });
  if (!reading.ok) return reading;
  // The vendor's own paymaster may have no limits of its own yet: none then.
  const operation = complete(partial.value, { paymasterVerificationGasLimit: 0n, paymasterPostOpGasLimit: 0n });
  if ("ok" in operation) return operation;
  return sponsorAtOnce(env, context, { chainId, entryPoint, operation });
}

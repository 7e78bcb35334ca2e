// SPDX-License-Identifier: Apache-2.0
// The paymaster service of ERC-7677: pm_getPaymasterStubData and
// pm_getPaymasterData over JSON-RPC. Open to everybody: who asks is proven by
// context.auth. A refusal is an error whose data is {reason, revert}.
import { parseJson, readText } from "../body.ts";
import { complete } from "../checks.ts";
import { PAYMASTER_POST_OP_GAS, PAYMASTER_VERIFICATION_GAS } from "../constants.ts";
import { isJsonObject, readAddress, readOperation, readQuantity, type Json } from "../decode.ts";
import { Misconfigured, type Bindings } from "../env.ts";
import { countDecision } from "../log.ts";
import { signedFields, stubFields, type PaymasterFields } from "../paymaster.ts";
import { readStatically } from "../policy.ts";
import { deny, pass, type Denial, type Result } from "../result.ts";
import { contextOf, sponsorByReservation } from "../sponsor.ts";
import type { Ask, PartialOperation } from "../types.ts";

const CODE_PARSE = -32700;
const CODE_REQUEST = -32600;
const CODE_METHOD = -32601;
const CODE_REFUSED = -32001;
const CODE_INTERNAL = -32603;

type Id = string | number | null;

function codeOf(denial: Denial): number {
  switch (denial.reason) {
    case "malformed-request": case "body-too-large": return CODE_REQUEST;
    case "unknown-method": return CODE_METHOD;
    case "internal-error": case "misconfigured": return CODE_INTERNAL;
    default: return CODE_REFUSED;
  }
}

function refuse(id: Id, denial: Denial, status = 200, code = codeOf(denial)): Response {
  const data = { reason: denial.reason, revert: denial.revert ?? null };
  return Response.json({ jsonrpc: "2.0", id, error: { code, message: `${denial.reason}: ${denial.detail}`, data } }, { status });
}

interface Call {
  readonly id: Id;
  readonly method: string;
  readonly params: readonly unknown[];
}

function readCall(value: unknown): Result<Call> {
  if (!isJsonObject(value)) return deny("malformed-request", "one JSON-RPC request is expected, no batch");
  const { jsonrpc, method, params = [] } = value;
  const id = value["id"] ?? null;
  if (jsonrpc !== "2.0" || typeof method !== "string" || !Array.isArray(params)) return deny("malformed-request", "no JSON-RPC 2.0 request");
  if (id !== null && typeof id !== "string" && typeof id !== "number") return deny("malformed-request", "the id is no string and no number");
  return pass({ id, method, params });
}

interface Asked extends Ask<PartialOperation> { readonly context: Json }

function readParams(params: readonly unknown[]): Result<Asked> {
  const [rawOperation, rawEntryPoint, rawChainId, rawContext] = params;
  const chainId = readQuantity(rawChainId, 256);
  if (chainId === undefined) return deny("malformed-request", "the third parameter is no chain id in hex");
  const entryPoint = readAddress(rawEntryPoint);
  if (entryPoint === undefined) return deny("malformed-request", "the second parameter is no address");
  const operation = readOperation(rawOperation);
  if (!operation.ok) return operation;
  return pass({ chainId, entryPoint, operation: operation.value, context: isJsonObject(rawContext) ? rawContext : {} });
}

async function answerStub(env: Bindings, asked: Asked): Promise<Result<PaymasterFields>> {
  const { settings } = contextOf(env);
  if (settings.paymaster === undefined) return deny("misconfigured", "no paymaster is configured");
  const reading = readStatically(settings, asked);
  return reading.ok ? pass(stubFields(settings.paymaster.address)) : reading;
}

async function answerFinal(env: Bindings, asked: Asked): Promise<Result<PaymasterFields>> {
  const context = contextOf(env);
  const { settings } = context;
  if (settings.paymaster === undefined) return deny("misconfigured", "no paymaster is configured");
  // Static denials come before a complaint about numbers that are missing.
  const reading = readStatically(settings, asked);
  if (!reading.ok) return reading;
  const paymasterGas = { paymasterVerificationGasLimit: PAYMASTER_VERIFICATION_GAS, paymasterPostOpGasLimit: PAYMASTER_POST_OP_GAS };
  const operation = complete({ ...asked.operation, gas: { ...asked.operation.gas, ...paymasterGas } }, paymasterGas);
  if ("ok" in operation) return operation;
  const ask: Ask = { chainId: asked.chainId, entryPoint: asked.entryPoint, operation };
  const validUntil = await sponsorByReservation(env, context, ask, { kind: "signed", auth: asked.context["auth"] });
  return validUntil.ok ? pass(await signedFields(settings.paymaster, asked.chainId, operation, validUntil.value)) : validUntil;
}

async function dispatch(env: Bindings, call: Call): Promise<Result<PaymasterFields>> {
  const surface = call.method === "pm_getPaymasterStubData" ? "stub" : call.method === "pm_getPaymasterData" ? "final" : undefined;
  if (surface === undefined) return deny("unknown-method", `${call.method.slice(0, 64)} is not served`);
  const asked = readParams(call.params);
  const answer = !asked.ok ? asked : surface === "stub" ? await answerStub(env, asked.value) : await answerFinal(env, asked.value);
  countDecision(surface, answer.ok ? undefined : answer, asked.ok ? { sender: asked.value.operation.sender } : {});
  return answer;
}

export async function handleRpc(request: Request, env: Bindings): Promise<Response> {
  const text = await readText(request);
  if (!text.ok) return refuse(null, text, 400);
  const json = parseJson(text.value);
  if (!json.ok) return refuse(null, json, 400, CODE_PARSE);
  const call = readCall(json.value);
  if (!call.ok) return refuse(null, call, 400);
  try {
    const answer = await dispatch(env, call.value);
    if (answer.ok) return Response.json({ jsonrpc: "2.0", id: call.value.id, result: answer.value });
    return refuse(call.value.id, answer, answer.reason === "malformed-request" ? 400 : 200);
  } catch (error) {
    const reason = error instanceof Misconfigured ? "misconfigured" : "internal-error";
    console.error(`rpc: ${(error as Error).message}`);
    return refuse(call.value.id, deny(reason, reason === "misconfigured" ? (error as Error).message : "see the log"));
  }
}

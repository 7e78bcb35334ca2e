// SPDX-License-Identifier: Apache-2.0
// Pimlico's sponsorship-policy webhook: signed in the Standard Webhooks form
// (id, timestamp and body under HMAC-SHA256), answered {"sponsor": bool}.
import { parseJson, readText } from "../body.ts";
import { WEBHOOK_AGE_MAX_SECS } from "../constants.ts";
import { isJsonObject, type Json } from "../decode.ts";
import { settingsOf, type Bindings } from "../env.ts";
import { countDecision } from "../log.ts";
import { deny, pass, type Result } from "../result.ts";
import { bytesFromBase64, equalSecrets, hmacSha256Base64 } from "./secrets.ts";
import { judgeWebhook } from "./webhook.ts";

const SIGNATURES_MAX = 8;
const REQUESTED = "user_operation.sponsorship.requested";
const FINALIZED = "user_operation.sponsorship.finalized";

function header(request: Request, name: string): string | undefined {
  return request.headers.get(`webhook-${name}`) ?? request.headers.get(`svix-${name}`) ?? undefined;
}

async function isSigned(request: Request, text: string, secret: string, nowMs: number): Promise<boolean> {
  const [id, timestamp, signatures] = [header(request, "id"), header(request, "timestamp"), header(request, "signature")];
  if (id === undefined || timestamp === undefined || signatures === undefined || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(nowMs / 1000 - Number(timestamp)) > WEBHOOK_AGE_MAX_SECS) return false;
  const key = bytesFromBase64(secret.replace(/^whsec_/, ""));
  if (key === undefined || key.length === 0) return false;
  const expected = await hmacSha256Base64(key, `${id}.${timestamp}.${text}`);
  const matches = await Promise.all(signatures.split(" ").slice(0, SIGNATURES_MAX).map((one) => equalSecrets(one, `v1,${expected}`)));
  return matches.includes(true);
}

// The operation of a request event, or nothing to judge.
function readEvent(body: unknown): Result<Json | undefined> {
  if (!isJsonObject(body)) return deny("malformed-request", "the body is no object");
  if (body["type"] === FINALIZED) return pass(undefined);
  const data = body["data"];
  const object = isJsonObject(data) ? data["object"] : undefined;
  if (body["type"] !== REQUESTED || !isJsonObject(object)) return deny("malformed-request", "no sponsorship request");
  return pass(object);
}

async function judge(env: Bindings, request: Request): Promise<Result<number>> {
  const { pimlicoSecret } = settingsOf(env);
  if (pimlicoSecret === undefined) return deny("bad-webhook-signature", "this webhook is not in use");
  const text = await readText(request);
  if (!text.ok) return text;
  if (!(await isSigned(request, text.value, pimlicoSecret, Date.now()))) return deny("bad-webhook-signature", "the signature is missing, old or wrong");
  const json = parseJson(text.value);
  if (!json.ok) return json;
  const event = readEvent(json.value);
  if (!event.ok) return event;
  return event.value === undefined ? pass(0) : judgeWebhook(env, event.value);
}

export async function handlePimlico(request: Request, env: Bindings): Promise<Response> {
  const judged = await judge(env, request);
  countDecision("pimlico", judged.ok ? undefined : judged);
  if (judged.ok) return Response.json({ sponsor: true });
  const status = judged.reason === "bad-webhook-signature" ? 401 : ["malformed-request", "body-too-large"].includes(judged.reason) ? 400 : 200;
  return Response.json({ sponsor: false, reason: judged.reason }, { status });
}

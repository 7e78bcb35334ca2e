// SPDX-License-Identifier: Apache-2.0
// Alchemy Gas Manager's custom-rules webhook: authenticated by a token in the
// address, answered {"approved": bool, "reason"?}.
import { parseJson, readText } from "../body.ts";
import { isJsonObject } from "../decode.ts";
import { settingsOf, type Bindings } from "../env.ts";
import { countDecision } from "../log.ts";
import { deny, type Denial, type Result } from "../result.ts";
import { equalSecrets } from "./secrets.ts";
import { judgeWebhook } from "./webhook.ts";

const MALFORMED = ["malformed-request", "body-too-large", "malformed-operation"];

function reply(judged: Result<number>, status?: number): Response {
  const body = judged.ok ? { approved: true } : { approved: false, reason: judged.reason, detail: judged.detail };
  return Response.json(body, { status: status ?? (!judged.ok && MALFORMED.includes(judged.reason) ? 400 : 200) });
}

async function authenticate(env: Bindings, request: Request): Promise<Denial | undefined> {
  const { alchemyToken } = settingsOf(env);
  if (alchemyToken === undefined) return deny("wrong-token", "this webhook is not in use");
  const given = new URL(request.url).searchParams.get("token") ?? "";
  return (await equalSecrets(given, alchemyToken)) ? undefined : deny("wrong-token", "the token is missing or wrong");
}

export async function handleAlchemy(request: Request, env: Bindings): Promise<Response> {
  const denial = await authenticate(env, request);
  if (denial) {
    countDecision("alchemy", denial);
    return reply(denial, 401);
  }
  const text = await readText(request);
  const json = text.ok ? parseJson(text.value) : text;
  const judged = !json.ok ? json : !isJsonObject(json.value) ? deny("malformed-request", "the body is no object") : await judgeWebhook(env, json.value);
  countDecision("alchemy", judged.ok ? undefined : judged);
  return reply(judged);
}

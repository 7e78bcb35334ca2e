// SPDX-License-Identifier: Apache-2.0
// Which path and method leads where. No policy, no parsing.
import { GLOBAL_SCOPE } from "./caps.ts";
import { readAddress } from "./decode.ts";
import { Misconfigured, settingsOf, type Bindings } from "./env.ts";
import { countDecision, metricsText, type BookTotals } from "./log.ts";
import { decideCluster } from "./policy.ts";
import { handleAlchemy } from "./providers/alchemy.ts";
import { handleRpc } from "./providers/erc7677.ts";
import { handlePimlico } from "./providers/pimlico.ts";
import { contextOf } from "./sponsor.ts";

async function handleCheck(request: Request, env: Bindings): Promise<Response> {
  const cluster = readAddress(new URL(request.url).searchParams.get("cluster"));
  if (cluster === undefined) return Response.json({ sponsored: false, reason: "malformed-request", detail: "?cluster= is no address" }, { status: 400 });
  const denial = await decideCluster(contextOf(env), cluster);
  countDecision("check", denial, { cluster });
  return Response.json(denial ? { sponsored: false, reason: denial.reason, detail: denial.detail } : { sponsored: true, cluster });
}

function handleHealth(env: Bindings): Response {
  const settings = settingsOf(env);
  return Response.json({ ok: true, chainId: Number(settings.chainId), paymaster: settings.paymaster?.address ?? null });
}

async function handleMetrics(env: Bindings): Promise<Response> {
  let books: BookTotals | undefined;
  try {
    books = await env.CAPS.getByName(GLOBAL_SCOPE).totals();
  } catch (error) {
    console.error(`metrics: ${(error as Error).message}`);
  }
  return new Response(metricsText(books), { headers: { "content-type": "text/plain; version=0.0.4" } });
}

type Handler = (request: Request, env: Bindings) => Response | Promise<Response>;

const ROUTES: Readonly<Record<string, Handler>> = {
  "POST /": handleAlchemy,
  "POST /pimlico": handlePimlico,
  "POST /rpc": handleRpc,
  "GET /check": handleCheck,
  "GET /healthz": (_request, env) => handleHealth(env),
  "GET /metrics": (_request, env) => handleMetrics(env),
};

export async function route(request: Request, env: Bindings): Promise<Response> {
  const handler = ROUTES[`${request.method} ${new URL(request.url).pathname}`];
  if (handler === undefined) return Response.json({ error: "no such path" }, { status: 404 });
  try {
    return await handler(request, env);
  } catch (error) {
    const known = error instanceof Misconfigured;
    console.error(`${request.method}: ${(error as Error).message}`);
    return Response.json({ ok: false, reason: known ? "misconfigured" : "internal-error", ...(known && { detail: error.message }) }, { status: 500 });
  }
}

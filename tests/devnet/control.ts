// SPDX-License-Identifier: Apache-2.0
// The control endpoint on loopback:
//   GET  /                      every forwarder: mode, counts, recent requests
//   POST /NAME/ok|refuse|hang|502
//   POST /NAME/merge            JSON body: fields laid over each result; {} ends it
import { createServer, type IncomingMessage, type Server } from "node:http";
import { FORWARDER_MODES, type Forwarder } from "./forwarder.ts";
import { LOOPBACK } from "./net.ts";

const MERGE_MAX_BYTES = 64 * 1024;

function readMerge(request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  return new Promise((resolve, reject) => {
    let text = "";
    request.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (text.length > MERGE_MAX_BYTES) request.destroy(new Error("too large"));
    });
    request.on("error", reject).on("end", () => {
      try {
        const fields = JSON.parse(text || "{}") as Record<string, unknown>;
        resolve(Object.keys(fields).length === 0 ? undefined : fields);
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}

async function act(forwarder: Forwarder, action: string, request: IncomingMessage): Promise<void> {
  if (action === "merge") return forwarder.setMerge(await readMerge(request));
  const mode = FORWARDER_MODES.find((m) => m === action);
  if (mode === undefined) throw new Error(`unknown action ${action}; known: ${FORWARDER_MODES.join(" ")} merge`);
  await forwarder.setMode(mode);
}

export function startControl(port: number, forwarders: readonly Forwarder[]): Promise<Server> {
  const server = createServer((request, response) => {
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { "Content-Type": "application/json", Connection: "close" }).end(JSON.stringify(body) + "\n");
    };
    const [, name = "", action = ""] = (request.url ?? "/").split("/");
    if (request.method === "GET") return reply(200, Object.fromEntries(forwarders.map((f) => [f.name, f.status()])));
    const forwarder = forwarders.find((f) => f.name === name);
    if (forwarder === undefined) return reply(404, { error: `no forwarder ${name}; known: ${forwarders.map((f) => f.name).join(" ")}` });
    act(forwarder, action, request).then(() => reply(200, { [name]: action }), (error: Error) => reply(400, { error: error.message }));
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, LOOPBACK, () => resolve(server));
  });
}

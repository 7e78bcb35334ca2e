// SPDX-License-Identifier: Apache-2.0
// Small HTTP questions with a deadline: health answers, metrics, status sockets.
import { request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Question {
  readonly host?: string;
  readonly port?: number;
  readonly socketPath?: string;
  readonly path: string;
  readonly method?: string;
  readonly body?: string;
}

export function ask(q: Question, limitMs = 4000): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request({ host: q.host, port: q.port, socketPath: q.socketPath, path: q.path, method: q.method ?? "GET",
      agent: false, headers: q.body === undefined ? {} : { "content-type": "application/json" } }, (res) => {
      const parts: Buffer[] = [];
      res.on("data", (part: Buffer) => parts.push(part));
      res.on("end", () => resolve({ status: res.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
      res.on("error", reject);
    });
    req.setTimeout(limitMs, () => req.destroy(new Error(`no answer within ${limitMs} ms`)));
    req.on("error", reject);
    req.end(q.body);
  });
}

export function metric(text: string, name: string, labels = ""): number | undefined {
  for (const line of text.split("\n")) {
    if (!line.startsWith(name)) continue;
    const rest = line.slice(name.length);
    const match = /^(\{[^}]*\})? ([0-9.eE+-]+)$/.exec(rest);
    if (match !== null && (labels === "" || (match[1] ?? "").includes(labels))) return Number(match[2]);
  }
  return undefined;
}

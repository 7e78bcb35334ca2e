// SPDX-License-Identifier: Apache-2.0
// Remembered answers in KV. Each carries the time it was made, because KV's own
// expiry has a floor of a minute and its edges remember longer still.
//   key `v1:<question>`, value {"at": ms, "v": boolean | string}
const KV_TTL_MIN_SECS = 60;

export type Remembered = boolean | string;

export interface Cache {
  read(key: string, maxAgeSecs: number): Promise<Remembered | undefined>;
  write(key: string, value: Remembered, ttlSecs: number): Promise<void>;
}

interface Entry { at: number; v: Remembered }

export function makeCache(kv: KVNamespace, nowMs: () => number): Cache {
  return {
    async read(key, maxAgeSecs) {
      const entry = await kv.get<Entry>("v1:" + key, "json");
      if (entry === null || nowMs() - entry.at > maxAgeSecs * 1000) return undefined;
      return entry.v;
    },
    write: (key, value, ttlSecs) =>
      kv.put("v1:" + key, JSON.stringify({ at: nowMs(), v: value } satisfies Entry), { expirationTtl: Math.max(ttlSecs, KV_TTL_MIN_SECS) }),
  };
}

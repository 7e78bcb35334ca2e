// SPDX-License-Identifier: Apache-2.0
// A request's body as JSON: bounded before it is held, counted while it comes,
// and a denial instead of an exception.
import { BODY_MAX_BYTES } from "./constants.ts";
import { deny, pass, type Result } from "./result.ts";

export async function readText(request: Request): Promise<Result<string>> {
  const declared = Number(request.headers.get("content-length") ?? "0");
  const tooLarge = deny("body-too-large", `the body exceeds ${BODY_MAX_BYTES} bytes`);
  if (declared > BODY_MAX_BYTES) return tooLarge;
  const reader = (request.body as ReadableStream<Uint8Array> | null)?.getReader();
  if (reader === undefined) return pass("");
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return pass(text + decoder.decode());
    size += value.byteLength;
    if (size > BODY_MAX_BYTES) {
      await reader.cancel();
      return tooLarge;
    }
    text += decoder.decode(value, { stream: true });
  }
}

export function parseJson(text: string): Result<unknown> {
  try {
    return pass(JSON.parse(text) as unknown);
  } catch {
    return deny("malformed-request", "the body is no JSON");
  }
}

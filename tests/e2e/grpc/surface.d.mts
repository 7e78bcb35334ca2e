// SPDX-License-Identifier: Apache-2.0
// Types of surface.mjs. Messages are plain objects with the field names of the
// proto files: bytes as hexadecimal, 64-bit numbers as decimal text.
export type Plain = Record<string, unknown>;

export interface CallError extends Error {
  readonly code: number;
  readonly codeName: string;
  readonly trailers: Readonly<Record<string, string>>;
}

export interface StreamEvents {
  open?(): void;
  item?(item: Plain): void;
  error?(error: CallError): void;
  end?(): void;
}

export const REFLECTION_VERSIONS: readonly string[];

export class Surface {
  static connect(target: string, options?: { version?: string }): Promise<Surface>;
  readonly services: readonly string[];
  unary(service: string, name: string, value?: Plain, options?: { deadlineMs?: number }):
    Promise<{ response: Plain; trailers: Readonly<Record<string, unknown>> }>;
  stream(service: string, name: string, value: Plain, on: StreamEvents): () => void;
  close(): void;
}

// SPDX-License-Identifier: Apache-2.0
// What Info and GetQuote answer: measurements, event log, a quote body of the
// right layout. Constant where a real machine has hardware, computed where the
// values hang together (compose hash, RTMR3 from its events, aggregate). No
// signature in the quote is valid and none is claimed to be.
import { createHash } from "node:crypto";
import { sha256 } from "./keys.ts";

const RUNTIME_EVENT_TYPE = 0x08000001;
const REGISTER_BYTES = 48;
export const REPORT_DATA_BYTES = 64;
export const QUOTE_REPORT_DATA_OFFSET = 568;
const QUOTE_BODY_END = QUOTE_REPORT_DATA_OFFSET + REPORT_DATA_BYTES;
const SIGNATURE_AREA_BYTES = 4096;

export interface LogEvent {
  imr: number;
  event_type: number;
  digest: string;
  event: string;
  event_payload: string;
}

export interface Evidence {
  readonly appCompose: string;
  readonly composeHash: Buffer;
  readonly instanceId: Buffer;
  readonly info: Record<string, string>;
  quote(reportData: Buffer): Record<string, string>;
}

function sha384(...parts: (Uint8Array | string)[]): Buffer {
  const hash = createHash("sha384");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function runtimeEvent(event: string, payload: Buffer): LogEvent {
  const type = Buffer.alloc(4);
  type.writeUInt32LE(RUNTIME_EVENT_TYPE);
  const digest = sha384(type, ":", event, ":", payload).toString("hex");
  return { imr: 3, event_type: RUNTIME_EVENT_TYPE, digest, event, event_payload: payload.toString("hex") };
}

function replay(events: readonly LogEvent[]): Buffer {
  let register: Buffer = Buffer.alloc(REGISTER_BYTES);
  for (const { digest } of events) register = sha384(register, Buffer.from(digest, "hex"));
  return register;
}

// TDX quote, version 4: 48 bytes of header, 584 of report, then the length and
// the body of the signature area.
function quoteBody(mrtd: Buffer, rtmrs: readonly Buffer[], reportData: Buffer): Buffer {
  const head = Buffer.alloc(48);
  head.writeUInt16LE(4, 0);
  head.writeUInt16LE(2, 2);
  head.writeUInt32LE(0x81, 4);
  Buffer.from("939a7233f79c4ca9940a0db3957f0607", "hex").copy(head, 12);
  const beforeMrtd = Buffer.alloc(136, 0x5a);
  const configAndOwner = Buffer.alloc(3 * REGISTER_BYTES);
  const signature = Buffer.alloc(4 + SIGNATURE_AREA_BYTES, 0xa5);
  signature.writeUInt32LE(SIGNATURE_AREA_BYTES, 0);
  const quote = Buffer.concat([head, beforeMrtd, mrtd, configAndOwner, ...rtmrs, reportData, signature]);
  if (quote.length !== QUOTE_BODY_END + signature.length) throw new Error("quote layout is wrong");
  return quote;
}

export function makeEvidence(appId: Buffer, appCompose: string): Evidence {
  const composeHash = sha256(appCompose);
  const instanceId = sha256(Buffer.concat([sha256("seed:" + appId.toString("hex")).subarray(0, 20), appId])).subarray(0, 20);
  // SPKI of a P-256 point: here a constant head and the generator.
  const rootCa = Buffer.from(
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004" +
      "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" +
      "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5", "hex");
  const keyProvider = JSON.stringify({ name: "kms", id: rootCa.toString("hex") });
  const events = [
    runtimeEvent("system-preparing", Buffer.alloc(0)),
    runtimeEvent("app-id", appId),
    runtimeEvent("compose-hash", composeHash),
    runtimeEvent("instance-id", instanceId),
    runtimeEvent("boot-mr-done", Buffer.alloc(0)),
    runtimeEvent("key-provider", Buffer.from(keyProvider, "utf8")),
    runtimeEvent("system-ready", Buffer.alloc(0)),
  ];
  const mrtd = sha384("mrtd");
  const rtmrs = [sha384("rtmr0"), sha384("rtmr1"), sha384("rtmr2"), replay(events)];
  const aggregated = sha256(Buffer.concat([mrtd, ...rtmrs])).toString("hex");
  const osImageHash = sha256("os-image").toString("hex");
  // What an agent of 0.5.6 and later prints: SHA-256 of nothing. Not a device.
  const deviceId = sha256("").toString("hex");
  const vmConfig = JSON.stringify({ spec_version: 1, os_image_hash: osImageHash, cpu_count: 1, memory_size: 2147483648 });
  const tcbInfo = {
    mrtd: mrtd.toString("hex"),
    rtmr0: rtmrs[0]!.toString("hex"), rtmr1: rtmrs[1]!.toString("hex"),
    rtmr2: rtmrs[2]!.toString("hex"), rtmr3: rtmrs[3]!.toString("hex"),
    mr_aggregated: aggregated, os_image_hash: osImageHash, compose_hash: composeHash.toString("hex"),
    device_id: deviceId, event_log: events, app_compose: appCompose,
  };
  const info = {
    app_id: appId.toString("hex"), instance_id: instanceId.toString("hex"), app_cert: "",
    tcb_info: JSON.stringify(tcbInfo), app_name: "attestmesh-node", device_id: deviceId,
    mr_aggregated: aggregated, os_image_hash: osImageHash, key_provider_info: keyProvider,
    compose_hash: composeHash.toString("hex"), vm_config: vmConfig, cloud_vendor: "", cloud_product: "",
  };
  return {
    appCompose, composeHash, instanceId, info,
    quote(reportData) {
      return {
        quote: quoteBody(mrtd, rtmrs, reportData).toString("hex"), event_log: JSON.stringify(events),
        report_data: reportData.toString("hex"), vm_config: vmConfig,
      };
    },
  };
}

// SPDX-License-Identifier: Apache-2.0
// An application beside a node: the agent socket through a gRPC stack that is
// not ours, with the messages of the one proto file.
import * as grpc from "@grpc/grpc-js";
import protobuf from "protobufjs";
import agentProto from "../../../usr/lib/grpc/proto/agent.proto";

const SERVICE = "attestmesh.agent.v1.Agent";
const root = protobuf.parse(agentProto, { keepCase: true }).root;
const service = root.lookupService(SERVICE);

export interface Message {
  readonly sender: string;
  readonly payload: Buffer;
  readonly block: number;
  readonly logIndex: number;
  readonly envelopeId: string;
}

export interface PeerEvent {
  readonly kind: "joined" | "liveness";
  readonly member: string;
  readonly up?: boolean;
  readonly atMs: number;
}

export interface Sent {
  readonly code: grpc.status;
  readonly text: string;
  readonly envelopeId: string;   // of the answer, or of the trailer
}

type Plain = Record<string, unknown>;

function method(name: string): { path: string; encode: (v: Plain) => Buffer; decode: (b: Buffer) => Plain } {
  const m = service.methods[name];
  if (m === undefined) throw new Error(`no method ${name}`);
  const request = root.lookupType(`attestmesh.agent.v1.${m.requestType.split(".").at(-1)}`);
  const response = root.lookupType(`attestmesh.agent.v1.${m.responseType.split(".").at(-1)}`);
  return {
    path: `/${SERVICE}/${name}`,
    encode: (v) => Buffer.from(request.encode(request.create(v)).finish()),
    decode: (b) => response.toObject(response.decode(b), { longs: Number, defaults: true, oneofs: true }),
  };
}

function hex(v: unknown): string {
  return Buffer.from(v as Uint8Array).toString("hex");
}

export class App {
  private readonly client: grpc.Client;

  constructor(socket: string) {
    this.client = new grpc.Client(`unix:${socket}`, grpc.credentials.createInsecure());
  }

  close(): void {
    this.client.close();
  }

  private unary(name: string, request: Plain, limitMs: number): Promise<{ answer: Plain; error?: grpc.ServiceError }> {
    const m = method(name);
    return new Promise((resolve) => {
      this.client.makeUnaryRequest(m.path, m.encode, m.decode, request, { deadline: Date.now() + limitMs },
        (error, answer) => resolve(error === null ? { answer: answer as Plain } : { answer: {}, error }));
    });
  }

  private async call(name: string, limitMs = 10_000): Promise<Plain> {
    const { answer, error } = await this.unary(name, {}, limitMs);
    if (error !== undefined) throw error;
    return answer;
  }

  status(): Promise<Plain> { return this.call("GetMeshStatus"); }
  peers(): Promise<Plain> { return this.call("ListPeers"); }
  self(): Promise<Plain> { return this.call("GetSelf"); }

  async memberId(): Promise<string> {
    return hex((await this.self())["member_id"]);
  }

  async csk(): Promise<Buffer> {
    return Buffer.from((await this.call("GetClusterSharedKey"))["key"] as Uint8Array);
  }

  // The code with which the key is refused, or undefined if it is given.
  async cskRefusal(): Promise<grpc.status | undefined> {
    return (await this.unary("GetClusterSharedKey", {}, 10_000)).error?.code;
  }

  async send(recipient: string, payload: Buffer, envelopeId = "", limitMs = 100_000): Promise<Sent> {
    const { answer, error } = await this.unary("SendMessage",
      { recipient_member_id: Buffer.from(recipient, "hex"), payload, envelope_id: Buffer.from(envelopeId, "hex") }, limitMs);
    if (error === undefined) return { code: grpc.status.OK, text: "", envelopeId: hex(answer["envelope_id"]) };
    return { code: error.code, text: error.details, envelopeId: String(error.metadata.get("attestmesh-envelope-id")[0] ?? "") };
  }

  // Collects what arrives until the returned function is called.
  messages(fromBlock = 0, fromLogIndex = 0): { readonly got: Message[]; readonly errors: string[]; stop(): void } {
    const got: Message[] = [];
    const { errors, stop } = this.stream("SubscribeMessages", { from_block: fromBlock, from_log_index: fromLogIndex }, (v) => got.push({
      sender: hex(v["sender_member_id"]), payload: Buffer.from(v["payload"] as Uint8Array), block: Number(v["block_number"]),
      logIndex: Number(v["log_index"]), envelopeId: hex(v["envelope_id"]),
    }));
    return { got, errors, stop };
  }

  peerEvents(): { readonly got: PeerEvent[]; readonly errors: string[]; stop(): void } {
    const got: PeerEvent[] = [];
    const { errors, stop } = this.stream("SubscribePeerEvents", {}, (v) => {
      const kind = v["kind"] as "joined" | "liveness";
      const body = v[kind] as Plain;
      got.push({ kind, member: hex(body["member_id"]), atMs: Date.now(), ...(kind === "liveness" ? { up: Boolean(body["up"]) } : {}) });
    });
    return { got, errors, stop };
  }

  private stream(name: string, request: Plain, each: (v: Plain) => void): { errors: string[]; stop(): void } {
    const m = method(name);
    const errors: string[] = [];
    const call = this.client.makeServerStreamRequest(m.path, m.encode, m.decode, request);
    let stopped = false;
    call.on("data", (v: Plain) => each(v));
    call.on("error", (e: grpc.ServiceError) => { if (!stopped) errors.push(`${e.code} ${e.details}`); });
    call.on("end", () => { if (!stopped) errors.push("the stream ended"); });
    return { errors, stop: () => { stopped = true; call.cancel(); } };
  }
}

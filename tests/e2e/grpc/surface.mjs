// SPDX-License-Identifier: Apache-2.0
// A gRPC client of a node's sockets that knows nothing in advance but the
// reflection protocol: it asks the server for its descriptors and builds every
// message type from them. It shares no code and no schema with the server.
import grpc from '@grpc/grpc-js';
import Long from 'long';
import protobuf from 'protobufjs';
import 'protobufjs/ext/descriptor/index.js';

// protobufjs looks for it at run time, where a bundle has no modules; without
// it 64-bit numbers lose their last digits.
protobuf.util.Long = Long;
protobuf.configure();

const reflectionRoot = protobuf.Root.fromJSON({
  nested: {
    Request: {
      fields: {
        fileContainingSymbol: { type: 'string', id: 4 },
        fileByFilename: { type: 'string', id: 3 },
        listServices: { type: 'string', id: 7 },
      },
      oneofs: { kind: { oneof: ['fileByFilename', 'fileContainingSymbol', 'listServices'] } },
    },
    Files: { fields: { proto: { rule: 'repeated', type: 'bytes', id: 1 } } },
    Service: { fields: { name: { type: 'string', id: 1 } } },
    Services: { fields: { service: { rule: 'repeated', type: 'Service', id: 1 } } },
    Failure: { fields: { code: { type: 'int32', id: 1 }, message: { type: 'string', id: 2 } } },
    Response: {
      fields: {
        files: { type: 'Files', id: 4 },
        services: { type: 'Services', id: 6 },
        failure: { type: 'Failure', id: 7 },
      },
    },
  },
});
const ReflectionRequest = reflectionRoot.lookupType('Request');
const ReflectionResponse = reflectionRoot.lookupType('Response');

export const REFLECTION_VERSIONS = ['v1', 'v1alpha'];

// Asks a list of reflection questions over one stream; resolves to the answers.
function ask(client, version, questions) {
  return new Promise((resolve, reject) => {
    const answers = [];
    const stream = client.makeBidiStreamRequest(
      `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      (value) => Buffer.from(ReflectionRequest.encode(value).finish()),
      (bytes) => ReflectionResponse.decode(bytes),
      new grpc.Metadata(), { deadline: Date.now() + 10000 });
    stream.on('data', (answer) => answers.push(answer));
    stream.on('error', reject);
    stream.on('end', () => resolve(answers));
    for (const question of questions) stream.write(ReflectionRequest.create(question));
    stream.end();
  });
}

// Everything the server describes: { services: [name], root: protobuf.Root }.
export async function reflect(client, version = 'v1') {
  const [list] = await ask(client, version, [{ listServices: '*' }]);
  if (!list?.services) throw new Error(`reflection ${version}: no list of services`);
  const services = list.services.service.map((entry) => entry.name);
  const answers = await ask(client, version,
    services.map((name) => ({ fileContainingSymbol: name })));
  const files = new Map();
  for (const answer of answers) {
    if (!answer.files) {
      throw new Error(`reflection ${version}: ${answer.failure?.message ?? 'no file'}`);
    }
    for (const bytes of answer.files.proto) files.set(Buffer.from(bytes).toString('hex'), bytes);
  }
  const { FileDescriptorProto } = protobuf.descriptor;
  const set = { file: [...files.values()].map((bytes) => FileDescriptorProto.decode(bytes)) };
  const root = protobuf.Root.fromDescriptor(set);
  root.resolveAll();
  return { services, root };
}

// Field names as in the proto files; 64-bit numbers as decimal text, defaults
// filled in; bytes as hexadecimal in the end.
function plain(type, message) {
  return type.toObject(message, { longs: String, bytes: String, defaults: true, enums: String,
    oneofs: true });
}

function hexBytes(type, object) {
  for (const field of type.fieldsArray) {
    const value = object[field.name];
    if (value === undefined || value === null) continue;
    const one = (item) => {
      if (field.type === 'bytes') return Buffer.from(item, 'base64').toString('hex');
      if (field.resolvedType?.fieldsArray) return hexBytes(field.resolvedType, item);
      return item;
    };
    object[field.name] = field.repeated ? value.map(one) : one(value);
  }
  return object;
}

function failure(error) {
  const trailers = {};
  for (const [name, value] of Object.entries(error.metadata?.getMap?.() ?? {})) {
    if (name.startsWith('attestmesh-')) trailers[name] = value;
  }
  const result = new Error(error.details || error.message);
  result.code = error.code;
  result.codeName = grpc.status[error.code] ?? 'NONE';
  result.trailers = trailers;
  return result;
}

export class Surface {
  // target: a path (unix socket) or anything grpc-js takes.
  static async connect(target, { version = 'v1' } = {}) {
    const address = target.startsWith('/') ? `unix:${target}` : target;
    const client = new grpc.Client(address, grpc.credentials.createInsecure(), {
      'grpc.enable_retries': 0, 'grpc.max_receive_message_length': 8 << 20 });
    try {
      const { services, root } = await reflect(client, version);
      return new Surface(client, services, root);
    } catch (error) {
      client.close();
      throw error.code === undefined ? error : failure(error);
    }
  }

  constructor(client, services, root) {
    this.client = client;
    this.services = services;
    this.root = root;
  }

  method(service, name) {
    const method = this.root.lookupService(service).methods[name];
    if (!method) throw new Error(`${service} has no method ${name}`);
    method.resolve();
    const request = method.resolvedRequestType;
    const response = method.resolvedResponseType;
    return {
      path: `/${service}/${name}`,
      request,
      encode: (value) => Buffer.from(request.encode(request.fromObject(value)).finish()),
      decode: (bytes) => hexBytes(response, plain(response, response.decode(bytes))),
    };
  }

  // Resolves to { response, trailers }; rejects with an error that has code,
  // codeName and trailers.
  unary(service, name, value = {}, { deadlineMs = 30000 } = {}) {
    const { path, encode, decode } = this.method(service, name);
    return new Promise((resolve, reject) => {
      let response;
      const call = this.client.makeUnaryRequest(path, encode, decode, value,
        new grpc.Metadata(), { deadline: Date.now() + deadlineMs }, (error, answer) => {
          if (error) reject(failure(error));
          else response = answer;
        });
      call.on('status', (status) => {
        if (status.code === 0) resolve({ response, trailers: status.metadata.getMap() });
      });
    });
  }

  // A server stream; on: { open, item, error, end }. Returns a function that
  // cancels it.
  stream(service, name, value, on) {
    const { path, encode, decode } = this.method(service, name);
    const call = this.client.makeServerStreamRequest(path, encode, decode, value,
      new grpc.Metadata(), {});
    call.on('metadata', () => on.open?.());
    call.on('data', (item) => on.item?.(item));
    call.on('error', (error) => {
      if (error.code !== grpc.status.CANCELLED) on.error?.(failure(error));
    });
    call.on('end', () => on.end?.());
    return () => call.cancel();
  }

  close() {
    this.client.close();
  }
}

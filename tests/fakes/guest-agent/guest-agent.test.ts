// SPDX-License-Identifier: Apache-2.0
// The fake guest agent against known answers and against its own claims: byte
// exact keys and chains, the JSON shapes, and that each hostile mode does harm.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { secp256k1 } from "@noble/curves/secp256k1";
import { keccak_256 } from "@noble/hashes/sha3";
import { makeNode, otherAppId } from "./api.ts";
import { QUOTE_REPORT_DATA_OFFSET } from "./evidence.ts";
import { appRootFrom, compressedPublicKey, getKey, publicKeyFor, sha256, signDigest, toHighS, type Algorithm, type AppRoot } from "./keys.ts";
import { CONTENT_MODES, MODES, parseControl } from "./modes.ts";
import { serve, type Served } from "./server.ts";

const KMS_ROOT = sha256("attestmesh fake KMS root");
const APP_ID = Buffer.from("0102030405060708090a0b0c0d0e0f1011121314", "hex");
const COMPOSE = '{"manifest_version":2,"name":"t","docker_compose_file":"services: {}\\n"}';

// Made by another implementation (pure Python: hmac, RFC 6979, affine points).
const PINNED_LINK1 =
  "8f5b10bc3992895bc56234b5f4dc31d271c982693968b2776315cbafd88397b27e0016d4302b73377b32416c24883e97a2a3c4c97e5dd9695c5df1fb2fc1fdf301";
const PINNED: { path: string; purpose: string; algorithm: Algorithm; publicKey: string; key: string; link0: string }[] = [
  {
    path: "attestmesh/v1/binding", purpose: "attestmesh.binding.v1", algorithm: "secp256k1",
    publicKey: "03a24e340401c5548f2f1375773437a5b6205c617fe7969c8a0e55ba6774952201",
    key: "51180f950f40f7d8b70b85dd44a49458597c0e619bd6914e064b7076d6608ce3",
    link0: "a8f3d26ae7fe0d3beec6c8fcf3ae69230cac77a021adbece90df75fcdd25d8850839f9510a8a54875f6374593662cd10391370bd39d0c3a6f17cd5823d49dd9700",
  },
  {
    path: "attestmesh/v1/box", purpose: "", algorithm: "secp256k1",
    publicKey: "0246ed94af827e0b19009436ec0ff354527a30188f7466ef1c643ff3aa8780134c",
    key: "2b8dbd7bccd530e6087bd853fb95ca9335f1a234eddc64b30cccf9ccd7a912a7",
    link0: "a0ca55b12f5efbccd81439e56ffb3ea4dc27282af30b6bbf765d1be4a255a408524d2e0b2e05504dadea5a28c24c1243d4976191d1584ba3084ba290ce55df4800",
  },
  {
    path: "attestmesh/v1/beat", purpose: "", algorithm: "ed25519",
    publicKey: "64a2211e6493dd273a0ded196123c6e86c3207560d129bc3cee73719e8ff1552",
    key: "b0cb4825dad3f9d55ee4b7f00692099f4151786af7aa5cd63ff4e4a72d45a6b6",
    link0: "7b6e15ab83a2cd623133edc4a8549f57af4e311cc50c76e69b7bfa722a0f9fbb4944b07f3644acbf580a8ef83dd0b15352dbff43c9109166691d049efbf24f6001",
  },
];

const dir = mkdtempSync(join(tmpdir(), "guest-agent-"));
const socketPath = join(dir, "dstack.sock");
let served: Served;

before(async () => { served = await serve(makeNode(APP_ID, KMS_ROOT, COMPOSE), socketPath); });
after(async () => {
  await served.close();
  rmSync(dir, { recursive: true });
});

interface Reply { status: number; headers: NodeJS.Dict<string | string[]>; body: string }
interface Asked { method?: string; json?: boolean; agent?: Agent; timeoutMs?: number; headers?: Record<string, string> }

function ask(path: string, body: string, asked: Asked = {}): Promise<Reply> {
  const { method = "POST", json = true, agent, timeoutMs = 3000, headers = {} } = asked;
  return new Promise((resolve, reject) => {
    const sent = request({
      socketPath, path, method, agent: agent ?? false,
      headers: { ...(json ? { "Content-Type": "application/json" } : {}), ...headers },
    }, (reply) => {
      let text = "";
      reply.setEncoding("utf8").on("data", (part: string) => { text += part; });
      reply.on("end", () => { clearTimeout(timer); resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: text }); });
      reply.on("error", (error) => { clearTimeout(timer); reject(error); });
    });
    const timer = setTimeout(() => sent.destroy(new Error("timed out")), timeoutMs);
    sent.on("error", (error) => { clearTimeout(timer); reject(error); });
    sent.end(method === "GET" ? undefined : body);
  });
}

const get = async (path: string): Promise<Record<string, string>> => JSON.parse((await ask(path, "{}")).body) as Record<string, string>;

async function withMode<T>(mode: string, run: () => Promise<T>): Promise<T> {
  writeFileSync(socketPath + ".mode", mode);
  try {
    return await run();
  } finally {
    unlinkSync(socketPath + ".mode");
  }
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`never came: ${what}`);
}

function recover(digest: Uint8Array, signature: Buffer): string {
  return secp256k1.Signature.fromCompact(signature.subarray(0, 64)).addRecoveryBit(signature[64]!).recoverPublicKey(digest).toHex(true);
}

const link0Digest = (purpose: string, publicKey: string): Uint8Array => keccak_256(Buffer.from(`${purpose}:${publicKey}`));
const link1Digest = (appId: Buffer, appPublicKey: string): Uint8Array =>
  keccak_256(Buffer.concat([Buffer.from("dstack-kms-issued:"), appId, Buffer.from(appPublicKey, "hex")]));

test("keys and both links equal those of an independent implementation", () => {
  const root = appRootFrom(KMS_ROOT, APP_ID);
  for (const p of PINNED) {
    const { key, chain } = getKey(root, p.path, p.purpose, p.algorithm);
    assert.equal(key.toString("hex"), p.key);
    assert.equal(publicKeyFor(p.algorithm, key).toString("hex"), p.publicKey);
    assert.equal(chain[0].toString("hex"), p.link0);
    assert.equal(chain[1].toString("hex"), PINNED_LINK1);
  }
});

test("a hundred signatures and public keys equal another library's", () => {
  for (let i = 0; i < 100; i++) {
    const [scalar, digest] = [sha256(`scalar ${i}`), sha256(`digest ${i}`)];
    const theirs = secp256k1.sign(digest, scalar, { lowS: true, prehash: false });
    assert.equal(signDigest(digest, scalar).toString("hex"), Buffer.concat([theirs.toCompactRawBytes(), Buffer.from([theirs.recovery])]).toString("hex"));
    assert.equal(compressedPublicKey(scalar).toString("hex"), Buffer.from(secp256k1.getPublicKey(scalar, true)).toString("hex"));
  }
});

interface Vector { path: string; purpose: string; algorithm: Algorithm; key: string; signature_chain: string[] }
interface VectorChain { app_root_privkey?: string; app_root_pubkey: string; link1_signature?: string; app_id: string; computed_v0_keys?: Vector[];
  kms_root_privkey?: string; path?: string; purpose?: string; derived_key_computed?: string; secp256k1?: Record<string, string>; ed25519?: Record<string, string> }

const vectorFile = process.env["DSTACK_VECTORS"] ?? "../shared/vectors/dstack.json";
test("captured and published chains are reproduced byte for byte",
  { skip: existsSync(vectorFile) ? false : "skipped (dstack.json is not beside the checkout)" }, () => {
    const chains = (JSON.parse(readFileSync(vectorFile, "utf8")) as { chains: VectorChain[] }).chains;
    let compared = 0;
    for (const chain of chains) {
      for (const v of chain.computed_v0_keys ?? []) {
        const root: AppRoot = {
          appId: Buffer.from(chain.app_id, "hex"), scalar: Buffer.from(chain.app_root_privkey!, "hex"),
          publicKey: Buffer.from(chain.app_root_pubkey, "hex"), issued: Buffer.from(chain.link1_signature!, "hex"),
        };
        const made = getKey(root, v.path, v.purpose, v.algorithm);
        assert.equal(made.key.toString("hex"), v.key);
        assert.deepEqual(made.chain.map((l) => l.toString("hex")), v.signature_chain);
        compared++;
      }
      if (chain.kms_root_privkey !== undefined) {
        const root = appRootFrom(Buffer.from(chain.kms_root_privkey, "hex"), Buffer.from(chain.app_id, "hex"));
        for (const algorithm of ["secp256k1", "ed25519"] as const) {
          const made = getKey(root, chain.path!, chain.purpose!, algorithm);
          assert.equal(made.key.toString("hex"), chain.derived_key_computed);
          assert.deepEqual(made.chain.map((l) => l.toString("hex")), [chain[algorithm]!["link0"], chain[algorithm]!["link1"]]);
          compared++;
        }
      }
    }
    assert.ok(compared >= 10, `only ${compared} chains compared`);
  });

test("GetKey answers over the socket what the derivation gives, by POST and by GET", async () => {
  const p = PINNED[0]!;
  const expected = JSON.stringify({ key: p.key, signature_chain: [p.link0, PINNED_LINK1] });
  const post = await ask("/GetKey", JSON.stringify({ path: p.path, purpose: p.purpose }));
  assert.equal(post.status, 200);
  assert.equal(post.headers["content-type"], "application/json");
  assert.equal(post.body, expected);
  assert.equal((await ask("/GetKey", JSON.stringify({ path: p.path, purpose: p.purpose, algorithm: "k256" }))).body, expected);
  const got = await ask(`/GetKey?path=${encodeURIComponent(p.path)}&purpose=${p.purpose}`, "", { method: "GET", json: false });
  assert.equal(got.body, expected);
});

test("errors have the agent's status and shape", async () => {
  const unsupported = await ask("/GetKey", '{"path":"x","algorithm":"rsa"}');
  assert.deepEqual([unsupported.status, unsupported.body], [400, '{"error":"Unsupported algorithm"}']);
  const unknown = await ask("/Seal", "{}");
  assert.deepEqual([unknown.status, unknown.body], [404, '{"error":"Service not found: Seal"}']);
  const unmounted = await ask("/v1/GetKey", "{}");
  assert.equal(unmounted.status, 404);
  assert.match(String(unmounted.headers["content-type"]), /text\/html/);
  for (const body of ["{", "[]", '{"path":7}'])
    assert.equal((await ask("/GetKey", body)).status, 400, body);
  assert.equal((await ask("/GetKey", '{"path":"x"}', { json: false })).status, 400, "a body without the JSON content type is not JSON");
});

test("a body is read up to 10 MiB and refused one byte past it", async () => {
  const limit = 10 * 1024 * 1024;
  const head = '{"path":"';
  const tail = '"}';
  const fill = (total: number): string => head + "a".repeat(total - head.length - tail.length) + tail;
  assert.equal((await ask("/GetKey", fill(limit), { timeoutMs: 20_000 })).status, 200);
  assert.equal((await ask("/GetKey", fill(limit + 1), { timeoutMs: 20_000 })).status, 400);
});

test("Info has exactly the fields of 0.5.11 and its hashes hang together", async () => {
  const info = await get("/Info");
  assert.deepEqual(Object.keys(info).sort(), [
    "app_cert", "app_id", "app_name", "cloud_product", "cloud_vendor", "compose_hash", "device_id", "instance_id",
    "key_provider_info", "mr_aggregated", "os_image_hash", "tcb_info", "vm_config"]);
  assert.ok(Object.values(info).every((value) => typeof value === "string"));
  assert.equal(info["app_id"], APP_ID.toString("hex"));
  assert.match(info["instance_id"]!, /^[0-9a-f]{40}$/);
  const tcb = JSON.parse(info["tcb_info"]!) as Record<string, unknown>;
  assert.equal(tcb["app_compose"], COMPOSE);
  assert.equal(info["compose_hash"], sha256(COMPOSE).toString("hex"));
  assert.equal(tcb["compose_hash"], info["compose_hash"]);
  assert.equal(info["device_id"], sha256("").toString("hex"));
  assert.equal(info["mr_aggregated"],
    sha256(Buffer.concat(["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"].map((name) => Buffer.from(tcb[name] as string, "hex")))).toString("hex"));
  const provider = JSON.parse(info["key_provider_info"]!) as { name: string; id: string };
  assert.equal(provider.name, "kms");
});

test("GetQuote pads report data to 64 bytes at its offset and refuses 65", async () => {
  for (const bytes of [0, 32, 64]) {
    const data = Buffer.alloc(bytes, 0xc3);
    const reply = JSON.parse((await ask("/GetQuote", JSON.stringify({ report_data: "0x" + data.toString("hex").toUpperCase() }))).body) as Record<string, string>;
    assert.deepEqual(Object.keys(reply), ["quote", "event_log", "report_data", "vm_config"]);
    const padded = Buffer.concat([data, Buffer.alloc(64 - bytes)]);
    assert.equal(reply["report_data"], padded.toString("hex"));
    const quote = Buffer.from(reply["quote"]!, "hex");
    assert.deepEqual(quote.subarray(QUOTE_REPORT_DATA_OFFSET, QUOTE_REPORT_DATA_OFFSET + 64), padded);
  }
  assert.equal((await ask("/GetQuote", JSON.stringify({ report_data: "00".repeat(65) }))).status, 400);
  assert.equal((await ask("/GetQuote", JSON.stringify({ report_data: "0" }))).status, 400);
});

test("a connection is kept although the client asked to close it", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const before = served.connections;
  const first = await ask("/Info", "{}", { agent, headers: { Connection: "close" } });
  assert.equal(first.headers["connection"], "keep-alive");
  assert.match(String(first.headers["keep-alive"]), /timeout=10/);
  await ask("/Version", "{}", { agent });
  await ask("/Version", "{}", { agent });
  assert.ok(served.connections - before <= 2, "later requests reuse the connection");
  agent.destroy();
});

test("the mode names are checked, and a wrong control file is not taken for ok", async () => {
  for (const mode of MODES) assert.equal(parseControl(mode).mode, mode);
  assert.equal(parseControl("slow delay_ms=1").delayMs, 1);
  assert.throws(() => parseControl("nonsense"));
  assert.throws(() => parseControl("slow delay_ms=-1"));
  await withMode("nonsense", async () => assert.equal((await ask("/Info", "{}")).status, 500));
});

test("each chain mode breaks what it names and nothing else", async () => {
  const p = PINNED[0]!;
  const truth = appRootFrom(KMS_ROOT, APP_ID);
  const rootPublicKey = recover(link1Digest(APP_ID, truth.publicKey.toString("hex")), truth.issued);
  const ours = async (): Promise<{ key: string; signature_chain: [string, string] }> =>
    JSON.parse((await ask("/GetKey", JSON.stringify({ path: p.path, purpose: p.purpose }))).body) as { key: string; signature_chain: [string, string] };
  const judge = (a: { key: string; signature_chain: [string, string] }, appId = APP_ID): { link0: boolean; link1: boolean; lowS: boolean; key: boolean } => {
    const [link0, link1] = a.signature_chain.map((l) => Buffer.from(l, "hex")) as [Buffer, Buffer];
    const appKey = recover(link0Digest(p.purpose, p.publicKey), link0);
    const low = (l: Buffer): boolean => l.length === 0 || BigInt("0x" + l.subarray(32, 64).toString("hex")) <= secp256k1.CURVE.n / 2n;
    return { link0: appKey === truth.publicKey.toString("hex"), link1: link1.length === 65 && recover(link1Digest(appId, appKey), link1) === rootPublicKey,
      lowS: low(link0) && low(link1), key: a.key === p.key };
  };
  assert.deepEqual(judge(await ours()), { link0: true, link1: true, lowS: true, key: true }, "control");
  const expected: Record<string, { link0: boolean; link1: boolean; lowS: boolean; key: boolean }> = {
    "empty-link1": { link0: true, link1: false, lowS: true, key: true },
    "high-s": { link0: true, link1: true, lowS: false, key: true },
    "wrong-algorithm": { link0: false, link1: false, lowS: true, key: true },
    "swapped-key": { link0: true, link1: true, lowS: true, key: false },
    "short-key": { link0: true, link1: true, lowS: true, key: false },
  };
  for (const [mode, verdict] of Object.entries(expected))
    await withMode(mode, async () => assert.deepEqual(judge(await ours()), verdict, mode));
  await withMode("unlisted-root", async () => {
    const a = await ours();
    const other = makeNode(APP_ID, KMS_ROOT, COMPOSE).root("unlisted-root");
    assert.equal(a.signature_chain[1], other.issued.toString("hex"));
    assert.notEqual(recover(link1Digest(APP_ID, other.publicKey.toString("hex")), other.issued), rootPublicKey);
  });
  await withMode("wrong-app-id", async () => {
    const other = appRootFrom(KMS_ROOT, otherAppId(APP_ID));
    assert.equal((await ours()).signature_chain[1], other.issued.toString("hex"));
  });
  assert.deepEqual(toHighS(toHighS(truth.issued)), truth.issued);
  assert.equal(CONTENT_MODES.length, 9, "a new content mode needs its row here");
});

test("Info can be empty or name another app", async () => {
  await withMode("empty-info", async () => {
    const info = await get("/Info");
    assert.equal(Object.keys(info).length, 13);
    assert.ok(Object.values(info).every((value) => value === ""));
  });
  await withMode("wrong-info-app-id", async () => assert.equal((await get("/Info"))["app_id"], otherAppId(APP_ID).toString("hex")));
});

test("each wire mode travels as named", async () => {
  const plain = (await ask("/Version", "{}")).body;
  await withMode("error-400", async () => {
    const reply = await ask("/Info", "{}");
    assert.equal(reply.status, 400);
    assert.match(reply.body, /^{"error":"/);
  });
  await withMode("not-found", async () => assert.equal((await ask("/Version", "{}")).status, 404));
  await withMode("chunked", async () => {
    const reply = await ask("/Version", "{}");
    assert.equal(reply.headers["transfer-encoding"], "chunked");
    assert.equal(reply.body, plain);
  });
  await withMode("slow delay_ms=20", async () => assert.equal((await ask("/Version", "{}")).body, plain));
  await withMode("slow delay_ms=5000", async () => assert.rejects(ask("/Version", "{}", { timeoutMs: 300 }), /timed out/));
  await withMode("hang", async () => assert.rejects(ask("/Version", "{}", { timeoutMs: 300 }), /timed out/));
  await withMode("no-eof", async () => assert.rejects(ask("/Version", "{}", { timeoutMs: 300 }), /timed out/));
  await withMode("truncated", async () => assert.rejects(ask("/Version", "{}"), /aborted|hang up|ECONNRESET/));
  await withMode("bad-json", async () => assert.rejects(get("/Version"), SyntaxError));
  await withMode("oversized", async () => assert.ok((await ask("/Version", "{}", { timeoutMs: 20_000 })).body.length > 64 * 1024 * 1024));
  assert.equal((await ask("/Version", "{}")).body, plain, "and afterwards all is as before");
});

test("socket modes: stale refuses, absent is absent, restart changes the inode", async () => {
  const failure = async (): Promise<string> => ask("/Version", "{}").then(() => "answered", (e: NodeJS.ErrnoException) => e.code ?? e.message);
  await withMode("stale-socket", () => until("ECONNREFUSED", async () => (await failure()) === "ECONNREFUSED"));
  await until("an answer", async () => (await failure()) === "answered");
  await withMode("absent-socket", () => until("ENOENT", async () => (await failure()) === "ENOENT"));
  await until("an answer", async () => (await failure()) === "answered");
  const requests = served.requests;
  await withMode("restart", async () => {
    await until("away", async () => (await failure()) !== "answered");
    await until("an answer", async () => (await failure()) === "answered");
  });
  assert.ok(served.requests > requests);
});

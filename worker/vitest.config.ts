// SPDX-License-Identifier: Apache-2.0
// Tests run inside workerd, in the isolate of the worker that they test.
import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

const address = (digit: string): string => "0x" + digit.repeat(40);

export default defineConfig({
  cacheDir: process.env["VITE_CACHE_DIR"] ?? "../build/worker/vite",
  plugins: [cloudflareTest({
    wrangler: { configPath: "./wrangler.jsonc" },
    miniflare: {
      cf: false,
      bindings: {
        EXPECTED_CHAIN_ID: "31337", RPC_URL: "http://chain.test/", CANONICAL_CLUSTER_FACTORY: address("f"), CANONICAL_CLUSTER_FACTORY_V2: address("e"),
        CANONICAL_MEMBER_FACTORY: address("d"), PAYMASTER_ADDRESS: address("a"), PAYMASTER_SIGNER_KEY: "0x" + "11".repeat(32),
        SPONSORED_CLUSTERS: address("c"), ALCHEMY_WEBHOOK_TOKEN: "t0ken", PIMLICO_WEBHOOK_SECRET: "whsec_" + btoa("a webhook secret of some length"),
      },
    },
  })],
  test: { include: [process.env["WORKER_DEEP"] === "1" ? "test/deep/*.test.ts" : "test/*.test.ts"], testTimeout: 60_000 },
});

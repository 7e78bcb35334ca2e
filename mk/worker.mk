# SPDX-License-Identifier: Apache-2.0
# The sponsorship worker: type check, bundle, tests inside workerd.

WORKER := $(O)/worker
WORKER_SRC := $(wildcard $(ROOT)/worker/src/*.ts $(ROOT)/worker/src/providers/*.ts)

BUILD += build-worker
CHECK += check-worker
DEEP += check-worker-deep
INPUTS_check-worker-deep := worker tests/devnet tests/fakes contracts package-lock.json mk/worker.mk
BENCH += bench-worker

.PHONY: build-worker check-worker check-worker-deep bench-worker
build-worker: $(WORKER)/worker.mjs ## the sponsorship worker as one module

$(WORKER)/worker.mjs: $(WORKER_SRC) mk/worker.mk $(SETUP)
	$(ROOT)/node_modules/.bin/esbuild $(ROOT)/worker/src/index.ts --bundle --format=esm --target=es2022 \
		--external:cloudflare:workers --conditions=workerd,worker,browser --log-level=warning --outfile=$@

check-worker: build-worker ## the sponsorship worker: one test per denial, its books, its surfaces
	$(ROOT)/node_modules/.bin/tsc -p $(ROOT)/worker
	$(ROOT)/worker/test/run.sh $(WORKER)

check-worker-deep: build-worker ## a thousand askers at once, ten thousand requests of strangers
	WORKER_DEEP=1 WORKER_TEST_SECS=1800 $(ROOT)/worker/test/run.sh $(WORKER)/deep

bench-worker: build-devnet build-fakes contracts ## how long the worker takes to decide, with warm caches
	$(ROOT)/node_modules/.bin/esbuild $(ROOT)/tests/devnet/bench.ts --bundle --platform=node --target=node20 --format=cjs \
		--log-level=warning --outfile=$(O)/devnet/bench.cjs
	node $(O)/devnet/bench.cjs

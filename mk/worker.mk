# SPDX-License-Identifier: Apache-2.0
# The sponsorship worker: type check, bundle, tests inside workerd.

WORKER := $(O)/worker
WORKER_SRC := $(wildcard $(ROOT)/worker/src/*.ts $(ROOT)/worker/src/providers/*.ts)

BUILD += build-worker
CHECK += check-worker

.PHONY: build-worker check-worker
build-worker: $(WORKER)/worker.mjs ## the sponsorship worker as one module

$(WORKER)/worker.mjs: $(WORKER_SRC) mk/worker.mk $(SETUP)
	$(ROOT)/node_modules/.bin/esbuild $(ROOT)/worker/src/index.ts --bundle --format=esm --target=es2022 \
		--external:cloudflare:workers --conditions=workerd,worker,browser --log-level=warning --outfile=$@

check-worker: build-worker ## the sponsorship worker: one test per denial, its books, its surfaces
	$(ROOT)/node_modules/.bin/tsc -p $(ROOT)/worker
	$(ROOT)/worker/test/run.sh $(WORKER)

# SPDX-License-Identifier: Apache-2.0
# The whole path: chain, contracts, bundler and worker on loopback, nodes in a
# guest. `demo` shows it; `check-e2e` breaks it in every way it must survive.

E2E := $(O)/e2e
E2E_ESBUILD := $(ROOT)/node_modules/.bin/esbuild
E2E_SOURCES := $(wildcard $(ROOT)/tests/e2e/*.ts $(ROOT)/tests/e2e/*/*.ts)

.PHONY: demo build-e2e check-demo
demo: ## two nodes (NODES=3) from a clean checkout to a healthy mesh
	@exec $(ROOT)/tests/e2e/demo.sh

build-e2e: $(E2E)/guest.cjs $(E2E)/host.cjs $(E2E)/stranger.cjs ## the controller of the end-to-end runs

$(E2E)/%.cjs: $(ROOT)/tests/e2e/%.ts $(E2E_SOURCES) $(SETUP)
	$(E2E_ESBUILD) $< --bundle --platform=node --target=node20 --format=cjs --loader:.proto=text --log-level=warning --outfile=$@

check-demo: $(SETUP) ## make demo with two and with three nodes, unattended
	KEEP=0 NODES=2 $(ROOT)/tests/e2e/demo.sh
	KEEP=0 NODES=3 $(ROOT)/tests/e2e/demo.sh

# SPDX-License-Identifier: Apache-2.0
# The whole path: chain, contracts, bundler and worker on loopback, nodes in a
# guest. `demo` shows it; `check-e2e` breaks it in every way it must survive.

E2E := $(O)/e2e
E2E_ESBUILD := $(ROOT)/node_modules/.bin/esbuild
E2E_SOURCES := $(wildcard $(ROOT)/tests/e2e/*.ts $(ROOT)/tests/e2e/*/*.ts)

# In this order: each finds the lab as the one before left it.
E2E_SCENARIOS := demo foreignClient survive restartOne down isolation refusals outages badBeats twins
CHECK += check-demo check-e2e

.PHONY: demo build-e2e check-demo check-e2e
demo: ## two nodes (NODES=3) from a clean checkout to a healthy mesh
	@exec $(ROOT)/tests/e2e/demo.sh

build-e2e: $(E2E)/guest.cjs $(E2E)/host.cjs $(E2E)/stranger $(E2E)/beatgen $(E2E)/amctl ## the controller of the end-to-end runs

$(E2E)/%.cjs: $(ROOT)/tests/e2e/%.ts $(E2E_SOURCES) $(SETUP)
	$(E2E_ESBUILD) $< --bundle --platform=node --target=node20 --format=cjs --loader:.proto=text --log-level=warning --outfile=$@

$(E2E)/stranger: $(ROOT)/tests/e2e/stranger.c $(SETUP)
	@mkdir -p $(E2E)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror $< -lssl -lcrypto -o $@

# What speaks for a node whose kernel is told to be silent.
$(E2E)/beatgen: $(ROOT)/tests/netns/beatgen.c $(SETUP)
	@mkdir -p $(E2E)
	$(CC) -std=gnu11 -O1 -Wall -Wextra -Werror $< -lsodium -o $@

$(E2E)/amctl: $(ROOT)/tests/netns/amctl.c $(ROOT)/tests/netns/amctl_nl.c $(ROOT)/tests/netns/amctl.h $(SETUP)
	@mkdir -p $(E2E)
	$(CC) -std=gnu11 -O1 -Wall -Wextra -Werror -I$(ROOT)/include/uapi $(filter %.c,$^) -o $@

check-demo: $(SETUP) ## make demo killed in the middle, then with two nodes on a terminal to its end
	$(ROOT)/tests/e2e/killed.sh
	python3 $(ROOT)/tests/e2e/keep.py $(ROOT) $(O)/demo-2

check-e2e: $(SETUP) $(E2E)/judge.cjs ## make demo with three nodes, then everything a mesh must survive
	$(ROOT)/node_modules/.bin/tsc -p $(ROOT)/tests/e2e/tsconfig.json
	node $(E2E)/judge.cjs
	KEEP=0 NODES=3 SPARES=3 OUT=$(O)/e2e-3 LIMIT_SECONDS=1500 SCENARIOS="$(E2E_SCENARIOS)" $(ROOT)/tests/e2e/demo.sh

# SPDX-License-Identifier: Apache-2.0
# The local devnet and the two fakes that stand in for dstack: its guest agent
# and its gateway. Bundled, because they also run where start-up is slow.

FAKES := $(O)/fakes
DEVNET := $(O)/devnet
FAKES_SRC := $(wildcard $(ROOT)/tests/fakes/*/*.ts)
DEVNET_SRC := $(wildcard $(ROOT)/tests/devnet/*.ts) $(FAKES_SRC)
DEVNET_ESBUILD := $(ROOT)/node_modules/.bin/esbuild --bundle --platform=node --target=node20 --format=cjs --log-level=warning
DEVNET_TSC := $(ROOT)/node_modules/.bin/tsc
NODES ?= 2

BUILD += build-fakes build-devnet
CHECK += check-fakes check-devnet

.PHONY: build-fakes build-devnet check-fakes check-devnet devnet
build-fakes: $(FAKES)/guest-agent.cjs $(FAKES)/gateway.cjs ## the fake guest agent and the fake gateway, one file each

$(FAKES)/%.cjs: $(FAKES_SRC) mk/devnet.mk $(SETUP)
	$(DEVNET_ESBUILD) $(ROOT)/tests/fakes/$*/main.ts --outfile=$@

build-devnet: $(DEVNET)/devnet.cjs ## the devnet's program

$(DEVNET)/devnet.cjs: $(DEVNET_SRC) $(SETUP)
	$(DEVNET_ESBUILD) $(ROOT)/tests/devnet/main.ts --outfile=$@

check-fakes: $(SETUP) ## the fakes against known answers and their own limits
	$(DEVNET_TSC) -p $(ROOT)/tests/fakes
	$(ROOT)/tests/fakes/run.sh $(FAKES)/test $(ROOT)/tests/fakes/*/*.test.ts

devnet: build-devnet build-fakes contracts ## chain, contracts, bundler, worker on loopback until Ctrl-C (NODES=2)
	@exec node $(DEVNET)/devnet.cjs --out $(DEVNET)/devnet.json --dir $(DEVNET)/run --nodes $(NODES) --second-nodes 1

check-devnet: build-devnet build-fakes contracts ## a member registers through the real worker and bundler; refusals; nothing left behind
	$(DEVNET_TSC) -p $(ROOT)/tests/devnet
	$(ROOT)/tests/fakes/run.sh $(DEVNET)/test $(ROOT)/tests/devnet/devnet.test.ts

# SPDX-License-Identifier: Apache-2.0
# The local devnet and the two fakes that stand in for dstack: its guest agent
# and its gateway. Bundled, because they also run where start-up is slow.

FAKES := $(O)/fakes
FAKES_SRC := $(wildcard $(ROOT)/tests/fakes/*/*.ts)
ESBUILD := $(ROOT)/node_modules/.bin/esbuild --bundle --platform=node --target=node20 --format=cjs --log-level=warning
TSC := $(ROOT)/node_modules/.bin/tsc

BUILD += fakes
CHECK += check-fakes

.PHONY: fakes check-fakes
fakes: $(FAKES)/guest-agent.cjs $(FAKES)/gateway.cjs ## the fake guest agent and the fake gateway, one file each

$(FAKES)/%.cjs: $(FAKES_SRC) $(SETUP)
	$(ESBUILD) $(ROOT)/tests/fakes/$*/main.ts --outfile=$@

check-fakes: $(SETUP) ## the fakes against known answers and their own limits
	$(TSC) -p $(ROOT)/tests/fakes
	$(ROOT)/tests/fakes/run.sh $(FAKES)/test $(ROOT)/tests/fakes/*/*.test.ts

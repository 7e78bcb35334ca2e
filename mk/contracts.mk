# SPDX-License-Identifier: MIT
# The Solidity contracts: build, tests, reports. Everything generated goes to
# $(O)/contracts; forge is started through contracts/tools/forge only.

BUILD += contracts

FORGE := FOUNDRY_OUT="$(O)/contracts/out" FOUNDRY_CACHE_PATH="$(O)/contracts/cache" contracts/tools/forge

.PHONY: contracts

contracts: $(SETUP) ## compile the contracts
	cd "$(ROOT)" && $(FORGE) build

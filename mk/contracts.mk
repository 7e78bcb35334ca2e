# SPDX-License-Identifier: Apache-2.0
# The Solidity contracts: build, tests, reports. Everything generated goes to
# $(O)/contracts; forge is started through contracts/tools/forge only.

BUILD += contracts
CHECK += check-contracts
DEEP_BESIDE += contracts-deep
INPUTS_contracts-deep := contracts package-lock.json mk/contracts.mk

CONTRACTS_O := $(O)/contracts
CONTRACTS_ENV := FOUNDRY_OUT="$(CONTRACTS_O)/out" FOUNDRY_CACHE_PATH="$(CONTRACTS_O)/cache"
FORGE := $(CONTRACTS_ENV) "$(ROOT)/contracts/tools/forge"
NODE_TEST := $(CONTRACTS_ENV) node --test --test-reporter=tap

.PHONY: contracts check-contracts contracts-lint contracts-test contracts-coverage \
	contracts-report contracts-reference contracts-deep contracts-snapshot

contracts: $(SETUP) ## compile the contracts
	$(FORGE) build --deny warnings

contracts-lint: $(SETUP) ## format and lint of the contracts
	$(FORGE) fmt --check
	$(FORGE) lint contracts/src --deny notes
	cd "$(ROOT)/contracts" && node "$(ROOT)/node_modules/solhint/solhint.js" --disc -c .solhint.cjs --max-warnings 0 'src/**/*.sol'

# Gas figures are compared with contracts/snapshots; contracts-snapshot renews them.
contracts-test: contracts ## contract tests: unit, integration, invariants, scripts, a strict bundler
	mkdir -p "$(CONTRACTS_O)"
	rc=0; FORGE_SNAPSHOT_CHECK=true $(FORGE) test --json >"$(CONTRACTS_O)/tests.json" || rc=$$?; \
	$(NODE_TEST) "$(ROOT)/contracts/test/abi.mjs" >"$(CONTRACTS_O)/abi.tap" || rc=$$?; \
	$(NODE_TEST) "$(ROOT)/contracts/test/script/verbs.test.mjs" >"$(CONTRACTS_O)/script.tap" || rc=$$?; \
	$(NODE_TEST) "$(ROOT)/contracts/test/bundler/bundler.test.mjs" >"$(CONTRACTS_O)/bundler.tap" || rc=$$?; \
	node "$(ROOT)/contracts/tools/summary.mjs" "$(CONTRACTS_O)/tests.json" \
		"$(CONTRACTS_O)/abi.tap" "$(CONTRACTS_O)/script.tap" "$(CONTRACTS_O)/bundler.tap" || rc=$$?; \
	exit $$rc

# Without the optimiser, so gas is not judged here; the campaign would only repeat itself.
contracts-coverage: $(SETUP) ## coverage of contracts/src, with its thresholds
	mkdir -p "$(CONTRACTS_O)"
	FOUNDRY_PROFILE=quick $(FORGE) coverage --no-match-contract 'GasTest|ClusterInvariants' \
		--report lcov --report-file "$(CONTRACTS_O)/lcov.info" >"$(CONTRACTS_O)/coverage.log" 2>&1 \
		|| { tail -n 40 "$(CONTRACTS_O)/coverage.log"; exit 1; }
	node "$(ROOT)/contracts/tools/coverage.mjs"

contracts-reference: contracts ## reference documentation of the contracts from their NatSpec
	$(CONTRACTS_ENV) node "$(ROOT)/contracts/tools/reference.mjs"

contracts-report: contracts-test contracts-coverage ## build/contracts/report.json
	$(CONTRACTS_ENV) node "$(ROOT)/contracts/tools/report.mjs"

check-contracts: contracts-lint contracts-reference contracts-report ## everything the contracts must pass
	@node "$(ROOT)/contracts/tools/summary.mjs" "$(CONTRACTS_O)/tests.json" \
		"$(CONTRACTS_O)/abi.tap" "$(CONTRACTS_O)/script.tap" "$(CONTRACTS_O)/bundler.tap"

contracts-snapshot: contracts ## measure gas again and write contracts/snapshots
	$(FORGE) test --match-contract GasTest

contracts-deep: contracts ## 10,000 runs of the invariant campaign and of every fuzz test (about half an hour)
	mkdir -p "$(CONTRACTS_O)"
	rc=0; FOUNDRY_PROFILE=deep $(FORGE) test --no-match-contract GasTest --json >"$(CONTRACTS_O)/deep.json" || rc=$$?; \
	node "$(ROOT)/contracts/tools/summary.mjs" "$(CONTRACTS_O)/deep.json" || rc=$$?; exit $$rc

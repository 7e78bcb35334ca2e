# SPDX-License-Identifier: Apache-2.0
# The bridge between network namespaces: needs root, no WireGuard.
CHECK += check-bridge

.PHONY: check-bridge

check-bridge: build-usr ## bridge between namespaces: carriage, cuts, strangers, control
	@python3 tests/bridge/netns.py $(O)/usr/usr/bridge/attestmesh-bridge

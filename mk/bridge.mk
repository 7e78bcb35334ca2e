# SPDX-License-Identifier: Apache-2.0
# The transport: the bridge between network namespaces (needs root), two nodes
# with WireGuard and the modules in the guest, the form of the compose file.
CHECK += check-deploy check-bridge check-transport
BENCH += bench-bridge
.PHONY: check-deploy check-bridge check-transport bench-bridge

check-deploy: build-usr ## compose file: rights, namespaces, sockets, options
	@/usr/bin/python3 tests/deploy/compose.py deploy/compose.yaml \
		$(O)/usr/usr/agent/attestmeshd $(O)/usr/usr/bridge/attestmesh-bridge

check-bridge: build-usr ## bridge between namespaces: carriage, cuts, strangers, control
	@/usr/bin/python3 tests/bridge/netns.py $(O)/usr/usr/bridge/attestmesh-bridge

check-transport: build-usr $(O)/kmod/6.1/attestmesh.ko ## two nodes in the guest: WireGuard, cuts, restarts, outage, strangers, down
	@ret=0; tests/qemu/vm -q -t 400 -o $(O)/qemu/log/transport.log -- /usr/bin/python3 \
		tests/bridge/guest.py $(O)/usr/usr/bridge/attestmesh-bridge \
		$(O)/usr/tests/unit/agent/transport/nodeling \
		$(O)/usr/usr/lib/cli/attestmesh $(O)/kmod/6.1 || ret=$$?; \
		grep -aE '^(ok|not ok|#|[A-Za-z]*(Error|Exception)|  File|[0-9]+ passed)' $(O)/qemu/log/transport.log; exit $$ret

bench-bridge: build-usr ## what two bridges carry per second and per second of processor
	@/usr/bin/python3 tests/bridge/bench.py $(O)/usr/usr/bridge/attestmesh-bridge \
		$(O)/usr/tests/unit/bridge/bridge_load $(O)/bench/bridge.json

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Modules unloaded and loaded, interfaces and namespaces deleted and moved while
# beats and floods are under way. Leaves the modules loaded.
. "$(dirname "$0")/lib.sh"

INTERVAL=50
nodes 3
seed_of 3; seed=$REPLY; id 3; three=$REPLY
flood() { ip netns exec n3 "$BG" from=10.7.0.3 to=10.7.0.1 seed=$seed domain=$D id=$three inc=$1 seq=1 interval=50 count=3000 every=300 >/dev/null 2>&1 & flooder=$!; }
for round in 1 2 3; do
	for i in 1 2; do mesh $i; done
	peers 1 2 3; peers 2 1 3
	check "round $round: up" wait_for peer_is 1 2 state $UP
	flood ${round}000
	sleep .3
	case $round in
	1) check "unloaded under traffic" rmmod attestmesh
	   check "and the provider" rmmod attestmesh_ed25519
	   insmod "$MODULES/attestmesh_ed25519.ko" && insmod "$MODULES/attestmesh.ko"
	   check "loaded again" test -e /sys/module/attestmesh ;;
	2) ip -n n1 link del attestmesh0; make_wg 1
	   line=$(am n1 mesh-get dump)
	   check "interface deleted under traffic" test -z "$line" ;;
	3) ip netns del n1
	   gone() { grep -q 'meshes 1/' /sys/module/attestmesh/parameters/alive; }
	   check "namespace deleted under traffic" wait_for gone ;;
	esac
	kill $flooder 2>/dev/null; wait $flooder 2>/dev/null
	[ $round = 2 ] && am n2 mesh-del ifindex=10
done
finish

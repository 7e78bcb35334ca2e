#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What happens to the interface: down and up, address gone and back, deleted,
# moved to another namespace; a new mesh follows each.
. "$(dirname "$0")/lib.sh"

nodes 2
full_mesh
check "up" all_up
ip -n n2 link set attestmesh0 down
check "down: the other one convicts" wait_for peer_is 1 2 state $DOWN
get_mesh 2
check "down: the mesh is there" is ifindex 10
check "down: sending fails and is counted" at_least count.tx_error 1
ip -n n2 link set attestmesh0 up
ip -n n2 addr replace fd77::2/48 dev attestmesh0 nodad
check "up again" all_up

listen 2 /tmp/iface.events
ip -n n2 link del attestmesh0
check "deleted: mesh gone, by the device" wait_for grep -q '^mesh-gone ifindex=10 .*gone=1' /tmp/iface.events
line=$(am n2 mesh-get ifindex=10)
check "deleted: not found" test -z "${line##*error=2 *}"
make_wg 2
mesh 2; peers 2 1
check "made anew: up" all_up
get_mesh 2
check "made anew: with a higher incarnation" at_least incarnation 1001

for i in 1 2 3; do
	ip -n n2 link del attestmesh0; make_wg 2
	mesh 2 || break
done
check "deleted and made in a hurry" peers 2 1
check "deleted and made in a hurry: up" all_up

ip netns add other
ip -n n2 link set attestmesh0 netns other
# One more than it was deleted before.
fifth_end() { [ "$(grep -c '^mesh-gone ifindex=10 .*gone=1' /tmp/iface.events)" = 5 ]; }
check "moved: mesh gone" wait_for fifth_end
line=$(am n2 mesh-get dump)
check "moved: none in the old namespace" test -z "$line"
line=$(am other mesh-get dump)
check "moved: none in the new one" test -z "$line"
ip -n other addr add 10.7.0.2/16 dev attestmesh0
ip -n other addr add fd77::2/48 dev attestmesh0 nodad
ip -n other link set attestmesh0 up
seed_of 2; seed=$REPLY; id 2
check "moved: a mesh there" am other mesh-set ifindex=10 domain="$D" member_id="$REPLY" index=2 addr4=10.7.0.2 addr6=fd77::2 seed="$seed" incarnation_floor=2000000 interval_ms=200
peer_arg 1
am other peer-set ifindex=10 epoch=1 "$REPLY"
check "moved: up from there" wait_for peer_is 1 2 incarnation 2000000
finish

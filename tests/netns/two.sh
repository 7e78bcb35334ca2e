#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two meshes in one namespace, of two clusters: they share nothing. And many
# namespaces that end together.
. "$(dirname "$0")/lib.sh"

nodes 2
full_mesh
for i in $NODES; do
	ip -n n$i -batch - <<-X
		link add second index 11 type wireguard
		addr add 10.8.0.$i/16 dev second
	X
	in_ns n$i wg setconf second <(wg_config $i $NODES | sed -e 's/51821/51831/' -e 's/10\.7\./10.8./; s/,fd77::[0-9]*\/128//')
	ip -n n$i link set second up
done
other() { # node
	id $((20 + $1)); local id=$REPLY
	seed_of $((20 + $1)); local seed=$REPLY
	am n$1 mesh-set ifindex=11 domain="c${D#d}" member_id="$id" index=$1 addr4=10.8.0.$1 seed="$seed" incarnation_floor=1000 interval_ms=200
	id $((23 - $1)); id=$REPLY; key_of $((23 - $1))
	am n$1 peer-set ifindex=11 epoch=1 peer="$id,$((3 - $1)),10.8.0.$((3 - $1)),,$REPLY"
}
other 1; other 2
second_up() { line=$(am n1 mesh-get ifindex=11); is peers_up 1 && is converged 1; }
check "the second one is up" wait_for second_up
check "the first one is up" all_up
line=$(am n1 mesh-get dump)
check "a dump shows both" test "$(grep -c '^mesh' <<<"$line")" = 2
id 1; seed_of 1
id 1; one=$REPLY; seed_of 1
am n1 mesh-del ifindex=11
check "the same member twice is refused" refused 16 "another mesh of this namespace" \
	am n1 mesh-set ifindex=11 domain="$D" member_id="$one" index=1 addr4=10.8.0.1 seed="$REPLY" incarnation_floor=1000
check "the first one stays" all_up
no_nodes

for i in $(seq 24); do echo "netns add m$i"; done | ip -batch -
for i in $(seq 24); do
	ip -n m$i -batch - <<-X
		link add attestmesh0 index 10 type wireguard
		addr add 10.7.0.1/16 dev attestmesh0
		link set attestmesh0 up
	X
	seed_of $i; seed=$REPLY; id $i
	am m$i mesh-set ifindex=10 domain="$D" member_id="$REPLY" index=1 addr4=10.7.0.1 seed="$seed" incarnation_floor=1 interval_ms=50
done
peer_arg 33; arg=$REPLY
for i in $(seq 24); do am m$i peer-set ifindex=10 epoch=1 "$arg"; done
# Those of the two nodes before end in the background.
all_there() { grep -q 'meshes 24/.*peers 24/.*sockets 24/' /sys/module/attestmesh/parameters/alive; }
check "24 namespaces, 24 meshes" wait_for all_there
no_nodes
gone() { grep -q 'meshes 0/.*peers 0/.*sockets 0/' /sys/module/attestmesh/parameters/alive; }
check "all destroyed with their namespaces" wait_for gone
finish

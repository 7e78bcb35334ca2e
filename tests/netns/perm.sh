#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Reading needs no privilege, changing needs CAP_NET_ADMIN in the user namespace
# that owns the network namespace.
. "$(dirname "$0")/lib.sh"

nodes 1
mesh 1
nobody() { in_ns n1 setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$@"; }
cp "$AM" /dev/shm/amctl; chmod 755 /dev/shm/amctl
am_nobody() { nobody /dev/shm/amctl "$@"; }
line=$(am_nobody module-get); check "nobody: module-get" is interface_level 1
line=$(am_nobody mesh-get ifindex=10); check "nobody: mesh-get" is ifindex 10
line=$(am_nobody mesh-get dump); check "nobody: mesh dump" is ifindex 10
check "nobody: peer dump" am_nobody peer-get dump ifindex=10
line=$(am_nobody view-get ifindex=10); check "nobody: view" is self 1
nobody /dev/shm/amctl events 1 >/tmp/perm.events
check "nobody: events" grep -q listening /tmp/perm.events
for c in mesh-set mesh-del "peer-set epoch=1" "peer-del epoch=1"; do
	line=$(am_nobody $c ifindex=10)
	check "nobody: ${c%% *} is refused" is error 1
done
get_mesh 1; check "nothing happened" is peers_silent 0

# Root of a child user namespace, in a network namespace of the parent's.
child() { in_ns n1 unshare --user --map-root-user "$@"; }
line=$(child "$AM" mesh-get ifindex=10); check "child user namespace: reads" is ifindex 10
line=$(child "$AM" mesh-del ifindex=10); check "child user namespace: may not write" is error 1
# In a network namespace of its own it may: then the interface is what is missing.
line=$(unshare --user --map-root-user --net "$AM" mesh-set ifindex=10 domain=$D member_id=$D index=1 addr4=10.7.0.1 seed=$D incarnation_floor=1)
check "own network namespace: only the interface is missing" is error 19
line=$(unshare --user --map-root-user --net sh -c 'ip link add w index 10 type wireguard && ip addr add 10.7.0.1/16 dev w && ip link set w up && '"$AM mesh-set ifindex=10 domain=$D member_id=$D index=1 addr4=10.7.0.1 seed=$D incarnation_floor=1 && $AM mesh-get ifindex=10")
check "own network namespace: a mesh" is ifindex 10
finish

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Modules, interface and namespace of a node end, or move, while everything is
# under way: n2 is a node, n3 a member whose beats come from a test program, n4
# one that comes and goes and floods with forgeries; in n1, where it happens, in
# the namespace that its interface moves to and in n4 netlink requests are made
# as fast as they are answered, dumps and sockets left in the middle. After each
# act the node is there again, all of that reaches it, and every request was
# answered. CHURN_ROUNDS: how often each act is played (default 1).
. "$(dirname "$0")/lib.sh"

INTERVAL=50
PATIENT="miss=100 convict=200" # no verdict for the machine's load
nodes 4
ip netns add other
id 1; one=$REPLY; id 2; two=$REPLY; id 3; three=$REPLY; id 4; four=$REPLY
seed_of 1; seed1=$REPLY; seed_of 3; seed3=$REPLY; seed_of 4; seed4=$REPLY
key_of 40; key=$REPLY; key_of 41; otherkey=$REPLY
own=(ifindex=10 domain="$D" member_id="$one" index=1 addr4=10.7.0.1 addr6=fd77::1 seed="$seed1" incarnation_floor=1000 interval_ms=$INTERVAL $PATIENT)
known=(ifindex=10 epoch=1)
for i in 2 3 4; do peer_arg $i; known+=("$REPLY"); done
more=()
for i in 50 51 52 53; do id $i; more+=("peer=$REPLY,$i,10.8.0.$i,,$key"); done
id 50; fifty=$REPLY

# Background processes by their ids: those of a namespace go with it.
declare -A storms
traffic=()
storm() { # namespace, seed, requests
	local ns=$1 seed=$2
	shift 2
	ip netns exec "$ns" "$TOOLS/storm" 100000 "$seed" "$@" >>/tmp/churn.storms &
	storms[$ns]+=" $!"
}
storm_on_one() { # namespace, seed
	storm "$1" "$2" mesh-set "${own[@]}" -- mesh-set "${own[@]}" own \
		-- mesh-set "${own[@]}" interval_ms=60 -- peer-set "${known[@]}" \
		-- peer-set ifindex=10 epoch=1 "${more[@]}" -- peer-del ifindex=10 id="$fifty" \
		-- peer-set ifindex=10 epoch=2 "peer=$fifty,50,10.8.0.50,,$otherkey" \
		-- mesh-get ifindex=10 -- mesh-get dump -- peer-get ifindex=10 id="$two" \
		-- peer-get dump ifindex=10 -- view-get dump ifindex=10 -- module-get
}
calm() { # namespace: its requests end, with a last word
	# shellcheck disable=SC2086
	[ -z "${storms[$1]:-}" ] || { kill ${storms[$1]}; wait ${storms[$1]}; }
	storms[$1]=
}
send() { # node, beatgen's arguments
	local i=$1
	shift
	ip netns exec "n$i" "$BG" from="10.7.0.$i" to=10.7.0.1 domain="$D" interval=$INTERVAL seq=1 count=100000000 "$@" >/dev/null 2>&1 &
	traffic+=($!)
}

obeys() { line=$(am "$@" 2>&1) && [[ ! " $line" =~ \ error= ]]; }
member_in() { obeys "$1" mesh-set "${own[@]}" && obeys "$1" peer-set "${known[@]}"; }
second() { obeys n2 mesh-set ifindex=10 && return; mesh 2 $PATIENT >/dev/null && peers 2 1 >/dev/null; }
state_in() { line=$(am "$1" peer-get ifindex=10 id="$2"); is state "$3"; }
refuses_in() { # namespace: forgeries, and more of them under way
	line=$(am "$1" mesh-get ifindex=10)
	at_least drop.bad_signature 5
}
there() { # what was done, namespace
	check "$1: the node is made in $2" wait_for member_in "$2"
	check "$1: hears a node in $2" wait_for state_in "$2" "$two" $UP
	check "$1: hears a member in $2" wait_for state_in "$2" "$three" $UP
	check "$1: refuses forgeries in $2" wait_for refuses_in "$2"
}
empty() { line=$(am "$1" mesh-get dump) && [ -z "$line" ]; }

unloads() {
	check "$1: the module is unloaded" wait_for rmmod attestmesh
	check "$1: the provider is unloaded" wait_for rmmod attestmesh_ed25519
	sleep .2 # so that requests meet no module, also where only waiting takes time
	insmod "$MODULES/attestmesh_ed25519.ko"
	insmod "$MODULES/attestmesh.ko"
	check "$1: n2 is made again" wait_for second
	there "$1" n1
}
loses_interface() {
	ip -n n1 link del attestmesh0
	make_wg 1
	there "$1" n1
}
move() { # from, to
	ip -n "$1" link set attestmesh0 netns "$2"
	check "$3: no mesh is left in $1" wait_for empty "$1"
	ip -n "$2" -batch - <<-X
		addr add 10.7.0.1/16 dev attestmesh0
		addr add fd77::1/48 dev attestmesh0 nodad
		link set attestmesh0 up
	X
}
moves() {
	move n1 other "$1"
	there "$1" other
	move other n1 "$1"
	there "$1 back" n1
}
# Every other time with the interface of n1 in the second one, which goes as well.
loses_namespace() {
	local ns gone="n1"
	[ $((round % 2)) = 0 ] && { move n1 other "$1"; there "$1" other; gone="other n1"; }
	for ns in $gone; do ip netns del "$ns"; done
	for ns in $gone; do calm "$ns"; done
	check "$1: $gone are gone" wait_for uplink_gone 1
	node_again 1
	storm_on_one n1 $((round + 20))
	[ "$gone" = n1 ] || { ip netns add other; storm_on_one other $((round + 30)); }
	there "$1" n1
}

: >/tmp/churn.storms
mesh 2 $PATIENT; peers 2 1
mesh 4 $PATIENT; peers 4 1
# Node 4 holds its port already: the forgeries have to come from another one.
send 3 seed="$seed3" id="$three" inc=5000 every=20000
send 4 seed="f${seed4:1}" id="$four" inc=5000 every=3000
storm_on_one n1 1
storm_on_one n1 2
storm_on_one other 3
peer_arg 1
storm n4 4 mesh-set ifindex=10 domain="$D" member_id="$four" index=4 addr4=10.7.0.4 seed="$seed4" incarnation_floor=1000 interval_ms=$INTERVAL \
	-- peer-set ifindex=10 epoch=1 "$REPLY" -- mesh-get dump -- peer-get dump ifindex=10 -- mesh-del ifindex=10
there "begin" n1
for round in $(seq "${CHURN_ROUNDS:-1}"); do
	for act in unloads loses_interface moves loses_namespace; do
		$act "round $round, ${act/_/ its }"
	done
done

check "the traffic was there to the end" kill -0 "${traffic[@]}"
kill "${traffic[@]}"
for ns in n1 other n4; do calm $ns; done
total() { awk -v name="$1" '{for(i=1;i<=NF;i++)if(split($i,a,"=")==2&&a[1]==name)n+=a[2]}END{print n+0}' /tmp/churn.storms; }
grep '^wrong' /tmp/churn.storms | head -n 10
printf '        %s requests obeyed, %s refused, %s dumps, %s sockets closed\n' "$(total obeyed)" "$(total refused)" "$(total dumped)" "$(total reopened)"
check "every request was answered as it may be" test "$(total wrong)" = 0
check "requests were obeyed" test "$(total obeyed)" -gt 100
check "dumps were read" test "$(total dumped)" -gt 10
check "requests met what was gone" test "$(total refused)" -gt 10
check "requests met no module" test "$(total away)" -gt 0
finish

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every allocation of every command fails once: nothing may break or be lost, and
# the same command works afterwards. Then the works' allocations fail for a
# while under traffic. Needs a kernel with fault injection.
. "$(dirname "$0")/lib.sh"

debug=/sys/kernel/debug
for f in failslab fail_page_alloc; do
	[ -d $debug/$f ] || { bad "no $f in this kernel"; finish; }
	for set in ignore-gfp-wait=N task-filter=N probability=0 verbose=0 times=-1; do
		echo "${set#*=}" >$debug/$f/${set%=*}
	done
done
echo N >$debug/fail_page_alloc/ignore-gfp-highmem
echo 0 >$debug/fail_page_alloc/min-order

said_no() { [[ " $line" =~ \ error=[0-9] ]]; } # tx_error is no error
obeyed() { [[ $line == *"${expect:-}"* ]] && ! said_no; }

# sweep NAME UNDO command...: the n-th allocation fails, for every n.
sweep() {
	local name=$1 undo=$2 n refused=0
	shift 2
	for n in $(seq 400); do
		line=$(AMCTL_FAIL_NTH=$n timeout 30 ip netns exec n1 "$AM" "$@" 2>&1) # fails in amctl
		[ $? = 124 ] && { bad "$name: no answer with allocation $n failing" "$line"; break; }
		[[ $line == *injected=* ]] || { bad "$name: not even sent" "$line"; break; }
		said_no && refused=$((refused + 1))
		$undo
		[[ $line == *injected=0* ]] && break
	done
	check "$name: $n allocations, $refused times refused" test $n -gt 1 -a $n -lt 400
	line=$(am n1 "$@" 2>&1)
	check "$name: works afterwards" obeyed
	$undo
}
nothing() { :; }
del_mesh() { am n1 mesh-del ifindex=10 >/dev/null 2>&1; }
del_two() { am n1 peer-del ifindex=10 id="$two" >/dev/null 2>&1; }

nodes 2
id 1; one=$REPLY; id 2; two=$REPLY; seed_of 1; seed=$REPLY
create=(ifindex=10 domain="$D" member_id="$one" index=1 addr4=10.7.0.1 addr6=fd77::1 seed="$seed" incarnation_floor=1000 interval_ms=200)
sweep "a mesh is made" del_mesh mesh-set "${create[@]}"
mesh 1
peer_arg 2; arg=$REPLY
sweep "a peer is added" del_two peer-set ifindex=10 epoch=1 "$arg"
peers 1 2
key_of 9; other=$REPLY
back() { peers 1 2; }
sweep "a peer gets another key" back peer-set ifindex=10 epoch=1 peer="$two,2,10.7.0.2,fd77::2,$other"
sweep "a peer moves far up" back peer-set ifindex=10 epoch=2 peer="$two,65535,10.7.0.3,,$other"
small() { am n1 mesh-del ifindex=10; mesh 1; peers 1 2; }
sweep "the own index moves far up" small mesh-set ifindex=10 index=60000
expect=interface_level sweep "module-get" nothing module-get
expect=ifindex=10 sweep "mesh-get" nothing mesh-get ifindex=10
expect=ifindex=10 sweep "mesh dump" nothing mesh-get dump
expect=ifindex=10 sweep "peer-get" nothing peer-get ifindex=10 id="$two"
expect=ifindex=10 sweep "peer dump" nothing peer-get dump ifindex=10
expect=ifindex=10 sweep "view-get" nothing view-get ifindex=10
expect=ifindex=10 sweep "view dump" nothing view-get dump ifindex=10
sweep "a peer is deleted" back peer-del ifindex=10 id="$two"
remake() { mesh 1 >/dev/null 2>&1; peers 1 2 >/dev/null 2>&1; }
sweep "a mesh is deleted" remake mesh-del ifindex=10

# The works: every tenth allocation of any worker fails while beats arrive.
mesh 2; peers 2 1; remake
check "up" all_up
workers() { # 0 or 1
	local p
	for p in /proc/[0-9]*; do
		[[ $(cat "$p/comm" 2>/dev/null) == kworker/* ]] && echo "$1" >"$p/make-it-fail"
	done 2>/dev/null
}
workers 1
for f in failslab fail_page_alloc; do echo Y >$debug/$f/task-filter; echo 10 >$debug/$f/probability; echo 100000 >$debug/$f/times; done
get_peer 1 2; field accepted; before=$REPLY
wait_for peer_has 1 2 accepted $((before + 20))
for i in 1 2 3; do am n2 mesh-del ifindex=10; mesh 2; peers 2 1; sleep 1; done
check "workers' allocations did fail" test "$(cat $debug/failslab/times)" -lt 100000
for f in failslab fail_page_alloc; do echo 0 >$debug/$f/probability; echo N >$debug/$f/task-filter; done
workers 0
mesh 2; peers 2 1; remake
check "up after the workers' allocations failed" all_up

no_nodes
rmmod attestmesh; rmmod attestmesh_ed25519
check "the provider is loaded with each allocation failing" "$TOOLS/failnth" "$MODULES/attestmesh_ed25519.ko" "${FAULT_STEP:-1}"
insmod "$MODULES/attestmesh_ed25519.ko"
check "the module is loaded with each allocation failing" "$TOOLS/failnth" "$MODULES/attestmesh.ko" "${FAULT_STEP:-1}"
insmod "$MODULES/attestmesh.ko"
check "both are back" test -e /sys/module/attestmesh
finish

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One measurement in a guest: guest.sh MODULES TOOLS KIND argument... The node
# under test is in the guest's own namespace, beside one namespace, `far`, whose
# single WireGuard peer owns the addresses of all the peers there are. Prints
# `word name=value ...` lines; those that begin with MARK tell the host when to
# look at the clock and at what the processor did.
set -u
modules=$1 tools=$2 kind=$3
shift 3
A=$tools/amctl S=$tools/swarm
D=d$(printf '%063d' 0)
bench=/sys/module/attestmesh/parameters/bench
cd "$(dirname "$0")" || exit

load() { # parameters of the provider
	local m
	for m in veth bridge wireguard udp_tunnel ip6_udp_tunnel; do
		modprobe -d "$VM_KERNEL" $m || return 1
	done
	insmod "$modules/attestmesh_ed25519.ko" "$@" && insmod "$modules/attestmesh.ko"
}

tunnel() {
	local a b
	a=$(wg genkey) b=$(wg genkey)
	ip netns add far
	ip link add v0 type veth peer name v1 netns far
	ip addr add 192.0.2.1/24 dev v0
	ip link set v0 up
	ip link add attestmesh0 index 10 type wireguard
	ip addr add 10.7.0.1/8 dev attestmesh0
	ip -n far addr add 192.0.2.2/24 dev v1
	ip -n far link set v1 up
	ip -n far link add attestmesh0 type wireguard
	ip -n far addr add 10.8.0.1/8 dev attestmesh0
	wg set attestmesh0 listen-port 51821 private-key <(echo "$a") \
		peer "$(echo "$b" | wg pubkey)" allowed-ips 10.8.0.0/16,10.64.0.0/10 endpoint 192.0.2.2:51821
	ip netns exec far wg set attestmesh0 listen-port 51821 private-key <(echo "$b") \
		peer "$(echo "$a" | wg pubkey)" allowed-ips 10.7.0.0/16 endpoint 192.0.2.1:51821
	ip link set attestmesh0 up
	ip -n far link set attestmesh0 up
	ip netns exec far ping -c 1 -W 5 10.7.0.1 >/dev/null 2>&1 || busybox ping -c 1 10.8.0.1 >/dev/null
}

mesh() { # interval in ms
	"$A" mesh-set ifindex=10 domain="$D" member_id="$(printf '%064x' 1)" index=1 \
		addr4=10.7.0.1 seed="$(printf '%064x' 77)" incarnation_floor=1000 interval_ms="${1:-2000}"
}

measure() { # kind, number
	echo "$*" >"$bench" || { echo "FAILED $*"; return 1; }
	cat "$bench"
}

memory() { # name: what the kernel has in use, without caches of files
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	awk -v n="$1" '/^MemFree:|^Buffers:|^Cached:/ {s += $2} END {print "memory at=" n " free_kb=" s}' /proc/meminfo
}

state() { # name: the mesh's own counters
	echo "state at=$1 $("$A" mesh-get ifindex=10 | tr ' ' '\n' |
		grep -E '^(known|peers_[a-z]+|accepted|datagrams|beats|tx_[a-z_]+|stalls|drop\.[a-z_]+|count\.[a-z_]+|counters\.[a-z_]+)=' | tr '\n' ' ')"
}

paths() { # peers
	mesh && "$S" peers 10 1 2 "$1" || return
	measure cheap 4000
	measure verify 128
	# Each of the others has to be heard again before it is suspect.
	[ "$1" -gt 1000 ] || measure flood 2000
	measure send 4096
	measure bytes 1
}

change() { # comes and goes until there is a file /tmp/enough
	local p
	while [ ! -e /tmp/enough ]; do
		"$S" peers 10 2 40000 64 >/dev/null
		for p in $(seq 40000 40063); do
			"$A" peer-del ifindex=10 id="$(printf '%064x' $((p + 0x1000000)))"
		done
	done
}

dumps() { # peers: then again while peers come and go
	mesh || return
	memory empty
	"$S" peers 10 1 2 "$1" || return
	memory full
	measure bytes 1
	"$S" dump 10 12
	change &
	changer=$!
	echo "dumps under change"
	"$S" dump 10 12
	touch /tmp/enough
	wait $changer
	"$A" peer-get dump ifindex=10 >/tmp/dump
	echo "complete peers=$(grep -c '^peers' /tmp/dump) distinct=$(grep -o ' index=[0-9]*' /tmp/dump | sort -u | wc -l)"
}

# Dumps while all of them beat and others come and go.
churn() { # peers, rounds
	mesh && "$S" peers 10 1 2 "$1" || return
	change &
	changer=$!
	ip netns exec far "$S" beats 10.7.0.1 "$D" "$1" 2000 "$2" churn >/tmp/beats &
	until [ -s /tmp/beats ]; do sleep .1; done
	until grep -q sent= /tmp/beats; do
		"$S" dump 10 1
		sleep .2
	done
	state after
	touch /tmp/enough
	wait $changer
	cat /tmp/beats
}

# All of them beat; then the same packets with nobody to take them, which is
# what the tunnel and the sender cost.
swarm() { # peers, rounds
	mesh || return
	memory empty
	"$S" peers 10 1 2 "$1" || return
	state before
	ip netns exec far "$S" beats 10.7.0.1 "$D" "$1" 2000 "$2" "with-$1"
	state after
	memory full
	"$S" dump 10 3
	"$A" mesh-del ifindex=10
	ip netns exec far "$S" beats 10.7.0.1 "$D" "$1" 2000 "$2" "without-$1"
}

# As many as there may be, each heard once: every row is there in its full size.
largest() { # peers
	mesh 30000 || return
	memory empty
	"$S" peers 10 1 2 "$1" || return
	ip netns exec far "$S" beats 10.7.0.1 "$D" "$1" 30000 1 "largest-$1"
	state after
	memory full
	measure bytes 1
}

# Coming up is not what is measured: where the clock jumps, both ends of a link
# begin their handshakes at the same moment, again and again.
detect() { # interval in ms, times, nodes
	export TOOLS=$tools PATIENCE_SECS=120
	. ../../netns/lib.sh
	local links=() i
	nodes "$3"
	INTERVAL=$1
	full_mesh && all_up || { echo "FAILED to come up"; return 1; }
	for i in $NODES; do [ "$i" = 1 ] || links+=("v$i=$i"); done
	"$S" detect n1 10 "$2" "$1" 7 "${links[@]}"
	get_mesh 1
	echo "detect-end interval_ms=$1 nodes=$3 line=$(tr ' ' '\n' <<<"$line" | grep -E 'stalls' | tr '\n' ' ')"
}

load ${PROVIDER:-} || { echo "FAILED to load"; dmesg | tail; exit 1; }
dmesg | grep attestmesh
[ "$kind" = detect ] || tunnel
"$kind" "$@"
rc=$?
echo "KIND-END $kind $rc"
exit $rc

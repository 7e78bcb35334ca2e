# SPDX-License-Identifier: Apache-2.0
# What the netns tests share; sourced by each, in the guest, with bash.
#
#	n1 ... nN	namespaces, one node each: eth0 (192.0.2.I) on the bridge
#			br0 of the guest's own namespace, attestmesh0 (ifindex
#			10, 10.7.0.I, fd77::I) with every other node as a peer
#
# Ids, seeds and keys are fixed: node I has member id I and registration index
# I. Nothing here waits for a fixed time where a condition can be waited for.
set -u
AM=$TOOLS/amctl
BG=$TOOLS/beatgen
D=d$(printf '%063d' 0)
PATIENCE_SECS=${PATIENCE_SECS:-20}
passed=0 failed=0
NODES=

ok() { passed=$((passed + 1)); printf '  ok    %s\n' "$1"; }
bad() { failed=$((failed + 1)); printf '  FAIL  %s\n' "$1"; [ -n "${2:-}" ] && printf '        %s\n' "$2"; return 0; }
check() { # name, then a command that must succeed
	local name=$1
	shift
	if "$@"; then ok "$name"; else bad "$name" "${line:-}"; fi
}

# The first field NAME of $line, into $REPLY.
field() { [[ " $line " =~ \ $1=([^ ]*)\  ]] && REPLY=${BASH_REMATCH[1]}; }
is() { field "$1" && [ "$REPLY" = "$2" ]; }
at_least() { field "$1" && [ "$REPLY" -ge "$2" ]; }

in_ns() { local ns=$1; shift; ip netns exec "$ns" "$@"; }
id() { printf -v REPLY '%064x' "$1"; }
key_of() { REPLY=${BEATKEY[$1]}; }
seed_of() { REPLY=${BEATSEED[$1]}; }

load_keys() { # made by check.sh: number, WireGuard private and public, beat seed and key
	local n a b c d
	while read -r n a b c d; do
		WGPRIV[n]=$a WGPUB[n]=$b BEATSEED[n]=$c BEATKEY[n]=$d
	done <"$TOOLS/keys"
}
declare -a WGPRIV WGPUB BEATSEED BEATKEY
load_keys

wg_config() { # node, all nodes
	local i=$1 j
	shift
	printf '[Interface]\nPrivateKey=%s\nListenPort=51821\n' "${WGPRIV[i]}"
	for j in "$@"; do
		[ "$j" = "$i" ] || printf '[Peer]\nPublicKey=%s\nAllowedIPs=10.7.0.%d/32,fd77::%d/128\nEndpoint=192.0.2.%d:51821\n' \
			"${WGPUB[j]}" "$j" "$j" "$j"
	done
}

make_wg() { # node: its interface, in a namespace that has its uplink
	ip -n "n$1" -batch - <<-X
		link add attestmesh0 index 10 type wireguard
		addr add 10.7.0.$1/16 dev attestmesh0
		addr add fd77::$1/48 dev attestmesh0 nodad
	X
	in_ns "n$1" wg setconf attestmesh0 <(wg_config "$1" $NODES)
	ip -n "n$1" link set attestmesh0 up
}

nodes() { # number of nodes
	local i
	NODES=$(seq "$1")
	{
		echo "link add br0 type bridge"
		echo "link set br0 up"
		for i in $NODES; do
			echo "netns add n$i"
			echo "link add v$i type veth peer name eth0 netns n$i"
			echo "link set v$i master br0 up"
		done
	} | ip -batch -
	for i in $NODES; do
		ip -n "n$i" -batch - <<-X
			link set lo up
			addr add 192.0.2.$i/24 dev eth0
			link set eth0 up
		X
		make_wg "$i"
	done
}

# A namespace ends in the background, and its end of the cable with it.
uplink_gone() { ! ip link show "v$1" >/dev/null 2>&1; }

node_again() { # node: its namespace was deleted and gets a successor
	ip -batch - <<-X
		netns add n$1
		link add v$1 type veth peer name eth0 netns n$1
		link set v$1 master br0 up
	X
	ip -n "n$1" -batch - <<-X
		link set lo up
		addr add 192.0.2.$1/24 dev eth0
		link set eth0 up
	X
	make_wg "$1"
}

no_nodes() {
	local ns
	for ns in $(ip netns list | cut -d' ' -f1); do ip netns del "$ns"; done
	ip link del br0 2>/dev/null
	return 0
}

am() { local ns=$1; shift; in_ns "$ns" "$AM" "$@"; }

mesh() { # node, more attributes: an own one of the same name comes last and wins
	local i=$1 seed id
	shift
	seed_of "$i"; seed=$REPLY; id "$i"; id=$REPLY
	am "n$i" mesh-set ifindex=10 domain="${DOMAIN:-$D}" member_id="$id" index="$i" \
		addr4=10.7.0."$i" addr6=fd77::"$i" seed="$seed" \
		incarnation_floor="${FLOOR:-1000}" interval_ms="${INTERVAL:-200}" "$@"
}

peer_arg() { # node
	local id
	id "$1"; id=$REPLY; key_of "$1"
	REPLY=peer=$id,$1,10.7.0.$1,fd77::$1,$REPLY
}

peers() { # node, others...
	local i=$1 j args=()
	shift
	for j in "$@"; do
		[ "$j" = "$i" ] || { peer_arg "$j"; args+=("$REPLY"); }
	done
	am "n$i" peer-set ifindex=10 epoch="${EPOCH:-1}" "${args[@]}"
}

full_mesh() { # meshes and peers on all nodes
	local i
	for i in $NODES; do mesh "$i" "$@" || return 1; done
	for i in $NODES; do peers "$i" $NODES || return 1; done
}

get_mesh() { line=$(am "n$1" mesh-get ifindex=10); }
get_peer() { id "$2"; line=$(am "n$1" peer-get ifindex=10 id="$REPLY"); }

# Waits until a command succeeds.
wait_for() {
	local end=$((SECONDS + PATIENCE_SECS))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep .1
	done
}
mesh_is() { get_mesh "$1" && is "$2" "$3"; }
peer_is() { get_peer "$1" "$2" && is "$3" "$4"; }
peer_has() { get_peer "$1" "$2" && at_least "$3" "$4"; }
UNKNOWN=0 SILENT=1 UP=2 SUSPECT=3 DOWN=4
R_BEAT=1 R_SILENCE=2 R_TIME=3 R_UNREACHABLE=4 R_OBSERVERS=5 R_LEAVING=6 R_KEY=7
F_AGENT=1 F_DOUBT=2 F_LEAVING=4

all_up() { # every node has all others up and is converged
	local i n=$(echo $NODES | wc -w)
	for i in $NODES; do
		wait_for mesh_is "$i" peers_up $((n - 1)) || return 1
		wait_for mesh_is "$i" converged 1 || return 1
	done
}

listen() { # node, file: events in the background until the end of the test
	ip netns exec "n$1" "$AM" events 600 >"$2" & # one process, to be killed by its id
	listeners+=($!)
	wait_for grep -q listening "$2"
}
listeners=()

refused() { # errno, part of the message, command...
	local errno=$1 msg=$2
	shift 2
	line=$("$@" 2>&1) && return 1
	[[ $line == *"error=$errno "*msg=\"*"$msg"* ]]
}

uplink() { ip link set "v$1" "$2"; }

finish() {
	local p
	for p in "${listeners[@]}"; do kill "$p" 2>/dev/null; done
	no_nodes
	printf '%s: %d passed, %d failed\n' "$(basename "$0" .sh)" $passed $failed
	[ $failed -eq 0 ] && [ $passed -gt 0 ]
	exit
}

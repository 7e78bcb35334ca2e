#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bad beats: node 2 is a registered member whose beats come from a test program.
# Each case moves its own counter by one and no other; liveness stays. Each has
# a positive control that is accepted.
. "$(dirname "$0")/lib.sh"

nodes 3
mesh 1 interval_ms=1000 miss=100 convict=200
peers 1 2 3
seed_of 2; seed=$REPLY; seed_of 3; other_seed=$REPLY
id 2; two=$REPLY; id 3; three=$REPLY
seq=0

beat() { # more options
	in_ns n2 "$BG" from=10.7.0.2 to=10.7.0.1 seed="$seed" domain="$D" id="$two" inc=5000 seq=$((++seq)) interval=250 "$@" >/dev/null
}
counters() { # counters of node 1 as name=value lines, into $1
	get_mesh 1
	tr ' ' '\n' <<<"$line" | grep -E '^(drop\.|count\.accepted)' >"$1"
}
noports() { in_ns n1 awk '/^Udp:/{n++; if(n==2)print $3}' /proc/net/snmp; }
diff_is() { # expected changes
	counters /tmp/after
	line=$(diff /tmp/before /tmp/after | grep '^[<>]' | tr '\n' ' ')
	local got= name a b
	while IFS='=' read -r name a && IFS='=' read -r _ b <&3; do
		[ "$a" = "$b" ] || got+="$name+$((b - a)) "
	done </tmp/before 3</tmp/after
	line="changed: $got"
	[ "${got% }" = "$1" ]
}

# The rate bound lets four beats an interval through, and eight at once. Where the
# clock jumps only waiting takes time.
lull() { :; }
grep -q time-travel /proc/cmdline && lull() { sleep .3; }

# Verification is a work's: give it until the expected counters moved.
case_is() { # name, expected counter, command...
	local name=$1 expected=$2
	shift 2
	get_peer 1 2; field state; local state=$REPLY
	lull
	counters /tmp/before
	"$@"
	check "$name: $expected" wait_for diff_is "$expected"
	get_peer 1 2
	check "$name: liveness unmoved" is state "$state"
	beat
	check "$name: a good one is accepted" wait_for diff_is "count.accepted+1${expected:+ $expected}"
}
counters /tmp/before
beat
check "control: accepted" wait_for diff_is "count.accepted+1"
get_peer 1 2
check "control: up" is state $UP

case_is "wrong key" drop.bad_signature+1 beat seed="$other_seed"
case_is "foreign domain" drop.bad_signature+1 beat domain="e${D#d}"
case_is "a turned bit in the window" drop.bad_signature+1 beat flip=120
case_is "a turned bit in the signature" drop.bad_signature+1 beat flip=250
replayed() { in_ns n2 "$BG" from=10.7.0.2 to=10.7.0.1 seed="$seed" domain="$D" id="$two" inc=5000 seq=$seq interval=250 >/dev/null; }
case_is "replay" drop.replay+1 replayed
older() { in_ns n2 "$BG" from=10.7.0.2 to=10.7.0.1 seed="$seed" domain="$D" id="$two" inc=4999 seq=$((seq + 100)) interval=250 >/dev/null; }
case_is "older incarnation" drop.replay+1 older
case_is "sequence zero" drop.replay+1 beat inc=6000 seq=0
case_is "another member's id from this address" drop.member_id+1 beat id="$three"
case_is "empty" drop.short+1 beat len=0
case_is "seven bytes" drop.short+1 beat len=7
case_is "eight bytes" drop.length+1 beat len=8
case_is "truncated by one" drop.length+1 beat len=311
case_is "one byte too long" drop.length+1 beat len=313
case_is "much too long" drop.length+1 beat len=1300
case_is "magic" drop.magic+1 beat set=0:414d4232
case_is "version 0" drop.version+1 beat set=4:00
case_is "version 2" drop.version+1 beat set=4:02
trailer() { beat flip=300; }
counters /tmp/before; trailer
check "the trailer is not signed: accepted" wait_for diff_is "count.accepted+1"

six() { in_ns n2 "$BG" from=fd77::2 to=fd77::1 seed="$seed" domain="$D" id="$two" inc=5000 seq=$((++seq)) interval=250 "$@" >/dev/null; }
counters /tmp/before; six
check "accepted over IPv6" wait_for diff_is "count.accepted+1"
case_is "IPv6: another member's id" drop.member_id+1 six id="$three"
case_is "IPv6: short" drop.short+1 six len=3

unknown() { ip -n n2 addr add 10.7.0.77/32 dev attestmesh0; in_ns n1 wg set attestmesh0 peer "${WGPUB[2]}" allowed-ips 10.7.0.2/32,fd77::2/128,10.7.0.77/32; beat from=10.7.0.77; }
case_is "unknown source" drop.unknown_source+1 unknown
no_key() { in_ns n3 "$BG" from=10.7.0.3 to=10.7.0.1 seed="$other_seed" domain="$D" id="$three" inc=1 seq=1 >/dev/null; }
am n1 peer-set ifindex=10 epoch=1 peer="$three,3,10.7.0.3,fd77::3,"
case_is "a peer without a key" drop.no_key+1 no_key
own() { in_ns n1 "$BG" from=10.7.0.1 to=10.7.0.1 seed="$seed" domain="$D" id="$two" inc=9000 seq=1 >/dev/null; }
case_is "from the namespace itself" drop.wrong_iif+1 own

before=$(noports)
ip -n n3 route add 10.7.0.1/32 via 192.0.2.1 dev eth0 metric 1
ip -n n3 rule add pref 10 to 10.7.0.1 lookup 77
ip -n n3 route add 10.7.0.1/32 via 192.0.2.1 dev eth0 src 192.0.2.3 table 77
outside() { in_ns n3 "$BG" from=192.0.2.3 to=10.7.0.1 seed="$seed" domain="$D" id="$two" inc=9000 seq=1 >/dev/null; }
case_is "by another interface" "" outside
check "by another interface: NoPorts" test "$(noports)" -gt "$before"

counters /tmp/before
line=$(in_ns n2 "$BG" from=10.7.0.2 to=10.7.0.1 seed="$seed" domain="$D" id="$two" inc=7000 seq=1 interval=250 count=40)
rated() { get_mesh 1 && at_least drop.rate 25; }
check "forty at once: the rate bound holds" wait_for rated
get_mesh 1
check "forty at once: not more than the burst was verified" test "$(field drop.bad_signature; echo $REPLY)" -le 20
finish

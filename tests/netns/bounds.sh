#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every bound at the bound and one past it, every missing attribute, every
# refusal with its errno and its words.
. "$(dirname "$0")/lib.sh"

nodes 1
seed_of 1; seed=$REPLY; id 1; one=$REPLY
need=(ifindex=10 domain=$D member_id=$one index=1 addr4=10.7.0.1 seed=$seed incarnation_floor=1000)
EINVAL=22 ENOENT=2 ENODEV=19 EBUSY=16 EEXIST=17 ERANGE=34 E2BIG=7 ENOSPC=28 EADDRNOTAVAIL=99 EOPNOTSUPP=95
without() { local a; args=(); for a in "${need[@]}"; do [[ $a == "$1"=* ]] || args+=("$a"); done; }
with() { without "${1%%=*}"; args+=("$1"); }
missing() { line=$(am n1 "$@" 2>&1) && return 1; [[ $line == *error=22*missing=* ]]; }

for a in ifindex domain member_id index addr4 seed incarnation_floor; do
	without $a
	check "mesh-set without $a" missing mesh-set "${args[@]}"
done
with ifindex=99; check "no such interface" refused $ENODEV "no such interface" am n1 mesh-set "${args[@]}"
with ifindex=1; check "no WireGuard interface" refused $EOPNOTSUPP "no WireGuard" am n1 mesh-set "${args[@]}"
with addr4=10.7.0.2; check "address not on the interface" refused $EADDRNOTAVAIL "IPv4 address" am n1 mesh-set "${args[@]}"
with addr6=fd77::9; check "IPv6 address not on the interface" refused $EADDRNOTAVAIL "IPv6 address" am n1 mesh-set "${args[@]}"
with addr4=0.0.0.0; check "address zero" refused $EINVAL "zero" am n1 mesh-set "${args[@]}"
for a in index=65536 interval_ms=49 interval_ms=30001 miss=0 miss=101 convict=0 convict=201 min_peers=65537 port=0 ifindex=0; do
	with $a
	line=$(am n1 mesh-set "${args[@]}"); field error
	check "$a is refused" test "$REPLY" = $ERANGE -o "$REPLY" = $EINVAL
	check "$a: with its offset" field offset
done
for a in domain=ab member_id=ab seed=ab addr6=10.0.0.1; do
	[ "$a" = addr6=10.0.0.1 ] && a=raw=7:0102
	without "${a%%=*}"; args+=("$a")
	line=$(am n1 mesh-set "${args[@]}"); field error
	check "$a: wrong length" test "$REPLY" = $EINVAL -o "$REPLY" = $ERANGE
done
# bytes of a fixed length: one less, one more
short=${D:2} long=${D}00
too() { line=$(am n1 "$@" 2>&1); field error && [ "$REPLY" = $EINVAL -o "$REPLY" = $ERANGE ] && field offset; }
for a in domain member_id seed; do
	for v in "$short" "$long"; do
		with "$a=$v"
		check "$a of $((${#v} / 2)) bytes" too mesh-set "${args[@]}"
	done
done
for v in "${D:34}" "${D:30}"; do
	without none
	check "addr6 of $((${#v} / 2)) bytes" too mesh-set "${args[@]}" "raw=7:$v"
done
for v in "$short" "$long"; do
	n=$((${#v} / 2))
	check "peer id of $n bytes" too peer-set ifindex=10 epoch=1 "peer=$v,2,10.7.0.2,,"
	check "peer key of $n bytes" too peer-set ifindex=10 epoch=1 "peer=$D,2,10.7.0.2,,$v"
	check "peer-del: id of $n bytes" too peer-del ifindex=10 "id=$v"
	check "peer-get: id of $n bytes" too peer-get ifindex=10 "id=$v"
	check "view-get: id of $n bytes" too view-get ifindex=10 "id=$v"
done
for c in mesh-get mesh-del peer-get peer-del view-get; do
	check "$c: ifindex 0" too $c ifindex=0
done
without none; line=$(am n1 mesh-set "${args[@]}" raw=23:01000000); check "a read-only attribute is refused" is error $EINVAL
line=$(am n1 mesh-set "${args[@]}" raw=99:01); check "an unknown attribute is refused" is error $EINVAL
check "convict below miss" refused $ERANGE "below miss" am n1 mesh-set "${args[@]}" miss=6 convict=5
line=$(am n1 mesh-get dump); check "no mesh came of all this" test -z "$line"

for a in interval_ms=50 interval_ms=30000 "miss=100 convict=200" "miss=1 convict=1" min_peers=65536 min_peers=0 port=65535 port=1 index=65535 index=0; do
	with "${a%% *}"
	[ "${a% *}" = "$a" ] || args+=("${a#* }")
	check "$a is accepted" am n1 mesh-set "${args[@]}"
	am n1 mesh-del ifindex=10
done
check "no mesh" refused $ENOENT "no mesh" am n1 mesh-del ifindex=10

mesh 1
check "the same again" mesh 1
for a in domain="e${D#d}" member_id="e${D#d}" addr4=10.7.0.9 addr6=fd77::9 port=999 seed="e${D#d}"; do
	check "another ${a%%=*} is refused" refused $EBUSY "another" am n1 mesh-set ifindex=10 "$a"
done
check "an own index may change" am n1 mesh-set ifindex=10 index=7
get_mesh 1; check "and does" is index 7
am n1 mesh-set ifindex=10 index=1
check "the timing may change" am n1 mesh-set ifindex=10 interval_ms=500 miss=4 convict=9
get_mesh 1; check "and does" is convict 9
get_mesh 1; field public_key; key_of 1; check "public key is the seed's" is public_key "$REPLY"
check "the seed is nowhere in the answer" test -z "$(grep -o "$seed" <<<"$line")"

# A refused request comes back in the error, if one lets it: then without the
# seed, whichever attribute was at fault.
echoed() { line=$(AMCTL_ECHO=1 am n1 "$@" 2>&1); field echo; }
echoed mesh-get ifindex=10 domain="$D"
check "control: a refused request comes back" test -n "$REPLY" -a -z "${REPLY##*"$D"*}"
for bad in "port=0 " "raw=99:01" "interval_ms=49" "ifindex=0" "raw=7:0102" "domain=ab" "member_id=$D" "ifindex=99" "seed=ab"; do
	echoed mesh-set ifindex=10 seed="$seed" ${bad}
	check "refused for ${bad%% *}: the seed does not come back" test -n "$REPLY" -a -n "${REPLY##*"$seed"*}"
	echoed mesh-set ifindex=10 ${bad} seed="$seed" seed="$seed"
	check "refused for ${bad%% *}, seeds behind it: neither" test -n "$REPLY" -a -n "${REPLY##*"$seed"*}"
done

# peers
peer_arg 2; two=$REPLY
check "peer-set without ifindex" missing peer-set epoch=1 "$two"
check "peer-set without epoch" missing peer-set ifindex=10 "$two"
check "peer-set without peers" missing peer-set ifindex=10 epoch=1
id 2; i2=$REPLY; id 3; i3=$REPLY; key_of 2; k2=$REPLY
check "peer without id" missing peer-set ifindex=10 epoch=1 "peer=,2,10.7.0.2,,"
check "peer without index" missing peer-set ifindex=10 epoch=1 "peer=$i2,,10.7.0.2,,"
check "peer without address" missing peer-set ifindex=10 epoch=1 "peer=$i2,2,,,"
line=$(am n1 peer-set ifindex=10 epoch=1 "peer=$i2,65536,10.7.0.2,,"); field error
check "index 65,536 is refused" test "$REPLY" = $ERANGE -o "$REPLY" = $EINVAL
check "index 65,535 is accepted" am n1 peer-set ifindex=10 epoch=1 "peer=$i2,65535,10.7.0.2,,$k2"
am n1 peer-del ifindex=10 id=$i2
for a in 224.0.0.1 255.255.255.255 127.0.0.1 0.0.0.0; do
	check "address $a is refused" refused $EINVAL "no unicast" am n1 peer-set ifindex=10 epoch=1 "peer=$i2,2,$a,,"
done
check "own member id" refused $EEXIST "member id" am n1 peer-set ifindex=10 epoch=1 "peer=$one,2,10.7.0.2,,"
check "own index" refused $EEXIST "index" am n1 peer-set ifindex=10 epoch=1 "peer=$i2,1,10.7.0.2,,"
check "own address" refused $EEXIST "address" am n1 peer-set ifindex=10 epoch=1 "peer=$i2,2,10.7.0.1,,"
check "index twice" refused $EEXIST "index twice" am n1 peer-set ifindex=10 epoch=1 "peer=$i2,2,10.7.0.2,," "peer=$i3,2,10.7.0.3,,"
check "address twice" refused $EEXIST "address twice" am n1 peer-set ifindex=10 epoch=1 "peer=$i2,2,10.7.0.2,," "peer=$i3,3,10.7.0.2,,"
check "id twice" refused $EEXIST "id twice" am n1 peer-set ifindex=10 epoch=1 "peer=$i2,2,10.7.0.2,," "peer=$i2,3,10.7.0.3,,"
get_mesh 1; check "all or nothing: nothing" is known 1
am n1 peer-set ifindex=10 epoch=5 "peer=$i2,2,10.7.0.2,,$k2"
check "index held by a peer of this epoch" refused $EEXIST "this epoch" am n1 peer-set ifindex=10 epoch=5 "peer=$i3,2,10.7.0.3,,"
check "address held by a peer of this epoch" refused $EEXIST "this epoch" am n1 peer-set ifindex=10 epoch=5 "peer=$i3,3,10.7.0.2,,"
check "a peer of an older epoch gives way" am n1 peer-set ifindex=10 epoch=6 "peer=$i3,2,10.7.0.3,,"
get_mesh 1; check "and is gone" is known 2
am n1 peer-set ifindex=10 epoch=6 "peer=$i2,3,10.7.0.2,,"
check "two swap their places" am n1 peer-set ifindex=10 epoch=7 "peer=$i2,2,10.7.0.3,," "peer=$i3,3,10.7.0.2,,"
line=$(am n1 peer-get ifindex=10 id=$i2); check "swapped" is addr4 10.7.0.3
check "a peer that is not there" refused $ENOENT "no such peer" am n1 peer-del ifindex=10 id=$D
check "del: ids and epoch" refused $EINVAL "not both" am n1 peer-del ifindex=10 id=$i2 epoch=9
check "del: neither" missing peer-del ifindex=10
check "del: one of two is not there" refused $ENOENT "no such peer" am n1 peer-del ifindex=10 id=$i2 id=$D
get_mesh 1; check "and nothing is deleted" is known 3
check "del by epoch" am n1 peer-del ifindex=10 epoch=8
get_mesh 1; check "all gone" is known 1

# 512 and 513 in a message; 2,500 peers at 50 ms and one more
args=(); for i in $(seq 513); do printf -v id '%064x' $((i + 4096)); args+=("peer=$id,$((i + 1)),10.20.$((i / 256)).$((i % 256)),,"); done
check "513 peers in a message" refused $E2BIG "512" am n1 peer-set ifindex=10 epoch=9 "${args[@]}"
check "512 peers in a message" am n1 peer-set ifindex=10 epoch=9 "${args[@]:0:512}"
ids=(); for i in $(seq 513); do printf -v id '%064x' $((i + 4096)); ids+=("id=$id"); done
check "513 ids in a message" refused $E2BIG "512" am n1 peer-del ifindex=10 "${ids[@]}"
check "512 ids in a message" am n1 peer-del ifindex=10 "${ids[@]:0:512}"
am n1 mesh-set ifindex=10 interval_ms=50
check "2,500 peers at 50 ms" am n1 peers 10 10 2 2500 ""
check "one more" refused $ERANGE "interval" am n1 peers 10 10 2502 1 ""
am n1 peer-del ifindex=10 epoch=99
check "with 51 ms there would be room" am n1 mesh-set ifindex=10 interval_ms=51
am n1 mesh-del ifindex=10

for i in $(seq 65); do echo "link add w$i index $((100 + i)) type wireguard"; echo "addr add 10.9.$i.1/24 dev w$i"; done | ip -n n1 -batch -
for i in $(seq 64); do
	printf -v id '%064x' $((i + 9000))
	am n1 mesh-set ifindex=$((100 + i)) domain=$D member_id=$id index=1 addr4=10.9.$i.1 seed=$seed incarnation_floor=1 interval_ms=30000 || break
done
line=$(am n1 mesh-get dump); check "64 meshes in a namespace" test "$(grep -c ^mesh <<<"$line")" = 64
check "the 65th" refused $ENOSPC "too many meshes" am n1 mesh-set ifindex=165 domain=$D member_id=$D index=1 addr4=10.9.65.1 seed=$seed incarnation_floor=1
finish

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Brings Debian's kernels 6.1 and 6.12 (image and headers), QEMU 10, bookworm's
# virtiofsd and parts of the kernel's source into build/qemu, unpacked and never
# installed. apt runs on a state of its own: the machine's sources, lists and
# packages stay as they are. What is there already is not fetched again.
#
# fetch.sh [vm|source]...   default: vm
#   build/qemu/k6.1, k6.12   boot/, lib/modules/, usr/src/ (headers), release
#   build/qemu/q             QEMU and virtiofsd
#   build/qemu/src/linux     tools/net/ynl, Documentation/netlink, checkpatch
#   build/qemu/src/linux-source-6.1?*.tar.xz   whole source, for debug kernels
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/apt.sh"

archives() { private_apt "$out/apt" main/bookworm main/bookworm-backports security/bookworm-security; }

# The newest version of a series of which both image and headers are offered.
newest() { # 6.1|6.12
	archives
	local v
	apt-cache pkgnames linux-image-"$1". | sed -n 's/^linux-image-\(.*-cloud-amd64\)-unsigned$/\1/p' | sort -Vr |
		while read -r v; do
			apt-cache pkgnames "linux-headers-$v" | grep -qx "linux-headers-$v" && { echo "$v"; break; }
		done
}

kernel() { # 6.1|6.12
	local series=$1 dir=$out/k$1 v common kbuild f
	[ -e "$dir/stamp" ] && return
	archives
	v=$(newest "$series")
	[ -n "$v" ] || die "no $series kernel is offered with its headers"
	say "kernel $v"
	common=linux-headers-${v%-cloud-amd64}-common
	kbuild=$(apt-cache depends "$common" "linux-headers-$v" | sed -n 's/.*Depends: \(linux-kbuild-.*\)/\1/p' | head -n 1)
	get "linux-image-$v-unsigned" "linux-headers-$v" "$common" "$kbuild"
	rm -rf "$dir"
	unpack "$dir" "linux-image-$v-unsigned" "linux-headers-$v" "$common" "$kbuild"
	# The headers name each other by absolute path.
	grep -rlI '/usr/src/linux-headers\|/usr/lib/linux-kbuild' "$dir/usr/src/linux-headers-$v" --include=Makefile |
		while read -r f; do sed -i -e "s|/usr/src/|$dir/usr/src/|g" -e "s|/usr/lib/|$dir/usr/lib/|g" "$f"; done
	/sbin/depmod -b "$dir" "$v"
	echo "$v" >"$dir/release"
	touch "$dir/stamp"
}

qemu() {
	[ -e "$out/q/stamp" ] && return
	say "QEMU 10 and virtiofsd"
	archives
	# bookworm's qemu-system-common has virtiofsd, backports' has not
	local old
	old=$(apt-cache madison qemu-system-common | awk -F'|' '{gsub(/ /,"",$2)} $2 ~ /7\.2\+dfsg/ {print $2; exit}')
	get "qemu-system-common=$old"
	rm -rf "$out/q"
	unpack "$out/q/old" qemu-system-common
	rm -f "$debs"/qemu-system-*.deb
	get qemu-system-x86/bookworm-backports qemu-system-common/bookworm-backports \
		qemu-system-data/bookworm-backports seabios
	unpack "$out/q" qemu-system-x86 qemu-system-common qemu-system-data seabios
	"$out/q/usr/bin/qemu-system-x86_64" --version >"$out/q/version" 2>&1 ||
		{ cat "$out/q/version" >&2; die "QEMU does not start; is a library missing?"; }
	touch "$out/q/stamp"
}

source_parts() {
	[ -e "$out/src/stamp" ] && return
	say "kernel source (150 MB)"
	archives
	get linux-source-6.12
	rm -rf "$out/src"
	unpack "$out/src/deb" linux-source-6.12
	mkdir -p "$out/src/linux"
	tar -C "$out/src/linux" --strip-components=1 -xf "$out"/src/deb/usr/src/linux-source-6.12.tar.xz \
		linux-source-6.12/tools/net/ynl linux-source-6.12/Documentation/netlink \
		linux-source-6.12/scripts/{checkpatch.pl,spelling.txt,const_structs.checkpatch,kernel-doc}
	mv "$out"/src/deb/usr/src/linux-source-6.12.tar.xz "$out/src/"
	rm -rf "$out/src/deb"
	touch "$out/src/stamp"
}

alone
t0=$SECONDS
for what in "${@:-vm}"; do
	case $what in
	vm) kernel 6.1; kernel 6.12; qemu ;;
	source) source_parts ;;
	*) die "vm or source, not $what" ;;
	esac
done
[ -n "${APT_READY:-}" ] && { rm -rf "$debs"; say "done in $((SECONDS - t0)) s"; }
exit 0

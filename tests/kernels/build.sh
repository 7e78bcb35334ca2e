#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds test kernels from Debian's source of 6.1: build.sh KIND...
#   uml         a kernel that is a process, at the machine's speed
#   uml-debug   the same with everything that looks for mistakes
#   smp-debug   x86, several CPUs, for tests/qemu/vm, with the same and more
#
# build/kernels/KIND then is what tests/qemu/vm and kmod/tools/build take for a
# kernel: release, the image (`linux` or `bzImage`), lib/modules/, and
# usr/src/linux-headers-RELEASE. A kernel is built again only if the source's
# version or its configuration changed. JOBS sets make's -j.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${ROOT:=$(cd "$here/../.." && pwd)}" "${O:=$ROOT/build}" "${JOBS:=$(nproc)}"
out=$O/kernels
say() { printf 'kernels: %s\n' "$*"; }
die() { printf 'kernels: %s\n' "$*" >&2; exit 1; }

# Downloaded and unpacked beside what tests/qemu/fetch.sh brings, with its apt
# state, so that nothing of the machine's own changes.
fetch() {
	[ -e "$out/src/stamp" ] && return
	"$ROOT/tests/qemu/fetch.sh" vm
	export APT_CONFIG=$O/qemu/apt/apt.conf
	rm -rf "$out/src" "$out/deb"
	mkdir -p "$out/deb"
	say "source of 6.1 (140 MB)"
	(cd "$out/deb" && { apt-get download -q linux-source-6.1 || { apt-get update -q && apt-get download -q linux-source-6.1; }; }) \
		>"$out/fetch.log" 2>&1 || { tail -n 5 "$out/fetch.log" >&2; die "could not download the source"; }
	dpkg -x "$out"/deb/linux-source-6.1_*.deb "$out/deb"
	mkdir -p "$out/src/linux"
	tar -C "$out/src/linux" --strip-components=1 -xf "$out/deb/usr/src/linux-source-6.1.tar.xz"
	basename "$out"/deb/linux-source-6.1_*.deb | cut -d_ -f2 >"$out/src/version"
	rm -rf "$out/deb"
	touch "$out/src/stamp"
}

describe() { # kind: ARCH, the configuration to begin with, what is laid over it
	case $1 in
	uml) arch=um start=defconfig fragments="base uml" ;;
	uml-debug) arch=um start=defconfig fragments="base uml lean debug uml-debug" ;;
	smp-debug) arch=x86_64 start="x86_64_defconfig kvm_guest.config" fragments="base lean debug smp" ;;
	*) die "no such kind: $1" ;;
	esac
}

key() { # what a kernel depends on
	{ cat "$out/src/version"; echo "$arch $start"; for f in $fragments; do cat "$here/config/$f.config"; done; gcc -dumpfullversion; } |
		sha256sum | cut -c1-16
}

# An option that did not take is a debug kernel that finds nothing.
configure() { # objects
	local files=() f line name lost=0
	for f in $fragments; do files+=("$here/config/$f.config"); done
	mk "$1" $start
	(cd "$out/src/linux" && ARCH=$arch scripts/kconfig/merge_config.sh -m -O "$1" "$1/.config" "${files[@]}") >"$1/merge.log"
	mk "$1" olddefconfig
	# The last file that names an option decides.
	while read -r name line; do
		case $line in
		\#*) grep -q "^$name=" "$1/.config" || continue ;;
		*) grep -qxF "$line" "$1/.config" && continue ;;
		esac
		say "did not take: $line"
		lost=1
	done < <(cat "${files[@]}" | tac | sed -nE 's/^((# )?(CONFIG_[A-Z0-9_]+)[= ].*)$/\3 \1/p' | awk '!seen[$1]++')
	[ $lost = 0 ] || die "the configuration is not what it has to be"
}

mk() { # objects, make arguments
	local objects=$1
	shift
	nice -n 19 make -s -C "$out/src/linux" ARCH="$arch" O="$objects" LOCALVERSION= \
		KBUILD_BUILD_USER=attestmesh KBUILD_BUILD_HOST=attestmesh "$@"
}

build() { # kind
	local dir=$out/$1 arch start fragments k release image t0=$SECONDS
	describe "$1"
	k=$(key)
	[ "$(cat "$dir/key" 2>/dev/null)" = "$k" ] && return
	say "$1 from $(cat "$out/src/version"), takes minutes"
	# Objects stay: make knows which of them another configuration changes.
	rm -rf "$dir"/{key,linux,bzImage,lib,usr,release}
	mkdir -p "$dir/obj" "$dir/usr/src"
	configure "$dir/obj"
	mk "$dir/obj" -j"$JOBS" all >"$dir/build.log" 2>&1 || { tail -n 30 "$dir/build.log"; die "$1 does not build"; }
	release=$(cat "$dir/obj/include/config/kernel.release")
	image=linux
	[ "$arch" = um ] || image=bzImage
	case $image in
	linux) ln -s obj/linux "$dir/linux" ;;
	bzImage) cp "$dir/obj/arch/x86/boot/bzImage" "$dir/" ;;
	esac
	mkdir -p "$dir/lib/modules/$release"
	cp "$dir"/obj/modules.{builtin,builtin.modinfo,order} "$dir/lib/modules/$release/"
	/sbin/depmod -b "$dir" "$release"
	ln -s ../../obj "$dir/usr/src/linux-headers-$release"
	echo "$release" >"$dir/release"
	echo "$k" >"$dir/key"
	echo $((SECONDS - t0)) >"$dir/seconds"
	say "$1 built in $((SECONDS - t0)) s"
}

# One at a time of each kind, and of the source.
locked() { # name, command...
	local name=$1
	shift
	exec 9>"$out/$name.lock"
	flock 9
	"$@"
	exec 9>&-
}

mkdir -p "$out"
[ $# -gt 0 ] || die "which? uml, uml-debug, smp-debug"
locked src fetch
for kind in "$@"; do locked "$kind" build "$kind"; done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Brings the newest kernel that Debian's next release offers, in its backports,
# into build/qemu/knewest. Its headers need tools newer than this system's, so
# they come with a small system of that release (`root/`), which is entered by
# chroot for building and has nothing of this machine in it.
#
#   build/qemu/knewest       lib/modules/, bzImage, release, root/
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/apt.sh"
suite=trixie
dir=$out/knewest

newest() { # the version of which headers, modules and image are offered
	local v
	apt-cache pkgnames linux-headers- | sed -n 's/^linux-headers-\([0-9].*-cloud-amd64\)$/\1/p' | sort -Vr |
		while read -r v; do
			apt-cache show "linux-modules-$v" "linux-binary-unsigned-$v" >/dev/null 2>&1 && { echo "$v"; break; }
		done
}

system() { # directory, packages: a system that compiles, without documentation
	local root=$1
	shift
	mmdebstrap --quiet --variant=apt --include="$(IFS=,; echo "$*")" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		$suite "$root" "$APT_READY/sources.list" >"$out/mmdebstrap.log" 2>&1 ||
		{ tail -n 5 "$out/mmdebstrap.log" >&2; die "the $suite system could not be made"; }
}

# Debian leaves out the script that asks whether sparse understands this source,
# and without it no file is looked at. The release's own does not understand it,
# that of the unstable suite does; where neither does, `sparse` stays away.
sparse() { # root
	local root=$1 common answer
	common=$(ls -d "$root"/usr/src/linux-headers-*-common)
	APT_READY= APT_CONFIG= private_apt "$out/apt-sid" main/sid
	get sparse
	unpack "$out/sparse" sparse
	install -D "$out/sparse/usr/bin/sparse" "$root/usr/local/bin/sparse"
	rm -rf "$out/sparse" "$debs"/sparse_*.deb
	cat >"$common/scripts/checker-valid.sh" <<-'X'
		#!/bin/sh
		# Prints 1 if the checker, called as given, knows __typeof_unqual__.
		t=$(mktemp --suffix=.c)
		echo 'static inline int f(const int a) { __typeof_unqual__(a) b = 0; return b; }' >"$t"
		"$@" "$t" 2>&1 | grep -q . || echo 1
		rm -f "$t"
	X
	chmod +x "$common/scripts/checker-valid.sh"
	mkdir -p "$root/tmp"
	answer=$(chroot "$root" "/${common#"$root"/}/scripts/checker-valid.sh" /usr/local/bin/sparse)
	[ "$answer" = 1 ] || { say "no sparse understands this kernel"; rm "$root/usr/local/bin/sparse"; }
}

alone
[ -e "$dir/stamp" ] && exit 0
t0=$SECONDS
private_apt "$out/apt-$suite" main/$suite main/$suite-backports
v=$(newest)
[ -n "$v" ] || die "$suite-backports offers no kernel with its headers"
say "kernel $v, with a $suite system to build for it (500 MB)"
rm -rf "$dir"
get "linux-modules-$v" "linux-binary-unsigned-$v"
unpack "$dir/image" "linux-modules-$v" "linux-binary-unsigned-$v"
rm -f "$debs"/linux-*.deb
image=$(find "$dir/image" -name 'vmlinuz*' | head -n 1)
[ -n "$image" ] || die "no image in the packages of $v"
ln -s "${image#"$dir"/}" "$dir/bzImage"
ln -s image/usr/lib "$dir/lib"
/sbin/depmod -b "$dir" "$v" 2>"$out/depmod.log" || { cat "$out/depmod.log" >&2; die "depmod failed"; }
system "$dir/root" gcc-14 make kmod libc6-dev "linux-headers-$v"
sparse "$dir/root"
echo "$v" >"$dir/release"
touch "$dir/stamp"
rm -rf "$debs"
say "done in $((SECONDS - t0)) s"

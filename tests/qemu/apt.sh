# SPDX-License-Identifier: Apache-2.0
# What fetch.sh and newest.sh share; sourced. Debian packages are downloaded with
# an apt state of one's own and unpacked: the machine's sources, lists and
# packages stay as they are.
: "${ROOT:=$(cd "$here/../.." && pwd)}" "${O:=$ROOT/build}"
out=$O/qemu
debs=$out/debs
say() { printf 'fetch: %s\n' "$*"; }
die() { printf 'fetch: %s\n' "$*" >&2; exit 1; }

# The archives this machine uses; only the mirror is taken, not the suites.
mirror() { # security|main
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sort -u |
		case $1 in security) grep -E 'debian-security' ;; main) grep -E '/debian/?$' ;; esac | head -n 1
}

private_apt() { # directory, then main/SUITE or security/SUITE...
	[ -n "${APT_READY:-}" ] && return
	local apt=$1 suite uri key=/usr/share/keyrings/debian-archive-keyring.gpg
	shift
	[ -r $key ] || die "$key is missing; install debian-archive-keyring"
	mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$debs"
	: >"$apt/status"
	: >"$apt/sources.list"
	for suite in "$@"; do
		uri=$(mirror "${suite%%/*}")
		[ -n "$uri" ] && echo "deb [signed-by=$key] $uri ${suite#*/} main" >>"$apt/sources.list"
	done
	grep -q . "$apt/sources.list" ||
		die "apt knows no Debian mirror; add one to its sources and run apt-get update"
	cat >"$apt/apt.conf" <<-X
		Dir::State "$apt/state";
		Dir::State::status "$apt/status";
		Dir::Cache "$apt/cache";
		Dir::Etc::SourceList "$apt/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		APT::Sandbox::User "root";
		Acquire::Retries "3";
		Acquire::Languages "none";
	X
	export APT_CONFIG=$apt/apt.conf
	apt-get update -q >"$apt/update.log" 2>&1 || { tail -n 5 "$apt/update.log" >&2; die "apt-get update failed"; }
	APT_READY=$apt
}

get() { # package[=version|/suite]...: download
	(cd "$debs" && apt-get download -q "$@" >"$APT_READY/download.log" 2>&1) ||
		{ tail -n 5 "$APT_READY/download.log" >&2; die "could not download $*"; }
}

unpack() { # directory, then package names
	local dir=$1 p
	shift
	mkdir -p "$dir"
	for p in "$@"; do dpkg -x "$(ls -t "$debs/$p"_*.deb | head -n 1)" "$dir"; done
}

# Two targets may ask at once.
alone() { mkdir -p "$out"; exec 9>"$out/fetch.lock"; flock 9; }

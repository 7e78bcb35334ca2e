#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the project needs and is not there: Debian packages named in
# packages.d/*.txt, a Node.js of at least 20.3, and the npm packages of the
# lock file. Writes build/setup/seconds.json, what each step took.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${ROOT:=$(cd "$here/../.." && pwd)}" "${O:=$ROOT/build}"
out=$O/setup
mkdir -p "$out"
say() { printf 'setup: %s\n' "$*"; }
now_ms() { date +%s%3N; }
steps=

step() { # name command...
	local name=$1 t0 t1
	shift
	t0=$(now_ms); "$@"; t1=$(now_ms)
	steps+="${steps:+, }\"$name\": $(awk "BEGIN{printf \"%.1f\", ($t1 - $t0) / 1000}")"
}

wanted() { sed -e 's/#.*//' "$here"/packages.d/*.txt | awk 'NF {print $1}' | sort -u; }

missing() {
	wanted | while read -r p; do
		dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || echo "$p"
	done
}

debian_packages() {
	local m
	m=$(missing)
	[ -z "$m" ] && { say "$(wanted | wc -l) Debian packages are there"; return; }
	say "installing: $(echo $m)"
	if [ "$(id -u)" != 0 ]; then
		say "not root; run: sudo apt-get update && sudo apt-get install --no-install-recommends $(echo $m)" >&2
		exit 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q >"$out/apt.log" 2>&1 &&
		apt-get install -y -q --no-install-recommends $m >>"$out/apt.log" 2>&1 || {
		tail -n 20 "$out/apt.log" >&2
		say "apt-get failed; see ${out#"$ROOT"/}/apt.log" >&2
		exit 1
	}
}

node_ok() { command -v node >/dev/null && node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>20||(a==20&&b>=3)?0:1)'; }

node_js() {
	if node_ok; then say "node $(node --version)"; return; fi
	say "no Node.js of at least 20.3; fetching one through npm"
	command -v npm >/dev/null || { apt-get install -y -q --no-install-recommends npm >>"$out/apt.log" 2>&1; }
	npm install --prefix "$O/node" --no-audit --no-fund node@20 >"$out/node.log" 2>&1 || {
		tail -n 20 "$out/node.log" >&2; say "npm could not fetch Node.js 20" >&2; exit 1; }
	PATH=$O/node/node_modules/node/bin:$PATH
	node_ok || { say "the fetched Node.js does not run" >&2; exit 1; }
}

npm_packages() {
	if cmp -s "$ROOT/package-lock.json" "$ROOT/node_modules/.installed-lock" 2>/dev/null; then
		say "npm packages are there"; return
	fi
	say "npm ci (about a minute)"
	(cd "$ROOT" && npm ci --no-audit --no-fund >"$out/npm.log" 2>&1) || {
		tail -n 20 "$out/npm.log" >&2; say "npm ci failed; see ${out#"$ROOT"/}/npm.log" >&2; exit 1; }
	cp "$ROOT/package-lock.json" "$ROOT/node_modules/.installed-lock"
}

toolbox() {
	python3 "$here/toolbox.py" "$out/bin" "$here/packages.d" "$(dirname "$(command -v node)")" >"$out/tools.txt" ||
		{ cat "$out/tools.txt" >&2; exit 1; }
	tail -n 1 "$out/tools.txt" | sed 's/^/setup: /'
}

step debian_packages debian_packages
step node node_js
step npm_packages npm_packages
toolbox
printf '{%s}\n' "$steps" >"$out/seconds.json"
touch "$out/stamp"

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Rules about the tree itself: a licence line in every file and the right one
# for its part, no path of the machine it was made on, includes only downwards,
# no file that holds too much.
import os
import re
import subprocess
import sys

ROOT = sys.argv[1]
LINES_MAX = 700
passed, failures = 0, []

LICENCE = [  # first match decides
    (r"^include/uapi/", "GPL-2.0-only WITH Linux-syscall-note"),
    (r"^(kmod/|Kbuild$)", "GPL-2.0-only"),
    (r"^contracts/(src|script|test)/.*\.sol$", "MIT"),
    (r"^contracts/", "(MIT|Apache-2.0)"),
    (r"", "Apache-2.0"),
]
# JSON and generated records have no comments; the licence is the folder's.
NO_COMMENT = re.compile(r"(\.json|\.jsonc|package-lock\.json|\.gas-snapshot|\.snap|\.tsv|\.xz|\.bin)$")

# who may include whom: folder -> folders besides its own
LAYERS = {
    "usr/lib/base": [],
    "usr/lib/crypto": ["base"],
    "usr/lib/eth": ["base", "crypto"],
    "usr/lib/dstack": ["base", "crypto", "eth"],
    "usr/lib/grpc": ["base"],
}


def tracked():
    out = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], check=True,
                         capture_output=True).stdout
    return [f for f in out.decode().split("\0") if f and os.path.isfile(os.path.join(ROOT, f))]


def check(ok, message):
    global passed
    if ok:
        passed += 1
    else:
        failures.append(message)


def licence(name, text):
    if NO_COMMENT.search(name):
        return
    want = next(w for pattern, w in LICENCE if re.search(pattern, name))
    head = "\n".join(text.splitlines()[:6])
    line = re.search(r"SPDX-License-Identifier: (.*?)(\s*(\*/|-->|-- \*))?$", head, re.M)
    check(line is not None, f"{name}: no SPDX line")
    if line:
        got = line.group(1).strip().strip("()")
        check(re.fullmatch(want.replace("(MIT|", "(?:MIT|"), got),
              f"{name}: licence {got}, expected {want}")


def layers(name, text, headers):
    folder = os.path.dirname(name)
    if folder not in LAYERS:
        return
    allowed = {f"usr/lib/{x}" for x in LAYERS[folder]} | {folder}
    for inc in re.findall(r'^#include "([^"]+)"', text, re.M):
        homes = headers.get(os.path.basename(inc), set())
        check(not homes or homes & allowed or inc.endswith(".pb-c.h"),
              f"{name}: includes {inc}, which lies in {', '.join(sorted(homes))}")


def main():
    files = tracked()
    headers = {}
    for f in files:
        if f.endswith(".h") and f.startswith("usr/"):
            headers.setdefault(os.path.basename(f), set()).add(os.path.dirname(f))
    here = [os.path.realpath(ROOT) + "/", os.path.expanduser("~") + "/"]
    for name in files:
        raw = open(os.path.join(ROOT, name), "rb").read()
        if b"\0" in raw:
            check(False, f"{name}: a binary file")
            continue
        text = raw.decode(errors="replace")
        licence(name, text)
        layers(name, text, headers)
        for path in here:
            check(len(path) < 4 or path not in text, f"{name}: names a path of this machine")
        if re.search(r"\.(c|h|sol|ts|sh|py|mjs)$", name):
            lines = text.count("\n")
            check(lines <= LINES_MAX, f"{name}: {lines} lines, more than {LINES_MAX}")
    for failure in failures:
        print("FAIL", failure)
    print(f"{passed} passed, {len(failures)} failed")
    sys.exit(1 if failures or not passed else 0)


main()

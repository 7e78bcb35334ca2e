#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Fills a folder with links to every command that the listed Debian packages,
# what those directly depend on, the essential ones and Node.js bring, and to
# nothing else. `make check` runs
# with that folder as its whole PATH, so a tool that is in no list is not found
# and the check that used it fails.
import glob
import os
import shutil
import subprocess
import sys

OUT, LISTS, NODE = sys.argv[1], sys.argv[2], sys.argv[3]
FOLDERS = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]


def listed():
    names = set()
    for path in glob.glob(os.path.join(LISTS, "*.txt")):
        for line in open(path):
            words = line.split("#")[0].split()
            if words:
                names.add(words[0])
    return names


def installed():
    """(name, version, is essential, what it depends on) of every package."""
    form = ("${Package}\t${Version}\t${Essential}\t${Priority}\t${db:Status-Status}"
            "\t${Pre-Depends}, ${Depends}\n")
    rows = subprocess.run(["dpkg-query", "-W", "-f", form], check=True,
                          capture_output=True, text=True).stdout
    for row in rows.splitlines():
        name, version, essential, priority, status, needs = row.split("\t")
        if status == "installed":
            first = {need.split()[0].split(":")[0]
                     for need in needs.replace("|", ",").split(",") if need.strip()}
            yield name, version, essential == "yes" or priority == "required", first


def files_of(package):
    info = "/var/lib/dpkg/info/"
    for path in [info + package + ".list", *glob.glob(info + package + ":*.list")]:
        if os.path.exists(path):
            yield from (line.rstrip("\n") for line in open(path))


def plain(path):
    """One name for what /bin and /usr/bin both reach."""
    return path[4:] if path.startswith("/usr/") else path


def main():
    wanted = listed()
    rows = list(installed())
    there = {name: version for name, version, _, _ in rows}
    allowed = set(wanted)
    for name, _, basic, needs in rows:
        if basic:
            allowed.add(name)
        if name in wanted:
            allowed |= needs
    owned = {plain(f) for name in allowed for f in files_of(name)}
    lacking = sorted(wanted - set(there))
    if lacking:
        sys.exit("not installed: " + " ".join(lacking))
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    for folder in FOLDERS:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            known = plain(path) in owned or plain(os.path.realpath(path)) in owned
            link = os.path.join(OUT, name)
            if known and os.access(path, os.X_OK) and not os.path.lexists(link):
                os.symlink(path, link)
    for name in ("node", "npm", "npx"):
        link = os.path.join(OUT, name)
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(os.path.realpath(os.path.join(NODE, name)), link)
    for name in sorted(wanted):
        print(f"{name} {there[name]}")
    print(f"{len(os.listdir(OUT))} commands from {len(wanted)} listed packages, "
          "the essential ones and Node.js")


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# `make demo` as a person runs it, on a terminal: it works to its end, stays up
# and says how to look around, the command that it prints opens a shell inside
# a node, and Ctrl-C ends everything. Then its report, key by key.
# Usage: keep.py ROOT OUT
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

ROOT, OUT = sys.argv[1:]
DEMO_LIMIT_SECS = 900        # setting up included
STAYS_UP_SECS = 6
END_LIMIT_SECS = 60
RUN_LIMIT_SECS = 180         # without setting up
passed, failed = 0, 0

KEYS = ["kernel", "module_version", "nodes", "csk_equal", "converged", "pings_ok", "message", "restart", "stock_proxy",
        "setup_seconds", "total_seconds"]
NODE_KEYS = ["member_id", "mesh_ip", "phase", "live_peers", "first_converged", "csk_sha256", "phase_seconds",
             "operations_sent", "envelopes_sent", "beats"]
MESSAGE_KEYS = ["delivered", "sender_ok", "leaked", "seconds"]
RESTART_KEYS = ["agent_kill_seconds_to_healthy", "both_seconds_to_healthy", "operations_sent", "envelopes_sent", "destroyed"]


def check(ok, what, detail=""):
    global passed, failed
    if ok:
        passed += 1
        print(f"ok   {what}", flush=True)
    else:
        failed += 1
        print(f"FAIL {what}: {detail}", flush=True)


class Terminal:
    """A program on a terminal of its own; everything it prints is kept."""

    def __init__(self, argv, env, echo=False):
        self.text, self.echo = "", echo
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, env)

    def read(self, limit):
        if not select.select([self.fd], [], [], limit)[0]:
            return True
        try:
            data = os.read(self.fd, 65536).decode(errors="replace")
        except OSError:
            return False  # the other side is closed
        self.text += data
        if self.echo:
            sys.stdout.write(data.replace("\r", ""))
            sys.stdout.flush()
        return data != ""

    def until(self, pattern, limit):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            found = re.search(pattern, self.text)
            if found:
                return found
            if not self.read(0.5):
                return re.search(pattern, self.text)
        return None

    def type(self, text):
        os.write(self.fd, text.encode())

    def ended(self, limit):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            self.read(0.2)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None


def in_a_node(command):
    """The printed command on a terminal: a shell inside node 1, left again."""
    shell = Terminal(command.split(), dict(os.environ))
    check(shell.until(r"n1# ", 30) is not None, "the printed command opens a shell", shell.text[-500:])
    shell.type("ip -br addr show attestmesh0\n")
    own = shell.until(r"attestmesh0\s+\S+\s+(\d+\.\d+\.\d+\.\d+)", 30)
    shell.type("attestmesh peers | wc -l | sed 's/^/PEERS /'\n")
    peers = shell.until(r"PEERS (\d+)", 30)
    shell.type("exit\n")
    code = shell.ended(20)
    check(own is not None, "inside the node: its mesh interface is there", shell.text[-500:])
    check(peers is not None and int(peers.group(1)) >= 1, "and the command line tool shows its peer", shell.text[-500:])
    check(code == 0, "`exit` leaves it", code)
    return own.group(1) if own else None


def marked(mark):
    """Processes that inherited the mark."""
    left = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if mark.encode() in f.read() and int(pid) != os.getpid():
                    left.append(pid)
        except OSError:
            pass  # gone meanwhile
    return left


def state():
    with open("/proc/mounts", encoding="utf-8") as f:
        mounts = sorted(" ".join(line.split()[:3]) for line in f)
    return mounts, sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []


def keys_of(row, names, what):
    missing = [n for n in names if n not in row]
    check(not missing, f"the report has every key of {what}", missing)


def report(shown):
    with open(f"{OUT}/report.json", encoding="utf-8") as f:
        r = json.load(f)
    keys_of(r, KEYS, "the run")
    check(r["problems"] == [], "it names no problem", r["problems"])
    check(len(r["nodes"]) == 2 and all(n["phase"] == "healthy" for n in r["nodes"]), "two nodes, both healthy", r["nodes"])
    for n in r["nodes"]:
        keys_of(n, NODE_KEYS, f"node {n.get('mesh_ip')}")
        keys_of(n["beats"], ["sent", "accepted", "dropped"], "its beats")
    check(shown in [n["mesh_ip"] for n in r["nodes"]], "the shell was inside one of them", shown)
    keys_of(r["message"], MESSAGE_KEYS, "the message")
    keys_of(r["restart"], RESTART_KEYS, "the restarts")
    check(r["csk_equal"] and r["converged"] and r["pings_ok"] and r["message"]["delivered"] and r["message"]["sender_ok"]
          and not r["message"]["leaked"], "and all of it holds", r)
    proxy = r["stock_proxy"]
    check(proxy.get("implementation_before") not in (None, proxy.get("implementation_after")),
          "the stock proxy's implementation slot, before and after", proxy)
    took = r["total_seconds"] - r["setup_seconds"]["total"]
    check(took <= RUN_LIMIT_SECS, f"at most {RUN_LIMIT_SECS} s without setting up", took)
    check(r["listening"]["looks"] > took / 2 and not r["listening"]["outside_loopback"],
          "nothing listened outside loopback, looked at every second", r["listening"])


def main():
    mark = f"ATTESTMESH_KEEP_TEST={os.getpid()}.{time.monotonic_ns()}"
    before = state()
    env = {k: v for k, v in os.environ.items() if k not in ("KEEP", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    env.update([mark.split("=")], NODES="2", OUT=OUT, TERM="dumb")
    demo = Terminal(["make", "--no-print-directory", "-C", ROOT, "demo"], env, echo=True)
    up = demo.until(r"Ctrl-C ends everything", DEMO_LIMIT_SECS)
    if up is None:
        os.kill(demo.pid, signal.SIGTERM)
        demo.ended(END_LIMIT_SECS)
        check(False, "the demo comes to its end and stays up", demo.text[-2000:])
        return
    check(len(marked(mark)) >= 5, "the mark is in the demo's processes", marked(mark))
    end = time.monotonic() + STAYS_UP_SECS
    while time.monotonic() < end:
        demo.read(0.5)
    check(os.waitpid(demo.pid, os.WNOHANG)[0] == 0, "on a terminal it stays up")
    line = re.search(r"(\S+/shell \S+ n1)\b", demo.text)
    check(line is not None, "it prints a command for a shell inside a node", demo.text[-800:])
    shown = in_a_node(line.group(1)) if line else None
    demo.type("\x03")
    code = demo.ended(END_LIMIT_SECS)
    check(code is not None, "Ctrl-C ends it", demo.text[-800:])
    check("1 passed, 0 failed" in demo.text, "and it says that all of it holds", demo.text[-1500:])
    time.sleep(1)
    check(marked(mark) == [], "no process is left", marked(mark))
    check(state() == before, "no mount and no namespace is left")
    check(not os.path.exists(f"{OUT}/console.sock"), "no socket is left")
    report(shown)


main()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)

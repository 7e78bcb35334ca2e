#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The agent with nothing around it: no guest agent, no chain, no bridge, no
# kernel module, or no privilege. It must answer from the first second and say
# what it waits for, refuse bad configuration with one line that names cause
# and remedy, never crash, and end when told. Runs in a network namespace of
# its own; usage: absent.py PROGRAM
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
PORT = 19090
ANSWER_WITHIN_SECS = 1.0
passed, failed = 0, 0


def check(ok, what, detail=""):
    global passed, failed
    if ok:
        passed += 1
        print(f"ok   {what}")
    else:
        failed += 1
        print(f"FAIL {what}: {detail}")


def environment(directory, **changes):
    env = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "CHAIN_ID": "31337",
        "RPC_URL": "http://127.0.0.1:9",
        "BUNDLER_URL": "http://127.0.0.1:9/",
        "PAYMASTER_URL": "http://127.0.0.1:9/",
        "GATEWAY_DOMAIN": "gw.attestmesh.test",
        "RUNTIME_DIR": f"{directory}/run",
        "AGENT_GRPC_SOCKET": f"{directory}/app/agent.sock",
        "DSTACK_SOCKET": f"{directory}/none.sock",
        "HEALTH_HTTP_ADDR": f"127.0.0.1:{PORT}",
        "UBSAN_OPTIONS": "halt_on_error=1",
    }
    for name, value in changes.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    return env


def ask(path="/healthz", port=PORT):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        c.request("GET", path)
        r = c.getresponse()
        return r.status, r.read().decode()
    finally:
        c.close()


def first_answer(process, limit, port=PORT):
    start = time.monotonic()
    while time.monotonic() - start < limit and process.poll() is None:
        try:
            return time.monotonic() - start, ask(port=port)
        except OSError:
            time.sleep(0.01)
    return None


def until(process, limit, condition):
    """The health body once condition holds, or the last one."""
    body, end = {}, time.monotonic() + limit
    while time.monotonic() < end and process.poll() is None:
        body = json.loads(ask()[1])
        if condition(body):
            return body
        time.sleep(0.1)
    return body


def alone(directory):
    env = environment(directory, MEMBER_CONTRACT="0x" + "11" * 20)
    process = subprocess.Popen([PROGRAM], env=env, stderr=subprocess.PIPE, text=True)
    answer = first_answer(process, 10)
    check(answer is not None and answer[0] <= ANSWER_WITHIN_SECS,
          "/healthz answers within a second of exec with everything absent", repr(answer))
    if answer is None:
        process.kill()
        return
    status, body = answer[1]
    check(status == 503 and json.loads(body)["phase"] == "booting", "it is booting, and not 200",
          f"{status} {body}")
    # Each with its cause and its remedy.
    wants = {
        "guest agent": r"guest agent: \S+none\.sock does not exist; mount it or set DSTACK_SOCKET",
        "RPC endpoint": r"rpc http://127\.0\.0\.1:9: [^;]*connect[^;]*; check RPC_URL",
        "kernel module": r"module: attestmesh is not in this kernel; load attestmesh_ed25519\.ko and attestmesh\.ko",
        "bridge": r"bridge: \S+\.sock: [^;]*; attestmesh-bridge has to be started",
    }
    body = until(process, 15, lambda b: all(re.search(w, b.get("waiting_for", ""), re.I) for w in wants.values()))
    for what, pattern in wants.items():
        check(re.search(pattern, body.get("waiting_for", ""), re.I), f"it waits for the {what}, names why and what to do", body)
    status, text = ask("/metrics")
    check(status == 200 and "attestmesh_phase" in text, "/metrics answers too", status)
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        code = "none"
    log = process.stderr.read()
    check("CAP_NET_ADMIN" not in log, "with the privilege nothing is said of it", log[-1000:])
    check(code == 0, "SIGTERM ends it with 0", f"{code} {log[-2000:]}")
    for what, pattern in wants.items():
        check(re.search(pattern, log, re.I), f"its log says the same of the {what}", log[-2000:])


def second_instance(directory):
    env = environment(directory)
    one = subprocess.Popen([PROGRAM], env=env, stderr=subprocess.DEVNULL)
    first_answer(one, 10)
    two = subprocess.run([PROGRAM], env=environment(directory, HEALTH_HTTP_ADDR="127.0.0.1:19091"),
                         capture_output=True, text=True, timeout=20)
    check(two.returncode == 3 and "another agent" in two.stderr, "a second agent is refused by the lock",
          f"{two.returncode} {two.stderr}")
    taken = subprocess.run([PROGRAM], env=environment(directory, RUNTIME_DIR=f"{directory}/run2"),
                           capture_output=True, text=True, timeout=20)
    check(taken.returncode == 3 and "HEALTH_HTTP_ADDR" in taken.stderr, "a taken port is named",
          f"{taken.returncode} {taken.stderr}")
    one.terminate()
    one.wait(10)


REQUIRED = ["CHAIN_ID", "RPC_URL", "BUNDLER_URL", "GATEWAY_DOMAIN"]
URL_MAX, DOMAIN_MAX, PATH_MAX = 2048, 190, 107
HOSTS = ",".join(f"https://a/{k}" for k in range(9))
DOMAINS = ",".join(f"d{k}.example" for k in range(17))
# Each option malformed and one past its bound, with what the one line must name. A
# missing one is in `missing` below; an option with a list of values has no bound.
TABLE = {
    "CHAIN_ID": (("x", "decimal"), ("9223372036854775808", "9223372036854775807")),
    "RPC_URL": (("ftp://x", "https://"), (HOSTS, "fewer")),
    "BUNDLER_URL": (("nonsense", "https://"), ("https://" + "a" * (URL_MAX - 7), "shorter")),
    "PAYMASTER_URL": (("http://pay.example", "https://"), ("https://" + "a" * (URL_MAX - 7), "shorter")),
    "PAYMASTER_PROVIDER": (("alchemy", "erc7677"), None),
    "GAS_POLICY_ID": (None, ("p" * 129, "128")),
    "MEMBER_CONTRACT": (("0x" + "zz" * 20, "40 hexadecimal"), ("0x" + "11" * 20 + "1", "40 hexadecimal")),
    "INDEXER_REGISTRY_ADDR": (("0x12", "40 hexadecimal"), ("0x" + "11" * 21, "40 hexadecimal")),
    "GATEWAY_DOMAIN": (("UPPER", "lowercase"), ("a." * (DOMAIN_MAX // 2) + "b", str(DOMAIN_MAX))),
    "PEER_GATEWAY_DOMAINS": (("a..b", "dots"), (DOMAINS, "fewer")),
    "WG_TCP_PORT": (("tcp", "65535"), ("65536", "65535")),
    "WG_LISTEN_PORT": (("0", "65535"), ("65536", "65535")),
    "HEARTBEAT_PORT": (("-1", "65535"), ("65536", "65535")),
    "PEER_GRPC_PORT": (("50051 ", "65535"), ("65536", "65535")),
    "BEAT_INTERVAL_MS": (("49", "50"), ("30001", "30000")),
    "BEAT_MISS": (("0", "1"), ("101", "100")),
    "BEAT_CONVICT": (("3", "BEAT_MISS"), ("201", "200")),
    "MIN_PEERS": (("one", "65535"), ("65536", "65535")),
    "CHAIN_POLL_MS": (("249", "250"), ("3600001", "3600000")),
    "SEND_PER_HOUR": (("0", "1"), ("100001", "100000")),
    "WG_INTERFACE": (("a/b", "15"), ("a234567890123456", "15")),
    "RUNTIME_DIR": (("relative", "begins with /"), ("/" + "r" * (PATH_MAX - 32), "shorter")),
    "STATE_DIR": (("relative", "begins with /"), ("/" + "s" * (PATH_MAX - 32), "shorter")),
    "AGENT_GRPC_SOCKET": (("relative", "begins with /"), ("/" + "a" * PATH_MAX, "shorter")),
    "AGENT_GRPC_SOCKET_MODE": (("rw", "0777"), ("1000", "0777")),
    "DSTACK_SOCKET": (("relative", "begins with /"), ("/" + "d" * PATH_MAX, "shorter")),
    "ATTESTOR": (("operator", "dstack"), None),
    "HEALTH_HTTP_ADDR": (("nowhere", "ADDRESS:PORT"), ("127.0.0.1:65536", "65535")),
    "LOG_LEVEL": (("loud", "debug"), None),
    "LOG_FORMAT": (("xml", "json"), None),
}


def refused(directory, what, names, **changes):
    r = subprocess.run([PROGRAM], env=environment(directory, **changes), capture_output=True, text=True, timeout=20)
    lines = r.stderr.strip().splitlines()
    option = next(iter(changes))
    check(r.returncode == 2 and len(lines) == 1 and option in lines[0] and names in lines[0] and "give" in lines[0],
          f"{option} {what}: exit 2, one line that names cause and remedy", f"{r.returncode} {r.stderr}")


def bad_options(directory):
    for name, (malformed, beyond) in TABLE.items():
        if malformed:
            refused(directory, "malformed", malformed[1], **{name: malformed[0]})
        if beyond:
            refused(directory, "beyond its bound", beyond[1], **{name: beyond[0]})
    for name in REQUIRED:
        refused(directory, "missing", "not set", **{name: None})
    r = subprocess.run([PROGRAM, "--rpc-url=https://x/secret"], env=environment(directory),
                       capture_output=True, text=True, timeout=20)
    check(r.returncode == 2 and "secret" not in r.stderr, "a token on the command line is refused, unrepeated",
          r.stderr)
    r = subprocess.run([PROGRAM, "--help"], env={}, capture_output=True, text=True, timeout=20)
    options = re.findall(r"^  ([A-Z][A-Z0-9_]+) ", r.stdout, re.M)
    check(r.returncode == 0 and sorted(options) == sorted(TABLE), "--help names every option, and each is in the table",
          set(options) ^ set(TABLE))


def at_the_bounds(directory):
    """The other side of each bound: accepted, and everything optional missing."""
    env = environment(directory, CHAIN_ID="9223372036854775807", RPC_URL=HOSTS.rsplit(",", 1)[0],
                      BUNDLER_URL="https://" + "a" * (URL_MAX - 8), GAS_POLICY_ID="p" * 128,
                      PEER_GATEWAY_DOMAINS=DOMAINS.rsplit(",", 1)[0], BEAT_INTERVAL_MS="30000", BEAT_MISS="100",
                      BEAT_CONVICT="200", MIN_PEERS="65535", CHAIN_POLL_MS="3600000", SEND_PER_HOUR="100000",
                      WG_INTERFACE="a23456789012345", WG_TCP_PORT="65535", WG_LISTEN_PORT="65535",
                      HEARTBEAT_PORT="65534", PEER_GRPC_PORT="1", GATEWAY_DOMAIN="a." * (DOMAIN_MAX // 2 - 1) + "bb")
    process = subprocess.Popen([PROGRAM], env=env, stderr=subprocess.PIPE, text=True)
    answer = first_answer(process, 10)
    check(answer is not None, "every option at its bound is accepted", process.poll())
    process.terminate()
    process.wait(10)


def missing(_directory):
    """Only what is required: the defaults of everything else, on an empty /run."""
    env = {k: v for k, v in environment("/nowhere").items() if k in REQUIRED or k == "PATH"}
    r = subprocess.run([PROGRAM], env=env, capture_output=True, text=True, timeout=20)
    check(r.returncode == 3 and "AGENT_GRPC_SOCKET: cannot listen" in r.stderr and "make its directory" in r.stderr,
          "a missing directory of the default socket: exit 3, cause and remedy", f"{r.returncode} {r.stderr}")
    os.makedirs("/var/run/attestmesh")
    process = subprocess.Popen([PROGRAM], env=env, stderr=subprocess.PIPE, text=True)
    answer = first_answer(process, 10, 9090)
    check(answer is not None and answer[0] <= ANSWER_WITHIN_SECS, "with every optional option missing /healthz answers on 9090",
          process.poll())
    if answer is not None:
        body = json.loads(answer[1][1])
        waiting = body.get("waiting_for", "")
        check("guest agent: " in waiting and "dstack.sock" in waiting and "DSTACK_SOCKET" in waiting,
              "without DSTACK_SOCKET it names where it looked and what to set", body)
        check("PAYMASTER_URL" in " ".join(body.get("warnings", [])), "without PAYMASTER_URL it warns", body)
        mode = os.stat("/run/attestmeshd").st_mode & 0o777
        check(mode == 0o700 and os.path.exists("/run/attestmeshd/agent-attestmesh0.lock"),
              "the default RUNTIME_DIR is private and holds the default interface's lock", oct(mode))
        check(os.stat("/var/run/attestmesh/agent.sock").st_mode & 0o777 == 0o666, "the default socket is there, 0666")
    process.terminate()
    check(process.wait(10) == 0, "and it ends when told")


def unprivileged(directory):
    """Without CAP_NET_ADMIN it goes on and says what is missing and what to do."""
    os.chmod(directory, 0o755)
    home = f"{directory}/nobody"
    os.makedirs(f"{home}/app")
    for d in (home, f"{home}/app"):
        os.chown(d, 65534, 65534)
    says = r"privilege: CAP_NET_ADMIN is missing; run as root, or give the container NET_ADMIN"
    drop = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all",
            "--bounding-set=-all"]
    process = subprocess.Popen([*drop, PROGRAM], env=environment(home), stderr=subprocess.PIPE, text=True)
    answer = first_answer(process, 10)
    if answer is None:
        process.kill()
    check(answer is not None, "without privileges it still answers", process.stderr.read()[-500:] if answer is None else "")
    if answer is None:
        return
    body = until(process, 5, lambda b: re.search(says, b.get("waiting_for", "")))
    check(re.search(says, body.get("waiting_for", "")), "and says which one is missing and what to do", body)
    process.terminate()
    log = process.stderr.read()
    check(process.wait(10) == 0, "and ends when told")
    check(re.search(says, log), "its log says the same", log[-1000:])


def main():
    with tempfile.TemporaryDirectory() as directory:
        os.makedirs(f"{directory}/app")
        for test in (alone, second_instance, bad_options, at_the_bounds, missing, unprivileged):
            test(directory)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if os.environ.get("ABSENT_INSIDE") != "1":
    os.environ["ABSENT_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "-nm", "sh", "-c", 'ip link set lo up; mount -t tmpfs run /run; exec "$@"', "sh", sys.executable, *sys.argv])
main()

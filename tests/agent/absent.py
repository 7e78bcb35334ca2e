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


def ask(path="/healthz"):
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=2)
    try:
        c.request("GET", path)
        r = c.getresponse()
        return r.status, r.read().decode()
    finally:
        c.close()


def first_answer(process, limit):
    start = time.monotonic()
    while time.monotonic() - start < limit and process.poll() is None:
        try:
            return time.monotonic() - start, ask()
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
    wants = ("guest agent", "rpc")
    body = until(process, 15, lambda b: all(w in b.get("waiting_for", "").lower() for w in wants))
    check(all(w in body.get("waiting_for", "").lower() for w in wants),
          "it says that it waits for the guest agent and the RPC endpoint", body)
    body = until(process, 5, lambda b: "module" in b.get("waiting_for", "").lower())
    check("module" in body.get("waiting_for", "").lower(), "and for the kernel module", body)
    status, text = ask("/metrics")
    check(status == 200 and "attestmesh_phase" in text, "/metrics answers too", status)
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        code = "none"
    check(code == 0, "SIGTERM ends it with 0", f"{code} {process.stderr.read()[-2000:]}")


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


# option, value (None: not set), what the one line must name
TABLE = [
    ("CHAIN_ID", None, "not set"), ("CHAIN_ID", "x", "decimal"), ("CHAIN_ID", "0", "bounds"),
    ("RPC_URL", None, "not set"), ("RPC_URL", "ftp://x", "https"), ("RPC_URL", "http://rpc.example", "https"),
    ("BUNDLER_URL", None, "not set"), ("BUNDLER_URL", "nonsense", "https"),
    ("PAYMASTER_URL", "nonsense", "https"),
    ("GATEWAY_DOMAIN", None, "not set"), ("GATEWAY_DOMAIN", "UPPER", "lowercase"),
    ("MEMBER_CONTRACT", "0x12", "40 hexadecimal"), ("INDEXER_REGISTRY_ADDR", "0x12", "40 hexadecimal"),
    ("WG_TCP_PORT", "65536", "65535"), ("WG_LISTEN_PORT", "0", "65535"), ("HEARTBEAT_PORT", "x", "65535"),
    ("PEER_GRPC_PORT", "65536", "65535"), ("BEAT_INTERVAL_MS", "49", "50"), ("BEAT_INTERVAL_MS", "30001", "30000"),
    ("BEAT_MISS", "0", "1"), ("BEAT_MISS", "101", "100"), ("BEAT_CONVICT", "3", "BEAT_MISS"),
    ("BEAT_CONVICT", "201", "200"), ("MIN_PEERS", "65536", "65535"), ("CHAIN_POLL_MS", "249", "250"),
    ("SEND_PER_HOUR", "0", "1"), ("SEND_PER_HOUR", "100001", "100000"),
    ("WG_INTERFACE", "a234567890123456", "15"), ("RUNTIME_DIR", "relative", "absolute"),
    ("STATE_DIR", "relative", "absolute"), ("AGENT_GRPC_SOCKET", "relative", "absolute"),
    ("AGENT_GRPC_SOCKET_MODE", "1000", "0777"), ("DSTACK_SOCKET", "relative", "absolute"),
    ("ATTESTOR", "tdx", "dstack"), ("HEALTH_HTTP_ADDR", "nowhere", "ADDRESS:PORT"),
    ("PAYMASTER_PROVIDER", "other", "erc7677"), ("LOG_LEVEL", "loud", "debug"), ("LOG_FORMAT", "xml", "json"),
]


def bad_options(directory):
    for name, value, names in TABLE:
        r = subprocess.run([PROGRAM], env=environment(directory, **{name: value}), capture_output=True,
                           text=True, timeout=20)
        lines = r.stderr.strip().splitlines()
        check(r.returncode == 2 and len(lines) == 1 and name in lines[0] and names in lines[0],
              f"{name}={value} is refused by name with what to do", f"{r.returncode} {r.stderr}")
    r = subprocess.run([PROGRAM, "--rpc-url=https://x/secret"], env=environment(directory),
                       capture_output=True, text=True, timeout=20)
    check(r.returncode == 2 and "secret" not in r.stderr, "a token on the command line is refused, unrepeated",
          r.stderr)
    r = subprocess.run([PROGRAM, "--help"], env={}, capture_output=True, text=True, timeout=20)
    missing = [n for n, _, _ in TABLE if n not in r.stdout]
    check(r.returncode == 0 and not missing, "--help names every option", missing)


def unprivileged(directory):
    """Without CAP_NET_ADMIN it goes on, and says what is missing when it needs it; here it only
    must neither crash nor stay silent."""
    os.chmod(directory, 0o755)
    home = f"{directory}/nobody"
    os.makedirs(f"{home}/app")
    for d in (home, f"{home}/app"):
        os.chown(d, 65534, 65534)
    env = environment(home)
    drop = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all",
            "--bounding-set=-all"]
    process = subprocess.Popen([*drop, PROGRAM], env=env, stderr=subprocess.PIPE, text=True)
    answer = first_answer(process, 10)
    if answer is None:
        process.kill()
    check(answer is not None, "without privileges it still answers", process.stderr.read()[-500:] if answer is None else "")
    if answer is not None:
        process.terminate()
        check(process.wait(10) == 0, "and ends when told")


def main():
    with tempfile.TemporaryDirectory() as directory:
        os.makedirs(f"{directory}/app")
        for test in (alone, second_instance, bad_options, unprivileged):
            test(directory)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if os.environ.get("ABSENT_INSIDE") != "1":
    os.environ["ABSENT_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", sys.executable, *sys.argv])
main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# The command line where there is no kernel module and no agent: usage, causes
# and remedies, refusals, JSON that is JSON. Speaks TAP. Usage: cli.py ATTESTMESH
import fcntl
import json
import os
import socket
import subprocess
import sys
import tempfile

CLI = sys.argv[1]
VERBS = ('show', 'peers', 'matrix', 'watch', 'down', 'health', 'doctor')


def run(*words, **environment):
    env = {'PATH': os.environ['PATH'], 'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '')}
    env.update(environment)
    return subprocess.run([CLI, *words], capture_output=True, text=True, env=env, timeout=20)


def has_module():
    return run('peers').returncode == 0


def test_help_names_every_verb():
    out = run('--help')
    assert out.returncode == 0 and all('  %s ' % v in out.stdout for v in VERBS)
    for verb in VERBS:
        out = run(verb, '--help')
        assert out.returncode == 0 and out.stdout.startswith('attestmesh %s ' % verb)


def test_wrong_usage_exits_with_two_and_one_line():
    for words in ((), ('nope',), ('show', '--nope'), ('show', '-i'), ('show', '-i', ''),
                  ('show', '-i', 'x' * 16), ('watch', '-n', '0'), ('watch', '-n', 'x'),
                  ('watch', '-n', '1000000001'), ('watch', '-n', '-1'), ('health', '--socket')):
        out = run(*words)
        assert out.returncode == 2 and not out.stdout, words
        assert not words or out.stderr.count('\n') == 1 and '--help' in out.stderr, words


def test_a_missing_module_is_named():
    if has_module():
        return
    for verb in ('show', 'peers', 'matrix', 'watch'):
        out = run(verb)
        assert out.returncode == 1 and 'attestmesh.ko' in out.stderr, verb
        assert out.stderr.count('\n') == 1


def test_a_missing_agent_is_named():
    with tempfile.TemporaryDirectory() as d:
        for env in ({'AGENT_GRPC_SOCKET': d + '/no.sock'}, {}):
            out = run('health', *(['--socket', d + '/no.sock'] if not env else []), **env)
            assert out.returncode == 1 and d + '/no.sock' in out.stderr
            assert 'AGENT_GRPC_SOCKET' in out.stderr and not out.stdout
        out = run('health', '--socket', '/' + 'x' * 200)
        assert out.returncode == 1 and '--socket' in out.stderr


def test_an_agent_that_hangs_is_given_up():
    with tempfile.TemporaryDirectory() as d:
        s = socket.socket(socket.AF_UNIX)
        s.bind(d + '/agent.sock')
        s.listen()
        out = run('health', '--socket', d + '/agent.sock')
        assert out.returncode == 1 and 'does not answer' in out.stderr
        s.close()


def test_doctor_names_what_is_missing():
    with tempfile.TemporaryDirectory() as d:
        args = ('--runtime-dir', d, '--socket', d + '/agent.sock')
        out = run('doctor', '--json', *args)
        checks = {c['check']: c for c in json.loads(out.stdout)}
        assert out.returncode == 1
        assert set(checks) == {'module', 'wireguard', 'rights', 'ipv6', 'dstack', 'bridge',
                               'agent', 'interface'}
        for name in ('bridge', 'agent'):
            assert checks[name]['verdict'] == 'missing' and checks[name]['remedy']
        assert all(c['remedy'] is None for c in checks.values() if c['verdict'] == 'ok')
        rows = run('doctor', '--tab', *args).stdout.strip().split('\n')
        assert len(rows) == len(checks) and all(len(r.split('\t')) == 4 for r in rows)
        # Something that listens there changes the verdict.
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.bind(d + '/bridge-attestmesh0.sock')
        s.listen()
        out = run('doctor', '--json', *args)
        assert {c['check']: c for c in json.loads(out.stdout)}['bridge']['verdict'] == 'ok'
        s.close()


def test_down_refuses_while_an_agent_runs():
    with tempfile.TemporaryDirectory() as d:
        with open(d + '/agent-attestmesh0.lock', 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            out = run('down', '--runtime-dir', d, '-i', 'attestmesh0')
            assert out.returncode == 1 and 'an agent runs' in out.stderr and not out.stdout
            # Another interface is another node.
            out = run('down', '--json', '-i', 'attestmesh7', RUNTIME_DIR=d)
            assert out.returncode == 0, out
            assert json.loads(out.stdout) == {'mesh': 'absent', 'links': 'absent',
                                              'interface': 'absent'}
        out = run('down', '--tab', '-i', 'attestmesh7', '--runtime-dir', d)
        assert out.stdout == 'absent\tabsent\tabsent\n'


def test_down_leaves_a_foreign_interface():
    with tempfile.TemporaryDirectory() as d:
        out = run('down', '--json', '-i', 'lo', '--runtime-dir', d)
        assert out.returncode == 1 and 'no WireGuard' in out.stderr
        assert json.loads(out.stdout)['interface'] != 'deleted'
        assert os.path.exists('/sys/class/net/lo')


def main():
    tests = [(n, f) for n, f in globals().items() if n.startswith('test_')]
    failed = 0
    print('1..%d' % len(tests))
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print('ok %d - %s' % (number, name[5:]))
        except Exception as e:
            failed += 1
            print('not ok %d - %s' % (number, name[5:]))
            print('# %s %s' % (type(e).__name__, str(e).replace('\n', ' ')[:600]))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())

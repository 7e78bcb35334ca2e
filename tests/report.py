#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The deep run's report: {"suites": [{suite, kernel, result, seconds, detail,
target, commit, inputs}]}, one or more rows a make target, written anew after
every target so that an interrupted run leaves what it found. A target may name
its rows itself in rows/TARGET.json beside the report. It runs nothing.

  report.py inputs PATH...                    hash of the files under the paths
  report.py has REPORT TARGET INPUTS          status 0: it passed with these inputs
  report.py add REPORT TARGET INPUTS STATUS SECONDS LOG
  report.py show REPORT TARGET...             a line for each row
  report.py run ROWS SUITE KERNEL COMMAND...  runs it and adds its row to ROWS, the
                                              target's own; status 77 is `skipped`
  report.py total ROWS                        one line with the sum of their counts
"""
import contextlib
import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import time

COUNTS = re.compile(r'\d+ passed, \d+ failed.*')
RESULTS = ('pass', 'fail', 'skipped')
FIELDS = {'suite': str, 'kernel': str, 'result': str, 'seconds': int, 'detail': str}


def git(*args):
    return subprocess.run(('git',) + args, stdout=subprocess.PIPE, check=True).stdout


def inputs(paths):
    """Of names, modes and contents, whether committed or not."""
    total = hashlib.sha256()
    for name in sorted(set(git('ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', *paths).split(b'\0'))):
        if name and os.path.lexists(name):
            text = os.readlink(name) if os.path.islink(name) else open(name, 'rb').read()
            total.update(b'%s\0%o\0%s' % (name, os.lstat(name).st_mode & 0o111, hashlib.sha256(text).digest()))
    return total.hexdigest()[:16]


def load(path):
    try:
        with open(path) as f:
            return json.load(f)['suites']
    except FileNotFoundError:
        return []


@contextlib.contextmanager
def rewriting(path):
    """Rows to change in place; two targets that end at once do not lose any."""
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with open(path + '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = load(path)
        yield rows
        with open(path + '.tmp', 'w') as f:
            json.dump({'suites': rows}, f, indent=2)
            f.write('\n')
        os.replace(path + '.tmp', path)


def own_rows(path):
    """What the target says of itself; a row that is not as it has to be is an error."""
    try:
        with open(path) as f:
            rows = json.load(f)
    except FileNotFoundError:
        return []
    for row in rows:
        for name, kind in FIELDS.items():
            if not isinstance(row.get(name), kind):
                raise SystemExit('%s: %s is missing or no %s' % (path, name, kind.__name__))
        if row['result'] not in RESULTS:
            raise SystemExit('%s: result %s' % (path, row['result']))
    return rows


def add(report, target, inputs_hash, status, seconds, log):
    with open(log, errors='replace') as f:
        counts = COUNTS.findall(f.read())
    rows = own_rows(os.path.join(os.path.dirname(report), 'rows', target + '.json'))
    failed = status != 0 and all(r['result'] != 'fail' for r in rows)
    if failed or not rows:
        rows.append({'suite': target, 'kernel': 'userspace', 'result': 'fail' if status else 'pass',
                     'seconds': seconds, 'detail': counts[-1] if counts else 'status %d' % status})
    more = {'target': target, 'commit': git('rev-parse', '--short=12', 'HEAD').decode().strip(), 'inputs': inputs_hash}
    with rewriting(report) as all_rows:
        all_rows[:] = [r for r in all_rows if r['target'] != target] + [dict(r, **more) for r in rows]
    # A target whose own row failed has failed, whatever its status said.
    return any(r['result'] == 'fail' for r in rows)


def has(report, target, inputs_hash):
    rows = [r for r in load(report) if r['target'] == target]
    return bool(rows) and all(r['result'] != 'fail' and r['inputs'] == inputs_hash for r in rows)


def show(report, targets):
    rows = load(report)
    for target in targets:
        for r in (r for r in rows if r['target'] == target):
            print('%-7s %6d s  %-34s %-22s %s' % (r['result'], r['seconds'], r['suite'], r['kernel'], r['detail']))


def run(path, suite, kernel, command):
    t0, last = time.monotonic(), ''
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors='replace', bufsize=1) as p:
        for line in p.stdout:
            print(line, end='', flush=True)
            found = COUNTS.search(line)
            last = found.group().strip() if found else last
    rows = own_rows(path)
    rows.append({'suite': suite, 'kernel': kernel, 'seconds': round(time.monotonic() - t0),
                 'result': {0: 'pass', 77: 'skipped'}.get(p.returncode, 'fail'), 'detail': last or 'status %d' % p.returncode})
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with open(path + '.tmp', 'w') as f:
        json.dump(rows, f, indent=2)
    os.replace(path + '.tmp', path)
    return 0 if rows[-1]['result'] != 'fail' else p.returncode


def total(path):
    """Rows that counted; one that died before its closing line counts as failed."""
    passed = failed = 0
    for row in own_rows(path):
        counts = [int(n) for n in re.findall(r'(\d+) (?:passed|failed)', row['detail'])[:2]]
        passed, failed = (a + b for a, b in zip((passed, failed), counts if len(counts) == 2 else (0, 1)))
    print('%d passed, %d failed' % (passed, failed))


def main():
    verb, args = (sys.argv[1:2] or [''])[0], sys.argv[2:]
    if verb == 'inputs' and args:
        print(inputs(args))
    elif verb == 'has' and len(args) == 3:
        sys.exit(0 if has(*args) else 1)
    elif verb == 'add' and len(args) == 6:
        sys.exit(1 if add(args[0], args[1], args[2], int(args[3]), int(args[4]), args[5]) else 0)
    elif verb == 'run' and len(args) >= 4:
        sys.exit(run(args[0], args[1], args[2], args[3:]))
    elif verb == 'total' and len(args) == 1:
        total(args[0])
    elif verb == 'show' and args:
        show(args[0], args[1:])
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main()

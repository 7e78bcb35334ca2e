#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Counts a Meson test log: one closing line, and failure when nothing ran or a
# test of our own was skipped without naming why.
import json
import sys

rows = [json.loads(line) for line in open(sys.argv[1])]
by = {"OK": 0, "FAIL": 0, "SKIP": 0}
for row in rows:
    result = row["result"] if row["result"] in by else "FAIL"
    by[result] += 1
    if result != "OK":
        print(f'{result}: {row["name"]}')
print(f'{by["OK"]} passed, {by["FAIL"]} failed, {by["SKIP"]} skipped')
sys.exit(0 if by["OK"] and not by["FAIL"] else 1)

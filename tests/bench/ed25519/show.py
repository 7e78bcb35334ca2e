#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Prints build/bench/ed25519.json as a table.
import json
import sys

bench = json.load(open(sys.argv[1]))
print(f'{bench["cpu"]}; has_ifma: {bench["has_ifma"]}; libsodium {bench["libsodium"]}, OpenSSL {bench["openssl"]}')
print(f'{"implementation":<12}{"field":<15}{"keys":>6}{"table":>8}{"verify/CPU-s":>14}{"x libsodium":>13}{"x OpenSSL":>11}')
for r in bench["results"]:
    print(f'{r["impl"]:<12}{r["field"]:<15}{r["keys"]:>6}{r["table_bytes"]:>8}'
          f'{r["verifies_per_cpu_s"]:>14,}{r["ratio_libsodium"]:>13.2f}{r["ratio_openssl"]:>11.2f}')
if not bench["has_ifma"]:
    print("ifma: skipped (this processor has no AVX-512 IFMA)")
for s in bench["fpu_sections"]:
    print(f'longest FPU section of {s["signatures"]} signatures, {s["table_bytes"]:>6} bytes a key: '
          f'{s["longest_us_median"]:6.1f} us (p99 {s["longest_us_p99"]:.1f})')

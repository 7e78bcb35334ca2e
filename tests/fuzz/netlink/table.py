#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the netlink family's YAML spec as the C tables the fuzzer works from:
attribute sets with types and bounds, commands with what they take. Names, not
numbers, so that the uapi header has to agree.   table.py SPEC >table.h"""
import sys
import yaml

spec = yaml.safe_load(open(sys.argv[1]))
consts = {d["name"]: d["value"] for d in spec["definitions"] if d["type"] == "const"}
sets = {s["name"]: s for s in spec["attribute-sets"]}
ops = [o for o in spec["operations"]["list"] if "do" in o or "dump" in o]
KIND = {"u8": "U8", "u16": "U16", "u32": "U32", "u64": "U64", "binary": "BINARY",
        "string": "STRING", "flag": "FLAG", "nest": "NEST", "pad": "PAD"}
LIMIT = {"u8": 2**8 - 1, "u16": 2**16 - 1, "u32": 2**32 - 1, "u64": 2**64 - 1}


def number(value):
    return consts.get(value, value)


def c_name(text):
    return text.upper().replace("-", "_")


def prefix(name):
    s = sets[name]
    return (sets[s["subset-of"]] if "subset-of" in s else s)["name-prefix"]


def attribute(name, attr):
    parent = sets[name].get("subset-of")
    if parent:
        attr = next(a for a in sets[parent]["attributes"] if a["name"] == attr["name"])
    checks = attr.get("checks", {})
    kind = attr["type"]
    nest = attr.get("nested-attributes")
    return '\t{ "%s", %s, K_%s, %sULL, %sULL, %s, %s },' % (
        attr["name"], c_name(prefix(name) + attr["name"]), KIND[kind],
        number(checks.get("min", 0)), number(checks.get("max", LIMIT.get(kind, 0))),
        number(checks.get("exact-len", -1)),
        list(sets).index(nest) if nest else -1)


print("/* Made by table.py. */")
for name, s in sets.items():
    print("static const struct spec_attr attrs_%s[] = {" % name.replace("-", "_"))
    for a in s["attributes"]:
        print(attribute(name, a))
    print("};\n")
print("const struct spec_set spec_sets[] = {")
for name, s in sets.items():
    ident = name.replace("-", "_")
    print('\t{ "%s", attrs_%s, %d },' % (name, ident, len(s["attributes"])))
print("};\n")
for o in ops:
    ident = o["name"].replace("-", "_")
    for what in ("request", "reply"):
        names = o["do"].get(what, {}).get("attributes", [])
        print("static const int %s_%s[] = { %s-1 };" % (ident, what, "".join(
            c_name(prefix(o["attribute-set"]) + n) + ", " for n in names)))
print("\nconst struct spec_op spec_ops[] = {")
for o in ops:
    ident = o["name"].replace("-", "_")
    print('\t{ "%s", %s, %d, %s_request, %s_reply, %d, %d },' % (
        o["name"], c_name("attestmesh-cmd-" + o["name"]),
        list(sets).index(o["attribute-set"]), ident, ident,
        "dump" in o, "uns-admin-perm" in o.get("flags", [])))
print("};\nconst int spec_op_count = %d;" % len(ops))

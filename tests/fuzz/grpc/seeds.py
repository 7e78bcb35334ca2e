#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes a few proper conversations for the fuzzers to start from:
# seeds.py DIRECTORY makes DIRECTORY/{server,client,text,planted}/*.
import os
import sys


def frame(kind, flags, stream, payload=b""):
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags]) +
            stream.to_bytes(4, "big") + payload)


def block(*fields):
    out = b""
    for name, value in fields:
        out += b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
    return out


def message(payload):
    return b"\0" + len(payload).to_bytes(4, "big") + payload


def call(stream, path, payload, *more, end=1):
    head = block((b":method", b"POST"), (b":scheme", b"http"), (b":path", path),
                 (b":authority", b"t"), (b"content-type", b"application/grpc"), *more)
    return frame(1, 4, stream, head) + frame(0, end, stream, message(payload))


REFLECT = b"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
SERVER = [
    call(1, b"/t.Test/Echo", b"\x12\x02ok"),
    call(1, b"/t.Test/Stream", b"\x08\x20\x10\x80\x08") + frame(8, 0, 0, b"\0\1\0\0"),
    call(1, b"/t.Test/Hold", b"", (b"grpc-timeout", b"1m")) + frame(3, 0, 1, b"\0\0\0\x08"),
    call(1, b"/t.Test/Chat", b"\x12\x01a", end=0) + frame(0, 1, 1, message(b"\x12\x01b")),
    call(1, b"/grpc.health.v1.Health/Watch", b"\x0a\x06t.Test"),
    call(1, REFLECT, b"\x3a\x01*", end=0) +
    frame(0, 1, 1, message(b"\x22\x19attestmesh.agent.v1.Agent")),
    frame(4, 0, 0, b"\0\4\0\0\0\x10") + frame(6, 0, 0, b"12345678") +
    call(1, b"/t.Test/Echo", b"") + call(3, b"/t.Test/Nothing", b""),
]
OK = block((b":status", b"200"), (b"content-type", b"application/grpc"))
CLIENT = [
    frame(4, 0, 0) + frame(1, 4, 1, OK) +
    frame(0, 0, 1, message(b"\x0a\x05\x0a\x01x\x10\x07")) +
    frame(1, 5, 1, block((b"grpc-status", b"0"))),
    frame(4, 0, 0) + frame(1, 5, 1, OK + block((b"grpc-status", b"7"),
                                               (b"grpc-message", b"no%20"))),
    frame(4, 0, 0) + frame(3, 0, 1, b"\0\0\0\x07"),
    frame(4, 0, 0) + frame(7, 0, 0, b"\0\0\0\0\0\0\0\0"),
]
TEXT = [
    b"GET /attestation?nonce=0102&x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    message(b"abc") + message(b"") + message(b"z"), b"100m", b"a%20b%zz",
    b"\x08\x01\x12\x01a\x1d1234\x2112345678",
]


def main():
    for name, seeds in (("server", [b"\x0f" + s for s in SERVER]), ("client", CLIENT),
                        ("text", TEXT), ("planted", [b"\x0f" + SERVER[0]])):
        directory = os.path.join(sys.argv[1], name)
        os.makedirs(directory, exist_ok=True)
        for number, seed in enumerate(seeds):
            with open(os.path.join(directory, "seed-%02d" % number), "wb") as out:
                out.write(seed)


main()

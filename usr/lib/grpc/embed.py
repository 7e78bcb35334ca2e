#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Runs protoc over the proto files and writes their descriptor set as a C
# source, for the reflection service to serve. Build time only.
import os
import subprocess
import sys
import tempfile


def main():
    protoc, proto_dir, output, *protos = sys.argv[1:]
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "set")
        subprocess.run([protoc, "-I", proto_dir, "--include_imports",
                        "--descriptor_set_out=" + path, *protos], check=True)
        with open(path, "rb") as file:
            data = file.read()
    with open(output, "w", encoding="ascii") as out:
        out.write('#include "grpc/descriptor.h"\n')
        out.write("const size_t grpc_descriptor_set_len = %d;\n" % len(data))
        out.write("const uint8_t grpc_descriptor_set[] = {\n")
        for at in range(0, len(data), 16):
            out.write("".join("%d," % byte for byte in data[at:at + 16]) + "\n")
        out.write("};\n")


main()

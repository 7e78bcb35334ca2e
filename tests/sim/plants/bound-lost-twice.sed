# SPDX-License-Identifier: Apache-2.0
# live.c: a stall is counted again when the timer is armed anew
s/amesh_max_u64(due_ns, live->resumed_ns)/due_ns/

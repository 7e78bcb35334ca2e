# SPDX-License-Identifier: Apache-2.0
# live.c: what a stall took before a beat is taken out after it too
s/return live->lost_ns + (at_ns - live->send_due_ns);/return live->lost_ns;/

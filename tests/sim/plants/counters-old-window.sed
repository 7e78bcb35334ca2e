# SPDX-License-Identifier: GPL-2.0-only
# evidence.c: a window from before the last beat counts
s/at_ns <= x->seen_ns/at_ns == 0/

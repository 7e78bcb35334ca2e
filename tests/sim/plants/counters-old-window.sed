# SPDX-License-Identifier: GPL-2.0-only
# evidence.c: a window from before the last beat counts
s/if (at_ns > s->last_ns)/if (at_ns)/

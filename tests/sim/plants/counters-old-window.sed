# SPDX-License-Identifier: Apache-2.0
# evidence.c: a window from before the last beat counts
s/if (at_ns > s->last_ns)/if (at_ns)/

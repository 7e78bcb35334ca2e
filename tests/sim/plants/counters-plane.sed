# SPDX-License-Identifier: GPL-2.0-only
# evidence.c: a carry is lost
s/mask = carry)/mask = 0 * carry)/

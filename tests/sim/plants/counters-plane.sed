# SPDX-License-Identifier: Apache-2.0
# evidence.c: a carry is lost
s/mask = carry)/mask = 0 * carry)/

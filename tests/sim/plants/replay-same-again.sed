# SPDX-License-Identifier: GPL-2.0-only
# replay.c: the same number is newer than itself
s/return sequence > replay->sequence;/return sequence >= replay->sequence;/

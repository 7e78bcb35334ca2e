# SPDX-License-Identifier: Apache-2.0
# replay.c: the same number is newer than itself
s/return sequence > replay->sequence;/return sequence >= replay->sequence;/

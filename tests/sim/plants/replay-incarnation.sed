# SPDX-License-Identifier: GPL-2.0-only
# replay.c: an older incarnation is accepted
s/return incarnation > replay->incarnation;/return true;/

# SPDX-License-Identifier: Apache-2.0
# replay.c: an older incarnation is accepted
s/return incarnation > replay->incarnation;/return true;/

# SPDX-License-Identifier: GPL-2.0-only
# own.c: the incarnation rises to the floor, not past it
s/own->incarnation = trailer->floor_incarnation + 1;/own->incarnation = trailer->floor_incarnation;/

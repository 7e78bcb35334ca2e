# SPDX-License-Identifier: Apache-2.0
# own.c: the incarnation rises to the floor, not past it
s/own->incarnation = trailer->floor_incarnation + 1;/own->incarnation = trailer->floor_incarnation;/

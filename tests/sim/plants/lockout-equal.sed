# SPDX-License-Identifier: GPL-2.0-only
# own.c: an equal incarnation is taken for an own one
s/return trailer->floor_sequence <= own->sequence;/return true;/

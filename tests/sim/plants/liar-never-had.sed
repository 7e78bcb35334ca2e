# SPDX-License-Identifier: GPL-2.0-only
# evidence.c: who never heard it counts as lacking it
s/amesh_word(observer->row.had, word) & suspects/suspects/

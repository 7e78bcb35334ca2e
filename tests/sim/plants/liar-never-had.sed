# SPDX-License-Identifier: Apache-2.0
# evidence.c: who never heard it counts as lacking it
s/known = amesh_word(observer->row.had, word) &/known =/

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scalars modulo the group order L, and their recoding into digits that are
 * all +1 or -1, which is what combs evaluate. Constant time throughout, because
 * signing uses the same code.
 */
#ifndef ATTESTMESH_ED25519_SC_H
#define ATTESTMESH_ED25519_SC_H

#include "port.h"

struct sc {
	u64 w[4]; /* least significant first */
};

/* The bits of a recoded scalar: 270 at most, padded for reading past the end. */
struct sc_bits {
	u64 w[6];
};

void sc_from_bytes(struct sc *r, const u8 s[32]);
void sc_to_bytes(u8 s[32], const struct sc *a);

/* True if @a is below L. */
bool sc_is_reduced(const struct sc *a);

/* 512 bits, least significant word first, modulo L. */
void sc_reduce(struct sc *r, const u64 x[8]);

/* r = a * b + c modulo L, for any 256-bit a, b and c. */
void sc_muladd(struct sc *r, const struct sc *a, const struct sc *b,
	       const struct sc *c);

/**
 * sc_recode - write a scalar as a sum of n signed bits
 * @u: bits out
 * @k: scalar below L
 * @n: number of digits, 253..320
 *
 * Of k and L - k one is odd; call it k'. Every odd number below 2^n is
 * sum (2 u_i - 1) 2^i for exactly one n-bit u, namely (k' - 1) / 2 + 2^(n-1).
 *
 * Return: 1 if k' is L - k, so that the caller negates the resulting point.
 * That is the same as [k]P only if [L]P = O.
 */
u64 sc_recode(struct sc_bits *u, const struct sc *k, int n);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Evaluation of a pair of combs over the names of a field, as in ge_law.h,
 * with LAW(row) to take an entry into it. Included by comb.c and eval_adx.c.
 */

static noinline void LAW(add_digit)(LAW_POINT *r,
					   const struct ge_entry *table,
					   u16 digit, bool need_t)
{
	const struct ge_entry *e = table + (digit & COMB_INDEX);
	bool neg = digit & COMB_NEGATIVE;
	LAW_ELEM plus, minus, dxy;

	/* -(x, y) = (-x, y) swaps the first two and negates the third */
	LAW(row)(&plus, neg ? e->minus : e->plus);
	LAW(row)(&minus, neg ? e->plus : e->minus);
	LAW(row)(&dxy, e->dxy);
	LAW(madd)(r, r, &plus, &minus, &dxy, neg, need_t);
}

/* The first summand needs no addition: x and y are a difference and a sum. */
static __always_inline void LAW(start)(LAW_POINT *r,
				       const struct ge_entry *table, u16 digit)
{
	const struct ge_entry *e = table + (digit & COMB_INDEX);
	bool neg = digit & COMB_NEGATIVE;
	LAW_ELEM plus, minus, one;

	LAW(row)(&plus, neg ? e->minus : e->plus);
	LAW(row)(&minus, neg ? e->plus : e->minus);
	LAW_FE(set)(&one, 1);
	LAW_FE(sub)(&r->T, &plus, &minus);
	LAW_FE(mul)(&r->X, &r->T, &one);
	LAW_FE(add)(&r->T, &plus, &minus);
	LAW_FE(mul)(&r->Y, &r->T, &one);
	r->Z = one;
	LAW_FE(mul)(&r->T, &r->X, &r->Y);
}

static __always_inline void LAW(prefetch_row)(const struct ge_entry *table,
					      u16 digit)
{
	const u8 *row = (const u8 *)(table + (digit & COMB_INDEX));

	__builtin_prefetch(row);
	__builtin_prefetch(row + 64);
}

/* Column @c of @next; its key may have another number of combs and columns. */
static __always_inline void LAW(prefetch)(const struct comb_pair *next, int c,
					  int na, int nb)
{
	int i;

	if (!next)
		return;
	for (i = c * na; i < (c + 1) * na; i++)
		if (i < next->shape->combs * next->shape->spacing)
			LAW(prefetch_row)(next->table, next->a.d[i]);
	for (i = c * nb; i < (c + 1) * nb; i++)
		if (i < nb * comb_base_verify.spacing)
			LAW(prefetch_row)(next->base, next->b.d[i]);
}

/* One column of one table; the last addition leaves T out if a doubling follows */
static __always_inline void LAW(column)(LAW_POINT *r, const u16 *d, int combs,
					const struct ge_entry *table,
					int first, bool last_needs_t)
{
	int i;

	for (i = first; i < combs; i++)
		LAW(add_digit)(r, table, d[i], i + 1 < combs || last_needs_t);
}

static void LAW(evaluate_pair)(LAW_POINT *r, const struct comb_pair *p,
			       const struct comb_pair *next)
{
	int na = p->shape->combs, nb = comb_base_verify.combs;
	int top = p->shape->spacing - 1, c;
	bool with_base;

	LAW(start)(r, p->table, p->a.d[top * na]);
	for (c = top; c >= 0; c--) {
		with_base = c < comb_base_verify.spacing;
		if (c != top)
			LAW(dbl)(r, r, true);
		LAW(prefetch)(next, c, na, nb);
		LAW(column)(r, p->a.d + c * na, na, p->table, c == top,
			    with_base);
		if (with_base)
			LAW(column)(r, p->b.d + c * nb, nb, p->base, 0, false);
	}
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two hot operations of the curve, doubling and mixed addition, written
 * once over the names of a field: LAW_ELEM and LAW_POINT are its types,
 * LAW_FE(op) its operations, LAW(name) what is defined. Included by ge.h for
 * the portable field and by eval_adx.c for the other; hence no include guard.
 */

/*
 * r = 2p. Every intermediate is the negative of the textbook's, twice in each
 * product. @need_t: false if what follows does not read T. p.T is not read.
 */
static __always_inline void LAW(dbl)(LAW_POINT *r, const LAW_POINT *p,
				     bool need_t)
{
	LAW_ELEM a, b, c, e, f, g, h;

	LAW_FE(sqr)(&a, &p->X);
	LAW_FE(sqr)(&b, &p->Y);
	LAW_FE(sqr)(&c, &p->Z);
	LAW_FE(add)(&c, &c, &c);
	LAW_FE(add)(&e, &p->X, &p->Y);
	LAW_FE(sqr)(&e, &e);
	LAW_FE(add)(&h, &a, &b);
	LAW_FE(sub)(&e, &h, &e);
	LAW_FE(sub)(&g, &a, &b);
	LAW_FE(add)(&f, &c, &g);
	LAW_FE(mul)(&r->X, &e, &f);
	LAW_FE(mul)(&r->Y, &g, &h);
	LAW_FE(mul)(&r->Z, &f, &g);
	if (need_t)
		LAW_FE(mul)(&r->T, &e, &h);
}

/*
 * r = p + (plus, minus, dxy), the parts of an entry; seven products with T.
 * @swap: take -dxy instead, by exchanging the two elements it leads to. The
 * address depends on it: public data only, or a constant.
 */
static __always_inline void LAW(madd)(LAW_POINT *r, const LAW_POINT *p,
				      const LAW_ELEM *plus,
				      const LAW_ELEM *minus,
				      const LAW_ELEM *dxy, bool swap,
				      bool need_t)
{
	LAW_ELEM a, b, c, e, h, fg[2];
	const LAW_ELEM *f = &fg[0], *g = &fg[1];

	LAW_FE(sub)(&a, &p->Y, &p->X);
	LAW_FE(mul)(&a, &a, minus);
	LAW_FE(add)(&b, &p->Y, &p->X);
	LAW_FE(mul)(&b, &b, plus);
	LAW_FE(mul)(&c, &p->T, dxy);
	LAW_FE(sub)(&e, &b, &a);
	LAW_FE(add)(&h, &b, &a);
	LAW_FE(sub)(&fg[swap], &p->Z, &c);
	LAW_FE(add)(&fg[!swap], &p->Z, &c);
	LAW_FE(mul)(&r->X, &e, f);
	LAW_FE(mul)(&r->Y, g, &h);
	LAW_FE(mul)(&r->Z, f, g);
	if (need_t)
		LAW_FE(mul)(&r->T, &e, &h);
}

// SPDX-License-Identifier: Apache-2.0
/* Exponential backoff, half of it random. */
#include "backoff.h"

#include "secret.h"

void backoff_init(struct backoff *b, unsigned int first_ms, unsigned int max_ms)
{
	*b = (struct backoff){ .first_ms = first_ms, .max_ms = max_ms };
}

void backoff_reset(struct backoff *b)
{
	b->step_ms = 0;
}

unsigned int backoff_next(struct backoff *b, uint32_t random)
{
	unsigned int half;

	if (!b->step_ms)
		b->step_ms = b->first_ms;
	else if (b->step_ms > b->max_ms / 2)
		b->step_ms = b->max_ms;
	else
		b->step_ms *= 2;
	half = b->step_ms / 2;
	return half + random % (b->step_ms - half + 1);
}

unsigned int backoff_delay_ms(struct backoff *b)
{
	uint32_t random;

	secret_random(&random, sizeof(random));
	return backoff_next(b, random);
}

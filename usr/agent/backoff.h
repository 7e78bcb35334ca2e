/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exponential backoff with jitter, as a number: it has no clock and no timer.
 * Half of each delay is random so that nodes that failed together do not
 * return together.
 */
#ifndef AGENT_BACKOFF_H
#define AGENT_BACKOFF_H

#include <stdint.h>

struct backoff {
	unsigned int first_ms, max_ms;
	unsigned int step_ms;   /* 0: at rest */
};

void backoff_init(struct backoff *b, unsigned int first_ms, unsigned int max_ms);
/* It worked: begin anew next time. */
void backoff_reset(struct backoff *b);
/* The delay before the next try: step/2 .. step, step doubling to max_ms.
 * random: any 32 bits. */
unsigned int backoff_next(struct backoff *b, uint32_t random);
/* The same with random bits from the kernel. */
unsigned int backoff_delay_ms(struct backoff *b);

#endif

// SPDX-License-Identifier: Apache-2.0
/* Phase from facts, and the log of first entries. */
#include "phase.h"

enum phase phase_of(const struct phase_facts *f, enum phase before)
{
	if (!f->identified)
		return PHASE_BOOTING;
	if (!f->registered)
		return PHASE_REGISTERING;
	if (before == PHASE_HEALTHY && f->csk_acquired && f->first_converged)
		return PHASE_HEALTHY;
	if (!f->subscribed)
		return PHASE_SUBSCRIBING;
	if (f->alone)
		return PHASE_WAITING_PEERS;
	if (!f->mesh_up)
		return PHASE_WG_CONFIGURING;
	if (!f->csk_acquired)
		return PHASE_PULLING_CSK;
	return f->first_converged ? PHASE_HEALTHY : PHASE_HEARTBEATING;
}

void phase_log_init(struct phase_log *log, int64_t now_ms)
{
	*log = (struct phase_log){ .now = PHASE_BOOTING, .started_ms = now_ms };
	for (int i = 0; i < PHASES; i++)
		log->entered_ms[i] = -1;
	log->entered_ms[PHASE_BOOTING] = now_ms;
}

bool phase_log_enter(struct phase_log *log, enum phase phase, int64_t now_ms)
{
	bool changed = phase != log->now;

	log->now = phase;
	for (int i = 0; i <= (int)phase; i++)
		if (log->entered_ms[i] < 0)
			log->entered_ms[i] = now_ms;
	return changed;
}

double phase_log_seconds(const struct phase_log *log, enum phase phase)
{
	if (log->entered_ms[phase] < 0)
		return -1;
	return (double)(log->entered_ms[phase] - log->started_ms) / 1000;
}

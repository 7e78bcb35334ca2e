// SPDX-License-Identifier: GPL-2.0-only
/*
 * States, deadlines, self-doubt and verdicts. See live.h for who calls what
 * when.
 *
 * How a stall is treated. The design asks that lost time be added once to
 * every deadline, that convictions wait one suspicion window, and that they
 * be postponed by at most convict x interval in total. All of that is
 * measured here in the time in which this node ran: the silence of a peer is
 * the time since its last beat less the time this node stood still since
 * then. A suspect is held back for a suspicion window after the stall, but
 * not once its silence, so measured, has reached the conviction bound plus
 * convict intervals: a node that stalls again and again still convicts. (Were
 * lost time capped in wall time instead, a node that was paused for a minute
 * would convict every peer in the moment it wakes.)
 */
#include "live.h"

#include "converge.h"
#include "evidence.h"
#include "live_priv.h"

void amesh_live_set_state(struct amesh_live *live,
			  struct amesh_live_peer *peer, enum amesh_state state,
			  enum amesh_reason reason, u64 now_ns)
{
	enum amesh_state old = (enum amesh_state)peer->state;

	live->state_count[old]--;
	live->state_count[state]++;
	peer->state = (u8)state;
	peer->reason = (u8)reason;
	peer->changed_ns = now_ns;
	amesh_view_set(&live->view, peer->index, amesh_state_is_live(state),
		       state == AMESH_STATE_UP);
	if (amesh_state_is_live(old) != amesh_state_is_live(state))
		live->agree_stale = true;
	amesh_live_compare(live, peer);
	live->changed(live, peer, old);
}

/* What lost_ns is or will be of the time up to @at_ns. A beat that arrived
 * during a stall may be worked on before or after the stall is noticed; either
 * way only what the stall took after the beat is taken out of the silence
 * that follows. Lateness that turns out to be no stall makes this too large
 * by less than a stall, which silence_ns() takes for nothing lost.
 */
static u64 lost_at(const struct amesh_live *live, u64 at_ns)
{
	if (at_ns < live->resumed_ns)
		return live->lost_ns - amesh_min_u64(live->last_lost_ns,
						     live->resumed_ns - at_ns);
	if (at_ns > live->send_due_ns)
		return live->lost_ns + (at_ns - live->send_due_ns);
	return live->lost_ns;
}

/* Time since the peer's last beat in which this node ran. */
static u64 silence_ns(const struct amesh_live *live,
		      const struct amesh_live_peer *peer, u64 now_ns)
{
	u64 silent, lost = 0;

	if (now_ns <= peer->seen_ns)
		return 0; /* arrived while the queue was drained */
	silent = now_ns - peer->seen_ns;
	if (live->lost_ns > peer->seen_lost_ns)
		lost = live->lost_ns - peer->seen_lost_ns;
	return silent - amesh_min_u64(lost, silent);
}

static u32 bounded_interval_ms(u32 interval_ms)
{
	if (interval_ms < AMESH_INTERVAL_MS_MIN)
		return AMESH_INTERVAL_MS_MIN;
	if (interval_ms > AMESH_INTERVAL_MS_MAX)
		return AMESH_INTERVAL_MS_MAX;
	return interval_ms;
}

static void note_beat(struct amesh_live *live, struct amesh_live_peer *peer,
		      const struct amesh_beat *beat, u64 at_ns)
{
	if (!peer->heard || beat->incarnation != peer->incarnation)
		amesh_row_clear(&peer->row);
	if (!peer->heard || at_ns > peer->seen_ns) {
		peer->seen_ns = at_ns;
		peer->seen_lost_ns = lost_at(live, at_ns);
	}
	peer->heard = true;
	peer->incarnation = beat->incarnation;
	peer->interval_ms = bounded_interval_ms(beat->interval_ms);
	peer->beat_live = beat->live;
	peer->beat_known = beat->known;
	peer->flags = beat->flags;
	peer->version_max = beat->version_max;
	memcpy(peer->digest, beat->digest, AMESH_DIGEST_LEN);
}

bool amesh_live_accept(struct amesh_live *live, struct amesh_live_peer *peer,
		       const struct amesh_beat *beat, u64 at_ns)
{
	u32 before_ms = peer->interval_ms;

	if (peer->state == AMESH_STATE_UNKNOWN)
		return false; /* the key went away after the verdict */
	note_beat(live, peer, beat, at_ns);
	if (beat->flags & AMESH_FLAG_LEAVING) {
		if (peer->state != AMESH_STATE_DOWN)
			amesh_live_set_state(live, peer, AMESH_STATE_DOWN,
					     AMESH_REASON_LEAVING, at_ns);
		peer->reason = AMESH_REASON_LEAVING;
		return false;
	}
	amesh_live_seat(live, peer);
	amesh_row_receive(&peer->row, beat->window_base, beat->window, at_ns,
			  !(beat->flags & AMESH_FLAG_SELF_DOUBT),
			  live->view.used);
	if (peer->state == AMESH_STATE_UP) {
		amesh_live_compare(live, peer);
		return peer->interval_ms < before_ms;
	}
	amesh_live_set_state(live, peer, AMESH_STATE_UP, AMESH_REASON_BEAT,
			     at_ns);
	return true;
}

u64 amesh_live_check(struct amesh_live *live, struct amesh_live_peer *peer,
		     u64 now_ns)
{
	u64 window_ns = amesh_live_suspicion_ns(live, peer->interval_ms);
	u64 silent_ns;

	if (peer->state != AMESH_STATE_UP)
		return AMESH_LIVE_NEVER;
	silent_ns = silence_ns(live, peer, now_ns);
	if (silent_ns < window_ns)
		return now_ns + (window_ns - silent_ns);
	amesh_live_set_state(live, peer, AMESH_STATE_SUSPECT,
			     AMESH_REASON_SILENCE, now_ns);
	return AMESH_LIVE_NEVER;
}

/* Is a verdict on this suspect put off because this node stalled? Never for
 * a peer heard since, nor past the postponement it is entitled to.
 */
static bool is_held(const struct amesh_live *live,
		    const struct amesh_live_peer *peer, u64 silent_ns,
		    u64 now_ns)
{
	u64 most_ns = (u64)live->config.convict * peer->interval_ms *
		      AMESH_NS_PER_MS;

	if (peer->seen_ns >= live->resumed_ns || now_ns < live->resumed_ns)
		return false;
	if (now_ns - live->resumed_ns >=
	    amesh_live_suspicion_ns(live, peer->interval_ms))
		return false;
	return silent_ns <
	       amesh_live_conviction_ns(live, peer->interval_ms) + most_ns;
}

/* Return: why to convict, or AMESH_REASON_NONE. Silence is measured again:
 * since the peer became suspect a stall may have been taken out of it, or the
 * configuration may have made the window longer.
 */
static enum amesh_reason verdict(const struct amesh_live *live,
				 const struct amesh_live_peer *peer,
				 u64 now_ns)
{
	u64 silent_ns = silence_ns(live, peer, now_ns);

	if (silent_ns < amesh_live_suspicion_ns(live, peer->interval_ms) ||
	    is_held(live, peer, silent_ns, now_ns))
		return AMESH_REASON_NONE;
	if (peer->ev_lacks >= AMESH_OBSERVERS_TO_CONVICT &&
	    peer->ev_lacks > peer->ev_has)
		return AMESH_REASON_OBSERVERS;
	if (silent_ns < amesh_live_conviction_ns(live, peer->interval_ms))
		return AMESH_REASON_NONE;
	return peer->ev_has ? AMESH_REASON_UNREACHABLE : AMESH_REASON_TIME;
}

/* No verdict here changes another's evidence: who is convicted was suspect,
 * and a suspect is no observer.
 */
static void judge_word(struct amesh_live *live, u32 word, u64 suspects,
		       u64 now_ns)
{
	amesh_evidence_count(live, word, suspects);
	for (; suspects; suspects &= suspects - 1) {
		struct amesh_live_peer *peer =
			live->by_index[word * 64 + amesh_ctz64(suspects)];
		enum amesh_reason reason = verdict(live, peer, now_ns);

		if (reason != AMESH_REASON_NONE)
			amesh_live_set_state(live, peer, AMESH_STATE_DOWN,
					     reason, now_ns);
	}
}

void amesh_live_judge(struct amesh_live *live, u64 now_ns)
{
	u32 words = live->view.used * AMESH_WINDOW_WORDS;
	u32 word;

	for (word = 0; word < words; word++) {
		u64 suspects;

		if (!live->state_count[AMESH_STATE_SUSPECT])
			return;
		suspects = amesh_word(live->view.live, word) &
			   ~amesh_word(live->view.up, word);
		if (suspects)
			judge_word(live, word, suspects, now_ns);
	}
}

static u64 stall_ns(const struct amesh_live *live)
{
	u32 ms = live->config.interval_ms;

	return (ms > AMESH_STALL_MS_MIN ? ms : AMESH_STALL_MS_MIN) *
	       AMESH_NS_PER_MS;
}

void amesh_live_send_due(struct amesh_live *live, u64 due_ns)
{
	/* Armed anew for a time that a stall swallowed, whose loss is counted:
	 * what is late about it from here on is late since then.
	 */
	live->send_due_ns = amesh_max_u64(due_ns, live->resumed_ns);
}

bool amesh_live_late(struct amesh_live *live, u64 now_ns)
{
	u64 due_ns = live->send_due_ns;

	if (due_ns == AMESH_LIVE_NEVER || now_ns <= due_ns ||
	    now_ns - due_ns <= stall_ns(live))
		return false;
	live->last_lost_ns = now_ns - due_ns;
	live->lost_ns += live->last_lost_ns;
	live->resumed_ns = now_ns;
	/* What is counted is no longer late: once, whoever notices first. */
	live->send_due_ns = now_ns;
	return true;
}

bool amesh_live_pass(struct amesh_live *live, u64 now_ns)
{
	u64 last_ns = live->pass_ns;

	live->pass_ns = now_ns;
	if (now_ns <= last_ns || now_ns - last_ns <= stall_ns(live))
		return false;
	return amesh_live_late(live, now_ns);
}

bool amesh_live_doubts(const struct amesh_live *live, u64 now_ns)
{
	return live->resumed_ns &&
	       (now_ns < live->resumed_ns ||
		now_ns - live->resumed_ns <
		amesh_live_suspicion_ns(live, live->config.interval_ms));
}

void amesh_live_fill(struct amesh_live *live, struct amesh_beat *beat,
		     u64 now_ns)
{
	amesh_view_refresh(&live->view);
	memcpy(beat->digest, live->view.digest, AMESH_DIGEST_LEN);
	beat->live = live->view.live_count;
	beat->known = live->peers + 1;
	beat->interval_ms = (u16)live->config.interval_ms;
	beat->window_base =
		amesh_view_pick(&live->view, beat->sequence, beat->window);
	beat->flags &= (u8)~AMESH_FLAG_SELF_DOUBT;
	if (amesh_live_doubts(live, now_ns))
		beat->flags |= AMESH_FLAG_SELF_DOUBT;
}

bool amesh_live_is_view_change(enum amesh_state old, enum amesh_state now)
{
	return now == AMESH_STATE_DOWN || now == AMESH_STATE_UP ||
	       (amesh_state_is_live(old) && now == AMESH_STATE_UNKNOWN);
}

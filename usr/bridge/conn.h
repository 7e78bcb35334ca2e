/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TLS connection: dialled or accepted, its deadlines, its queue rules, its
 * end. It carries bytes and knows neither frames nor who is at the other end;
 * link.c and leg.c own connections, carrier.c fills and drains them.
 */
#ifndef BRIDGE_CONN_H
#define BRIDGE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "loop.h"
#include "tls.h"

enum {
	CONN_TCP_MS = 3000,              /* for the TCP handshake: two SYN retries */
	CONN_TLS_MS = 5000,              /* for the TLS handshake after it */
	CONN_SNDBUF_BYTES = 256 * 1024,
	CONN_UNSENT_BYTES = 128 * 1024,  /* TCP_NOTSENT_LOWAT: latency over bulk */
	CONN_USER_TIMEOUT_MS = 20 * 1000,
	CONN_TURN_BYTES = 256 * 1024,    /* read in one turn; then others have theirs */
	CONN_WHY_CHARS = 96,
};

struct conn;

/*
 * Called from the loop; any of them may call conn_close().
 *  open:     the TLS handshake is done.
 *  data:     bytes came; returns how many of them are done with (the rest is
 *            shown again with more behind it), or -1 to end the connection.
 *  writable: conn_blocked() has become false.
 *  ended:    over, for the reason given; the owner calls conn_close().
 */
struct conn_events {
	void (*open)(void *arg);
	ptrdiff_t (*data)(void *arg, const uint8_t *in, size_t len);
	void (*writable)(void *arg);
	void (*ended)(void *arg, const char *why);
};

/* Dials; NULL with errno. An address that is loopback, link-local, multicast,
 * unspecified or one of this machine's own is -EADDRNOTAVAIL. */
struct conn *conn_dial(struct loop *loop, SSL_CTX *client,
		       const struct sockaddr *to, socklen_t to_len,
		       const char *sni, const struct conn_events *events, void *arg);
/* Takes over an accepted descriptor, also on failure. NULL with errno. */
struct conn *conn_accepted(struct loop *loop, SSL_CTX *server, int fd,
			   const struct conn_events *events, void *arg);
/* Closes without further callbacks; NULL is fine. */
void conn_close(struct conn *c);

/* Reads nothing more for so long; TCP holds the other end up. In data: after
 * what is being shown. conn_resume() ends it early. */
void conn_pause(struct conn *c, int64_t ms);
void conn_resume(struct conn *c);
bool conn_is_open(const struct conn *c);
/* True before open and while bytes wait for the socket: nothing is taken. */
bool conn_blocked(const struct conn *c);
/* Sends len bytes (at most FRAME_BATCH_MAX_BYTES) as one record; only while
 * not blocked. What the socket does not take is kept, and it is blocked. */
void conn_write(struct conn *c, const uint8_t *bytes, size_t len);
/* Boottime when it opened, and when bytes last went out. */
int64_t conn_opened_ms(const struct conn *c);
int64_t conn_sent_ms(const struct conn *c);

#endif

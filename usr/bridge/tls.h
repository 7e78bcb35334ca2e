/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS contexts for both ends of a link. The certificate is made in memory at
 * start and nobody relies on it: TLS is how the gateway routes, WireGuard is
 * what protects. Connections are conn.c's.
 */
#ifndef BRIDGE_TLS_H
#define BRIDGE_TLS_H

#include <openssl/ssl.h>

struct tls {
	SSL_CTX *client, *server;
};

/* 0 or a negative errno; text of the cause goes to the log. */
int tls_init(struct tls *t);
void tls_free(struct tls *t);

#endif

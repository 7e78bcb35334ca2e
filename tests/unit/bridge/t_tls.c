// SPDX-License-Identifier: Apache-2.0
/*
 * What two bridges agree on, and what a client shows the gateway: TLS 1.3, an
 * AES-128-GCM or ChaCha20 suite, a ClientHello with its name inside the 4,096
 * bytes that the gateway reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tls.h"

enum { GATEWAY_HELLO_MAX_BYTES = 4096 };

static void shake(SSL *client, SSL *server)
{
	for (int i = 0; i < 10; i++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
}

static void pair_up(struct tls *t, SSL **client, SSL **server)
{
	BIO *a, *b;

	assert_int_equal(tls_init(t), 0);
	*client = SSL_new(t->client);
	*server = SSL_new(t->server);
	assert_int_equal(BIO_new_bio_pair(&a, 65536, &b, 65536), 1);
	SSL_set_bio(*client, a, a);
	SSL_set_bio(*server, b, b);
	SSL_set_connect_state(*client);
	SSL_set_accept_state(*server);
}

static void test_two_bridges_speak_tls_13(void **state)
{
	SSL *client, *server;
	struct tls t;
	const char *suite;

	(void)state;
	pair_up(&t, &client, &server);
	shake(client, server);
	assert_true(SSL_is_init_finished(client) && SSL_is_init_finished(server));
	assert_int_equal(SSL_version(client), TLS1_3_VERSION);
	suite = SSL_get_cipher_name(client);
	assert_true(!strcmp(suite, "TLS_AES_128_GCM_SHA256") ||
		    !strcmp(suite, "TLS_CHACHA20_POLY1305_SHA256"));
	/* No tickets: nothing but the link's own bytes follows the handshake. */
	assert_int_equal(SSL_pending(client), 0);
	assert_int_equal(BIO_ctrl_pending(SSL_get_rbio(client)), 0);
	SSL_free(client);
	SSL_free(server);
	tls_free(&t);
}

static void test_an_older_version_is_refused(void **state)
{
	SSL *client, *server;
	struct tls t;

	(void)state;
	pair_up(&t, &client, &server);
	assert_int_equal(SSL_set_min_proto_version(client, TLS1_2_VERSION), 1);
	assert_int_equal(SSL_set_max_proto_version(client, TLS1_2_VERSION), 1);
	shake(client, server);
	assert_false(SSL_is_init_finished(server));
	SSL_free(client);
	SSL_free(server);
	tls_free(&t);
}

static void test_the_longest_name_fits_the_gateways_window(void **state)
{
	SSL *client, *server;
	struct tls t;
	char name[254];
	uint8_t hello[8192];
	int len;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[253] = '\0';
	pair_up(&t, &client, &server);
	assert_int_equal(SSL_set_tlsext_host_name(client, name), 1);
	SSL_do_handshake(client);
	len = BIO_read(SSL_get_rbio(server), hello, sizeof(hello));
	assert_in_range(len, 253, GATEWAY_HELLO_MAX_BYTES);
	assert_non_null(memmem(hello, (size_t)len, name, 253));
	SSL_free(client);
	SSL_free(server);
	tls_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_bridges_speak_tls_13),
		cmocka_unit_test(test_an_older_version_is_refused),
		cmocka_unit_test(test_the_longest_name_fits_the_gateways_window),
	};

	return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * libcurl's multi interface on the event loop. libcurl tells which sockets and
 * which timeout it wants watched; completed transfers are collected after each
 * action and answered from there, never from inside http_start().
 */
#include "http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "buf.h"
#include "secret.h"

enum {
	HTTP_URL_MAX = 2048,
	HTTP_CONNECTIONS_MAX = 64,
	HTTP_RETRY_AFTER_MAX_S = 3600,
};

struct http {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
	struct http_call *calls;
};

struct http_call {
	struct http *http;
	struct http_call *next, **prev;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;          /* answer, unless secret */
	uint8_t *locked;          /* answer in locked memory, cap + 1 bytes */
	size_t locked_len, cap;
	bool over;                /* passed the cap */
	struct buf request;
	char *unix_socket;
	char error[CURL_ERROR_SIZE];
	http_fn fn;
	void *arg;
};

/* ---- allocators that wipe ---- */

static void wiping_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *wiping_realloc(void *p, size_t size)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *now;

	if (p && size && size <= had && size * 2 > had)
		return p;
	now = malloc(size ? size : 1);
	if (!now)
		return NULL;
	if (p)
		memcpy(now, p, had < size ? had : size);
	wiping_free(p);
	return now;
}

static void *plain_malloc(size_t size)
{
	return malloc(size);
}

static void *plain_calloc(size_t n, size_t size)
{
	return calloc(n, size);
}

int http_global_init(void)
{
	json_set_alloc_funcs(plain_malloc, wiping_free);
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, plain_malloc, wiping_free,
				 wiping_realloc, strdup, plain_calloc) != CURLE_OK)
		return -EIO;
	return 0;
}

/* ---- answers ---- */

static void call_free(struct http_call *c)
{
	if (c->next)
		c->next->prev = c->prev;
	*c->prev = c->next;
	if (c->easy) {
		curl_multi_remove_handle(c->http->multi, c->easy);
		curl_easy_cleanup(c->easy);
	}
	curl_slist_free_all(c->headers);
	buf_free(&c->body);
	buf_free(&c->request);
	secret_free(c->locked);
	free(c->unix_socket);
	free(c);
}

static enum http_error socket_error(const struct http_call *c)
{
	struct stat st;

	if (!c->unix_socket)
		return HTTP_CONNECT;
	return stat(c->unix_socket, &st) < 0 && errno == ENOENT ? HTTP_NO_SOCKET : HTTP_STALE;
}

static enum http_error tls_error(const struct http_call *c)
{
	return strstr(c->error, "expired") || strstr(c->error, "not yet valid") ?
	       HTTP_TLS_CLOCK : HTTP_TLS;
}

static enum http_error error_of(const struct http_call *c, CURLcode code)
{
	if (c->over)
		return HTTP_TOO_LARGE;
	switch (code) {
	case CURLE_OK:
		return HTTP_OK;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return socket_error(c);
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
		return tls_error(c);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
		return HTTP_TLS;
	case CURLE_FILESIZE_EXCEEDED:
		return HTTP_TOO_LARGE;
	default:
		return HTTP_BROKEN;
	}
}

static void answer(struct http_call *c, CURLcode code)
{
	struct http_reply reply = { .error = error_of(c, code) };
	curl_off_t retry_after = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &reply.status);
	curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &retry_after);
	if (retry_after > HTTP_RETRY_AFTER_MAX_S)
		retry_after = HTTP_RETRY_AFTER_MAX_S;
	reply.retry_after_ms = (int64_t)retry_after * 1000;
	reply.body = c->locked ? c->locked : c->body.data ? c->body.data : (const uint8_t *)"";
	reply.len = c->locked ? c->locked_len : c->body.len;
	reply.detail = reply.error == HTTP_OK ? "" :
		       c->error[0] ? c->error : curl_easy_strerror(code);
	c->fn(&reply, c->arg);
}

/* Answers what has finished. A callback may start or cancel other calls. */
static void collect(struct http *h)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(h->multi, &left))) {
		struct http_call *c;
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		curl_multi_remove_handle(h->multi, c->easy);
		answer(c, code);
		call_free(c);
	}
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	size_t len = size * n;

	if (c->locked) {
		if (len > c->cap - c->locked_len) {
			c->over = true;
			return 0;
		}
		memcpy(c->locked + c->locked_len, bytes, len);
		c->locked_len += len;
		c->locked[c->locked_len] = '\0';
		return len;
	}
	if (!buf_add(&c->body, bytes, len)) {
		c->over = true;
		return 0;
	}
	return len;
}

/* ---- loop ---- */

static void on_fd(int fd, uint32_t events, void *arg)
{
	struct http *h = arg;
	int running, flags = 0;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
		flags |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		flags |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		flags |= CURL_CSELECT_ERR;
	curl_multi_socket_action(h->multi, fd, flags, &running);
	collect(h);
}

static void on_timer(void *arg)
{
	struct http *h = arg;
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(h);
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct http *h = arg;
	struct loop_fd *watch = known;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		loop_fd_del(watch);
		curl_multi_assign(h->multi, fd, NULL);
	} else if (watch) {
		loop_fd_mod(watch, events);
	} else {
		watch = loop_fd_add(h->loop, fd, events, on_fd, h);
		if (!watch)
			return -1; /* libcurl fails the transfer */
		curl_multi_assign(h->multi, fd, watch);
	}
	return 0;
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	if (timeout_ms < 0)
		loop_timer_cancel(&h->timer);
	else if (loop_timer_set(&h->timer, timeout_ms) < 0)
		return -1;
	return 0;
}

struct http *http_new(struct loop *loop)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->loop = loop;
	loop_timer_init(&h->timer, loop, on_timer, h);
	h->multi = curl_multi_init();
	if (!h->multi) {
		free(h);
		return NULL;
	}
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)HTTP_CONNECTIONS_MAX);
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (h->calls)
		call_free(h->calls);
	curl_multi_cleanup(h->multi); /* closes kept connections: removes watches */
	loop_timer_cancel(&h->timer);
	free(h);
}

/* ---- requests ---- */

static void set_limits(struct http_call *c, const struct http_request *req)
{
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(c->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)req->connect_ms);
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)req->total_ms);
	curl_easy_setopt(c->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)req->max_body_bytes);
}

static bool set_body(struct http_call *c, const struct http_request *req)
{
	if (!req->body)
		return true;
	c->headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (req->header && c->headers && !curl_slist_append(c->headers, req->header))
		return false;
	/* "Expect: 100-continue" would cost a second against servers that do
	 * not know it. */
	if (!c->headers || !curl_slist_append(c->headers, "Expect:"))
		return false;
	buf_add(&c->request, req->body, req->body_len);
	if (c->request.failed)
		return false;
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->request.data ? (char *)c->request.data : "");
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->request.len);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	return true;
}

static bool set_socket(struct http_call *c, const struct http_request *req)
{
	if (!req->unix_socket)
		return true;
	c->unix_socket = strdup(req->unix_socket);
	if (!c->unix_socket)
		return false;
	curl_easy_setopt(c->easy, CURLOPT_UNIX_SOCKET_PATH, c->unix_socket);
	/* A connection per request: the socket behind the path may be replaced,
	 * and a kept one would hide that. */
	curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 1L);
	return true;
}

static bool set_answer(struct http_call *c, const struct http_request *req)
{
	c->cap = req->max_body_bytes;
	buf_init(&c->body, c->cap);
	if (req->secret) {
		c->locked = secret_alloc(c->cap + 1);
		if (!c->locked)
			return false;
	}
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, (char *)c);
	return curl_easy_setopt(c->easy, CURLOPT_URL, req->url) == CURLE_OK;
}

struct http_call *http_start(struct http *h, const struct http_request *req,
			     http_fn fn, void *arg)
{
	struct http_call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct http_call){ .http = h, .fn = fn, .arg = arg, .next = h->calls,
				 .prev = &h->calls };
	if (h->calls)
		h->calls->prev = &c->next;
	h->calls = c;
	buf_init_secret(&c->request, req->body_len);
	c->easy = curl_easy_init();
	if (!c->easy || !set_answer(c, req) || !set_body(c, req) || !set_socket(c, req)) {
		call_free(c);
		return NULL;
	}
	set_limits(c, req);
	if (curl_multi_add_handle(h->multi, c->easy) != CURLM_OK) {
		call_free(c);
		return NULL;
	}
	return c;
}

void http_cancel(struct http_call *call)
{
	call_free(call);
}

/* ---- URLs ---- */

static const char *after_scheme(const char *url, bool *plain)
{
	if (!strncasecmp(url, "https://", 8)) {
		*plain = false;
		return url + 8;
	}
	if (!strncasecmp(url, "http://", 7)) {
		*plain = true;
		return url + 7;
	}
	return NULL;
}

bool http_url_ok(const char *url, bool *plain)
{
	const char *rest;

	if (strlen(url) > HTTP_URL_MAX)
		return false;
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	rest = after_scheme(url, plain);
	return rest && *rest && *rest != '/' && *rest != ':';
}

char *http_url_public(char *out, size_t size, const char *url)
{
	bool plain;
	const char *rest = after_scheme(url, &plain);
	const char *at;
	size_t len;

	if (!rest) {
		snprintf(out, size, "(not a URL)");
		return out;
	}
	len = strcspn(rest, "/?#");
	at = memrchr(rest, '@', len); /* user and password are secrets too */
	if (at) {
		len -= (size_t)(at + 1 - rest);
		rest = at + 1;
	}
	snprintf(out, size, "%s://%.*s", plain ? "http" : "https", (int)len, rest);
	return out;
}

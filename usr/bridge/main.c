// SPDX-License-Identifier: Apache-2.0
/*
 * attestmesh-bridge: start, signals, end. The work is in link.c (dialling) and
 * leg.c (accepting), orders come by control_server.c.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control_server.h"
#include "env.h"
#include "file.h"
#include "harden.h"
#include "log.h"
#include "options.h"
#include "secret.h"

static void on_stop(int signal, void *arg)
{
	log_info("ending: %s", strsignal(signal));
	loop_stop(arg);
}

static int fail(const char *what, int error, const char *remedy)
{
	log_error("%s: %s; %s", what, strerror(error), remedy);
	return EXIT_FAILURE;
}

/* One bridge per interface and directory. */
static int take_place(const struct options *o, char *path, size_t size)
{
	char lock[112];
	int ret = dir_private(o->runtime_dir);

	if (ret) {
		fail(o->runtime_dir, -ret, "RUNTIME_DIR must be this user's, mode 0700, "
		     "and its parent must exist");
		return ret;
	}
	snprintf(lock, sizeof(lock), "%s/bridge-%s.lock", o->runtime_dir, o->ifname);
	snprintf(path, size, "%s/bridge-%s.sock", o->runtime_dir, o->ifname);
	ret = file_lock(lock);
	if (ret == -EWOULDBLOCK)
		fail(lock, EEXIST, "another bridge serves this interface; end it, or set another RUNTIME_DIR");
	else if (ret < 0)
		fail(lock, -ret, "make RUNTIME_DIR writable for this user");
	return ret < 0 ? ret : 0;
}

static int start(struct bridge_env *env, const struct options *o)
{
	int ret;

	env->wg_port = o->wg_port;
	env->tcp_port = o->tcp_port;
	env->cut_ms = (int64_t)o->cut_secs * 1000;
	env->idle_ms = (int64_t)o->idle_secs * 1000;
	env->loop = loop_new();
	if (!env->loop)
		return -ENOMEM;
	ret = loop_signal(env->loop, SIGTERM, on_stop, env->loop);
	if (!ret)
		ret = loop_signal(env->loop, SIGINT, on_stop, env->loop);
	if (!ret)
		ret = tls_init(&env->tls);
	if (ret)
		return ret;
	/* After the signals are blocked: the threads inherit that. */
	env->resolver = resolver_new(env->loop);
	return env->resolver ? 0 : -ENOMEM;
}

int main(int argc, char **argv)
{
	struct bridge_env env = { 0 };
	struct options options;
	struct control *control;
	char path[112];
	int ret;

	ret = options_load(&options, argc, argv);
	if (ret)
		return ret > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	log_set((enum log_level)options.log_level, options.log_json, "attestmesh-bridge");
	signal(SIGPIPE, SIG_IGN);
	harden_early();
	ret = secret_init();
	if (ret)
		return fail("start", -ret, "the random source or memory locking is refused here");
	if (take_place(&options, path, sizeof(path)))
		return EXIT_FAILURE;
	ret = harden_drop_privileges();
	if (ret)
		return fail("giving up privileges", -ret, "the kernel must allow capset and no_new_privs");
	ret = start(&env, &options);
	if (ret)
		return fail("start", -ret, "free memory or descriptors and start again");
	control = control_new(&env, path, options.ifname);
	if (!control)
		return fail(path, errno, "shorten RUNTIME_DIR or make it writable for this user");
	ret = harden_filter();
	if (ret)
		return fail("system call filter", -ret, "the kernel must allow seccomp filters");
	log_info("ready: control %s, WireGuard 127.0.0.1:%u, links on TCP port %u",
		 path, env.wg_port, env.tcp_port);
	ret = loop_run(env.loop);
	control_free(control);
	resolver_stop(env.resolver);
	tls_free(&env.tls);
	loop_free(env.loop);
	return ret ? fail("event loop", -ret, "start it again") : EXIT_SUCCESS;
}

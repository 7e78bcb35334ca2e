// SPDX-License-Identifier: Apache-2.0
/*
 * attestmeshd: arguments, the lock, the loop, and an orderly end. SIGTERM and
 * SIGINT end the agent alone; interface, beats, sessions and bridge go on.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "file.h"
#include "http.h"
#include "log.h"
#include "loop.h"
#include "node.h"
#include "privilege.h"
#include "secret.h"
#include "version.h"

enum { EXIT_CONFIG = 2, EXIT_START = 3 };

static void usage(void)
{
	printf("attestmeshd %s: the node agent of AttestMesh\n\n"
	       "usage: attestmeshd [--name=value ...]\n\n"
	       "Every option is an environment variable, or --name=value in its place;\n"
	       "what may hold an access token is taken from the environment only.\n\n",
	       ATTESTMESH_VERSION);
	config_help(stdout);
	printf("\nexit status: 0 ended by a signal, %d bad configuration, %d cannot start\n",
	       EXIT_CONFIG, EXIT_START);
}

static int fail(int status, const char *text)
{
	log_error("%s", text);
	return status;
}

static void on_end(int signal, void *arg)
{
	log_info("%s: the agent ends; mesh, beats and bridge go on",
		 signal == SIGTERM ? "SIGTERM" : "SIGINT");
	loop_stop(arg);
}

/* One agent per interface and runtime directory. */
static int take_lock(const struct config *c, char error[CONFIG_ERROR_CHARS])
{
	char path[CONFIG_PATH_MAX_CHARS + 64];
	int ret = dir_private(c->runtime_dir);

	if (ret) {
		snprintf(error, CONFIG_ERROR_CHARS,
			 "RUNTIME_DIR: %s: %s; make its parent, and leave it to the agent's user alone (0700)",
			 c->runtime_dir, strerror(-ret));
		return ret;
	}
	snprintf(path, sizeof(path), "%s/agent-%s.lock", c->runtime_dir, c->ifname);
	ret = file_lock(path);
	if (ret < 0)
		snprintf(error, CONFIG_ERROR_CHARS, "%s: %s; %s", path, strerror(-ret),
			 ret == -EWOULDBLOCK ? "another agent runs for this interface; stop it first" :
					       "check the directory's permissions");
	return ret;
}

static int run(struct loop *loop, const struct config *c)
{
	char error[CONFIG_ERROR_CHARS] = "";
	struct node *node;
	int ret;

	if (loop_signal(loop, SIGTERM, on_end, loop) || loop_signal(loop, SIGINT, on_end, loop))
		return fail(EXIT_START, "cannot receive signals");
	node = node_new(loop, c, error);
	if (!node)
		return fail(EXIT_START, error);
	ret = loop_run(loop);
	node_free(node);
	return ret ? fail(EXIT_START, strerror(-ret)) : 0;
}

int main(int argc, char **argv)
{
	char error[CONFIG_ERROR_CHARS] = "";
	struct config config;
	struct loop *loop;
	int lock, ret;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("attestmeshd %s\n", ATTESTMESH_VERSION);
		return 0;
	}
	log_set(LOG_INFO, false, "attestmeshd");
	if (config_load(&config, argc, argv, error))
		return fail(EXIT_CONFIG, error);
	log_set((enum log_level)config.log_level, config.log_json, "attestmeshd");
	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	if (secret_init() || http_global_init())
		return fail(EXIT_START, "cannot prepare the process (libsodium or libcurl)");
	lock = take_lock(&config, error);
	if (lock < 0)
		return fail(EXIT_START, error);
	loop = loop_new();
	if (!loop)
		return fail(EXIT_START, "cannot make an event loop");
	log_info("attestmeshd %s, chain %llu", ATTESTMESH_VERSION,
		 (unsigned long long)config.chain_id);
	if (privilege_waiting())
		log_warn("waiting for %s", privilege_waiting());
	ret = run(loop, &config);
	loop_free(loop);
	close(lock);
	config_free(&config);
	return ret;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * attestmesh doctor: what a node needs of this machine, what is missing, and
 * what to do about it. It changes nothing.
 */
#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"
#include "out.h"
#include "wg.h"

enum verdict { FINE, WARN, BAD };

struct doctor {
	const struct cli *cli;
	unsigned bad;
	bool first;
};

static void say(struct doctor *d, const char *what, enum verdict v, const char *found,
		const char *remedy)
{
	static const char *const names[] = { "ok", "warning", "missing" };
	struct out_record r = { 0 };

	d->bad += v == BAD;
	out_text(&r, "check", what);
	out_text(&r, "verdict", names[v]);
	out_text(&r, "found", found);
	if (v == FINE)
		out_absent(&r, "remedy", OUT_TEXT);
	else
		out_text(&r, "remedy", remedy);
	switch (d->cli->format) {
	case CLI_JSON:
		printf("%s", d->first ? "" : ",");
		out_json_open(&r);
		putchar('}');
		break;
	case CLI_TAB:
		out_tab(&r);
		break;
	case CLI_HUMAN:
		printf("%-10s %-8s %s%s%s\n", what, names[v], found, v == FINE ? "" : "\n"
		       "                    -> ", v == FINE ? "" : remedy);
		break;
	}
	d->first = false;
}

static void check_module(struct doctor *d)
{
	struct am_module m;
	struct am *am;
	char found[128];
	int ret = am_open(&am);

	if (ret) {
		say(d, "module", BAD, "attestmesh is not in this kernel",
		    "insmod attestmesh_ed25519.ko attestmesh.ko, built for this kernel");
		return;
	}
	ret = am_module_get(am, 0, &m);
	snprintf(found, sizeof(found), "version %s, interface level %u, ed25519 %s", m.version,
		 m.interface_level, m.ed25519);
	say(d, "module", ret ? BAD : FINE, ret ? am_error(am) : found, "load a newer module");
	am_close(am);
}

static void check_wireguard(struct doctor *d)
{
	struct wg *w;
	int ret = wg_open(&w);

	say(d, "wireguard", ret ? BAD : FINE, ret ? "not in this kernel" : "in this kernel",
	    "modprobe wireguard, or a kernel that has it");
	if (!ret)
		wg_close(w);
}

static void check_rights(struct doctor *d)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[2] = { { 0 }, { 0 } };
	bool ok = !syscall(SYS_capget, &head, have) &&
		  have[0].effective & 1u << CAP_NET_ADMIN;

	say(d, "rights", ok ? FINE : WARN, ok ? "CAP_NET_ADMIN" : "no CAP_NET_ADMIN here",
	    "the agent needs it: root, or cap_add NET_ADMIN");
}

static void check_ipv6(struct doctor *d)
{
	const char *path = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
	FILE *f = fopen(path, "re");
	int off = f ? fgetc(f) : EOF;

	if (f)
		fclose(f);
	say(d, "ipv6", off == '0' ? FINE : WARN,
	    off == '0' ? "on" : off == '1' ? "off" : "not in this kernel",
	    "set net.ipv6.conf.{all,default}.disable_ipv6=0 for this namespace; without it the "
	    "mesh has IPv4 only");
}

/* A unix socket that somebody listens on. */
static void check_socket(struct doctor *d, const char *what, const char *path, int type,
			 enum verdict if_not, const char *remedy)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), err = 0;
	char found[256];

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)))
		err = errno;
	if (fd >= 0)
		close(fd);
	snprintf(found, sizeof(found), "%.180s: %s", path, err ? strerror(err) : "answers");
	say(d, what, err ? if_not : FINE, found, remedy);
}

static void check_guest_agent(struct doctor *d)
{
	static const char *const paths[] = {
		"/var/run/dstack.sock", "/run/dstack.sock", "/var/run/dstack/dstack.sock",
		"/run/dstack/dstack.sock",
	};
	struct stat st;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!stat(paths[i], &st)) {
			check_socket(d, "dstack", paths[i], SOCK_STREAM, BAD,
				     "the mount is stale: make the container anew");
			return;
		}
	say(d, "dstack", WARN, "no guest agent socket",
	    "mount /var/run/dstack.sock into the agent's container, or set DSTACK_SOCKET there");
}

int cli_doctor(const struct cli *c)
{
	struct doctor d = { .cli = c, .first = true };
	const char *ifname = c->ifname ? c->ifname : "attestmesh0";
	char path[256];

	if (c->format == CLI_JSON)
		putchar('[');
	check_module(&d);
	check_wireguard(&d);
	check_rights(&d);
	check_ipv6(&d);
	check_guest_agent(&d);
	snprintf(path, sizeof(path), "%s/bridge-%s.sock", c->runtime_dir, ifname);
	check_socket(&d, "bridge", path, SOCK_SEQPACKET, BAD,
		     "start attestmesh-bridge with the agent's RUNTIME_DIR and uid");
	check_socket(&d, "agent", c->socket, SOCK_STREAM, BAD, "start attestmeshd");
	say(&d, "interface", if_nametoindex(ifname) ? FINE : WARN,
	    if_nametoindex(ifname) ? ifname : "no such interface yet",
	    "the agent makes it once it is a member");
	if (c->format == CLI_JSON)
		printf("]\n");
	return d.bad ? CLI_FAILED : CLI_OK;
}

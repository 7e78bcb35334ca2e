// SPDX-License-Identifier: Apache-2.0
/*
 * Handles and the module's own answer.
 */
#include <errno.h>
#include <netlink/genl/genl.h>
#include <stdlib.h>
#include <string.h>

#include "am.h"
#include "attr.h"

struct nl_msg *am_request(struct am *am, uint8_t command, uint16_t flags)
{
	return nlreq_genl(am->family.id, ATTESTMESH_GENL_VERSION, command, flags);
}

int am_run(struct am *am, struct nl_msg *m, nlreq_fn fn, void *arg)
{
	return nlreq_run(am->q, m, fn, arg);
}

int am_open(struct am **out)
{
	struct am *am = calloc(1, sizeof(*am));
	int ret;

	*out = NULL;
	if (!am)
		return -ENOMEM;
	ret = nlreq_open(&am->q, NETLINK_GENERIC);
	if (!ret)
		ret = nlreq_family(am->q, ATTESTMESH_GENL_NAME, &am->family);
	if (ret) {
		am_close(am);
		return ret;
	}
	*out = am;
	return 0;
}

void am_close(struct am *am)
{
	if (!am)
		return;
	nlreq_close(am->q);
	free(am);
}

const char *am_error(const struct am *am)
{
	return nlreq_error(am->q);
}

int am_fd(const struct am *am)
{
	return nlreq_fd(am->q);
}

static int on_module(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[ATTESTMESH_A_MODULE_MAX + 1];
	struct am_module *out = arg;

	if (genlmsg_parse(h, 0, tb, ATTESTMESH_A_MODULE_MAX, NULL))
		return -EPROTO;
	attr_text(tb[ATTESTMESH_A_MODULE_VERSION], out->version, sizeof(out->version));
	attr_text(tb[ATTESTMESH_A_MODULE_ED25519], out->ed25519, sizeof(out->ed25519));
	out->interface_level = attr_u32(tb[ATTESTMESH_A_MODULE_INTERFACE_LEVEL]);
	out->beat_version = attr_u8(tb[ATTESTMESH_A_MODULE_BEAT_VERSION]);
	out->peers_max = attr_u32(tb[ATTESTMESH_A_MODULE_PEERS_MAX]);
	out->meshes_max = attr_u32(tb[ATTESTMESH_A_MODULE_MESHES_MAX]);
	out->peers_per_message_max = attr_u32(tb[ATTESTMESH_A_MODULE_PEERS_PER_MESSAGE_MAX]);
	out->beats_per_second_max = attr_u32(tb[ATTESTMESH_A_MODULE_BEATS_PER_SECOND_MAX]);
	out->interval_ms_min = attr_u32(tb[ATTESTMESH_A_MODULE_INTERVAL_MS_MIN]);
	out->interval_ms_max = attr_u32(tb[ATTESTMESH_A_MODULE_INTERVAL_MS_MAX]);
	return 0;
}

int am_module_get(struct am *am, uint32_t level, struct am_module *out)
{
	struct nl_msg *m = am_request(am, ATTESTMESH_CMD_MODULE_GET, 0);

	memset(out, 0, sizeof(*out));
	if (m && level && nla_put_u32(m, ATTESTMESH_A_MODULE_INTERFACE_LEVEL, level)) {
		nlmsg_free(m);
		m = NULL;
	}
	return am_run(am, m, on_module, out);
}

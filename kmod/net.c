// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces: their lists, and the notices that end a mesh or take its agent
 * away. None of the notifiers waits for a work: they unlink, and leave the
 * rest to a work, for they run under RTNL or in somebody's close().
 */
#include "net.h"

#include <linux/netdevice.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/netns/generic.h>

#include "main.h"

static unsigned int net_id;

struct amesh_net *amesh_net(const struct net *net)
{
	return net_generic(net, net_id);
}

struct amesh_mesh *amesh_net_find(struct amesh_net *an, u32 ifindex)
{
	struct amesh_mesh *mesh;

	rcu_read_lock();
	list_for_each_entry_rcu(mesh, &an->meshes, list) {
		if (mesh->ifindex == ifindex && kref_get_unless_zero(&mesh->refs))
			goto found;
	}
	mesh = NULL;
found:
	rcu_read_unlock();
	return mesh;
}

struct amesh_mesh *amesh_net_next(struct amesh_net *an, u32 after)
{
	struct amesh_mesh *mesh;

	rcu_read_lock();
	list_for_each_entry_rcu(mesh, &an->meshes, list) {
		if (mesh->ifindex > after && kref_get_unless_zero(&mesh->refs))
			goto found;
	}
	mesh = NULL;
found:
	rcu_read_unlock();
	return mesh;
}

struct amesh_floor_entry *amesh_floor_entry_alloc(void)
{
	return kzalloc(sizeof(struct amesh_floor_entry), GFP_KERNEL_ACCOUNT);
}

static void identity_free(struct amesh_identity *identity)
{
	struct amesh_floor *floor;

	while ((floor = amesh_floors_pop(&identity->floors)))
		kfree(amesh_floor_entry_of(floor));
	kvfree(identity);
}

static struct amesh_identity *identity_new(struct amesh_net *an,
					   const u8 *domain,
					   const u8 *member_id)
{
	struct amesh_identity *identity;
	struct amesh_floor_entry *self;

	if (an->identity_count >= AMESH_IDENTITIES_MAX)
		return ERR_PTR(-ENOSPC);
	identity = kvzalloc(sizeof(*identity), GFP_KERNEL_ACCOUNT);
	self = amesh_floor_entry_alloc();
	if (!identity || !self) {
		kvfree(identity);
		kfree(self);
		return ERR_PTR(-ENOMEM);
	}
	memcpy(identity->domain, domain, sizeof(identity->domain));
	memcpy(identity->member_id, member_id, sizeof(identity->member_id));
	amesh_floors_init(&identity->floors, get_random_u64());
	/* The table is empty: this cannot be refused. */
	amesh_floors_insert(&identity->floors, &self->floor, member_id);
	list_add(&identity->list, &an->identities);
	an->identity_count++;
	return identity;
}

struct amesh_identity *amesh_identity_take(struct amesh_net *an,
					   const u8 *domain,
					   const u8 *member_id)
{
	struct amesh_identity *identity;

	lockdep_assert_held(&an->lock);
	list_for_each_entry(identity, &an->identities, list) {
		if (!memcmp(identity->domain, domain, ATTESTMESH_ID_LEN) &&
		    !memcmp(identity->member_id, member_id, ATTESTMESH_ID_LEN))
			return identity;
	}
	return identity_new(an, domain, member_id);
}

/* RTNL is held. The interface is gone, or leaves for another namespace; the
 * mesh is this namespace's and does not follow.
 */
static int netdev_event(struct notifier_block *nb, unsigned long event,
			void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct amesh_mesh *mesh;

	if (event != NETDEV_UNREGISTER)
		return NOTIFY_DONE;
	mesh = amesh_net_find(amesh_net(dev_net(dev)), dev->ifindex);
	if (!mesh)
		return NOTIFY_DONE;
	if (amesh_mesh_unlink(mesh, ATTESTMESH_GONE_DEVICE))
		amesh_mesh_release_later(mesh);
	amesh_mesh_put(mesh);
	return NOTIFY_DONE;
}

static struct notifier_block netdev_notifier = {
	.notifier_call = netdev_event,
};

/* A netlink socket was closed. Port numbers are unique in a namespace and
 * protocol only, so all three have to match. The tick does the rest: it is the
 * one place that changes what the beats say about the agent.
 */
static int netlink_event(struct notifier_block *nb, unsigned long event,
			 void *ptr)
{
	struct netlink_notify *notify = ptr;
	struct amesh_mesh *mesh;

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC ||
	    !notify->portid)
		return NOTIFY_DONE;
	rcu_read_lock();
	list_for_each_entry_rcu(mesh, &amesh_net(notify->net)->meshes, list) {
		if (cmpxchg(&mesh->owner, notify->portid, 0) == notify->portid &&
		    !amesh_mesh_is_dying(mesh))
			queue_work(amesh_wq_time, &mesh->tick);
	}
	rcu_read_unlock();
	return NOTIFY_DONE;
}

static struct notifier_block netlink_notifier = {
	.notifier_call = netlink_event,
};

static int __net_init net_start(struct net *net)
{
	struct amesh_net *an = amesh_net(net);

	an->net = net;
	mutex_init(&an->lock);
	INIT_LIST_HEAD(&an->meshes);
	INIT_LIST_HEAD(&an->identities);
	return 0;
}

/* No RTNL here. Interfaces have left before; what they took along is in
 * release works, which the flush waits for. Handlers are gone: their sockets
 * held the namespace. On module unload the family is gone.
 */
static void __net_exit net_stop(struct net *net)
{
	struct amesh_net *an = amesh_net(net);
	struct amesh_identity *identity, *next;
	struct amesh_mesh *mesh;

	while ((mesh = amesh_net_next(an, 0))) {
		if (amesh_mesh_unlink(mesh, ATTESTMESH_GONE_NAMESPACE))
			amesh_mesh_release(mesh, false);
		amesh_mesh_put(mesh);
	}
	flush_workqueue(amesh_wq_release);
	list_for_each_entry_safe(identity, next, &an->identities, list)
		identity_free(identity);
	WARN_ON(an->mesh_count);
}

static struct pernet_operations net_ops = {
	.init = net_start,
	.exit = net_stop,
	.id = &net_id,
	.size = sizeof(struct amesh_net),
};

int amesh_net_init(void)
{
	int ret;

	ret = register_pernet_subsys(&net_ops);
	if (ret)
		return ret;
	ret = register_netdevice_notifier(&netdev_notifier);
	if (ret)
		goto err_net;
	ret = netlink_register_notifier(&netlink_notifier);
	if (ret)
		goto err_netdev;
	return 0;

err_netdev:
	unregister_netdevice_notifier(&netdev_notifier);
err_net:
	unregister_pernet_subsys(&net_ops);
	return ret;
}

void amesh_net_exit(void)
{
	netlink_unregister_notifier(&netlink_notifier);
	unregister_netdevice_notifier(&netdev_notifier);
	unregister_pernet_subsys(&net_ops);
}

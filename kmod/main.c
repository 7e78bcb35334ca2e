// SPDX-License-Identifier: GPL-2.0-only
/*
 * attestmesh.ko: loading and unloading. The ladder of parts goes up here and
 * down in reverse; on the way out every object that was made has to be gone.
 */
#include "main.h"

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "net.h"
#include "nl.h"
#include "selftest/pure.h"

struct workqueue_struct *amesh_wq_time;
struct workqueue_struct *amesh_wq_verify;
struct workqueue_struct *amesh_wq_release;

struct amesh_tally amesh_tally[AMESH_ALIVE_KINDS];

/* The pure files spell the uapi's numbers without including it. */
static_assert(AMESH_STATE_DOWN == (int)ATTESTMESH_STATE_DOWN);
static_assert(AMESH_REASON_KEY == (int)ATTESTMESH_REASON_KEY);
static_assert(AMESH_FLAG_LEAVING == (int)ATTESTMESH_BEAT_LEAVING);
static_assert(AMESH_FLAG_SELF_DOUBT == (int)ATTESTMESH_BEAT_SELF_DOUBT);
static_assert(AMESH_PEERS_MAX == ATTESTMESH_PEERS_MAX);
static_assert(AMESH_INDEX_BOUND == ATTESTMESH_INDEX_MAX + 1);
static_assert(AMESH_MESHES_MAX == ATTESTMESH_MESHES_MAX);
static_assert(AMESH_BEATS_PER_SEC_MAX == ATTESTMESH_BEATS_PER_SECOND_MAX);
static_assert(AMESH_INTERVAL_MS_MIN == ATTESTMESH_INTERVAL_MS_MIN);
static_assert(AMESH_INTERVAL_MS_MAX == ATTESTMESH_INTERVAL_MS_MAX);
static_assert(AMESH_MISS_MAX == ATTESTMESH_MISS_MAX);
static_assert(AMESH_CONVICT_MAX == ATTESTMESH_CONVICT_MAX);
static_assert(AMESH_INTERVAL_MS_DEFAULT == ATTESTMESH_INTERVAL_MS_DEFAULT);
static_assert(AMESH_MISS_DEFAULT == ATTESTMESH_MISS_DEFAULT);
static_assert(AMESH_CONVICT_DEFAULT == ATTESTMESH_CONVICT_DEFAULT);
static_assert(AMESH_MIN_PEERS_DEFAULT == ATTESTMESH_MIN_PEERS_DEFAULT);

static int show_tally(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "meshes %ld/%ld peers %ld/%ld sockets %ld/%ld\n",
			  atomic_long_read(&amesh_tally[AMESH_ALIVE_MESHES].now),
			  atomic_long_read(&amesh_tally[AMESH_ALIVE_MESHES].ever),
			  atomic_long_read(&amesh_tally[AMESH_ALIVE_PEERS].now),
			  atomic_long_read(&amesh_tally[AMESH_ALIVE_PEERS].ever),
			  atomic_long_read(&amesh_tally[AMESH_ALIVE_SOCKETS].now),
			  atomic_long_read(&amesh_tally[AMESH_ALIVE_SOCKETS].ever));
}

static const struct kernel_param_ops tally_ops = { .get = show_tally };

module_param_cb(alive, &tally_ops, NULL, 0400);
MODULE_PARM_DESC(alive, "objects that exist / were ever made (read only)");

/* A module that computes wrongly is worse than none. */
static int __init selftest(void)
{
	struct amesh_selftest_memory *memory;
	const char *wrong;

	memory = kvzalloc(sizeof(*memory), GFP_KERNEL);
	if (!memory)
		return -ENOMEM;
	wrong = amesh_selftest_pure(memory);
	kvfree(memory);
	if (!wrong)
		return 0;
	pr_err("attestmesh: self-test failed: %s\n", wrong);
	return -EINVAL;
}

static int __init open_queues(void)
{
	amesh_wq_time = alloc_workqueue("amesh_time", WQ_UNBOUND | WQ_HIGHPRI, 0);
	amesh_wq_verify = alloc_workqueue("amesh_verify", WQ_UNBOUND, 0);
	amesh_wq_release = alloc_workqueue("amesh_release", WQ_UNBOUND, 0);
	return amesh_wq_time && amesh_wq_verify && amesh_wq_release ? 0 : -ENOMEM;
}

static void close_queues(void)
{
	if (amesh_wq_release)
		destroy_workqueue(amesh_wq_release);
	if (amesh_wq_verify)
		destroy_workqueue(amesh_wq_verify);
	if (amesh_wq_time)
		destroy_workqueue(amesh_wq_time);
}

static int __init amesh_init(void)
{
	int ret;

	ret = selftest();
	if (ret)
		return ret;
	ret = open_queues();
	if (ret)
		goto err_queues;
	ret = amesh_net_init();
	if (ret)
		goto err_queues;
	ret = amesh_nl_init();
	if (ret)
		goto err_net;
	pr_info("attestmesh %s loaded, beat version %d, ed25519 %s\n",
		AMESH_VERSION, AMESH_BEAT_VERSION_1, amesh_ed25519_impl());
	return 0;

err_net:
	amesh_net_exit();
err_queues:
	close_queues();
	return ret;
}

/* The family goes first: no request is running or can come after it. Meshes
 * go with their namespaces' operations, memory with the last grace period.
 */
static void __exit amesh_exit(void)
{
	static const char * const kind[AMESH_ALIVE_KINDS] = {
		"meshes", "peers", "sockets",
	};
	u32 i;

	amesh_nl_exit();
	amesh_net_exit();
	close_queues();
	rcu_barrier();
	for (i = 0; i < AMESH_ALIVE_KINDS; i++)
		WARN(atomic_long_read(&amesh_tally[i].now),
		     "attestmesh: %s are left\n", kind[i]);
	pr_info("attestmesh unloaded: %ld meshes, %ld peers, %ld sockets destroyed\n",
		atomic_long_read(&amesh_tally[AMESH_ALIVE_MESHES].ever),
		atomic_long_read(&amesh_tally[AMESH_ALIVE_PEERS].ever),
		atomic_long_read(&amesh_tally[AMESH_ALIVE_SOCKETS].ever));
}

module_init(amesh_init);
module_exit(amesh_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Liveness of AttestMesh members by signed beats");
MODULE_VERSION(AMESH_VERSION);
MODULE_ALIAS_GENL_FAMILY(ATTESTMESH_GENL_NAME);

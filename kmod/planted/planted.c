// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mistakes on purpose, one for each way in which a debug kernel looks for them:
 * insmod planted.ko bug=NAME makes the one and stays loaded. A debug kernel that
 * does not report it would not report it in the modules under test either.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timer.h>

static char *bug = "";
module_param(bug, charp, 0400);
MODULE_PARM_DESC(bug, "lock, rcu, atomic, object, shift, uaf, oob or leak");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

/* Two orders of two locks, one after the other: nothing hangs. */
static void plant_lock(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

/* A protected pointer is read by somebody who protects nothing. */
static void plant_rcu(void)
{
	static int __rcu *pointer;

	if (rcu_dereference(pointer))
		pr_info("planted: it points somewhere\n");
}

static void plant_atomic(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	might_sleep();
	spin_unlock(&lock);
}

static void on_timer(struct timer_list *timer)
{
}

/* Memory is given back with a timer still running in it. */
static void plant_object(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, on_timer, 0);
	mod_timer(timer, jiffies + 3600 * HZ);
	kfree(timer);
}

static void plant_shift(void)
{
	static volatile int by = 40;

	pr_info("planted: %d\n", 1 << by);
}

/* Volatile, so that the compiler neither sees nor saves the access. */
static void plant_uaf(void)
{
	volatile char *p = kmalloc(64, GFP_KERNEL);

	if (!p)
		return;
	kfree((void *)p);
	p[8] = 1;
}

static void plant_oob(void)
{
	volatile char *p = kmalloc(61, GFP_KERNEL);

	if (!p)
		return;
	p[61] = 1;
	kfree((void *)p);
}

/* Several, for a stale copy of one address somewhere hides one. */
static void plant_leak(void)
{
	int i;

	for (i = 0; i < 16; i++)
		(void)kmalloc(777, GFP_KERNEL);
}

static int __init planted_init(void)
{
	static const struct {
		const char *name;
		void (*plant)(void);
	} plants[] = {
		{ "lock", plant_lock }, { "rcu", plant_rcu },
		{ "atomic", plant_atomic }, { "object", plant_object },
		{ "shift", plant_shift }, { "uaf", plant_uaf },
		{ "oob", plant_oob }, { "leak", plant_leak },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(plants); i++) {
		if (!strcmp(bug, plants[i].name)) {
			plants[i].plant();
			return 0;
		}
	}
	return -EINVAL;
}

static void __exit planted_exit(void)
{
}

module_init(planted_init);
module_exit(planted_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Mistakes on purpose");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load and unload of attestmesh_ed25519.ko: which implementation this machine
 * gets, the tables of the base point, known-answer tests, registration.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "engine.h"
#include "eval.h"
#ifdef CONFIG_X86_64
#include "fpu.h"
#endif

#include <linux/export.h>
#include <crypto/algapi.h>
#include <linux/fips.h>
#include <linux/module.h>
#include <linux/slab.h>

static bool simd = true;
module_param(simd, bool, 0444);
MODULE_PARM_DESC(simd, "use AVX-512 IFMA where the processor has it (default on)");

static bool adx = true;
module_param(adx, bool, 0444);
MODULE_PARM_DESC(adx, "use MULX and ADX where the processor has them (default on)");

bool amesh_ed25519_lanes;

static struct ed25519_base *base;

const char *amesh_ed25519_impl(void)
{
	return amesh_ed25519_lanes ? "ifma" : "scalar";
}
EXPORT_SYMBOL_GPL(amesh_ed25519_impl);

static int build_base(void)
{
	void *scratch = kvmalloc(ed25519_init_scratch_bytes(), GFP_KERNEL);

	base = kvmalloc(sizeof(*base), GFP_KERNEL);
	if (!scratch || !base) {
		kvfree(scratch);
		return -ENOMEM;
	}
	ed25519_init(base, scratch);
	kvfree(scratch);
	return 0;
}

static int test_scalar(struct selftest_memory *m, const char *field)
{
	const char *failed = selftest_scalar(m);

	if (!failed)
		return amesh_ed25519_batch_selftest(m);
	pr_err("known-answer test failed: %s (%s)\n", failed, field);
	return -EBADMSG;
}

/* Every path that may be taken later is tested, the chosen one last. */
static int choose_and_test(void)
{
	struct selftest_memory *m = kvmalloc(sizeof(*m), GFP_KERNEL);
	int err;

	if (!m)
		return -ENOMEM;
	err = test_scalar(m, "portable");
#ifdef CONFIG_X86_64
	if (!err && adx && eval_adx_available()) {
		eval_use_adx = true;
		err = test_scalar(m, "adx");
	}
	if (!err && simd && fpu_has_lanes()) {
		amesh_ed25519_lanes = true;
		err = amesh_ed25519_batch_selftest(m);
	}
#endif
	kvfree(m);
	return err;
}

/* FIPS mode refuses algorithms the kernel has no vectors for: not our failure. */
static int register_algorithm(bool *registered)
{
	int err = amesh_ed25519_register();

	*registered = !err;
	if (err && fips_enabled) {
		pr_warn("not registered in FIPS mode (%d)\n", err);
		return 0;
	}
	return err;
}

static bool registered;

static int __init ed25519_module_init(void)
{
	int err;

	err = build_base();
	if (!err)
		err = choose_and_test();
	if (!err)
		err = register_algorithm(&registered);
	if (err)
		kvfree(base);
	else
		pr_info("ready, %s\n", amesh_ed25519_impl());
	return err;
}

static void __exit ed25519_module_exit(void)
{
	if (registered)
		amesh_ed25519_unregister();
	kvfree(base);
}

module_init(ed25519_module_init);
module_exit(ed25519_module_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Ed25519 for keys that are known beforehand");
MODULE_ALIAS_CRYPTO("ed25519");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests the provider's interface from inside a kernel: the crypto API front end,
 * with messages scattered over pages, and the exported calls. Runs at load,
 * prints a count, refuses to load if anything failed.
 */
#define pr_fmt(fmt) "ed25519-api: " fmt

#include <linux/err.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "attestmesh_ed25519.h"

#if AMESH_CRYPTO_SIG
#include <crypto/internal/sig.h>
#else
#include <crypto/internal/akcipher.h>
#endif

static int passed, failed;

#define CHECK(what)							\
	do {								\
		if (what) {						\
			passed++;					\
		} else {						\
			failed++;					\
			pr_err("line %d: %s\n", __LINE__, #what);	\
		}							\
	} while (0)

/* RFC 8032, section 7.1, test 3 */
static const u8 seed[32] = {
	0xc5, 0xaa, 0x8d, 0xf4, 0x3f, 0x9f, 0x83, 0x7b, 0xed, 0xb7, 0x44,
	0x2f, 0x31, 0xdc, 0xb7, 0xb1, 0x66, 0xd3, 0x85, 0x35, 0x07, 0x6f,
	0x09, 0x4b, 0x85, 0xce, 0x3a, 0x2e, 0x0b, 0x44, 0x58, 0xf7 };
static const u8 pub[32] = {
	0xfc, 0x51, 0xcd, 0x8e, 0x62, 0x18, 0xa1, 0xa3, 0x8d, 0xa4, 0x7e,
	0xd0, 0x02, 0x30, 0xf0, 0x58, 0x08, 0x16, 0xed, 0x13, 0xba, 0x33,
	0x03, 0xac, 0x5d, 0xeb, 0x91, 0x15, 0x48, 0x90, 0x80, 0x25 };
static const u8 msg[2] = { 0xaf, 0x82 };
static const u8 sig[64] = {
	0x62, 0x91, 0xd6, 0x57, 0xde, 0xec, 0x24, 0x02, 0x48, 0x27, 0xe6,
	0x9c, 0x3a, 0xbe, 0x01, 0xa3, 0x0c, 0xe5, 0x48, 0xa2, 0x84, 0x74,
	0x3a, 0x44, 0x5e, 0x36, 0x80, 0xd7, 0xdb, 0x5a, 0xc3, 0xac, 0x18,
	0xff, 0x9b, 0x53, 0x8d, 0x16, 0xf2, 0x90, 0xae, 0x67, 0xf7, 0x60,
	0x98, 0x4d, 0xc6, 0x59, 0x4a, 0x7c, 0x15, 0xe9, 0x71, 0x6e, 0xd2,
	0x8d, 0xc0, 0x27, 0xbe, 0xce, 0xea, 0x1e, 0xc4, 0x0a };

enum { LONG_MSG = 5000 };	/* more than a page */

static struct amesh_crypto_tfm *keyed(const char *name, u32 table_bytes)
{
	struct amesh_crypto_tfm *tfm = amesh_crypto_alloc(name);

	if (IS_ERR(tfm))
		return NULL;
	if (table_bytes)
		CHECK(!amesh_ed25519_set_table_bytes(tfm, table_bytes));
	CHECK(!amesh_crypto_set_pub_key(tfm, pub, sizeof(pub)));
	return tfm;
}

static struct amesh_crypto_tfm *signer(void)
{
	struct amesh_crypto_tfm *tfm = amesh_crypto_alloc(AMESH_ED25519_DRIVER);

	if (IS_ERR(tfm))
		return NULL;
	CHECK(!amesh_crypto_set_priv_key(tfm, seed, sizeof(seed)));
	return tfm;
}

#if AMESH_CRYPTO_SIG

static int api_verify(struct amesh_crypto_tfm *tfm, const u8 *s,
		      unsigned int s_len, const u8 *m, unsigned int m_len)
{
	return crypto_sig_verify(tfm, s, s_len, m, m_len);
}

static int api_sign(struct amesh_crypto_tfm *tfm, const u8 *m,
		    unsigned int m_len, u8 *s)
{
	int ret = crypto_sig_sign(tfm, m, m_len, s, 64);

	return ret == 64 ? 0 : ret;
}

static void test_front_end(struct amesh_crypto_tfm *tfm)
{
	CHECK(crypto_sig_maxsize(tfm) == 64);
}

#else

/* @pieces scatterlist entries of uneven length over copies of @data */
static struct scatterlist *scatter(const u8 *data, unsigned int len,
				   unsigned int pieces)
{
	struct scatterlist *sg = kcalloc(pieces, sizeof(*sg), GFP_KERNEL);
	unsigned int i, at = 0, n;

	if (!sg)
		return NULL;
	sg_init_table(sg, pieces);
	for (i = 0; i < pieces; i++) {
		n = i + 1 < pieces ? min(len - at, 1 + 37 * i) : len - at;
		sg_set_buf(&sg[i], kmemdup(data + at, n ?: 1, GFP_KERNEL), n);
		at += n;
	}
	return sg;
}

static void unscatter(struct scatterlist *sg, unsigned int pieces)
{
	unsigned int i;

	for (i = 0; i < pieces; i++)
		kfree(sg_virt(&sg[i]));
	kfree(sg);
}

static int request(struct amesh_crypto_tfm *tfm, struct scatterlist *src,
		   unsigned int src_len, struct scatterlist *dst,
		   unsigned int dst_len, bool sign)
{
	struct akcipher_request *req = akcipher_request_alloc(tfm, GFP_KERNEL);
	DECLARE_CRYPTO_WAIT(wait);
	int err;

	if (!req)
		return -ENOMEM;
	akcipher_request_set_crypt(req, src, dst, src_len, dst_len);
	akcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_SLEEP,
				      crypto_req_done, &wait);
	err = sign ? crypto_akcipher_sign(req) : crypto_akcipher_verify(req);
	err = crypto_wait_req(err, &wait);
	akcipher_request_free(req);
	return err;
}

static int api_verify(struct amesh_crypto_tfm *tfm, const u8 *s,
		      unsigned int s_len, const u8 *m, unsigned int m_len)
{
	u8 *both = kmalloc(s_len + m_len, GFP_KERNEL);
	struct scatterlist *sg;
	int err;

	if (!both)
		return -ENOMEM;
	memcpy(both, s, s_len);
	memcpy(both + s_len, m, m_len);
	sg = scatter(both, s_len + m_len, 5);
	err = sg ? request(tfm, sg, s_len, NULL, m_len, false) : -ENOMEM;
	if (sg)
		unscatter(sg, 5);
	kfree(both);
	return err;
}

static int api_sign(struct amesh_crypto_tfm *tfm, const u8 *m,
		    unsigned int m_len, u8 *s)
{
	struct scatterlist *src = scatter(m, m_len, 3), dst;
	u8 *out = kzalloc(64, GFP_KERNEL);
	int err = -ENOMEM;

	if (src && out) {
		sg_init_one(&dst, out, 64);
		err = request(tfm, src, m_len, &dst, 64, true);
		memcpy(s, out, 64);
	}
	if (src)
		unscatter(src, 3);
	kfree(out);
	return err;
}

static void test_front_end(struct amesh_crypto_tfm *tfm)
{
	struct scatterlist one;
	u8 *buf = kmemdup(sig, 64, GFP_KERNEL);

	CHECK(crypto_akcipher_maxsize(tfm) == 64);
	if (!buf)
		return;
	/* lists shorter than they say are refused, not read past the end */
	sg_init_one(&one, buf, 64);
	CHECK(request(tfm, &one, 64, NULL, 2, false) == -EINVAL);
	sg_init_one(&one, buf, 40);
	CHECK(request(tfm, &one, 64, NULL, 0, false) == -EINVAL);
	kfree(buf);
}

#endif

static void test_verify(void)
{
	struct amesh_crypto_tfm *tfm = keyed(AMESH_ED25519_NAME, 0);
	struct amesh_crypto_tfm *bare = amesh_crypto_alloc(AMESH_ED25519_NAME);
	u8 bad[65], key[32];

	if (!tfm || IS_ERR(bare)) {
		CHECK(!"no transform");
		return;
	}
	memcpy(bad, sig, 64);
	bad[0] ^= 1;
	CHECK(!api_verify(tfm, sig, 64, msg, 2));
	CHECK(api_verify(tfm, bad, 64, msg, 2) == -EKEYREJECTED);
	CHECK(api_verify(tfm, sig, 64, msg, 1) == -EKEYREJECTED);
	CHECK(api_verify(tfm, sig, 63, msg, 2) == -EINVAL);
	CHECK(api_verify(tfm, bad, 65, msg, 2) == -EINVAL);
	CHECK(api_verify(bare, sig, 64, msg, 2) == -EINVAL);
	CHECK(!amesh_ed25519_public(tfm, key) && !memcmp(key, pub, 32));
	CHECK(amesh_ed25519_public(bare, key) == -ENOKEY);
	CHECK(amesh_ed25519_sign(tfm, msg, 2, bad) == -ENOKEY);
	CHECK(!memchr_inv(bad, 0, 64));
	test_front_end(tfm);
	amesh_crypto_free(tfm);
	amesh_crypto_free(bare);
}

static void test_sign(void)
{
	struct amesh_crypto_tfm *tfm = signer();
	u8 *text = kmalloc(LONG_MSG, GFP_KERNEL), a[64], b[64], key[32];

	if (!tfm || !text) {
		CHECK(!"no memory");
		return;
	}
	memset(text, 0x5a, LONG_MSG);
	CHECK(!amesh_ed25519_public(tfm, key) && !memcmp(key, pub, 32));
	CHECK(!amesh_ed25519_sign(tfm, msg, 2, a) && !memcmp(a, sig, 64));
	CHECK(!api_sign(tfm, msg, 2, a) && !memcmp(a, sig, 64));
	CHECK(!amesh_ed25519_sign(tfm, text, LONG_MSG, a));
	CHECK(!api_sign(tfm, text, LONG_MSG, b) && !memcmp(a, b, 64));
	CHECK(!api_verify(tfm, a, 64, text, LONG_MSG));
	text[LONG_MSG - 1] ^= 1;
	CHECK(api_verify(tfm, a, 64, text, LONG_MSG) == -EKEYREJECTED);
	CHECK(amesh_crypto_set_priv_key(tfm, seed, 31) == -EINVAL);
	CHECK(amesh_ed25519_sign(tfm, msg, 2, a) == -ENOKEY);
	kfree(text);
	amesh_crypto_free(tfm);
}

static void test_keys(void)
{
	struct amesh_crypto_tfm *tfm = keyed(AMESH_ED25519_NAME, 1024);
	u8 key[32];

	if (!tfm) {
		CHECK(!"no transform");
		return;
	}
	CHECK(amesh_ed25519_set_table_bytes(tfm, 4096) == -EBUSY);
	CHECK(amesh_crypto_set_pub_key(tfm, pub, 31) == -EINVAL);
	CHECK(amesh_ed25519_public(tfm, key) == -ENOKEY);
	CHECK(amesh_ed25519_set_table_bytes(tfm, 0) == -EINVAL);
	CHECK(amesh_ed25519_set_table_bytes(tfm, 4097) == -EINVAL);
	CHECK(amesh_ed25519_set_table_bytes(tfm, 131072) == -EINVAL);
	CHECK(!amesh_ed25519_set_table_bytes(tfm, 65536));
	memset(key, 0xff, 32);
	CHECK(amesh_crypto_set_pub_key(tfm, key, 32) == -ERANGE);
	memset(key, 0, 32);
	CHECK(amesh_crypto_set_pub_key(tfm, key, 32) == -EKEYREJECTED);
	key[0] = 2;
	CHECK(amesh_crypto_set_pub_key(tfm, key, 32) == -EBADMSG);
	CHECK(api_verify(tfm, sig, 64, msg, 2) == -EINVAL);
	CHECK(!amesh_crypto_set_pub_key(tfm, pub, 32));
	CHECK(!api_verify(tfm, sig, 64, msg, 2));
	CHECK(strcmp(amesh_ed25519_key_error(-ERANGE),
		     amesh_ed25519_key_error(-EBADMSG)));
	amesh_crypto_free(tfm);
}

/* Another driver, of higher priority, that accepts whatever starts with 'y'. */
static int other_accepts(const u8 *m)
{
	return m[0] == 'y' ? 0 : -EKEYREJECTED;
}

#if AMESH_CRYPTO_SIG
static int other_verify(struct crypto_sig *tfm, const void *s,
			unsigned int s_len, const void *m, unsigned int m_len)
{
	return other_accepts(m);
}

static int other_set_key(struct crypto_sig *tfm, const void *key,
			 unsigned int len)
{
	return 0;
}

static unsigned int other_size(struct crypto_sig *tfm)
{
	return 64;
}

static struct sig_alg other_alg = {
	.key_size = other_size,
#else
static int other_verify(struct akcipher_request *req)
{
	u8 first;

	sg_pcopy_to_buffer(req->src, sg_nents(req->src), &first, 1, 64);
	return other_accepts(&first);
}

static int other_set_key(struct crypto_akcipher *tfm, const void *key,
			 unsigned int len)
{
	return 0;
}

static unsigned int other_size(struct crypto_akcipher *tfm)
{
	return 64;
}

static struct akcipher_alg other_alg = {
#endif
	.verify = other_verify,
	.set_pub_key = other_set_key,
	.max_size = other_size,
	.base = {
		.cra_name = AMESH_ED25519_NAME,
		.cra_driver_name = "ed25519-api-test",
		.cra_priority = 1,
		.cra_module = THIS_MODULE,
	},
};

static void fill(struct amesh_ed25519_item *item, struct amesh_crypto_tfm *tfm)
{
	*item = (struct amesh_ed25519_item){ .tfm = tfm, .sig = sig,
		.head = msg, .head_bytes = 1, .msg = msg + 1, .msg_bytes = 1 };
}

/* Items of ours in two table sizes, of no key, and of the other driver. */
static void check_batch(struct amesh_ed25519_batch *batch,
			struct amesh_ed25519_item *items,
			struct amesh_crypto_tfm *tfm[4], unsigned int n)
{
	static const u8 other_sig[64];
	u64 want = 0, got = ~0ULL;
	unsigned int i;

	for (i = 0; i < n; i++) {
		fill(&items[i], tfm[i % 4]);
		if (i % 4 < 2)
			want |= BIT_ULL(i);
		if (i % 4 == 3) {
			items[i].head = i % 8 == 3 ? "yes" : "no";
			items[i].head_bytes = 2;
			if (i % 8 == 3)
				want |= BIT_ULL(i);
		}
		if (i % 7 == 5 && i % 4 < 2) {
			items[i].sig = other_sig;
			want &= ~BIT_ULL(i);
		}
	}
	CHECK(!amesh_ed25519_verify_batch(batch, items, n, &got));
	CHECK(got == want);
}

static void test_batch(void)
{
	struct amesh_ed25519_batch *batch = amesh_ed25519_batch_alloc(GFP_KERNEL);
	struct amesh_ed25519_item *items = kcalloc(65, sizeof(*items), GFP_KERNEL);
	struct amesh_crypto_tfm *tfm[4] = {
		keyed(AMESH_ED25519_NAME, 0), keyed(AMESH_ED25519_NAME, 16384),
		amesh_crypto_alloc(AMESH_ED25519_NAME),
		amesh_crypto_alloc("ed25519-api-test") };
	unsigned int n;
	u64 got = 1;
	u8 key[64];

	if (!batch || !items || !tfm[0] || !tfm[1] || IS_ERR(tfm[2]) ||
	    IS_ERR(tfm[3])) {
		CHECK(!"no memory");
		return;
	}
	for (n = 1; n <= 64; n += n < 17 ? 1 : 47)
		check_batch(batch, items, tfm, n);
	for (n = 0; n < 65; n++)
		fill(&items[n], tfm[0]);
	CHECK(amesh_ed25519_verify_batch(batch, items, 0, &got) == -EINVAL);
	CHECK(!got);
	CHECK(amesh_ed25519_verify_batch(batch, items, 65, &got) == -EINVAL);
	CHECK(!got);
	CHECK(!amesh_ed25519_verify_batch(batch, items, 64, &got));
	CHECK(got == ~0ULL);
	CHECK(amesh_ed25519_set_table_bytes(tfm[3], 4096) == -EOPNOTSUPP);
	CHECK(amesh_ed25519_public(tfm[3], key) == -EOPNOTSUPP);
	CHECK(amesh_ed25519_sign(tfm[3], msg, 2, key) == -EOPNOTSUPP);
	for (n = 0; n < 4; n++)
		amesh_crypto_free(tfm[n]);
	kfree(items);
	amesh_ed25519_batch_free(batch);
}

static int __init api_test_init(void)
{
#if AMESH_CRYPTO_SIG
	int err = crypto_register_sig(&other_alg);
#else
	int err = crypto_register_akcipher(&other_alg);
#endif

	CHECK(!err);
	test_verify();
	test_sign();
	test_keys();
	if (!err)
		test_batch();
	pr_info("%s: %d passed, %d failed\n", amesh_ed25519_impl(), passed,
		failed);
#if AMESH_CRYPTO_SIG
	if (!err)
		crypto_unregister_sig(&other_alg);
#else
	if (!err)
		crypto_unregister_akcipher(&other_alg);
#endif
	return failed ? -EIO : 0;
}

static void __exit api_test_exit(void)
{
}

module_init(api_test_init);
module_exit(api_test_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test of the exported interface of attestmesh_ed25519");

// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/*
 * STAND-IN for the confidential mode: the kernel's crypto, if its configuration
 * has all that a protected channel to the GPU needs. Decided at compile time.
 */
#include "nv-standin.h"

#ifdef USE_LKCA
#include <linux/err.h>
#include <linux/scatterlist.h>
#include <crypto/aead.h>
#include <crypto/akcipher.h>
#include <crypto/hash.h>
#include <crypto/kpp.h>
#include <crypto/skcipher.h>

static int have_hash(const char *name)
{
	struct crypto_shash *hash = crypto_alloc_shash(name, 0, 0);

	if (IS_ERR(hash))
		return PTR_ERR(hash);
	crypto_free_shash(hash);
	return 0;
}

static int have_aead(const char *name)
{
	struct crypto_aead *aead = crypto_alloc_aead(name, 0, 0);

	if (IS_ERR(aead))
		return PTR_ERR(aead);
	crypto_free_aead(aead);
	return 0;
}

static int have_signature(const char *name)
{
	struct crypto_akcipher *cipher = crypto_alloc_akcipher(name, 0, 0);

	if (IS_ERR(cipher))
		return PTR_ERR(cipher);
	crypto_free_akcipher(cipher);
	return 0;
}

int libspdm_check_crypto_backend(void)
{
	int rc = have_hash("hmac(sha256)");

	if (!rc)
		rc = have_hash("sha384");
	if (!rc)
		rc = have_aead("gcm(aes)");
	if (!rc)
		rc = have_signature("ecdsa-nist-p384");
	return rc;
}
#else
int libspdm_check_crypto_backend(void)
{
	return -EOPNOTSUPP;
}
#endif

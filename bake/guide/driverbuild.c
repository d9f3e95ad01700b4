/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guide/driverbuild.h"

#include <stddef.h>

const char *const ccb_driver_settings[] = {
    "CRYPTO_AEAD", "CRYPTO_AKCIPHER", "CRYPTO_SKCIPHER",
    "CRYPTO_HASH", "CRYPTO_HMAC",     "CRYPTO_RSA",
    "CRYPTO_ECDH", "CRYPTO_ECDSA",    "X509_CERTIFICATE_PARSER",
    NULL,
};

const char *const ccb_driver_headers[] = {
    "crypto/akcipher.h",
    "crypto/algapi.h",
    "crypto/ecc_curve.h",
    "crypto/ecdh.h",
    "crypto/hash.h",
    "crypto/internal/ecc.h",
    "crypto/kpp.h",
    "crypto/public_key.h",
    "crypto/sm3.h",
    "keys/asymmetric-type.h",
    NULL,
};

const char *const ccb_driver_tools[] = {"cc", "make", "ld", NULL};

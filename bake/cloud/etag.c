/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/etag.h"

#include <string.h>

enum { MD5_HEX_SIZE = 32 };

static bool begins_with_md5(const char *etag)
{
    for (size_t i = 0; i < MD5_HEX_SIZE; i++)
        if (!g_ascii_isxdigit(etag[i]))
            return false;
    return true;
}

CcbEtagVerdict ccb_etag_compare(const char *etag, const char *expected)
{
    if (etag == NULL || !begins_with_md5(etag) ||
        strcmp(etag + MD5_HEX_SIZE, expected + MD5_HEX_SIZE) != 0)
        return CCB_ETAG_OPAQUE;
    return g_ascii_strcasecmp(etag, expected) == 0 ? CCB_ETAG_SAME : CCB_ETAG_DIFFERS;
}

bool ccb_etag_is_encrypted(const CcbHttpExchange *exchange)
{
    static const char *const names[] = {"x-amz-server-side-encryption",
                                        "x-oss-server-side-encryption"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *algorithm = ccb_http_exchange_header(exchange, names[i]);
        if (algorithm != NULL && strcmp(algorithm, "AES256") != 0)
            return true;
    }
    return false;
}

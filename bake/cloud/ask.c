/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/ask.h"

#include "base/error.h"

char *ccb_ask(const CcbHttpRequest *request, const char *who, long *ret_status, GError **error)
{
    g_autoptr(CcbHttpPool) pool = ccb_http_pool_new();
    g_autoptr(CcbHttpExchange) exchange = ccb_http_exchange_new(request);
    if (!ccb_http_pool_run(pool, exchange, error))
        return NULL;
    const GError *reason = ccb_http_exchange_error(exchange);
    if (reason != NULL) {
        ccb_fail(error, CCB_ERR_FETCH, "%s: %s", who, reason->message);
        return NULL;
    }
    *ret_status = ccb_http_exchange_status(exchange);
    return g_strdup(ccb_http_exchange_body(exchange)->str);
}

bool ccb_ask_take(const json_t *answer, CcbCredentials *ret)
{
    const char *id = NULL, *secret = NULL, *token = NULL, *expires = NULL;
    if (json_unpack((json_t *)answer, "{s:s, s:s, s:s, s?s}", "AccessKeyId", &id, "AccessKeySecret",
                    &secret, "SecurityToken", &token, "Expiration", &expires) != 0)
        return false;
    ccb_credentials_set(ret, id, secret, token, ccb_credentials_parse_time(expires));
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/sigv4.h"

#include <string.h>

#include "base/digest.h"
#include "cloud/secrets.h"

static gint compare_pairs(gconstpointer a, gconstpointer b)
{
    const CcbPair *one = a, *other = b;
    int order = strcmp(one->name, other->name);
    return order != 0 ? order : strcmp(one->value, other->value);
}

char *ccb_sigv4_query(GArray *query)
{
    GString *text = g_string_new(NULL);
    if (query != NULL)
        g_array_sort(query, compare_pairs);
    for (guint i = 0; query != NULL && i < query->len; i++) {
        const CcbPair *pair = &g_array_index(query, CcbPair, i);
        g_autofree char *name = g_uri_escape_string(pair->name, NULL, FALSE);
        g_autofree char *value = g_uri_escape_string(pair->value, NULL, FALSE);
        g_string_append_printf(text, "%s%s=%s", i > 0 ? "&" : "", name, value);
    }
    return g_string_free(text, FALSE);
}

/* Each key is made of the one before and of the next piece of the scope. */
static void derive_key(const CcbSigv4Key *key, const char *date, unsigned char ret[CCB_SHA256_SIZE])
{
    const char *const pieces[] = {date, key->region, key->service, "aws4_request"};
    ccb_autosecret char *first = g_strconcat("AWS4", key->secret, NULL);
    ccb_hmac_sha256(first, strlen(first), pieces[0], ret);
    for (size_t i = 1; i < G_N_ELEMENTS(pieces); i++)
        ccb_hmac_sha256(ret, CCB_SHA256_SIZE, pieces[i], ret);
}

char *ccb_sigv4_authorization(const CcbSigv4Request *request, const CcbSigv4Key *key)
{
    static const char algorithm[] = "AWS4-HMAC-SHA256";
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GString) canonical = g_string_new(NULL);
    g_autofree char *query = ccb_sigv4_query(request->query);
    g_string_printf(canonical, "%s\n%s\n%s\n", request->method, request->path, query);
    g_array_sort(request->headers, compare_pairs);
    for (guint i = 0; i < request->headers->len; i++) {
        const CcbPair *header = &g_array_index(request->headers, CcbPair, i);
        g_string_append_printf(names, "%s%s", i > 0 ? ";" : "", header->name);
        g_string_append_printf(canonical, "%s:%s\n", header->name, header->value);
    }
    g_string_append_printf(canonical, "\n%s\n%s", names->str, request->payload);

    g_autofree char *digest = ccb_digest_string(canonical->str);
    g_autofree char *date = g_strndup(request->time, strlen("20130524"));
    g_autofree char *scope = g_strjoin("/", date, key->region, key->service, "aws4_request", NULL);
    g_autofree char *to_sign = g_strjoin("\n", algorithm, request->time, scope, digest, NULL);
    unsigned char derived[CCB_SHA256_SIZE], raw[CCB_SHA256_SIZE];
    derive_key(key, date, derived);
    ccb_hmac_sha256(derived, sizeof derived, to_sign, raw);
    explicit_bzero(derived, sizeof derived);
    g_autofree char *signature = ccb_hex(raw, sizeof raw);
    return g_strdup_printf("%s Credential=%s/%s,SignedHeaders=%s,Signature=%s", algorithm, key->id,
                           scope, names->str, signature);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/sigv4.h"

#include <string.h>

#include "base/digest.h"

static const char algorithm[] = "AWS4-HMAC-SHA256";

enum { DATE_SIZE = 8 }; /* of "20130524T000000Z" */

char *ccb_uri_encode(const char *text, const char *keep)
{
    GString *encoded = g_string_new(NULL);
    for (const char *p = text; *p != '\0'; p++) {
        if (g_ascii_isalnum(*p) || strchr("-._~", *p) != NULL || strchr(keep, *p) != NULL)
            g_string_append_c(encoded, *p);
        else
            g_string_append_printf(encoded, "%%%02X", (unsigned char)*p);
    }
    return g_string_free(encoded, FALSE);
}

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
        g_autofree char *name = ccb_uri_encode(pair->name, "");
        g_autofree char *value = ccb_uri_encode(pair->value, "");
        g_string_append_printf(text, "%s%s=%s", i > 0 ? "&" : "", name, value);
    }
    return g_string_free(text, FALSE);
}

/* Without spaces around it, and with one where there are several. */
static char *squeeze(const char *value)
{
    GString *text = g_string_new(NULL);
    for (const char *p = value; *p != '\0'; p++)
        if (*p != ' ' || (text->len > 0 && text->str[text->len - 1] != ' '))
            g_string_append_c(text, *p);
    if (text->len > 0 && text->str[text->len - 1] == ' ')
        g_string_truncate(text, text->len - 1);
    return g_string_free(text, FALSE);
}

static char *signed_headers(const GArray *headers)
{
    GString *names = g_string_new(NULL);
    for (guint i = 0; i < headers->len; i++)
        g_string_append_printf(names, "%s%s", i > 0 ? ";" : "",
                               g_array_index(headers, CcbPair, i).name);
    return g_string_free(names, FALSE);
}

static char *canonical_request(const CcbSigv4Request *request, const char *names)
{
    g_autofree char *query = ccb_sigv4_query(request->query);
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%s\n%s\n%s\n", request->method, request->path, query);
    for (guint i = 0; i < request->headers->len; i++) {
        const CcbPair *header = &g_array_index(request->headers, CcbPair, i);
        g_autofree char *value = squeeze(header->value);
        g_string_append_printf(text, "%s:%s\n", header->name, value);
    }
    g_string_append_printf(text, "\n%s\n%s", names, request->payload);
    return g_string_free(text, FALSE);
}

/* Each key is made of the one before and of a piece of the scope. */
static void derive_key(const CcbSigv4Key *key, const char *date, unsigned char ret[CCB_SHA256_SIZE])
{
    const char *const pieces[] = {date, key->region, key->service, "aws4_request"};
    char *first = g_strconcat("AWS4", key->secret, NULL);
    ccb_hmac_sha256(first, strlen(first), pieces[0], ret);
    explicit_bzero(first, strlen(first));
    g_free(first);
    for (size_t i = 1; i < G_N_ELEMENTS(pieces); i++)
        ccb_hmac_sha256(ret, CCB_SHA256_SIZE, pieces[i], ret);
}

char *ccb_sigv4_authorization(const CcbSigv4Request *request, const CcbSigv4Key *key)
{
    unsigned char derived[CCB_SHA256_SIZE], raw[CCB_SHA256_SIZE];
    g_array_sort(request->headers, compare_pairs);
    g_autofree char *names = signed_headers(request->headers);
    g_autofree char *canonical = canonical_request(request, names);
    g_autofree char *digest = ccb_digest_string(canonical);
    g_autofree char *date = g_strndup(request->time, DATE_SIZE);
    g_autofree char *scope = g_strjoin("/", date, key->region, key->service, "aws4_request", NULL);
    g_autofree char *to_sign = g_strjoin("\n", algorithm, request->time, scope, digest, NULL);
    derive_key(key, date, derived);
    ccb_hmac_sha256(derived, sizeof derived, to_sign, raw);
    explicit_bzero(derived, sizeof derived);
    g_autofree char *signature = ccb_hex(raw, sizeof raw);
    return g_strdup_printf("%s Credential=%s/%s,SignedHeaders=%s,Signature=%s", algorithm, key->id,
                           scope, names, signature);
}

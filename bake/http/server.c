/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/server.h"

#include <glib.h>
#include <string.h>

#include "http/handle.h"

/* A part of the URL as libcurl reads it (caller frees with curl_free()), or NULL. */
static char *url_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    unsigned flags = part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0;
    return curl_url_get(url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

bool ccb_http_is_private(const char *url)
{
    CURLU *parsed = curl_url();
    bool is_private = false;
    if (curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK) {
        char *scheme = url_part(parsed, CURLUPART_SCHEME);
        char *host = url_part(parsed, CURLUPART_HOST);
        size_t size = host != NULL ? strlen(host) : 0;
        bool is_ipv6 = size > 2 && host[0] == '['; /* in brackets */
        g_autofree char *name = is_ipv6 ? g_strndup(host + 1, size - 2) : g_strdup(host);
        is_private =
            g_strcmp0(scheme, "https") == 0 || (name != NULL && ccb_http_is_this_host(name));
        curl_free(scheme);
        curl_free(host);
    }
    curl_url_cleanup(parsed);
    return is_private;
}

static bool is_same_server(CURLU *a, CURLU *b)
{
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    bool same = true;
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        char *of_a = url_part(a, parts[i]), *of_b = url_part(b, parts[i]);
        same = same && of_a != NULL && of_b != NULL && g_ascii_strcasecmp(of_a, of_b) == 0;
        curl_free(of_a);
        curl_free(of_b);
    }
    return same;
}

bool ccb_http_is_same_server(const char *a, const char *b)
{
    CURLU *url_a = curl_url(), *url_b = curl_url();
    bool same = curl_url_set(url_a, CURLUPART_URL, a, 0) == CURLUE_OK &&
                curl_url_set(url_b, CURLUPART_URL, b, 0) == CURLUE_OK &&
                is_same_server(url_a, url_b);
    curl_url_cleanup(url_a);
    curl_url_cleanup(url_b);
    return same;
}

static void keep_login(CURLU *from, CURLU *to)
{
    static const CURLUPart parts[] = {CURLUPART_USER, CURLUPART_PASSWORD};
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        char *text = url_part(from, parts[i]);
        if (text != NULL)
            curl_url_set(to, parts[i], text, 0);
        curl_free(text);
    }
}

char *ccb_http_redirect(CURL *handle, const char *url)
{
    static const long moved[] = {301, 302, 303, 307, 308};
    const char *location = ccb_http_header(handle, "Location");
    long status = ccb_http_status(handle);
    bool has_moved = false;
    for (size_t i = 0; i < G_N_ELEMENTS(moved); i++)
        has_moved = has_moved || status == moved[i];
    if (!has_moved || location == NULL)
        return NULL;
    const unsigned any = CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE;
    char *copy = NULL;
    CURLU *from = curl_url();
    curl_url_set(from, CURLUPART_URL, url, 0);
    CURLU *to = curl_url_dup(from);
    if (curl_url_set(to, CURLUPART_URL, location, any) == CURLUE_OK) {
        if (is_same_server(from, to))
            keep_login(from, to);
        char *target = url_part(to, CURLUPART_URL);
        copy = g_strdup(target);
        curl_free(target);
    }
    curl_url_cleanup(from);
    curl_url_cleanup(to);
    return copy;
}

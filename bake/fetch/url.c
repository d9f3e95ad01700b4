/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/url.h"

#include <string.h>

bool ccb_url_is_remote(const char *url)
{
    return g_ascii_strncasecmp(url, "http://", 7) == 0 ||
           g_ascii_strncasecmp(url, "https://", 8) == 0;
}

char *ccb_url_local_path(const char *url)
{
    if (url[0] == '/')
        return g_strdup(url);
    if (g_ascii_strncasecmp(url, "file://", 7) != 0)
        return NULL;
    g_autofree char *host = NULL;
    g_autofree char *path = g_filename_from_uri(url, &host, NULL);
    bool here = host == NULL || strcmp(host, "localhost") == 0;
    return here ? g_steal_pointer(&path) : NULL;
}

char *ccb_url_redact(const char *url)
{
    const char *scheme_end = strstr(url, "://");
    if (scheme_end == NULL)
        return g_strdup(url);
    const char *authority = scheme_end + 3;
    size_t authority_size = strcspn(authority, "/?#");
    const char *at = g_strrstr_len(authority, (gssize)authority_size, "@");
    const char *shown = at != NULL ? at + 1 : authority;
    size_t size = strcspn(shown, "?#");
    return g_strdup_printf("%.*s%.*s%s", (int)(authority - url), url, (int)size, shown,
                           shown[size] == '?' ? "?..." : "");
}

/* By parts of the name, in lower case: X-Amz-Signature, X-Oss-Credential, OSSAccessKeyId, sig, access_token ... */
static bool is_secret(const char *parameter)
{
    static const char *const parts[] = {"sig",        "token", "secret",  "passw",  "key",
                                        "credential", "auth",  "expires", "x-amz-", "x-oss-"};
    g_autofree char *name = g_ascii_strdown(parameter, (gssize)strcspn(parameter, "="));
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        if (strstr(name, parts[i]) != NULL)
            return true;
    return false;
}

char *ccb_url_identity(const char *url)
{
    const char *query = strchr(url, '?');
    if (!ccb_url_is_remote(url))
        return g_strdup(url);
    g_autofree char *place = g_strndup(url, query != NULL ? (gsize)(query - url) : strlen(url));
    g_autofree char *shown = ccb_url_redact(place);
    g_autoptr(GString) identity = g_string_new(shown);
    g_auto(GStrv) parameters = g_strsplit(query != NULL ? query + 1 : "", "&", -1);
    char before = '?';
    for (char **parameter = parameters; *parameter != NULL; parameter++) {
        if (is_secret(*parameter))
            continue;
        g_string_append_printf(identity, "%c%s", before, *parameter);
        before = '&';
    }
    return g_string_free(g_steal_pointer(&identity), FALSE);
}

char *ccb_url_server(const char *url)
{
    g_autofree char *shown = ccb_url_redact(url);
    const char *authority = strstr(shown, "://") + 3;
    return g_strndup(shown, (gsize)(authority - shown) + strcspn(authority, "/?"));
}

char *ccb_url_directory(const char *url)
{
    g_autofree char *server = ccb_url_server(url);
    g_autofree char *shown = ccb_url_redact(url);
    shown[strcspn(shown, "?")] = '\0';
    const char *slash = strrchr(shown + strlen(server), '/');
    return slash == NULL ? g_strconcat(server, "/", NULL)
                         : g_strndup(shown, (gsize)(slash - shown) + 1);
}

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

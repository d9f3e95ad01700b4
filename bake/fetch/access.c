/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/access.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "fetch/url.h"
#include "http/server.h"

enum { HEADER_FILE_MAX = 64 << 10 };

/* Refuses a file that is not there, or that every user of this host can read. */
static bool check_file(const char *path, GError **error)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return ccb_fail_errno(error, CCB_ERR_INPUT, "%s", path);
    if ((st.st_mode & (S_IROTH | S_IWOTH)) == 0 || S_ISCHR(st.st_mode))
        return true;
    ccb_fail(error, CCB_ERR_INPUT, "%s holds credentials, and every user can %s it", path,
             st.st_mode & S_IROTH ? "read" : "write");
    return ccb_hint(error, "chmod 600 %s", path);
}

bool ccb_access_find_netrc(char **ret_path, GError **error)
{
    const char *named = g_getenv("CCBAKE_NETRC");
    g_autofree char *path =
        named != NULL ? g_strdup(named) : g_build_filename(g_get_home_dir(), ".netrc", NULL);
    *ret_path = NULL;
    if (named != NULL ? *named == '\0' : !g_file_test(path, G_FILE_TEST_IS_REGULAR))
        return true;
    g_autoptr(GError) reason = NULL;
    if (check_file(path, &reason)) {
        *ret_path = g_steal_pointer(&path);
        return true;
    }
    if (named != NULL) {
        g_propagate_prefixed_error(error, g_steal_pointer(&reason), "CCBAKE_NETRC: ");
        return false;
    }
    ccb_warn("%s", reason->message); /* it need not be meant for us */
    return true;
}

/* "Name: value" with a name as RFC 9110 has it, and a value that ends with the line. */
static bool is_header(const char *line)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    const char *c = line;
    while (g_ascii_isalnum(*c) || (*c != '\0' && strchr(marks, *c) != NULL))
        c++;
    if (c == line || *c != ':' || c[1 + strspn(c + 1, " \t")] == '\0')
        return false;
    for (; *c != '\0'; c++)
        if (g_ascii_iscntrl(*c) && *c != '\t')
            return false;
    return true;
}

/* Adds the lines of the file to *headers.  The error does not show them. */
static bool read_headers(const char *path, struct curl_slist **headers, GError **error)
{
    size_t size;
    unsigned number = 0;
    GError *reason = NULL;
    if (!check_file(path, error))
        return false;
    char *text = ccb_read_file(path, HEADER_FILE_MAX, &size, error);
    if (text == NULL)
        return false;
    if (strlen(text) != size)
        ccb_fail(&reason, CCB_ERR_INPUT, "%s: not a text", path);
    for (char *line = text, *next; reason == NULL && *line != '\0'; line = next) {
        size_t length = strcspn(line, "\n");
        next = line + length + (line[length] == '\n');
        line[length] = '\0';
        if (length > 0 && line[length - 1] == '\r')
            line[length - 1] = '\0';
        number++;
        if (is_header(line))
            *headers = curl_slist_append(*headers, line);
        else if (*line != '\0')
            ccb_fail(&reason, CCB_ERR_INPUT, "%s:%u: expected \"Name: value\"", path, number);
    }
    explicit_bzero(text, size);
    g_free(text);
    if (reason == NULL)
        return true;
    g_propagate_error(error, reason);
    return false;
}

void ccb_access_free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *header = headers; header != NULL; header = header->next)
        explicit_bzero(header->data, strlen(header->data));
    curl_slist_free_all(headers);
}

bool ccb_access_check(const CcbPayload *item, GError **error)
{
    struct curl_slist *headers = NULL;
    if (item->header_file == NULL)
        return true;
    g_autofree char *shown = ccb_url_redact(item->urls[0]);
    if (ccb_url_is_remote(item->urls[0]) && !ccb_http_is_private(item->urls[0]))
        return ccb_fail(error, CCB_ERR_RECIPE,
                        "%s: its header-file would be sent unencrypted; use https", shown);
    bool ok = read_headers(item->header_file, &headers, error);
    ccb_access_free_headers(headers);
    return ok;
}

bool ccb_access_set(CURL *handle, const CcbPayload *item, const char *url, const char *netrc,
                    struct curl_slist **headers, GError **error)
{
    bool has_headers = item->header_file != NULL && ccb_http_is_same_server(url, item->urls[0]);
    if (!ccb_http_is_private(url))
        return true;
    if (netrc != NULL) {
        curl_easy_setopt(handle, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
        curl_easy_setopt(handle, CURLOPT_NETRC_FILE, netrc);
    }
    /* Unencrypted is private within this host only, so not by way of a proxy. */
    if ((netrc != NULL || has_headers) && g_ascii_strncasecmp(url, "http:", 5) == 0)
        curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    return !has_headers || read_headers(item->header_file, headers, error);
}

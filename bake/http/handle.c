/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/handle.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/socket.h>

#include "base/cancel.h"
#include "base/error.h"

enum {
    CONNECT_LIMIT_S = 30,
    STALL_BYTES_PER_S = 1024, /* slower than this for stall_s seconds counts as a stall */
    BUFFER_SIZE = 256 * 1024,
};

/* Curl's own default leaks its sockets into child processes. */
static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

CURL *ccb_http_handle_new(const char *url, char *message, long stall_s)
{
    CURL *handle = curl_easy_init();
    if (handle == NULL)
        g_error("libcurl is out of memory");
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "ccbake");
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, message);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_LIMIT_S);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_S);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, stall_s);
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, (long)BUFFER_SIZE);
    /* A name server that doesn't answer must not delay Ctrl-C. */
    curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
    /* The curl tool reads these variables, libcurl doesn't; it does read http_proxy and its kin. */
    const char *bundle = g_getenv("CURL_CA_BUNDLE");
    const char *dir = g_getenv("SSL_CERT_DIR");
    if (bundle == NULL || *bundle == '\0')
        bundle = g_getenv("SSL_CERT_FILE");
    if (bundle != NULL && *bundle != '\0')
        curl_easy_setopt(handle, CURLOPT_CAINFO, bundle);
    if (dir != NULL && *dir != '\0')
        curl_easy_setopt(handle, CURLOPT_CAPATH, dir);
    return handle;
}

CURLM *ccb_http_multi_new(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    if (multi == NULL)
        g_error("libcurl is out of memory");
    return multi;
}

bool ccb_http_turn(CURLM *multi, int ms, GError **error)
{
    struct curl_waitfd cancel = {.fd = ccb_cancel_fd(), .events = CURL_WAIT_POLLIN};
    curl_multi_poll(multi, &cancel, cancel.fd >= 0 ? 1 : 0, ms, NULL);
    if (ccb_cancel_check(error))
        return false;
    int running;
    CURLMcode code = curl_multi_perform(multi, &running);
    return code == CURLM_OK ||
           ccb_fail(error, CCB_ERR_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
}

long ccb_http_status(CURL *handle)
{
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

const char *ccb_http_header(CURL *handle, const char *name)
{
    struct curl_header *header = NULL;
    CURLHcode code = curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &header);
    return code == CURLHE_OK ? header->value : NULL;
}

/* Curl itself takes the last of several lengths, and reads on without end after one that it can't read. */
bool ccb_http_length(CURL *handle, uint64_t *ret_length, GError **error)
{
    struct curl_header *header;
    *ret_length = 0;
    for (size_t i = 0;
         curl_easy_header(handle, "Content-Length", i, CURLH_HEADER, -1, &header) == CURLHE_OK;
         i++) {
        guint64 length = 0;
        if (!g_ascii_string_to_unsigned(header->value, 10, 0, G_MAXINT64, &length, NULL))
            return ccb_fail(error, CCB_ERR_FETCH, "the server sends the Content-Length \"%.40s\"",
                            header->value);
        if (i > 0 && length != *ret_length)
            return ccb_fail(error, CCB_ERR_FETCH,
                            "the server sends two different values of Content-Length");
        *ret_length = length;
    }
    if (*ret_length != 0 && ccb_http_header(handle, "Transfer-Encoding") != NULL)
        return ccb_fail(error, CCB_ERR_FETCH,
                        "the server sends both Content-Length and Transfer-Encoding");
    return true;
}

bool ccb_http_code_is_transient(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

bool ccb_http_status_is_transient(long status)
{
    return status == 408 || status == 429 || status >= 500;
}

bool ccb_http_is_refused(CURL *handle, CURLcode code)
{
    long reason = 0;
    curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &reason);
    return code == CURLE_COULDNT_CONNECT && reason == ECONNREFUSED;
}

gint64 ccb_http_pause_ms(CURL *handle, unsigned first_ms, unsigned tries)
{
    enum { LONGEST_MS = 30 * 1000, RETRY_AFTER_MAX_S = 60 };
    curl_off_t asked_s = 0;
    if (handle != NULL)
        curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &asked_s);
    gint64 ms = first_ms;
    for (unsigned i = 1; i < tries && ms < LONGEST_MS; i++)
        ms *= 2;
    ms = MIN(ms, LONGEST_MS);
    return MAX(ms / 2 + g_random_int_range(0, (gint32)(ms / 2) + 1),
               MIN(asked_s, RETRY_AFTER_MAX_S) * 1000);
}

bool ccb_http_is_this_host(const char *host)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
    return address != NULL ? g_inet_address_get_is_loopback(address)
                           : g_ascii_strcasecmp(host, "localhost") == 0;
}

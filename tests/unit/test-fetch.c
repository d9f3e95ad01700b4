/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bake/fetch/ against a server that misbehaves on request (tests/standin/server;
 * $CCB_STANDIN_SERVER names another one).  Each fault is proved twice: the server's access log
 * shows that it happened, and the store that it was survived.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/progress.h"
#include "fetch/fetch.h"
#include "fetch/url.h"

enum { SMALL = 100 * 1000, BIG = 6 << 20, DROP = 2 << 20 };

static char *work;        /* everything lives under here */
static char *server_root; /* WORK/root */
static char *server_log;
static char *base_url; /* http://127.0.0.1:PORT */
static unsigned done, failed;

/* Tries are cheap here, and a test that waits is a test nobody runs. */
static const CcbFetchOptions quick = {.parallel = 4, .retries = 3, .backoff_ms = 20, .stall_s = 5};

static void ok(bool good, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void ok(bool good, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    failed += !good;
    printf("%s %u - %s\n", good ? "ok" : "not ok", ++done, what);
    fflush(stdout);
}

static void no_error(GError *error, const char *what)
{
    ok(error == NULL, "%s%s%s", what, error ? ": " : "", error ? error->message : "");
    g_clear_error(&error);
}

/* The error has this code, and each of the words (NULL-terminated) in its message. */
static void error_says(GError *error, int code, const char *what, ...) G_GNUC_NULL_TERMINATED;

static void error_says(GError *error, int code, const char *what, ...)
{
    ok(error != NULL && error->code == code, "%s: exit code %d (got %d)", what, code,
       error ? error->code : 0);
    va_list words;
    va_start(words, what);
    for (const char *word; (word = va_arg(words, const char *)) != NULL;)
        ok(error != NULL && strstr(error->message, word) != NULL, "%s: says \"%s\"", what, word);
    va_end(words);
    if (error != NULL)
        printf("# %s\n", g_strdelimit(error->message, "\n", '|'));
    g_clear_error(&error);
}

/* --- payloads, items, stores */

static char *write_payload(const char *name, size_t size)
{
    g_autofree char *path = g_build_filename(server_root, name, NULL);
    g_autofree guint32 *data = g_malloc(size + 4);
    g_autoptr(GRand) random = g_rand_new_with_seed(g_str_hash(name));
    for (size_t i = 0; i < size / 4 + 1; i++)
        data[i] = g_rand_int(random);
    g_autofree char *dir = g_path_get_dirname(path);
    g_assert_true(ccb_mkdirs(dir, NULL) && ccb_write_file_atomic(path, data, size, NULL));
    return ccb_digest_file(path, NULL);
}

/* `path` is relative to the server, or complete. */
static CcbPayload *add_item(GPtrArray *items, const char *path, const char *sha256, uint64_t size)
{
    CcbPayload *item = g_new0(CcbPayload, 1);
    bool complete = strstr(path, "://") != NULL || g_str_has_prefix(path, work);
    g_autofree char *url = complete ? g_strdup(path) : g_strconcat(base_url, path, NULL);
    item->label = g_path_get_basename(path);
    item->urls = g_strsplit(url, " ", -1);
    item->sha256 = g_strdup(sha256);
    item->size = size;
    g_ptr_array_add(items, item);
    return item;
}

static GPtrArray *new_items(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)ccb_payload_free);
}

static void use_mirrors(CcbPayload *item, const char *first, const char *second)
{
    g_strfreev(item->urls);
    item->urls = g_new0(char *, 3);
    item->urls[0] =
        g_strconcat(first[0] == '/' && !g_str_has_prefix(first, work) ? base_url : "", first, NULL);
    item->urls[1] = g_strconcat(base_url, second, NULL);
}

static CcbStore *new_store(const char *name)
{
    g_autofree char *dir = g_build_filename(work, "stores", name, NULL);
    GError *error = NULL;
    CcbStore *store = ccb_store_open(dir, &error);
    g_assert_no_error(error);
    return store;
}

static GError *fetch(CcbStore *store, GPtrArray *items)
{
    GError *error = NULL;
    bool good = ccb_fetch_all(store, items, &quick, &error);
    g_assert_true(good == (error == NULL));
    return error;
}

static unsigned files_below(const char *dir)
{
    g_autoptr(GDir) handle = g_dir_open(dir, 0, NULL);
    unsigned n = 0;
    for (const char *name; handle != NULL && (name = g_dir_read_name(handle)) != NULL;) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        n += g_file_test(path, G_FILE_TEST_IS_DIR) ? files_below(path) : 1;
    }
    return n;
}

static void store_holds(CcbStore *store, unsigned objects, unsigned partial, const char *what)
{
    g_autofree char *dir = g_build_filename(ccb_store_dir(store), "partial", NULL);
    unsigned in_partial = files_below(dir), complete = 0;
    g_autoptr(GPtrArray) listed = ccb_store_list(store);
    for (guint i = 0; i < listed->len; i++)
        complete += !((const CcbObject *)listed->pdata[i])->is_partial;
    ok(complete == objects && in_partial == partial,
       "%s: %u objects, %u files of partials (want %u, %u)", what, complete, in_partial, objects,
       partial);
}

static char *partial_path(CcbStore *store, const char *sha256)
{
    return g_build_filename(ccb_store_dir(store), "partial", sha256, NULL);
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

/* --- the server and its log */

/* How many requests mention both; `word` may be empty. */
static unsigned requests(const char *path, const char *word)
{
    /* A request whose connection is dropped may be logged just after the client has seen it. */
    g_usleep(50 * 1000);
    g_autofree char *text = ccb_read_file(server_log, 0, NULL, NULL);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    unsigned n = 0;
    for (char **line = lines; *line != NULL; line++)
        n += strstr(*line, path) != NULL && strstr(*line, word) != NULL;
    return n;
}

static void logged(unsigned expected, const char *path, const char *word)
{
    unsigned n = requests(path, word);
    ok(n == expected, "log: %u requests for %s with \"%s\" (want %u)", n, path, word, expected);
}

static pid_t start_server(void)
{
    const char *program = g_getenv("CCB_STANDIN_SERVER");
    g_autofree char *port_file = g_build_filename(work, "port", NULL);
    const char *argv[] = {program ? program : "tests/standin/server",
                          "--root",
                          server_root,
                          "--port",
                          "0",
                          "--port-file",
                          port_file,
                          "--log",
                          server_log,
                          NULL};
    GError *error = NULL;
    pid_t pid = ccb_process_spawn(argv, -1, &error);
    g_assert_no_error(error);
    for (unsigned i = 0; i < 100 && size_of(port_file) < 1; i++)
        g_usleep(100 * 1000);
    g_autofree char *port = ccb_read_file(port_file, 0, NULL, &error);
    g_assert_no_error(error);
    base_url = g_strdup_printf("http://127.0.0.1:%s", g_strstrip(port));
    return pid;
}

#define NEXT "|next|"
#define PORT "|port|"

/* A server for what no well-behaved one does: sends `head` to whoever connects, then zeros for
 * ever, or nothing more.  Each part of `head` up to NEXT is for one client, the last for all others; PORT is its port.
 * What they ask is added to WORK/asked-PORT.  *ret_url must be freed; end the pid with ccb_process_end(). */
static pid_t start_raw_server(const char *head, bool zeros, char **ret_url)
{
    static const char body[65536];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    ccb_autofd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_true(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 16) == 0 &&
                  getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *ret_url = g_strdup_printf("http://127.0.0.1:%d/raw", ntohs(address.sin_port));
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    signal(SIGPIPE, SIG_IGN);
    g_autofree char *path = g_strdup_printf("%s/asked-%d", work, ntohs(address.sin_port));
    int asked = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    g_autofree char *port = g_strdup_printf("%d", ntohs(address.sin_port));
    g_auto(GStrv) between_ports = g_strsplit(head, PORT, -1);
    g_autofree char *with_port = g_strjoinv(port, between_ports);
    g_auto(GStrv) answers = g_strsplit(with_port, NEXT, -1);
    for (char **answer = answers;; answer += answer[1] != NULL) {
        int client = accept(fd, NULL, NULL);
        char request[4096];
        ssize_t n = read(client, request, sizeof request);
        if (n > 0 && write(asked, request, (size_t)n) == n &&
            write(client, *answer, strlen(*answer)) >= 0)
            while (zeros && write(client, body, sizeof body) > 0)
                ;
        if (zeros || answer[1] != NULL)
            close(client);
    }
}

/* How often the server at `url` was sent the line. */
static unsigned asked(const char *url, const char *line)
{
    g_autofree char *port = g_strndup(strrchr(url, ':') + 1, strcspn(strrchr(url, ':') + 1, "/"));
    g_autofree char *path = g_strdup_printf("%s/asked-%s", work, port);
    g_autofree char *text = ccb_read_file(path, 0, NULL, NULL);
    g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\r\n", -1);
    unsigned n = 0;
    for (char **l = lines; *l != NULL; l++)
        n += g_str_has_prefix(*l, line);
    return n;
}

/* --- tests: the good case, and the store */

static void test_parallel(void)
{
    g_autoptr(CcbStore) store = new_store("parallel");
    g_autoptr(GPtrArray) items = new_items();
    for (unsigned i = 0; i < 8; i++) {
        g_autofree char *name = g_strdup_printf("/parallel-%u.raw", i);
        g_autofree char *sha256 = write_payload(name, SMALL + i);
        /* One is not pinned, as for `ccbake lock`. */
        add_item(items, name, i == 7 ? NULL : sha256, i == 6 ? 0 : SMALL + i);
    }
    no_error(fetch(store, items), "eight files at a time");
    store_holds(store, 8, 0, "parallel");
    for (unsigned i = 0; i < 8; i++) {
        const CcbPayload *item = items->pdata[i];
        g_autofree char *got = ccb_digest_file(item->path, NULL);
        struct stat st = {0};
        ok(g_strcmp0(got, item->got_sha256) == 0 && item->got_size == SMALL + i &&
               stat(item->path, &st) == 0 && (st.st_mode & 07777) == 0444,
           "file %u is right", i);
    }
    const CcbPayload *first = items->pdata[0];
    ok(ccb_store_has(store, first->sha256, SMALL) && !ccb_store_has(store, first->sha256, 1) &&
           ccb_store_has(store, first->sha256, 0) && !ccb_store_has(store, "../../etc/passwd", 0),
       "ccb_store_has() looks at existence and size");
    no_error(fetch(store, items), "again");
    logged(1, "/parallel-0", "");
    logged(2, "/parallel-7", ""); /* not pinned: fetched each time */
}

static void test_same_twice(void)
{
    g_autoptr(CcbStore) store = new_store("twice");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/twice.raw", SMALL);
    add_item(items, "/twice.raw", sha256, 0);
    add_item(items, "/twice.raw", sha256, 0);
    no_error(fetch(store, items), "the same file asked for twice");
    logged(1, "/twice.raw", "");
    store_holds(store, 1, 0, "twice");
}

static void test_damaged_object(void)
{
    g_autoptr(CcbStore) store = new_store("damaged");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/damaged.raw", SMALL);
    CcbPayload *item = add_item(items, "/damaged.raw", sha256, 0);
    no_error(fetch(store, items), "to be damaged");
    g_assert_true(chmod(item->path, 0644) == 0);
    ccb_autofd int fd = open(item->path, O_WRONLY | O_CLOEXEC);
    g_assert_true(pwrite(fd, "flip", 4, 500) == 4);
    no_error(fetch(store, items), "a damaged object");
    logged(2, "/damaged.raw", "");
    g_autofree char *got = ccb_digest_file(item->path, NULL);
    ok(g_strcmp0(got, sha256) == 0, "the damaged object was replaced");
}

static void test_local(void)
{
    g_autoptr(CcbStore) store = new_store("local");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/a local.raw", SMALL);
    g_autofree char *path = g_build_filename(server_root, "a local.raw", NULL);
    g_autofree char *url = g_filename_to_uri(path, NULL, NULL);
    CcbPayload *by_path = add_item(items, "/x", sha256, SMALL);
    CcbPayload *by_url = add_item(items, url, NULL, 0);
    use_mirrors(by_path, "/never-asked.raw", "/never-asked.raw");
    g_free(by_path->urls[1]);
    by_path->urls[1] = g_strdup(path);
    no_error(fetch(store, items), "local files");
    ok(g_strcmp0(by_path->path, path) == 0 && g_strcmp0(by_url->path, path) == 0 &&
           g_strcmp0(by_url->got_sha256, sha256) == 0 && by_url->got_size == SMALL,
       "local files stay where they are");
    store_holds(store, 0, 0, "local");
    logged(0, "/never-asked.raw", "");
}

static void test_local_wrong(void)
{
    g_autoptr(CcbStore) store = new_store("local-wrong");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/local-wrong.raw", SMALL);
    g_autofree char *other = ccb_digest_string("other");
    g_autofree char *path = g_build_filename(server_root, "local-wrong.raw", NULL);
    g_autofree char *missing = g_build_filename(work, "missing-file", NULL);
    add_item(items, missing, sha256, 0);
    error_says(fetch(store, items), CCB_ERR_INPUT, "missing local file", missing, NULL);
    add_item(items, path, sha256, SMALL + 1);
    add_item(items, path, other, 0);
    error_says(fetch(store, items), CCB_ERR_INPUT, "wrong local files", "3 of 3", missing,
               "wrong size", other, sha256, NULL);
    g_ptr_array_set_size(items, 0);
    use_mirrors(add_item(items, "/x", sha256, 0), missing, "/local-wrong.raw");
    no_error(fetch(store, items), "a missing local file with a mirror");
}

static void test_malformed(void)
{
    g_autoptr(CcbStore) store = new_store("malformed");
    g_autoptr(GPtrArray) items = new_items();
    add_item(items, "/malformed", "../../x", 0);
    add_item(items, "ftp://example.invalid/f", NULL, 0);
    error_says(fetch(store, items), CCB_ERR_RECIPE, "malformed", "../../x",
               "ftp://example.invalid/f", NULL);
    GError *error = NULL;
    ok(ccb_store_find(store, "../../x", &error) == NULL, "a digest can't be a path");
    error_says(error, CCB_ERR_RECIPE, "ccb_store_find()", "SHA-256", NULL);
}

/* --- tests: faults of the server */

static void test_drop(void)
{
    g_autoptr(CcbStore) store = new_store("drop");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/drop.raw", BIG);
    CcbPayload *item = add_item(items, "/fault/drop@2097152:2/drop.raw", NULL, 0);
    no_error(fetch(store, items), "dropped twice");
    ok(g_strcmp0(item->got_sha256, sha256) == 0, "the resumed file is right");
    store_holds(store, 1, 0, "drop");
    logged(3, "/drop@2097152:2/", "");
    logged(1, "/drop@2097152:2/", "bytes=2097152-");
    logged(1, "/drop@2097152:2/", "bytes=4194304-");
    logged(2, "/drop@2097152:2/", "\"status\": 206");
}

static void test_drop_for_ever(void)
{
    g_autoptr(CcbStore) store = new_store("drop-ever");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/drop-ever.raw", SMALL);
    add_item(items, "/fault/drop@1000:0/drop-ever.raw", sha256, SMALL);
    error_says(fetch(store, items), CCB_ERR_FETCH, "dropped for ever", "gave up after try 4",
               "/drop-ever.raw", NULL);
    logged(4, "/drop@1000:0/", "");
    store_holds(store, 0, 2, "dropped for ever keeps the partial");
}

static void test_no_range(void)
{
    g_autoptr(CcbStore) store = new_store("norange");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/norange.raw", BIG);
    CcbPayload *item = add_item(items, "/fault/drop@2097152:1/norange.raw", sha256, BIG);
    CcbFetchOptions once = quick;
    once.retries = 0;
    GError *error = NULL;
    ccb_fetch_all(store, items, &once, &error);
    error_says(error, CCB_ERR_FETCH, "norange, first half", NULL);
    use_mirrors(item, "/fault/norange/norange.raw", "/norange.raw");
    no_error(fetch(store, items), "the server ignores Range");
    logged(1, "/fault/norange/", "bytes=2097152-");
    logged(1, "/fault/norange/", "");
    logged(0, "/fault/norange/", "\"status\": 206");
    store_holds(store, 1, 0, "norange");
}

/* The file changes between two tries: If-Range makes the server start over. */
static void test_changed(void)
{
    g_autoptr(CcbStore) store = new_store("changed");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *old = write_payload("/changed.raw", BIG);
    CcbPayload *item = add_item(items, "/changed.raw", old, BIG);
    g_autofree char *partial = partial_path(store, old);
    g_autofree char *note = g_strconcat(partial, ".from", NULL);
    g_autofree char *url_id = ccb_digest_string(item->urls[0]);
    g_autofree char *origin = g_strconcat(url_id, " \"another-etag\"\n", NULL);
    g_assert_true(ccb_write_file_atomic(partial, "stale bytes", 11, NULL));
    g_assert_true(ccb_write_file_atomic(note, origin, strlen(origin), NULL));
    no_error(fetch(store, items), "the file changed on the server");
    logged(1, "\"/changed.raw", "");
    logged(1, "\"/changed.raw", "bytes=11-");
    logged(0, "\"/changed.raw", "\"status\": 206");
}

/* No validator tells: the digest does, and the kept bytes are blamed, not the server. */
static void test_rotten_partial(void)
{
    g_autoptr(CcbStore) store = new_store("rotten");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/rotten.raw", BIG);
    g_autofree char *partial = partial_path(store, sha256);
    g_assert_true(ccb_write_file_atomic(partial, "rotten bytes", 12, NULL));
    add_item(items, "/rotten.raw", sha256, 0);
    no_error(fetch(store, items), "a rotten partial");
    logged(1, "\"/rotten.raw", "bytes=12-");
    logged(2, "\"/rotten.raw", "");
    store_holds(store, 1, 0, "rotten");
}

/* More bytes than the file has: 416 where the size is not known, no question where it is. */
static void test_too_much_kept(void)
{
    g_autoptr(CcbStore) store = new_store("kept");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *one = write_payload("/kept-1.raw", 1000);
    g_autofree char *two = write_payload("/kept-2.raw", 1000);
    g_autofree char *partial_one = partial_path(store, one);
    g_autofree char *partial_two = partial_path(store, two);
    char bytes[2000] = {0};
    g_assert_true(ccb_write_file_atomic(partial_one, bytes, sizeof bytes, NULL));
    g_assert_true(ccb_write_file_atomic(partial_two, bytes, 1000, NULL));
    add_item(items, "/kept-1.raw", one, 0);
    add_item(items, "/kept-2.raw", two, 1000);
    no_error(fetch(store, items), "too many bytes kept");
    logged(1, "/kept-1.raw", "\"status\": 416");
    logged(2, "/kept-1.raw", "");
    logged(1, "/kept-2.raw", "");
    store_holds(store, 2, 0, "kept");
}

/* Announces more than it sends, and resuming brings nothing. */
static void test_short(void)
{
    g_autoptr(CcbStore) store = new_store("short");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/short.raw", SMALL);
    CcbPayload *item = add_item(items, "/fault/short/short.raw", sha256, 0);
    error_says(fetch(store, items), CCB_ERR_FETCH, "too short", "/fault/short/short.raw",
               "gave up after try 4", NULL);
    logged(4, "/fault/short/", "");
    logged(2, "/fault/short/", "bytes=100000-");
    item->size = SMALL;
    use_mirrors(item, "/fault/short/short.raw", "/fault/norange/short.raw");
    no_error(fetch(store, items), "too short, but there is a mirror");
    store_holds(store, 1, 0, "too short with a mirror");
}

/* Announces the true length and sends more: nobody reads the rest. */
static void test_long(void)
{
    g_autoptr(CcbStore) store = new_store("long");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/long.raw", SMALL);
    CcbPayload *item = add_item(items, "/fault/long/long.raw", sha256, 0);
    no_error(fetch(store, items), "too long");
    ok(item->got_size == SMALL, "the surplus was not read");
    logged(1, "/fault/long/", "");
    store_holds(store, 1, 0, "too long");
}

/* Without a Content-Length only counting helps. */
static void test_endless(void)
{
    g_autoptr(CcbStore) store = new_store("endless");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = ccb_digest_string("endless");
    g_autofree char *url = NULL;
    pid_t pid = start_raw_server("HTTP/1.0 200 OK\r\n\r\n", true, &url);
    add_item(items, url, sha256, SMALL);
    error_says(fetch(store, items), CCB_ERR_FETCH, "endless body", "more than the expected", NULL);
    store_holds(store, 0, 0, "endless");
    ccb_process_end(&pid, 0);
}

/* Lengths that contradict each other are no lengths: nothing is pinned by them. */
static void test_lengths(void)
{
    static const char *const heads[][2] = {
        {"Content-Length: 99999999999999999999999\r\n", "Content-Length \"999999"},
        {"Content-Length: -3\r\n", "Content-Length"},
        {"Content-Length: 3\r\nContent-Length: 5\r\n", "two different values"},
        {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "both Content-Length"},
        {"Content-Length: 68719476737\r\n", "larger than 68.7"},
    };
    g_autoptr(CcbStore) store = new_store("lengths");
    g_autoptr(GPtrArray) items = new_items();
    for (unsigned i = 0; i < G_N_ELEMENTS(heads); i++) {
        g_autofree char *url = NULL;
        g_autofree char *head = g_strdup_printf(
            "HTTP/1.1 200 OK\r\n%sConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n", heads[i][0]);
        pid_t pid = start_raw_server(head, false, &url);
        g_ptr_array_set_size(items, 0);
        add_item(items, url, NULL, 0);
        error_says(fetch(store, items), CCB_ERR_FETCH, heads[i][0], heads[i][1], NULL);
        ok(asked(url, "GET ") == 1, "and the server is not asked again");
        ccb_process_end(&pid, 0);
    }
    g_autofree char *url = NULL;
    pid_t pid = start_raw_server("HTTP/1.0 200 OK\r\n\r\n", true, &url);
    g_ptr_array_set_size(items, 0);
    CcbPayload *item = add_item(items, url, NULL, 0);
    item->max_size = BIG;
    error_says(fetch(store, items), CCB_ERR_FETCH, "a limit", "larger than 6", "max-size", NULL);
    ccb_process_end(&pid, 0);
    store_holds(store, 0, 0, "lengths");
}

static void test_silent(void)
{
    g_autoptr(CcbStore) store = new_store("silent");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *url = NULL;
    pid_t pid =
        start_raw_server("HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\nfirst", false, &url);
    add_item(items, url, NULL, 0);
    CcbFetchOptions options = quick;
    options.stall_s = 1;
    options.retries = 1;
    GError *error = NULL;
    gint64 started = g_get_monotonic_time();
    ccb_fetch_all(store, items, &options, &error);
    double seconds = (double)(g_get_monotonic_time() - started) / 1e6;
    error_says(error, CCB_ERR_FETCH, "stalled", "gave up after try 2", NULL);
    ok(seconds < 8, "the stall was noticed (%.1f s)", seconds);
    ccb_process_end(&pid, 0);
}

static void test_redirect(void)
{
    g_autoptr(CcbStore) store = new_store("redirect");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/redirected.raw", SMALL);
    char *targets[] = {g_strconcat(base_url, "/redirected.raw", NULL), g_strdup("/raw"),
                       g_strdup("file:///etc/passwd")};
    static const char *const complaints[] = {NULL, "redirects", "file"};
    for (unsigned i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_autofree char *url = NULL;
        g_autofree char *head = g_strdup_printf("HTTP/1.1 302 Found\r\nLocation: %s\r\n"
                                                "Connection: close\r\nContent-Length: 0\r\n\r\n",
                                                targets[i]);
        pid_t pid = start_raw_server(head, false, &url);
        g_ptr_array_set_size(items, 0);
        add_item(items, url, i == 0 ? sha256 : NULL, 0);
        if (complaints[i] == NULL)
            no_error(fetch(store, items), "redirected");
        else
            error_says(fetch(store, items), CCB_ERR_FETCH, targets[i], complaints[i], NULL);
        ccb_process_end(&pid, 0);
        g_free(targets[i]);
    }
    store_holds(store, 1, 0, "redirect");
}

static void test_retry_after(void)
{
    g_autoptr(CcbStore) store = new_store("retry-after");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *url = NULL;
    pid_t pid = start_raw_server("HTTP/1.1 429 Slow Down\r\nRetry-After: 1\r\n"
                                 "Connection: close\r\nContent-Length: 0\r\n\r\n",
                                 false, &url);
    add_item(items, url, NULL, 0);
    CcbFetchOptions options = quick;
    options.retries = 1;
    GError *error = NULL;
    gint64 started = g_get_monotonic_time();
    ccb_fetch_all(store, items, &options, &error);
    gint64 ms = (g_get_monotonic_time() - started) / 1000;
    error_says(error, CCB_ERR_FETCH, "429", "gave up after try 2: HTTP 429", NULL);
    ok(ms >= 1000 && ms < 3000, "Retry-After is heeded (%d ms)", (int)ms);
    ccb_process_end(&pid, 0);
}

static void test_wrong_bytes(void)
{
    g_autoptr(CcbStore) store = new_store("wrong");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/wrong.raw", SMALL);
    CcbPayload *item = add_item(items, "/fault/wrongbytes/wrong.raw", sha256, SMALL);
    error_says(fetch(store, items), CCB_ERR_FETCH, "wrong bytes", "/fault/wrongbytes/wrong.raw",
               sha256, ", got ", NULL);
    store_holds(store, 0, 0, "wrong bytes");
    logged(1, "/fault/wrongbytes/", ""); /* and no second try */
    use_mirrors(item, "/fault/wrongbytes/wrong.raw", "/wrong.raw");
    no_error(fetch(store, items), "wrong bytes, but there is a mirror");
    ok(g_str_has_suffix(item->got_url, "/wrong.raw") && strstr(item->got_url, "fault") == NULL,
       "the mirror is named as the origin");
    store_holds(store, 1, 0, "wrong bytes with a mirror");
}

static void test_size_mismatch(void)
{
    g_autoptr(CcbStore) store = new_store("size");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/size.raw", SMALL);
    add_item(items, "/size.raw", sha256, SMALL + 7);
    error_says(fetch(store, items), CCB_ERR_FETCH, "size mismatch", "100000", "100007", NULL);
    logged(1, "\"/size.raw", "");
    store_holds(store, 0, 0, "size mismatch");
}

static void test_status(void)
{
    g_autoptr(CcbStore) store = new_store("status");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/status.raw", SMALL);
    add_item(items, "/fault/status@503:2/status.raw", sha256, 0);
    no_error(fetch(store, items), "503 twice, then the file");
    logged(2, "/fault/status@503:2/", "\"status\": 503");
    logged(3, "/fault/status@503:2/", "");
}

static void test_not_found(void)
{
    g_autoptr(CcbStore) store = new_store("404");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/found.raw", SMALL);
    CcbPayload *item = add_item(items, "/not-found", sha256, 0);
    use_mirrors(item, "/not-found", "/found.raw");
    no_error(fetch(store, items), "404, then a mirror");
    logged(1, "/not-found", "\"status\": 404"); /* and no second try */
    g_ptr_array_set_size(items, 0);
    add_item(items, "/not-found-a", NULL, 0);
    add_item(items, "/found.raw", sha256, 0);
    add_item(items, "/not-found-b", NULL, 0);
    error_says(fetch(store, items), CCB_ERR_FETCH, "all failing items are named", "2 of 3",
               "not-found-a: ", "not-found-b: ", "HTTP 404", NULL);
}

static void test_referer(void)
{
    g_autoptr(CcbStore) store = new_store("referer");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/payloads/NVIDIA-test.run", SMALL);
    CcbPayload *item = add_item(items, "/tesla/550.144.03/NVIDIA-test.run", sha256, 0);
    error_says(fetch(store, items), CCB_ERR_FETCH, "no referer", "HTTP 403", "`referer:`", NULL);
    logged(1, "/tesla/550.144.03/NVIDIA-test.run", "\"status\": 403"); /* and no second try */
    item->referer = g_strdup("https://www.nvidia.cn/");
    no_error(fetch(store, items), "with the referer");
    logged(1, "/tesla/550.144.03/NVIDIA-test.run", "https://www.nvidia.cn/");
}

/* Not this host by its name, though it is: a server that may be about to start again. */
static void test_refused(void)
{
    g_autoptr(CcbStore) store = new_store("refused");
    g_autoptr(GPtrArray) items = new_items();
    add_item(items, "http://0.0.0.0:1/x", NULL, 0);
    error_says(fetch(store, items), CCB_ERR_FETCH, "refused",
               "gave up after try 3: ", "hint: nothing listens there", NULL);
    g_ptr_array_set_size(items, 0);
    add_item(items, "http://localhost:1/x", NULL, 0);
    g_autoptr(GError) error = fetch(store, items);
    ok(error != NULL && strstr(error->message, "gave up") == NULL, "this host is asked once");
    g_autofree char *sha256 = write_payload("/refused.raw", SMALL);
    use_mirrors(add_item(items, "/x", sha256, 0), "http://localhost:1/x", "/refused.raw");
    g_ptr_array_remove_index(items, 0);
    no_error(fetch(store, items), "refused, but there is a mirror");
}

/* What the lock resolved is not to be found by looking around: the step is resolved again. */
static void test_not_found_resolved(void)
{
    g_autoptr(CcbStore) store = new_store("resolved");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = ccb_digest_string("resolved");
    CcbPayload *item = add_item(items, "/p/old.rpm", sha256, 0);
    g_autofree char *hint = g_strdup_printf("hint: the version may not exist, or no more: look at "
                                            "%s/p/",
                                            base_url);
    error_says(fetch(store, items), CCB_ERR_FETCH, "a file of the recipe", hint, NULL);
    item->relock = g_strdup("ccbake lock --update=packages r.yaml");
    item->is_resolved = true;
    error_says(fetch(store, items), CCB_ERR_FETCH, "a file that was resolved",
               "hint: the server may have a newer version only: `ccbake lock --update=packages ",
               NULL);
}

static void test_check_local(void)
{
    g_autoptr(CcbStore) store = new_store("check-local");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/check.raw", SMALL);
    g_autofree char *path = g_build_filename(server_root, "check.raw", NULL);
    g_autofree char *gone = g_build_filename(work, "gone", NULL);
    g_autofree char *other = ccb_digest_string("other");
    GError *error = NULL;
    CcbPayload *item = add_item(items, gone, sha256, SMALL);
    use_mirrors(add_item(items, "/x", other, 0), path, "/check.raw");
    add_item(items, path, NULL, 0);
    ccb_fetch_check_local(items, NULL, &error);
    no_error(error, "missing, with a mirror, or without a digest: no fault");
    error = NULL;
    ccb_fetch_check_local(items, store, &error);
    error_says(error, CCB_ERR_INPUT, "missing in the store, too", gone, "No such file", NULL);
    g_strfreev(item->urls);
    item->urls = g_strsplit(path, " ", -1);
    error = NULL;
    ccb_fetch_check_local(items, store, &error);
    no_error(error, "the right file");
    g_free(item->sha256);
    item->sha256 = g_strdup(other);
    error = NULL;
    ccb_fetch_check_local(items, NULL, &error);
    error_says(error, CCB_ERR_INPUT, "another file", "is not the file of the recipe", other, sha256,
               NULL);
}

static void test_offline(void)
{
    g_autoptr(CcbStore) store = new_store("offline");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/offline.raw", SMALL);
    CcbPayload *item = add_item(items, "/offline.raw", sha256, 0);
    CcbFetchOptions options = quick;
    options.offline = true;
    GError *error = NULL;
    ccb_fetch_all(store, items, &options, &error);
    error_says(error, CCB_ERR_FETCH, "offline miss", "offline: ", item->urls[0], sha256,
               "`ccbake fetch`", NULL);
    logged(0, "/offline.raw", "");
    no_error(fetch(store, items), "online");
    error = NULL;
    ok(ccb_fetch_all(store, items, &options, &error) && item->path != NULL, "offline hit");
    logged(1, "/offline.raw", "");
}

static void test_credentials(void)
{
    static const char *const pairs[][2] = {
        {"http://u:p@h/f", "http://h/f"},
        {"https://u:p@x@h:1/a@b?Signature=secret", "https://h:1/a@b?..."},
        {"http://h/u:p@h", "http://h/u:p@h"},
        {"http://u@h?q#f", "http://h?..."},
        {"/a/b@c?d", "/a/b@c?d"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *shown = ccb_url_redact(pairs[i][0]);
        ok(strcmp(shown, pairs[i][1]) == 0, "%s is shown as %s", pairs[i][0], shown);
    }
    static const char *const identities[][2] = {
        {"http://h/f.rpm", "http://h/f.rpm"},
        {"https://u:p@h:1/f.rpm", "https://h:1/f.rpm"},
        {"http://h/f?id=2&X-Amz-Signature=s&v=3", "http://h/f?id=2&v=3"},
        {"http://h/f?OSSAccessKeyId=a&Expires=1&Signature=b", "http://h/f"},
        {"http://h/f?x=u:p@z&access_token=t", "http://h/f?x=u:p@z"},
        {"/srv/f?token=x", "/srv/f?token=x"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(identities); i++) {
        g_autofree char *identity = ccb_url_identity(identities[i][0]);
        ok(strcmp(identity, identities[i][1]) == 0, "%s is %s", identities[i][0], identity);
    }
    static const char *const places[][3] = {
        {"http://u:p@h:1/a/b.rpm?t=s", "http://h:1", "http://h:1/a/"},
        {"https://h/b.rpm", "https://h", "https://h/"},
        {"https://h?q=/x/y", "https://h", "https://h/"},
        {"https://h/a/?q=/x/y", "https://h", "https://h/a/"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *server = ccb_url_server(places[i][0]);
        g_autofree char *directory = ccb_url_directory(places[i][0]);
        ok(strcmp(server, places[i][1]) == 0 && strcmp(directory, places[i][2]) == 0,
           "%s is at %s, in %s", places[i][0], server, directory);
    }
    g_autoptr(CcbStore) store = new_store("credentials");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/credentials.raw", SMALL);
    g_autofree char *login = g_strdup_printf("http://user:secret@%s", base_url + 7);
    g_autofree char *missing = g_strconcat(login, "/no-credentials?token=secret", NULL);
    g_autofree char *present = g_strconcat(login, "/credentials.raw", NULL);
    CcbPayload *item = add_item(items, missing, sha256, 0);
    item->label[0] = '\0';
    g_autoptr(GError) error = fetch(store, items);
    ok(error != NULL && strstr(error->message, "secret") == NULL &&
           strstr(error->message, "/no-credentials") != NULL,
       "no secret in: %s", error ? error->message : "");
    g_ptr_array_set_size(items, 0);
    item = add_item(items, present, sha256, 0);
    no_error(fetch(store, items), "a URL with credentials");
    ok(strstr(item->got_url, "secret") == NULL, "no secret in got_url");
}

#define MOVED_TO "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 4\r\nLocation: "
#define ABC      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
#define TOKEN    "PRIVATE-TOKEN: s3cret"
#define LOGIN    "Authorization: Basic dXNlcjpodW50ZXIy" /* user:hunter2 */

/* A file with credentials; caller frees its path. */
static char *write_secret(const char *name, const char *text, mode_t mode)
{
    char *path = g_build_filename(work, name, NULL);
    g_assert_true(ccb_write_file_atomic(path, text, strlen(text), NULL) && chmod(path, mode) == 0);
    return path;
}

static void test_header_file(void)
{
    g_autoptr(CcbStore) store = new_store("header-file");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *file = write_secret("headers", TOKEN "\r\n\nX-Second: 2\n", 0640);
    g_autofree char *other = NULL, *url = NULL;
    pid_t other_pid = start_raw_server(ABC, false, &other);
    g_autofree char *answers =
        g_strdup_printf(MOVED_TO "/elsewhere\r\n\r\ntext" NEXT MOVED_TO "%s\r\n\r\ntext", other);
    pid_t pid = start_raw_server(answers, false, &url);
    CcbPayload *item = add_item(items, url, NULL, 0);
    item->header_file = g_strdup(file);
    no_error(fetch(store, items), "a file behind two redirects");
    ok(asked(url, "GET /raw") == 1 && asked(url, "GET /elsewhere") == 1,
       "the first one by its path");
    ok(asked(url, TOKEN) == 2 && asked(url, "X-Second: 2") == 2, "its server gets the headers");
    ok(asked(other, "GET /raw") == 1 && asked(other, TOKEN) + asked(other, "X-Second") == 0,
       "another one does not");
    ok(strstr(item->got_url, "s3cret") == NULL, "nor is it in the result");

    /* A mirror is another server. */
    g_ptr_array_set_size(items, 0);
    item = add_item(items, url, NULL, 0);
    item->header_file = g_strdup(file);
    g_strfreev(item->urls);
    item->urls = g_new0(char *, 3);
    item->urls[0] = g_strconcat(base_url, "/not-there.raw", NULL);
    item->urls[1] = g_strdup(other);
    no_error(fetch(store, items), "from a mirror");
    ok(asked(other, "GET /raw") == 2 && asked(other, TOKEN) == 0, "which gets no headers");
    ccb_process_end(&pid, 0);
    ccb_process_end(&other_pid, 0);
}

static void test_header_file_wrong(void)
{
    static const struct {
        const char *text;
        mode_t mode;
        const char *says;
    } cases[] = {
        {TOKEN "\n", 0644, "every user can read it"},
        {TOKEN "\n", 0602, "every user can write it"},
        {"Authorization Bearer s3cret\n", 0600, ":1: expected \"Name: value\""},
        {"A: b\nname with blanks: s3cret\n", 0600, ":2: expected"},
        {"Empty-s3cret: \n", 0600, ":1: expected"},
        {"A: s3cret\033\n", 0600, ":1: expected"},
    };
    g_autoptr(CcbStore) store = new_store("header-file-wrong");
    g_autoptr(GPtrArray) items = new_items();
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_ptr_array_set_size(items, 0);
        CcbPayload *item = add_item(items, "/not-asked.raw", NULL, 0);
        item->header_file = write_secret("wrong", cases[i].text, cases[i].mode);
        g_autoptr(GError) error = fetch(store, items);
        ok(error != NULL && strstr(error->message, "s3cret") == NULL, "the secret is not shown");
        error_says(g_steal_pointer(&error), CCB_ERR_INPUT, cases[i].text, cases[i].says, NULL);
    }
    CcbPayload *item = items->pdata[0];
    g_free(item->header_file);
    item->header_file = g_build_filename(work, "no-such", NULL);
    error_says(fetch(store, items), CCB_ERR_INPUT, "no file", "no-such: No such file", NULL);
    logged(0, "/not-asked.raw", "");

    item->header_file[0] = '\0';
    g_strfreev(item->urls);
    item->urls = g_strsplit("http://user:s3cret@192.0.2.1/f", " ", -1);
    error_says(fetch(store, items), CCB_ERR_RECIPE, "to another host by http",
               "http://192.0.2.1/f: its header-file would be sent unencrypted; use https", NULL);
}

static void test_netrc(void)
{
    g_autoptr(CcbStore) store = new_store("netrc");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *proxy = NULL, *url = NULL, *moved = NULL;
    pid_t pid = start_raw_server(ABC, false, &url);
    pid_t proxy_pid = start_raw_server(ABC, false, &proxy);
    const char *text = "machine 127.0.0.1\nlogin user\npassword hunter2\n"
                       "machine far.example login user password hunter2\n";
    g_autofree char *file = write_secret("netrc", text, 0600);
    g_setenv("CCBAKE_NETRC", file, TRUE);
    add_item(items, url, NULL, 0);
    no_error(fetch(store, items), "with a netrc file");
    ok(asked(url, LOGIN) == 1, "its login is sent");

    /* Neither unencrypted to another host, nor through a proxy. */
    g_autofree char *proxy_root = g_strndup(proxy, strlen(proxy) - strlen("/raw"));
    g_unsetenv("no_proxy");
    g_setenv("http_proxy", proxy_root, TRUE);
    no_error(fetch(store, items), "with a proxy");
    ok(asked(url, LOGIN) == 2 && asked(proxy, "GET") == 0, "which is not used with a login");
    g_ptr_array_set_size(items, 0);
    add_item(items, "http://far.example/f", NULL, 0);
    no_error(fetch(store, items), "by http from another host");
    ok(asked(proxy, "GET http://far.example/f") == 1 && asked(proxy, "Authorization") == 0,
       "which is not told the login");
    g_unsetenv("http_proxy");
    g_setenv("no_proxy", "*", TRUE);

    g_assert_true(chmod(file, 0644) == 0);
    error_says(fetch(store, items), CCB_ERR_INPUT, "readable by all", "CCBAKE_NETRC: ", "chmod 600",
               NULL);
    g_setenv("CCBAKE_NETRC", "/nonexistent/netrc", TRUE);
    error_says(fetch(store, items), CCB_ERR_INPUT, "missing", "CCBAKE_NETRC: /nonexistent", NULL);
    g_setenv("CCBAKE_NETRC", "", TRUE);
    g_ptr_array_set_size(items, 0);
    add_item(items, url, NULL, 0);
    no_error(fetch(store, items), "without");
    ok(asked(url, "GET") == 3 && asked(url, LOGIN) == 2, "no login is sent");
    ccb_process_end(&pid, 0);
    ccb_process_end(&proxy_pid, 0);

    pid = start_raw_server("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", false, &moved);
    g_ptr_array_set_size(items, 0);
    CcbPayload *item = add_item(items, moved, NULL, 0);
    error_says(fetch(store, items), CCB_ERR_FETCH, "401", "HTTP 401", "~/.netrc", NULL);
    item->header_file = write_secret("headers", TOKEN, 0600);
    error_says(fetch(store, items), CCB_ERR_FETCH, "401", "HTTP 401", "does not accept", NULL);
    ccb_process_end(&pid, 0);
}

/* The login of a URL is for its server. */
static void test_login_and_redirect(void)
{
    g_autoptr(CcbStore) store = new_store("login");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *other = NULL, *url = NULL;
    pid_t other_pid = start_raw_server(ABC, false, &other);
    g_autofree char *answers = g_strdup_printf(
        MOVED_TO "http://127.0.0.1:" PORT "/elsewhere\r\n\r\ntext" NEXT MOVED_TO "%s\r\n\r\ntext",
        other);
    pid_t pid = start_raw_server(answers, false, &url);
    g_autofree char *login = g_strconcat("http://user:hunter2@", url + strlen("http://"), NULL);
    add_item(items, login, NULL, 0);
    no_error(fetch(store, items), "a login and two redirects");
    ok(asked(url, LOGIN) == 2 && asked(other, "GET") == 1 && asked(other, "Authorization") == 0,
       "the login stays with its server");
    ccb_process_end(&pid, 0);
    ccb_process_end(&other_pid, 0);
}

/* --- tests: several processes, signals, the disk */

/* Fetches in a child, with a long pause after each failure. */
static pid_t fetch_in_child(CcbStore *store, GPtrArray *items)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    ccb_cancel_install();
    CcbFetchOptions slow = quick;
    slow.backoff_ms = 3000;
    slow.stall_s = 60;
    g_autoptr(GError) error = NULL;
    ccb_fetch_all(store, items, &slow, &error);
    if (error != NULL)
        printf("# child: %s\n", error->message);
    fflush(stdout);
    _exit(error ? ccb_exit_code(error) : 0);
}

static int exit_code(pid_t pid)
{
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void wait_for_size(const char *path, off_t size)
{
    for (unsigned i = 0; i < 500 && size_of(path) < size; i++)
        g_usleep(10 * 1000);
}

static void test_two_processes(void)
{
    g_autoptr(CcbStore) store = new_store("two");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *sha256 = write_payload("/two.raw", BIG);
    g_autofree char *partial = partial_path(store, sha256);
    add_item(items, "/fault/drop@2097152:1/two.raw", sha256, 0);
    pid_t first = fetch_in_child(store, items);
    wait_for_size(partial, DROP);
    pid_t second = fetch_in_child(store, items);
    ok(exit_code(first) == 0 && exit_code(second) == 0, "two processes both succeed");
    logged(2, "/two.raw", ""); /* the first one's two; none by the second */
    store_holds(store, 1, 0, "two");
}

/* Stopped in the middle of the body; the next run goes on, here from another mirror. */
static void test_killed(int number, int expected_code, const char *name)
{
    g_autoptr(CcbStore) store = new_store(name);
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *file = g_strdup_printf("/%s.raw", name);
    g_autofree char *sha256 = write_payload(file, BIG);
    g_autofree char *partial = partial_path(store, sha256);
    g_autofree char *path = g_strconcat("/fault/slow@2000000", file, NULL);
    CcbPayload *item = add_item(items, path, sha256, BIG);
    pid_t pid = fetch_in_child(store, items);
    wait_for_size(partial, 1 << 20);
    gint64 started = g_get_monotonic_time();
    kill(pid, number);
    int code = exit_code(pid);
    gint64 ms = (g_get_monotonic_time() - started) / 1000;
    ok(code == expected_code && ms < 1000, "%s ends it: code %d after %d ms", name, code, (int)ms);
    g_autofree char *range = g_strdup_printf("bytes=%ld-", (long)size_of(partial));
    ok(size_of(partial) >= 1 << 20, "%s: the partial is kept", name);
    use_mirrors(item, file, file);
    no_error(fetch(store, items), "resumed by another process");
    g_autofree char *request = g_strconcat("\"", file, NULL);
    logged(1, request, range);
    logged(1, request, "\"status\": 206");
    logged(1, request, "");
    g_autofree char *got = ccb_digest_file(item->path, NULL);
    ok(g_strcmp0(got, sha256) == 0, "%s: the resumed file is right", name);
    store_holds(store, 1, 0, name);
}

static void test_cancel_while_silent(void)
{
    g_autoptr(CcbStore) store = new_store("cancel-silent");
    g_autoptr(GPtrArray) items = new_items();
    g_autofree char *url = NULL;
    pid_t server = start_raw_server("", false, &url);
    g_autofree char *sha256 = write_payload("/beside.raw", SMALL);
    g_autofree char *object = ccb_store_object_path(store, sha256);
    add_item(items, url, NULL, 0);
    add_item(items, "/beside.raw", sha256, 0);
    pid_t pid = fetch_in_child(store, items);
    wait_for_size(object, SMALL);
    ok(size_of(object) == SMALL, "a silent server does not hold up the other download");
    gint64 started = g_get_monotonic_time();
    kill(pid, SIGINT);
    int code = exit_code(pid);
    gint64 ms = (g_get_monotonic_time() - started) / 1000;
    ok(code == CCB_ERR_CANCELLED && ms < 1000, "SIGINT while waiting: code %d after %d ms", code,
       (int)ms);
    ccb_process_end(&server, 0);
}

/* Runs in a child with a tmpfs of 3 MB as its store; returns fetch's exit code. */
static int fetch_into_small_disk(const char *url, const char *sha256, uint64_t size, off_t *kept)
{
    g_autofree char *dir = g_build_filename(work, "small-disk", NULL);
    g_autofree char *note = g_build_filename(work, "kept", NULL);
    g_assert_true(ccb_mkdirs(dir, NULL));
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("ccb", dir, "tmpfs", 0, "size=3m") != 0)
            _exit(77);
        g_autoptr(CcbStore) store = ccb_store_open(dir, NULL);
        g_autoptr(GPtrArray) items = new_items();
        add_item(items, url, sha256, size);
        GError *error = fetch(store, items);
        g_autofree char *key = sha256 ? g_strdup(sha256) : ccb_digest_string(url);
        g_autofree char *partial = partial_path(store, key);
        g_autofree char *text = g_strdup_printf("%ld\n", (long)size_of(partial));
        ccb_write_file_atomic(note, text, strlen(text), NULL);
        printf("# %s\n", error ? error->message : "no error");
        fflush(stdout);
        _exit(error ? ccb_exit_code(error) : 0);
    }
    int code = exit_code(pid);
    g_autofree char *text = ccb_read_file(note, 0, NULL, NULL);
    *kept = text ? atol(text) : -1;
    return code;
}

static void test_small_disk(void)
{
    g_autofree char *sha256 = write_payload("/disk.raw", BIG);
    g_autofree char *served = g_strconcat(base_url, "/disk.raw", NULL);
    g_autofree char *endless = NULL;
    pid_t pid = start_raw_server("HTTP/1.0 200 OK\r\n\r\n", true, &endless);
    off_t kept = 0;
    int code = fetch_into_small_disk(served, sha256, BIG, &kept);
    if (code == 77) {
        printf("ok %u - small disk # SKIP can't mount a tmpfs\n", ++done);
    } else {
        ok(code == CCB_ERR_HOST, "too little space for the expected size: code %d", code);
        logged(0, "\"/disk.raw", "");
        ok(fetch_into_small_disk(served, sha256, 0, &kept) == CCB_ERR_HOST,
           "too little for Content-Length");
        logged(1, "\"/disk.raw", "");
        ok(kept <= 0, "and nothing of it was written");
        ok(fetch_into_small_disk(endless, sha256, 0, &kept) == CCB_ERR_HOST, "disk full half-way");
        ok(kept > 2 << 20, "the partial is kept (%ld bytes)", (long)kept);
        ok(fetch_into_small_disk(endless, NULL, 0, &kept) == CCB_ERR_HOST, "without a digest, too");
        ok(kept < 0, "but nothing is kept that nobody could continue (%ld bytes)", (long)kept);
    }
    ccb_process_end(&pid, 0);
}

static void run_all(void)
{
    test_parallel();
    test_same_twice();
    test_damaged_object();
    test_local();
    test_local_wrong();
    test_malformed();
    test_drop();
    test_drop_for_ever();
    test_no_range();
    test_changed();
    test_rotten_partial();
    test_too_much_kept();
    test_short();
    test_long();
    test_endless();
    test_lengths();
    test_silent();
    test_redirect();
    test_retry_after();
    test_wrong_bytes();
    test_size_mismatch();
    test_status();
    test_not_found();
    test_referer();
    test_refused();
    test_not_found_resolved();
    test_check_local();
    test_offline();
    test_credentials();
    test_header_file();
    test_header_file_wrong();
    test_netrc();
    test_login_and_redirect();
    test_two_processes();
    test_killed(SIGKILL, 128 + SIGKILL, "kill-9");
    test_killed(SIGTERM, CCB_ERR_CANCELLED, "sigterm");
    test_cancel_while_silent();
    test_small_disk();
}

int main(void)
{
    work = g_dir_make_tmp("ccb-fetch-XXXXXX", NULL);
    server_root = g_build_filename(work, "root", NULL);
    server_log = g_build_filename(work, "access.log", NULL);
    g_autofree char *cache = g_build_filename(work, "cache", NULL);
    g_setenv("CCBAKE_CACHE_DIR", cache, TRUE);
    g_setenv("no_proxy", "*", TRUE);
    g_setenv("CCBAKE_NETRC", "", TRUE);
    g_assert_true(ccb_mkdirs(server_root, NULL));
    ccb_progress_options.quiet = true;
    pid_t server = start_server();
    run_all();
    ccb_process_end(&server, 1000);
    ccb_remove_tree(work, NULL);
    printf("1..%u\n", done);
    g_free(work);
    g_free(server_root);
    g_free(server_log);
    g_free(base_url);
    return failed > 0;
}

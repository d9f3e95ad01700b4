/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/remote.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "guest/lockin.h"

/* What reading an image may take: a file system of some million files is well below it. */
static const CcbLockinLimits limits = {.memory = 4ULL << 30, .cpu_s = 3600};

/* A question is an operation and its arguments, as a GVariant; an answer the result, or an error.  Texts are bytes: paths need
 * not be UTF-8. */
typedef enum { STAT, GET, DIGEST, READLINK, LIST, WALK, FREE_SPACE, READ_DISK } Op;

#define QUESTION "(y^aybtt)"

typedef struct {
    uint32_t code; /* of the error; 0: it went well */
    uint32_t
        foreign;   /* bytes of the text after the message: why another backend may read the image */
    uint64_t size; /* bytes that follow */
} Answer;

enum { QUESTION_MAX = 64 << 10, ANSWER_MAX = 1 << 30, PIECE = 1 << 20 };

typedef struct {
    pid_t pid;
    int socket;
    CcbDisk *disk;
} Remote;

/* --- the process */

typedef struct {
    const CcbGuestOps *ops;
    void *backend;
} Served;

static GVariant *bytes_of(char **texts)
{
    GVariant *list = g_variant_new_bytestring_array((const char *const *)texts, -1);
    g_strfreev(texts);
    return list;
}

static GVariant *answer_stat(const Served *s, const char *path, bool follow, GError **error)
{
    CcbStat st = {0};
    bool exists = false;
    if (!s->ops->stat(s->backend, path, follow, &st, &exists, error))
        return NULL;
    return g_variant_new("(buuut)", exists, st.mode, st.uid, st.gid, st.size);
}

static GVariant *answer_walk(const Served *s, const char *path, GError **error)
{
    g_autoptr(GPtrArray) entries = ccb_guest_entries_new();
    if (!s->ops->walk(s->backend, path, entries, error))
        return NULL;
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ayuuutxxay)"));
    for (guint i = 0; i < entries->len; i++) {
        const CcbGuestEntry *e = entries->pdata[i];
        g_variant_builder_add(&builder, "(^ayuuutxx^ay)", e->path, e->st.mode, e->st.uid, e->st.gid,
                              e->st.size, e->mtime_ns, e->ctime_ns, e->target ? e->target : "");
    }
    return g_variant_builder_end(&builder);
}

static GVariant *answer_text(char *text)
{
    GVariant *result = text != NULL ? g_variant_new_bytestring(text) : NULL;
    g_free(text);
    return result;
}

static GVariant *answer_disk(const Served *s, uint64_t offset, uint64_t size, GError **error)
{
    char *data = g_malloc(PIECE);
    if (size > PIECE || !s->ops->read_disk(s->backend, offset, data, (size_t)size, error)) {
        g_free(data);
        return NULL;
    }
    return g_variant_new_from_data(G_VARIANT_TYPE("ay"), data, (gsize)size, TRUE, g_free, data);
}

/* NULL on error; the result is floating. */
static GVariant *answer(const Served *s, GVariant *question, int fd, GError **error)
{
    guchar op;
    gboolean follow;
    guint64 offset, size;
    g_autofree char *path = NULL;
    char **names;
    g_variant_get(question, "(y^aybtt)", &op, &path, &follow, &offset, &size);
    switch ((Op)op) {
    case STAT:
        return answer_stat(s, path, follow, error);
    case GET:
        return s->ops->get(s->backend, path, fd, error) ? g_variant_new_boolean(true) : NULL;
    case DIGEST:
        return answer_text(s->ops->digest(s->backend, path, error));
    case READLINK:
        return answer_text(s->ops->readlink(s->backend, path, error));
    case LIST:
        names = s->ops->list(s->backend, path, error);
        return names != NULL ? bytes_of(names) : NULL;
    case WALK:
        return answer_walk(s, path, error);
    case FREE_SPACE:
        return s->ops->free_space(s->backend, &size, error) ? g_variant_new_uint64(size) : NULL;
    case READ_DISK:
        return answer_disk(s, offset, size, error);
    }
    ccb_fail(error, CCB_ERR_INTERNAL, "operation %u", op);
    return NULL;
}

/* Takes ownership of the error. */
static bool send_error(int socket, GError *reason, const char *foreign)
{
    const char *why = foreign != NULL ? foreign : "";
    g_autofree char *text = g_strconcat(reason->message, why, NULL);
    const Answer head = {(uint32_t)reason->code, (uint32_t)strlen(why), strlen(text)};
    g_error_free(reason);
    return ccb_write_all(socket, &head, sizeof head, "socket", NULL) &&
           ccb_write_all(socket, text, head.size, "socket", NULL);
}

static bool send_result(int socket, GVariant *result)
{
    g_autoptr(GVariant) owned = g_variant_ref_sink(result);
    const Answer head = {.size = g_variant_get_size(owned)};
    return ccb_write_all(socket, &head, sizeof head, "socket", NULL) &&
           ccb_write_all(socket, g_variant_get_data(owned), head.size, "socket", NULL);
}

/* The next question, and the descriptor that came with it, or -1; NULL at the end. */
static GVariant *take_question(int socket, int *ret_fd)
{
    char *data = g_malloc(QUESTION_MAX);
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {data, QUESTION_MAX};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *extra = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    *ret_fd = -1;
    if (extra != NULL && extra->cmsg_type == SCM_RIGHTS)
        memcpy(ret_fd, CMSG_DATA(extra), sizeof *ret_fd);
    if (n <= 0) {
        g_free(data);
        return NULL;
    }
    return g_variant_new_from_data(G_VARIANT_TYPE("(yaybtt)"), data, (gsize)n, FALSE, g_free, data);
}

static bool serve_one(const Served *s, int socket)
{
    GError *error = NULL;
    ccb_autofd int fd = -1;
    g_autoptr(GVariant) question = take_question(socket, &fd);
    if (question == NULL)
        return false;
    g_variant_ref_sink(question);
    GVariant *result = answer(s, question, fd, &error);
    return result != NULL ? send_result(socket, result) : send_error(socket, error, NULL);
}

G_GNUC_NORETURN static void run_process(int socket, pid_t parent, const CcbRemoteBackend *remote,
                                        const CcbGuestOptions *options)
{
    enum { OURS = 3 };
    GError *error = NULL;
    char *foreign = NULL;
    const char *lacks = NULL;
    setpgid(0, 0); /* Ctrl-C is for the parent, which ends us */
    if (dup2(socket, OURS) < 0 || close_range(OURS + 1, ~0U, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(CCB_ERR_HOST);
    Served served = {remote->ops, remote->prepare(options, &foreign, &error)};
    if (served.backend == NULL || !ccb_lock_in(&limits, &lacks, &error) ||
        !remote->open(served.backend, &foreign, &error)) {
        send_error(OURS, error, foreign);
        _exit(CCB_ERR_INPUT);
    }
    json_t *disk = ccb_disk_to_json(served.ops->disk(served.backend));
    char *text = json_dumps(disk, JSON_COMPACT);
    if (send_result(OURS, g_variant_new("(^ay^ay)", text, lacks != NULL ? lacks : "")))
        while (serve_one(&served, OURS))
            ;
    _exit(0);
}

/* --- our side of it */

/* Why the process ended. */
static bool fail_ended(Remote *r, GError **error)
{
    int status = 0;
    if (ccb_cancel_check(error))
        return false;
    while (r->pid > 0 && waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
        ;
    r->pid = 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        ccb_fail(error, CCB_ERR_INPUT, "reading the image took more than %u s of a processor",
                 limits.cpu_s);
    else
        ccb_fail(
            error, CCB_ERR_INPUT,
            "the process that reads the image ended (%s): the file system is damaged, or needs "
            "more than %u MiB of memory",
            WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "by itself",
            (unsigned)(limits.memory >> 20));
    return ccb_hint(error, "--backend=appliance reads it in a virtual machine");
}

static bool receive(Remote *r, void *data, size_t size, GError **error)
{
    for (char *at = data; size > 0;) {
        struct pollfd fds[] = {{.fd = r->socket, .events = POLLIN},
                               {.fd = ccb_cancel_fd(), .events = POLLIN}};
        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
            return ccb_fail_errno(error, CCB_ERR_HOST, "waiting for the reader");
        if (ccb_cancel_check(error))
            return false;
        ssize_t n = recv(r->socket, at, size, MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return fail_ended(r, error);
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* The answer, of that type; NULL on error.  ret_foreign: see ccb_remote_open(); NULL: there is none to expect. */
static GVariant *take_answer(Remote *r, const char *type, char **ret_foreign, GError **error)
{
    Answer head;
    if (!receive(r, &head, sizeof head, error))
        return NULL;
    if (head.size > ANSWER_MAX || head.foreign > head.size) {
        ccb_fail(error, CCB_ERR_INPUT, "the reader's answer makes no sense");
        return NULL;
    }
    g_autofree char *data = g_malloc(head.size + 1);
    if (!receive(r, data, head.size, error))
        return NULL;
    data[head.size] = '\0';
    if (head.code != 0) {
        if (head.foreign > 0 && ret_foreign != NULL)
            *ret_foreign = g_strdup(data + head.size - head.foreign);
        data[head.size - head.foreign] = '\0';
        g_set_error_literal(error, CCB_ERROR, (int)head.code, data);
        return NULL;
    }
    char *owned = g_steal_pointer(&data);
    GVariant *result = g_variant_new_from_data(G_VARIANT_TYPE(type), owned, (gsize)head.size, FALSE,
                                               g_free, owned);
    return g_variant_ref_sink(result);
}

/* `fd`: -1, or a descriptor that goes with the question. */
static bool send_question(Remote *r, GVariant *question, int fd, GError **error)
{
    g_autoptr(GVariant) owned = g_variant_ref_sink(question);
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {(void *)g_variant_get_data(owned), g_variant_get_size(owned)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (part.iov_len > QUESTION_MAX)
        return ccb_fail(error, CCB_ERR_INPUT, "a path is too long");
    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.head = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    }
    return sendmsg(r->socket, &message, MSG_NOSIGNAL) == (ssize_t)part.iov_len ||
           fail_ended(r, error);
}

static GVariant *ask(Remote *r, Op op, const char *path, int fd, const char *type, GError **error)
{
    return send_question(r, g_variant_new(QUESTION, op, path, false, (guint64)0, (guint64)0), fd,
                         error)
               ? take_answer(r, type, NULL, error)
               : NULL;
}

static bool remote_stat(void *backend, const char *path, bool follow, CcbStat *ret_stat,
                        bool *ret_exists, GError **error)
{
    gboolean exists;
    CcbStat st;
    GVariant *question = g_variant_new(QUESTION, STAT, path, follow, (guint64)0, (guint64)0);
    if (!send_question(backend, question, -1, error))
        return false;
    g_autoptr(GVariant) result = take_answer(backend, "(buuut)", NULL, error);
    if (result == NULL)
        return false;
    g_variant_get(result, "(buuut)", &exists, &st.mode, &st.uid, &st.gid, &st.size);
    *ret_exists = exists;
    if (exists)
        *ret_stat = st;
    return true;
}

static bool remote_get(void *backend, const char *path, int fd, GError **error)
{
    g_autoptr(GVariant) result = ask(backend, GET, path, fd, "b", error);
    return result != NULL;
}

static char *remote_digest(void *backend, const char *path, GError **error)
{
    g_autoptr(GVariant) result = ask(backend, DIGEST, path, -1, "ay", error);
    return result != NULL ? g_variant_dup_bytestring(result, NULL) : NULL;
}

static char *remote_readlink(void *backend, const char *path, GError **error)
{
    g_autoptr(GVariant) result = ask(backend, READLINK, path, -1, "ay", error);
    return result != NULL ? g_variant_dup_bytestring(result, NULL) : NULL;
}

static char **remote_list(void *backend, const char *path, GError **error)
{
    g_autoptr(GVariant) result = ask(backend, LIST, path, -1, "aay", error);
    return result != NULL ? g_variant_dup_bytestring_array(result, NULL) : NULL;
}

static bool remote_walk(void *backend, const char *path, GPtrArray *entries, GError **error)
{
    g_autoptr(GVariant) result = ask(backend, WALK, path, -1, "a(ayuuutxxay)", error);
    if (result == NULL)
        return false;
    GVariantIter iter;
    CcbGuestEntry e;
    g_variant_iter_init(&iter, result);
    while (g_variant_iter_next(&iter, "(^ayuuutxx^ay)", &e.path, &e.st.mode, &e.st.uid, &e.st.gid,
                               &e.st.size, &e.mtime_ns, &e.ctime_ns, &e.target)) {
        if (!S_ISLNK(e.st.mode))
            g_clear_pointer(&e.target, g_free);
        g_ptr_array_add(entries, g_memdup2(&e, sizeof e));
    }
    return true;
}

static bool remote_free_space(void *backend, uint64_t *ret_bytes, GError **error)
{
    g_autoptr(GVariant) result = ask(backend, FREE_SPACE, "/", -1, "t", error);
    if (result != NULL)
        *ret_bytes = g_variant_get_uint64(result);
    return result != NULL;
}

static bool remote_read_disk(void *backend, uint64_t offset, void *buffer, size_t size,
                             GError **error)
{
    for (size_t done = 0; done < size;) {
        size_t part = MIN(size - done, PIECE);
        gsize got = 0;
        GVariant *question =
            g_variant_new(QUESTION, READ_DISK, "/", false, (guint64)offset + done, (guint64)part);
        if (!send_question(backend, question, -1, error))
            return false;
        g_autoptr(GVariant) result = take_answer(backend, "ay", NULL, error);
        if (result == NULL)
            return false;
        const void *data = g_variant_get_fixed_array(result, &got, 1);
        if (got != part)
            return ccb_fail(error, CCB_ERR_INPUT, "the reader's answer makes no sense");
        memcpy((char *)buffer + done, data, part);
        done += part;
    }
    return true;
}

static const CcbDisk *remote_disk(void *backend)
{
    return ((Remote *)backend)->disk;
}

static void remote_free(void *backend)
{
    Remote *r = backend;
    ccb_close_fd(&r->socket);
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    ccb_disk_free(r->disk);
    g_free(r);
}

const CcbGuestOps ccb_remote_ops = {
    .name = "reader",
    .stat = remote_stat,
    .get = remote_get,
    .digest = remote_digest,
    .readlink = remote_readlink,
    .list = remote_list,
    .walk = remote_walk,
    .free_space = remote_free_space,
    .disk = remote_disk,
    .read_disk = remote_read_disk,
    .free = remote_free,
};

void *ccb_remote_open(const CcbRemoteBackend *backend, const CcbGuestOptions *options,
                      char **ret_foreign, GError **error)
{
    int ends[2];
    pid_t parent = getpid();
    gint64 started = g_get_monotonic_time();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        ccb_fail_errno(error, CCB_ERR_HOST, "creating a socket");
        return NULL;
    }
    Remote *r = g_new0(Remote, 1);
    r->socket = ends[0];
    r->pid = fork();
    if (r->pid == 0)
        run_process(ends[1], parent, backend, options);
    close(ends[1]);
    if (r->pid < 0) {
        ccb_fail_errno(error, CCB_ERR_HOST, "starting a process");
        remote_free(r);
        return NULL;
    }
    g_autoptr(GVariant) opened = take_answer(r, "(ayay)", ret_foreign, error);
    g_autofree char *text = NULL, *lacks = NULL;
    if (opened != NULL)
        g_variant_get(opened, "(^ay^ay)", &text, &lacks);
    json_auto_t *json = text != NULL ? json_loads(text, 0, NULL) : NULL;
    r->disk = json != NULL ? ccb_disk_from_json(json) : NULL;
    if (r->disk != NULL) {
        if (lacks[0] != '\0')
            ccb_debug(started, "this kernel has no %s", lacks);
        return r;
    }
    if (opened != NULL)
        ccb_fail(error, CCB_ERR_INPUT, "the reader's answer makes no sense");
    remote_free(r);
    return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/guest.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/leak.h"
#include "base/progress.h"
#include "guest/backend.h"
#include "guest/remote.h"
#include "guest/trace.h"
#include "image/qemu-img.h"

enum { READ_LIMIT = 64 << 20, DEFAULT_COMMAND_LIMIT_S = 3600 };

struct CcbGuest {
    const CcbGuestOps *ops;
    void *backend;
    int log_fd;
    bool network;
    bool in_key; /* the lines of a command's output that are logged are those of a private key */
    char **env;  /* of the command that ran last, in addition to ccb_guest_environment; or NULL */
};

const char *const ccb_guest_environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LC_ALL=C",
    "TMPDIR=/tmp",
    NULL,
};

CcbGuest *ccb_guest_new_with_ops(const CcbGuestOps *ops, void *backend, int log_fd)
{
    CcbGuest *guest = g_new0(CcbGuest, 1);
    *guest = (CcbGuest){.ops = ops, .backend = backend, .log_fd = log_fd};
    return guest;
}

/* Through QEMU, which may see less of an image than there is. */
static void *open_writer(const CcbGuestOptions *options, const CcbGuestOps **ret_ops,
                         GError **error)
{
    bool host = options->backend == CCB_BACKEND_HOST;
    *ret_ops = host ? &ccb_host_backend_ops : &ccb_appliance_ops;
    if (!ccb_image_check_whole(options->image, options->format, error))
        return NULL;
    return host ? ccb_host_backend_open(options, error) : ccb_appliance_open(options, error);
}

/* The backend itself; NULL on error.  What the reader does not read, the appliance does. */
static void *open_backend(const CcbGuestOptions *options, const CcbGuestOps **ret_ops,
                          GError **error)
{
    g_autofree char *foreign = NULL;
    g_autoptr(GError) reason = NULL;
    if (options->backend != CCB_BACKEND_READER)
        return open_writer(options, ret_ops, error);
    *ret_ops = &ccb_remote_ops;
    void *reader = ccb_remote_open(&ccb_reader, options, &foreign, &reason);
    if (reader != NULL)
        return reader;
    if (foreign == NULL) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return NULL;
    }
    ccb_progress_line("%-8s appliance: %s: %s", "backend", options->image, foreign);
    return open_writer(options, ret_ops, error);
}

CcbGuest *ccb_guest_open(const CcbGuestOptions *options, GError **error)
{
    const CcbGuestOps *ops;
    if (options->grow_to > 0 && !ccb_image_resize(options->image, options->grow_to, error))
        return NULL;
    gint64 started = g_get_monotonic_time();
    void *backend = open_backend(options, &ops, error);
    ccb_debug(started, "open %s with the %s backend%s", options->image, ops->name,
              backend ? "" : ": failed");
    if (backend == NULL)
        return NULL;
    if (ccb_progress_options.debug) {
        backend = ccb_trace_new(ops, backend);
        ops = &ccb_trace_ops;
    }
    CcbGuest *guest = ccb_guest_new_with_ops(ops, backend, options->log_fd);
    guest->network = options->network;
    return guest;
}

bool ccb_guest_close(CcbGuest *guest, GError **error)
{
    bool ok = guest->ops->close == NULL || guest->ops->close(guest->backend, error);
    ccb_guest_free(guest);
    return ok;
}

void ccb_guest_free(CcbGuest *guest)
{
    if (guest == NULL)
        return;
    if (guest->ops->free)
        guest->ops->free(guest->backend);
    g_strfreev(guest->env);
    g_free(guest);
}

const CcbDisk *ccb_guest_disk(const CcbGuest *guest)
{
    return guest->ops->disk ? guest->ops->disk(guest->backend) : NULL;
}

bool ccb_guest_read_disk(CcbGuest *guest, uint64_t offset, void *buffer, size_t size,
                         GError **error)
{
    return guest->ops->read_disk(guest->backend, offset, buffer, size, error);
}

bool ccb_guest_lstat(CcbGuest *guest, const char *path, CcbStat *ret_stat, bool *ret_exists,
                     GError **error)
{
    return guest->ops->stat(guest->backend, path, false, ret_stat, ret_exists, error);
}

bool ccb_guest_stat(CcbGuest *guest, const char *path, CcbStat *ret_stat, bool *ret_exists,
                    GError **error)
{
    return guest->ops->stat(guest->backend, path, true, ret_stat, ret_exists, error);
}

bool ccb_guest_exists(CcbGuest *guest, const char *path)
{
    CcbStat st;
    bool exists = false;
    return guest->ops->stat(guest->backend, path, true, &st, &exists, NULL) && exists;
}

bool ccb_guest_download(CcbGuest *guest, const char *path, int fd, GError **error)
{
    return guest->ops->get(guest->backend, path, fd, error);
}

char *ccb_guest_digest(CcbGuest *guest, const char *path, GError **error)
{
    return guest->ops->digest(guest->backend, path, error);
}

/* What is at the path, which is followed, is read; *ret_text stays NULL where nothing is there. */
static bool read_text(CcbGuest *guest, const char *path, char **ret_text, size_t *ret_size,
                      GError **error)
{
    CcbStat st;
    bool exists = false;
    if (!guest->ops->stat(guest->backend, path, true, &st, &exists, error))
        return false;
    if (!exists)
        return true;
    if (!S_ISREG(st.mode))
        return ccb_fail(error, CCB_ERR_INPUT, "%s in the guest is not a regular file", path);
    if (st.size > READ_LIMIT)
        return ccb_fail(error, CCB_ERR_INPUT, "%s in the guest is larger than %d MiB", path,
                        READ_LIMIT >> 20);
    ccb_autofd int fd = memfd_create("guest-file", MFD_CLOEXEC);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "creating a memory file");
    if (!guest->ops->get(guest->backend, path, fd, error))
        return false;
    g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", fd);
    *ret_text = ccb_read_file(self, READ_LIMIT, ret_size, error);
    return *ret_text != NULL;
}

char *ccb_guest_read(CcbGuest *guest, const char *path, size_t *ret_size, GError **error)
{
    char *text = NULL;
    if (read_text(guest, path, &text, ret_size, error) && text == NULL)
        ccb_fail(error, CCB_ERR_INPUT, "%s is missing in the guest", path);
    return text;
}

bool ccb_guest_read_optional(CcbGuest *guest, const char *path, char **ret_text, GError **error)
{
    char *text = NULL;
    if (!read_text(guest, path, &text, NULL, error))
        return false;
    *ret_text = text;
    return true;
}

char *ccb_guest_readlink(CcbGuest *guest, const char *path, GError **error)
{
    return guest->ops->readlink(guest->backend, path, error);
}

/* Whether there is a directory; another file is an error. */
static bool find_directory(CcbGuest *guest, const char *path, bool *ret_exists, GError **error)
{
    CcbStat st;
    *ret_exists = false;
    if (!guest->ops->stat(guest->backend, path, true, &st, ret_exists, error))
        return false;
    if (*ret_exists && !S_ISDIR(st.mode))
        return ccb_fail(error, CCB_ERR_INPUT, "%s in the guest is not a directory", path);
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **ccb_guest_list(CcbGuest *guest, const char *path, GError **error)
{
    bool exists;
    if (!find_directory(guest, path, &exists, error))
        return NULL;
    char **names = exists ? guest->ops->list(guest->backend, path, error) : g_new0(char *, 1);
    if (names != NULL)
        qsort(names, g_strv_length(names), sizeof *names, compare_names);
    return names;
}

static void entry_free(gpointer data)
{
    CcbGuestEntry *entry = data;
    g_free(entry->path);
    g_free(entry->target);
    g_free(entry);
}

GPtrArray *ccb_guest_entries_new(void)
{
    return g_ptr_array_new_with_free_func(entry_free);
}

static gint compare_entries(gconstpointer a, gconstpointer b)
{
    const CcbGuestEntry *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

GPtrArray *ccb_guest_walk(CcbGuest *guest, const char *path, GError **error)
{
    g_autoptr(GPtrArray) entries = ccb_guest_entries_new();
    bool exists;
    if (!find_directory(guest, path, &exists, error) ||
        (exists && !guest->ops->walk(guest->backend, path, entries, error)))
        return NULL;
    for (guint i = 0; i < entries->len; i++) {
        const CcbGuestEntry *entry = entries->pdata[i];
        int depth = 0;
        for (const char *at = entry->path; *at != '\0'; at++)
            depth += *at == '/';
        if (depth > CCB_WALK_DEPTH) {
            ccb_fail(error, CCB_ERR_INPUT,
                     "%s in the guest holds a tree of more than %d directories", path,
                     CCB_WALK_DEPTH);
            return NULL;
        }
    }
    g_ptr_array_sort(entries, compare_entries);
    return g_steal_pointer(&entries);
}

char **ccb_guest_find(CcbGuest *guest, const char *path, GError **error)
{
    g_autoptr(GPtrArray) entries = ccb_guest_walk(guest, path, error);
    if (entries == NULL)
        return NULL;
    char **paths = g_new0(char *, entries->len + 1);
    for (guint i = 0; i < entries->len; i++)
        paths[i] = g_steal_pointer(&((CcbGuestEntry *)entries->pdata[i])->path);
    return paths;
}

/* mkdir -p of a path, root:root 0755 where it is new. */
static bool make_directories(CcbGuest *guest, const char *path, GError **error)
{
    bool exists;
    if (!find_directory(guest, path, &exists, error))
        return false;
    if (exists)
        return true;
    CcbStat st;
    g_autofree char *parent = g_path_get_dirname(path);
    if (!guest->ops->stat(guest->backend, path, false, &st, &exists, error))
        return false;
    if (exists) {
        ccb_fail(error, CCB_ERR_INPUT, "%s in the guest is a link that leads nowhere", path);
        return ccb_hint(error, "a step before this one can create what it leads to, or remove it");
    }
    return make_directories(guest, parent, error) && guest->ops->mkdir(guest->backend, path, error);
}

const CcbFileAttr ccb_file_attr = {0644, 0, 0}, ccb_directory_attr = {0755, 0, 0};

/* Before something is put at a path: its parent is there, and what has to go to make room for it.  A file goes only with
 * `all`, for another file can take its place; a directory never does: what is in it would vanish, too. */
static bool make_room(CcbGuest *guest, const char *path, bool all, GError **error)
{
    CcbStat st;
    bool exists = false;
    g_autofree char *parent = g_path_get_dirname(path);
    if (!make_directories(guest, parent, error) ||
        !guest->ops->stat(guest->backend, path, false, &st, &exists, error))
        return false;
    if (exists && S_ISDIR(st.mode)) {
        ccb_fail(error, CCB_ERR_INPUT, "%s in the guest is a directory", path);
        return ccb_hint(error,
                        "choose another path, or remove the directory in an earlier step: "
                        "{remove: [%s]}",
                        path);
    }
    return !exists || (!all && !S_ISLNK(st.mode)) ||
           guest->ops->remove(guest->backend, path, error);
}

static int open_text(const char *path, const void *data, size_t size, GError **error)
{
    ccb_autofd int fd = memfd_create("guest-file", MFD_CLOEXEC);
    if (fd < 0) {
        ccb_fail_errno(error, CCB_ERR_HOST, "creating a memory file");
        return -1;
    }
    if (!ccb_write_all(fd, data, size, path, error))
        return -1;
    if (lseek(fd, 0, SEEK_SET) != 0) {
        ccb_fail_errno(error, CCB_ERR_HOST, "rewinding a memory file");
        return -1;
    }
    return ccb_steal_fd(&fd);
}

bool ccb_guest_write(CcbGuest *guest, const char *path, const void *data, size_t size,
                     const CcbFileAttr *attr, GError **error)
{
    ccb_autofd int fd = open_text(path, data, size, error);
    return fd >= 0 && make_room(guest, path, false, error) &&
           guest->ops->put(guest->backend, path, fd, attr, error);
}

bool ccb_guest_replace(CcbGuest *guest, const char *path, const char *text, GError **error)
{
    CcbStat st;
    bool exists = false;
    if (!guest->ops->stat(guest->backend, path, true, &st, &exists, error))
        return false;
    const CcbFileAttr kept = {st.mode & 07777, st.uid, st.gid};
    if (!exists)
        return ccb_guest_write(guest, path, text, strlen(text), &ccb_file_attr, error);
    ccb_autofd int fd = open_text(path, text, strlen(text), error);
    return fd >= 0 && guest->ops->put(guest->backend, path, fd, &kept, error);
}

bool ccb_guest_upload(CcbGuest *guest, const char *host_path, const char *path,
                      const CcbFileAttr *attr, GError **error)
{
    ccb_autofd int fd = open(host_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "%s", host_path);
    return make_room(guest, path, false, error) &&
           guest->ops->put(guest->backend, path, fd, attr, error);
}

bool ccb_guest_mkdir(CcbGuest *guest, const char *path, const CcbFileAttr *attr, GError **error)
{
    return make_directories(guest, path, error) &&
           guest->ops->set_attr(guest->backend, path, attr, error);
}

bool ccb_guest_set_attr(CcbGuest *guest, const char *path, const CcbFileAttr *attr, GError **error)
{
    return guest->ops->set_attr(guest->backend, path, attr, error);
}

bool ccb_guest_remove(CcbGuest *guest, const char *path, GError **error)
{
    CcbStat st;
    bool exists = false;
    if (!guest->ops->stat(guest->backend, path, false, &st, &exists, error))
        return false;
    return !exists || guest->ops->remove(guest->backend, path, error);
}

bool ccb_guest_symlink(CcbGuest *guest, const char *target, const char *path,
                       const CcbFileAttr *attr, GError **error)
{
    return make_room(guest, path, true, error) &&
           guest->ops->symlink(guest->backend, target, path, attr, error);
}

bool ccb_guest_free_space(CcbGuest *guest, uint64_t *ret_bytes, GError **error)
{
    return guest->ops->free_space(guest->backend, ret_bytes, error);
}

static void take_line(const char *line, void *data)
{
    CcbGuest *guest = data;
    g_autofree char *shown = ccb_leaks_mask_line(line, &guest->in_key);
    g_autofree char *text = g_strconcat(shown, "\n", NULL);
    /* The log is a courtesy: a full disk shows where it matters, in the image. */
    if (guest->log_fd >= 0)
        ccb_write_all(guest->log_fd, text, strlen(text), "log", NULL);
    ccb_progress_output(shown);
}

/* Where a command sees scratch space and the like in the place of the image's own files: we can't look there. */
static bool is_hidden(const char *path)
{
    static const char *const points[] = {"/tmp/", "/var/tmp/", "/run/", "/proc/", "/dev/", "/sys/"};
    for (size_t i = 0; i < G_N_ELEMENTS(points); i++)
        if (g_str_has_prefix(path, points[i]))
            return true;
    return false;
}

bool ccb_guest_check_script(CcbGuest *guest, const char *name, const char *text, GError **error)
{
    CcbStat found;
    bool exists = false;
    if (!g_str_has_prefix(text, "#!"))
        return true;
    const char *start = text + 2 + strspn(text + 2, " \t");
    g_autofree char *interpreter = g_strndup(start, strcspn(start, " \t\r\n"));
    if (interpreter[0] != '/' || is_hidden(interpreter))
        return true;
    if (!guest->ops->stat(guest->backend, interpreter, true, &found, &exists, error))
        return false;
    if (exists)
        return true;
    ccb_fail(error, CCB_ERR_STEP, "%s can't run: the image lacks %s, which its first line names",
             name, interpreter);
    return ccb_hint(error,
                    "name a program that the image has, or install it in a step before this one");
}

/* What is large is no script. */
static bool check_file(CcbGuest *guest, const char *file, const CcbStat *st, GError **error)
{
    enum { SCRIPT_MAX = 64 << 10 };
    size_t size = 0;
    g_autofree char *text =
        st->size <= SCRIPT_MAX ? ccb_guest_read(guest, file, &size, NULL) : NULL;
    return text == NULL || ccb_guest_check_script(guest, file, text, error);
}

/* Looks for the program before it is run: afterwards only a message of the backend's sandbox would say what is wrong with
 * it.  As execvp(3) one that may not be run is passed over.  A link counts whatever it leads to. */
static bool check_program(CcbGuest *guest, const char *const *env, const char *program,
                          GError **error)
{
    CcbStat st;
    bool exists = false, is_path = strchr(program, '/') != NULL;
    g_autofree char *forbidden = NULL;
    const char *path = g_environ_getenv((char **)env, "PATH");
    if (path == NULL)
        path = g_environ_getenv((char **)ccb_guest_environment, "PATH");
    g_auto(GStrv) directories = g_strsplit(is_path ? "/" : path, ":", -1);
    for (char **directory = directories; *directory != NULL; directory++) {
        g_autofree char *file = g_build_filename(*directory, program, NULL);
        if (is_hidden(file))
            return true;
        if (!guest->ops->stat(guest->backend, file, false, &st, &exists, error))
            return false;
        if (!exists)
            continue;
        if (S_ISLNK(st.mode) &&
            (!guest->ops->stat(guest->backend, file, true, &st, &exists, NULL) || !exists))
            return true;
        if (S_ISREG(st.mode) && (st.mode & 0111) != 0)
            return check_file(guest, file, &st, error);
        g_free(forbidden);
        forbidden = g_steal_pointer(&file);
    }
    if (forbidden != NULL) {
        ccb_fail(error, CCB_ERR_STEP, "%s in the image is no program: it may not be executed",
                 forbidden);
        return ccb_hint(error, "give it mode 0755, in a step before this one");
    }
    ccb_fail(error, CCB_ERR_STEP, "the image has no command \"%s\"", program);
    if (strchr(program, ' ') == NULL)
        return false;
    g_auto(GStrv) words = g_strsplit(program, " ", -1);
    g_autofree char *list = g_strjoinv(", ", words);
    return ccb_hint(error, "a command is a list of words: [%s]", list);
}

/* The last lines of a command's output are in the message. */
static void mask_message(GError *error)
{
    static const char quote[] = "  | ";
    bool in_key = false;
    g_auto(GStrv) lines = g_strsplit(error->message, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        size_t begin = g_str_has_prefix(*line, quote) ? strlen(quote) : 0;
        g_autofree char *shown = ccb_leaks_mask_line(*line + begin, &in_key);
        char *whole = g_strconcat(begin > 0 ? quote : "", shown, NULL);
        g_free(*line);
        *line = whole;
    }
    g_free(error->message);
    error->message = g_strjoinv("\n", lines);
}

/* What a command has in addition to ccb_guest_environment; caller frees. */
static char **environment_of(const CcbGuest *guest, const CcbCommand *command)
{
    /* Where a command may reach the network, the proxies of ours are also its own. */
    static const char *const proxies[] = {"http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY",
                                          "NO_PROXY"};
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    if (command->env != NULL)
        g_strv_builder_addv(builder, (const char **)command->env);
    for (size_t i = 0; guest->network && i < G_N_ELEMENTS(proxies); i++) {
        const char *value = g_getenv(proxies[i]);
        g_autofree char *pair = value ? g_strconcat(proxies[i], "=", value, NULL) : NULL;
        if (pair)
            g_strv_builder_add(builder, pair);
    }
    return g_strv_builder_end(builder);
}

bool ccb_guest_run(CcbGuest *guest, CcbCommand *command, GError **error)
{
    g_strfreev(guest->env);
    guest->env = environment_of(guest, command);
    CcbCommand limited = *command;
    if (limited.name == NULL)
        limited.name = command->argv[0];
    limited.env = (const char *const *)guest->env;
    if (limited.limit_s == 0)
        limited.limit_s = DEFAULT_COMMAND_LIMIT_S;
    g_autofree char *shown =
        command->name != NULL ? g_strdup(command->name) : g_strjoinv(" ", (char **)command->argv);
    g_autofree char *heading = g_strconcat("$ ", shown, NULL);
    take_line(heading, guest);
    bool ok = check_program(guest, limited.env, command->argv[0], error) &&
              guest->ops->run(guest->backend, &limited, take_line, guest, error);
    if (!ok && error != NULL)
        mask_message(*error);
    guest->in_key = false;
    command->ret_status = limited.ret_status;
    command->ret_timed_out = limited.ret_timed_out;
    return ok;
}

bool ccb_guest_shell(CcbGuest *guest, CcbCommand *command, GError **error)
{
    g_auto(GStrv) own = environment_of(guest, command);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    if (guest->env != NULL)
        g_strv_builder_addv(builder, (const char **)guest->env);
    g_strv_builder_addv(builder, (const char **)own);
    g_auto(GStrv) env = g_strv_builder_end(builder);
    CcbCommand complete = *command;
    complete.name = command->argv[0];
    complete.env = (const char *const *)env;
    bool ok = check_program(guest, complete.env, command->argv[0], error) &&
              guest->ops->shell(guest->backend, &complete, error);
    command->ret_status = complete.ret_status;
    return ok;
}

bool ccb_guest_command(CcbGuest *guest, GError **error, ...)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    va_list args;
    va_start(args, error);
    const char *word;
    do {
        word = va_arg(args, const char *);
        g_ptr_array_add(argv, (char *)word);
    } while (word != NULL);
    va_end(args);
    CcbCommand command = {.argv = (const char *const *)argv->pdata};
    return ccb_guest_run(guest, &command, error);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host backend: the image is mounted here (attach.h), files are read and written below its root with openat2
 * (rooted.h), and guest commands run in it under bubblewrap.
 *
 * Bubblewrap runs without a user namespace: with one, only uid 0 would be mapped and a package's chown would fail.  So
 * the command is root of this host, held by its own mount, pid, ipc, uts and network namespaces, an empty /sys, a
 * minimal /dev, and the capabilities that installing software needs, and no others.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/pty.h"
#include "guest/attach.h"
#include "guest/pidlimit.h"
#include "guest/rooted.h"
#include "guest/syscall-filter.h"

/* All three show the scratch directory to guest commands. */
static const char *const scratch_points[] = {"/tmp", "/var/tmp", "/run"};

/* What of /proc sets the host and asks no capability of uid 0, as runc and crun have it; where it exists. */
static const char *const host_settings[] = {
    "/proc/sys",           "/proc/sysrq-trigger", "/proc/fs",    "/proc/scsi",
    "/proc/acpi",          "/proc/asound",        "/proc/irq",   "/proc/bus",
    "/proc/dynamic_debug", "/proc/mtrr",          "/proc/driver"};

typedef struct {
    int root; /* directory descriptor of the mounted root; first, so that the functions of rooted.h are our operations */
    CcbAttach *attach;
    bool network;
    char *scratch;
    bool trim, scratch_mounted;
    CcbPidLimit *limit;  /* of commands; NULL: none */
    GPtrArray *payloads; /* CcbAttachment, borrowed elements */
} HostBackend;
G_STATIC_ASSERT(offsetof(HostBackend, root) == 0);

static bool has_os_release(const char *root_path)
{
    static const char *const names[] = {"/etc/os-release", "/usr/lib/os-release"};
    ccb_autofd int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        CcbStat st;
        bool exists = false;
        if (ccb_rooted_stat(&root, names[i], true, &st, &exists, NULL) && exists)
            return true;
    }
    return false;
}

/* Mounts each candidate in turn to see which holds an operating system; what else there is stays as it is. */
static bool find_root(CcbAttach *attach, bool unclean, GError **error)
{
    CcbDisk *disk = ccb_attach_disk(attach);
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(unsigned));
    for (guint i = 0; i < disk->partitions->len; i++) {
        const CcbPartition *partition = disk->partitions->pdata[i];
        unsigned char superblock[1024];
        if (!ccb_partition_may_be_root(partition))
            continue;
        if (!unclean && (!ccb_attach_pread(attach, superblock, sizeof superblock,
                                           partition->start + 1024, error) ||
                         !ccb_disk_check_clean(partition, superblock, error)))
            return false;
        if (!ccb_attach_mount(attach, partition, true, error))
            return false;
        if (has_os_release(ccb_attach_root(attach)))
            g_array_append_val(found, partition->number);
        if (!ccb_attach_unmount(attach, error))
            return false;
    }
    return ccb_disk_set_root(disk, found, error) &&
           ccb_attach_mount(attach, ccb_disk_partition(disk, disk->root), false, error);
}

static void host_free(void *backend)
{
    HostBackend *host = backend;
    ccb_close_fd(&host->root);
    ccb_attach_free(host->attach);
    if (host->scratch_mounted)
        umount2(host->scratch, MNT_DETACH);
    ccb_pid_limit_free(host->limit);
    g_ptr_array_unref(host->payloads);
    g_free(host->scratch);
    g_free(host);
}

/* Bubblewrap mounts on these by name: a symlink in their place could lead it out of the guest. */
static bool check_mount_points(HostBackend *host, GError **error)
{
    static const char *const points[] = {"/proc", "/dev",     "/sys", "/tmp",
                                         "/var",  "/var/tmp", "/run"};
    for (size_t i = 0; i < G_N_ELEMENTS(points); i++) {
        CcbStat st;
        bool exists = false;
        if (!ccb_rooted_stat(host, points[i], false, &st, &exists, error))
            return false;
        if (exists && !S_ISDIR(st.mode))
            return ccb_fail(error, CCB_ERR_INPUT, "%s in the guest is not a directory", points[i]);
    }
    return true;
}

/* The image is a throw-away overlay then: `lock` only. */
static bool give_resolver(HostBackend *host, GError **error)
{
    static const char path[] = "/etc/resolv.conf";
    ccb_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    CcbStat st;
    bool exists = false;
    if (fd < 0)
        return true; /* a host without a resolver may still reach addresses */
    return ccb_rooted_stat(host, path, false, &st, &exists, error) &&
           (!exists || ccb_rooted_remove(host, path, error)) &&
           ccb_rooted_put(host, path, fd, &(CcbFileAttr){.mode = 0644}, error);
}

/* Scratch space in memory where there is plenty: what installers unpack need not go to a disk, and is gone at once. */
static bool mount_scratch(HostBackend *host, const CcbGuestOptions *o, GError **error)
{
    uint64_t size = o->scratch_size;
    if (o->read_only || host->scratch == NULL || size == 0 || size > ccb_available_memory() / 2)
        return true;
    g_autofree char *options = g_strdup_printf("mode=1777,size=%" G_GUINT64_FORMAT, size);
    if (mount("ccbake", host->scratch, "tmpfs", MS_NODEV | MS_NOSUID, options) != 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "mounting a tmpfs on %s", host->scratch);
    host->scratch_mounted = true;
    return true;
}

static bool open_host(HostBackend *host, const CcbGuestOptions *o, GError **error)
{
    host->attach = ccb_attach_open(o->image, o->format, o->read_only, error);
    if (host->attach == NULL || (o->grow_to > 0 && !ccb_attach_grow(host->attach, error)) ||
        !find_root(host->attach, o->unclean, error))
        return false;
    host->root = open(ccb_attach_root(host->attach), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (host->root < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "opening the guest's root");
    return check_mount_points(host, error) && (!host->network || give_resolver(host, error)) &&
           mount_scratch(host, o, error);
}

void *ccb_host_backend_open(const CcbGuestOptions *options, GError **error)
{
    HostBackend *host = g_new0(HostBackend, 1);
    *host = (HostBackend){.root = -1,
                          .network = options->network,
                          .scratch = g_strdup(options->scratch_dir),
                          .trim = options->trim,
                          .limit = options->read_only ? NULL : ccb_pid_limit_new(),
                          .payloads = g_ptr_array_new()};
    if (options->payloads)
        g_ptr_array_extend(host->payloads, (GPtrArray *)options->payloads, NULL, NULL);
    if (open_host(host, options, error))
        return host;
    host_free(host);
    return NULL;
}

static bool host_free_space(void *backend, uint64_t *ret_bytes, GError **error)
{
    struct statvfs fs;
    if (statvfs(ccb_attach_root(((HostBackend *)backend)->attach), &fs) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "looking at the guest's free space");
    *ret_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    return true;
}

/* The command line of bubblewrap up to that of the guest. */
static void add_isolation(GPtrArray *argv, const HostBackend *host, bool has_terminal, int filter)
{
    g_autofree char *filter_fd = g_strdup_printf("%d", filter);
    /* What rpm, dracut, depmod and the installers need: owners and modes, device nodes, chroot. */
    static const char *const capabilities[] = {
        "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER",     "CAP_FSETID", "CAP_SETUID",
        "CAP_SETGID", "CAP_SETFCAP",      "CAP_SYS_CHROOT", "CAP_MKNOD",  "CAP_KILL"};
    ccb_argv_add(argv, "bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc",
                 "--unshare-uts", "--hostname", "ccbake", NULL);
    ccb_argv_add(argv, "--seccomp", filter_fd, NULL);
    if (!has_terminal) /* that of the user: a command could type into it */
        ccb_argv_add(argv, "--new-session", NULL);
    if (!host->network)
        ccb_argv_add(argv, "--unshare-net", NULL);
    ccb_argv_add(argv, "--cap-drop", "ALL", NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(capabilities); i++)
        ccb_argv_add(argv, "--cap-add", capabilities[i], NULL);
    ccb_argv_add(argv, "--bind", ccb_attach_root(host->attach), "/", "--proc", "/proc", "--dev",
                 "/dev", "--ro-bind", ccb_attach_empty(host->attach), "/sys", NULL);
    /* The kernel's settings are the host's, and its uid 0 may write them without any capability:
     * core_pattern alone would run a program outside of all this. */
    for (size_t i = 0; i < G_N_ELEMENTS(host_settings); i++)
        ccb_argv_add(argv, "--ro-bind-try", host_settings[i], host_settings[i], NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(scratch_points); i++)
        ccb_argv_add(argv, "--bind", host->scratch, scratch_points[i], NULL);
    for (guint i = 0; i < host->payloads->len; i++) {
        const CcbAttachment *payload = host->payloads->pdata[i];
        g_autofree char *point = g_build_filename(CCB_PAYLOAD_DIR, payload->name, NULL);
        ccb_argv_add(argv, "--ro-bind", payload->path, point, NULL);
    }
    ccb_argv_add(argv, "--chdir", "/", "--clearenv", NULL);
}

static void add_environment(GPtrArray *argv, const char *const *environment)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        g_auto(GStrv) pair = g_strsplit(*environment, "=", 2);
        ccb_argv_add(argv, "--setenv", pair[0], pair[1], NULL);
    }
}

static void set_up(void *data)
{
    const HostBackend *host = data;
    umask(022);
    ccb_pid_limit_join(host->limit);
}

/* The command line of bubblewrap for the command; NULL on error.  `has_terminal`: the command's terminal is its own. */
static GPtrArray *build_argv(HostBackend *host, const CcbCommand *command, bool has_terminal,
                             int filter, GError **error)
{
    /* The last command may have put links where bubblewrap is to mount: it would follow them out of the guest. */
    g_autofree char *name = g_path_get_basename(CCB_PAYLOAD_DIR);
    g_autofree char *payloads = g_build_filename(host->scratch, name, NULL);
    if (!check_mount_points(host, error) || !ccb_remove_tree(payloads, error))
        return NULL;
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    add_isolation(argv, host, has_terminal, filter);
    add_environment(argv, ccb_guest_environment);
    add_environment(argv, command->env);
    ccb_argv_add(argv, "--", NULL);
    for (const char *const *word = command->argv; *word != NULL; word++)
        ccb_argv_add(argv, *word, NULL);
    g_ptr_array_add(argv, NULL);
    return argv;
}

static bool host_run(void *backend, CcbCommand *command, CcbLineFunc on_line, void *data,
                     GError **error)
{
    ccb_autofd int filter = ccb_syscall_filter(error);
    g_autoptr(GPtrArray) argv =
        filter >= 0 ? build_argv(backend, command, false, filter, error) : NULL;
    if (argv == NULL)
        return false;
    CcbProcess process = {.argv = (const char *const *)argv->pdata,
                          .name = command->name,
                          .shown = command->argv,
                          .error_code = CCB_ERR_STEP,
                          .stdin_text = command->stdin_text,
                          .limit_s = command->limit_s,
                          .allow_failure = command->allow_failure,
                          .separate_stdout = command->ret_stdout != NULL,
                          .ret_stdout = command->ret_stdout,
                          .on_line = on_line,
                          .data = data,
                          .keep_fd = filter,
                          .setup_data = backend,
                          .child_setup = set_up};
    bool ok = ccb_process_run(&process, error);
    command->ret_status = process.ret_status;
    command->ret_timed_out = process.ret_timed_out;
    return ok;
}

static bool host_shell(void *backend, CcbCommand *command, GError **error)
{
    ccb_autofd int filter = ccb_syscall_filter(error);
    g_autoptr(GPtrArray) argv =
        filter >= 0 ? build_argv(backend, command, ccb_terminal_is_there(), filter, error) : NULL;
    if (argv == NULL)
        return false;
    CcbProcess process = {.argv = (const char *const *)argv->pdata,
                          .keep_fd = filter,
                          .setup_data = backend,
                          .child_setup = set_up};
    bool ok = ccb_terminal_run(&process, error);
    command->ret_status = process.ret_status;
    return ok;
}

static const CcbDisk *host_disk(void *backend)
{
    return ccb_attach_disk(((HostBackend *)backend)->attach);
}

static bool host_read_disk(void *backend, uint64_t offset, void *buffer, size_t size,
                           GError **error)
{
    return ccb_attach_pread(((HostBackend *)backend)->attach, buffer, size, offset, error);
}

static bool host_close(void *backend, GError **error)
{
    HostBackend *host = backend;
    ccb_close_fd(&host->root);
    return ccb_attach_close(g_steal_pointer(&host->attach), host->trim, error);
}

const CcbGuestOps ccb_host_backend_ops = {
    .name = "host",
    .stat = ccb_rooted_stat,
    .get = ccb_rooted_get,
    .digest = ccb_rooted_digest,
    .readlink = ccb_rooted_readlink,
    .list = ccb_rooted_list,
    .walk = ccb_rooted_walk,
    .put = ccb_rooted_put,
    .mkdir = ccb_rooted_mkdir,
    .set_attr = ccb_rooted_set_attr,
    .symlink = ccb_rooted_symlink,
    .remove = ccb_rooted_remove,
    .free_space = host_free_space,
    .run = host_run,
    .shell = host_shell,
    .disk = host_disk,
    .read_disk = host_read_disk,
    .close = host_close,
    .free = host_free,
};

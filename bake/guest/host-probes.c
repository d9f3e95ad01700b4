/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/host-probes.h"

#include <fcntl.h>
#include <guestfs.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/quantity.h"
#include "host/freespace.h"
#include "host/kvm.h"

enum { TOOL_LIMIT_S = 20 };

/* A bake of the guide's image: layers of driver and CUDA, scratch to unpack them, the output. Below
 * the first it can't end well, below the second it may not. */
#define CACHE_LEAST   (10ULL * 1000 * 1000 * 1000)
#define CACHE_COMFORT (40ULL * 1000 * 1000 * 1000)
#define TMP_COMFORT   (2ULL * 1000 * 1000 * 1000)

void ccb_host_finding_clear(CcbHostFinding *finding)
{
    g_free(finding->found);
    g_free(finding->advice);
    *finding = (CcbHostFinding){0};
}

bool ccb_host_probe_matters(const CcbHostProbe *probe, CcbBackend backend)
{
    return probe->need == CCB_HOST_ALWAYS ||
           (probe->need == CCB_HOST_FOR_APPLIANCE && backend == CCB_BACKEND_APPLIANCE) ||
           (probe->need == CCB_HOST_FOR_HOST_BACKEND && backend == CCB_BACKEND_HOST);
}

/* Takes ownership of `found`. */
static void set(CcbHostFinding *ret, CcbHostStatus status, char *found, const char *advice)
{
    ret->status = status;
    ret->found = found;
    ret->advice = g_strdup(advice);
}

/* --- devices and privileges */

static void look_kvm(CcbHostFinding *ret)
{
    static const char *const advice[] = {
        [CCB_KVM_ABSENT] =
            "without KVM the host backend does the work; the appliance would be emulated",
        [CCB_KVM_FORBIDDEN] =
            "add this user to the group that owns /dev/kvm (usually kvm) and log in again",
        [CCB_KVM_BROKEN] =
            "usual in nested guests; the host backend does the work. After a change of the host: "
            "`ccbake doctor --refresh`",
        [CCB_KVM_WORKS] = NULL,
    };
    g_autofree char *reason = NULL;
    CcbKvm kvm = ccb_kvm_probe(&reason);
    set(ret, kvm == CCB_KVM_WORKS ? CCB_HOST_OK : CCB_HOST_WARN,
        g_strdup_printf("%s (%s)", ccb_kvm_name(kvm), reason), advice[kvm]);
}

static void look_device(CcbHostFinding *ret, const char *path, const char *module)
{
    ccb_autofd int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        set(ret, CCB_HOST_OK, g_strdup("opens"), NULL);
        return;
    }
    bool absent = errno == ENOENT || errno == ENODEV || errno == ENXIO;
    g_autofree char *advice =
        absent ? g_strdup_printf("modprobe %s; in a container, pass the device in", module)
               : g_strdup("run as root");
    set(ret, CCB_HOST_MISSING, g_strdup(g_strerror(errno)), advice);
}

static void look_fuse(CcbHostFinding *ret)
{
    look_device(ret, "/dev/fuse", "fuse");
}

static void look_loop(CcbHostFinding *ret)
{
    look_device(ret, "/dev/loop-control", "loop");
}

/* Whether a child could unshare(2): asked of the kernel, because containers and sysctls forbid it
 * in many ways. */
static bool can_unshare(int flags)
{
    int status = 1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(unshare(flags) == 0 ? 0 : 1);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && status == 0;
}

static void look_userns(CcbHostFinding *ret)
{
    if (can_unshare(CLONE_NEWUSER))
        set(ret, CCB_HOST_OK, g_strdup("can be made"), NULL);
    else
        set(ret, CCB_HOST_WARN, g_strdup("forbidden here"), "not needed as root");
}

static void look_root(CcbHostFinding *ret)
{
    if (geteuid() != 0)
        set(ret, CCB_HOST_MISSING, g_strdup_printf("user %u", (unsigned)geteuid()),
            "run as root (sudo)");
    else if (!can_unshare(CLONE_NEWNS))
        set(ret, CCB_HOST_MISSING, g_strdup("root, but may not make a mount namespace"),
            "in a container: grant CAP_SYS_ADMIN");
    else
        set(ret, CCB_HOST_OK, g_strdup("root, may make a mount namespace"), NULL);
}

/* landlock_create_ruleset(2): asked so, it tells the version that the kernel has. */
static void look_landlock(CcbHostFinding *ret)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version > 0)
        set(ret, CCB_HOST_OK, g_strdup_printf("version %ld", version), NULL);
    else
        set(ret, CCB_HOST_WARN, g_strdup("not in this kernel"),
            "not needed: the reader is held by seccomp alone; Linux 5.13 or later has it");
}

/* --- tools */

/* What `program option` prints, or NULL. */
static char *ask(const char *program, const char *option)
{
    const char *argv[] = {program, option, NULL};
    g_autoptr(GString) out = g_string_new(NULL);
    CcbProcess process = {
        .argv = argv, .limit_s = TOOL_LIMIT_S, .separate_stdout = true, .ret_stdout = out};
    return ccb_process_run(&process, NULL) ? g_strdup(out->str) : NULL;
}

static void look_tool(CcbHostFinding *ret, const char *program, const char *package)
{
    g_autofree char *path = g_find_program_in_path(program);
    g_autofree char *said = path ? ask(program, "--version") : NULL;
    g_autofree char *advice = g_strconcat("install ", package, NULL);
    if (said == NULL) {
        set(ret, CCB_HOST_MISSING,
            path ? g_strconcat(path, " does not run", NULL) : g_strdup("not installed"), advice);
        return;
    }
    /* The first word that begins with a digit, in the first line: "QEMU emulator version 7.2.22 (Debian ...". */
    said[strcspn(said, "\n")] = '\0';
    g_auto(GStrv) words = g_strsplit_set(said, " ,", -1);
    char **word = words;
    while (*word != NULL && !g_ascii_isdigit(**word))
        word++;
    set(ret, CCB_HOST_OK, g_strdup(*word ? *word : "of unknown version"), NULL);
}

static void look_qemu_img(CcbHostFinding *ret)
{
    look_tool(ret, "qemu-img", "qemu-utils (qemu-img)");
}

static void look_qemu(CcbHostFinding *ret)
{
    look_tool(ret, "qemu-system-x86_64", "qemu-system-x86 (qemu-kvm)");
}

static void look_bwrap(CcbHostFinding *ret)
{
    look_tool(ret, "bwrap", "bubblewrap");
}

static void look_supermin(CcbHostFinding *ret)
{
    look_tool(ret, "supermin", "supermin");
}

/* FUSE export came with QEMU 6.0 and may be left out of a build: its help says which types there
 * are. */
static void look_storage_daemon(CcbHostFinding *ret)
{
    look_tool(ret, "qemu-storage-daemon", "qemu-system-common (qemu-storage-daemon)");
    if (ret->status != CCB_HOST_OK)
        return;
    g_autofree char *help = ask("qemu-storage-daemon", "--help");
    bool fuse = help && strstr(help, "--export [type=]fuse");
    char *found =
        g_strconcat(ret->found, fuse ? ", with FUSE export" : ", without FUSE export", NULL);
    g_free(ret->found);
    ret->found = found;
    if (fuse)
        return;
    ret->status = CCB_HOST_MISSING;
    ret->advice = g_strdup("install a QEMU of at least 6.0 that was built with FUSE");
}

/* --- libguestfs */

static void look_libguestfs(CcbHostFinding *ret)
{
    guestfs_h *g = guestfs_create_flags(GUESTFS_CREATE_NO_CLOSE_ON_EXIT);
    struct guestfs_version *version = g ? guestfs_version(g) : NULL;
    if (version)
        set(ret, CCB_HOST_OK,
            g_strdup_printf("%jd.%jd.%jd", (intmax_t)version->major, (intmax_t)version->minor,
                            (intmax_t)version->release),
            NULL);
    else
        set(ret, CCB_HOST_MISSING, g_strdup("does not start"), "install libguestfs");
    if (version)
        guestfs_free_version(version);
    if (g)
        guestfs_close(g);
}

static bool is_readable(const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    return access(path, R_OK) == 0;
}

/* A kernel that supermin can take: readable, with its modules.  Which one runs here does not
 * matter. */
static char *find_kernel(bool *ret_unreadable)
{
    g_autoptr(GDir) boot = g_dir_open("/boot", 0, NULL);
    const char *name;
    while (boot && (name = g_dir_read_name(boot)) != NULL) {
        if (!g_str_has_prefix(name, "vmlinuz-"))
            continue;
        if (!is_readable("/boot", name)) {
            *ret_unreadable = true;
            continue;
        }
        const char *kver = name + strlen("vmlinuz-");
        if (is_readable("/lib/modules", kver))
            return g_strdup(kver);
    }
    return NULL;
}

static void look_for_supermin_parts(CcbHostFinding *ret, const char *dir)
{
    bool unreadable = false;
    g_autofree char *kver = find_kernel(&unreadable);
    g_autofree char *supermin = g_find_program_in_path("supermin");
    if (supermin == NULL)
        set(ret, CCB_HOST_MISSING, g_strdup("supermin, which builds it, is not installed"),
            "install supermin, or set LIBGUESTFS_PATH to a fixed appliance");
    else if (g_getenv("SUPERMIN_KERNEL"))
        set(ret, CCB_HOST_OK,
            g_strdup_printf("from SUPERMIN_KERNEL=%s", g_getenv("SUPERMIN_KERNEL")), NULL);
    else if (kver)
        set(ret, CCB_HOST_OK, g_strdup_printf("%s with kernel %s", dir, kver), NULL);
    else if (unreadable)
        set(ret, CCB_HOST_MISSING, g_strdup("/boot/vmlinuz-* may not be read by this user"),
            "chmod 0644 /boot/vmlinuz-* (dpkg-statoverride keeps it so), or run as root");
    else
        set(ret, CCB_HOST_MISSING, g_strdup("no kernel in /boot with modules in /lib/modules"),
            "install a kernel package (linux-image-cloud-amd64), or set LIBGUESTFS_PATH to a fixed "
            "appliance");
}

static void look_appliance(CcbHostFinding *ret)
{
    guestfs_h *g = guestfs_create_flags(GUESTFS_CREATE_NO_CLOSE_ON_EXIT);
    g_autofree char *path = g ? g_strdup(guestfs_get_path(g)) : NULL;
    g_auto(GStrv) dirs = g_strsplit(path ? path : "", ":", -1);
    if (g)
        guestfs_close(g);
    for (char **dir = dirs; *dir; dir++) {
        if (is_readable(*dir, "kernel") && is_readable(*dir, "initrd") &&
            is_readable(*dir, "root")) {
            set(ret, CCB_HOST_OK, g_strdup_printf("fixed, in %s", *dir), NULL);
            return;
        }
        if (is_readable(*dir, "supermin.d")) {
            look_for_supermin_parts(ret, *dir);
            return;
        }
    }
    set(ret, CCB_HOST_MISSING, g_strdup_printf("none in %s", path ? path : "LIBGUESTFS_PATH"),
        "install libguestfs-tools (libguestfs-appliance), or set LIBGUESTFS_PATH to a fixed "
        "appliance");
}

/* --- space */

static void look_space(CcbHostFinding *ret, const char *path, uint64_t least, uint64_t comfort,
                       const char *advice)
{
    uint64_t bytes = 0;
    g_autoptr(GError) reason = NULL;
    if (!ccb_free_bytes(path, &bytes, &reason)) {
        set(ret, CCB_HOST_MISSING, g_strdup(reason->message), advice);
        return;
    }
    g_autofree char *size = ccb_format_size(bytes);
    CcbHostStatus status = bytes >= comfort ? CCB_HOST_OK
                           : bytes >= least ? CCB_HOST_WARN
                                            : CCB_HOST_MISSING;
    set(ret, status, g_strdup_printf("%s free in %s", size, path),
        status == CCB_HOST_OK ? NULL : advice);
}

static void look_cache_space(CcbHostFinding *ret)
{
    look_space(ret, ccb_cache_dir(), CACHE_LEAST, CACHE_COMFORT,
               "a bake with CUDA takes about 40 GB: make room (`ccbake cache gc`) or set "
               "CCBAKE_CACHE_DIR to a larger disk");
}

static void look_tmp_space(CcbHostFinding *ret)
{
    look_space(ret, g_get_tmp_dir(), 0, TMP_COMFORT, "make room, or set TMPDIR to a larger disk");
}

/* --- the table */

const CcbHostProbe ccb_host_probes[] = {
    {"KVM", "fast virtual machines: the appliance, ccbake boot", CCB_HOST_OPTIONAL, look_kvm},
    {"root", "mounting in the host backend", CCB_HOST_FOR_HOST_BACKEND, look_root},
    {"/dev/fuse", "the host backend's view of a qcow2 image", CCB_HOST_FOR_HOST_BACKEND, look_fuse},
    {"/dev/loop-control", "the host backend's root partition", CCB_HOST_FOR_HOST_BACKEND,
     look_loop},
    {"Landlock", "confining the process that reads images", CCB_HOST_OPTIONAL, look_landlock},
    {"user namespaces", "bwrap without root", CCB_HOST_OPTIONAL, look_userns},
    {"qemu-img", "creating, checking and converting images", CCB_HOST_ALWAYS, look_qemu_img},
    {"qemu-storage-daemon", "the host backend", CCB_HOST_FOR_HOST_BACKEND, look_storage_daemon},
    {"bwrap", "the host backend's isolation of guest commands", CCB_HOST_FOR_HOST_BACKEND,
     look_bwrap},
    {"qemu-system-x86_64", "the appliance, ccbake boot", CCB_HOST_FOR_APPLIANCE, look_qemu},
    {"libguestfs", "the appliance", CCB_HOST_FOR_APPLIANCE, look_libguestfs},
    {"supermin", "building the appliance", CCB_HOST_OPTIONAL, look_supermin},
    {"appliance", "the kernel and files that libguestfs boots", CCB_HOST_FOR_APPLIANCE,
     look_appliance},
    {"cache space", "layers and downloads", CCB_HOST_ALWAYS, look_cache_space},
    {"temporary space", "work files", CCB_HOST_OPTIONAL, look_tmp_space},
    {0},
};

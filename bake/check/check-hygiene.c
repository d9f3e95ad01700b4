/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a bake must not leave behind; what is of one machine is in check-machine.c. */
#include <string.h>
#include <sys/stat.h>

#include "check/context.h"

#include "base/quantity.h"

/* The names that begin or end so, where a bake or a person puts what is for the moment. */
static bool check_scratch(CcbCheckContext *ctx, const char *const *prefixes, const char *suffix,
                          CcbCheckResult *result, GError **error)
{
    static const char *const directories[] = {"/", "/tmp", "/var/tmp", "/root"};
    for (guint i = 0; i < G_N_ELEMENTS(directories); i++) {
        g_auto(GStrv) paths = ccb_check_paths(ctx, directories[i], suffix, error);
        for (char **path = paths; *path != NULL; path++)
            for (const char *const *prefix = prefixes; *prefix != NULL; prefix++)
                if (g_str_has_prefix(strrchr(*path, '/') + 1, *prefix))
                    ccb_result_fail(result, "%s", *path);
    }
    return ccb_result_pass(result, "none in /, /tmp, /var/tmp, /root");
}

static bool run_leftovers(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const ours[] = {"ccbake", ".ccbake", NULL};
    return check_scratch(ctx, ours, "", result, error);
}

static bool run_installers(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const any[] = {"", NULL};
    return check_scratch(ctx, any, ".run", result, error);
}

/* --- what belongs to one person */

/* Checks a file of a home directory, in which it is called `name`. */
typedef void (*CheckHomeFile)(CcbCheckContext *ctx, const char *name, const char *path,
                              CcbCheckResult *result, GError **error);

/* All that is in /root and in the directories of /home. */
static void check_homes(CcbCheckContext *ctx, CheckHomeFile check, CcbCheckResult *result,
                        GError **error)
{
    for (char **name = ccb_check_tree(ctx, "/root", error); *name != NULL; name++) {
        g_autofree char *path = g_build_filename("/root", *name, NULL);
        check(ctx, *name, path, result, error);
    }
    for (char **name = ccb_check_tree(ctx, "/home", error); *name != NULL; name++) {
        g_autofree char *path = g_build_filename("/home", *name, NULL);
        const char *slash = strchr(*name, '/');
        if (slash != NULL)
            check(ctx, slash + 1, path, result, error);
    }
}

static bool is_filled(CcbCheckContext *ctx, const char *path, GError **error)
{
    const CcbStat *st = ccb_check_lstat(ctx, path, error);
    return st != NULL && S_ISREG(st->mode) && st->size > 0;
}

/* Of shells, interpreters, database clients, editors and pagers, where they write by default. */
static void check_history(CcbCheckContext *ctx, const char *name, const char *path,
                          CcbCheckResult *result, GError **error)
{
    /* clang-format off */
    static const char *const names[] = {
        ".bash_history", ".zsh_history", ".zhistory", ".sh_history", ".ash_history", ".history",
        ".local/share/fish/fish_history", ".python_history", ".node_repl_history",
        ".mysql_history", ".mariadb_history", ".psql_history", ".sqlite_history",
        ".rediscli_history", ".viminfo", ".lesshst", ".wget-hsts", NULL};
    /* clang-format on */
    if (g_strv_contains(names, name) && is_filled(ctx, path, error))
        ccb_result_fail(result, "%s", path);
}

static bool run_history(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    check_homes(ctx, check_history, result, error);
    return ccb_result_pass(result, "none in /root and /home");
}

/* sshd_config(5): both are read where AuthorizedKeysFile is not set.  A line that is no comment lets
 * somebody in. */
static void check_authorized_keys(CcbCheckContext *ctx, const char *name, const char *path,
                                  CcbCheckResult *result, GError **error)
{
    static const char *const names[] = {".ssh/authorized_keys", ".ssh/authorized_keys2", NULL};
    if (!g_strv_contains(names, name))
        return;
    g_auto(GStrv) lines = ccb_check_lines(ctx, path, error);
    for (char **line = lines; *line != NULL; line++)
        if (**line != '\0' && **line != '#') {
            ccb_result_fail(result, "%s", path);
            return;
        }
}

static bool run_authorized_keys(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const names[] = {".ssh/authorized_keys", ".ssh/authorized_keys2"};
    check_homes(ctx, check_authorized_keys, result, error);
    g_auto(GStrv) accounts = ccb_check_lines(ctx, "/etc/passwd", error);
    for (char **account = accounts; *account != NULL; account++) {
        g_auto(GStrv) fields = g_strsplit(*account, ":", -1); /* passwd(5) */
        const char *home = g_strv_length(fields) == 7 ? fields[5] : "/";
        if (g_str_equal(home, "/") || g_str_has_prefix(home, "/root") ||
            g_str_has_prefix(home, "/home/"))
            continue;
        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
            g_autofree char *path = g_build_filename(home, names[i], NULL);
            check_authorized_keys(ctx, names[i], path, result, error);
        }
    }
    return ccb_result_pass(result, "none in /root, in /home and in the homes of /etc/passwd");
}

/* --- who can log in */

/* shadow(5): the second field is the hash, "" for an account that needs no password.  A vendor's
 * image may have hashes of its own.  Nobody but root, and perhaps a group, may read the file. */
static bool run_passwords(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char path[] = "/etc/shadow";
    const CcbStat *st = ccb_check_stat(ctx, path, error);
    if (st == NULL)
        return ccb_result_skip(result, "there is no %s", path);
    if (st->mode & 07)
        ccb_result_fail(result, "%s has mode %04o: everybody has access", path, st->mode & 07777);
    g_auto(GStrv) lines = ccb_check_lines(ctx, path, error);
    for (char **line = lines; *line != NULL; line++) {
        const char *hash = strchr(*line, ':');
        if (hash != NULL && hash[1] == ':')
            ccb_result_fail(result, "%s: %.*s can log in without a password", path,
                            (int)(hash - *line), *line);
    }
    return ccb_result_pass(result, "no account without a password");
}

/* --- space */

static bool is_cached_package(const char *path)
{
    static const char *const suffixes[] = {".rpm",    ".solv",    ".solvx",
                                           ".xml.gz", ".xml.zst", ".sqlite.bz2"};
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++)
        if (g_str_has_suffix(path, suffixes[i]))
            return true;
    return false;
}

/* Below .cache/pip: what was downloaded, and what was built of it. */
static bool is_cached_wheel(const char *path)
{
    enum { DIGEST = 56 }; /* SHA-224 in hex: the names of pip's cachecontrol in http and http-v2 */
    const char *slash = strrchr(path, '/');
    return g_str_has_suffix(path, ".whl") ||
           (g_str_has_prefix(path, "http") && slash != NULL && strlen(slash + 1) >= DIGEST);
}

static bool run_package_cache(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const struct {
        const char *directory;
        bool (*is_cached)(const char *path);
    } places[] = {{"/var/cache/dnf", is_cached_package},
                  {"/var/cache/yum", is_cached_package},
                  {"/root/.cache/pip", is_cached_wheel}};
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        guint found = 0;
        char **path = ccb_check_tree(ctx, places[i].directory, error);
        for (; *path != NULL; path++)
            found += places[i].is_cached(*path);
        if (found > 0)
            ccb_result_fail(result, "%s: %u %s of packages and their lists", places[i].directory,
                            found, ccb_plural(found, "file", "files"));
    }
    return ccb_result_pass(result, "nothing in /var/cache/dnf and /root/.cache/pip");
}

/* What its journal holds is not in the files that were checked. */
static bool run_filesystem(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    enum { SUPERBLOCK = 1024 };
    unsigned char superblock[1024];
    g_autoptr(GError) problem = NULL;
    const CcbDisk *disk = ccb_check_disk(ctx, error);
    const CcbPartition *root = disk != NULL ? ccb_disk_partition(disk, disk->root) : NULL;
    if (root == NULL)
        return false;
    if (!g_str_has_prefix(root->fstype, "ext"))
        return ccb_result_skip(result, "%s says nothing of it", root->fstype);
    if (!ccb_guest_read_disk(ctx->guest, root->start + SUPERBLOCK, superblock, sizeof superblock,
                             error))
        return false;
    /* Without its hint, which is the remedy. */
    if (!ccb_disk_check_clean(root, superblock, &problem))
        return ccb_result_fail(result, "%.*s", (int)strcspn(problem->message, "\n"),
                               problem->message);
    return ccb_result_pass(result, "%s, unmounted cleanly, no errors noted", root->fstype);
}

static bool run_free_space(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    enum { LEAST_MIB = 300 };
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL)
        return false;
    guint64 mib = facts->free_bytes >> 20;
    if (mib < LEAST_MIB)
        return ccb_result_fail(result, "%" G_GUINT64_FORMAT " MiB are free, expected %d", mib,
                               LEAST_MIB);
    return ccb_result_pass(result, "%" G_GUINT64_FORMAT " MiB", mib);
}

const CcbCheck ccb_checks_hygiene[] = {
    {"hygiene.leftovers", CCB_SEVERITY_ERROR,
     "Mount points and scratch files of the bake have no place in an image.",
     "This is a fault of ccbake: please report it, with the log of the bake.", run_leftovers},
    {"hygiene.installers", CCB_SEVERITY_WARNING,
     "An installer in the image costs space in each upload and each instance.",
     "Give it to the recipe as a payload, which never enters the image.", run_installers},
    {"hygiene.history", CCB_SEVERITY_WARNING,
     "What somebody typed, passwords perhaps, is on every instance.",
     "Remove the files with a remove step at the end of the recipe.", run_history},
    {"hygiene.authorized-keys", CCB_SEVERITY_ERROR,
     "Whoever has the key gets into every instance of the image.",
     "Remove the file with a remove step: cloud-init puts the key of each instance there.",
     run_authorized_keys},
    {"hygiene.passwords", CCB_SEVERITY_ERROR,
     "Anybody gets into every instance of the image, or can try to find the passwords.",
     "Lock the account (passwd -l in a run step), and give /etc/shadow mode 0000 by a chmod step.",
     run_passwords},
    {"hygiene.package-cache", CCB_SEVERITY_WARNING,
     "Cached packages cost space in each upload and each instance, and are out of date soon.",
     "Remove the directories with a remove step at the end of the recipe.", run_package_cache},
    {"hygiene.filesystem", CCB_SEVERITY_ERROR,
     "A boot has to repair it first, and what the journal holds was not seen by the other checks.",
     "Shut the machine it came from down properly, or repair a copy of the image with e2fsck.",
     run_filesystem},
    {"hygiene.free-space", CCB_SEVERITY_ERROR,
     "The first boot writes before the root file system is grown, and fails on a full one.",
     "Set base.grow in the recipe, or install less.", run_free_space},
    {0},
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a bake must not leave behind; what is of one machine is in machine.c. */
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "check/context.h"

static const char *const scratch_directories[] = {"/", "/tmp", "/var/tmp", "/root", NULL};

typedef bool (*NameTest)(const char *name);

static bool is_ours(const char *name)
{
    return g_str_has_prefix(name, "ccbake") || g_str_has_prefix(name, ".ccbake");
}

static bool is_installer(const char *name)
{
    return g_str_has_suffix(name, ".run");
}

static bool look_for(CcbCheckContext *ctx, NameTest matches, CcbCheckResult *result, GError **error)
{
    for (const char *const *dir = scratch_directories; *dir != NULL; dir++) {
        char **names = ccb_check_list(ctx, *dir, error);
        if (names == NULL)
            return false;
        for (; *names != NULL; names++)
            if (matches(*names))
                ccb_result_fail(result, "%s/%s", (*dir)[1] == '\0' ? "" : *dir, *names);
    }
    return ccb_result_pass(result, "none in /, /tmp, /var/tmp, /root");
}

static bool run_leftovers(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return look_for(ctx, is_ours, result, error);
}

static bool run_installers(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return look_for(ctx, is_installer, result, error);
}

/* --- what belongs to one person */

/* Judges a file of a home directory, in which it is called `name`. */
typedef bool (*JudgeHomeFile)(CcbCheckContext *ctx, const char *name, const char *path,
                              CcbCheckResult *result, GError **error);

/* All that is in /root and in the directories of /home. */
static bool judge_homes(CcbCheckContext *ctx, JudgeHomeFile judge, CcbCheckResult *result,
                        GError **error)
{
    static const struct {
        const char *directory;
        bool holds_homes;
    } places[] = {{"/root", false}, {"/home", true}};
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        char **paths = ccb_check_tree(ctx, places[i].directory, error);
        for (; paths != NULL && *paths != NULL; paths++) {
            const char *slash = strchr(*paths, '/');
            const char *name = !places[i].holds_homes ? *paths : slash != NULL ? slash + 1 : "";
            g_autofree char *path = g_build_filename(places[i].directory, *paths, NULL);
            if (!judge(ctx, name, path, result, error))
                return false;
        }
        if (paths == NULL)
            return false;
    }
    return true;
}

static bool is_filled(CcbCheckContext *ctx, const char *path, bool *ret_filled, GError **error)
{
    CcbStat st;
    bool exists = false;
    if (!ccb_check_lstat(ctx, path, &st, &exists, error))
        return false;
    *ret_filled = exists && S_ISREG(st.mode) && st.size > 0;
    return true;
}

/* Of shells, interpreters, database clients, editors and pagers, where they write by default. */
static bool judge_history(CcbCheckContext *ctx, const char *name, const char *path,
                          CcbCheckResult *result, GError **error)
{
    static const char *const names[] = {".bash_history",
                                        ".zsh_history",
                                        ".zhistory",
                                        ".sh_history",
                                        ".ash_history",
                                        ".history",
                                        ".local/share/fish/fish_history",
                                        ".python_history",
                                        ".node_repl_history",
                                        ".mysql_history",
                                        ".mariadb_history",
                                        ".psql_history",
                                        ".sqlite_history",
                                        ".rediscli_history",
                                        ".viminfo",
                                        ".lesshst",
                                        ".wget-hsts",
                                        NULL};
    bool filled = false;
    if (!g_strv_contains(names, name))
        return true;
    if (!is_filled(ctx, path, &filled, error))
        return false;
    return !filled || ccb_result_fail(result, "%s", path);
}

static bool run_history(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return judge_homes(ctx, judge_history, result, error) &&
           ccb_result_pass(result, "none in /root and /home");
}

/* A line that is no comment lets somebody in. */
static bool has_key_line(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        const char *start = g_strstrip(*line);
        if (*start != '\0' && *start != '#')
            return true;
    }
    return false;
}

/* sshd_config(5): both are read where AuthorizedKeysFile is not set. */
static bool judge_authorized_keys(CcbCheckContext *ctx, const char *name, const char *path,
                                  CcbCheckResult *result, GError **error)
{
    static const char *const names[] = {".ssh/authorized_keys", ".ssh/authorized_keys2", NULL};
    if (!g_strv_contains(names, name))
        return true;
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL)
        return false;
    if (file->text != NULL && has_key_line(file->text))
        ccb_result_fail(result, "%s", path);
    return true;
}

static bool run_authorized_keys(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return judge_homes(ctx, judge_authorized_keys, result, error) &&
           ccb_result_pass(result, "none in /root and /home");
}

/* In .ssh a key may have any name.  Host keys have a check of their own; the two directories hold
 * certificates of authorities. */
static bool may_hold_key(const char *path)
{
    static const char *const suffixes[] = {".pem",      ".key",        "/id_rsa",
                                           "/id_ecdsa", "/id_ed25519", "/id_dsa"};
    if (g_str_has_prefix(path, ".ssh/") || strstr(path, "/.ssh/") != NULL)
        return true;
    if (g_str_has_prefix(path, "pki/ca-trust/") || g_str_has_prefix(path, "ssl/certs/"))
        return false;
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++)
        if (g_str_has_suffix(path, suffixes[i]))
            return true;
    return false;
}

static bool judge_key_file(CcbCheckContext *ctx, const char *path, CcbCheckResult *result,
                           GError **error)
{
    enum { LIMIT = 1 << 20 };
    CcbStat st;
    bool exists = false;
    if (!ccb_check_lstat(ctx, path, &st, &exists, error))
        return false;
    if (!exists || !S_ISREG(st.mode) || st.size > LIMIT)
        return true; /* a link's end is looked at where it is; no key is so large */
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL)
        return false;
    if (file->text != NULL && g_strstr_len(file->text, (gssize)file->size, "PRIVATE KEY-----"))
        ccb_result_fail(result, "%s: a private key", path);
    return true;
}

static bool look_for_keys(CcbCheckContext *ctx, const char *directory, CcbCheckResult *result,
                          GError **error)
{
    char **paths = ccb_check_tree(ctx, directory, error);
    for (; paths != NULL && *paths != NULL; paths++) {
        g_autofree char *path = g_build_filename(directory, *paths, NULL);
        if (may_hold_key(*paths) && !judge_key_file(ctx, path, result, error))
            return false;
    }
    return paths != NULL;
}

/* Where programs keep what lets them in somewhere.  Those with a `mark` hold other settings too. */
static const struct {
    const char *name;
    const char *mark; /* stands where there is a secret; NULL: there always is one */
} credentials[] = {
    {".aliyun/config.json", NULL},
    {".ossutilconfig", NULL},
    {".aws/credentials", NULL},
    {".s3cfg", NULL},
    {".config/rclone/rclone.conf", NULL},
    {".kube/config", NULL},
    {".docker/config.json", "\"auth\""},
    {".docker/config.json", "\"identitytoken\""},
    {".config/containers/auth.json", "\"auth\""},
    {".ngc/config", NULL},
    {".cache/huggingface/token", NULL},
    {".cache/huggingface/stored_tokens", NULL},
    {".huggingface/token", NULL},
    {".modelscope/credentials/session", NULL},
    {".modelscope/credentials/git_token", NULL},
    {".git-credentials", NULL},
    {".config/gh/hosts.yml", NULL},
    {".netrc", NULL},
    {".pgpass", NULL},
    {".my.cnf", "password"},
    {".pypirc", NULL},
    {".npmrc", "_auth"},
    {".npmrc", "_password"},
};

static bool holds_secret(CcbCheckContext *ctx, const char *path, const char *mark, bool *ret_holds,
                         GError **error)
{
    if (!is_filled(ctx, path, ret_holds, error))
        return false;
    if (!*ret_holds || mark == NULL)
        return true;
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    *ret_holds = file != NULL && file->text != NULL && strstr(file->text, mark) != NULL;
    return file != NULL;
}

static bool judge_credentials(CcbCheckContext *ctx, const char *name, const char *path,
                              CcbCheckResult *result, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(credentials); i++) {
        bool holds = false;
        if (!g_str_equal(name, credentials[i].name))
            continue;
        if (!holds_secret(ctx, path, credentials[i].mark, &holds, error))
            return false;
        if (holds)
            return ccb_result_fail(result, "%s", path);
    }
    return true;
}

static bool run_secrets(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const places[] = {"/root", "/home", "/etc"};
    if (!judge_homes(ctx, judge_credentials, result, error))
        return false;
    for (guint i = 0; i < G_N_ELEMENTS(places); i++)
        if (!look_for_keys(ctx, places[i], result, error))
            return false;
    return ccb_result_pass(result, "no credentials in /root and /home, no private key there and "
                                   "in /etc");
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
    enum {
        DIGEST = 56
    }; /* SHA-224, by which pip's cachecontrol names what it keeps in http and http-v2 */
    const char *slash = strrchr(path, '/');
    return g_str_has_suffix(path, ".whl") ||
           (g_str_has_prefix(path, "http") && slash != NULL && strlen(slash + 1) >= DIGEST);
}

static bool run_package_cache(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const struct {
        const char *directory;
        NameTest is_cached;
    } places[] = {{"/var/cache/dnf", is_cached_package},
                  {"/var/cache/yum", is_cached_package},
                  {"/root/.cache/pip", is_cached_wheel}};
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        char **paths = ccb_check_tree(ctx, places[i].directory, error);
        guint found = 0;
        if (paths == NULL)
            return false;
        for (; *paths != NULL; paths++)
            found += places[i].is_cached(*paths);
        if (found > 0)
            ccb_result_fail(result, "%s: %u files of packages and their lists", places[i].directory,
                            found);
    }
    return ccb_result_pass(result, "nothing in /var/cache/dnf and /root/.cache/pip");
}

/* What its journal holds is not in the files that were judged. */
static bool run_filesystem(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    enum { SUPERBLOCK = 1024 };
    unsigned char superblock[1024];
    g_autoptr(GError) problem = NULL;
    const CcbDisk *disk = ccb_guest_disk(ctx->guest);
    const CcbPartition *root = disk != NULL ? ccb_disk_partition(disk, disk->root) : NULL;
    if (root == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "the partition table is not known");
    if (!g_str_has_prefix(root->fstype, "ext"))
        return ccb_result_skip(result, "%s says nothing of it", root->fstype);
    if (!ccb_guest_read_disk(ctx->guest, root->start + SUPERBLOCK, superblock, sizeof superblock,
                             error))
        return false;
    if (!ccb_disk_check_clean(root, superblock,
                              &problem)) /* without its hint: that is the remedy */
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
     "Remove the files at the end of the recipe.", run_history},
    {"hygiene.authorized-keys", CCB_SEVERITY_ERROR,
     "Whoever has the key gets into every instance of the image.",
     "Remove the file: cloud-init puts the key of each instance there.", run_authorized_keys},
    {"hygiene.secrets", CCB_SEVERITY_ERROR,
     "Everybody with an instance, or with the image, can read them.",
     "Take them out, and give each instance its own when it starts.", run_secrets},
    {"hygiene.package-cache", CCB_SEVERITY_WARNING,
     "Cached packages cost space in each upload and each instance, and are out of date soon.",
     "Run dnf clean all, and pip cache purge, at the end of the recipe.", run_package_cache},
    {"hygiene.filesystem", CCB_SEVERITY_ERROR,
     "A boot has to repair it first, and what the journal holds was not seen by the other checks.",
     "Shut the machine it came from down properly, or repair a copy of the image with e2fsck.",
     run_filesystem},
    {"hygiene.free-space", CCB_SEVERITY_ERROR,
     "The first boot writes before the root file system is grown, and fails on a full one.",
     "Resize the base image, or install less.", run_free_space},
    {0},
};

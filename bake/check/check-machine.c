/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What belongs to one machine, and must not be in an image. */
#include <string.h>

#include "check/context.h"

static bool run_resolver(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char key[] = "nameserver";
    g_auto(GStrv) lines = ccb_check_lines(ctx, "/etc/resolv.conf", error);
    for (guint i = 0; lines[i] != NULL; i++) {
        const char *rest = lines[i] + strlen(key);
        if (!g_str_has_prefix(lines[i], key) || !g_ascii_isspace(*rest))
            continue;
        const char *address = g_strchug((char *)rest);
        /* The cloud's own resolvers; NetworkManager and networkd write the file anew. */
        if (!g_str_has_prefix(address, "100.100.2.") && !g_str_has_prefix(address, "127."))
            ccb_result_fail(result, "/etc/resolv.conf:%u: nameserver %s", i + 1, address);
    }
    return ccb_result_pass(result, "no resolver of another network");
}

/* Which the cloud gives an instance where its owner gives none: "iZ", some twenty letters and digits, "Z". */
static bool is_instance_name(const char *name)
{
    enum { LEAST = 15 };
    size_t length = strlen(name);
    return length >= LEAST && g_str_has_prefix(name, "iZ") && name[length - 1] == 'Z' &&
           strspn(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS) == length;
}

static bool run_host_name(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const usual[] = {"localhost", "localhost.localdomain", "", NULL};
    const CcbGuestText *file = ccb_check_text(ctx, "/etc/hostname", error);
    g_autofree char *own = g_strstrip(g_strdup(file->text != NULL ? file->text : ""));
    bool is_usual = g_strv_contains(usual, own);
    if (!is_usual)
        ccb_result_fail(result, "/etc/hostname: %s", own);
    /* What cloud-init added for the machine that the image is of; other names may be meant. */
    g_auto(GStrv) lines = ccb_check_lines(ctx, "/etc/hosts", error);
    for (guint i = 0; lines[i] != NULL; i++) {
        lines[i][strcspn(lines[i], "#")] = '\0';
        g_auto(GStrv) words = g_strsplit_set(lines[i], " \t", -1);
        for (char **name = words; *name != NULL; name++)
            if (name > words &&
                (is_instance_name(*name) || (!is_usual && g_str_equal(*name, own)))) {
                ccb_result_fail(result, "/etc/hosts:%u: %s", i + 1, *name);
                break;
            }
    }
    return ccb_result_pass(result, "/etc/hostname: %s", *own != '\0' ? own : "(none)");
}

/* machine-id(5): in an image it is empty or "uninitialized". */
static bool run_machine_id(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL)
        return false;
    const char *id = facts->machine_id;
    if (id == NULL)
        return ccb_result_fail(result, "/etc/machine-id is missing, expected empty at least");
    if (*id == '\0' || g_str_equal(id, "uninitialized"))
        return ccb_result_pass(result, "none yet");
    /* The vendor's id is in the names of all boot entries; that of the machine that baked only in
     * those of kernels that it installed itself. */
    g_auto(GStrv) entries = ccb_check_paths(ctx, "/boot/loader/entries", ".conf", error);
    bool in_all = entries[0] != NULL;
    for (char **path = entries; *path != NULL; path++) {
        g_autofree char *name = g_path_get_basename(*path);
        in_all = in_all && g_str_has_prefix(name, id);
    }
    if (!in_all)
        return ccb_result_fail(
            result, "/etc/machine-id: %s, which not all boot entries have in their names", id);
    return ccb_result_pass(result, "the vendor's, %s", id);
}

static bool run_host_keys(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    for (char **name = ccb_check_list(ctx, "/etc/ssh", error); *name != NULL; name++)
        if (g_str_has_prefix(*name, "ssh_host_") && g_str_has_suffix(*name, "_key"))
            ccb_result_fail(result, "/etc/ssh/%s", *name);
    return ccb_result_pass(result, "none in /etc/ssh");
}

/* Of one instance: what its user gave it, keys and passwords perhaps. */
static bool run_cloud_state(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char instances[] = "/var/lib/cloud/instances";
    g_auto(GStrv) directories = ccb_check_paths(ctx, instances, "", error);
    for (char **directory = directories; *directory != NULL; directory++) {
        g_autofree char *path = g_build_filename(*directory, "user-data.txt", NULL);
        const CcbStat *st = ccb_check_stat(ctx, path, error);
        ccb_result_fail(result, "%s%s", *directory,
                        st != NULL && st->size > 0 ? ", with its user data" : "");
    }
    return ccb_result_pass(result, "none in %s", instances);
}

const CcbCheck ccb_checks_machine[] = {
    {"hygiene.resolver", CCB_SEVERITY_WARNING,
     "A resolver of the builder's network answers nobody in the cloud until DHCP replaces it.",
     "Write an empty /etc/resolv.conf with a files step at the end of the recipe.", run_resolver},
    {"hygiene.host-name", CCB_SEVERITY_WARNING,
     "Every instance has this name until cloud-init gives it another.",
     "Write localhost.localdomain into /etc/hostname with a files step, and take its name out of "
     "/etc/hosts.",
     run_host_name},
    {"hygiene.machine-id", CCB_SEVERITY_WARNING,
     "Instances with the same id get each other's addresses and logs, and without the file systemd "
     "does not start from a read-only root.",
     "Write an empty /etc/machine-id with a files step at the end of the recipe.", run_machine_id},
    {"hygiene.host-keys", CCB_SEVERITY_WARNING,
     "Instances that keep the SSH host keys of their image can be impersonated by each other.",
     "Remove /etc/ssh/ssh_host_* with a remove step: sshd or cloud-init makes new ones.",
     run_host_keys},
    {"hygiene.cloud-state", CCB_SEVERITY_WARNING,
     "What cloud-init keeps of an instance, its user data among it, is on every instance of the "
     "image.",
     "Remove /var/lib/cloud/instances with a remove step at the end of the recipe.",
     run_cloud_state},
    {0},
};

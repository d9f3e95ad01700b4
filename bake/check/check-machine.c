/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What belongs to one machine, and must not be in an image. */
#include <string.h>

#include "check/context.h"

/* The cloud's own resolvers; NetworkManager and networkd write the file anew. */
static bool is_known_resolver(const char *address)
{
    return g_str_has_prefix(address, "100.100.2.") || g_str_has_prefix(address, "127.");
}

static bool run_resolver(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, "/etc/resolv.conf", error);
    if (file == NULL)
        return false;
    g_auto(GStrv) lines = g_strsplit(file->text != NULL ? file->text : "", "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        char *line = g_strstrip(lines[i]);
        const char *address = line + strlen("nameserver");
        if (!g_str_has_prefix(line, "nameserver") || !g_ascii_isspace(*address))
            continue;
        while (g_ascii_isspace(*address))
            address++;
        if (!is_known_resolver(address))
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

static void judge_hosts_line(guint number, const char *line, const char *host,
                             CcbCheckResult *result)
{
    g_autofree char *text = g_strndup(line, strcspn(line, "#"));
    g_auto(GStrv) words = g_strsplit_set(g_strstrip(text), " \t", -1);
    for (guint i = 1; words[0] != NULL && words[i] != NULL; i++)
        if (is_instance_name(words[i]) || (*host != '\0' && g_str_equal(words[i], host))) {
            ccb_result_fail(result, "/etc/hosts:%u: %s", number, words[i]);
            return;
        }
}

/* What cloud-init added for the machine that the image is of; other names may be meant. */
static bool judge_hosts(CcbCheckContext *ctx, const char *host, CcbCheckResult *result,
                        GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, "/etc/hosts", error);
    if (file == NULL)
        return false;
    g_auto(GStrv) lines = g_strsplit(file->text != NULL ? file->text : "", "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++)
        judge_hosts_line(i + 1, lines[i], host, result);
    return true;
}

static bool run_host_name(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char *const usual[] = {"localhost", "localhost.localdomain", "", NULL};
    const CcbGuestText *file = ccb_check_text(ctx, "/etc/hostname", error);
    if (file == NULL)
        return false;
    g_autofree char *name = g_strstrip(g_strdup(file->text != NULL ? file->text : ""));
    bool is_usual = g_strv_contains(usual, name);
    if (!is_usual)
        ccb_result_fail(result, "/etc/hostname: %s", name);
    if (!judge_hosts(ctx, is_usual ? "" : name, result, error))
        return false;
    return ccb_result_pass(result, "/etc/hostname: %s", *name != '\0' ? name : "(none)");
}

/* The vendor's id is in the names of all boot entries; that of the machine that baked only in those of kernels that it
 * installed itself. */
static bool names_entries(const CcbFacts *facts, const char *id)
{
    for (guint i = 0; i < facts->entries->len; i++) {
        const CcbBootEntry *entry = facts->entries->pdata[i];
        if (!g_str_has_prefix(entry->id, id))
            return false;
    }
    return facts->entries->len > 0;
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
    if (!names_entries(facts, id))
        return ccb_result_fail(
            result, "/etc/machine-id: %s, which not all boot entries have in their names", id);
    return ccb_result_pass(result, "the vendor's, %s", id);
}

static bool is_host_key(const char *name)
{
    return g_str_has_prefix(name, "ssh_host_") && g_str_has_suffix(name, "_key");
}

static bool run_host_keys(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    char **names = ccb_check_list(ctx, "/etc/ssh", error);
    if (names == NULL)
        return false;
    for (; *names != NULL; names++)
        if (is_host_key(*names))
            ccb_result_fail(result, "/etc/ssh/%s", *names);
    return ccb_result_pass(result, "none in /etc/ssh");
}

/* Of one instance: what its user gave it, keys and passwords perhaps. */
static bool judge_instance(CcbCheckContext *ctx, const char *directory, CcbCheckResult *result,
                           GError **error)
{
    g_autofree char *path = g_build_filename(directory, "user-data.txt", NULL);
    CcbStat st;
    bool exists = false;
    if (!ccb_check_stat(ctx, path, &st, &exists, error))
        return false;
    return ccb_result_fail(result, "%s%s", directory,
                           exists && st.size > 0 ? ", with its user data" : "");
}

static bool run_cloud_state(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char instances[] = "/var/lib/cloud/instances";
    char **names = ccb_check_list(ctx, instances, error);
    if (names == NULL)
        return false;
    for (; *names != NULL; names++) {
        g_autofree char *directory = g_build_filename(instances, *names, NULL);
        if (!judge_instance(ctx, directory, result, error))
            return false;
    }
    return ccb_result_pass(result, "none in %s", instances);
}

const CcbCheck ccb_checks_machine[] = {
    {"hygiene.resolver", CCB_SEVERITY_WARNING,
     "A resolver of the builder's network answers nobody in the cloud until DHCP replaces it.",
     "Empty /etc/resolv.conf at the end of the recipe.", run_resolver},
    {"hygiene.host-name", CCB_SEVERITY_WARNING,
     "Every instance has this name until cloud-init gives it another.",
     "Write localhost.localdomain into /etc/hostname, and take its name out of /etc/hosts.",
     run_host_name},
    {"hygiene.machine-id", CCB_SEVERITY_WARNING,
     "Instances with the same id get each other's addresses and logs, and without the file systemd "
     "does not start from a read-only root.",
     "Empty /etc/machine-id at the end of the recipe.", run_machine_id},
    {"hygiene.host-keys", CCB_SEVERITY_WARNING,
     "Instances that keep the SSH host keys of their image can be impersonated by each other.",
     "Remove /etc/ssh/ssh_host_*: sshd or cloud-init makes new ones.", run_host_keys},
    {"hygiene.cloud-state", CCB_SEVERITY_WARNING,
     "What cloud-init keeps of an instance, its user data among it, is on every instance of the "
     "image.",
     "Run cloud-init clean on it, or remove /var/lib/cloud/instances at the end of the recipe.",
     run_cloud_state},
    {0},
};

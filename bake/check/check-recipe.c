/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the recipe's steps put into the image and take out of it, by their changes (plan/expect.c). */
#include <string.h>
#include <sys/stat.h>

#include "check/guest-units.h"

#include "base/quantity.h"

static const char *member(const json_t *entry, const char *name)
{
    return json_string_value(json_object_get(entry, name));
}

/* What stands at one path; a member that the entry lacks is not expected. */
static void check_path(CcbCheckContext *ctx, const json_t *entry, CcbCheckResult *result,
                       GError **error)
{
    const char *path = member(entry, "path"), *type = member(entry, "type");
    if (path == NULL || type == NULL)
        return; /* a manifest that somebody wrote */
    const char *mode = member(entry, "mode"), *owner = member(entry, "owner");
    bool is_any = g_str_equal(type, "any"), is_link = g_str_equal(type, "link");
    if (is_any && mode == NULL && owner == NULL) {
        if (ccb_check_lstat(ctx, path, error) == NULL)
            ccb_result_fail(result, "%s is missing, and the recipe puts it there", path);
        return;
    }
    mode_t format = is_link ? S_IFLNK : g_str_equal(type, "directory") ? S_IFDIR : S_IFREG;
    const CcbStat *st = is_link || g_str_equal(type, "none") ? ccb_check_lstat(ctx, path, error)
                                                             : ccb_check_stat(ctx, path, error);
    if (g_str_equal(type, "none")) {
        if (st != NULL)
            ccb_result_fail(result, "%s is there, and the recipe removes it", path);
        return;
    }
    if (st == NULL || (!is_any && (st->mode & S_IFMT) != format)) {
        ccb_result_fail(result, "%s is %s, and the recipe puts a %s there", path,
                        st == NULL ? "missing" : "something else", is_any ? "file" : type);
        return;
    }
    const char *target = member(entry, "target"), *sha256 = member(entry, "sha256");
    g_autofree char *is_mode = g_strdup_printf("%04o", st->mode & 07777);
    g_autofree char *is_owner = g_strdup_printf("%u:%u", st->uid, st->gid);
    g_autofree char *leads_to = target != NULL ? ccb_check_readlink(ctx, path, error) : NULL;
    g_autofree char *digest =
        sha256 != NULL && *error == NULL ? ccb_guest_digest(ctx->guest, path, error) : NULL;
    if (mode != NULL && !g_str_equal(mode, is_mode))
        ccb_result_fail(result, "%s has mode %s, and the recipe gives it %s", path, is_mode, mode);
    if (owner != NULL && !g_str_equal(owner, is_owner))
        ccb_result_fail(result, "%s belongs to %s, and the recipe gives it to %s", path, is_owner,
                        owner);
    if (leads_to != NULL && !g_str_equal(leads_to, target))
        ccb_result_fail(result, "%s leads to %s, and in the recipe to %s", path, leads_to, target);
    if (digest != NULL && !g_str_equal(digest, sha256))
        ccb_result_fail(result, "%s does not have the content that the recipe gives it", path);
}

static bool run_files(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    size_t count = json_array_size(ctx->expect->files);
    for (size_t i = 0; i < count && *error == NULL; i++)
        check_path(ctx, json_array_get(ctx->expect->files, i), result, error);
    return count > 0 ? ccb_result_pass(result, "%zu %s", count, ccb_plural(count, "path", "paths"))
                     : ccb_result_skip(result, "no recipe says which files there are");
}

/* The programs of a service that has to start; with "-" before its path a program may be missing, and one with "%" or "$" in
 * it is known to systemd alone. */
static void check_programs(CcbCheckContext *ctx, const char *name, const CcbUnit *unit,
                           CcbCheckResult *result, GError **error)
{
    static const char *const keys[] = {"ExecStartPre", "ExecStart", "ExecStartPost"};
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Service", keys[i]);
        for (guint k = 0; k < values->len; k++) {
            const CcbUnitValue *value = values->pdata[k];
            size_t prefix = ccb_unit_command_prefix(value->value);
            g_autofree char *path =
                g_strndup(value->value + prefix, strcspn(value->value + prefix, " \t"));
            bool is_known = path[0] == '/' && strpbrk(path, "%$\"'\\") == NULL;
            if (is_known && memchr(value->value, '-', prefix) == NULL &&
                ccb_check_stat(ctx, path, error) == NULL && *error == NULL)
                ccb_result_fail(result, "%s can't start: %s:%u: %s=%s, and there is no %s", name,
                                value->file, value->line, keys[i], value->value, path);
        }
    }
}

/* Every link that [Install] asks for. */
static void check_enabled(CcbCheckContext *ctx, const char *name, CcbCheckResult *result,
                          GError **error)
{
    g_autoptr(CcbUnit) unit = ccb_check_unit(ctx, name, error);
    g_autoptr(GPtrArray) links = unit != NULL ? ccb_unit_links(unit, name, NULL) : NULL;
    if (links == NULL)
        ccb_result_fail(result, "%s is missing, and the recipe enables it", name);
    if (unit != NULL)
        check_programs(ctx, name, unit, result, error);
    for (guint i = 0; links != NULL && i < links->len; i++)
        if (ccb_check_lstat(ctx, links->pdata[i], error) == NULL)
            ccb_result_fail(result, "%s is not enabled: there is no %s", name,
                            (const char *)links->pdata[i]);
}

static void check_disabled(CcbCheckContext *ctx, const char *name, CcbCheckResult *result,
                           GError **error)
{
    for (char **entry = ccb_check_list(ctx, CCB_UNIT_DIR, error); *entry != NULL; entry++) {
        g_autofree char *link = g_build_filename(CCB_UNIT_DIR, *entry, name, NULL);
        if (ccb_unit_wants_suffix(*entry) != NULL && ccb_check_lstat(ctx, link, error) != NULL)
            ccb_result_fail(result, "%s is enabled by %s, and the recipe disables it", name, link);
    }
}

static bool run_units(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbExpectation *expect = ctx->expect;
    guint count = 0;
    for (char **name = expect->enabled; name != NULL && *name != NULL; name++, count++)
        check_enabled(ctx, *name, result, error);
    for (char **name = expect->disabled; name != NULL && *name != NULL; name++, count++)
        check_disabled(ctx, *name, result, error);
    for (char **name = expect->masked; name != NULL && *name != NULL; name++, count++) {
        g_autofree char *path = g_build_filename(CCB_UNIT_DIR, *name, NULL);
        const CcbStat *st = ccb_check_lstat(ctx, path, error);
        g_autofree char *target =
            st != NULL && S_ISLNK(st->mode) ? ccb_check_readlink(ctx, path, error) : NULL;
        if (g_strcmp0(target, "/dev/null") != 0)
            ccb_result_fail(result, "%s is not masked: %s does not lead to /dev/null", *name, path);
    }
    return count > 0 ? ccb_result_pass(result, "%u enabled, disabled or masked", count)
                     : ccb_result_skip(result, "no recipe enables, disables or masks a unit");
}

/* "CONSUMER after UNIT". */
static bool run_order(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    guint count = 0;
    for (char **order = ctx->expect->orders; order != NULL && *order != NULL; order++, count++) {
        g_auto(GStrv) names = g_strsplit(*order, " after ", 2);
        if (g_strv_length(names) != 2)
            continue; /* a manifest that somebody wrote */
        g_autoptr(CcbUnit) unit = ccb_check_unit(ctx, names[0], error);
        if (!ccb_unit_lists(unit, "After", names[1]))
            ccb_result_fail(result, "%s has no After=%s", names[0], names[1]);
    }
    return count > 0 ? ccb_result_pass(result, "%u %s", count, ccb_plural(count, "order", "orders"))
                     : ccb_result_skip(result, "no recipe orders units");
}

const CcbCheck ccb_checks_recipe[] = {
    {"recipe.files", CCB_SEVERITY_ERROR,
     "A file that a step puts into the image can be replaced or removed by a later step.",
     "Move the step behind the one that changes the file, or take the file out of the recipe.",
     run_files},
    {"recipe.units", CCB_SEVERITY_ERROR,
     "A package or a later step can enable a unit that the recipe disables, and the other way "
     "round.",
     "Move the units step behind the step that changes the unit.", run_units},
    {"recipe.order", CCB_SEVERITY_ERROR,
     "A consumer that does not wait starts before what it needs.",
     "Keep the drop-ins that the units step writes.", run_order},
    {0},
};

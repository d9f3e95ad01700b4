/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "step/common.h"

#include <string.h>

#include "base/process.h"
#include "base/quantity.h"

char *ccb_step_payload_path(const CcbPayload *payload)
{
    return g_build_filename(CCB_PAYLOAD_DIR, payload->name, NULL);
}

mode_t ccb_step_host_mode(bool is_directory, mode_t mode)
{
    return (is_directory || (mode & 0100) ? 0755 : 0644) & (mode | 0700);
}

bool ccb_step_limited(CcbBake *bake, const CcbStep *step, CcbCommand *command, GError **error)
{
    const CcbNode *node = ccb_node_get(step->origin->node, "limit");
    command->limit_s = ((const CcbStepSettings *)step->settings)->limit;
    if (ccb_guest_run(bake->guest, command, error))
        return true;
    if (!command->ret_timed_out)
        return false;
    if (node == NULL) /* the default */
        node = step->origin->position;
    g_autofree char *place = ccb_node_place(node);
    return ccb_hint(error, "%s: give the step a longer \"limit\" than %u (seconds)", place,
                    command->limit_s);
}

bool ccb_step_command(CcbBake *bake, const CcbStep *step, GPtrArray *words, GError **error)
{
    g_ptr_array_add(words, NULL);
    CcbCommand command = {.argv = (const char *const *)words->pdata};
    return ccb_step_limited(bake, step, &command, error);
}

bool ccb_step_check_path(const CcbNode *map, const char *key, const char *path, GError **error)
{
    g_autofree char *plain = g_canonicalize_filename(path, "/");
    return (path[0] == '/' && strcmp(plain, path) == 0) ||
           ccb_node_fail(ccb_node_get(map, key), error,
                         "\"%s\": \"%s\" is not an absolute path without \"..\", \"//\" and a "
                         "slash at its end",
                         key, path);
}

static bool run_rpm(CcbBake *bake, const CcbStep *step, const char *mode, GError **error)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    if (step->payloads->len == 0)
        return true;
    ccb_argv_add(words, "rpm", mode, "--verbose", "--replacepkgs", NULL);
    for (guint i = 0; i < step->payloads->len; i++)
        g_ptr_array_add(words, ccb_step_payload_path(step->payloads->pdata[i]));
    return ccb_step_command(bake, step, words, error);
}

bool ccb_step_install_rpms(CcbBake *bake, const CcbStep *step, GError **error)
{
    return run_rpm(bake, step, "-U", error);
}

bool ccb_step_add_rpms(CcbBake *bake, const CcbStep *step, GError **error)
{
    return run_rpm(bake, step, "-i", error);
}

/* What the lock resolved is called by its name; a payload of the recipe by that of its file, which
 * the repositories call name-version-release.arch.rpm. */
bool ccb_step_package_changes(const CcbStepContext *context, const CcbStep *step,
                              GPtrArray *changes, GError **error)
{
    for (guint i = 0; i < step->payloads->len; i++) {
        const CcbPayload *payload = step->payloads->pdata[i];
        g_autofree char *name = g_strdup(step->kind->resolve ? payload->label : payload->name);
        if (g_str_has_suffix(name, ".rpm"))
            name[strlen(name) - strlen(".rpm")] = '\0';
        ccb_change_add(changes, CCB_CHANGE_PACKAGE, NULL, name);
    }
    if (step->payloads->len > 0)
        ccb_change_unknown(changes, NULL, "files and scripts of %u %s", step->payloads->len,
                           ccb_plural(step->payloads->len, "package", "packages"));
    return true;
}

bool ccb_step_add_resolved(const json_t *list,
                           CcbPayload *(*read)(const json_t *item, GError **error),
                           GPtrArray *ret_payloads, GError **error)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        CcbPayload *payload = read(json_array_get(list, i), error);
        if (payload == NULL)
            return false;
        g_ptr_array_add(ret_payloads, payload);
    }
    return true;
}

CcbPayload *ccb_step_payload_new(const char *label, const char *name, const char *url,
                                 const char *sha256)
{
    CcbPayload *payload = g_new0(CcbPayload, 1);
    *payload = (CcbPayload){.label = g_strdup(label),
                            .name = g_strdup(name),
                            .urls = g_new0(char *, 2),
                            .sha256 = g_strdup(sha256)};
    payload->urls[0] = g_strdup(url);
    return payload;
}

const char *ccb_step_version(const CcbStep *step)
{
    return ((const CcbVersionedSettings *)step->settings)->version;
}

bool ccb_step_check_driver_version(const CcbStepContext *context, const CcbStep *step,
                                   const char *what, GError **error)
{
    const char *driver = context->expect->driver, *own = ccb_step_version(step);
    if (driver == NULL || strcmp(own, driver) == 0)
        return true;
    ccb_node_fail(ccb_node_get(step->origin->node, "version"), error,
                  "%s %s does not go with driver %s: the versions must be equal", what, own,
                  driver);
    return ccb_hint(error, "write \"version: ${driver}\" in both, with one variable");
}

/* What rpm answers to one query; caller frees. */
static char *query(CcbBake *bake, const char *mode, const char *format, const char *of,
                   GError **error)
{
    const char *argv[] = {"rpm", mode, "--qf", format, of, NULL};
    g_autoptr(GString) answer = g_string_new(NULL);
    CcbCommand command = {.argv = argv, .ret_stdout = answer, .limit_s = 60};
    return ccb_guest_run(bake->guest, &command, error)
               ? g_string_free(g_steal_pointer(&answer), FALSE)
               : NULL;
}

bool ccb_step_install_versioned(CcbBake *bake, const CcbStep *step, GError **error)
{
    const char *wanted = ccb_step_version(step);
    g_autofree char *file = ccb_step_payload_path(step->payloads->pdata[0]);
    g_autofree char *name = query(bake, "-qp", "%{NAME}", file, error);
    if (name == NULL || !ccb_step_install_rpms(bake, step, error))
        return false;
    g_autofree char *found = query(bake, "-q", "%{VERSION}", name, error);
    return found != NULL && (strcmp(found, wanted) == 0 ||
                             ccb_fail(error, CCB_ERR_STEP, "%s is version %s; the recipe says %s",
                                      name, found, wanted));
}

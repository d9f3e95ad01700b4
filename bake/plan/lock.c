/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "fetch/url.h"
#include "recipe/installed.h"

enum { LOCK_FORMAT = 1 };

struct CcbLock {
    json_t *root; /* {"lock": 1, "files": {key: {}}, "steps": {key: {}}} */
};

static CcbLock *lock_of(json_t *root)
{
    CcbLock *lock = g_new0(CcbLock, 1);
    lock->root = root;
    return lock;
}

CcbLock *ccb_lock_new(void)
{
    return lock_of(json_pack("{sis{}s{}}", "lock", LOCK_FORMAT, "files", "steps"));
}

CcbLock *ccb_lock_ref(CcbLock *lock)
{
    return lock_of(json_incref(lock->root));
}

void ccb_lock_free(CcbLock *lock)
{
    if (lock == NULL)
        return;
    json_decref(lock->root);
    g_free(lock);
}

char *ccb_lock_path(const char *recipe_path)
{
    static const char *const endings[] = {".yaml", ".yml"};
    bool is_installed = g_str_has_prefix(recipe_path, CCB_INSTALLED);
    const char *path = recipe_path + (is_installed ? strlen(CCB_INSTALLED) : 0);
    g_autofree char *stem = g_strdup(path);
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
        if (g_str_has_suffix(path, endings[i]))
            stem[strlen(path) - strlen(endings[i])] = '\0';
    return g_strconcat(stem, ".lock.json", NULL);
}

bool ccb_lock_check_path(const char *recipe_path, GError **error)
{
    if (!g_str_has_suffix(recipe_path, ".yml"))
        return true;
    g_autofree char *stem = g_strndup(recipe_path, strlen(recipe_path) - strlen(".yml"));
    g_autofree char *other = g_strconcat(stem, ".yaml", NULL);
    if (!g_file_test(other, G_FILE_TEST_EXISTS))
        return true;
    g_autofree char *lock = ccb_lock_path(recipe_path);
    ccb_fail(error, CCB_ERR_RECIPE, "the lock %s would be that of %s and of %s", lock, recipe_path,
             other);
    return ccb_hint(error, "give one of the recipes another name, or use --lock");
}

CcbLock *ccb_lock_load(const char *path, GError **error)
{
    json_error_t reason;
    g_autofree char *target = realpath(path, NULL); /* a checkout may consist of links */
    if (target == NULL && errno == ENOENT)
        return ccb_lock_new();
    ccb_autofd int fd = ccb_open_regular(target != NULL ? target : path, O_RDONLY, error);
    if (fd < 0)
        return NULL;
    json_t *root = json_loadfd(fd, JSON_REJECT_DUPLICATES, &reason);
    if (root == NULL) {
        ccb_fail(error, CCB_ERR_RECIPE, "%s:%d:%d: %s", path, reason.line, reason.column,
                 reason.text);
        ccb_hint(error,
                 "resolve the conflict if a merge left one, or restore the file from version "
                 "control");
        return NULL;
    }
    if (json_integer_value(json_object_get(root, "lock")) == LOCK_FORMAT &&
        json_is_object(json_object_get(root, "files")) &&
        json_is_object(json_object_get(root, "steps")))
        return lock_of(root);
    bool is_newer = json_integer_value(json_object_get(root, "lock")) > LOCK_FORMAT;
    json_decref(root);
    ccb_fail(error, CCB_ERR_RECIPE, "%s: not a lock file%s", path,
             is_newer ? " that this ccbake reads: a newer one wrote it" : "");
    if (!is_newer)
        ccb_hint(error, "--lock names the file that `ccbake lock` writes: give another name");
    return NULL;
}

bool ccb_lock_save(const CcbLock *lock, const char *path, GError **error)
{
    char *text = json_dumps(lock->root, JSON_INDENT(2) | JSON_SORT_KEYS);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    free(text);
    return ccb_write_file_atomic(path, line, strlen(line), error);
}

const json_t *ccb_lock_json(const CcbLock *lock)
{
    return lock->root;
}

void ccb_lock_prune(CcbLock *lock, GHashTable *used)
{
    static const char *const tables[] = {"files", "steps"};
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
        const char *key;
        void *next;
        json_t *entry, *table = json_object_get(lock->root, tables[i]);
        json_object_foreach_safe(table, next, key, entry) if (!g_hash_table_contains(used, key))
            json_object_del(table, key);
    }
}

static const char *get_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

void ccb_lock_pin(const CcbLock *lock, const char *key, char **sha256, uint64_t *size)
{
    const json_t *entry = json_object_get(json_object_get(lock->root, "files"), key);
    const char *known = get_text(entry, "sha256");
    if (*sha256 == NULL && known != NULL && ccb_digest_is_valid(known))
        *sha256 = g_strdup(known);
    if (*size == 0)
        *size = (uint64_t)json_integer_value(json_object_get(entry, "size"));
}

void ccb_lock_set_file(CcbLock *lock, const char *key, const char *sha256, uint64_t size)
{
    json_object_set_new(json_object_get(lock->root, "files"), key,
                        json_pack("{sssI}", "sha256", sha256, "size", (json_int_t)size));
}

static CcbPayload *payload_from_json(const json_t *json)
{
    const char *sha256 = get_text(json, "sha256"), *name = get_text(json, "name"),
               *url = get_text(json, "url");
    if (sha256 == NULL || name == NULL || url == NULL || !ccb_digest_is_valid(sha256) ||
        !ccb_payload_name_is_safe(name))
        return NULL;
    CcbPayload *payload = g_new0(CcbPayload, 1);
    payload->name = g_strdup(name);
    payload->label = g_strdup(get_text(json, "label") ? get_text(json, "label") : name);
    payload->urls = g_new0(char *, 2);
    payload->urls[0] = g_strdup(url);
    payload->sha256 = g_strdup(sha256);
    payload->size = (uint64_t)json_integer_value(json_object_get(json, "size"));
    return payload;
}

GPtrArray *ccb_lock_resolved(const CcbLock *lock, const char *key)
{
    const json_t *entry = json_object_get(json_object_get(lock->root, "steps"), key);
    const json_t *files = json_object_get(entry, "files");
    if (!json_is_array(files))
        return NULL;
    GPtrArray *payloads = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_payload_free);
    for (size_t i = 0; i < json_array_size(files); i++) {
        CcbPayload *payload = payload_from_json(json_array_get(files, i));
        if (payload == NULL) { /* damaged: as good as absent */
            g_ptr_array_unref(payloads);
            return NULL;
        }
        g_ptr_array_add(payloads, payload);
    }
    return payloads;
}

void ccb_lock_set_resolved(CcbLock *lock, const char *key, const char *step_id,
                           const GPtrArray *payloads)
{
    json_t *files = json_array();
    for (guint i = 0; i < payloads->len; i++) {
        const CcbPayload *p = payloads->pdata[i];
        json_array_append_new(files, json_pack("{sssssssssI}", "label", p->label, "name", p->name,
                                               "url", p->urls[0], "sha256", p->sha256, "size",
                                               (json_int_t)p->size));
    }
    json_object_set_new(json_object_get(lock->root, "steps"), key,
                        json_pack("{ssso}", "step", step_id, "files", files));
}

char *ccb_lock_step_key(const char *base_sha256, const CcbStep *step)
{
    json_t *json = json_pack("{sssssi}", "base", base_sha256, "kind", step->kind->name, "version",
                             (int)step->kind->version);
    if (step->origin->node)
        json_object_set_new(json, "settings", ccb_node_to_json(step->origin->node));
    char *text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
    char *key = ccb_digest_string(text);
    free(text);
    json_decref(json);
    return key;
}

char *ccb_lock_file_key(const CcbRecipePayload *payload)
{
    const char *path = payload->node ? ccb_node_get_text(payload->node, "path") : NULL;
    return path ? g_strdup(path) : ccb_url_identity(payload->urls[0]);
}

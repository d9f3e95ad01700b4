/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/change.h"

#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/error.h"

static void change_free(gpointer data)
{
    CcbChange *change = data;
    g_free(change->path);
    g_free(change->value);
    g_free(change->host_path);
    g_clear_pointer(&change->content, g_bytes_unref);
    g_strfreev(change->set);
    g_strfreev(change->remove);
    g_free(change);
}

GPtrArray *ccb_changes_new(void)
{
    return g_ptr_array_new_with_free_func(change_free);
}

CcbChange *ccb_change_add(GPtrArray *changes, CcbChangeOp op, const char *path, const char *value)
{
    CcbChange *change = g_new0(CcbChange, 1);
    *change = (CcbChange){.op = op, .path = g_strdup(path), .value = g_strdup(value)};
    g_ptr_array_add(changes, change);
    return change;
}

CcbChange *ccb_change_text(GPtrArray *changes, const char *path, const char *text)
{
    CcbChange *change = ccb_change_add(changes, CCB_CHANGE_FILE, path, NULL);
    change->content = g_bytes_new(text, strlen(text));
    change->attr = ccb_file_attr;
    return change;
}

CcbChange *ccb_change_upload(GPtrArray *changes, const char *path, const char *host_path)
{
    CcbChange *change = ccb_change_add(changes, CCB_CHANGE_FILE, path, NULL);
    change->host_path = g_strdup(host_path);
    change->attr = ccb_file_attr;
    return change;
}

CcbChange *ccb_change_edit(GPtrArray *changes, const char *path, CcbChangeEdit edit,
                           const void *data)
{
    CcbChange *change = ccb_change_add(changes, CCB_CHANGE_EDIT, path, NULL);
    change->edit = edit;
    change->data = data;
    return change;
}

void ccb_change_units(GPtrArray *changes, CcbChangeOp op, char *const *units)
{
    for (; *units != NULL; units++)
        ccb_change_add(changes, op, NULL, *units);
}

void ccb_change_unknown(GPtrArray *changes, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    ccb_change_add(changes, CCB_CHANGE_UNKNOWN, path, text);
}

static bool has_key(char *const *words, const char *key)
{
    size_t length = strlen(key);
    for (; words != NULL && *words != NULL; words++)
        if (strncmp(*words, key, length) == 0 && strchr("=", (*words)[length]) != NULL)
            return true;
    return false;
}

bool ccb_change_concerns(const CcbChange *change, const char *subject)
{
    const char *name = change->path != NULL ? strrchr(change->path, '/') : NULL;
    return g_strcmp0(change->path, subject) == 0 || g_strcmp0(change->value, subject) == 0 ||
           (name != NULL && strcmp(name + 1, subject) == 0) || has_key(change->set, subject) ||
           has_key(change->remove, subject);
}

mode_t ccb_change_mode(const CcbChange *c, mode_t is)
{
    if (c->attr.mode == CCB_KEEP_MODE)
        return is & 07777;
    mode_t enter = c->recursive && S_ISDIR(is) ? (c->attr.mode & 0444) >> 2 : 0;
    return c->attr.mode | enter;
}

char *ccb_change_digest(const CcbChange *change, GError **error)
{
    if (change->host_path == NULL)
        return g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, change->content);
    /* Plan, keys and expectation ask for the same files; without a cache each time is read. */
    char *known = ccb_digest_file_once(change->host_path, NULL);
    return known != NULL ? known : ccb_digest_file(change->host_path, error);
}

static void append_words(json_t *fields, char *const *words)
{
    json_t *list = json_array();
    for (; words != NULL && *words != NULL; words++)
        json_array_append_new(list, json_string(*words));
    json_array_append_new(fields, list);
}

json_t *ccb_changes_to_json(const GPtrArray *changes, GError **error)
{
    static const char *const names[] = {
        [CCB_CHANGE_FILE] = "file",       [CCB_CHANGE_DIRECTORY] = "directory",
        [CCB_CHANGE_LINK] = "link",       [CCB_CHANGE_REMOVE] = "remove",
        [CCB_CHANGE_EDIT] = "edit",       [CCB_CHANGE_ENABLE] = "enable",
        [CCB_CHANGE_DISABLE] = "disable", [CCB_CHANGE_MASK] = "mask",
        [CCB_CHANGE_NEED] = "need",       [CCB_CHANGE_ARGUMENTS] = "arguments",
        [CCB_CHANGE_ATTR] = "attr",
    };
    json_auto_t *list = json_array();
    for (guint i = 0; i < changes->len; i++) {
        const CcbChange *c = changes->pdata[i];
        if (c->op > CCB_CHANGE_ARGUMENTS)
            continue;
        g_autofree char *attr =
            g_strdup_printf("%04o %u:%u", c->attr.mode, c->attr.uid, c->attr.gid);
        g_autofree char *digest = c->op == CCB_CHANGE_FILE ? ccb_change_digest(c, error) : NULL;
        if (c->op == CCB_CHANGE_FILE && digest == NULL)
            return NULL;
        json_t *fields =
            json_pack("[ss?s?s?sb]", names[c->op], c->path, c->value, digest, attr, (int)c->keep);
        if (fields == NULL) {
            ccb_fail(error, CCB_ERR_INPUT, "a path that is put into the image is not UTF-8");
            return NULL;
        }
        append_words(fields, c->set);
        append_words(fields, c->remove);
        if (c->keep_mode)
            json_array_append_new(fields, json_string("keep-mode"));
        if (c->keep_owner)
            json_array_append_new(fields, json_string("keep-owner"));
        if (c->recursive)
            json_array_append_new(fields, json_string("recursive"));
        json_array_append_new(list, fields);
    }
    return g_steal_pointer(&list);
}

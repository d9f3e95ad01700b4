/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/effect.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"

static void item_free(gpointer data)
{
    CcbEffectItem *item = data;
    g_free(item->path);
    g_free(item->value);
    if (item->content != NULL)
        g_bytes_unref(item->content);
    g_free(item);
}

GPtrArray *ccb_effect_new(void)
{
    return g_ptr_array_new_with_free_func(item_free);
}

CcbEffectItem *ccb_effect_add(GPtrArray *effect, CcbEffectKind kind, const char *path,
                              const char *value)
{
    CcbEffectItem *item = g_new0(CcbEffectItem, 1);
    item->kind = kind;
    item->path = g_strdup(path);
    item->value = g_strdup(value);
    g_ptr_array_add(effect, item);
    return item;
}

CcbEffectItem *ccb_effect_file(GPtrArray *effect, const char *path, const void *data, size_t size)
{
    CcbEffectItem *item = ccb_effect_add(effect, CCB_EFFECT_FILE, path, NULL);
    item->content = g_bytes_new(data, size);
    item->size = size;
    item->mode = 0644;
    return item;
}

bool ccb_effect_upload(GPtrArray *effect, const char *host_path, const char *path, mode_t mode,
                       uid_t uid, gid_t gid, GError **error)
{
    struct stat st;
    if (stat(host_path, &st) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "reading %s", host_path);
    size_t size = (size_t)st.st_size;
    bool small = size <= CCB_EFFECT_CONTENT_MAX;
    g_autofree char *content =
        small ? ccb_read_file(host_path, CCB_EFFECT_CONTENT_MAX, &size, error) : NULL;
    if (small && content == NULL)
        return false;
    CcbEffectItem *item = ccb_effect_add(effect, CCB_EFFECT_FILE, path, NULL);
    item->content = small ? g_bytes_new(content, size) : NULL;
    item->size = size;
    item->mode = mode;
    item->uid = uid;
    item->gid = gid;
    return true;
}

void ccb_effect_edit(GPtrArray *effect, const char *path, CcbEffectEdit edit, const void *data)
{
    CcbEffectItem *item = ccb_effect_add(effect, CCB_EFFECT_EDIT, path, NULL);
    item->edit = edit;
    item->data = data;
}

void ccb_effect_unknown(GPtrArray *effect, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    ccb_effect_add(effect, CCB_EFFECT_UNKNOWN, path, text);
}

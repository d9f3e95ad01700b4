/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/resolve.h"

#include <string.h>

#include "base/file.h"

/* What stands in a file of the directory itself stays as it was written. */
static void resolve_path(CcbNode *node, const char *dir)
{
    g_autofree char *own = g_path_get_dirname(node->file);
    char *real = realpath(own, NULL);
    bool is_here = g_strcmp0(real, dir) == 0;
    free(real);
    if (is_here || g_path_is_absolute(node->text))
        return;
    g_autofree char *path = ccb_schema_host_path(node, node->text);
    g_free(node->text);
    node->text = ccb_relative_path(dir, path);
}

static void resolve_value(CcbNode *node, const CcbField *field, const char *dir)
{
    bool in_items = field->type == CCB_FIELD_MAPS || field->type == CCB_FIELD_NAMED_MAPS;
    if (node->type == CCB_NODE_SCALAR) {
        node->plain = field->type == CCB_FIELD_NUMBER || field->type == CCB_FIELD_BOOL;
        if (field->type == CCB_FIELD_TREE || field->type == CCB_FIELD_FILES ||
            field->type == CCB_FIELD_FILE)
            resolve_path(node, dir);
        return;
    }
    if (field->type == CCB_FIELD_MAP)
        ccb_resolve(node, field->fields, dir);
    for (guint i = 0; field->type != CCB_FIELD_MAP && i < node->items->len; i++) {
        CcbNode *item = node->items->pdata[i];
        if (in_items)
            ccb_resolve(item, field->fields, dir);
        else
            resolve_value(item, field, dir);
    }
}

void ccb_resolve(CcbNode *map, const CcbField *fields, const char *dir)
{
    for (; fields->name != NULL; fields++) {
        CcbNode *value = ccb_node_get(map, fields->name);
        if (value != NULL && fields->type != CCB_FIELD_STEPS)
            resolve_value(value, fields, dir);
    }
}

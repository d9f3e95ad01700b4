/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/attributes.h"

#include <string.h>

#include "base/error.h"
#include "text/unitname.h"

bool ccb_mode_parse(const char *text, mode_t *ret_mode)
{
    guint64 mode;
    if (!g_ascii_string_to_unsigned(text, 8, 0, 07777, &mode, NULL))
        return false;
    *ret_mode = (mode_t)mode;
    return true;
}

bool ccb_owner_parse(const char *text, uid_t *ret_uid, gid_t *ret_gid)
{
    guint64 ids[2];
    g_auto(GStrv) parts = g_strsplit(text, ":", -1);
    if (strcmp(text, "root") == 0) {
        *ret_uid = 0;
        *ret_gid = 0;
        return true;
    }
    if (g_strv_length(parts) != 2)
        return false;
    for (guint i = 0; i < 2; i++) {
        ids[i] = 0;
        if (strcmp(parts[i], "root") != 0 &&
            !g_ascii_string_to_unsigned(parts[i], 10, 0, G_MAXUINT32 - 1, &ids[i], NULL))
            return false;
    }
    *ret_uid = (uid_t)ids[0];
    *ret_gid = (gid_t)ids[1];
    return true;
}

bool ccb_attributes_check(const CcbNode *map, GError **error)
{
    mode_t mode;
    uid_t uid;
    gid_t gid;
    const CcbNode *mode_node = ccb_node_get(map, "mode"), *owner = ccb_node_get(map, "owner");
    if (mode_node != NULL && !ccb_mode_parse(mode_node->text, &mode))
        return ccb_node_fail(mode_node, error, "\"mode\": \"%s\" is not an octal mode",
                             mode_node->text);
    if (owner == NULL || ccb_owner_parse(owner->text, &uid, &gid))
        return true;
    ccb_node_fail(owner, error, "\"owner\": \"%s\" is not like 0:0", owner->text);
    return ccb_hint(error, "names of users are the image's own: write numbers, or root");
}

bool ccb_check_unit_name(const CcbNode *node, const char *key, const char *name, GError **error)
{
    if (ccb_unit_name_is_valid(name))
        return true;
    ccb_node_fail(node, error, "\"%s\": \"%s\" is not the name of a unit", key, name);
    return strchr(name, '.') == NULL && ccb_hint(error, "with its type, as in %s.service", name);
}

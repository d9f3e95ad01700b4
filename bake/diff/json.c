/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For programs; ccbake(1) has the members. */
#include <string.h>

#include "base/text.h"
#include "diff/diff.h"

static const char *const change_names[] = {"added", "removed", "changed"};

/* null for NULL. */
static json_t *name_to_json(const char *name)
{
    g_autofree char *text = name != NULL ? ccb_name_printable(name) : NULL;
    return text != NULL ? json_string(text) : json_null();
}

static json_t *side_to_json(const CcbDiffSide *side)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:I}", "image", name_to_json(side->name),
                     "system", name_to_json(side->system), "entry", name_to_json(side->entry),
                     "problem", name_to_json(side->problem), "order_problem",
                     name_to_json(side->order_problem), "packages", (int)side->packages, "files",
                     (int)side->files, "bytes", (json_int_t)side->bytes);
}

static json_t *items_to_json(const GPtrArray *items)
{
    json_t *list = json_array();
    for (guint i = 0; i < items->len; i++) {
        const CcbDiffItem *item = items->pdata[i];
        g_autofree char *lines =
            item->hunks != NULL ? ccb_text_printable(item->hunks, strlen(item->hunks)) : NULL;
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:s*, s:s*, s:s*}", "change",
                                              change_names[item->change], "name",
                                              name_to_json(item->name), "a", name_to_json(item->a),
                                              "b", name_to_json(item->b), "what", item->what,
                                              "note", item->note, "lines", lines));
    }
    return list;
}

static json_t *words_to_json(char **words)
{
    json_t *list = json_array();
    for (; *words != NULL; words++)
        json_array_append_new(list, name_to_json(*words));
    return list;
}

static json_t *boot_to_json(const GPtrArray *entries)
{
    json_t *list = json_array();
    for (guint i = 0; i < entries->len; i++) {
        const CcbDiffBoot *boot = entries->pdata[i];
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:o, s:o}", "change", change_names[boot->change], "entry",
                            name_to_json(boot->id), "removed", words_to_json(boot->removed),
                            "added", words_to_json(boot->added)));
    }
    return list;
}

static json_t *directory_to_json(const CcbDiffDirectory *directory)
{
    json_t *path = directory->path != NULL ? name_to_json(directory->path) : NULL;
    return json_pack("{s:o*, s:i, s:i, s:i, s:I, s:I}", "path", path, "added",
                     (int)directory->added, "removed", (int)directory->removed, "changed",
                     (int)directory->changed, "added_bytes", (json_int_t)directory->added_bytes,
                     "removed_bytes", (json_int_t)directory->removed_bytes);
}

json_t *ccb_diff_to_json(const CcbDiff *diff)
{
    json_t *directories = json_array();
    for (guint i = 0; i < diff->directories->len; i++)
        json_array_append_new(directories, directory_to_json(diff->directories->pdata[i]));
    return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "a",
                     side_to_json(&diff->a), "b", side_to_json(&diff->b), "different",
                     !ccb_diff_is_empty(diff), "packages", items_to_json(diff->packages), "kernels",
                     items_to_json(diff->kernels), "boot", boot_to_json(diff->boot), "modules",
                     items_to_json(diff->modules), "units", items_to_json(diff->units), "order",
                     items_to_json(diff->order), "configuration", items_to_json(diff->files),
                     "directories", directories, "volatile", directory_to_json(diff->fleeting));
}

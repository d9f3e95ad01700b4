/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/installed.h"

#include <stdlib.h>
#include <string.h>

#include "base/data.h"

#define ENDING ".yaml"

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **ccb_installed_recipes(void)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    const char *data = ccb_data_dir(), *name;
    g_autofree char *path = data != NULL ? g_build_filename(data, "recipes", NULL) : NULL;
    GDir *dir = path != NULL ? g_dir_open(path, 0, NULL) : NULL;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *stem = g_strndup(name, strlen(name) - MIN(strlen(name), strlen(ENDING)));
        if (g_str_has_suffix(name, ENDING))
            g_strv_builder_add(names, stem);
    }
    g_clear_pointer(&dir, g_dir_close);
    char **list = g_strv_builder_end(names);
    qsort(list, g_strv_length(list), sizeof *list, compare);
    return list;
}

char *ccb_installed_recipe_path(const char *name)
{
    const char *stem = name + strlen(CCB_INSTALLED);
    g_auto(GStrv) names = ccb_installed_recipes();
    return g_strv_contains((const char *const *)names, stem)
               ? g_strconcat(ccb_data_dir(), "/recipes/", stem, ENDING, NULL)
               : NULL;
}

char *ccb_installed_hint(void)
{
    const char *data = ccb_data_dir();
    g_auto(GStrv) names = ccb_installed_recipes();
    g_autofree char *all = g_strjoinv(", " CCB_INSTALLED, names);
    if (all[0] == '\0')
        return g_strdup("no recipes are installed with this ccbake");
    return g_strdup_printf("the recipes in %s/recipes are " CCB_INSTALLED "%s", data, all);
}

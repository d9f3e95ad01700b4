/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/data.h"

#include <glib.h>

static char *find(void)
{
    /* make BUILD=build/asan builds one level further down. */
    static const char *const places[] = {"../share/ccbake", "..", "../.."};
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *dir = program != NULL ? g_path_get_dirname(program) : NULL;
    for (size_t i = 0; dir != NULL && i < G_N_ELEMENTS(places); i++) {
        g_autofree char *place = g_canonicalize_filename(places[i], dir);
        g_autofree char *recipes = g_build_filename(place, "recipes", NULL);
        g_autofree char *overlays = g_build_filename(place, "overlays", NULL);
        if (g_file_test(recipes, G_FILE_TEST_IS_DIR) && g_file_test(overlays, G_FILE_TEST_IS_DIR))
            return g_steal_pointer(&place);
    }
    return NULL;
}

const char *ccb_data_dir(void)
{
    static char *dir;
    if (dir == NULL)
        dir = find();
    return dir;
}

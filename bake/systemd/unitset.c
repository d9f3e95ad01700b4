/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "systemd/unitset.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "guide/gpu-units.h"

void ccb_unitset_free(CcbUnitSet *set)
{
    if (set == NULL)
        return;
    g_hash_table_unref(set->paths);
    g_hash_table_unref(set->masked);
    g_hash_table_unref(set->dropins);
    g_hash_table_unref(set->links);
    ccb_unitgraph_free(set->graph);
    g_free(set);
}

static CcbUnitSet *new_set(void)
{
    CcbUnitSet *set = g_new0(CcbUnitSet, 1);
    set->paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    set->masked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    set->dropins =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    set->links = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    set->graph = ccb_unitgraph_new();
    return set;
}

/* A file of units directly in one of the directories.  A link is a mask, an alias, or (with the same name at its end) a
 * unit that lives elsewhere. */
static void add_name(CcbUnitSet *set, const char *path, const CcbGuestEntry *entry)
{
    const char *name = entry->path;
    bool known =
        g_hash_table_contains(set->paths, name) || g_hash_table_contains(set->masked, name);
    if (known || S_ISDIR(entry->st.mode)) /* a directory before this one has it */
        return;
    bool link = S_ISLNK(entry->st.mode);
    g_autofree char *base = link ? g_path_get_basename(entry->target) : g_strdup(name);
    if (link ? g_str_equal(entry->target, "/dev/null") : entry->st.size == 0)
        g_hash_table_add(set->masked, g_strdup(name));
    else if (!g_str_equal(base, name) && ccb_unit_has_type(base)) {
        ccb_unitgraph_add_alias(set->graph, name, base);
        g_hash_table_insert(set->paths, g_strdup(name), NULL);
    } else
        g_hash_table_insert(set->paths, g_strdup(name), g_strdup(path));
}

/* Drop-ins count in the order of their file names whatever the directory; the first directory that
 * has a file name hides the others. */
static void add_dropin(CcbUnitSet *set, const char *unit, const char *file, const char *path)
{
    GPtrArray *paths = g_hash_table_lookup(set->dropins, unit);
    if (paths == NULL) {
        paths = g_ptr_array_new_with_free_func(g_free);
        g_hash_table_insert(set->dropins, g_strdup(unit), paths);
    }
    guint at = 0;
    for (; at < paths->len; at++) {
        int order = strcmp(strrchr(g_ptr_array_index(paths, at), '/') + 1, file);
        if (order == 0)
            return;
        if (order > 0)
            break;
    }
    g_ptr_array_insert(paths, (gint)at, g_strdup(path));
}

/* A file in a directory NAME.wants and the like, whose links are dependencies, or in NAME.d. */
static void add_below(CcbUnitSet *set, const char *directory, const char *file, const char *path)
{
    const char *suffix = ccb_unit_wants_suffix(directory);
    bool is_dropin = g_str_has_suffix(directory, ".d");
    if (suffix == NULL && !is_dropin)
        return;
    size_t length = is_dropin ? strlen(directory) - strlen(".d") : (size_t)(suffix - directory);
    g_autofree char *unit = g_strndup(directory, length);
    if (is_dropin && g_str_has_suffix(file, ".conf"))
        add_dropin(set, unit, file, path);
    else if (!is_dropin && ccb_unit_has_type(file))
        ccb_unitgraph_add_want(set->graph, unit, file, path);
}

static bool scan_directory(CcbGuest *guest, CcbUnitSet *set, const char *directory, GError **error)
{
    g_autoptr(GPtrArray) entries = ccb_guest_walk(guest, directory, error);
    for (guint i = 0; entries != NULL && i < entries->len; i++) {
        const CcbGuestEntry *entry = entries->pdata[i];
        g_autofree char *path = g_strconcat(directory, "/", entry->path, NULL);
        g_auto(GStrv) parts = g_strsplit(entry->path, "/", 3);
        guint depth = g_strv_length(parts);
        if (depth == 2)
            add_below(set, parts[0], parts[1], path);
        else if (depth == 1 && ccb_unit_has_type(entry->path))
            add_name(set, path, entry);
        if (S_ISLNK(entry->st.mode))
            g_hash_table_add(set->links, g_steal_pointer(&path));
    }
    return entries != NULL;
}

/* A link to nothing: systemd takes the unit as not there. */
static CcbUnit *parse_file(CcbGuest *guest, const CcbUnitSet *set, const char *path, GError **error)
{
    size_t size = 0;
    if (g_hash_table_contains(set->links, path) && !ccb_guest_exists(guest, path))
        return ccb_unit_parse("", 0, path, error);
    g_autofree char *text = ccb_guest_read(guest, path, &size, error);
    return text != NULL ? ccb_unit_parse(text, size, path, error) : NULL;
}

/* The unit with its drop-ins; `path` NULL: these alone. */
static CcbUnit *load_unit(CcbGuest *guest, const CcbUnitSet *set, const char *name,
                          const char *path, GError **error)
{
    g_autoptr(CcbUnit) unit =
        path != NULL ? parse_file(guest, set, path, error) : ccb_unit_parse("", 0, name, error);
    const GPtrArray *paths = g_hash_table_lookup(set->dropins, name);
    for (guint i = 0; unit != NULL && paths != NULL && i < paths->len; i++) {
        g_autoptr(CcbUnit) dropin = parse_file(guest, set, paths->pdata[i], error);
        if (dropin == NULL)
            return NULL;
        ccb_unit_merge(unit, dropin);
    }
    return g_steal_pointer(&unit);
}

CcbUnitSet *ccb_unitset_read(CcbGuest *guest, GError **error)
{
    g_autoptr(CcbUnitSet) set = new_set();
    for (const char *const *dir = ccb_unit_dirs; *dir != NULL; dir++)
        if (!scan_directory(guest, set, *dir, error))
            return NULL;
    GHashTableIter iter;
    gpointer name, path;
    g_hash_table_iter_init(&iter, set->masked);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        if (!ccb_unitgraph_add(set->graph, name, NULL, error))
            return NULL;
    g_hash_table_iter_init(&iter, set->paths);
    while (g_hash_table_iter_next(&iter, &name, &path)) {
        if (path == NULL) /* an alias */
            continue;
        CcbUnit *unit = load_unit(guest, set, name, path, error);
        if (unit == NULL || !ccb_unitgraph_add(set->graph, name, unit, error))
            return NULL;
    }
    return g_steal_pointer(&set);
}

const char *ccb_unitset_path(const CcbUnitSet *set, const char *name)
{
    return g_hash_table_lookup(set->paths, name);
}

bool ccb_unitset_unit(const CcbUnitSet *set, CcbGuest *guest, const char *name, CcbUnit **ret,
                      GError **error)
{
    const char *path = ccb_unitset_path(set, name);
    if (path == NULL && !g_hash_table_contains(set->dropins, name)) {
        *ret = NULL;
        return true;
    }
    CcbUnit *unit = load_unit(guest, set, name, path, error);
    if (unit == NULL)
        return false;
    *ret = unit;
    return true;
}

const char *ccb_unitset_target(const CcbUnitSet *set)
{
    return ccb_unitgraph_has(set->graph, "default.target") ? "default.target" : "multi-user.target";
}

CcbUnitPlot *ccb_unitset_plot_near(const CcbUnitSet *set, CcbGuest *guest, const char *const *about,
                                   GError **error)
{
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(set->graph, ccb_unitset_target(set), about);
    /* Units that are to come later: there is no file of them, but drop-ins. */
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(set->dropins), (GCompareFunc)strcmp);
    for (const GList *at = names; at != NULL; at = at->next) {
        const char *name = at->data;
        g_autoptr(CcbUnit) dropins = NULL;
        if (ccb_unitgraph_has(set->graph, name))
            continue;
        if (!ccb_unitset_unit(set, guest, name, &dropins, error))
            return NULL;
        if (dropins != NULL)
            ccb_unitplot_expect(plot, name, dropins);
    }
    return g_steal_pointer(&plot);
}

CcbUnitPlot *ccb_unitset_plot_gpu(const CcbUnitSet *set, CcbGuest *guest, GError **error)
{
    return ccb_unitset_plot_near(set, guest, ccb_gpu_units, error);
}

char *ccb_unit_edges_text(const GPtrArray *edges)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < edges->len; i++) {
        const CcbUnitEdge *edge = g_ptr_array_index(edges, i);
        g_string_append_printf(text, "%s%s ► %s (%s)", i > 0 ? ", " : "", edge->from, edge->to,
                               edge->reason);
    }
    return g_string_free(text, FALSE);
}

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
    g_hash_table_unref(set->aliases);
    g_hash_table_unref(set->dependencies);
    g_hash_table_unref(set->refused);
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
    set->aliases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    set->dependencies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    set->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    set->graph = ccb_unitgraph_new();
    return set;
}

/* A file of units directly in one of the directories.  A link is a mask, an alias, or (with the same name at its end) a
 * unit that lives elsewhere.  systemd ignores other names. */
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
    else if (!g_str_equal(base, name) && ccb_unit_name_is_valid(base)) {
        ccb_unitgraph_add_alias(set->graph, name, base);
        g_hash_table_insert(set->aliases, g_strdup(name), g_strdup(base));
        g_hash_table_insert(set->paths, g_strdup(name), NULL);
    } else
        g_hash_table_insert(set->paths, g_strdup(name), g_strdup(path));
}

/* Adds a link to another unit, unless it leads to /dev/null or an empty file. */
static bool add_link(CcbGuest *guest, CcbUnitSet *set, const char *unit, const char *file,
                     const char *path, const char *target, GError **error)
{
    CcbStat st;
    bool exists = false;
    if (g_str_equal(target, "/dev/null"))
        return true;
    if (!ccb_guest_stat(guest, path, &st, &exists, error))
        return false;
    if (!exists || !(S_ISCHR(st.mode) || (S_ISREG(st.mode) && st.size == 0)))
        ccb_unitgraph_add_want(set->graph, unit, file, path);
    return true;
}

/* A file in a directory NAME.d, or in NAME.wants and the like.  There only links count, and masks; whatever it is, it
 * hides those of its name in the directories behind this one: process_deps() of systemd. */
static bool add_below(CcbGuest *guest, CcbUnitSet *set, const char *directory, const char *file,
                      const char *path, const CcbGuestEntry *entry, GError **error)
{
    const char *suffix = ccb_unit_wants_suffix(directory);
    if (suffix != NULL) {
        if (!g_hash_table_add(set->dependencies, g_strconcat(directory, "/", file, NULL)) ||
            !S_ISLNK(entry->st.mode) || !ccb_unit_name_is_valid(file))
            return true;
        g_autofree char *unit = g_strndup(directory, (size_t)(suffix - directory));
        return add_link(guest, set, unit, file, path, entry->target, error);
    }
    if (g_str_has_suffix(directory, ".d") && g_str_has_suffix(file, ".conf") && *file != '.') {
        g_autofree char *unit = g_strndup(directory, strlen(directory) - strlen(".d"));
        GPtrArray *paths = g_hash_table_lookup(set->dropins, unit);
        if (paths == NULL) {
            paths = g_ptr_array_new_with_free_func(g_free);
            g_hash_table_insert(set->dropins, g_strdup(unit), paths);
        }
        g_ptr_array_add(paths, g_strdup(path));
    }
    return true;
}

static bool scan_directory(CcbGuest *guest, CcbUnitSet *set, const char *directory, GError **error)
{
    g_autoptr(GPtrArray) entries = ccb_guest_walk(guest, directory, error);
    for (guint i = 0; entries != NULL && i < entries->len; i++) {
        const CcbGuestEntry *entry = entries->pdata[i];
        g_autofree char *path = g_strconcat(directory, "/", entry->path, NULL);
        g_auto(GStrv) parts = g_strsplit(entry->path, "/", 3);
        guint depth = g_strv_length(parts);
        if (depth == 2 && !add_below(guest, set, parts[0], parts[1], path, entry, error))
            return false;
        if (depth == 1 && ccb_unit_name_is_valid(entry->path))
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

/* --- drop-ins */

/* "a-b-c@x.service" ► "a-b-@x.service" ► "a-@x.service" ► NULL: the names whose drop-ins count for it, too.  Caller frees. */
static char *shorten(const char *name)
{
    const char *end = strchr(name, '@') != NULL ? strchr(name, '@') : strrchr(name, '.');
    size_t length = (size_t)(end - name);
    if (length > 0 && name[length - 1] == '-')
        length--;
    while (length > 0 && name[length - 1] != '-')
        length--;
    return length > 1 ? g_strdup_printf("%.*s%s", (int)length, name, end) : NULL;
}

/* Adds the drop-ins that one directory of units has for a name; of two with one file name the first counts. */
static void add_dropins(const CcbUnitSet *set, const char *directory, const char *name,
                        GHashTable *seen, GPtrArray *found)
{
    const GPtrArray *paths = g_hash_table_lookup(set->dropins, name);
    for (guint i = 0; paths != NULL && i < paths->len; i++) {
        const char *path = paths->pdata[i];
        size_t length = strlen(directory);
        if (strncmp(path, directory, length) == 0 && path[length] == '/' &&
            g_hash_table_add(seen, (char *)strrchr(path, '/')))
            g_ptr_array_add(found, (char *)path);
    }
}

static gint compare_file_names(gconstpointer a, gconstpointer b)
{
    return strcmp(strrchr(*(const char *const *)a, '/'), strrchr(*(const char *const *)b, '/'));
}

/* The paths of a unit's drop-ins, which belong to the set, in the order in which they count: by file name, whatever the
 * directory.  Those of its other names count, of its template, of each prefix that ends with a dash (systemd 239), and of
 * its type (systemd 244, which an image of el8 does not have). */
static GPtrArray *find_dropins(const CcbUnitSet *set, const char *name)
{
    GPtrArray *found = g_ptr_array_new();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(names, g_strdup(name));
    GHashTableIter iter;
    gpointer alias;
    g_hash_table_iter_init(&iter, set->aliases);
    while (g_hash_table_iter_next(&iter, &alias, NULL))
        if (g_str_equal(ccb_unitgraph_resolve(set->graph, alias), name))
            g_ptr_array_add(names, g_strdup(alias));
    for (guint n = 0; n < names->len; n++)
        for (const char *const *dir = ccb_unit_dirs; *dir != NULL; dir++) {
            char *next = g_strdup(names->pdata[n]);
            while (next != NULL) {
                g_autofree char *now = next;
                add_dropins(set, *dir, now, seen, found);
                for (char *of = ccb_unit_template(now), *short_of; of != NULL; of = short_of) {
                    add_dropins(set, *dir, of, seen, found);
                    short_of = shorten(of);
                    g_free(of);
                }
                next = shorten(now);
            }
        }
    for (const char *const *dir = ccb_unit_dirs; set->version >= 244 && *dir != NULL; dir++)
        add_dropins(set, *dir, strrchr(name, '.') + 1, seen, found);
    g_ptr_array_sort(found, compare_file_names);
    return found;
}

/* The unit with its drop-ins; `path` NULL: these alone. */
static CcbUnit *load_unit(CcbGuest *guest, const CcbUnitSet *set, const char *name,
                          const char *path, GError **error)
{
    g_autoptr(CcbUnit) unit =
        path != NULL ? parse_file(guest, set, path, error) : ccb_unit_parse("", 0, name, error);
    g_autoptr(GPtrArray) paths = find_dropins(set, name);
    for (guint i = 0; unit != NULL && i < paths->len; i++) {
        g_autoptr(CcbUnit) dropin = parse_file(guest, set, paths->pdata[i], error);
        if (dropin == NULL)
            return NULL;
        ccb_unit_merge(unit, dropin);
    }
    return g_steal_pointer(&unit);
}

/* A unit that systemd refuses starts no more than a masked one. */
static bool add_unit(CcbGuest *guest, CcbUnitSet *set, const char *name, const char *path,
                     GError **error)
{
    g_autoptr(CcbUnit) unit = load_unit(guest, set, name, path, error);
    if (unit == NULL)
        return false;
    char *refusal = ccb_unit_refusal(unit, name);
    if (refusal != NULL)
        g_hash_table_insert(set->refused, g_strdup(name), refusal);
    return ccb_unitgraph_add(set->graph, name, refusal == NULL ? g_steal_pointer(&unit) : NULL,
                             error);
}

/* The release of systemd, by the name of its library; 0: not found. */
static unsigned read_version(CcbGuest *guest, GError **error)
{
    static const char prefix[] = "libsystemd-shared-";
    g_auto(GStrv) names = ccb_guest_list(guest, "/usr/lib/systemd", error);
    for (char **name = names; name != NULL && *name != NULL; name++)
        if (g_str_has_prefix(*name, prefix))
            return (unsigned)g_ascii_strtoull(*name + strlen(prefix), NULL, 10);
    return 0;
}

CcbUnitSet *ccb_unitset_read(CcbGuest *guest, GError **error)
{
    g_autoptr(CcbUnitSet) set = new_set();
    GError *reason = NULL;
    set->version = read_version(guest, &reason);
    if (reason != NULL) {
        g_propagate_error(error, reason);
        return NULL;
    }
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
    while (g_hash_table_iter_next(&iter, &name, &path))
        if (path != NULL && !add_unit(guest, set, name, path, error)) /* NULL: an alias */
            return NULL;
    /* An instance with drop-ins of its own differs from its template. */
    g_hash_table_iter_init(&iter, set->dropins);
    while (g_hash_table_iter_next(&iter, &name, NULL)) {
        g_autofree char *template = ccb_unit_template(name);
        path = template != NULL ? g_hash_table_lookup(set->paths, template) : NULL;
        if (path != NULL && !g_hash_table_contains(set->paths, name) &&
            !g_hash_table_contains(set->masked, name) && ccb_unit_name_is_valid(name) &&
            !add_unit(guest, set, name, path, error))
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
    g_autofree char *template = ccb_unit_template(name);
    const char *path = ccb_unitset_path(set, name);
    if (path == NULL && template != NULL && !g_hash_table_contains(set->masked, name))
        path = ccb_unitset_path(set, template);
    if (!ccb_unit_name_is_valid(name) ||
        (path == NULL && !g_hash_table_contains(set->dropins, name))) {
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

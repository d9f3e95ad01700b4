/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff/predict.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "diff/diff-parts.h"
#include "diff/rules.h"
#include "systemd/unit.h"
#include "text/cmdline.h"
#include "text/grubenv.h"

/* As the kernel has it (MAXSYMLINKS). */
enum { MOST_LINKS = 40 };

struct CcbPrediction {
    CcbGuest *guest;           /* or NULL */
    CcbSnapshot *before, *now; /* `before` only while a step is applied */
    GHashTable *paths;         /* path ► CcbGuestEntry, of `now` */
    bool is_known;             /* whether there was a tree; there may be facts alone */
    GPtrArray *unknown;        /* of the step that is applied; borrowed */
};

/* --- a snapshot that can be changed */

static void entry_free(gpointer data)
{
    CcbGuestEntry *entry = data;
    g_free(entry->path);
    g_free(entry->target);
    g_free(entry);
}

static void copy_entries(const GPtrArray *from, GPtrArray *to)
{
    for (guint i = 0; i < from->len; i++) {
        const CcbGuestEntry *entry = from->pdata[i];
        CcbGuestEntry *copy = g_memdup2(entry, sizeof *entry);
        copy->path = g_strdup(entry->path);
        copy->target = g_strdup(entry->target);
        g_ptr_array_add(to, copy);
    }
}

static void copy_texts(GHashTable *from, GHashTable *to)
{
    GHashTableIter iter;
    gpointer path, text;
    g_hash_table_iter_init(&iter, from);
    while (g_hash_table_iter_next(&iter, &path, &text))
        g_hash_table_insert(to, g_strdup(path), g_bytes_ref(text));
}

/* Facts of which nothing is known, with which steps can be tried all the same. */
static CcbFacts *no_facts(void)
{
    CcbFacts *facts = ccb_facts_new();
    facts->default_kver = g_strdup("");
    facts->kernels = g_new0(char *, 1);
    facts->packages = g_new0(char *, 1);
    return facts;
}

static CcbSnapshot *copy(const char *name, const CcbSnapshot *from)
{
    CcbFacts *facts = from != NULL && from->facts != NULL ? ccb_facts_copy(from->facts) : NULL;
    CcbSnapshot *to = ccb_snapshot_new(name, facts != NULL ? facts : no_facts(),
                                       g_ptr_array_new_with_free_func(entry_free));
    if (from == NULL)
        return to;
    copy_entries(from->entries, to->entries);
    copy_texts(from->texts, to->texts);
    return to;
}

static void index_paths(CcbPrediction *p)
{
    g_hash_table_remove_all(p->paths);
    for (guint i = 0; i < p->now->entries->len; i++) {
        CcbGuestEntry *entry = p->now->entries->pdata[i];
        g_hash_table_insert(p->paths, entry->path, entry);
    }
}

CcbPrediction *ccb_prediction_new(const CcbSnapshot *image, CcbGuest *guest)
{
    CcbPrediction *p = g_new0(CcbPrediction, 1);
    p->guest = guest;
    p->is_known = image != NULL && image->entries->len > 0;
    p->now = copy(image != NULL ? image->name : "", image);
    p->paths = g_hash_table_new(g_str_hash, g_str_equal);
    index_paths(p);
    return p;
}

void ccb_prediction_free(CcbPrediction *p)
{
    if (p == NULL)
        return;
    g_hash_table_unref(p->paths);
    ccb_snapshot_free(p->before);
    ccb_snapshot_free(p->now);
    g_free(p);
}

const CcbFacts *ccb_prediction_facts(const CcbPrediction *p)
{
    return p->now->facts;
}

/* --- paths */

static CcbGuestEntry *find(const CcbPrediction *p, const char *path)
{
    return g_hash_table_lookup(p->paths, path);
}

/* Puts the names of `path` before those that are still to be walked. */
static void push_names(GQueue *names, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (guint i = g_strv_length(parts); i > 0; i--)
        if (parts[i - 1][0] != '\0' && strcmp(parts[i - 1], ".") != 0)
            g_queue_push_head(names, g_strdup(parts[i - 1]));
}

static void step_up(GString *path)
{
    const char *slash = strrchr(path->str, '/');
    g_string_truncate(path, slash != NULL ? (gsize)(slash - path->str) : 0);
}

/* The path without a slash before it, as snapshots have it, through the links of the image; the
 * last name is followed only with `follow`.  Caller frees. */
static char *resolve(const CcbPrediction *p, const char *path, bool follow)
{
    GString *at = g_string_new(NULL);
    GQueue names = G_QUEUE_INIT;
    int links = 0;
    push_names(&names, path);
    while (!g_queue_is_empty(&names)) {
        g_autofree char *name = g_queue_pop_head(&names);
        if (strcmp(name, "..") == 0) {
            step_up(at);
            continue;
        }
        g_string_append_printf(at, "%s%s", at->len > 0 ? "/" : "", name);
        const CcbGuestEntry *entry = find(p, at->str);
        bool is_last = g_queue_is_empty(&names);
        if (entry == NULL || !S_ISLNK(entry->st.mode) || (is_last && !follow) ||
            ++links > MOST_LINKS)
            continue;
        if (entry->target[0] == '/')
            g_string_truncate(at, 0);
        else
            step_up(at);
        push_names(&names, entry->target);
    }
    return g_string_free(at, FALSE);
}

/* --- entries */

/* What a step writes is newer than everything: it has no times, which no file of an image lacks. */
static CcbGuestEntry *put(CcbPrediction *p, const char *path, mode_t mode)
{
    CcbGuestEntry *entry = find(p, path);
    if (entry == NULL) {
        entry = g_new0(CcbGuestEntry, 1);
        entry->path = g_strdup(path);
        g_ptr_array_add(p->now->entries, entry);
        g_hash_table_insert(p->paths, entry->path, entry);
    }
    g_clear_pointer(&entry->target, g_free);
    entry->st = (CcbStat){.mode = mode};
    entry->mtime_ns = entry->ctime_ns = 0;
    g_hash_table_remove(p->now->texts, path);
    g_hash_table_remove(p->now->modules, path);
    return entry;
}

static void remove_path(CcbPrediction *p, const char *path)
{
    CcbGuestEntry *entry = find(p, path);
    g_hash_table_remove(p->paths, path);
    g_hash_table_remove(p->now->texts, path);
    g_ptr_array_remove(p->now->entries, entry);
}

/* As every write of a step makes them; of an image that is not at hand they are not missing. */
static void put_parents(CcbPrediction *p, const char *path)
{
    g_autofree char *parent = g_path_get_dirname(path);
    if (!p->is_known || strcmp(parent, ".") == 0 || find(p, parent) != NULL)
        return;
    put_parents(p, parent);
    put(p, parent, S_IFDIR | 0755);
}

/* Makes the text of a file that a step is about to replace part of both snapshots; *ret_text stays
 * NULL where there is none to read: a prediction without content, no text file, a large one. */
static bool find_text(CcbPrediction *p, const char *path, GBytes **ret_text, GError **error)
{
    const CcbGuestEntry *entry = find(p, path);
    *ret_text = g_hash_table_lookup(p->now->texts, path);
    if (*ret_text != NULL || p->guest == NULL || entry == NULL || entry->ctime_ns == 0 ||
        !S_ISREG(entry->st.mode) || entry->st.size > CCB_DIFF_TEXT_MAX)
        return true;
    size_t size = 0;
    g_autofree char *absolute = g_strconcat("/", path, NULL);
    char *text = ccb_guest_read(p->guest, absolute, &size, error);
    if (text == NULL)
        return false;
    *ret_text = g_bytes_new_take(text, size);
    g_hash_table_insert(p->now->texts, g_strdup(path), *ret_text);
    g_hash_table_insert(p->before->texts, g_strdup(path), g_bytes_ref(*ret_text));
    return true;
}

static void set_content(CcbPrediction *p, CcbGuestEntry *entry, GBytes *content, guint64 size)
{
    entry->st.size = size;
    if (content != NULL)
        g_hash_table_insert(p->now->texts, g_strdup(entry->path), g_bytes_ref(content));
}

/* --- one function for each kind of effect */

static bool apply_file(CcbPrediction *p, const CcbEffectItem *item, GError **error)
{
    GBytes *old;
    g_autofree char *path = resolve(p, item->path, true);
    if (!find_text(p, path, &old, error))
        return false;
    put_parents(p, path);
    CcbGuestEntry *entry = put(p, path, S_IFREG | item->mode);
    entry->st.uid = item->uid;
    entry->st.gid = item->gid;
    set_content(p, entry, item->content, item->size);
    return true;
}

static bool apply_directory(CcbPrediction *p, const CcbEffectItem *item, GError **error)
{
    g_autofree char *path = resolve(p, item->path, true);
    if (item->keep && (!p->is_known || find(p, path) != NULL))
        return true;
    put_parents(p, path);
    CcbGuestEntry *entry = put(p, path, S_IFDIR | item->mode);
    entry->st.uid = item->uid;
    entry->st.gid = item->gid;
    return true;
}

static void put_link(CcbPrediction *p, const char *from, const char *target)
{
    g_autofree char *path = resolve(p, from, false);
    put_parents(p, path);
    put(p, path, S_IFLNK | 0777)->target = g_strdup(target);
}

static bool apply_link(CcbPrediction *p, const CcbEffectItem *item, GError **error)
{
    put_link(p, item->path, item->value);
    return true;
}

static void note(CcbPrediction *p, const char *path, const char *text)
{
    ccb_effect_add(p->unknown, CCB_EFFECT_UNKNOWN, path, text);
}

/* Of an image that is not known, or of a file that is too large to be looked into. */
static void note_edit(CcbPrediction *p, const char *path, const char *at)
{
    if (!p->is_known)
        note(p, at, "edited, where it is there");
    else if (find(p, path) != NULL)
        note(p, at, "edited");
}

/* Mode and owner stay.  An edit that fails would fail the bake, too. */
static bool apply_edit(CcbPrediction *p, const CcbEffectItem *item, GError **error)
{
    GBytes *old;
    g_autofree char *path = resolve(p, item->path, true);
    if (!find_text(p, path, &old, error))
        return false;
    if (old == NULL) {
        note_edit(p, path, item->path);
        return true;
    }
    g_autoptr(GError) reason = NULL;
    g_autofree char *text = g_strndup(g_bytes_get_data(old, NULL), g_bytes_get_size(old));
    g_autofree char *edited = item->edit(item->data, text, &reason);
    if (edited == NULL)
        note(p, item->path, reason->message);
    if (edited == NULL || strcmp(text, edited) == 0)
        return true;
    g_autoptr(GBytes) content = g_bytes_new(edited, strlen(edited));
    CcbStat st = find(p, path)->st;
    CcbGuestEntry *entry = put(p, path, st.mode);
    entry->st = st;
    set_content(p, entry, content, strlen(edited));
    return true;
}

/* The unit's own path as it is found, or NULL; caller frees. */
static char *find_unit(const CcbPrediction *p, const char *name)
{
    for (const char *const *dir = ccb_unit_dirs; *dir != NULL; dir++) {
        char *path = g_build_filename(*dir, name, NULL);
        g_autofree char *resolved = resolve(p, path, true);
        if (find(p, resolved) != NULL)
            return path;
        g_free(path);
    }
    return NULL;
}

/* The links that enable the unit at `path`; NULL where its file is not known. */
static bool unit_links(CcbPrediction *p, const char *name, const char *path, GPtrArray **ret_links,
                       GError **error)
{
    GBytes *text = NULL;
    g_autofree char *resolved = path != NULL ? resolve(p, path, true) : NULL;
    *ret_links = NULL;
    if (resolved == NULL || !find_text(p, resolved, &text, error))
        return resolved == NULL;
    g_autoptr(CcbUnit) unit = text != NULL ? ccb_unit_parse(g_bytes_get_data(text, NULL),
                                                            g_bytes_get_size(text), path, NULL)
                                           : NULL;
    *ret_links = unit != NULL ? ccb_unit_links(unit, name, NULL) : NULL;
    return true;
}

static bool apply_enable(CcbPrediction *p, const CcbEffectItem *item, GError **error)
{
    GPtrArray *found = NULL;
    g_autofree char *path = find_unit(p, item->value);
    if (!unit_links(p, item->value, path, &found, error))
        return false;
    g_autoptr(GPtrArray) links = found;
    for (guint i = 0; links != NULL && i < links->len; i++)
        put_link(p, links->pdata[i], path);
    if (links != NULL && links->len > 0)
        return true;
    g_autofree char *text =
        g_strdup_printf("the links that enable %s: %s", item->value,
                        links != NULL ? "its [Install] names none" : "its file is not known yet");
    note(p, NULL, text);
    return true;
}

static bool names_unit(const char *path, const char *unit)
{
    static const char dir[] = "etc/systemd/system/";
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    return g_str_has_prefix(path, dir) && strcmp(name, unit) == 0 &&
           strchr(parent + strlen(dir) - 1, '/') == strrchr(parent, '/') &&
           (g_str_has_suffix(parent, ".wants") || g_str_has_suffix(parent, ".requires"));
}

static bool apply_disable(CcbPrediction *p, const CcbEffectItem *item, GError **error)
{
    if (!p->is_known) {
        g_autofree char *text = g_strdup_printf("%s disabled, where it is enabled", item->value);
        note(p, NULL, text);
    }
    for (guint i = p->now->entries->len; i > 0; i--) {
        const CcbGuestEntry *entry = p->now->entries->pdata[i - 1];
        if (names_unit(entry->path, item->value))
            remove_path(p, entry->path);
    }
    return true;
}

/* A new kernel brings a boot entry, which becomes the default. */
static void forget_kernel(CcbPrediction *p, const char *package)
{
    g_free(p->now->facts->default_kver);
    p->now->facts->default_kver = g_strdup("");
    g_autofree char *text = g_strdup_printf("the boot entry of %s", package);
    note(p, NULL, text);
}

/* In the place of other versions of it, unless these are kept. */
static bool apply_package(CcbPrediction *p, const CcbEffectItem *item, GError **error)
{
    CcbFacts *facts = p->now->facts;
    g_autofree char *evr = NULL;
    g_autofree char *name = ccb_diff_split_package(item->value, &evr);
    if (g_strv_contains((const char *const *)facts->packages, item->value))
        return true;
    g_autoptr(GStrvBuilder) packages = g_strv_builder_new();
    for (char **old = facts->packages; *old != NULL; old++) {
        g_autofree char *old_evr = NULL;
        g_autofree char *old_name = ccb_diff_split_package(*old, &old_evr);
        if (item->keep || strcmp(old_name, name) != 0)
            g_strv_builder_add(packages, *old);
    }
    g_strv_builder_add(packages, item->value);
    g_strfreev(facts->packages);
    facts->packages = g_strv_builder_end(packages);
    if (g_str_has_prefix(name, "kernel.") || g_str_has_prefix(name, "kernel-core."))
        forget_kernel(p, item->value);
    return true;
}

static bool apply_module(CcbPrediction *p, const CcbEffectItem *item, GError **error)
{
    g_autofree char *path = resolve(p, item->path, true);
    put_parents(p, path);
    put(p, path, S_IFREG | 0644);
    g_hash_table_insert(p->now->modules, g_strdup(path), g_strdup(item->value));
    return true;
}

/* Replaces *line; a line that can't be parsed stays. */
static void change_arguments(char **line, const CcbEffectItem *item)
{
    g_autoptr(CcbCmdline) arguments = ccb_cmdline_parse(*line != NULL ? *line : "", NULL);
    if (arguments == NULL)
        return;
    if (item->kind == CCB_EFFECT_REMOVE_ARGUMENT)
        ccb_cmdline_remove(arguments, item->value);
    else if (!ccb_cmdline_set(arguments, item->value, NULL))
        return;
    g_free(*line);
    *line = ccb_cmdline_render(arguments);
}

/* Of an entry with $kernelopts GRUB's environment has the arguments. */
static bool apply_argument(CcbPrediction *p, const CcbEffectItem *item, GError **error)
{
    CcbFacts *facts = p->now->facts;
    if (facts->entries->len == 0) {
        g_autofree char *text =
            g_strdup_printf("argument %s %s every boot entry", item->value,
                            item->kind == CCB_EFFECT_REMOVE_ARGUMENT ? "removed from" : "set in");
        note(p, NULL, text);
    }
    if (facts->kernelopts != NULL)
        change_arguments(&facts->kernelopts, item);
    for (guint i = 0; i < facts->entries->len; i++) {
        CcbBootEntry *entry = facts->entries->pdata[i];
        if (!ccb_grub_uses(entry->options, "kernelopts"))
            change_arguments(&entry->options, item);
    }
    return true;
}

static bool apply_unknown(CcbPrediction *p, const CcbEffectItem *item, GError **error)
{
    note(p, item->path, item->value);
    return true;
}

static bool (*const apply[CCB_EFFECT_KINDS])(CcbPrediction *p, const CcbEffectItem *item,
                                             GError **error) = {
    [CCB_EFFECT_FILE] = apply_file,
    [CCB_EFFECT_DIRECTORY] = apply_directory,
    [CCB_EFFECT_LINK] = apply_link,
    [CCB_EFFECT_EDIT] = apply_edit,
    [CCB_EFFECT_ENABLE] = apply_enable,
    [CCB_EFFECT_DISABLE] = apply_disable,
    [CCB_EFFECT_PACKAGE] = apply_package,
    [CCB_EFFECT_MODULE] = apply_module,
    [CCB_EFFECT_SET_ARGUMENT] = apply_argument,
    [CCB_EFFECT_REMOVE_ARGUMENT] = apply_argument,
    [CCB_EFFECT_UNKNOWN] = apply_unknown,
};

static gint compare_paths(gconstpointer a, gconstpointer b)
{
    const CcbGuestEntry *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

CcbDiff *ccb_predict(CcbPrediction *p, const char *name, const GPtrArray *effect,
                     GPtrArray *unknown, GError **error)
{
    bool ok = true;
    p->before = p->now;
    p->now = copy(name, p->before);
    p->unknown = unknown;
    index_paths(p);
    for (guint i = 0; ok && i < effect->len; i++) {
        const CcbEffectItem *item = effect->pdata[i];
        ok = apply[item->kind](p, item, error);
    }
    g_ptr_array_sort(p->now->entries, compare_paths);
    CcbDiff *diff = ok ? ccb_diff_new(p->before, p->now) : NULL;
    g_clear_pointer(&p->before, ccb_snapshot_free);
    return diff;
}

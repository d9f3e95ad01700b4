/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The prediction is a guest (guest/backend.h) whose tree is a snapshot: ccb_change_apply() writes to
 * it as it would to an image.  What a snapshot can't be asked for becomes a note in `unknown`.
 */
#include "change/predict.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "change/apply.h"
#include "change/arguments.h"
#include "change/place.h"
#include "diff/rules.h"
#include "guest/backend.h"
#include "image/rpm.h"
#include "text/grubenv.h"

/* As the kernel has it (MAXSYMLINKS). */
enum { MOST_LINKS = 40 };

struct CcbPrediction {
    CcbGuest *guest;           /* that the image is read from, or NULL */
    CcbGuest *predicted;       /* on ops below */
    CcbSnapshot *before, *now; /* `before` only while a step is applied */
    GHashTable *paths;         /* path ► CcbGuestEntry, of `now` */
    bool is_known;             /* whether there was a tree; there may be facts alone */
    bool is_installed;         /* whether an installer or a command of a step may bring any file */
    bool has_failed;           /* `guest` could not be read: not the image's fault */
    GPtrArray *unknown;        /* of the step that is applied; borrowed */
    GPtrArray *failures;       /* likewise */
    GPtrArray *mounts;         /* of the image before that step */
};

static const CcbGuestOps ops;

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
    p->predicted = ccb_guest_new_with_ops(&ops, p, -1);
    index_paths(p);
    return p;
}

void ccb_prediction_free(CcbPrediction *p)
{
    if (p == NULL)
        return;
    ccb_guest_free(p->predicted);
    g_clear_pointer(&p->mounts, g_ptr_array_unref);
    g_hash_table_unref(p->paths);
    ccb_snapshot_free(p->before);
    ccb_snapshot_free(p->now);
    g_free(p);
}

const CcbFacts *ccb_prediction_facts(const CcbPrediction *p)
{
    return p->now->facts;
}

CcbGuest *ccb_prediction_guest(const CcbPrediction *p)
{
    return p->predicted;
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

/* Makes the text of a file that is read, or that a step is about to replace, part of both snapshots; *ret_text stays
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
    p->has_failed = text == NULL;
    if (text == NULL)
        return false;
    *ret_text = g_bytes_new_take(text, size);
    g_hash_table_insert(p->now->texts, g_strdup(path), *ret_text);
    if (p->before != NULL)
        g_hash_table_insert(p->before->texts, g_strdup(path), g_bytes_ref(*ret_text));
    return true;
}

/* --- the guest */

/* Of an image that is not at hand no directory is known but by what steps have put there. */
static bool is_implied(const CcbPrediction *p, const char *path)
{
    g_autofree char *below = g_strconcat(path, "/", NULL);
    for (guint i = 0; !p->is_known && i < p->now->entries->len; i++)
        if (g_str_has_prefix(((const CcbGuestEntry *)p->now->entries->pdata[i])->path, below))
            return true;
    return path[0] == '\0';
}

static bool predicted_stat(void *backend, const char *path, bool follow, CcbStat *ret_stat,
                           bool *ret_exists, GError **error)
{
    g_autofree char *resolved = resolve(backend, path, follow);
    const CcbGuestEntry *entry = find(backend, resolved);
    *ret_exists = entry != NULL || is_implied(backend, resolved);
    *ret_stat = entry != NULL ? entry->st : (CcbStat){.mode = S_IFDIR | 0755};
    return true;
}

static bool predicted_get(void *backend, const char *path, int fd, GError **error)
{
    GBytes *text;
    g_autofree char *resolved = resolve(backend, path, true);
    if (!find_text(backend, resolved, &text, error))
        return false;
    if (text == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "the content of %s is not known", path);
    gsize size;
    const void *data = g_bytes_get_data(text, &size);
    return ccb_write_all(fd, data, size, path, error);
}

/* The names right below a directory; entries are sorted only between steps.  Of an image that is not at hand
 * directories are implied by what is below them. */
static char **predicted_list(void *backend, const char *path, GError **error)
{
    const CcbPrediction *p = backend;
    g_autofree char *resolved = resolve(p, path, true);
    g_autofree char *prefix = resolved[0] != '\0' ? g_strconcat(resolved, "/", NULL) : g_strdup("");
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < p->now->entries->len; i++) {
        const char *entry = ((const CcbGuestEntry *)p->now->entries->pdata[i])->path;
        if (!g_str_has_prefix(entry, prefix))
            continue;
        const char *below = entry + strlen(prefix);
        char *name = g_strndup(below, strcspn(below, "/"));
        if (g_hash_table_add(seen, name))
            g_strv_builder_add(names, name);
    }
    return g_strv_builder_end(names);
}

static bool predicted_walk(void *backend, const char *path, GPtrArray *entries, GError **error)
{
    const CcbPrediction *p = backend;
    g_autofree char *resolved = resolve(p, path, true);
    g_autofree char *prefix = resolved[0] != '\0' ? g_strconcat(resolved, "/", NULL) : g_strdup("");
    for (guint i = 0; i < p->now->entries->len; i++) {
        const CcbGuestEntry *entry = p->now->entries->pdata[i];
        if (!g_str_has_prefix(entry->path, prefix))
            continue;
        CcbGuestEntry *copied = g_memdup2(entry, sizeof *entry);
        copied->path = g_strdup(entry->path + strlen(prefix));
        copied->target = g_strdup(entry->target);
        g_ptr_array_add(entries, copied);
    }
    return true;
}

static bool predicted_put(void *backend, const char *path, int fd, const CcbFileAttr *attr,
                          GError **error)
{
    CcbPrediction *p = backend;
    struct stat st;
    GBytes *old;
    g_autofree char *resolved = resolve(p, path, true);
    if (fstat(fd, &st) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "reading what goes to %s", path);
    if (!find_text(p, resolved, &old, error))
        return false;
    CcbGuestEntry *entry = put(p, resolved, S_IFREG | attr->mode);
    entry->st.uid = attr->uid;
    entry->st.gid = attr->gid;
    entry->st.size = (guint64)st.st_size;
    if (st.st_size > CCB_DIFF_TEXT_MAX)
        return true;
    g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", fd);
    size_t size;
    char *text = ccb_read_file(self, CCB_DIFF_TEXT_MAX, &size, error);
    if (text != NULL)
        g_hash_table_insert(p->now->texts, g_strdup(resolved), g_bytes_new_take(text, size));
    return text != NULL;
}

/* The directories of an image that is not at hand are not missing. */
static bool predicted_mkdir(void *backend, const char *path, GError **error)
{
    CcbPrediction *p = backend;
    g_autofree char *resolved = resolve(p, path, true);
    if (p->is_known)
        put(p, resolved, S_IFDIR | 0755);
    return true;
}

/* What is there keeps its content; where the image is not at hand, it is a directory that was just made. */
static bool predicted_set_attr(void *backend, const char *path, const CcbFileAttr *attr,
                               GError **error)
{
    g_autofree char *resolved = resolve(backend, path, true);
    CcbGuestEntry *entry = find(backend, resolved);
    if (entry == NULL)
        entry = put(backend, resolved, S_IFDIR);
    entry->st.mode = (entry->st.mode & S_IFMT) | attr->mode;
    entry->st.uid = attr->uid;
    entry->st.gid = attr->gid;
    return true;
}

static bool predicted_symlink(void *backend, const char *target, const char *path,
                              const CcbFileAttr *attr, GError **error)
{
    g_autofree char *resolved = resolve(backend, path, false);
    CcbGuestEntry *entry = put(backend, resolved, S_IFLNK | 0777);
    entry->target = g_strdup(target);
    entry->st.uid = attr->uid;
    entry->st.gid = attr->gid;
    return true;
}

/* A comparison shows the lines that go. */
static bool predicted_remove(void *backend, const char *path, GError **error)
{
    CcbPrediction *p = backend;
    g_autofree char *resolved = resolve(p, path, false);
    g_autofree char *below = g_strconcat(resolved, "/", NULL);
    for (guint i = p->now->entries->len; i > 0; i--) {
        CcbGuestEntry *entry = p->now->entries->pdata[i - 1];
        GBytes *old;
        if (strcmp(entry->path, resolved) != 0 && !g_str_has_prefix(entry->path, below))
            continue;
        if (ccb_path_kind(entry->path) == CCB_PATH_CONFIGURATION && ccb_path_may_show(entry) &&
            !find_text(p, entry->path, &old, error))
            return false;
        g_hash_table_remove(p->paths, entry->path);
        g_hash_table_remove(p->now->texts, entry->path);
        g_hash_table_remove(p->now->modules, entry->path);
        g_ptr_array_remove_index(p->now->entries, i - 1);
    }
    return true;
}

/* What ccb_change_apply() and the checks that foresee call, and no more. */
static const CcbGuestOps ops = {
    .name = "prediction",
    .stat = predicted_stat,
    .get = predicted_get,
    .list = predicted_list,
    .walk = predicted_walk,
    .put = predicted_put,
    .mkdir = predicted_mkdir,
    .set_attr = predicted_set_attr,
    .symlink = predicted_symlink,
    .remove = predicted_remove,
};

/* --- facts */

/* In the place of other versions of it, unless these are kept.  A new kernel brings a boot entry,
 * which becomes the default. */
static void install_package(CcbPrediction *p, const CcbChange *c)
{
    CcbFacts *facts = p->now->facts;
    g_autofree char *evr = NULL;
    g_autofree char *name = ccb_rpm_split(c->value, &evr);
    if (g_strv_contains((const char *const *)facts->packages, c->value))
        return;
    g_autoptr(GStrvBuilder) packages = g_strv_builder_new();
    for (char **old = facts->packages; *old != NULL; old++) {
        g_autofree char *old_evr = NULL;
        g_autofree char *old_name = ccb_rpm_split(*old, &old_evr);
        if (c->keep || strcmp(old_name, name) != 0)
            g_strv_builder_add(packages, *old);
    }
    g_strv_builder_add(packages, c->value);
    g_strfreev(facts->packages);
    facts->packages = g_strv_builder_end(packages);
    if (!g_str_has_prefix(name, "kernel.") && !g_str_has_prefix(name, "kernel-core."))
        return;
    g_free(facts->default_kver);
    facts->default_kver = g_strdup("");
    ccb_change_unknown(p->unknown, NULL, "the boot entry of %s", c->value);
}

/* Replaces *line; a line that can't be parsed stays. */
static void edit_line(char **line, const CcbChange *c)
{
    char *edited = ccb_arguments_edit(c, *line != NULL ? *line : "", NULL);
    if (edited == NULL)
        return;
    g_free(*line);
    *line = edited;
}

static void edit_arguments(CcbPrediction *p, const CcbChange *c)
{
    CcbFacts *facts = p->now->facts;
    for (char **word = c->remove; facts->entries->len == 0 && *word != NULL; word++)
        ccb_change_unknown(p->unknown, NULL, "argument %s removed from every boot entry", *word);
    for (char **word = c->set; facts->entries->len == 0 && *word != NULL; word++)
        ccb_change_unknown(p->unknown, NULL, "argument %s set in every boot entry", *word);
    for (guint i = 0; i < facts->entries->len; i++)
        edit_line(&((CcbBootEntry *)facts->entries->pdata[i])->cmdline, c);
}

/* --- changes */

/* Whether the text can be looked into; where not, says what is known about the edit. */
static bool can_edit(CcbPrediction *p, const CcbChange *c, bool *ret_can, GError **error)
{
    const char *path = c->path;
    GBytes *text;
    g_autofree char *resolved = resolve(p, path, true);
    if (!find_text(p, resolved, &text, error))
        return false;
    bool is_there = find(p, resolved) != NULL;
    bool may_come = !is_there && p->is_installed;
    *ret_can = text != NULL || (p->is_known && !is_there && !may_come && c->required); /* fails */
    if (text == NULL && (!p->is_known || (may_come && c->required)))
        ccb_change_unknown(p->unknown, path, "edited if it exists");
    else if (text == NULL && is_there)
        ccb_change_unknown(p->unknown, path, "edited");
    return true;
}

/* Whether the change can be applied to the snapshot.  What the snapshot can't tell becomes a note;
 * facts, which no file of a snapshot has, are changed here. */
static bool prepare(CcbPrediction *p, const CcbChange *c, bool *ret_apply, GError **error)
{
    *ret_apply = true;
    switch (c->op) {
    case CCB_CHANGE_EDIT:
        return can_edit(p, c, ret_apply, error);
    case CCB_CHANGE_ATTR: { /* an installer may have brought it, or what is below it */
        g_autofree char *path = resolve(p, c->path, true);
        bool is_there = find(p, path) != NULL;
        bool is_whole = p->is_known && !p->is_installed;
        *ret_apply = is_there || is_whole;
        if (!is_whole && (!is_there || c->recursive))
            ccb_change_unknown(p->unknown, c->path, "mode and owner set%s",
                               c->recursive ? ", and of all below it" : "");
        break;
    }
    case CCB_CHANGE_DIRECTORY:
        *ret_apply = p->is_known || !c->keep;
        break;
    case CCB_CHANGE_ENABLE: {
        g_autofree char *path = ccb_unit_find(p->predicted, c->value);
        g_autofree char *resolved = path != NULL ? resolve(p, path, true) : NULL;
        GBytes *text = NULL;
        if (path != NULL && !find_text(p, resolved, &text, error))
            return false;
        /* Without a file the enabling fails, unless an installer may have brought it. */
        *ret_apply = text != NULL || (path == NULL && p->is_known && !p->is_installed);
        if (!*ret_apply)
            ccb_change_unknown(p->unknown, NULL,
                               "the links that enable %s: its file is not known yet", c->value);
        break;
    }
    case CCB_CHANGE_NEED: /* an installer may have brought it */
        *ret_apply = p->is_known && !p->is_installed;
        break;
    case CCB_CHANGE_DISABLE:
        if (!p->is_known)
            ccb_change_unknown(p->unknown, NULL, "%s disabled if it is enabled", c->value);
        break;
    case CCB_CHANGE_PACKAGE:
        install_package(p, c);
        break;
    case CCB_CHANGE_MODULE: {
        if (!ccb_guest_write(p->predicted, c->path, "", 0, &ccb_file_attr, error))
            return false;
        g_autofree char *path = resolve(p, c->path, true);
        g_hash_table_remove(p->now->texts, path);
        g_hash_table_insert(p->now->modules, g_steal_pointer(&path), g_strdup(c->value));
        break;
    }
    case CCB_CHANGE_UNKNOWN:
        p->is_installed |= c->path == NULL;
        ccb_change_add(p->unknown, c->op, c->path, c->value);
        break;
    default:
        break;
    }
    return true;
}

static bool predict(CcbPrediction *p, const CcbChange *c, GError **error)
{
    bool can_apply;
    GError *reason = NULL;
    if (c->op == CCB_CHANGE_ARGUMENTS) {
        g_autoptr(GPtrArray) edits = ccb_arguments_edits(c, p->now->facts);
        edit_arguments(p, c);
        for (guint i = 0; i < edits->len; i++)
            if (!predict(p, edits->pdata[i], error))
                return false;
        return true;
    }
    if ((prepare(p, c, &can_apply, &reason) &&
         (!can_apply || ccb_change_apply(c, p->now->facts, p->mounts, p->predicted, &reason))))
        return true;
    if (p->has_failed) {
        g_propagate_error(error, reason);
        return false;
    }
    g_ptr_array_add(p->failures, g_strdup(reason->message));
    g_error_free(reason);
    return true;
}

static gint compare_paths(gconstpointer a, gconstpointer b)
{
    const CcbGuestEntry *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

/* Of an image whose files are not at hand no mount is known. */
static bool read_mounts(CcbPrediction *p, GError **error)
{
    GError *reason = NULL;
    g_clear_pointer(&p->mounts, g_ptr_array_unref);
    p->mounts = ccb_mounts_read(p->predicted, p->now->facts->disk, &reason);
    if (p->mounts == NULL && p->has_failed) {
        g_propagate_error(error, reason);
        return false;
    }
    if (p->mounts == NULL) {
        g_error_free(reason);
        p->mounts = g_ptr_array_new();
    }
    return true;
}

CcbDiff *ccb_predict(CcbPrediction *p, const char *name, const GPtrArray *changes,
                     GPtrArray *unknown, GPtrArray *failures, GError **error)
{
    p->before = p->now;
    p->now = copy(name, p->before);
    p->unknown = unknown;
    p->failures = failures;
    index_paths(p);
    bool ok = read_mounts(p, error);
    for (guint i = 0; ok && i < changes->len; i++)
        ok = predict(p, changes->pdata[i], error);
    g_ptr_array_sort(p->now->entries, compare_paths);
    CcbDiff *diff = ok ? ccb_diff_new(p->before, p->now) : NULL;
    g_clear_pointer(&p->before, ccb_snapshot_free);
    return diff;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff/snapshot.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "diff/rules.h"
#include "image/module.h"
#include "systemd/unitset.h"

CcbSnapshot *ccb_snapshot_new(const char *name, CcbFacts *facts, GPtrArray *entries)
{
    CcbSnapshot *s = g_new0(CcbSnapshot, 1);
    s->name = g_strdup(name);
    s->facts = facts;
    s->entries = entries != NULL ? entries : g_ptr_array_new();
    s->texts =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    s->digests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    s->modules = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return s;
}

void ccb_snapshot_free(CcbSnapshot *s)
{
    if (s == NULL)
        return;
    g_free(s->name);
    ccb_facts_free(s->facts);
    g_free(s->problem);
    g_strfreev(s->order);
    g_free(s->order_problem);
    g_ptr_array_unref(s->entries);
    g_hash_table_unref(s->texts);
    g_hash_table_unref(s->digests);
    g_hash_table_unref(s->modules);
    g_free(s);
}

/* A guest in which something is wrong is still compared, without what could not be read; an error of the backend is an
 * error.  Takes ownership of `reason`. */
static bool note_problem(GError *reason, char **ret_problem, GError **error)
{
    if (ccb_exit_code(reason) != CCB_ERR_INPUT) {
        g_propagate_error(error, reason);
        return false;
    }
    *ret_problem = g_strdup(reason->message);
    g_error_free(reason);
    return true;
}

CcbSnapshot *ccb_snapshot_read(CcbGuest *guest, const char *name, GError **error)
{
    GError *reason = NULL;
    GPtrArray *entries = ccb_guest_walk(guest, "/", error);
    if (entries == NULL)
        return NULL;
    g_autoptr(CcbSnapshot) s = ccb_snapshot_new(name, NULL, entries);
    s->facts = ccb_facts_of_guest(guest, &reason);
    if (s->facts == NULL && !note_problem(g_steal_pointer(&reason), &s->problem, error))
        return NULL;
    g_autoptr(CcbUnitSet) set = ccb_unitset_read(guest, &reason);
    g_autoptr(CcbUnitPlot) plot = set != NULL ? ccb_unitset_plot_gpu(set, guest, &reason) : NULL;
    if (plot != NULL)
        s->order = ccb_unitplot_order(plot);
    else if (!note_problem(reason, &s->order_problem, error))
        return NULL;
    return g_steal_pointer(&s);
}

bool ccb_pairs_next(CcbPairs *pairs, const CcbGuestEntry **ret_a, const CcbGuestEntry **ret_b)
{
    const GPtrArray *list_a = pairs->a->entries, *list_b = pairs->b->entries;
    const CcbGuestEntry *a = pairs->at_a < list_a->len ? list_a->pdata[pairs->at_a] : NULL;
    const CcbGuestEntry *b = pairs->at_b < list_b->len ? list_b->pdata[pairs->at_b] : NULL;
    if (a == NULL && b == NULL)
        return false;
    int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(a->path, b->path);
    *ret_a = order <= 0 ? a : NULL;
    *ret_b = order >= 0 ? b : NULL;
    pairs->at_a += order <= 0;
    pairs->at_b += order >= 0;
    return true;
}

bool ccb_entries_agree(const CcbGuestEntry *a, const CcbGuestEntry *b)
{
    if (a->st.mode != b->st.mode || a->st.uid != b->st.uid || a->st.gid != b->st.gid)
        return false;
    if (!S_ISREG(a->st.mode))
        return g_strcmp0(a->target, b->target) == 0;
    return a->st.size == b->st.size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

typedef enum { NOTHING = 0, TEXT = 1, DIGEST = 2, MODULE = 4 } Content;

/* The content of `own` that a comparison with `other` needs; `other` is NULL if only one image has the path. */
static unsigned wanted(const CcbGuestEntry *own, const CcbGuestEntry *other)
{
    CcbPathKind kind = ccb_path_kind(own->path);
    if (!S_ISREG(own->st.mode) || kind == CCB_PATH_VOLATILE ||
        (other != NULL && ccb_entries_agree(own, other)))
        return NOTHING;
    bool module = ccb_path_module(own->path) != NULL && own->st.size <= CCB_MODULE_MAX;
    unsigned content = module ? MODULE : NOTHING;
    if (kind == CCB_PATH_CONFIGURATION && own->st.size <= CCB_DIFF_TEXT_MAX &&
        ccb_path_may_show(own))
        content |= TEXT;
    if (other != NULL && S_ISREG(other->st.mode) && own->st.size == other->st.size)
        content |= DIGEST;
    return content;
}

/* The version that a module states, "" where it states none or is no module; caller frees. */
static char *read_version(CcbGuest *guest, const char *path, GError **error)
{
    ccb_autofd int fd = memfd_create("module", MFD_CLOEXEC);
    if (fd < 0) {
        ccb_fail_errno(error, CCB_ERR_HOST, "creating a memory file");
        return NULL;
    }
    if (!ccb_guest_download(guest, path, fd, error))
        return NULL;
    g_autoptr(GMappedFile) file = g_mapped_file_new_from_fd(fd, FALSE, error);
    if (file == NULL)
        return NULL;
    g_autoptr(CcbModule) module =
        ccb_module_parse(g_mapped_file_get_contents(file), g_mapped_file_get_length(file), NULL);
    const char *version = module != NULL ? ccb_module_get(module, "version") : NULL;
    return g_strdup(version != NULL ? version : "");
}

static bool read_content(CcbSnapshot *s, CcbGuest *guest, const CcbGuestEntry *entry,
                         unsigned content, GError **error)
{
    g_autofree char *path = g_strconcat("/", entry->path, NULL);
    if (content & TEXT) {
        size_t size = 0;
        char *text = ccb_guest_read(guest, path, &size, error);
        if (text == NULL)
            return false;
        g_hash_table_insert(s->texts, g_strdup(entry->path), g_bytes_new_take(text, size));
    }
    if (content & DIGEST) {
        char *digest = ccb_guest_digest(guest, path, error);
        if (digest == NULL)
            return false;
        g_hash_table_insert(s->digests, g_strdup(entry->path), digest);
    }
    if (content & MODULE) {
        char *version = read_version(guest, path, error);
        if (version == NULL)
            return false;
        g_hash_table_insert(s->modules, g_strdup(entry->path), version);
    }
    return true;
}

bool ccb_snapshot_complete(CcbSnapshot *s, CcbGuest *guest, const CcbSnapshot *other,
                           GError **error)
{
    CcbPairs pairs = {s, other, 0, 0};
    const CcbGuestEntry *own, *others;
    while (ccb_pairs_next(&pairs, &own, &others)) {
        unsigned content = own != NULL ? wanted(own, others) : NOTHING;
        if (content != NOTHING && !read_content(s, guest, own, content, error))
            return false;
    }
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/apply.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"
#include "change/arguments.h"
#include "change/place.h"
#include "systemd/unit.h"

/* What the change leaves open is as the file has it that is there; a link in its place is another thing than the file. */
static bool choose_attr(const CcbChange *c, CcbGuest *guest, CcbFileAttr *ret_attr, GError **error)
{
    CcbStat st;
    bool exists = false;
    *ret_attr = c->attr;
    if (!c->keep_mode && !c->keep_owner)
        return true;
    if (!ccb_guest_lstat(guest, c->path, &st, &exists, error))
        return false;
    if (!exists || !S_ISREG(st.mode))
        return true;
    if (c->keep_mode)
        ret_attr->mode = st.mode & 07777;
    if (c->keep_owner) {
        ret_attr->uid = st.uid;
        ret_attr->gid = st.gid;
    }
    return true;
}

static bool put_file(const CcbChange *c, CcbGuest *guest, GError **error)
{
    CcbFileAttr attr;
    if (!choose_attr(c, guest, &attr, error))
        return false;
    if (c->host_path != NULL)
        return ccb_guest_upload(guest, c->host_path, c->path, &attr, error);
    gsize size;
    const void *data = g_bytes_get_data(c->content, &size);
    return ccb_guest_write(guest, c->path, data, size, &attr, error);
}

static bool edit(const CcbChange *c, CcbGuest *guest, GError **error)
{
    g_autofree char *text = NULL;
    if (!ccb_guest_read_optional(guest, c->path, &text, error))
        return false;
    if (text == NULL)
        return !c->required || ccb_fail(error, CCB_ERR_STEP, "%s is missing in the guest", c->path);
    g_autofree char *changed = c->edit(c->data, text, error);
    if (changed == NULL) {
        g_prefix_error(error, "%s: ", c->path);
        return false;
    }
    return strcmp(text, changed) == 0 || ccb_guest_replace(guest, c->path, changed, error);
}

static bool set_attr(const CcbChange *c, CcbGuest *guest, const char *path, const CcbStat *st,
                     GError **error)
{
    bool keep = c->attr.uid == CCB_KEEP_OWNER;
    const CcbFileAttr attr = {ccb_change_mode(c, st->mode), keep ? st->uid : c->attr.uid,
                              keep ? st->gid : c->attr.gid};
    return ccb_guest_set_attr(guest, path, &attr, error);
}

static bool change_attr(const CcbChange *c, CcbGuest *guest, GError **error)
{
    CcbStat st;
    bool exists = false;
    if (!ccb_guest_stat(guest, c->path, &st, &exists, error))
        return false;
    if (!exists)
        return ccb_fail(error, CCB_ERR_STEP, "%s is missing in the guest", c->path);
    if (!set_attr(c, guest, c->path, &st, error))
        return false;
    g_autoptr(GPtrArray) below =
        c->recursive && S_ISDIR(st.mode) ? ccb_guest_walk(guest, c->path, error) : NULL;
    if (c->recursive && S_ISDIR(st.mode) && below == NULL)
        return false;
    for (guint i = 0; below != NULL && i < below->len; i++) {
        const CcbGuestEntry *entry = below->pdata[i];
        g_autofree char *path = g_build_filename(c->path, entry->path, NULL);
        if ((S_ISREG(entry->st.mode) || S_ISDIR(entry->st.mode)) &&
            !set_attr(c, guest, path, &entry->st, error))
            return false;
    }
    return true;
}

static bool edit_arguments(const CcbChange *c, const CcbFacts *facts, CcbGuest *guest,
                           GError **error)
{
    g_autoptr(GPtrArray) edits = ccb_arguments_edits(c, facts);
    for (guint i = 0; i < edits->len; i++)
        if (!edit(edits->pdata[i], guest, error))
            return false;
    return true;
}

/* The first directory that has the name decides, also where its link is a mask: to /dev/null, or to an empty file. */
static char *find_unit(CcbGuest *guest, const char *name, bool *ret_masked)
{
    CcbStat st;
    *ret_masked = false;
    for (const char *const *dir = ccb_unit_dirs; *dir != NULL; dir++) {
        g_autofree char *path = g_build_filename(*dir, name, NULL);
        bool exists = false;
        if (!ccb_guest_lstat(guest, path, &st, &exists, NULL) || !exists)
            continue;
        bool is_link = S_ISLNK(st.mode);
        *ret_masked = is_link && (!ccb_guest_stat(guest, path, &st, &exists, NULL) || !exists ||
                                  !S_ISREG(st.mode));
        return *ret_masked ? NULL : g_steal_pointer(&path);
    }
    return NULL;
}

char *ccb_unit_find(CcbGuest *guest, const char *name)
{
    bool is_masked;
    char *path = find_unit(guest, name, &is_masked);
    g_autofree char *template = path == NULL && !is_masked ? ccb_unit_template(name) : NULL;
    return template != NULL ? find_unit(guest, template, &is_masked) : path;
}

/* `why`: "to enable". */
static bool fail_missing(const char *name, const char *why, CcbGuest *guest, GError **error)
{
    CcbStat st;
    bool exists = false;
    g_autofree char *mask = g_build_filename(CCB_UNIT_DIR, name, NULL);
    if (ccb_guest_lstat(guest, mask, &st, &exists, NULL) && exists && S_ISLNK(st.mode)) {
        ccb_fail(error, CCB_ERR_STEP, "%s is masked, or %s leads nowhere", name, mask);
        return ccb_hint(error, "remove %s in a step before this one", mask);
    }
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (const char *const *dir = ccb_unit_dirs; *dir != NULL; dir++) {
        g_auto(GStrv) names = ccb_guest_list(guest, *dir, NULL);
        if (names != NULL)
            g_strv_builder_addv(builder, (const char **)names);
    }
    g_auto(GStrv) units = g_strv_builder_end(builder);
    ccb_fail(error, CCB_ERR_STEP, "the image has no unit %s %s", name, why);
    return ccb_hint_name(error, name, (const char *const *)units, NULL);
}

static bool need(const char *name, CcbGuest *guest, GError **error)
{
    g_autofree char *path = ccb_unit_find(guest, name);
    if (path != NULL)
        return true;
    fail_missing(name, "that the recipe gives an order", guest, error);
    return ccb_hint(error, "name units that wait, and are installed later, under \"later\"");
}

static gint compare_names(gconstpointer a, gconstpointer b, gpointer data)
{
    return strcmp(a, b);
}

/* Adds what the drop-ins of a name say about [Install]; of two with one file name the first counts. */
static bool merge_dropins(CcbUnit *unit, const char *name, CcbGuest *guest, GError **error)
{
    g_autoptr(GTree) paths =
        g_tree_new_full(compare_names, NULL, g_free, g_free); /* file name ► path */
    for (const char *const *dir = ccb_unit_dirs; *dir != NULL; dir++) {
        g_autofree char *below = g_strconcat(*dir, "/", name, ".d", NULL);
        g_auto(GStrv) files = ccb_guest_list(guest, below, error);
        if (files == NULL)
            return false;
        for (char **file = files; *file != NULL; file++)
            if (g_str_has_suffix(*file, ".conf") && g_tree_lookup(paths, *file) == NULL)
                g_tree_insert(paths, g_strdup(*file), g_build_filename(below, *file, NULL));
    }
    for (GTreeNode *at = g_tree_node_first(paths); at != NULL; at = g_tree_node_next(at)) {
        size_t size = 0;
        const char *path = g_tree_node_value(at);
        if (!ccb_guest_exists(guest, path)) /* a link to nothing, such as /dev/null */
            continue;
        g_autofree char *text = ccb_guest_read(guest, path, &size, error);
        g_autoptr(CcbUnit) dropin = text != NULL ? ccb_unit_parse(text, size, path, error) : NULL;
        if (dropin == NULL)
            return false;
        ccb_unit_merge(unit, dropin);
    }
    return true;
}

/* The links of one unit; what its Also= names is added to `names`. */
static bool enable_one(const char *name, const char *path, CcbGuest *guest, GPtrArray *names,
                       guint *links_made, GError **error)
{
    size_t size = 0;
    g_autofree char *template = ccb_unit_template(name);
    g_autofree char *text = ccb_guest_read(guest, path, &size, error);
    g_autoptr(CcbUnit) unit = text ? ccb_unit_parse(text, size, path, error) : NULL;
    if (unit == NULL || (template != NULL && !merge_dropins(unit, template, guest, error)) ||
        !merge_dropins(unit, name, guest, error))
        return false;
    g_autoptr(GPtrArray) links = ccb_unit_links(unit, name, error);
    g_autoptr(GPtrArray) also = links ? ccb_unit_install_words(unit, name, "Also", error) : NULL;
    if (also == NULL)
        return false;
    if (strstr(name, "@.") != NULL && ccb_unit_get(unit, "Install", "DefaultInstance") == NULL) {
        ccb_fail(error, CCB_ERR_STEP, "%s is a template without DefaultInstance=", name);
        return ccb_hint(error, "name an instance, as in %.*s@1.service", (int)strcspn(name, "@"),
                        name);
    }
    for (guint i = 0; i < links->len; i++)
        if (!ccb_guest_symlink(guest, path, links->pdata[i], &ccb_file_attr, error))
            return false;
    *links_made += links->len;
    for (guint i = 0; i < also->len; i++)
        if (!g_ptr_array_find_with_equal_func(names, also->pdata[i], g_str_equal, NULL))
            g_ptr_array_add(names, g_strdup(also->pdata[i]));
    return true;
}

/* As `systemctl enable`, with all that Also= names; what is not there of these is left out. */
static bool enable(const char *name, CcbGuest *guest, GError **error)
{
    guint links = 0;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *first = ccb_unit_find(guest, name);
    if (first == NULL)
        return fail_missing(name, "to enable", guest, error);
    g_ptr_array_add(names, g_strdup(name));
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = ccb_unit_find(guest, names->pdata[i]);
        if (path != NULL && !enable_one(names->pdata[i], path, guest, names, &links, error))
            return false;
    }
    return links > 0 ||
           ccb_fail(error, CCB_ERR_STEP, "%s has no [Install] section that would start it", first);
}

/* Every link goes by which another unit pulls it in, or that is another name of it; of a template also those of its
 * instances.  The unit's file stays, and a mask. */
static bool disable(const char *name, CcbGuest *guest, GError **error)
{
    g_autoptr(GPtrArray) entries = ccb_guest_walk(guest, CCB_UNIT_DIR, error);
    for (guint i = 0; entries != NULL && i < entries->len; i++) {
        const CcbGuestEntry *entry = entries->pdata[i];
        if (!S_ISLNK(entry->st.mode) || entry->target == NULL)
            continue;
        g_autofree char *path = g_build_filename(CCB_UNIT_DIR, entry->path, NULL);
        g_autofree char *link = g_path_get_basename(path), *dir = g_path_get_dirname(path);
        g_autofree char *target = g_path_get_basename(entry->target);
        g_autofree char *template = ccb_unit_template(link);
        bool is_direct = g_str_equal(dir, CCB_UNIT_DIR);
        bool is_meant = g_str_equal(link, name) || g_strcmp0(template, name) == 0;
        if (is_direct ? is_meant || !g_str_equal(target, name)
                      : !is_meant || ccb_unit_wants_suffix(dir) == NULL)
            continue;
        if (!ccb_guest_remove(guest, path, error))
            return false;
    }
    return entries != NULL;
}

/* As `systemctl mask`: a unit file in /etc is not thrown away. */
static bool mask(const char *name, CcbGuest *guest, GError **error)
{
    CcbStat st;
    bool exists = false;
    g_autofree char *path = g_build_filename(CCB_UNIT_DIR, name, NULL);
    if (!ccb_guest_lstat(guest, path, &st, &exists, error))
        return false;
    if (exists && !S_ISLNK(st.mode)) {
        ccb_fail(error, CCB_ERR_STEP, "%s can't be masked: %s is a unit file", name, path);
        return ccb_hint(error, "remove it in a step before this one, or disable the unit");
    }
    return ccb_guest_symlink(guest, "/dev/null", path, &ccb_file_attr, error);
}

bool ccb_change_apply(const CcbChange *c, const CcbFacts *facts, const GPtrArray *mounts,
                      CcbGuest *guest, GError **error)
{
    bool puts = c->op == CCB_CHANGE_FILE || c->op == CCB_CHANGE_DIRECTORY ||
                c->op == CCB_CHANGE_LINK || c->op == CCB_CHANGE_REMOVE;
    if (puts && !ccb_mounts_check(mounts, c->path, error))
        return false;
    switch (c->op) {
    case CCB_CHANGE_FILE:
        return put_file(c, guest, error);
    case CCB_CHANGE_DIRECTORY:
        return (c->keep && ccb_guest_exists(guest, c->path)) ||
               ccb_guest_mkdir(guest, c->path, &c->attr, error);
    case CCB_CHANGE_LINK:
        return ccb_guest_symlink(guest, c->value, c->path, &c->attr, error);
    case CCB_CHANGE_REMOVE:
        return ccb_guest_remove(guest, c->path, error);
    case CCB_CHANGE_EDIT:
        return edit(c, guest, error);
    case CCB_CHANGE_ATTR:
        return change_attr(c, guest, error);
    case CCB_CHANGE_ENABLE:
        return enable(c->value, guest, error);
    case CCB_CHANGE_DISABLE:
        return disable(c->value, guest, error);
    case CCB_CHANGE_MASK:
        return mask(c->value, guest, error);
    case CCB_CHANGE_NEED:
        return need(c->value, guest, error);
    case CCB_CHANGE_ARGUMENTS:
        return edit_arguments(c, facts, guest, error);
    case CCB_CHANGE_PACKAGE:
    case CCB_CHANGE_MODULE:
    case CCB_CHANGE_UNKNOWN:
        break;
    }
    return true;
}

/* Facts come from /boot, /lib/modules, the package database, os-release and /etc/machine-id
 * (guest/facts.h). */
static bool concerns_facts(const CcbChange *c)
{
    if (c->op == CCB_CHANGE_ARGUMENTS)
        return true;
    return c->op <= CCB_CHANGE_EDIT &&
           (!g_str_has_prefix(c->path, "/etc/") || g_str_has_prefix(c->path, "/etc/os-release") ||
            g_str_has_prefix(c->path, "/etc/machine-id"));
}

bool ccb_changes_apply(const GPtrArray *changes, const CcbFacts *facts, CcbGuest *guest,
                       bool *ret_facts_differ, GError **error)
{
    *ret_facts_differ = false;
    g_autoptr(GPtrArray) mounts = ccb_mounts_read(guest, ccb_guest_disk(guest), error);
    if (mounts == NULL)
        return false;
    for (guint i = 0; i < changes->len; i++) {
        const CcbChange *change = changes->pdata[i];
        if (!ccb_change_apply(change, facts, mounts, guest, error))
            return false;
        *ret_facts_differ |= concerns_facts(change);
    }
    return true;
}

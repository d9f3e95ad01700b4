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

char *ccb_unit_find(CcbGuest *guest, const char *name)
{
    for (const char *const *dir = ccb_unit_dirs; *dir != NULL; dir++) {
        g_autofree char *path = g_build_filename(*dir, name, NULL);
        if (ccb_guest_exists(guest, path))
            return g_steal_pointer(&path);
    }
    return NULL;
}

/* `why`: "to enable". */
static bool fail_missing(const char *name, const char *why, CcbGuest *guest, GError **error)
{
    CcbStat st;
    bool exists = false;
    g_autofree char *mask = g_build_filename(CCB_UNIT_DIR, name, NULL);
    if (ccb_guest_lstat(guest, mask, &st, &exists, NULL) && exists && S_ISLNK(st.mode))
        return ccb_fail(error, CCB_ERR_STEP, "%s is masked, or %s leads nowhere", name, mask);
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

/* A template stands for its instances. */
static bool need(const char *name, CcbGuest *guest, GError **error)
{
    g_autofree char *path = ccb_unit_find(guest, name);
    const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
    if (path == NULL && at != NULL && dot != NULL) {
        g_autofree char *template = g_strdup_printf("%.*s%s", (int)(at + 1 - name), name, dot);
        path = ccb_unit_find(guest, template);
    }
    if (path != NULL)
        return true;
    fail_missing(name, "that the recipe gives an order", guest, error);
    return ccb_hint(error, "a unit that comes later stands under \"later\"");
}

static bool enable(const char *name, CcbGuest *guest, GError **error)
{
    g_autofree char *path = ccb_unit_find(guest, name);
    if (path == NULL)
        return fail_missing(name, "to enable", guest, error);
    size_t size = 0;
    g_autofree char *text = ccb_guest_read(guest, path, &size, error);
    g_autoptr(CcbUnit) unit = text ? ccb_unit_parse(text, size, path, error) : NULL;
    g_autoptr(GPtrArray) links = unit ? ccb_unit_links(unit, name, error) : NULL;
    if (links == NULL)
        return false;
    for (guint i = 0; i < links->len; i++)
        if (!ccb_guest_symlink(guest, path, links->pdata[i], &ccb_file_attr, error))
            return false;
    return links->len > 0 ||
           ccb_fail(error, CCB_ERR_STEP, "%s has no [Install] section that would start it", path);
}

/* Every link by which another unit pulls it in goes; the unit's file stays. */
static bool disable(const char *name, CcbGuest *guest, GError **error)
{
    g_auto(GStrv) entries = ccb_guest_list(guest, CCB_UNIT_DIR, error);
    if (entries == NULL)
        return false;
    for (char **entry = entries; *entry != NULL; entry++) {
        g_autofree char *link = g_build_filename(CCB_UNIT_DIR, *entry, name, NULL);
        if (ccb_unit_wants_suffix(*entry) != NULL && !ccb_guest_remove(guest, link, error))
            return false;
    }
    return true;
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

static bool check_place(const CcbChange *c, const CcbFacts *facts, CcbGuest *guest, GError **error)
{
    bool puts = c->op == CCB_CHANGE_FILE || c->op == CCB_CHANGE_DIRECTORY ||
                c->op == CCB_CHANGE_LINK || c->op == CCB_CHANGE_REMOVE;
    return !puts || facts == NULL || ccb_place_check(guest, facts->disk, c->path, error);
}

bool ccb_change_apply(const CcbChange *c, const CcbFacts *facts, CcbGuest *guest, GError **error)
{
    if (!check_place(c, facts, guest, error))
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
    for (guint i = 0; i < changes->len; i++) {
        const CcbChange *change = changes->pdata[i];
        if (!ccb_change_apply(change, facts, guest, error))
            return false;
        *ret_facts_differ |= concerns_facts(change);
    }
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/unitstate.h"

#include <string.h>

static void unit_free(gpointer data)
{
    CcbBootUnit *unit = data;
    g_free(unit->name);
    g_free(unit->reason);
    g_queue_clear_full(&unit->lines, g_free);
    g_free(unit);
}

void ccb_units_init(CcbBootUnits *units)
{
    units->list = g_ptr_array_new_with_free_func(unit_free);
    units->by_name = g_hash_table_new(g_str_hash, g_str_equal);
}

void ccb_units_clear(CcbBootUnits *units)
{
    g_clear_pointer(&units->by_name, g_hash_table_unref);
    g_clear_pointer(&units->list, g_ptr_array_unref);
}

CcbBootUnit *ccb_units_find(const CcbBootUnits *units, const char *name)
{
    return g_hash_table_lookup(units->by_name, name);
}

CcbBootUnit *ccb_units_get(CcbBootUnits *units, const char *name)
{
    enum { MOST_UNITS = 4096 };
    CcbBootUnit *unit = ccb_units_find(units, name);
    if (unit || units->list->len >= MOST_UNITS || !ccb_unit_is_name(name))
        return unit;
    unit = g_new0(CcbBootUnit, 1);
    unit->name = g_strdup(name);
    g_ptr_array_add(units->list, unit);
    g_hash_table_insert(units->by_name, unit->name, unit);
    return unit;
}

void ccb_unit_fail(CcbBootUnit *unit, const char *reason)
{
    unit->state = CCB_UNIT_FAILED;
    if (unit->reason == NULL)
        unit->reason = g_strdup(reason);
}

bool ccb_boot_is_up_target(const char *unit, const char *target)
{
    return g_str_equal(unit, "multi-user.target") || g_str_equal(unit, "graphical.target") ||
           g_strcmp0(unit, target) == 0;
}

/* unit-name.c of systemd: UNIT_NAME_MAX and VALID_CHARS. */
bool ccb_unit_is_name(const char *word)
{
    static const char *const suffixes[] = {".service", ".target", ".mount",    ".socket",
                                           ".device",  ".swap",   ".timer",    ".path",
                                           ".scope",   ".slice",  ".automount"};
    static const char allowed[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "@:-_.\\";
    enum { LONGEST = 255 };
    size_t length = strnlen(word, LONGEST + 1);
    if (length > LONGEST || strspn(word, allowed) != length)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++)
        if (g_str_has_suffix(word, suffixes[i]) && length > strlen(suffixes[i]))
            return true;
    return false;
}

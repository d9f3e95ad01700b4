/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/unitnames.h"

#include <string.h>

enum { MOST_UNITS = 4096 }; /* a guest may name more, but has no use for them */

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
    CcbBootUnit *unit = ccb_units_find(units, name);
    if (unit || units->list->len >= MOST_UNITS)
        return unit;
    unit = g_new0(CcbBootUnit, 1);
    unit->name = g_strdup(name);
    g_ptr_array_add(units->list, unit);
    g_hash_table_insert(units->by_name, unit->name, unit);
    return unit;
}

void ccb_units_rename(CcbBootUnits *units, CcbBootUnit *unit, const char *name)
{
    CcbBootUnit *named = ccb_units_find(units, name);
    g_hash_table_remove(units->by_name, unit->name);
    if (named == NULL) {
        g_free(unit->name);
        unit->name = g_strdup(name);
        g_hash_table_insert(units->by_name, unit->name, unit);
        return;
    }
    ccb_unit_set_reason(named, unit->reason);
    ccb_unit_set_exit(named, unit->exit_status);
    named->state = MAX(named->state, unit->state);
    for (int i = 0; i < CCB_STREAMS; i++) {
        named->began[i] = named->began[i] ? named->began[i] : unit->began[i];
        named->done[i] = named->done[i] ? named->done[i] : unit->done[i];
    }
    g_ptr_array_remove(units->list, unit);
}

void ccb_unit_note(CcbBootUnit *unit, CcbUnitState state, int stream, unsigned at)
{
    unsigned *place = state == CCB_UNIT_STARTING ? &unit->began[stream] : &unit->done[stream];
    if (*place == 0)
        *place = at;
    unit->state = MAX(unit->state, state);
}

void ccb_unit_set_reason(CcbBootUnit *unit, const char *reason)
{
    if (reason && unit->reason == NULL)
        unit->reason = g_strdup(reason);
}

void ccb_unit_set_exit(CcbBootUnit *unit, int status)
{
    if (unit->exit_status == 0)
        unit->exit_status = status;
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

/* Units without a phase of their own are only ever said to be started. */
static unsigned first_seen(const CcbBootUnit *unit, int stream)
{
    return unit->began[stream] ? unit->began[stream] : unit->done[stream];
}

CcbOrder ccb_unit_order(const CcbBootUnit *first, const CcbBootUnit *second)
{
    if (first == NULL || second == NULL)
        return CCB_ORDER_NOT_SEEN;
    for (int stream = CCB_STREAMS - 1; stream >= 0; stream--) {
        unsigned end = first->done[stream], begin = first_seen(second, stream);
        if (begin == 0 || first_seen(first, stream) == 0)
            continue;
        return end != 0 && end < begin ? CCB_ORDER_KEPT : CCB_ORDER_VIOLATED;
    }
    return CCB_ORDER_NOT_SEEN;
}

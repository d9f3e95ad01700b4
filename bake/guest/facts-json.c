/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts as values: created, copied, freed, and their cached form. */
#include "guest/facts.h"
#include "guest/fields.h"

/* Raised when a fact is added or its meaning changes: older files are read anew from the image. */
enum { FACTS_VERSION = 5 };

static const CcbField own_fields[] = {
    CCB_FIELD(CcbFacts, format),       CCB_FIELD(CcbFacts, os_id),
    CCB_FIELD(CcbFacts, os_version),   CCB_FIELD(CcbFacts, os_name),
    CCB_FIELD(CcbFacts, machine_id),   CCB_FIELD(CcbFacts, default_entry),
    CCB_FIELD(CcbFacts, default_kver), CCB_FIELD(CcbFacts, saved_entry),
    CCB_FIELD(CcbFacts, kernelopts),   CCB_FIELD(CcbFacts, unmatched_default),
    CCB_FIELD(CcbFacts, boot_problem), {0}};

static const CcbField entry_fields[] = {
    CCB_FIELD(CcbBootEntry, id),     CCB_FIELD(CcbBootEntry, path),
    CCB_FIELD(CcbBootEntry, title),  {"linux", offsetof(CcbBootEntry, kernel)},
    CCB_FIELD(CcbBootEntry, initrd), CCB_FIELD(CcbBootEntry, cmdline),
    CCB_FIELD(CcbBootEntry, kver),   {0}};

static void entry_free(void *entry)
{
    ccb_fields_free(entry, entry_fields);
    g_free(entry);
}

static void *copy_entry(const void *from, void *data)
{
    CcbBootEntry *entry = g_new0(CcbBootEntry, 1);
    ccb_fields_copy(entry, from, entry_fields);
    return entry;
}

CcbFacts *ccb_facts_new(void)
{
    CcbFacts *facts = g_new0(CcbFacts, 1);
    facts->entries = g_ptr_array_new_with_free_func(entry_free);
    return facts;
}

void ccb_facts_free(CcbFacts *facts)
{
    if (facts == NULL)
        return;
    ccb_fields_free(facts, own_fields);
    g_free(facts->sha256);
    g_free(facts->path);
    ccb_disk_free(facts->disk);
    g_strfreev(facts->kernels);
    g_ptr_array_unref(facts->entries);
    g_strfreev(facts->units);
    g_strfreev(facts->packages);
    g_free(facts);
}

CcbFacts *ccb_facts_copy(const CcbFacts *facts)
{
    CcbFacts *copy = ccb_facts_new();
    ccb_fields_copy(copy, facts, own_fields);
    g_ptr_array_extend(copy->entries, facts->entries, copy_entry, NULL);
    copy->disk = facts->disk ? ccb_disk_copy(facts->disk) : NULL;
    copy->kernels = facts->kernels ? g_strdupv(facts->kernels) : g_new0(char *, 1);
    copy->units = g_strdupv(facts->units);
    copy->packages = facts->packages ? g_strdupv(facts->packages) : g_new0(char *, 1);
    copy->free_bytes = facts->free_bytes;
    return copy;
}

static json_t *strings_to_json(char **strings)
{
    json_t *list = json_array();
    for (; strings != NULL && *strings != NULL; strings++)
        json_array_append_new(list, json_string(*strings));
    return list;
}

static char **strings_from_json(const json_t *list)
{
    size_t i;
    json_t *item;
    g_autoptr(GStrvBuilder) strings = g_strv_builder_new();
    json_array_foreach(list, i, item)
        g_strv_builder_add(strings, json_string_value(item) ? json_string_value(item) : "");
    return g_strv_builder_end(strings);
}

json_t *ccb_facts_to_json(const CcbFacts *facts)
{
    json_t *json =
        json_pack("{sisI}", "facts", FACTS_VERSION, "free_bytes", (json_int_t)facts->free_bytes);
    json_t *entries = json_array();
    for (guint i = 0; i < facts->entries->len; i++) {
        json_t *entry = json_object();
        ccb_fields_to_json(facts->entries->pdata[i], entry, entry_fields);
        json_array_append_new(entries, entry);
    }
    json_object_set_new(json, "entries", entries);
    json_object_set_new(json, "kernels", strings_to_json(facts->kernels));
    json_object_set_new(json, "units", strings_to_json(facts->units));
    json_object_set_new(json, "packages", strings_to_json(facts->packages));
    if (facts->disk)
        json_object_set_new(json, "disk", ccb_disk_to_json(facts->disk));
    ccb_fields_to_json(facts, json, own_fields);
    return json;
}

CcbFacts *ccb_facts_from_json(const json_t *json)
{
    size_t i;
    json_t *item;
    if (json_integer_value(json_object_get(json, "facts")) != FACTS_VERSION ||
        json_string_value(json_object_get(json, "default_kver")) == NULL)
        return NULL;
    CcbFacts *facts = ccb_facts_new();
    ccb_fields_from_json(facts, json, own_fields);
    json_array_foreach(json_object_get(json, "entries"), i, item)
    {
        CcbBootEntry *entry = g_new0(CcbBootEntry, 1);
        ccb_fields_from_json(entry, item, entry_fields);
        g_ptr_array_add(facts->entries, entry);
    }
    facts->free_bytes = (uint64_t)json_integer_value(json_object_get(json, "free_bytes"));
    facts->kernels = strings_from_json(json_object_get(json, "kernels"));
    facts->units = strings_from_json(json_object_get(json, "units"));
    facts->packages = strings_from_json(json_object_get(json, "packages"));
    if (json_object_get(json, "disk"))
        facts->disk = ccb_disk_from_json(json_object_get(json, "disk"));
    return facts;
}

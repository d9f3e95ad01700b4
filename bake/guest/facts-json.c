/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cached form of the facts. */
#include "guest/facts.h"

/* Raised when a fact is added or its meaning changes: older files are read anew from the image. */
enum { FACTS_VERSION = 3 };

static void set_text(json_t *object, const char *key, const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;
    if (valid != NULL)
        json_object_set_new(object, key, json_string(valid));
}

static char *get_text(const json_t *object, const char *key)
{
    return g_strdup(json_string_value(json_object_get(object, key)));
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
    char **strings = g_new0(char *, json_array_size(list) + 1);
    json_array_foreach(list, i, item) strings[i] =
        g_strdup(json_string_value(item) ? json_string_value(item) : "");
    return strings;
}

static json_t *partition_to_json(const CcbPartition *p)
{
    json_t *json = json_pack("{sisIsI}", "number", (int)p->number, "start", (json_int_t)p->start,
                             "size", (json_int_t)p->size);
    set_text(json, "type", p->type);
    set_text(json, "fstype", p->fstype);
    set_text(json, "label", p->label);
    set_text(json, "uuid", p->uuid);
    set_text(json, "part_label", p->part_label);
    set_text(json, "part_uuid", p->part_uuid);
    return json;
}

static CcbPartition *partition_from_json(const json_t *json)
{
    CcbPartition *p = g_new0(CcbPartition, 1);
    p->number = (unsigned)json_integer_value(json_object_get(json, "number"));
    p->start = (uint64_t)json_integer_value(json_object_get(json, "start"));
    p->size = (uint64_t)json_integer_value(json_object_get(json, "size"));
    p->type = get_text(json, "type");
    p->fstype = get_text(json, "fstype");
    p->label = get_text(json, "label");
    p->uuid = get_text(json, "uuid");
    p->part_label = get_text(json, "part_label");
    p->part_uuid = get_text(json, "part_uuid");
    return p;
}

static json_t *disk_to_json(const CcbDisk *disk)
{
    json_t *partitions = json_array();
    for (guint i = 0; i < disk->partitions->len; i++)
        json_array_append_new(partitions, partition_to_json(disk->partitions->pdata[i]));
    return json_pack("{sIsssisiso}", "size", (json_int_t)disk->size, "table", disk->table, "root",
                     (int)disk->root, "esp", (int)disk->esp, "partitions", partitions);
}

static CcbDisk *disk_from_json(const json_t *json)
{
    size_t i;
    json_t *item;
    CcbDisk *disk = ccb_disk_new();
    disk->size = (uint64_t)json_integer_value(json_object_get(json, "size"));
    disk->table = get_text(json, "table");
    disk->root = (unsigned)json_integer_value(json_object_get(json, "root"));
    disk->esp = (unsigned)json_integer_value(json_object_get(json, "esp"));
    json_array_foreach(json_object_get(json, "partitions"), i, item)
        g_ptr_array_add(disk->partitions, partition_from_json(item));
    return disk;
}

static json_t *entry_to_json(const CcbBootEntry *entry)
{
    json_t *json = json_object();
    set_text(json, "id", entry->id);
    set_text(json, "path", entry->path);
    set_text(json, "title", entry->title);
    set_text(json, "linux", entry->kernel);
    set_text(json, "initrd", entry->initrd);
    set_text(json, "options", entry->options);
    set_text(json, "kver", entry->kver);
    return json;
}

static CcbBootEntry *entry_from_json(const json_t *json)
{
    CcbBootEntry *entry = g_new0(CcbBootEntry, 1);
    entry->id = get_text(json, "id");
    entry->path = get_text(json, "path");
    entry->title = get_text(json, "title");
    entry->kernel = get_text(json, "linux");
    entry->initrd = get_text(json, "initrd");
    entry->options = get_text(json, "options");
    entry->kver = get_text(json, "kver");
    return entry;
}

json_t *ccb_facts_to_json(const CcbFacts *facts)
{
    json_t *json =
        json_pack("{sisI}", "facts", FACTS_VERSION, "free_bytes", (json_int_t)facts->free_bytes);
    json_t *entries = json_array();
    for (guint i = 0; i < facts->entries->len; i++)
        json_array_append_new(entries, entry_to_json(facts->entries->pdata[i]));
    json_object_set_new(json, "entries", entries);
    json_object_set_new(json, "kernels", strings_to_json(facts->kernels));
    json_object_set_new(json, "packages", strings_to_json(facts->packages));
    if (facts->disk)
        json_object_set_new(json, "disk", disk_to_json(facts->disk));
    set_text(json, "format", facts->format);
    set_text(json, "os_id", facts->os_id);
    set_text(json, "os_version", facts->os_version);
    set_text(json, "os_name", facts->os_name);
    set_text(json, "machine_id", facts->machine_id);
    set_text(json, "default_entry", facts->default_entry);
    set_text(json, "default_kver", facts->default_kver);
    set_text(json, "saved_entry", facts->saved_entry);
    set_text(json, "kernelopts", facts->kernelopts);
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
    json_array_foreach(json_object_get(json, "entries"), i, item)
        g_ptr_array_add(facts->entries, entry_from_json(item));
    facts->free_bytes = (uint64_t)json_integer_value(json_object_get(json, "free_bytes"));
    facts->kernels = strings_from_json(json_object_get(json, "kernels"));
    facts->packages = strings_from_json(json_object_get(json, "packages"));
    if (json_object_get(json, "disk"))
        facts->disk = disk_from_json(json_object_get(json, "disk"));
    facts->format = get_text(json, "format");
    facts->os_id = get_text(json, "os_id");
    facts->os_version = get_text(json, "os_version");
    facts->os_name = get_text(json, "os_name");
    facts->machine_id = get_text(json, "machine_id");
    facts->default_entry = get_text(json, "default_entry");
    facts->default_kver = get_text(json, "default_kver");
    facts->saved_entry = get_text(json, "saved_entry");
    facts->kernelopts = get_text(json, "kernelopts");
    return facts;
}

CcbFacts *ccb_facts_copy(const CcbFacts *facts)
{
    json_t *json = ccb_facts_to_json(facts);
    CcbFacts *copy = ccb_facts_from_json(json);
    json_decref(json);
    return copy;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/xml.h"

#include <string.h>

#include "base/error.h"

enum { ROOT = 1, FIELD = 2, RECORD_FIELD = 3 }; /* depths */

typedef struct {
    CcbXml *xml;
    const char *record;
    unsigned depth;
    GHashTable *open; /* the record that we are in, or NULL */
    GString *text;    /* of the innermost element */
} Parser;

static GHashTable *new_fields(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

void ccb_xml_free(CcbXml *xml)
{
    if (xml == NULL)
        return;
    g_free(xml->root);
    g_hash_table_unref(xml->fields);
    g_ptr_array_unref(xml->records);
    g_free(xml);
}

static void on_start(GMarkupParseContext *context, const char *name, const char **names,
                     const char **values, gpointer data, GError **error)
{
    Parser *parser = data;
    parser->depth++;
    g_string_truncate(parser->text, 0);
    if (parser->depth == ROOT && parser->xml->root != NULL) {
        ccb_fail(error, CCB_ERR_FETCH, "a second document follows the first");
        return;
    }
    if (parser->depth == ROOT)
        parser->xml->root = g_strdup(name);
    if (parser->depth == FIELD && g_strcmp0(name, parser->record) == 0) {
        parser->open = new_fields();
        g_ptr_array_add(parser->xml->records, parser->open);
    }
}

static void on_end(GMarkupParseContext *context, const char *name, gpointer data, GError **error)
{
    Parser *parser = data;
    GHashTable *fields = NULL;
    if (parser->depth == FIELD && parser->open == NULL)
        fields = parser->xml->fields;
    else if (parser->depth == RECORD_FIELD)
        fields = parser->open;
    if (fields != NULL)
        g_hash_table_replace(fields, g_strdup(name), g_strdup(parser->text->str));
    if (parser->depth == FIELD)
        parser->open = NULL;
    g_string_truncate(parser->text, 0);
    parser->depth--;
}

static void on_text(GMarkupParseContext *context, const char *text, gsize size, gpointer data,
                    GError **error)
{
    Parser *parser = data;
    g_string_append_len(parser->text, text, (gssize)size);
}

CcbXml *ccb_xml_parse(const char *text, gsize size, const char *record, GError **error)
{
    static const GMarkupParser handlers = {
        .start_element = on_start, .end_element = on_end, .text = on_text};
    g_autoptr(CcbXml) xml = g_new0(CcbXml, 1);
    xml->fields = new_fields();
    xml->records = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref);
    Parser parser = {.xml = xml, .record = record, .text = g_string_new(NULL)};
    GMarkupParseContext *context = g_markup_parse_context_new(&handlers, 0, &parser, NULL);
    g_autoptr(GError) reason = NULL;
    bool good = g_markup_parse_context_parse(context, text, (gssize)size, &reason) &&
                g_markup_parse_context_end_parse(context, &reason);
    g_markup_parse_context_free(context);
    g_string_free(parser.text, TRUE);
    if (good && xml->root != NULL)
        return g_steal_pointer(&xml);
    ccb_fail(error, CCB_ERR_FETCH, "the server's answer can't be understood: %s",
             reason != NULL ? reason->message : "no element in it");
    return NULL;
}

const char *ccb_xml_get(GHashTable *fields, const char *name)
{
    const char *value = g_hash_table_lookup(fields, name);
    return value != NULL ? value : "";
}

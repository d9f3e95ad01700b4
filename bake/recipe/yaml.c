/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/yaml.h"

#include <libfyaml.h>
#include <string.h>

#include "base/file.h"

enum { MAX_SIZE = 1 << 20, MAX_DEPTH = 32 };

typedef struct {
    struct fy_parser *parser;
    struct fy_diag *diag;
    const char *file;
} Reader;

/* Where there is no event to point at. */
static bool fail_at(const Reader *r, GError **error, int line, int column, const char *reason)
{
    return ccb_fail(error, CCB_ERR_RECIPE, "%s:%d:%d: %s", r->file, line, column, reason);
}

static bool fail_event(const Reader *r, struct fy_event *event, GError **error, const char *reason)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    return fail_at(r, error, mark ? mark->line + 1 : 1, mark ? mark->column + 1 : 1, reason);
}

/* The parser gave up: its own words. */
static bool fail_syntax(const Reader *r, GError **error)
{
    void *iterator = NULL;
    struct fy_diag_error *first = fy_diag_errors_iterate(r->diag, &iterator);
    if (first == NULL)
        return fail_at(r, error, 1, 1, "not YAML");
    return fail_at(r, error, first->line, first->column, first->msg);
}

static struct fy_event *next(Reader *r, GError **error)
{
    struct fy_event *event = fy_parser_parse(r->parser);
    if (event == NULL)
        fail_syntax(r, error);
    return event;
}

/* NULL where the event is one that a recipe may hold. */
static const char *why_refused(struct fy_event *event)
{
    switch (event->type) {
    case FYET_ALIAS:
        return "aliases (*name) are not allowed in recipes";
    case FYET_SCALAR:
        return event->scalar.anchor ? "anchors (&name) are not allowed in recipes"
               : event->scalar.tag  ? "tags (!name) are not allowed in recipes"
                                    : NULL;
    case FYET_SEQUENCE_START:
        return event->sequence_start.anchor ? "anchors (&name) are not allowed in recipes"
               : event->sequence_start.tag  ? "tags (!name) are not allowed in recipes"
                                            : NULL;
    case FYET_MAPPING_START:
        return event->mapping_start.anchor ? "anchors (&name) are not allowed in recipes"
               : event->mapping_start.tag  ? "tags (!name) are not allowed in recipes"
                                           : NULL;
    default:
        return "unexpected end of the document";
    }
}

static CcbNode *node_of_event(const Reader *r, struct fy_event *event, CcbNodeType type)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    CcbNode *node =
        ccb_node_new(type, r->file, mark ? mark->line + 1 : 0, mark ? mark->column + 1 : 0);
    if (type == CCB_NODE_SCALAR && event->scalar.value != NULL) {
        size_t size = 0;
        const char *text = fy_token_get_text(event->scalar.value, &size);
        g_free(node->text);
        node->text = g_strndup(text, size);
        node->plain = fy_scalar_token_get_style(event->scalar.value) == FYSS_PLAIN;
    } else if (type == CCB_NODE_SCALAR) {
        node->plain = true;
    }
    return node;
}

static CcbNode *read_value(Reader *r, struct fy_event *event, int depth, GError **error);

/* A value that is not there ("key:", "-") stands nowhere: errors point at what it is missing from.
 */
static void place(CcbNode *node, const CcbNode *owner)
{
    if (node->line == 0) {
        node->line = owner->line;
        node->column = owner->column;
    }
}

static bool read_list(Reader *r, CcbNode *list, int depth, GError **error)
{
    struct fy_event *event;
    while ((event = next(r, error)) != NULL) {
        if (event->type == FYET_SEQUENCE_END) {
            fy_parser_event_free(r->parser, event);
            return true;
        }
        CcbNode *item = read_value(r, event, depth, error);
        if (item == NULL)
            return false;
        place(item, list);
        g_ptr_array_add(list->items, item);
    }
    return false;
}

static bool add_pair(Reader *r, CcbNode *map, CcbNode *key, int depth, GError **error)
{
    if (key->type != CCB_NODE_SCALAR)
        return ccb_node_fail(key, error, "a key must be a word");
    if (ccb_node_get(map, key->text) != NULL)
        return ccb_node_fail(key, error, "duplicate key \"%s\"", key->text);
    struct fy_event *event = next(r, error);
    CcbNode *value = event ? read_value(r, event, depth, error) : NULL;
    if (value == NULL)
        return false;
    place(value, key);
    ccb_node_set(map, ccb_node_copy(key), value);
    return true;
}

static bool read_map(Reader *r, CcbNode *map, int depth, GError **error)
{
    struct fy_event *event;
    while ((event = next(r, error)) != NULL) {
        if (event->type == FYET_MAPPING_END) {
            fy_parser_event_free(r->parser, event);
            return true;
        }
        g_autoptr(CcbNode) key = read_value(r, event, depth, error);
        if (key != NULL)
            place(key, map);
        if (key == NULL || !add_pair(r, map, key, depth, error))
            return false;
    }
    return false;
}

/* Takes `event` over. */
static CcbNode *read_value(Reader *r, struct fy_event *event, int depth, GError **error)
{
    const char *refused = depth >= MAX_DEPTH ? "nested too deeply" : why_refused(event);
    enum fy_event_type type = event->type;
    CcbNode *node = NULL;
    if (refused)
        fail_event(r, event, error, refused);
    else
        node = node_of_event(r, event,
                             type == FYET_SCALAR           ? CCB_NODE_SCALAR
                             : type == FYET_SEQUENCE_START ? CCB_NODE_LIST
                                                           : CCB_NODE_MAP);
    fy_parser_event_free(r->parser, event);
    if (node == NULL || type == FYET_SCALAR)
        return node;
    bool ok = type == FYET_SEQUENCE_START ? read_list(r, node, depth + 1, error)
                                          : read_map(r, node, depth + 1, error);
    if (ok)
        return node;
    ccb_node_free(node);
    return NULL;
}

static bool expect(Reader *r, enum fy_event_type wanted, const char *otherwise, GError **error)
{
    struct fy_event *event = next(r, error);
    if (event == NULL)
        return false;
    bool ok = event->type == wanted || fail_event(r, event, error, otherwise);
    fy_parser_event_free(r->parser, event);
    return ok;
}

static CcbNode *read_document(Reader *r, GError **error)
{
    if (!expect(r, FYET_STREAM_START, "not YAML", error) ||
        !expect(r, FYET_DOCUMENT_START, "the file is empty", error))
        return NULL;
    struct fy_event *event = next(r, error);
    g_autoptr(CcbNode) node = event ? read_value(r, event, 0, error) : NULL;
    if (node != NULL && node->line == 0)
        node->line = node->column = 1;
    if (node == NULL || !expect(r, FYET_DOCUMENT_END, "not YAML", error) ||
        !expect(r, FYET_STREAM_END, "a recipe is one document", error))
        return NULL;
    return g_steal_pointer(&node);
}

CcbNode *ccb_yaml_parse(const char *text, size_t size, const char *name, GError **error)
{
    const struct fy_diag_cfg diag_cfg = {.level = FYET_ERROR, .module_mask = ~0u};
    Reader reader = {.file = g_intern_string(name), .diag = fy_diag_create(&diag_cfg)};
    fy_diag_set_collect_errors(reader.diag, true);
    const struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG,
                                     .diag = reader.diag};
    reader.parser = fy_parser_create(&cfg);
    CcbNode *node = NULL;
    if (memchr(text, '\0', size) != NULL)
        fail_at(&reader, error, 1, 1, "binary data, not YAML");
    else if (!g_utf8_validate(text, (gssize)size, NULL))
        fail_at(&reader, error, 1, 1, "not UTF-8");
    else if (fy_parser_set_string(reader.parser, text, size) == 0)
        node = read_document(&reader, error);
    else
        fail_syntax(&reader, error);
    fy_parser_destroy(reader.parser);
    fy_diag_destroy(reader.diag);
    return node;
}

CcbNode *ccb_yaml_load(const char *path, GError **error)
{
    size_t size = 0;
    GError *reason = NULL;
    g_autofree char *text = ccb_read_file(path, MAX_SIZE, &size, &reason);
    if (text == NULL) {
        ccb_fail(error, CCB_ERR_RECIPE, "recipe %s", reason->message);
        g_error_free(reason);
        return NULL;
    }
    return ccb_yaml_parse(text, size, path, error);
}

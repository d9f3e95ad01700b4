/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/yaml.h"

#include <fcntl.h>
#include <libfyaml.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"

enum { MAX_SIZE = 1 << 20, MAX_DEPTH = 32, MAX_NODES = 16384 };

typedef struct {
    struct fy_parser *parser;
    struct fy_diag *diag;
    const char *file;
    const char *text; /* not terminated */
    size_t size;
    bool lenient;
    GHashTable *anchors; /* name ► CcbNode: what an alias stands for */
    guint nodes;         /* with `lenient` only */
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
    fail_at(r, error, first->line, first->column, first->msg);
    g_autofree char *text = g_strndup(r->text, r->size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", first->line + 1);
    bool is_there = first->line > 0 && (guint)first->line <= g_strv_length(lines);
    if (is_there && g_regex_match_simple("[:,{[]\\s*\\$\\{", lines[first->line - 1], 0, 0))
        ccb_hint(error,
                 "inside of {} and [] a value that begins with ${ needs quotes: \"${name}\"");
    return false;
}

static struct fy_event *next(Reader *r, GError **error)
{
    struct fy_event *event = fy_parser_parse(r->parser);
    if (event == NULL)
        fail_syntax(r, error);
    return event;
}

/* NULL where the event is a value that the file may hold. */
static const char *why_refused(const Reader *r, const struct fy_event *event, int depth)
{
    const struct fy_token *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case FYET_ALIAS:
        return r->lenient ? NULL : "aliases (*name) are not allowed in recipes";
    case FYET_SCALAR:
        anchor = event->scalar.anchor;
        tag = event->scalar.tag;
        break;
    case FYET_SEQUENCE_START:
        anchor = event->sequence_start.anchor;
        tag = event->sequence_start.tag;
        break;
    case FYET_MAPPING_START:
        anchor = event->mapping_start.anchor;
        tag = event->mapping_start.tag;
        break;
    default:
        return "unexpected end of the document";
    }
    return depth >= MAX_DEPTH                   ? "nested too deeply"
           : r->lenient && r->nodes > MAX_NODES ? "too many values"
           : !r->lenient && anchor != NULL      ? "anchors (&name) are not allowed in recipes"
           : !r->lenient && tag != NULL         ? "tags (!name) are not allowed in recipes"
                                                : NULL;
}

static char *token_text(struct fy_token *token)
{
    size_t size = 0;
    const char *text = token != NULL ? fy_token_get_text(token, &size) : NULL;
    return text != NULL ? g_strndup(text, size) : NULL;
}

static guint count_nodes(const CcbNode *node)
{
    guint count = 1;
    for (guint i = 0; node->items != NULL && i < node->items->len; i++)
        count += count_nodes(node->items->pdata[i]);
    return count;
}

/* The values that an alias repeats count again: a few lines of aliases to aliases stand for billions. */
static CcbNode *read_alias(Reader *r, struct fy_event *event, GError **error)
{
    g_autofree char *name = token_text(event->alias.anchor);
    const CcbNode *anchored = name != NULL ? g_hash_table_lookup(r->anchors, name) : NULL;
    const char *reason = anchored == NULL ? "an alias (*name) without its anchor" : NULL;
    if (anchored != NULL && (r->nodes += count_nodes(anchored)) > MAX_NODES)
        reason = "too many values";
    if (reason != NULL) {
        fail_event(r, event, error, reason);
        return NULL;
    }
    const struct fy_mark *mark = fy_event_start_mark(event);
    CcbNode *node = ccb_node_copy(anchored);
    node->line = mark ? mark->line + 1 : 0;
    node->column = mark ? mark->column + 1 : 0;
    return node;
}

/* The scalar, or the list or map without its content; *ret_anchor is the name of its anchor. */
static CcbNode *read_node(Reader *r, struct fy_event *event, char **ret_anchor)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    CcbNodeType type = event->type == FYET_SCALAR           ? CCB_NODE_SCALAR
                       : event->type == FYET_SEQUENCE_START ? CCB_NODE_LIST
                                                            : CCB_NODE_MAP;
    CcbNode *node =
        ccb_node_new(type, r->file, mark ? mark->line + 1 : 0, mark ? mark->column + 1 : 0);
    r->nodes++;
    if (type != CCB_NODE_SCALAR) {
        *ret_anchor = token_text(type == CCB_NODE_LIST ? event->sequence_start.anchor
                                                       : event->mapping_start.anchor);
        return node;
    }
    *ret_anchor = token_text(event->scalar.anchor);
    char *text = token_text(event->scalar.value);
    node->plain = text == NULL || fy_scalar_token_get_style(event->scalar.value) == FYSS_PLAIN;
    if (text != NULL) {
        g_free(node->text);
        node->text = text;
    }
    return node;
}

static CcbNode *read_value(Reader *r, struct fy_event *event, int depth, GError **error);

/* A value that is not there ("key:", "-") stands nowhere: errors point at what it is missing from. */
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

static bool read_map(Reader *r, CcbNode *map, int depth, GError **error)
{
    struct fy_event *event;
    while ((event = next(r, error)) != NULL) {
        if (event->type == FYET_MAPPING_END) {
            fy_parser_event_free(r->parser, event);
            return true;
        }
        g_autoptr(CcbNode) key = read_value(r, event, depth, error);
        if (key == NULL)
            return false;
        place(key, map);
        if (key->type != CCB_NODE_SCALAR)
            return ccb_node_fail(key, error, "a key must be a word");
        if (!r->lenient && ccb_node_get(map, key->text) != NULL)
            return ccb_node_fail(key, error, "duplicate key \"%s\"", key->text);
        event = next(r, error);
        CcbNode *value = event ? read_value(r, event, depth, error) : NULL;
        if (value == NULL)
            return false;
        place(value, key);
        ccb_node_set(map, g_steal_pointer(&key), value);
    }
    return false;
}

/* Takes ownership of `event`. */
static CcbNode *read_value(Reader *r, struct fy_event *event, int depth, GError **error)
{
    const char *refused = why_refused(r, event, depth);
    enum fy_event_type type = event->type;
    g_autofree char *anchor = NULL;
    g_autoptr(CcbNode) node = NULL;
    if (refused != NULL)
        fail_event(r, event, error, refused);
    else if (type == FYET_ALIAS)
        node = read_alias(r, event, error);
    else
        node = read_node(r, event, &anchor);
    fy_parser_event_free(r->parser, event);
    if (node == NULL || (type == FYET_SEQUENCE_START && !read_list(r, node, depth + 1, error)) ||
        (type == FYET_MAPPING_START && !read_map(r, node, depth + 1, error)))
        return NULL;
    if (anchor != NULL)
        g_hash_table_replace(r->anchors, g_steal_pointer(&anchor), ccb_node_copy(node));
    return g_steal_pointer(&node);
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
    if (!expect(r, FYET_STREAM_START, "not YAML", error))
        return NULL;
    struct fy_event *event = next(r, error);
    if (event == NULL)
        return NULL;
    bool started = event->type == FYET_DOCUMENT_START;
    bool empty = r->lenient && event->type == FYET_STREAM_END;
    if (!started && !empty)
        fail_event(r, event, error, "the file is empty");
    fy_parser_event_free(r->parser, event);
    if (!started)
        return empty ? ccb_node_new(CCB_NODE_MAP, r->file, 1, 1) : NULL;
    event = next(r, error);
    g_autoptr(CcbNode) node = event ? read_value(r, event, 0, error) : NULL;
    if (node != NULL && node->line == 0)
        node->line = node->column = 1;
    if (node == NULL || !expect(r, FYET_DOCUMENT_END, "not YAML", error) ||
        !expect(r, FYET_STREAM_END, "the file has more than one document", error))
        return NULL;
    return g_steal_pointer(&node);
}

static CcbNode *parse(const char *text, size_t size, const char *name, bool lenient, GError **error)
{
    const struct fy_diag_cfg diag_cfg = {.level = FYET_ERROR, .module_mask = ~0u};
    g_autoptr(GHashTable) anchors =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)ccb_node_free);
    Reader reader = {.file = g_intern_string(name),
                     .text = text,
                     .size = size,
                     .diag = fy_diag_create(&diag_cfg),
                     .lenient = lenient,
                     .anchors = anchors};
    fy_diag_set_collect_errors(reader.diag, true);
    const struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
                                              (lenient ? FYPCF_SLOPPY_FLOW_INDENTATION : 0),
                                     .diag = reader.diag};
    reader.parser = fy_parser_create(&cfg);
    CcbNode *node = NULL;
    if (lenient && size > MAX_SIZE)
        fail_at(&reader, error, 1, 1, "too large");
    else if (memchr(text, '\0', size) != NULL)
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

CcbNode *ccb_yaml_parse(const char *text, size_t size, const char *name, GError **error)
{
    return parse(text, size, name, false, error);
}

CcbNode *ccb_yaml_parse_lenient(const char *text, size_t size, const char *name, GError **error)
{
    return parse(text, size, name, true, error);
}

/* No text has a byte of zeros, and every image has one soon. */
static bool is_binary(const char *path)
{
    char head[512];
    ccb_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd >= 0 ? pread(fd, head, sizeof head, 0) : -1;
    return got > 0 && memchr(head, '\0', (size_t)got) != NULL;
}

CcbNode *ccb_yaml_load(const char *path, GError **error)
{
    size_t size = 0;
    GError *reason = NULL;
    if (is_binary(path)) {
        ccb_fail(error, CCB_ERR_RECIPE, "%s is no recipe: it is binary data", path);
        ccb_hint(error,
                 "a recipe is YAML and names its base image; `ccbake verify %s` checks an image",
                 path);
        return NULL;
    }
    g_autofree char *text = ccb_read_file(path, MAX_SIZE, &size, &reason);
    if (text == NULL) {
        ccb_fail(error, CCB_ERR_RECIPE, "recipe %s", reason->message);
        g_error_free(reason);
        return NULL;
    }
    return ccb_yaml_parse(text, size, path, error);
}

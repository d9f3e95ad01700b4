/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/recipe.h"

#include <string.h>

#include "base/digest.h"
#include "base/quantity.h"
#include "recipe/extends.h"
#include "recipe/steplist.h"
#include "recipe/variables.h"

static const CcbField base_fields[] = {
    CCB_FIELD("url", STRING, "where the vendor's image is downloaded from"),
    CCB_FIELD("path", FILE, "the image as a local file, relative to this recipe"),
    CCB_FIELD("mirrors", STRINGS, "other places for the same file"),
    CCB_FIELD("header-file", FILE,
              "file with headers that the server wants and nobody else may see"),
    CCB_FIELD("sha256", STRING, "digest of the image file"),
    CCB_FIELD("size", NUMBER, "bytes of the image file"),
    CCB_FIELD("max-size", NUMBER, "largest download, in bytes; default: 64 GiB, or size"),
    CCB_FIELD("os", STRING, "ID of the image's os-release", .required = true),
    CCB_FIELD("version", STRING, "VERSION_ID of the image's os-release", .required = true),
    CCB_FIELD("min-kernel", STRING, "oldest kernel that will do", .required = true),
    CCB_FIELD("grow", STRING, "size that disk and root file system grow to, as 80G"),
    {0},
};

static const CcbField payload_fields[] = {
    CCB_FIELD("url", STRING, "where it is downloaded from"),
    CCB_FIELD("path", FILE, "a local file, relative to this recipe"),
    CCB_FIELD("mirrors", STRINGS, "other places for the same file"),
    CCB_FIELD("referer", STRING, "Referer header that the server wants"),
    CCB_FIELD("header-file", FILE,
              "file with headers that the server wants and nobody else may see"),
    CCB_FIELD("keys", FILES, "public keys, one of which must have signed this rpm package"),
    CCB_FIELD("sha256", STRING, "digest; without it the lock has one"),
    CCB_FIELD("size", NUMBER, "bytes"),
    CCB_FIELD("max-size", NUMBER, "largest download, in bytes; default: 64 GiB, or size"),
    {0},
};

static const CcbField output_fields[] = {
    CCB_FIELD("name", STRING, "file name without the ending; default: the recipe's name"),
    CCB_FIELD("formats", STRINGS, "what to write; default: qcow2", .choices = "qcow2|vhd|raw"),
    CCB_FIELD("compress", BOOL, "compress the qcow2; default: false"),
    {0},
};

static const CcbField waiver_fields[] = {
    CCB_FIELD("check", STRING, "id of a check of `ccbake verify --list`", .required = true),
    CCB_FIELD("reason", STRING, "why its failure is right here", .required = true),
    {0},
};

const CcbField ccb_recipe_fields[] = {
    CCB_FIELD("format", NUMBER, "version of the recipe format: 1", .required = true),
    CCB_FIELD("name", STRING, "name of the recipe", .required = true),
    CCB_FIELD("summary", STRING, "one line about it"),
    CCB_FIELD("extends", STRING, "recipe file, or ccbake:NAME, that this one changes"),
    CCB_FIELD("gpus", NUMBER, "GPUs of the instance type", .required = true, .choices = "1|8"),
    CCB_FIELD("variables", NAMED, "names with default values, used as ${name}"),
    CCB_FIELD("base", MAP, "the image to start from", .required = true, .fields = base_fields),
    CCB_FIELD("payloads", NAMED_MAPS, "files that steps use", .fields = payload_fields),
    CCB_FIELD("steps", STEPS, "what is done, in this order", .required = true,
              .fields = ccb_steps_fields),
    CCB_FIELD("matrix", NAMED_LISTS, "variables with several values: one image each"),
    CCB_FIELD("waivers", MAPS, "checks that may fail, with the reason", .fields = waiver_fields),
    CCB_FIELD("checks", MAPS, "checks of the recipe's own", .fields = ccb_own_check_fields),
    CCB_FIELD("output", MAP, "what comes out", .fields = output_fields),
    {0},
};

static void payload_free(CcbRecipePayload *payload)
{
    if (payload == NULL)
        return;
    g_free(payload->name);
    g_strfreev(payload->urls);
    g_free(payload->header_file);
    g_strfreev(payload->keys);
    g_free(payload);
}

void ccb_recipe_free(CcbRecipe *recipe)
{
    if (recipe == NULL)
        return;
    g_free(recipe->path);
    payload_free(recipe->base);
    g_ptr_array_unref(recipe->payloads);
    g_ptr_array_unref(recipe->steps);
    g_ptr_array_unref(recipe->cells);
    g_ptr_array_unref(recipe->waivers);
    if (recipe->checks != NULL)
        g_ptr_array_unref(recipe->checks);
    g_strfreev(recipe->formats);
    g_hash_table_unref(recipe->used);
    g_hash_table_unref(recipe->in_templates);
    ccb_node_free(recipe->root);
    ccb_node_free(recipe->source);
    g_free(recipe);
}

static CcbRecipePayload *read_payload(const char *name, const CcbNode *node, GError **error)
{
    const CcbNode *url = ccb_node_get(node, "url"), *path = ccb_node_get(node, "path");
    if ((url != NULL) == (path != NULL)) {
        ccb_node_fail(node, error,
                      url ? "\"%s\" has both \"url\" and \"path\""
                          : "\"%s\" needs \"url\" or \"path\"",
                      name);
        return NULL;
    }
    /* An empty digest, as a variable may be, is none: the lock has it. */
    const CcbNode *sha256 = ccb_node_get(node, "sha256");
    bool is_pinned = sha256 != NULL && sha256->text[0] != '\0';
    if (is_pinned && !ccb_digest_is_valid(sha256->text)) {
        ccb_node_fail(sha256, error, "\"sha256\": expected 64 lower-case hexadecimal digits");
        return NULL;
    }
    g_autoptr(GStrvBuilder) urls = g_strv_builder_new();
    if (path) {
        g_autofree char *file = ccb_schema_host_path(path, path->text);
        g_strv_builder_add(urls, file);
    } else {
        g_auto(GStrv) mirrors = ccb_node_get_strings(node, "mirrors");
        g_strv_builder_add(urls, url->text);
        g_strv_builder_addv(urls, (const char **)mirrors);
    }
    const CcbNode *header_file = ccb_node_get(node, "header-file");
    const char *size = ccb_node_get_text(node, "size");
    const char *max_size = ccb_node_get_text(node, "max-size");
    CcbRecipePayload *payload = g_new0(CcbRecipePayload, 1);
    *payload =
        (CcbRecipePayload){.name = g_strdup(name),
                           .urls = g_strv_builder_end(urls),
                           .keys = ccb_schema_host_paths(node, "keys"),
                           .referer = ccb_node_get_text(node, "referer"),
                           .header_file = header_file && header_file->text[0] != '\0'
                                              ? ccb_schema_host_path(header_file, header_file->text)
                                              : NULL,
                           .sha256 = is_pinned ? sha256->text : NULL,
                           .size = size ? g_ascii_strtoull(size, NULL, 10) : 0,
                           .max_size = max_size ? g_ascii_strtoull(max_size, NULL, 10) : 0,
                           .node = node};
    return payload;
}

static bool read_payloads(CcbRecipe *recipe, GError **error)
{
    const CcbNode *map = ccb_node_get(recipe->root, "payloads");
    for (guint i = 0; map != NULL && i < map->keys->len; i++) {
        const CcbNode *key = map->keys->pdata[i];
        CcbRecipePayload *payload = read_payload(key->text, map->items->pdata[i], error);
        if (payload == NULL)
            return false;
        g_ptr_array_add(recipe->payloads, payload);
    }
    return true;
}

/* `file`: of --base, or NULL; it replaces the recipe's file, but not what the recipe says of the system in it. */
static bool read_base(CcbRecipe *recipe, const char *file, GError **error)
{
    enum { SECTOR = 512 };
    const CcbNode *node = ccb_node_get(recipe->root, "base");
    CcbRecipePayload *base = recipe->base = read_payload("base", node, error);
    if (base == NULL)
        return false;
    if (file) {
        g_strfreev(base->urls);
        g_free(base->header_file);
        g_strfreev(base->keys);
        *base = (CcbRecipePayload){.name = base->name, .urls = g_new0(char *, 2)};
        base->urls[0] = g_canonicalize_filename(file, NULL);
    }
    recipe->base_os = ccb_node_get_text(node, "os");
    recipe->base_version = ccb_node_get_text(node, "version");
    recipe->min_kernel = ccb_node_get_text(node, "min-kernel");
    const CcbNode *grow = ccb_node_get(node, "grow");
    if (grow != NULL && (!ccb_parse_size(grow->text, &recipe->grow) || recipe->grow % SECTOR != 0))
        return ccb_node_fail(grow, error, "\"grow\": expected a size, as 80G or 81920M");
    return true;
}

static bool read_steps(CcbRecipe *recipe, GError **error)
{
    const CcbNode *list = ccb_node_get(recipe->root, "steps");
    if (list->items->len == 0 && recipe->grow > 0)
        return ccb_node_fail(list, error, "\"grow\" needs a recipe with at least one step");
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < list->items->len; i++) {
        const CcbNode *node = list->items->pdata[i], *kind, *settings;
        if (!ccb_step_split(node, &kind, &settings, error))
            return false;
        CcbRecipeStep *step = g_new0(CcbRecipeStep, 1);
        *step = (CcbRecipeStep){.kind = kind->text,
                                .id = ccb_step_id(kind, settings),
                                .node = settings,
                                .position = kind,
                                .place = node};
        g_ptr_array_add(recipe->steps, step);
        if (!g_hash_table_add(ids, (char *)step->id)) {
            ccb_node_fail(node, error, "there are two steps with the id \"%s\"", step->id);
            return ccb_hint(error, "give this one an \"id\" of its own");
        }
    }
    return true;
}

/* Every combination of the values, the last variable changing fastest. */
static bool read_matrix(CcbRecipe *recipe, GError **error)
{
    enum { MAX_IMAGES = 1024 };
    const CcbNode *matrix = ccb_node_get(recipe->root, "matrix");
    guint total = matrix != NULL && matrix->keys->len > 0 ? 1 : 0;
    for (guint i = 0; matrix != NULL && i < matrix->keys->len; i++) {
        const CcbNode *key = matrix->keys->pdata[i], *list = matrix->items->pdata[i];
        if (ccb_node_get(ccb_recipe_variables(recipe), key->text) == NULL)
            return ccb_node_fail(key, error, "\"matrix\": there is no variable \"%s\"", key->text);
        if (list->type != CCB_NODE_LIST || list->items->len == 0)
            return ccb_node_fail(list, error, "\"matrix\": \"%s\" needs a list of values",
                                 key->text);
        total *= list->items->len;
        if (total > MAX_IMAGES)
            return ccb_node_fail(key, error, "\"matrix\" has more than %d images", MAX_IMAGES);
    }
    for (guint n = 0; n < total; n++) {
        guint rest = n;
        char **settings = g_new0(char *, matrix->keys->len + 1);
        for (guint i = matrix->keys->len; i-- > 0;) {
            const CcbNode *key = matrix->keys->pdata[i], *list = matrix->items->pdata[i];
            const CcbNode *value = list->items->pdata[rest % list->items->len];
            rest /= list->items->len;
            settings[i] = g_strconcat(key->text, "=", value->text, NULL);
        }
        g_ptr_array_add(recipe->cells, settings);
    }
    return true;
}

static bool read_waivers(CcbRecipe *recipe, GError **error)
{
    const CcbNode *list = ccb_node_get(recipe->root, "waivers");
    for (guint i = 0; list != NULL && i < list->items->len; i++) {
        const CcbNode *node = list->items->pdata[i];
        const CcbRecipeWaiver waiver = {.check = ccb_node_get_text(node, "check"),
                                        .reason = ccb_node_get_text(node, "reason"),
                                        .node = ccb_node_get(node, "check")};
        if (waiver.reason[strspn(waiver.reason, " \t\n")] == '\0')
            return ccb_node_fail(node, error, "\"waivers\": the reason for %s is empty",
                                 waiver.check);
        if (ccb_recipe_waiver(recipe, waiver.check) != NULL)
            return ccb_node_fail(waiver.node, error, "\"waivers\": %s is waived twice",
                                 waiver.check);
        g_ptr_array_add(recipe->waivers, g_memdup2(&waiver, sizeof waiver));
    }
    return true;
}

static bool read_checks(CcbRecipe *recipe, GError **error)
{
    recipe->checks = ccb_own_checks_read(ccb_node_get(recipe->root, "checks"), error);
    return recipe->checks != NULL;
}

static bool read_output(CcbRecipe *recipe, GError **error)
{
    const CcbNode *output = ccb_node_get(recipe->root, "output");
    const CcbNode *own = ccb_node_get(output, "name");
    const CcbNode *name = own ? own : ccb_node_get(recipe->root, "name");
    recipe->output_name = name->text;
    if (strchr(name->text, '/') != NULL)
        return ccb_node_fail(name, error, "the output's name \"%s\" must not hold a slash",
                             name->text);
    recipe->compress = g_strcmp0(ccb_node_get_text(output, "compress"), "true") == 0;
    recipe->formats = ccb_node_get_strings(output, "formats");
    if (recipe->formats[0] == NULL) {
        g_strfreev(recipe->formats);
        recipe->formats = g_strsplit("qcow2", ",", -1);
    }
    for (char **format = recipe->formats; *format != NULL; format++)
        if (g_strv_contains((const char *const *)format + 1, *format))
            return ccb_node_fail(ccb_node_get(output, "formats"), error, "\"formats\" has %s twice",
                                 *format);
    return true;
}

/* Checked before all else: a recipe of a newer format must get this answer, not one about its keys. */
static bool check_format(const CcbNode *root, GError **error)
{
    const CcbNode *format = ccb_node_get(root, "format");
    unsigned number = ccb_node_get_number(root, "format", 0);
    if (format == NULL || number == CCB_RECIPE_FORMAT)
        return true;
    ccb_node_fail(format, error, "recipe format \"%s\" is not one that this ccbake reads (%d)",
                  format->type == CCB_NODE_SCALAR ? format->text : "", CCB_RECIPE_FORMAT);
    return number > CCB_RECIPE_FORMAT ? ccb_hint(error, "it is newer: update ccbake") : false;
}

/* Where the recipe has a value of its matrix, "name=value". */
static const CcbNode *find_in_matrix(const CcbNode *root, const char *setting)
{
    const char *value = strchr(setting, '=') + 1;
    g_autofree char *name = g_strndup(setting, (gsize)(value - setting - 1));
    const CcbNode *list = ccb_node_get(ccb_node_get(root, "matrix"), name);
    for (guint i = 0; list != NULL && i < list->items->len; i++)
        if (strcmp(((const CcbNode *)list->items->pdata[i])->text, value) == 0)
            return list->items->pdata[i];
    return list; /* the value was made of other variables */
}

static bool set_variables(CcbNode *root, const CcbRecipeOptions *options, GError **error)
{
    static const char *const none[] = {NULL};
    CcbNode *variables = ccb_node_get(root, "variables");
    for (const char *const *s = options->settings ? options->settings : none; *s != NULL; s++)
        if (!ccb_variables_set(variables, *s, NULL, error))
            return false;
    for (const char *const *s = options->entry ? options->entry : none; *s != NULL; s++)
        if (!ccb_variables_set(variables, *s, find_in_matrix(root, *s), error))
            return false;
    return true;
}

CcbRecipe *ccb_recipe_load(const char *path, const CcbRecipeOptions *options, GError **error)
{
    static const CcbRecipeOptions none;
    const CcbRecipeOptions *o = options ? options : &none;
    g_autoptr(GHashTable) used = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(CcbNode) root = ccb_extends_load(path, error);
    if (root == NULL || !check_format(root, error) || !set_variables(root, o, error))
        return NULL;
    g_autoptr(CcbNode) source = ccb_node_copy(root);
    if (!ccb_variables_expand(root, NULL, used, error) ||
        !ccb_schema_check(root, ccb_recipe_fields, "recipe", error))
        return NULL;
    g_autoptr(CcbRecipe) recipe = g_new0(CcbRecipe, 1);
    recipe->root = g_steal_pointer(&root);
    recipe->source = g_steal_pointer(&source);
    recipe->used = g_steal_pointer(&used);
    recipe->in_templates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    recipe->path = g_strdup(path);
    recipe->payloads = g_ptr_array_new_with_free_func((GDestroyNotify)payload_free);
    recipe->steps = g_ptr_array_new_with_free_func(g_free);
    recipe->cells = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    recipe->waivers = g_ptr_array_new_with_free_func(g_free);
    recipe->name = ccb_node_get_text(recipe->root, "name");
    recipe->gpus = ccb_node_get_number(recipe->root, "gpus", 1);
    if (!read_matrix(recipe, error) || !read_base(recipe, o->base, error) ||
        !read_payloads(recipe, error) || !read_steps(recipe, error) ||
        !read_waivers(recipe, error) || !read_checks(recipe, error) || !read_output(recipe, error))
        return NULL;
    return g_steal_pointer(&recipe);
}

const CcbRecipePayload *ccb_recipe_payload(const CcbRecipe *recipe, const char *name)
{
    for (guint i = 0; i < recipe->payloads->len; i++) {
        const CcbRecipePayload *payload = recipe->payloads->pdata[i];
        if (strcmp(payload->name, name) == 0)
            return payload;
    }
    return NULL;
}

const CcbRecipeWaiver *ccb_recipe_waiver(const CcbRecipe *recipe, const char *check)
{
    for (guint i = 0; i < recipe->waivers->len; i++) {
        const CcbRecipeWaiver *waiver = recipe->waivers->pdata[i];
        if (strcmp(waiver->check, check) == 0)
            return waiver;
    }
    return NULL;
}

char *ccb_recipe_expand_file(const CcbRecipe *recipe, const char *path, GError **error)
{
    return ccb_variables_expand_file(path, ccb_recipe_variables(recipe), recipe->in_templates,
                                     error);
}

bool ccb_recipe_check_variables(const CcbRecipe *recipe, GError **error)
{
    GHashTableIter iter;
    gpointer name;
    g_hash_table_iter_init(&iter, recipe->in_templates);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        g_hash_table_add(recipe->used, g_strdup(name));
    return ccb_variables_check_used(ccb_recipe_variables(recipe), recipe->root->file, recipe->used,
                                    error);
}

const CcbNode *ccb_recipe_variables(const CcbRecipe *recipe)
{
    return ccb_node_get(recipe->root, "variables");
}

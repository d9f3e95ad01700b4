/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/grubstub.h"

#include <string.h>

#include "base/text.h"

typedef struct {
    CcbGrubStub *stub;
    GHashTable *variables; /* those that were set */
    guint line;
} Parser;

static void search_free(gpointer data)
{
    CcbGrubSearch *search = data;
    g_free(search->what);
    g_free(search);
}

void ccb_grubstub_free(CcbGrubStub *stub)
{
    if (stub == NULL)
        return;
    g_ptr_array_unref(stub->searches);
    g_free(stub->config);
    g_free(stub);
}

/* The kind that an option of "search" or a command "search.KIND" asks for, or -1. */
static int kind_of(const char *word)
{
    static const struct {
        const char *word;
        int kind;
    } words[] = {{"--fs-uuid", CCB_SEARCH_UUID},
                 {"-u", CCB_SEARCH_UUID},
                 {"search.fs_uuid", CCB_SEARCH_UUID},
                 {"--label", CCB_SEARCH_LABEL},
                 {"--fs-label", CCB_SEARCH_LABEL},
                 {"-l", CCB_SEARCH_LABEL},
                 {"search.fs_label", CCB_SEARCH_LABEL},
                 {"--file", CCB_SEARCH_FILE},
                 {"-f", CCB_SEARCH_FILE},
                 {"search.file", CCB_SEARCH_FILE}};
    for (guint i = 0; i < G_N_ELEMENTS(words); i++)
        if (g_str_equal(word, words[i].word))
            return words[i].kind;
    return -1;
}

/* "search", with one name among options (an option whose value is a word of its own makes two of it), or
 * "search.fs_uuid NAME [VARIABLE [HINT]...]". */
static bool take_search(Parser *p, char **words)
{
    bool dotted = !g_str_equal(words[0], "search");
    const char *what = dotted ? words[1] : NULL;
    int kind = kind_of(words[0]);
    for (char **word = words + 1; !dotted && *word != NULL; word++) {
        if (**word != '-' && what != NULL)
            return false;
        if (**word != '-')
            what = *word;
        else if (kind_of(*word) >= 0)
            kind = kind_of(*word);
    }
    if (what == NULL || kind < 0 || strchr(what, '$') != NULL)
        return false;
    CcbGrubSearch *search = g_new0(CcbGrubSearch, 1);
    search->kind = kind;
    search->what = g_strdup(what);
    search->line = p->line;
    g_ptr_array_add(p->stub->searches, search);
    return true;
}

/* Takes a device off the front: "($root)/boot" and "(hd0,gpt3)/boot" are "/boot". */
static const char *without_device(const char *path)
{
    const char *end = *path == '(' ? strchr(path, ')') : NULL;
    return end != NULL ? end + 1 : path;
}

/* Replaces the variable that a path may begin with; NULL where it is not known. */
static char *expand(const Parser *p, const char *path)
{
    if (*path != '$')
        return strchr(path, '$') == NULL ? g_strdup(path) : NULL;
    bool braces = path[1] == '{';
    const char *start = path + 1 + braces;
    size_t length = strcspn(start, braces ? "}" : "/");
    g_autofree char *name = g_strndup(start, length);
    const char *value = g_hash_table_lookup(p->variables, name);
    const char *rest = start + length + (braces && start[length] == '}');
    if (value == NULL || strchr(without_device(value), '$') != NULL || strchr(rest, '$') != NULL)
        return NULL;
    return g_strconcat(without_device(value), rest, NULL);
}

/* False: the command is not one of a stub's. */
static bool take_command(Parser *p, char **words)
{
    static const char *const idle[] = {"export", "insmod", "echo", NULL};
    bool set = g_str_equal(words[0], "set"), load = g_str_equal(words[0], "configfile");
    if (g_strv_contains(idle, words[0]))
        return true;
    if (!set && !load)
        return take_search(p, words);
    if (g_strv_length(words) != 2)
        return false;
    if (set) {
        const char *equals = strchr(words[1], '=');
        if (equals != NULL)
            g_hash_table_insert(p->variables, g_strndup(words[1], (gsize)(equals - words[1])),
                                g_strdup(equals + 1));
        return equals != NULL;
    }
    if (p->stub->config != NULL)
        return false;
    p->stub->config = expand(p, without_device(words[1]));
    p->stub->config_line = p->line;
    return p->stub->config != NULL && p->stub->config[0] == '/';
}

/* Quotes are as in POSIX shells; a line of several commands is more than a stub has. */
static bool take_line(Parser *p, const char *line)
{
    g_auto(GStrv) words = NULL;
    g_autoptr(GError) error = NULL;
    if (strchr(line, ';') != NULL)
        return false;
    if (g_shell_parse_argv(line, NULL, &words, &error))
        return take_command(p, words);
    return g_error_matches(error, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING);
}

CcbGrubStub *ccb_grubstub_parse(const char *data, size_t size)
{
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, NULL);
    g_autoptr(GHashTable) variables =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (lines == NULL)
        return NULL;
    g_autoptr(CcbGrubStub) stub = g_new0(CcbGrubStub, 1);
    stub->searches = g_ptr_array_new_with_free_func(search_free);
    Parser parser = {.stub = stub, .variables = variables};
    for (guint i = 0; i < lines->len; i++) {
        parser.line = i + 1;
        if (!take_line(&parser, lines->pdata[i]))
            return NULL;
    }
    return g_steal_pointer(&stub);
}

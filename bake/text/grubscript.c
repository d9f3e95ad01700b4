/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/grubscript.h"

#include <string.h>

#include "text/bls.h"
#include "text/grubenv.h"
#include "text/grubtokens.h"

/* Against hostile scripts; real ones stay far below. */
enum { STEPS_MAX = 20000, DEPTH_MAX = 16, NESTING_MAX = 100, WORDS_MAX = 4096, ENTRIES_MAX = 1000 };
#define LENGTH_MAX ((gsize)64 << 10) /* of a word, in bytes */

typedef struct {
    char *value;
    bool exported;
} Variable;

/* A stretch of a script, between its braces or the whole. */
typedef struct {
    const CcbGrubTokens *tokens;
    guint start, end;
} Block;

/* A boot entry that blscfg read. */
typedef struct {
    char *id;
    CcbGrubPath file;
    CcbBls *bls;
    bool shown;
} BlsEntry;

/* The commands of a menu entry, which run when it is chosen. */
typedef struct {
    CcbGrubEntry *entry;
    Block block;
} Body;

typedef struct {
    const CcbGrubDisk *disk;
    CcbGrubMenu *menu;
    GArray *bodies;        /* Body, of the entries that were not gone into */
    GPtrArray *entries;    /* of the menu or submenu that is being made */
    CcbGrubEntry *target;  /* whose kernel and initrd are set */
    GHashTable *variables; /* char * ► Variable */
    GHashTable *functions; /* char * ► Block */
    GPtrArray *scripts;    /* CcbGrubTokens */
    GPtrArray *bls;        /* BlsEntry, in the menu's order */
    CcbGrubPath file;      /* that is run */
    Block block;           /* that is run; start: the next token */
    char **arguments;      /* of the function that is run */
    char *last_failure;    /* of search and configfile: what ends at the prompt fails by it */
    char *problem;
    bool status; /* of the command that ran last */
    bool ended;  /* by exit, or because a menu is shown */
    guint steps, depth, nesting;
    GError **error;
} Run;

/* --- values */

static CcbGrubPath path_copy(const CcbGrubPath *path)
{
    return (CcbGrubPath){g_strdup(path->device), g_strdup(path->path)};
}

static void path_clear(CcbGrubPath *path)
{
    g_free(path->device);
    g_free(path->path);
}

static void path_free(gpointer data)
{
    path_clear(data);
    g_free(data);
}

static void entry_free(gpointer data)
{
    CcbGrubEntry *entry = data;
    g_free(entry->id);
    g_free(entry->title);
    path_clear(&entry->file);
    path_clear(&entry->kernel);
    g_free(entry->version);
    g_free(entry->kernel_options);
    g_free(entry->problem);
    g_ptr_array_unref(entry->initrds);
    if (entry->submenu != NULL)
        g_ptr_array_unref(entry->submenu);
    g_free(entry);
}

void ccb_grub_menu_free(CcbGrubMenu *menu)
{
    if (menu == NULL)
        return;
    g_ptr_array_unref(menu->entries);
    g_ptr_array_unref(menu->configs);
    g_hash_table_unref(menu->variables);
    g_free(menu->unmatched);
    g_free(menu->problem);
    g_free(menu);
}

static void variable_free(gpointer data)
{
    Variable *variable = data;
    g_free(variable->value);
    g_free(variable);
}

static void bls_free(gpointer data)
{
    BlsEntry *entry = data;
    g_free(entry->id);
    path_clear(&entry->file);
    ccb_bls_free(entry->bls);
    g_free(entry);
}

static const char *get(const Run *run, const char *name)
{
    const Variable *variable = g_hash_table_lookup(run->variables, name);
    return variable != NULL ? variable->value : NULL;
}

static const char *get_or_empty(const Run *run, const char *name)
{
    const char *value = get(run, name);
    return value != NULL ? value : "";
}

static void set(Run *run, const char *name, const char *value)
{
    Variable *variable = g_hash_table_lookup(run->variables, name);
    if (variable == NULL) {
        variable = g_new0(Variable, 1);
        g_hash_table_insert(run->variables, g_strdup(name), variable);
    }
    g_free(variable->value);
    variable->value = g_strdup(value);
}

static void export(Run *run, const char *name)
{
    Variable *variable = g_hash_table_lookup(run->variables, name);
    if (variable != NULL)
        variable->exported = true;
}

/* A copy of those that are exported, or of all. */
static GHashTable *copy_variables(const Run *run, bool all)
{
    GHashTable *copy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, variable_free);
    GHashTableIter iter;
    gpointer name, value;
    g_hash_table_iter_init(&iter, run->variables);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        const Variable *variable = value;
        Variable *copied = g_new0(Variable, 1);
        copied->value = g_strdup(variable->value);
        copied->exported = variable->exported;
        if (all || variable->exported)
            g_hash_table_insert(copy, g_strdup(name), copied);
        else
            variable_free(copied);
    }
    return copy;
}

/* --- problems */

static bool is_over(const Run *run)
{
    return run->ended || run->problem != NULL || *run->error != NULL;
}

static guint current_line(const Run *run)
{
    return ccb_grub_token(run->block.tokens, MAX(run->block.start, 1) - 1)->line;
}

G_GNUC_PRINTF(2, 0)
static char *at_line(const Run *run, const char *format, va_list arguments)
{
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    g_autofree char *file = run->disk->name(run->disk->user, run->file.device, run->file.path);
    return g_strdup_printf("%s:%u: %s", file, current_line(run), text);
}

/* The first one stays. */
G_GNUC_PRINTF(2, 3)
static void cannot_tell(Run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!is_over(run))
        run->problem = at_line(run, format, arguments);
    va_end(arguments);
}

/* A command that failed; GRUB says so and goes on. */
G_GNUC_PRINTF(2, 3)
static bool fails(Run *run, const char *format, ...)
{
    va_list arguments;
    g_free(run->last_failure);
    va_start(arguments, format);
    run->last_failure = at_line(run, format, arguments);
    va_end(arguments);
    return false;
}

/* --- words */

static void add_value(GPtrArray *words, GString **word, const char *value, bool quoted)
{
    if (quoted) {
        *word = *word != NULL ? *word : g_string_new(NULL);
        g_string_append(*word, value);
        return;
    }
    for (const char *at = value; *at != '\0'; at++) {
        bool blank = *at == ' ' || *at == '\t' || *at == '\n';
        if (blank && *word != NULL)
            g_ptr_array_add(words, g_string_free(g_steal_pointer(word), FALSE));
        if (!blank) {
            *word = *word != NULL ? *word : g_string_new(NULL);
            g_string_append_c(*word, *at);
        }
    }
}

static void expand_part(Run *run, const CcbGrubPart *part, GPtrArray *words, GString **word)
{
    guint count = run->arguments != NULL ? g_strv_length(run->arguments) : 0;
    const char *name = part->text;
    if (!part->variable) {
        add_value(words, word, name, true);
    } else if (g_str_equal(name, "?")) {
        add_value(words, word, run->status ? "0" : "1", part->quoted);
    } else if (g_str_equal(name, "#")) {
        g_autofree char *number = g_strdup_printf("%u", count);
        add_value(words, word, number, part->quoted);
    } else if (g_str_equal(name, "*") || (g_str_equal(name, "@") && !part->quoted)) {
        g_autofree char *all = count > 0 ? g_strjoinv(" ", run->arguments) : g_strdup("");
        add_value(words, word, all, part->quoted);
    } else if (g_str_equal(name, "@")) {
        for (guint i = 0; i < count; i++) {
            if (i > 0 && *word != NULL)
                g_ptr_array_add(words, g_string_free(g_steal_pointer(word), FALSE));
            add_value(words, word, run->arguments[i], true);
        }
    } else if (g_ascii_isdigit(*name)) {
        guint64 n = g_ascii_strtoull(name, NULL, 10);
        add_value(words, word, n > 0 && n <= count ? run->arguments[n - 1] : "", part->quoted);
    } else {
        add_value(words, word, get_or_empty(run, name), part->quoted);
    }
}

/* The words of a command, from the next token on, with all variables replaced; ends with NULL, caller frees. */
static char **take_words(Run *run)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    for (; run->block.start < run->block.end; run->block.start++) {
        const CcbGrubToken *token = ccb_grub_token(run->block.tokens, run->block.start);
        GString *word = NULL;
        if (token->kind != CCB_GRUB_WORD)
            break;
        for (guint i = 0; i < token->parts->len && !is_over(run); i++) {
            expand_part(run, &g_array_index(token->parts, CcbGrubPart, i), words, &word);
            if (words->len > WORDS_MAX || (word != NULL && word->len > LENGTH_MAX))
                cannot_tell(run, "a command is too long");
        }
        if (word != NULL)
            g_ptr_array_add(words, g_string_free(word, FALSE));
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

/* --- files */

/* "(hd0,gpt3)/x", or "/x" of $root; false for what names no file. */
static bool resolve(const Run *run, const char *text, CcbGrubPath *ret)
{
    const char *close = *text == '(' ? strchr(text, ')') : NULL;
    const char *path = close != NULL ? close + 1 : text;
    const char *root = get(run, "root");
    if (*path != '/' || (close == NULL && (root == NULL || *root == '\0')))
        return false;
    *ret = (CcbGrubPath){close != NULL ? g_strndup(text + 1, (gsize)(close - text - 1))
                                       : g_strdup(root),
                         g_strdup(path)};
    return true;
}

static CcbGrubFile look(Run *run, const char *text)
{
    CcbGrubPath path;
    CcbGrubFile found = CCB_GRUB_MISSING;
    if (is_over(run) || !resolve(run, text, &path))
        return CCB_GRUB_MISSING;
    found = run->disk->look(run->disk->user, path.device, path.path, run->error);
    path_clear(&path);
    return found;
}

static char *read_file(Run *run, const CcbGrubPath *path, size_t *ret_size)
{
    return is_over(run)
               ? NULL
               : run->disk->read(run->disk->user, path->device, path->path, ret_size, run->error);
}

/* --- running */

static void run_list(Run *run, bool live);

static CcbGrubTokens *tokenize(Run *run, const char *text, size_t size, char **ret_reason)
{
    CcbGrubTokens *tokens = ccb_grub_tokenize(text, size, ret_reason);
    g_ptr_array_add(run->scripts, tokens);
    return tokens;
}

/* Runs a block in the place of the current one. */
static void run_block(Run *run, const Block *block)
{
    const Block outer = run->block;
    if (run->depth >= DEPTH_MAX)
        cannot_tell(run, "scripts within scripts, more than %d", DEPTH_MAX);
    if (is_over(run))
        return;
    run->depth++;
    run->block = *block;
    run_list(run, true);
    if (!is_over(run) && run->block.start < run->block.end)
        cannot_tell(run, "GRUB finds a syntax error here");
    run->block = outer;
    run->depth--;
}

static void run_text(Run *run, const char *text, size_t size)
{
    g_autofree char *reason = NULL;
    const CcbGrubTokens *tokens = tokenize(run, text, size, &reason);
    const Block block = {tokens, 0, ccb_grub_token_count(tokens)};
    if (reason != NULL) {
        g_autofree char *file = run->disk->name(run->disk->user, run->file.device, run->file.path);
        if (!is_over(run))
            run->problem = g_strdup_printf("%s:%s", file, reason);
        return;
    }
    run_block(run, &block);
}

static void choose(Run *run);

/* configfile and normal have a menu and variables of their own, source has not. */
static bool run_config(Run *run, const char *name, bool own_menu)
{
    size_t size;
    CcbGrubPath path;
    if (own_menu && run->entries->len > 0)
        cannot_tell(run, "a menu behind the entries of another");
    if (!resolve(run, name, &path))
        return fails(run, "there is no %s", name);
    g_autofree char *text = read_file(run, &path, &size);
    if (text == NULL) {
        g_autofree char *shown = run->disk->name(run->disk->user, path.device, path.path);
        path_clear(&path);
        return *run->error == NULL && fails(run, "there is no %s", shown);
    }
    CcbGrubPath *config = g_new0(CcbGrubPath, 1), outer = run->file;
    *config = path_copy(&path);
    g_ptr_array_add(run->menu->configs, config);
    GHashTable *variables = run->variables;
    if (own_menu)
        run->variables = copy_variables(run, false);
    g_autofree char *before = g_strdup(get(run, "config_directory"));
    g_autofree char *parent = g_path_get_dirname(path.path);
    g_autofree char *directory =
        g_strdup_printf("(%s)%s", path.device, g_str_equal(parent, "/") ? "" : parent);
    set(run, "config_directory", directory);
    export(run, "config_directory");
    run->file = path;
    run_text(run, text, size);
    if (own_menu && !is_over(run) && run->entries->len > 0) {
        choose(run);
        run->ended = true;
    }
    run->file = outer;
    path_clear(&path);
    if (own_menu && run->ended) { /* what the menu was shown with stays */
        g_hash_table_unref(variables);
    } else if (own_menu) {
        g_hash_table_unref(run->variables);
        run->variables = variables;
    } else if (before != NULL) {
        set(run, "config_directory", before);
    }
    return true;
}

/* --- commands: each returns whether it succeeded; words[0] is its name */

typedef bool (*Command)(Run *run, char **words);

static bool command_true(Run *run, char **words)
{
    return true;
}

static bool command_false(Run *run, char **words)
{
    return false;
}

static bool command_set(Run *run, char **words)
{
    for (char **word = words + 1; *word != NULL; word++) {
        const char *equals = strchr(*word, '=');
        g_autofree char *name = g_strndup(*word, equals != NULL ? (gsize)(equals - *word) : 0);
        if (equals != NULL)
            set(run, name, equals + 1);
    }
    return true;
}

static bool command_unset(Run *run, char **words)
{
    for (char **word = words + 1; *word != NULL; word++)
        g_hash_table_remove(run->variables, *word);
    return true;
}

static bool command_export(Run *run, char **words)
{
    for (char **word = words + 1; *word != NULL; word++)
        export(run, *word);
    return true;
}

/* increment and decrement, of Red Hat's GRUB: a boot counter. */
static bool command_count(Run *run, char **words)
{
    char *end = NULL;
    const char *value = words[1] != NULL ? get_or_empty(run, words[1]) : "";
    gint64 number = g_ascii_strtoll(value, &end, 10);
    if (end == value || *end != '\0')
        return fails(run, "%s: no number to count", words[0]);
    g_autofree char *counted = g_strdup_printf(
        "%" G_GINT64_FORMAT, number + (g_str_equal(words[0], "increment") ? 1 : -1));
    set(run, words[1], counted);
    return true;
}

static bool command_configfile(Run *run, char **words)
{
    if (run->target != NULL && run->target->title != NULL)
        cannot_tell(run, "the entry leads to another configuration");
    return words[1] != NULL && run_config(run, words[1], true);
}

/* Without a name it reads $prefix/grub.cfg. */
static bool command_normal(Run *run, char **words)
{
    if (run->target != NULL && run->target->title != NULL)
        cannot_tell(run, "the entry leads to another configuration");
    g_autofree char *own = g_strconcat(get_or_empty(run, "prefix"), "/grub.cfg", NULL);
    return run_config(run, words[1] != NULL ? words[1] : own, true);
}

static bool command_source(Run *run, char **words)
{
    return words[1] != NULL && run_config(run, words[1], false);
}

static bool command_exit(Run *run, char **words)
{
    cannot_tell(run, "%s: what starts then is the firmware's choice", words[0]);
    return true;
}

static bool command_unknown_outcome(Run *run, char **words)
{
    cannot_tell(run, "%s: what it does is not known here", words[0]);
    return true;
}

/* The words of an option of "search" that takes a value, where that is a word of its own. */
static bool takes_hint(const char *word)
{
    return g_str_has_prefix(word, "--hint") && strchr(word, '=') == NULL;
}

typedef struct {
    int by;               /* CcbGrubSearch, or -1 */
    const char *what;     /* the first name */
    const char *variable; /* NULL: the result is only printed */
} SearchWords;

/* "search", with one name among options, or "search.fs_uuid NAME [VARIABLE [HINT]...]". */
static SearchWords search_words(char **words)
{
    static const struct {
        const char *word;
        CcbGrubSearch by;
    } kinds[] = {{"--fs-uuid", CCB_SEARCH_UUID},
                 {"-u", CCB_SEARCH_UUID},
                 {"search.fs_uuid", CCB_SEARCH_UUID},
                 {"search_fs_uuid", CCB_SEARCH_UUID},
                 {"--label", CCB_SEARCH_LABEL},
                 {"--fs-label", CCB_SEARCH_LABEL},
                 {"-l", CCB_SEARCH_LABEL},
                 {"search.fs_label", CCB_SEARCH_LABEL},
                 {"search_label", CCB_SEARCH_LABEL},
                 {"--file", CCB_SEARCH_FILE},
                 {"-f", CCB_SEARCH_FILE},
                 {"search.file", CCB_SEARCH_FILE},
                 {"search.fs_file", CCB_SEARCH_FILE},
                 {"search_fs_file", CCB_SEARCH_FILE}};
    SearchWords found = {-1, NULL, NULL};
    bool dotted = !g_str_equal(words[0], "search");
    for (char **word = words + !dotted; *word != NULL; word++) {
        guint i = 0;
        while (i < G_N_ELEMENTS(kinds) && !g_str_equal(*word, kinds[i].word))
            i++;
        if (i < G_N_ELEMENTS(kinds))
            found.by = (int)kinds[i].by;
        else if (g_str_has_prefix(*word, "--set="))
            found.variable = *word + strlen("--set=");
        else if (g_str_equal(*word, "--set") || g_str_equal(*word, "-s"))
            found.variable = "root";
        else if (!dotted && takes_hint(*word) && word[1] != NULL)
            word++;
        else if (**word != '-' && found.what == NULL)
            found.what = *word;
        else if (dotted && found.variable == NULL)
            found.variable = *word;
    }
    return found;
}

static bool command_search(Run *run, char **words)
{
    static const char *const kinds[] = {"file system with the UUID", "file system with the label",
                                        "file system with the file"};
    const SearchWords search = search_words(words);
    if (search.what == NULL || search.by < 0)
        return fails(run, "%s: nothing to search for", words[0]);
    if (search.by == CCB_SEARCH_FILE && *search.what != '/')
        return fails(run, "%s: %s is no path", words[0], search.what);
    g_autofree char *device =
        run->disk->search(run->disk->user, (CcbGrubSearch)search.by, search.what, run->error);
    if (device == NULL)
        return fails(run, "the disk has no %s %s", kinds[search.by], search.what);
    if (search.variable != NULL)
        set(run, search.variable, device);
    return true;
}

/* Without -f: of $prefix; names behind it: these variables only. */
static bool command_load_env(Run *run, char **words)
{
    g_autofree char *own = g_strconcat(get_or_empty(run, "prefix"), "/grubenv", NULL);
    const char *name = own;
    char **word = words + 1;
    size_t size;
    CcbGrubPath path;
    for (; *word != NULL && **word == '-'; word++)
        if (g_str_has_prefix(*word, "--file="))
            name = *word + strlen("--file=");
        else if ((g_str_equal(*word, "-f") || g_str_equal(*word, "--file")) && word[1] != NULL)
            name = *++word;
    if (!resolve(run, name, &path))
        return false;
    g_autofree char *block = read_file(run, &path, &size);
    path_clear(&path);
    g_autoptr(CcbGrubenv) env = block != NULL ? ccb_grubenv_parse(block, size, NULL) : NULL;
    if (block != NULL && env == NULL)
        cannot_tell(run, "%s is no environment block", name);
    g_auto(GStrv) names = env != NULL ? ccb_grubenv_names(env) : NULL;
    for (char **variable = names; variable != NULL && *variable != NULL; variable++) {
        g_autofree char *value = ccb_grubenv_get(env, *variable);
        if (*word == NULL || g_strv_contains((const char *const *)word, *variable))
            set(run, *variable, value);
    }
    return env != NULL;
}

/* --- test */

static bool test_unary(Run *run, const char *option, const char *word, bool *ret)
{
    CcbGrubFile found;
    switch (strlen(option) == 2 && *option == '-' ? option[1] : '\0') {
    case 'n':
    case 'z':
        *ret = (*word != '\0') == (option[1] == 'n');
        return true;
    case 'f':
        found = look(run, word);
        *ret = found == CCB_GRUB_FILE || found == CCB_GRUB_EMPTY;
        return true;
    case 's':
        *ret = look(run, word) == CCB_GRUB_FILE;
        return true;
    case 'd':
        *ret = look(run, word) == CCB_GRUB_DIRECTORY;
        return true;
    case 'e':
        *ret = look(run, word) != CCB_GRUB_MISSING;
        return true;
    default:
        return false;
    }
}

static bool test_binary(const char *left, const char *operator, const char * right, bool *ret)
{
    static const char *const numeric[] = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge", NULL};
    gint64 a = g_ascii_strtoll(left, NULL, 0), b = g_ascii_strtoll(right, NULL, 0);
    const bool results[] = {a == b, a != b, a<b, a <= b, a> b, a >= b};
    bool equal = g_str_equal(left, right);
    if (g_str_equal(operator, "=") || g_str_equal(operator, "==") || g_str_equal(operator, "!=")) {
        *ret = equal != (*operator== '!');
        return true;
    }
    for (guint i = 0; numeric[i] != NULL; i++)
        if (g_str_equal(operator, numeric[i])) {
            *ret = results[i];
            return true;
        }
    return false;
}

/* Words of "[ A -a B -o C ]"; sums of products, without parentheses. */
static bool command_test(Run *run, char **words)
{
    guint count = g_strv_length(words);
    bool any = false, all = true, negated = false, is_term = false;
    if (g_str_equal(words[0], "[") && count > 0 && g_str_equal(words[count - 1], "]"))
        count--;
    for (guint i = 1; i < count;) {
        bool result;
        is_term = true;
        if (g_str_equal(words[i], "!")) {
            negated = !negated;
            i++;
            continue;
        }
        if (i + 2 < count && test_binary(words[i], words[i + 1], words[i + 2], &result)) {
            i += 3;
        } else if (i + 1 < count && test_unary(run, words[i], words[i + 1], &result)) {
            i += 2;
        } else if (strchr("(<>", *words[i]) != NULL && *words[i] != '\0') {
            cannot_tell(run, "test: %s is not followed", words[i]);
            return false;
        } else {
            result = *words[i++] != '\0';
        }
        all = all && result != negated;
        negated = false;
        if (i >= count)
            break;
        if (g_str_equal(words[i], "-o")) {
            any = any || all;
            all = true;
        } else if (!g_str_equal(words[i], "-a")) {
            cannot_tell(run, "test: %s is not followed", words[i]);
            return false;
        }
        i++;
        is_term = false;
    }
    return any || (all && is_term);
}

/* --- what an entry starts */

/* An argument as GRUB writes it into the kernel's command line. */
static void append_argument(GString *line, const char *argument)
{
    const char *quote = strchr(argument, ' ') != NULL ? "\"" : "";
    g_string_append(line, line->len > 0 ? " " : "");
    g_string_append(line, quote);
    for (const char *at = argument; *at != '\0'; at++) {
        if (strchr("\\'\"", *at) != NULL)
            g_string_append_c(line, '\\');
        g_string_append_c(line, *at);
    }
    g_string_append(line, quote);
}

static bool command_linux(Run *run, char **words)
{
    CcbGrubEntry *target = run->target;
    if (words[1] == NULL || target == NULL)
        return false;
    g_autoptr(GString) line = g_string_new(NULL);
    for (char **word = words + 2; *word != NULL; word++)
        append_argument(line, *word);
    path_clear(&target->kernel);
    g_free(target->kernel_options);
    target->kernel_options = g_strdup(line->str);
    g_ptr_array_set_size(target->initrds, 0);
    if (!resolve(run, words[1], &target->kernel))
        target->kernel = (CcbGrubPath){g_strdup(""), g_strdup(words[1])};
    return look(run, words[1]) == CCB_GRUB_FILE;
}

static bool command_initrd(Run *run, char **words)
{
    bool found = true;
    for (char **word = words + 1; run->target != NULL && *word != NULL; word++) {
        CcbGrubPath *path = g_new0(CcbGrubPath, 1);
        if (!resolve(run, *word, path))
            *path = (CcbGrubPath){g_strdup(""), g_strdup(*word)};
        g_ptr_array_add(run->target->initrds, path);
        found = found && look(run, *word) == CCB_GRUB_FILE;
    }
    return found;
}

static CcbGrubEntry *add_entry(Run *run, const char *id, const char *title, const CcbGrubPath *file)
{
    CcbGrubEntry *entry = g_new0(CcbGrubEntry, 1);
    entry->id = g_strdup(id);
    entry->title = g_strdup(title);
    entry->file = path_copy(file);
    entry->initrds = g_ptr_array_new_with_free_func(path_free);
    g_ptr_array_add(run->entries, entry);
    return entry;
}

static void add_body(Run *run, CcbGrubEntry *entry, const Block *block)
{
    const Body body = {entry, *block};
    g_array_append_val(run->bodies, body);
}

/* Goes into the entries.  What the commands of one set is gone with it, and what can't be told of one is of no concern
 * to the others; those of a submenu make its menu. */
static void fill_entries(Run *run)
{
    for (guint i = 0; i < run->bodies->len && *run->error == NULL; i++) {
        const Body body = g_array_index(run->bodies, Body, i);
        Run inner = *run;
        inner.target = body.entry;
        inner.file = body.entry->file;
        inner.variables = copy_variables(run, true);
        inner.problem = inner.last_failure = NULL;
        inner.ended = false;
        g_autoptr(GPtrArray) none = g_ptr_array_new_with_free_func(entry_free);
        inner.entries = body.entry->submenu != NULL ? body.entry->submenu : none;
        run_block(&inner, &body.block);
        if (none->len > 0)
            cannot_tell(&inner, "an entry that makes a menu is not followed");
        run->steps = inner.steps;
        g_free(body.entry->problem);
        body.entry->problem = inner.problem;
        g_free(inner.last_failure);
        g_hash_table_unref(inner.variables);
    }
    g_array_set_size(run->bodies, 0);
}

/* A kernel that the configuration itself starts, without a menu. */
static bool command_boot(Run *run, char **words)
{
    if (run->target == NULL || run->target->kernel_options == NULL)
        return fails(run, "boot: no kernel is loaded");
    if (run->target->title == NULL) {
        run->target->title = g_strdup("boot");
        run->menu->chosen = run->target;
        run->ended = true;
    }
    return true;
}

/* --- boot entries */

/* $NAME and ${NAME} replaced by GRUB's variables, as blscfg does before the script sees them; NULL for no text at all,
 * caller frees. */
static char *expand_value(Run *run, const char *value)
{
    g_autoptr(GString) text = g_string_new(NULL);
    while (value != NULL && *value != '\0' && text->len < LENGTH_MAX) {
        const char *end = value;
        g_autofree char *name = *value == '$' ? ccb_grub_variable(value + 1, &end) : NULL;
        if (name != NULL && get(run, name) != NULL)
            g_string_append(text, get(run, name));
        if (name == NULL && *value != '$')
            g_string_append_c(text, *value);
        value = name != NULL ? end : value + 1;
    }
    return text->len > 0 ? g_strdup(text->str) : NULL;
}

/* The commands of the entry, as blscfg writes them. */
static char *bls_script(Run *run, const BlsEntry *e, const char *kernel)
{
    g_autofree char *options = ccb_bls_get(e->bls, "options");
    g_autofree char *value = expand_value(run, options);
    g_autoptr(GPtrArray) initrds = ccb_bls_values(e->bls, "initrd");
    const char *early = get(run, "early_initrd");
    g_autoptr(GString) script = g_string_new(NULL);
    if (value == NULL)
        value = expand_value(run, get(run, "default_kernelopts"));
    g_string_append_printf(script, "linux ($root)%s%s%s\n", kernel, value != NULL ? " " : "",
                           value != NULL ? value : "");
    g_string_append(script, early != NULL || initrds->len > 0 ? "initrd" : "");
    if (early != NULL) { /* names without a directory: they are where the initramfs is */
        const char *beside = initrds->len > 0 ? initrds->pdata[0] : kernel;
        const char *slash = strrchr(beside, '/');
        g_auto(GStrv) names = g_strsplit(early, " ", -1);
        for (char **name = names; *name != NULL; name++)
            g_string_append_printf(script, " ($root)%.*s%s",
                                   (int)(slash != NULL ? slash - beside + 1 : 0), beside, *name);
    }
    for (guint i = 0; i < initrds->len; i++)
        g_string_append_printf(script, " ($root)%s", (char *)initrds->pdata[i]);
    g_string_append_c(script, '\n');
    return g_string_free(g_steal_pointer(&script), FALSE);
}

static void show_bls(Run *run, BlsEntry *e)
{
    g_autofree char *kernel = ccb_bls_get(e->bls, "linux");
    g_autofree char *title = ccb_bls_get(e->bls, "title");
    e->shown = true;
    if (kernel == NULL)
        return;
    g_autofree char *script = bls_script(run, e, kernel);
    CcbGrubEntry *entry = add_entry(run, e->id, title != NULL ? title : kernel, &e->file);
    g_autofree char *reason = NULL;
    entry->is_bls = true;
    entry->version = ccb_bls_get(e->bls, "version");
    const CcbGrubTokens *tokens = tokenize(run, script, strlen(script), &reason);
    const Block block = {tokens, 0, ccb_grub_token_count(tokens)};
    if (reason == NULL)
        add_body(run, entry, &block);
    else
        entry->problem = g_strdup_printf("%s: GRUB can't read what the entry says", e->file.path);
}

/* Adds a file of the directory, in front of the first one that is lower; of two that are alike the first stays. */
static void read_bls(Run *run, const CcbGrubPath *directory, const char *name)
{
    size_t size;
    guint at = 0;
    g_autofree char *id = ccb_bls_id(name);
    CcbGrubPath file = {g_strdup(directory->device), g_build_filename(directory->path, name, NULL)};
    g_autofree char *text = id != NULL ? read_file(run, &file, &size) : NULL;
    CcbBls *bls = text != NULL ? ccb_bls_parse(text, size, run->error) : NULL;
    if (text != NULL && bls == NULL)
        g_prefix_error(run->error, "boot entry %s: ", file.path);
    for (; bls != NULL && at < run->bls->len; at++) {
        int order = ccb_bls_compare(id, ((const BlsEntry *)run->bls->pdata[at])->id);
        if (order > 0)
            break;
        if (order == 0)
            g_clear_pointer(&bls, ccb_bls_free);
    }
    if (bls == NULL) {
        path_clear(&file);
        return;
    }
    BlsEntry *entry = g_new0(BlsEntry, 1);
    *entry = (BlsEntry){g_steal_pointer(&id), file, bls, false};
    g_ptr_array_insert(run->bls, (gint)at, entry);
}

/* Whether "default" names the entry by id, title, or place. */
static bool is_default(const Run *run, const BlsEntry *e, guint place)
{
    const char *wanted = get(run, "default");
    g_autofree char *title = ccb_bls_get(e->bls, "title");
    char *end;
    if (wanted == NULL)
        return false;
    guint64 number = g_ascii_strtoull(wanted, &end, 0);
    return g_str_equal(wanted, e->id) || g_strcmp0(wanted, title) == 0 ||
           (end != wanted && number == place);
}

/* blscfg [default | non-default | ID | (DEVICE)/DIRECTORY] */
static bool command_blscfg(Run *run, char **words)
{
    const char *what = words[1], *own = get(run, "blsdir");
    CcbGrubPath directory = {NULL, NULL};
    if (what != NULL && g_str_has_suffix(what, ".conf"))
        return command_unknown_outcome(run, words);
    bool named = what != NULL && *what == '(';
    if (named ? !resolve(run, what, &directory)
              : !resolve(run, own != NULL ? own : "/loader/entries/", &directory))
        return fails(run, "blscfg: no directory of boot entries");
    g_auto(GStrv) names =
        run->disk->list(run->disk->user, directory.device, directory.path, run->error);
    if (names == NULL && !named && *run->error == NULL) {
        g_free(directory.path);
        directory.path = g_strdup("/boot/loader/entries/");
        names = run->disk->list(run->disk->user, directory.device, directory.path, run->error);
    }
    if (names != NULL && g_strv_length(names) > ENTRIES_MAX)
        cannot_tell(run, "more than %d boot entries", ENTRIES_MAX);
    for (char **name = names; name != NULL && *name != NULL && !is_over(run); name++)
        read_bls(run, &directory, *name);
    path_clear(&directory);
    for (guint i = 0; i < run->bls->len && !is_over(run); i++) {
        BlsEntry *e = run->bls->pdata[i];
        bool wanted = what == NULL || named || g_str_equal(what, e->id);
        if (g_strcmp0(what, "default") == 0 || g_strcmp0(what, "non-default") == 0)
            wanted = is_default(run, e, i) == (*what == 'd');
        if (wanted && !e->shown)
            show_bls(run, e);
    }
    return true;
}

static const struct {
    const char *name;
    Command command;
} commands[] = {
    {"set", command_set},
    {"unset", command_unset},
    {"export", command_export},
    {"search", command_search},
    {"search.fs_uuid", command_search},
    {"search.fs_label", command_search},
    {"search.file", command_search},
    {"search.fs_file", command_search},
    {"search_fs_uuid", command_search},
    {"search_label", command_search},
    {"search_fs_file", command_search},
    {"configfile", command_configfile},
    {"normal", command_normal},
    {"source", command_source},
    {".", command_source},
    {"load_env", command_load_env},
    {"[", command_test},
    {"test", command_test},
    {"blscfg", command_blscfg},
    {"bls_import", command_blscfg},
    {"linux", command_linux},
    {"linuxefi", command_linux},
    {"linux16", command_linux},
    {"initrd", command_initrd},
    {"initrdefi", command_initrd},
    {"initrd16", command_initrd},
    {"boot", command_boot},
    {"exit", command_exit},
    {"normal_exit", command_exit},
    {"reboot", command_exit},
    {"increment", command_count},
    {"decrement", command_count},
    {"halt", command_exit},
    {"chainloader", command_exit},
    {"false", command_false},
    {"keystatus", command_false}, /* nobody is at the keyboard */
    {"true", command_true},
    {":", command_true},
    /* These change nothing that decides what starts. */
    {"insmod", command_true},
    {"rmmod", command_true},
    {"echo", command_true},
    {"sleep", command_true},
    {"save_env", command_true},
    {"loadfont", command_true},
    {"load_video", command_true},
    {"gfxmode", command_true},
    {"terminal", command_true},
    {"terminal_input", command_true},
    {"terminal_output", command_true},
    {"serial", command_true},
    {"clear", command_true},
    {"background_image", command_true},
    {"background_color", command_true},
    {"password", command_true},
    {"password_pbkdf2", command_true},
    {"authenticate", command_true},
    {"play", command_true},
    {"pause", command_true},
    {"recordfail", command_true},
    {"fwsetup", command_true}, /* the entry starts no kernel */
    {"rdmsr", command_true},
    {"wrmsr", command_true},
    {"tpm", command_true},
    {"devicetree", command_true},
    {"module", command_true},
};

static Command find_command(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        if (g_str_equal(commands[i].name, name))
            return commands[i].command;
    return NULL;
}

/* --- the language */

static const CcbGrubToken *next_token(const Run *run)
{
    return run->block.start < run->block.end ? ccb_grub_token(run->block.tokens, run->block.start)
                                             : NULL;
}

/* Takes the next token where it is that reserved word. */
static bool take_keyword(Run *run, const char *keyword)
{
    const CcbGrubToken *token = next_token(run);
    bool is = token != NULL && ccb_grub_is_keyword(token, keyword);
    run->block.start += is;
    return is;
}

static void skip_separators(Run *run)
{
    const CcbGrubToken *token;
    while ((token = next_token(run)) != NULL && token->kind == CCB_GRUB_SEPARATOR)
        run->block.start++;
}

/* What is between the next token, '{', and its '}', which is taken, too. */
static bool take_block(Run *run, Block *ret)
{
    const CcbGrubToken *token = next_token(run);
    guint depth = 0;
    if (token == NULL || token->kind != CCB_GRUB_OPEN)
        return false;
    ret->tokens = run->block.tokens;
    ret->start = run->block.start + 1;
    while ((token = next_token(run)) != NULL) {
        depth += token->kind == CCB_GRUB_OPEN;
        depth -= token->kind == CCB_GRUB_CLOSE;
        ret->end = run->block.start++;
        if (depth == 0)
            return true;
    }
    return false;
}

static void run_if(Run *run, bool live)
{
    bool done = false, open = true;
    while (open && !is_over(run)) {
        run_list(run, live && !done);
        bool taken = live && !done && run->status;
        if (!take_keyword(run, "then"))
            cannot_tell(run, "GRUB finds a syntax error here: no \"then\"");
        run_list(run, taken);
        done = done || taken;
        open = take_keyword(run, "elif");
    }
    if (take_keyword(run, "else"))
        run_list(run, live && !done);
    if (!take_keyword(run, "fi"))
        cannot_tell(run, "GRUB finds a syntax error here: no \"fi\"");
}

/* menuentry and submenu: TITLE [OPTION [VALUE]]... { COMMANDS } */
static void take_entry(Run *run, bool live)
{
    Block block;
    g_auto(GStrv) words = take_words(run);
    const char *title = NULL, *id = NULL;
    static const char *const valued[] = {"--class", "--users", "--hotkey", "--source", NULL};
    for (char **word = words + 1; words[0] != NULL && *word != NULL; word++) {
        if (g_str_equal(*word, "--id") && word[1] != NULL)
            id = *++word;
        else if (g_strv_contains(valued, *word) && word[1] != NULL)
            word++;
        else if (g_str_has_prefix(*word, "--id="))
            id = *word + strlen("--id=");
        else if (**word != '-' && title == NULL)
            title = *word;
    }
    if (!take_block(run, &block) || title == NULL)
        cannot_tell(run, "GRUB finds a syntax error here");
    if (++run->steps > STEPS_MAX)
        cannot_tell(run, "more than %d commands", STEPS_MAX);
    if (!live || is_over(run))
        return;
    CcbGrubEntry *entry = add_entry(run, id != NULL ? id : title, title, &run->file);
    if (g_str_equal(words[0], "submenu"))
        entry->submenu = g_ptr_array_new_with_free_func(entry_free);
    add_body(run, entry, &block);
}

static void call_function(Run *run, const Block *block, char **words)
{
    char **outer = run->arguments;
    run->arguments = words + 1;
    run_block(run, block);
    run->arguments = outer;
}

static void run_command(Run *run, bool live)
{
    Block *function;
    g_auto(GStrv) words = take_words(run);
    const CcbGrubToken *next = next_token(run);
    if (next != NULL && next->kind != CCB_GRUB_SEPARATOR && next->kind != CCB_GRUB_CLOSE)
        cannot_tell(run, "GRUB finds a syntax error here");
    if (!live || is_over(run) || words[0] == NULL)
        return;
    if (++run->steps > STEPS_MAX)
        cannot_tell(run, "more than %d commands", STEPS_MAX);
    bool negated = g_str_equal(words[0], "!") && words[1] != NULL;
    char **command = words + negated;
    Command known = find_command(command[0]);
    bool status = true;
    const char *equals = strchr(command[0], '=');
    /* A module's command goes before a function, and these are of modules. */
    if (known != NULL && known != command_true) {
        status = known(run, command);
    } else if ((function = g_hash_table_lookup(run->functions, command[0])) != NULL) {
        run->status = true;
        call_function(run, function, command);
        status = run->status;
    } else if (equals != NULL && equals != command[0]) {
        g_autofree char *name = g_strndup(command[0], (gsize)(equals - command[0]));
        set(run, name, equals + 1);
    } else if (known == NULL) {
        cannot_tell(run, "%s: what it does is not known here", command[0]);
    }
    run->status = status != negated;
}

static void skip_loop(Run *run, bool live)
{
    guint depth = 0;
    const CcbGrubToken *token;
    if (live)
        cannot_tell(run, "a loop is not followed");
    while ((token = next_token(run)) != NULL) {
        depth += ccb_grub_is_keyword(token, "for") || ccb_grub_is_keyword(token, "while") ||
                 ccb_grub_is_keyword(token, "until");
        depth -= ccb_grub_is_keyword(token, "done");
        run->block.start++;
        if (depth == 0)
            break;
    }
}

/* Runs commands up to the end of the block, or to a reserved word that ends a list; where it is not `live` it only goes
 * over them. */
static void run_list(Run *run, bool live)
{
    static const char *const ends[] = {"then", "elif", "else", "fi", "do", "done", NULL};
    const CcbGrubToken *token;
    Block block;
    if (++run->nesting > NESTING_MAX)
        cannot_tell(run, "conditions within conditions, more than %d", NESTING_MAX);
    while (!is_over(run)) {
        skip_separators(run);
        token = next_token(run);
        bool is_end = token == NULL || token->kind != CCB_GRUB_WORD;
        for (guint i = 0; !is_end && ends[i] != NULL; i++)
            is_end = ccb_grub_is_keyword(token, ends[i]);
        if (is_end)
            break;
        if (take_keyword(run, "if")) {
            run_if(run, live);
        } else if (take_keyword(run, "function")) {
            g_auto(GStrv) words = take_words(run);
            if (!take_block(run, &block))
                cannot_tell(run, "GRUB finds a syntax error here");
            else if (live && words[0] != NULL)
                g_hash_table_insert(run->functions, g_strdup(words[0]),
                                    g_memdup2(&block, sizeof block));
        } else if (ccb_grub_is_keyword(token, "for") || ccb_grub_is_keyword(token, "while") ||
                   ccb_grub_is_keyword(token, "until")) {
            skip_loop(run, live);
        } else if (ccb_grub_is_keyword(token, "menuentry") ||
                   ccb_grub_is_keyword(token, "submenu")) {
            take_entry(run, live);
        } else {
            run_command(run, live);
        }
    }
    run->nesting--;
}

/* --- the default */

/* Whether the first part of "default", up to '>', is `name`; ">>" in it is a '>'. */
static bool is_named(const char *wanted, const char *name, const char **ret_rest)
{
    for (; *name != '\0'; name++, wanted++) {
        if (*wanted == '>' && *++wanted != '>')
            return false;
        if (*wanted != *name)
            return false;
    }
    *ret_rest = *wanted == '>' && wanted[1] != '>' ? wanted + 1 : "";
    return *wanted == '\0' || (*wanted == '>' && wanted[1] != '>');
}

/* The entry that `wanted` names by id, by title, or by place, in this order; NULL: none. */
static const CcbGrubEntry *find_default(const GPtrArray *entries, const char *wanted,
                                        const char **ret_rest)
{
    char *end;
    *ret_rest = "";
    for (int by_title = 0; by_title < 2; by_title++)
        for (guint i = 0; i < entries->len; i++) {
            const CcbGrubEntry *entry = entries->pdata[i];
            if (is_named(wanted, by_title ? entry->title : entry->id, ret_rest))
                return entry;
        }
    guint64 place = g_ascii_strtoull(wanted, &end, 0);
    if (end == wanted || (*end != '\0' && *end != '>') || place >= entries->len)
        return NULL;
    *ret_rest = *end == '>' ? end + 1 : "";
    return entries->pdata[place];
}

/* The menu's default, and within a submenu that of its own menu. */
static void choose(Run *run)
{
    const GPtrArray *entries = run->entries;
    const char *wanted = get(run, "default"), *rest = "";
    const CcbGrubEntry *entry = NULL;
    fill_entries(run);
    for (bool top = true; entries != NULL && entries->len > 0; top = false) {
        entry = wanted != NULL && *wanted != '\0' ? find_default(entries, wanted, &rest) : NULL;
        if (entry == NULL && wanted != NULL && *wanted != '\0' && top)
            run->menu->unmatched = g_strdup(wanted);
        if (entry == NULL) {
            entry = entries->pdata[0];
            rest = "";
        }
        wanted = rest;
        entries = entry->submenu;
    }
    run->menu->chosen = entry;
    g_autofree char *file = run->disk->name(run->disk->user, entry->file.device, entry->file.path);
    if (entry->problem != NULL)
        run->problem = g_strdup(entry->problem);
    else if (entry->kernel_options == NULL)
        run->problem =
            g_strdup_printf("%s: the default entry \"%s\" starts no kernel", file, entry->title);
}

/* --- all of it */

static void set_up(Run *run, const char *device, const char *prefix)
{
    static const char *const features[] = {
        "feature_chainloader_bpb",      "feature_ntldr",
        "feature_platform_search_hint", "feature_default_font_path",
        "feature_all_video_module",     "feature_menuentry_id",
        "feature_menuentry_options",    "feature_200_final",
        "feature_nativedisk_cmd",       "feature_timeout_style"};
    const struct {
        const char *name, *value;
    } own[] = {{"root", device},         {"prefix", prefix},     {"cmdpath", prefix},
               {"grub_platform", "efi"}, {"grub_cpu", "x86_64"}, {"pager", ""}};
    for (guint i = 0; i < G_N_ELEMENTS(own); i++) {
        set(run, own[i].name, own[i].value);
        export(run, own[i].name);
    }
    for (guint i = 0; i < G_N_ELEMENTS(features); i++) {
        set(run, features[i], "y");
        export(run, features[i]);
    }
}

static void run_first(Run *run, const char *device, const char *prefix, const char *script)
{
    CcbGrubEntry direct = {.initrds = g_ptr_array_new_with_free_func(path_free)};
    run->target = &direct;
    if (script != NULL) {
        run->file = (CcbGrubPath){g_strdup(device), g_strdup("")};
        run_text(run, script, strlen(script));
        if (!is_over(run) && run->entries->len > 0)
            choose(run);
        path_clear(&run->file);
    } else {
        run->file = (CcbGrubPath){(char *)"", (char *)""};
        static const char start[] = "normal\n";
        run_text(run, start, strlen(start));
    }
    if (run->menu->chosen == &direct) { /* started by the configuration itself */
        CcbGrubEntry *entry = g_memdup2(&direct, sizeof direct);
        const CcbGrubPath *file = run->menu->configs->len > 0
                                      ? run->menu->configs->pdata[run->menu->configs->len - 1]
                                      : &run->file;
        entry->id = g_strdup(entry->title);
        entry->file = path_copy(file);
        g_ptr_array_set_size(run->entries, 0);
        g_ptr_array_add(run->entries, entry);
        run->menu->chosen = entry;
        return;
    }
    path_clear(&direct.kernel);
    g_free(direct.kernel_options);
    g_ptr_array_unref(direct.initrds);
}

CcbGrubMenu *ccb_grubscript_run(const CcbGrubDisk *disk, const char *device, const char *prefix,
                                const char *script, GError **error)
{
    GHashTableIter iter;
    gpointer name, value;
    GError *reason = NULL;
    CcbGrubMenu *menu = g_new0(CcbGrubMenu, 1);
    menu->entries = g_ptr_array_new_with_free_func(entry_free);
    menu->configs = g_ptr_array_new_with_free_func(path_free);
    menu->variables = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Run run = {
        .disk = disk, .menu = menu, .entries = menu->entries, .status = true, .error = &reason};
    run.variables = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, variable_free);
    run.functions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    run.scripts = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_grub_tokens_free);
    run.bodies = g_array_new(FALSE, FALSE, sizeof(Body));
    run.bls = g_ptr_array_new_with_free_func(bls_free);
    set_up(&run, device, prefix);
    run_first(&run, device, prefix, script);
    fill_entries(&run); /* also where no menu is shown: they are there for a user */
    menu->problem = g_steal_pointer(&run.problem);
    if (menu->problem == NULL && menu->chosen == NULL)
        menu->problem = run.last_failure != NULL ? g_steal_pointer(&run.last_failure)
                                                 : g_strdup("GRUB finds nothing to start");
    g_hash_table_iter_init(&iter, run.variables);
    while (g_hash_table_iter_next(&iter, &name, &value))
        g_hash_table_insert(menu->variables, g_strdup(name), g_strdup(((Variable *)value)->value));
    g_free(run.last_failure);
    g_hash_table_unref(run.variables);
    g_hash_table_unref(run.functions);
    g_ptr_array_unref(run.scripts);
    g_ptr_array_unref(run.bls);
    g_array_unref(run.bodies);
    if (reason != NULL)
        g_propagate_error(error, reason);
    return menu;
}

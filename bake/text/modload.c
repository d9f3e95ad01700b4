/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/modload.h"

#include <string.h>

typedef struct {
    const CcbModprobe *config;
    const char *module;
    GHashTable *loaded; /* set of names with '_' */
    char *problem;
} Load;

static char *with_underscores(const char *name)
{
    return g_strdelimit(g_strdup(name), "-", '_');
}

/* A module with a command of its own is not loaded by modprobe itself. */
static void load(Load *load, const char *name)
{
    if (ccb_modprobe_install(load->config, name) == NULL)
        g_hash_table_add(load->loaded, with_underscores(name));
}

static char *find_missing(const Load *load, const char *const *before)
{
    for (; *before != NULL; before++) {
        g_auto(GStrv) names = g_strsplit(*before, " ", -1);
        bool found = false;
        for (char **name = names; *name != NULL; name++)
            found = found || g_hash_table_contains(load->loaded, *name);
        if (!found)
            return g_strdup(names[0]);
    }
    return NULL;
}

/* The options of modprobe(8); *ret_loads: none of them keeps it from loading.  Returns where the modules begin. */
static char **skip_options(char **word, bool *ret_all, bool *ret_ignores, bool *ret_loads)
{
    static const char *const with_value[] = {"-C", "--config",      "-d", "--dirname",
                                             "-S", "--set-version", NULL};
    static const char *const without_load[] = {"--remove", "--dry-run",       "--show-depends",
                                               "--show",   "--resolve-alias", NULL};
    *ret_all = *ret_ignores = false;
    *ret_loads = true;
    for (; *word != NULL && **word == '-'; word++) {
        bool is_short = (*word)[1] != '-';
        *ret_all |= g_str_equal(*word, "--all") || (is_short && strchr(*word, 'a') != NULL);
        *ret_ignores |=
            g_str_equal(*word, "--ignore-install") || (is_short && strchr(*word, 'i') != NULL);
        *ret_loads &=
            !g_strv_contains(without_load, *word) && (!is_short || strpbrk(*word, "rnDR") == NULL);
        if (g_strv_contains(with_value, *word) && word[1] != NULL)
            word++;
    }
    return word;
}

/* Without -a the first name is the module, and what follows are its parameters. */
static void run_modprobe(Load *state, char **words, const char *const *before)
{
    bool all = false, ignores = false, loads = false;
    char **name = skip_options(words, &all, &ignores, &loads);
    for (; loads && state->problem == NULL && *name != NULL; name = all ? name + 1 : name) {
        g_autofree char *module = with_underscores(*name);
        if (!g_str_equal(module, state->module)) {
            load(state, module);
        } else if (!ignores) {
            state->problem =
                g_strdup_printf("it runs itself again: no --ignore-install %s", module);
        } else {
            g_autofree char *missing = find_missing(state, before);
            if (missing != NULL)
                state->problem = g_strdup_printf("%s is not loaded before", missing);
            g_hash_table_add(state->loaded, g_steal_pointer(&module));
        }
        if (!all)
            break;
    }
}

/* Runs one simple command; returns whether it is taken to end well. */
static bool run_simple(Load *state, const char *text, const char *const *before)
{
    g_autofree char *plain = g_strdelimit(g_strdup(text), "\"'\t", ' ');
    g_auto(GStrv) split = g_strsplit(plain, " ", -1);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    for (char **word = split; *word != NULL; word++)
        if (**word != '\0' && (words->len > 0 || !g_str_equal(*word, "exec")))
            g_ptr_array_add(words, *word);
    if (words->len == 0)
        return true;
    g_ptr_array_add(words, NULL);
    g_autofree char *program = g_path_get_basename(words->pdata[0]);
    if (g_str_equal(program, "modprobe"))
        run_modprobe(state, (char **)words->pdata + 1, before);
    return !g_str_equal(program, "false");
}

/* A list of commands for the shell, each of which is taken to end well. */
static void run_command(Load *state, const char *command, const char *const *before)
{
    static const char *const keywords[] = {"if ", "for ", "while ", "case ", "eval ", "sh "};
    bool ok = true, wanted = true;
    for (guint i = 0; i < G_N_ELEMENTS(keywords); i++)
        if (g_str_has_prefix(command, keywords[i]))
            state->problem = g_strdup("the command can't be followed");
    if (state->problem == NULL && strpbrk(command, "`(){}<") != NULL)
        state->problem = g_strdup("the command can't be followed");
    while (state->problem == NULL && *command != '\0') {
        size_t length = strcspn(command, ";&|");
        while (length > 0 && command[length] == '&' && command[length - 1] == '>') /* 2>&1 */
            length += 1 + strcspn(command + length + 1, ";&|");
        g_autofree char *simple = g_strndup(command, length);
        if (wanted)
            ok = run_simple(state, simple, before);
        command += length;
        if (*command == '\0')
            break;
        bool is_double = command[0] != ';' && command[1] == command[0];
        if (!is_double && command[0] != ';' && state->problem == NULL) {
            state->problem = g_strdup("it does not wait for its commands");
            break;
        }
        wanted = command[0] == ';' || (command[0] == '&') == ok;
        command += is_double ? 2 : 1;
    }
}

char *ccb_modload_problem(const CcbModprobe *config, const char *module, const char *const *before)
{
    Load state = {.config = config, .module = module};
    g_autoptr(GHashTable) loaded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    state.loaded = loaded;
    g_autoptr(GPtrArray) softdeps = ccb_modprobe_softdeps(config, module, false);
    for (guint i = 0; i < softdeps->len; i++)
        load(&state, softdeps->pdata[i]);
    const char *command = ccb_modprobe_install(config, module);
    if (command == NULL) {
        g_autofree char *missing = find_missing(&state, before);
        return missing != NULL
                   ? g_strdup_printf("neither softdep nor install %s loads %s", module, missing)
                   : NULL;
    }
    run_command(&state, command, before);
    if (state.problem == NULL && !g_hash_table_contains(loaded, module))
        state.problem = g_strdup_printf("it does not load %s", module);
    if (state.problem == NULL)
        return NULL;
    g_autofree char *problem = state.problem;
    return g_strdup_printf("install %s \"%s\": %s", module, command, problem);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { FIRST_LONG = 256, HELP_CODE = FIRST_LONG - 1, HELP_COLUMN = 28 };

static size_t count(const CcbOption *options)
{
    size_t n = 0;
    while (options[n].name != NULL)
        n++;
    return n;
}

/* What getopt_long wants: its long table, and the letters. */
static struct option *build_tables(const CcbOption *options, GString *letters)
{
    size_t n = count(options);
    struct option *table = g_new0(struct option, n + 2);
    g_string_assign(letters, ":h");
    for (size_t i = 0; i < n; i++) {
        int has_arg = options[i].type == CCB_OPT_FLAG ? no_argument : required_argument;
        table[i] = (struct option){options[i].name, has_arg, NULL, FIRST_LONG + (int)i};
        if (options[i].letter)
            g_string_append_printf(letters, "%c%s", options[i].letter, has_arg ? ":" : "");
    }
    table[n] = (struct option){"help", no_argument, NULL, HELP_CODE};
    return table;
}

static const CcbOption *find(const CcbOption *options, int code)
{
    if (code >= FIRST_LONG)
        return &options[code - FIRST_LONG];
    for (; options->name != NULL; options++)
        if (options->letter == code)
            return options;
    return NULL;
}

/* An argument written "a|b|c" is a choice. */
static bool check_choice(const CcbOption *option, const char *text, GError **error)
{
    if (strchr(option->argument, '|') == NULL)
        return true;
    g_auto(GStrv) choices = g_strsplit(option->argument, "|", -1);
    if (g_strv_contains((const char *const *)choices, text))
        return true;
    return ccb_fail(error, CCB_ERR_USAGE, "--%s=%s: expected one of %s", option->name, text,
                    option->argument);
}

static bool store_number(const CcbOption *option, const char *text, GError **error)
{
    guint64 number;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &number, NULL))
        return ccb_fail(error, CCB_ERR_USAGE, "--%s=%s: expected a number", option->name, text);
    *(unsigned *)option->value = (unsigned)number;
    return true;
}

/* "500k", "16M", "2G", or bytes. */
static bool store_size(const CcbOption *option, const char *text, GError **error)
{
    static const char units[] = "kMG";
    char *end = NULL;
    guint64 size = g_ascii_strtoull(text, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;
    bool good = g_ascii_isdigit(*text) && (*end == '\0' || (unit != NULL && end[1] == '\0'));
    if (!good || size > UINT64_MAX >> shift)
        return ccb_fail(error, CCB_ERR_USAGE, "--%s=%s: expected a number, with k, M or G",
                        option->name, text);
    *(uint64_t *)option->value = size << shift;
    return true;
}

static bool store(const CcbOption *option, char *text, GError **error)
{
    if (option->type != CCB_OPT_FLAG && !check_choice(option, text, error))
        return false;
    switch (option->type) {
    case CCB_OPT_FLAG:
        *(bool *)option->value = true;
        return true;
    case CCB_OPT_STRING:
        *(const char **)option->value = text;
        return true;
    case CCB_OPT_LIST: {
        GPtrArray **list = option->value;
        if (*list == NULL)
            *list = g_ptr_array_new();
        g_ptr_array_add(*list, text);
        return true;
    }
    case CCB_OPT_NUMBER:
        return store_number(option, text, error);
    case CCB_OPT_SIZE:
        return store_size(option, text, error);
    }
    return ccb_fail(error, CCB_ERR_INTERNAL, "option --%s has no type", option->name);
}

static bool refuse(const CcbVerb *verb, int code, char **argv, GError **error)
{
    ccb_fail(error, CCB_ERR_USAGE, "%s: %s %s", verb->name, argv[optind - 1],
             code == ':' ? "needs a value" : "is not an option");
    return ccb_hint(error, "see `ccbake %s --help`", verb->name);
}

static bool check_arguments(const CcbVerb *verb, int n, GError **error)
{
    if (n >= verb->min_args && (verb->max_args < 0 || n <= verb->max_args))
        return true;
    ccb_fail(error, CCB_ERR_USAGE, "%s: %s", verb->name,
             n < verb->min_args ? "an argument is missing" : "too many arguments");
    return ccb_hint(error, "usage: ccbake %s [OPTION]... %s", verb->name, verb->arguments);
}

char **ccb_options_parse(const CcbVerb *verb, int argc, char **argv, int *ret_argc, GError **error)
{
    g_autoptr(GString) letters = g_string_new(NULL);
    g_autofree struct option *table = build_tables(verb->options, letters);
    int code;
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((code = getopt_long(argc, argv, letters->str, table, NULL)) != -1) {
        if (code == HELP_CODE || code == 'h') {
            g_autofree char *help = ccb_options_help(verb);
            fputs(help, stdout);
            return NULL;
        }
        const CcbOption *option = code == '?' || code == ':' ? NULL : find(verb->options, code);
        if (option == NULL) {
            refuse(verb, code, argv, error);
            return NULL;
        }
        if (!store(option, optarg, error))
            return NULL;
    }
    if (!check_arguments(verb, argc - optind, error))
        return NULL;
    *ret_argc = argc - optind;
    return g_memdup2(argv + optind, sizeof *argv * (size_t)(argc - optind + 1));
}

static void add_word(GPtrArray *argv, const CcbOption *option, const char *value)
{
    if (value != NULL)
        g_ptr_array_add(argv, g_strdup_printf("--%s=%s", option->name, value));
}

static void add_list(GPtrArray *argv, const CcbOption *option, const GPtrArray *values)
{
    for (guint i = 0; values != NULL && i < values->len; i++)
        add_word(argv, option, values->pdata[i]);
}

void ccb_options_to_argv(const CcbOption *options, GPtrArray *argv)
{
    for (const CcbOption *o = options; o->name != NULL; o++) {
        if (o->type == CCB_OPT_FLAG && *(const bool *)o->value)
            g_ptr_array_add(argv, g_strconcat("--", o->name, NULL));
        else if (o->type == CCB_OPT_STRING)
            add_word(argv, o, *(const char *const *)o->value);
        else if (o->type == CCB_OPT_LIST)
            add_list(argv, o, *(GPtrArray *const *)o->value);
        else if (o->type == CCB_OPT_NUMBER && *(const unsigned *)o->value > 0)
            g_ptr_array_add(argv, g_strdup_printf("--%s=%u", o->name, *(const unsigned *)o->value));
        else if (o->type == CCB_OPT_SIZE && *(const uint64_t *)o->value > 0)
            g_ptr_array_add(argv, g_strdup_printf("--%s=%" G_GUINT64_FORMAT, o->name,
                                                  *(const uint64_t *)o->value));
    }
}

char *ccb_options_help(const CcbVerb *verb)
{
    GString *help = g_string_new(NULL);
    g_string_append_printf(help, "usage: ccbake %s [OPTION]...%s%s\n%s\n\n", verb->name,
                           verb->arguments[0] ? " " : "", verb->arguments, verb->summary);
    for (const CcbOption *o = verb->options; o->name != NULL; o++) {
        g_autofree char *letter =
            o->letter ? g_strdup_printf("-%c, ", o->letter) : g_strdup("    ");
        g_autofree char *name =
            g_strdup_printf("  %s--%s%s%s", letter, o->name, o->argument ? "=" : "",
                            o->argument ? o->argument : "");
        g_string_append_printf(help, "%-*s %s\n", HELP_COLUMN, name, o->help);
    }
    g_string_append_printf(help, "%-*s %s\n", HELP_COLUMN, "  -h, --help", "this text");
    return g_string_free(help, FALSE);
}

char *ccb_options_list(const CcbVerb *verb)
{
    GString *list = g_string_new(NULL);
    for (const CcbOption *o = verb->options; o->name != NULL; o++)
        g_string_append_printf(list, "--%s\t%s\t%s\n", o->name, o->argument ? o->argument : "",
                               o->help);
    g_string_append(list, "--help\t\tthis text\n");
    return g_string_free(list, FALSE);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/options.h"

#include <getopt.h>
#include <string.h>

#include "base/error.h"
#include "base/quantity.h"

enum { FIRST_LONG = 256, HELP_COLUMN = 28 };

static bool store_number(const CcbOption *option, const char *text, GError **error)
{
    guint64 number;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &number, NULL))
        return ccb_fail(error, CCB_ERR_USAGE, "--%s=%s: expected a number", option->name, text);
    *(unsigned *)option->value = (unsigned)number;
    return true;
}

/* `text` is NULL for flags. */
static bool store(const CcbOption *option, char *text, GError **error)
{
    if (text != NULL && strchr(option->argument, '|') != NULL) {
        g_auto(GStrv) choices = g_strsplit(option->argument, "|", -1);
        if (!g_strv_contains((const char *const *)choices, text))
            return ccb_fail(error, CCB_ERR_USAGE, "--%s=%s: expected one of %s", option->name, text,
                            option->argument);
    }
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
        return ccb_parse_size(text, option->value) ||
               ccb_fail(error, CCB_ERR_USAGE, "--%s=%s: expected a number, with k, M or G",
                        option->name, text);
    }
    return ccb_fail(error, CCB_ERR_INTERNAL, "option --%s has no type", option->name);
}

char **ccb_options_parse(const CcbVerb *verb, int argc, char **argv, int *ret_argc, GError **error)
{
    /* What getopt_long wants: its long table, in which the options follow FIRST_LONG, and the letters. */
    g_autoptr(GArray) table = g_array_new(TRUE, TRUE, sizeof(struct option));
    g_autoptr(GString) letters = g_string_new(":h");
    for (const CcbOption *o = verb->options; o->name != NULL; o++) {
        int has_arg = o->type == CCB_OPT_FLAG ? no_argument : required_argument;
        struct option row = {o->name, has_arg, NULL, FIRST_LONG + (int)table->len};
        g_array_append_val(table, row);
        if (o->letter)
            g_string_append_printf(letters, "%c%s", o->letter, has_arg ? ":" : "");
    }
    struct option help = {"help", no_argument, NULL, 'h'};
    g_array_append_val(table, help);
    int code;
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((code = getopt_long(argc, argv, letters->str, (struct option *)table->data, NULL)) !=
           -1) {
        if (code == 'h')
            return NULL;
        if (code == '?' || code == ':') {
            ccb_fail(error, CCB_ERR_USAGE, "%s: %s %s", verb->name, argv[optind - 1],
                     code == ':' ? "needs a value" : "is not an option");
            ccb_hint(error, "see `ccbake %s --help`", verb->name);
            return NULL;
        }
        const CcbOption *option = verb->options;
        if (code >= FIRST_LONG)
            option += code - FIRST_LONG;
        while (code < FIRST_LONG && option->letter != code)
            option++;
        if (!store(option, optarg, error))
            return NULL;
    }
    int n = argc - optind;
    if (n < verb->min_args || (verb->max_args >= 0 && n > verb->max_args)) {
        ccb_fail(error, CCB_ERR_USAGE, "%s: %s", verb->name,
                 n < verb->min_args ? "an argument is missing" : "too many arguments");
        ccb_hint(error, "usage: ccbake %s [OPTION]... %s", verb->name, verb->arguments);
        return NULL;
    }
    *ret_argc = n;
    return g_memdup2(argv + optind, sizeof *argv * (size_t)(n + 1));
}

void ccb_options_to_argv(const CcbOption *options, GPtrArray *argv)
{
    for (const CcbOption *o = options; o->name != NULL; o++) {
        const char *text = o->type == CCB_OPT_STRING ? *(const char *const *)o->value : NULL;
        const GPtrArray *list = o->type == CCB_OPT_LIST ? *(GPtrArray *const *)o->value : NULL;
        uint64_t number = o->type == CCB_OPT_NUMBER ? *(const unsigned *)o->value
                          : o->type == CCB_OPT_SIZE ? *(const uint64_t *)o->value
                                                    : 0;
        if (o->type == CCB_OPT_FLAG && *(const bool *)o->value)
            g_ptr_array_add(argv, g_strconcat("--", o->name, NULL));
        if (text != NULL)
            g_ptr_array_add(argv, g_strdup_printf("--%s=%s", o->name, text));
        for (guint i = 0; list != NULL && i < list->len; i++)
            g_ptr_array_add(argv,
                            g_strdup_printf("--%s=%s", o->name, (const char *)list->pdata[i]));
        if (number > 0)
            g_ptr_array_add(argv, g_strdup_printf("--%s=%" G_GUINT64_FORMAT, o->name, number));
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

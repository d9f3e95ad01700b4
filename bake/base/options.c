/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/options.h"

#include <getopt.h>
#include <string.h>

#include "base/error.h"
#include "base/quantity.h"
#include "base/terminal.h"
#include "base/text.h"

enum { FIRST_LONG = 256, HELP_COLUMN = 29 };

static bool asks_help;

static const CcbOption common[] = {
    {"color", 0, CCB_OPT_STRING, &ccb_color_when, "auto|always|never",
     "colours in text for people (auto: on a terminal)"},
    {"help", 'h', CCB_OPT_FLAG, &asks_help, NULL, "this text"},
    {0},
};

/* The verb's own options and the common ones: const CcbOption *; caller unrefs. */
static GPtrArray *all_options(const CcbVerb *verb)
{
    GPtrArray *all = g_ptr_array_new();
    for (const CcbOption *o = verb->options; o->name != NULL; o++)
        g_ptr_array_add(all, (gpointer)o);
    for (const CcbOption *o = common; o->name != NULL; o++)
        g_ptr_array_add(all, (gpointer)o);
    return all;
}

static bool store_number(const CcbOption *option, const char *text, GError **error)
{
    guint64 number;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &number, NULL))
        return ccb_fail(error, CCB_ERR_USAGE, "--%s=%s: expected a number", option->name, text);
    *(unsigned *)option->value = (unsigned)number;
    return true;
}

static bool fail_choice(const CcbOption *option, const char *text, const char *const *choices,
                        GError **error)
{
    const char *meant = ccb_did_you_mean(text, choices);
    ccb_fail(error, CCB_ERR_USAGE, "--%s=%s: expected one of %s", option->name, text,
             option->argument);
    return meant != NULL && ccb_hint(error, "did you mean --%s=%s?", option->name, meant);
}

static int has_argument(const CcbOption *option)
{
    if (option->argument == NULL)
        return no_argument;
    return option->type == CCB_OPT_OPTIONAL_LIST ? optional_argument : required_argument;
}

/* `text` is NULL for flags, and for a value that was left out. */
static bool store(const CcbOption *option, char *text, GError **error)
{
    if (text != NULL && strchr(option->argument, '|') != NULL) {
        g_auto(GStrv) choices = g_strsplit(option->argument, "|", -1);
        if (!g_strv_contains((const char *const *)choices, text))
            return fail_choice(option, text, (const char *const *)choices, error);
    }
    switch (option->type) {
    case CCB_OPT_FLAG:
        *(bool *)option->value = true;
        return true;
    case CCB_OPT_STRING:
        *(const char **)option->value = text;
        return true;
    case CCB_OPT_NAME:
        *(const char **)option->value = option->name;
        return true;
    case CCB_OPT_LIST:
    case CCB_OPT_OPTIONAL_LIST: {
        GPtrArray **list = option->value;
        if (*list == NULL)
            *list = g_ptr_array_new();
        g_ptr_array_add(*list, text != NULL ? text : (char *)"");
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

/* What getopt_long() did not take: `word` as it was typed. */
static void fail_unknown(const CcbVerb *verb, const GPtrArray *all, const char *word,
                         bool lacks_value, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < all->len; i++)
        g_ptr_array_add(names, (char *)((const CcbOption *)all->pdata[i])->name);
    g_ptr_array_add(names, NULL);
    g_autofree char *name = g_strndup(word + 1, strcspn(word + 1, "="));
    const char *meant = !lacks_value && name[0] == '-'
                            ? ccb_did_you_mean(name + 1, (const char *const *)names->pdata)
                            : NULL;
    ccb_fail(error, CCB_ERR_USAGE, "%s: %s %s", verb->name, word,
             lacks_value ? "needs a value" : "is not an option");
    if (meant != NULL)
        ccb_hint(error, "did you mean --%s?", meant);
    else
        ccb_hint(error, "see `ccbake %s --help`", verb->name);
}

char **ccb_options_parse(const CcbVerb *verb, int argc, char **argv, int *ret_argc, GError **error)
{
    /* What getopt_long wants: its long table, in which the options follow FIRST_LONG, and the letters. */
    g_autoptr(GPtrArray) all = all_options(verb);
    g_autoptr(GArray) table = g_array_new(TRUE, TRUE, sizeof(struct option));
    g_autoptr(GString) letters = g_string_new(":");
    for (guint i = 0; i < all->len; i++) {
        static const char *const colons[] = {
            [no_argument] = "", [required_argument] = ":", [optional_argument] = "::"};
        const CcbOption *o = all->pdata[i];
        struct option row = {o->name, has_argument(o), NULL, FIRST_LONG + (int)i};
        g_array_append_val(table, row);
        if (o->letter)
            g_string_append_printf(letters, "%c%s", o->letter, colons[has_argument(o)]);
    }
    int count = argc, code;
    for (int i = argc; verb->takes_command && i-- > 1;)
        if (strcmp(argv[i], "--") == 0)
            argc = i;
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((code = getopt_long(argc, argv, letters->str, (struct option *)table->data, NULL)) !=
           -1) {
        if (code == '?' || code == ':') {
            /* getopt has optopt: the letter, or FIRST_LONG and more of a long option with a value that it does not take. */
            g_autofree char *letter = g_strdup_printf("-%c", (char)optopt);
            bool is_letter = optopt > 0 && optopt < FIRST_LONG;
            if (code == '?' && optopt >= FIRST_LONG)
                ccb_fail(error, CCB_ERR_USAGE, "%s: --%s takes no value", verb->name,
                         ((const CcbOption *)all->pdata[optopt - FIRST_LONG])->name);
            else
                fail_unknown(verb, all, is_letter ? letter : argv[optind - 1], code == ':', error);
            return NULL;
        }
        guint i = code >= FIRST_LONG ? (guint)(code - FIRST_LONG) : 0;
        while (code < FIRST_LONG && ((const CcbOption *)all->pdata[i])->letter != code)
            i++;
        if (!store(all->pdata[i], optarg, error) || asks_help)
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
    return g_memdup2(argv + optind, sizeof *argv * (size_t)(count - optind + 1));
}

void ccb_options_to_argv(const CcbOption *options, GPtrArray *argv)
{
    for (const CcbOption *o = options; o->name != NULL; o++) {
        const char *text = o->type == CCB_OPT_STRING ? *(const char *const *)o->value : NULL;
        bool is_list = o->type == CCB_OPT_LIST || o->type == CCB_OPT_OPTIONAL_LIST;
        const GPtrArray *list = is_list ? *(GPtrArray *const *)o->value : NULL;
        uint64_t number = o->type == CCB_OPT_NUMBER ? *(const unsigned *)o->value
                          : o->type == CCB_OPT_SIZE ? *(const uint64_t *)o->value
                                                    : 0;
        if (o->type == CCB_OPT_FLAG && *(const bool *)o->value)
            g_ptr_array_add(argv, g_strconcat("--", o->name, NULL));
        if (text != NULL)
            g_ptr_array_add(argv, g_strdup_printf("--%s=%s", o->name, text));
        for (guint i = 0; list != NULL && i < list->len; i++) {
            const char *value = list->pdata[i];
            bool left_out = value[0] == '\0' && o->type == CCB_OPT_OPTIONAL_LIST;
            g_ptr_array_add(argv, g_strdup_printf("--%s%s%s", o->name, left_out ? "" : "=", value));
        }
        if (number > 0)
            g_ptr_array_add(argv, g_strdup_printf("--%s=%" G_GUINT64_FORMAT, o->name, number));
    }
}

char *ccb_options_help(const CcbVerb *verb, unsigned columns)
{
    g_autoptr(GPtrArray) all = all_options(verb);
    GString *help = g_string_new(NULL);
    g_string_append_printf(help, "usage: ccbake %s [OPTION]...%s%s\n%s\n\n", verb->name,
                           verb->arguments[0] ? " " : "", verb->arguments, verb->summary);
    for (guint i = 0; i < all->len; i++) {
        const CcbOption *o = all->pdata[i];
        bool optional = has_argument(o) == optional_argument;
        if (o->letter)
            g_string_append_printf(help, "  -%c, ", o->letter);
        else
            g_string_append(help, "      ");
        g_string_append_printf(help, "--%s%s%s%s%s", o->name, optional ? "[" : "",
                               o->argument ? "=" : "", o->argument ? o->argument : "",
                               optional ? "]" : "");
        ccb_append_wrapped(help, o->help, HELP_COLUMN, columns);
    }
    return g_string_free(help, FALSE);
}

char *ccb_options_list(const CcbVerb *verb)
{
    g_autoptr(GPtrArray) all = all_options(verb);
    GString *list = g_string_new(NULL);
    for (guint i = 0; i < all->len; i++) {
        const CcbOption *o = all->pdata[i];
        bool optional = has_argument(o) == optional_argument;
        g_string_append_printf(list, "--%s\t%s%s%s\t%s\n", o->name, optional ? "[" : "",
                               o->argument ? o->argument : "", optional ? "]" : "", o->help);
    }
    return g_string_free(list, FALSE);
}

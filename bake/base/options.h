/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One table a verb says everything about its command line; the parser, --help, the shell completion
 * and the test that compares them with the man page all read it.
 *
 *     static struct opts { const char *output; bool json; } opts;
 *     static const CcbOption options[] = {
 *         {"output", 'o', CCB_OPT_STRING, &opts.output, "FILE", "where the image goes"},
 *         {"json", 0, CCB_OPT_FLAG, &opts.json, NULL, "print JSON"},
 *         {0},
 *     };
 *     const CcbVerb ccb_verb_bake = {.name = "bake", .arguments = "RECIPE", .options = options, ...};
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    CCB_OPT_FLAG,   /* value: bool * */
    CCB_OPT_STRING, /* value: const char **; points into argv */
    CCB_OPT_NAME,   /* value: const char **; gets the option's own name: --json for --format=json */
    CCB_OPT_LIST,   /* value: GPtrArray **; may be repeated; created when first seen */
    CCB_OPT_OPTIONAL_LIST, /* the same; --name alone adds "", and --name=VALUE the value */
    CCB_OPT_NUMBER,        /* value: unsigned * */
    CCB_OPT_SIZE,          /* value: uint64_t *, bytes; written with k, M or G, of 1024 each */
} CcbOptionType;

typedef struct {
    const char *name; /* long name without the dashes; NULL ends the table */
    char letter;      /* short name, or 0 */
    CcbOptionType type;
    void *value;
    const char *
        argument; /* what --help calls the value: FILE, a|b|c (completed and checked); NULL for flags */
    const char *help;
} CcbOption;

/* Rows for the table of a verb that prints its result for programs, too.  `format` is a const char * that begins as
 * "text"; `choices` is "text|json" or longer. */
#define CCB_FORMAT_OPTIONS(format, choices, help)                                                  \
    {"format", 0, CCB_OPT_STRING, &(format), choices, help},                                       \
    {                                                                                              \
        "json", 0, CCB_OPT_NAME, &(format), NULL, "the same as --format=json"                      \
    }

typedef struct CcbVerb {
    const char *name;
    const char *arguments; /* as --help shows them: "RECIPE" */
    const char *summary;
    const CcbOption *options;
    int min_args, max_args; /* positional arguments; max -1: any number */
    bool takes_command;     /* what follows "--" is a command, and no arguments */
    /* argv holds the positional arguments only; of a verb that takes a command, argv[argc] is NULL, or "--" before the
     * words of the command. */
    bool (*run)(int argc, char **argv, GError **error);
} CcbVerb;

/* Every verb has --color and --help besides its own options.
 *
 * Parses argv[1..] of a verb (options may stand anywhere; "--" ends them), fills the table's values
 * and returns the positional arguments (array to be freed with g_free; the strings belong to argv).
 * NULL without an error: --help is asked for.  Errors: CCB_ERR_USAGE. */
char **ccb_options_parse(const CcbVerb *verb, int argc, char **argv, int *ret_argc, GError **error);

/* Adds the options that have a value, as they would be typed: for a ccbake that is started by this
 * one.  The words belong to `argv`. */
void ccb_options_to_argv(const CcbOption *options, GPtrArray *argv);

/* The help text of the verb, in lines of at most `columns`; caller frees. */
char *ccb_options_help(const CcbVerb *verb, unsigned columns);

/* One line an option for completion and tests: "--name\tARGUMENT\thelp", with an argument that may be
 * left out as "[ARGUMENT]"; caller frees. */
char *ccb_options_list(const CcbVerb *verb);

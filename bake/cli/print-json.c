/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/print-json.h"

#include <stdio.h>

static void print(json_t *json, size_t flags)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | flags);
    putchar('\n');
    json_decref(json);
}

void ccb_print_json(json_t *json)
{
    print(json, JSON_SORT_KEYS);
}

void ccb_print_json_in_order(json_t *json)
{
    print(json, 0);
}

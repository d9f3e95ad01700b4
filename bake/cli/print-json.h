/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <jansson.h>

/* Prints JSON to standard output, indented and with sorted keys; drops the reference. */
void ccb_print_json(json_t *json);

/* The same with the keys in the order in which they were set. */
void ccb_print_json_in_order(json_t *json);

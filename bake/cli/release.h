/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two releases of an image compared by their manifests, without opening an image. */
#pragma once

#include <jansson.h>

/* An object with `name`, `baked`, and the lists `facts`, `checks`, `packages`, `payloads`, `steps` and `files`, of items as
 * in ccb_diff_to_json(); a list of which one of the manifests has nothing to say is missing.  `checks`: the results for
 * the new image, or NULL.  New reference. */
json_t *ccb_release_compare(const char *name, const json_t *old, const json_t *now,
                            const json_t *checks);

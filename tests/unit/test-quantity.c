/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes, durations and numbers of things in messages. */
#include "base/quantity.h"
#include "tap.h"

int main(void)
{
    is_taken(ccb_format_size(189200000), "189.2 MB", "an ordinary blank: people search for it");
    is_taken(ccb_format_size(1), "1 byte", "one byte");
    is_taken(ccb_format_seconds(4.24), "4.2 s", "seconds");
    is_taken(ccb_format_seconds(192), "3 min 12 s", "minutes");
    is_str(ccb_plural(0, "entry", "entries"), "entries", "no entries");
    is_str(ccb_plural(1, "entry", "entries"), "entry", "one entry");
    is_str(ccb_plural(2, "entry", "entries"), "entries", "two entries");
    return done();
}

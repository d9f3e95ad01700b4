/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that come with ccbake, in the layout of the source tree: recipes/ and overlays/. */
#pragma once

/* The directory with these two: ../share/ccbake beside the directory of the running program, where `make install` puts
 * them, or the source tree that the program was built in; NULL where there is neither.  Belongs to the function. */
const char *ccb_data_dir(void);

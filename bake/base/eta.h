/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a task of several parts is, and how long the rest will take, from how long the
 * same parts took before.
 *
 *     ccb_eta_start(names, n)      what is to come, in this order; reads what was learnt
 *     ccb_eta_begin("fetch")       a part begins, and the one before it has ended well
 *     ccb_eta_skip()               what this part takes says nothing: somebody else did its work
 *     ccb_eta_reuse()              this part found in the cache what it makes else: it is learnt apart
 *     ccb_eta_finish()             the last part has ended well; keeps what was learnt
 *     ccb_eta_now(&fraction, &left_s)
 *
 * One task a process.  What was learnt is in ccb_cache_dir()/eta: for each name the mean of
 * its durations, in which each new one weighs as much as all before it.  That file is a convenience:
 * failing to read or write it is no error.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

void ccb_eta_start(const char *const *names, guint n);

/* Does nothing where the part is under way already, or is none of those to come. */
void ccb_eta_begin(const char *name);
void ccb_eta_skip(void);
void ccb_eta_reuse(void);
void ccb_eta_finish(void);

/* False without a task.  The fraction is of the time that is expected; *ret_left_s is
 * negative while a part to come was never seen. */
bool ccb_eta_now(double *ret_fraction, double *ret_left_s);

/* How much less of that it is where each part that ever found its result in the cache finds it again. */
double ccb_eta_saving_s(void);

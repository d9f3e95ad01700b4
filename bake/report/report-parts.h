/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sections of a page; for this room only. */
#pragma once

#include "report/html.h"
#include "report/page.h"

/* Each appends the content of one <section>. */
void ccb_page_checks(GString *out, const CcbPage *page);
void ccb_page_unseen(GString *out, const CcbPage *page);
void ccb_page_order(GString *out, const CcbPage *page);
void ccb_page_steps(GString *out, const CcbPage *page);
void ccb_page_sizes(GString *out, const CcbPage *page);
void ccb_page_previous(GString *out, const CcbPage *page);
void ccb_page_changes(GString *out, const CcbPage *page);
void ccb_page_sources(GString *out, const CcbPage *page);
void ccb_page_recipe(GString *out, const CcbPage *page);

/* Members of an object; NULL and 0 where `json` or the member is missing or of another type. */
const char *ccb_json_text(const json_t *json, const char *member);
guint64 ccb_json_count(const json_t *json, const char *member);

/* A list to unfold, of items with `change`, `name`, `a` and `b` as of ccb_diff_to_json(); nothing for none. */
void ccb_page_items(GString *out, const char *title, const json_t *items);

/* A paragraph; what stands between two backquotes is code. */
void ccb_page_remark(GString *out, const char *text);

/* A bar of `part` in `whole`, which begins at `from`, as the content of a table's cell. */
void ccb_page_bar(GString *out, double from, double part, double whole);

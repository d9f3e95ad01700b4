/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 1. Both texts are cut into lines; what they have in common at the start and at the end is put
 *    aside.
 * 2. search() finds the shortest way through the rest, and notes how far each number of edits
 *    reached; mark() goes that way backwards and marks the lines that only one text has.
 * 3. render() prints the marked lines, with their neighbours.
 */
#include "diff/textdiff.h"

#include <string.h>

enum { CONTEXT = 3 };

typedef struct {
    const char *text;
    size_t size; /* with its line end */
    bool own;    /* the other text does not have it */
} Line;

typedef struct {
    GArray *a, *b;        /* Line */
    guint head;           /* lines that both begin with */
    guint a_rest, b_rest; /* lines between what both begin and what both end with */
    GPtrArray *reached;   /* gint *: for each number of edits, how far each diagonal came */
} Texts;

static GArray *cut(const char *text, size_t size)
{
    GArray *lines = g_array_new(FALSE, FALSE, sizeof(Line));
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        Line line = {text, end != NULL ? (size_t)(end - text) + 1 : size, false};
        g_array_append_val(lines, line);
        text += line.size;
        size -= line.size;
    }
    return lines;
}

static Line *line_at(const GArray *lines, guint index)
{
    return &g_array_index(lines, Line, index);
}

static bool same(const Texts *t, guint a, guint b)
{
    const Line *x = line_at(t->a, a), *y = line_at(t->b, b);
    return x->size == y->size && memcmp(x->text, y->text, x->size) == 0;
}

static void trim(Texts *t)
{
    guint a = t->a->len, b = t->b->len;
    while (t->head < a && t->head < b && same(t, t->head, t->head))
        t->head++;
    while (a > t->head && b > t->head && same(t, a - 1, b - 1)) {
        a--;
        b--;
    }
    t->a_rest = a - t->head;
    t->b_rest = b - t->head;
}

/* The line of `a` where the way on diagonal k begins with its edit number `edits`: down from k + 1
 * (a line of b more) or right from k - 1 (a line of a less), whichever is further. */
static gint start_of(const gint *before, gint k, gint edits)
{
    bool down = k == -edits || (k != edits && before[k - 1] < before[k + 1]);
    return down ? before[k + 1] : before[k - 1] + 1;
}

static gint follow(const Texts *t, gint x, gint k)
{
    while (x < (gint)t->a_rest && x - k < (gint)t->b_rest &&
           same(t, t->head + (guint)x, t->head + (guint)(x - k)))
        x++;
    return x;
}

/* One more edit: how far each diagonal comes.  `row` and `before` are indexed by diagonal, from
 * -edits to edits.  Whether the end is reached. */
static bool advance(const Texts *t, gint *row, const gint *before, gint edits)
{
    for (gint k = -edits; k <= edits; k += 2) {
        gint x = start_of(before, k, edits);
        bool inside = x <= (gint)t->a_rest && x - k <= (gint)t->b_rest && x - k >= 0;
        row[k] = inside ? follow(t, x, k) : x;
        if (row[k] == (gint)t->a_rest && row[k] - k == (gint)t->b_rest)
            return true;
    }
    return false;
}

/* Diagonal 0 of the row of so many edits. */
static gint *middle(const Texts *t, gint edits)
{
    return (gint *)t->reached->pdata[edits] + edits + 1;
}

static gint *add_row(Texts *t, gint edits)
{
    g_ptr_array_add(t->reached, g_new(gint, 2 * edits + 3));
    return middle(t, edits);
}

/* The number of edits, or -1 where it is beyond the bound.  Without any the way ends at its start: the first lines
 * differ, or trim() would have taken them. */
static gint search(Texts *t)
{
    *add_row(t, 0) = 0;
    for (gint edits = 1; edits <= CCB_TEXTDIFF_EDITS; edits++) {
        gint *row = add_row(t, edits);
        if (advance(t, row, middle(t, edits - 1), edits))
            return edits;
    }
    return -1;
}

static void mark(Texts *t, gint edits)
{
    gint k = (gint)t->a_rest - (gint)t->b_rest;
    for (; edits > 0; edits--) {
        const gint *before = middle(t, edits - 1);
        gint x = start_of(before, k, edits);
        bool down = k == -edits || (k != edits && before[k - 1] < before[k + 1]);
        if (down)
            line_at(t->b, t->head + (guint)(x - k - 1))->own = true;
        else
            line_at(t->a, t->head + (guint)(x - 1))->own = true;
        k += down ? 1 : -1;
    }
}

static void mark_all(GArray *lines, guint from, guint count)
{
    for (guint i = 0; i < count; i++)
        line_at(lines, from + i)->own = true;
}

static bool compare(Texts *t)
{
    trim(t);
    if (t->a_rest == 0 || t->b_rest == 0) { /* only added or only removed: however much */
        mark_all(t->a, t->head, t->a_rest);
        mark_all(t->b, t->head, t->b_rest);
        return true;
    }
    gint edits = search(t);
    if (edits >= 0)
        mark(t, edits);
    return edits >= 0;
}

static void print_line(GString *out, char sign, const Line *line)
{
    g_string_append_c(out, sign);
    g_string_append_len(out, line->text, (gssize)line->size);
    if (line->text[line->size - 1] != '\n')
        g_string_append(out, "\n\\ No newline at end of file\n");
}

/* "12,3", "12" for one line; behind the line before for none. */
static void print_range(GString *out, char sign, guint from, guint count)
{
    g_string_append_printf(out, " %c%u", sign, count > 0 ? from + 1 : from);
    if (count != 1)
        g_string_append_printf(out, ",%u", count);
}

typedef struct {
    guint a, b;
} Place;

/* From a place where both are at a line of their own or of both: one line of the diff further. */
static void step(const Texts *t, Place *at)
{
    bool removed = at->a < t->a->len && line_at(t->a, at->a)->own;
    bool added = !removed && at->b < t->b->len && line_at(t->b, at->b)->own;
    at->a += !added;
    at->b += !removed;
}

static bool at_change(const Texts *t, Place at)
{
    return (at.a < t->a->len && line_at(t->a, at.a)->own) ||
           (at.b < t->b->len && line_at(t->b, at.b)->own);
}

static bool at_end(const Texts *t, Place at)
{
    return at.a >= t->a->len && at.b >= t->b->len;
}

/* The end of the hunk whose first change is at `at`: where more common lines follow than two
 * contexts hold. */
static Place hunk_end(const Texts *t, Place at)
{
    Place end = at;
    for (guint common = 0; common <= 2 * CONTEXT && !at_end(t, at);) {
        common = at_change(t, at) ? 0 : common + 1;
        step(t, &at);
        if (common <= CONTEXT)
            end = at;
    }
    return end;
}

static void print_hunk(GString *out, const Texts *t, Place from, Place to)
{
    g_string_append(out, "@@");
    print_range(out, '-', from.a, to.a - from.a);
    print_range(out, '+', from.b, to.b - from.b);
    g_string_append(out, " @@\n");
    while (from.a < to.a || from.b < to.b) {
        Place at = from;
        step(t, &from);
        if (from.b == at.b)
            print_line(out, '-', line_at(t->a, at.a));
        else
            print_line(out, from.a == at.a ? '+' : ' ', line_at(t->b, at.b));
    }
}

static char *render(const Texts *t)
{
    GString *out = g_string_new(NULL);
    Place at = {0, 0};
    guint common = 0; /* lines since the last hunk */
    while (!at_end(t, at)) {
        if (!at_change(t, at)) {
            common++;
            step(t, &at);
            continue;
        }
        guint context = MIN(common, CONTEXT);
        Place end = hunk_end(t, at);
        print_hunk(out, t, (Place){at.a - context, at.b - context}, end);
        at = end;
        common = 0;
    }
    return g_string_free(out, FALSE);
}

char *ccb_textdiff(const char *a, size_t a_size, const char *b, size_t b_size)
{
    g_autoptr(GArray) a_lines = cut(a, a_size);
    g_autoptr(GArray) b_lines = cut(b, b_size);
    g_autoptr(GPtrArray) reached = g_ptr_array_new_with_free_func(g_free);
    if (MAX(a_lines->len, b_lines->len) > CCB_TEXTDIFF_LINES)
        return NULL;
    Texts texts = {.a = a_lines, .b = b_lines, .reached = reached};
    return compare(&texts) ? render(&texts) : NULL;
}

bool ccb_textdiff_is_text(const char *data, size_t size)
{
    return g_utf8_validate_len(data, size, NULL);
}

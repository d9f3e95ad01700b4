/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff/textdiff.h"

#include <string.h>

#include "base/leak.h"

enum { CONTEXT = 3 };

typedef struct {
    const char *text;
    size_t size;        /* with its line end */
    bool own;           /* the other text does not have it */
    const char *secret; /* what is in it that must not be shown; or NULL */
} Line;

/* A line of the diff. */
typedef struct {
    char sign;
    const Line *line;
    guint a, b; /* how many lines of each text are before it */
} Row;

static GArray *split(const char *text, size_t size)
{
    GArray *lines = g_array_new(FALSE, FALSE, sizeof(Line));
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        Line line = {text, end != NULL ? (size_t)(end - text) + 1 : size, false, NULL};
        g_array_append_val(lines, line);
        text += line.size;
        size -= line.size;
    }
    return lines;
}

static void mark_secrets(GArray *lines, const char *text, size_t size)
{
    g_autoptr(GArray) leaks = ccb_leaks_find(text, size);
    for (guint i = 0, j = 0; i < leaks->len; i++) {
        const CcbLeak *leak = &g_array_index(leaks, CcbLeak, i);
        for (; j < lines->len; j++) {
            Line *line = &g_array_index(lines, Line, j);
            size_t begin = (size_t)(line->text - text);
            if (begin >= leak->end)
                break;
            if (begin + line->size > leak->begin)
                line->secret = leak->what;
        }
        j -= j > 0; /* the next one may be in the same line */
    }
}

static bool same(const Line *x, const Line *y)
{
    return x->size == y->size && memcmp(x->text, y->text, x->size) == 0;
}

/* Whether the way on diagonal k comes to its edit number `edits` down from k + 1 (by a line of b) or right from k - 1
 * (by a line of a), whichever is further. */
static bool comes_down(const gint *before, gint k, gint edits)
{
    return k == -edits || (k != edits && before[k - 1] < before[k + 1]);
}

/* Marks what only one of the texts has, by the shortest way from one to the other; false where that has too many edits.
 * For each number of edits a row notes how far each diagonal came: diagonal k, with x lines of a and x - k of b behind
 * it, is row[k]. */
static bool mark(Line *a, gint a_len, Line *b, gint b_len)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(g_free);
    const gint *before = NULL;
    gint edits = 0, k;
    for (bool arrived = false; !arrived; edits++) {
        if (edits > CCB_TEXTDIFF_EDITS)
            return false;
        gint *row = g_new(gint, 2 * edits + 3);
        g_ptr_array_add(rows, row);
        row += edits + 1;
        for (k = -edits; k <= edits && !arrived; k += 2) {
            gint x = edits == 0                     ? 0
                     : comes_down(before, k, edits) ? before[k + 1]
                                                    : before[k - 1] + 1;
            while (x < a_len && x - k < b_len && x >= k && same(&a[x], &b[x - k]))
                x++;
            row[k] = x;
            arrived = x == a_len && x - k == b_len;
        }
        before = row;
    }
    k = a_len - b_len;
    for (edits--; edits > 0; edits--) {
        before = (gint *)rows->pdata[edits - 1] + edits;
        if (comes_down(before, k, edits)) {
            b[before[k + 1] - k - 1].own = true;
            k++;
        } else {
            a[before[k - 1]].own = true;
            k--;
        }
    }
    return true;
}

static GArray *make_rows(const GArray *a, const GArray *b)
{
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(Row));
    for (guint i = 0, j = 0; i < a->len || j < b->len;) {
        const Line *x = i < a->len ? &g_array_index(a, Line, i) : NULL;
        const Line *y = j < b->len ? &g_array_index(b, Line, j) : NULL;
        Row row = {' ', x, i, j};
        if (x != NULL && x->own)
            row.sign = '-';
        else if (y != NULL && y->own)
            row = (Row){'+', y, i, j};
        i += row.sign != '+';
        j += row.sign != '-';
        g_array_append_val(rows, row);
    }
    return rows;
}

/* "12,3", "12" for one line; behind the line before for none. */
static void print_range(GString *out, char sign, guint from, guint count)
{
    g_string_append_printf(out, " %c%u", sign, count > 0 ? from + 1 : from);
    if (count != 1)
        g_string_append_printf(out, ",%u", count);
}

static void print_hunk(GString *out, const Row *rows, guint count)
{
    guint a = 0, b = 0;
    for (guint i = 0; i < count; i++) {
        a += rows[i].sign != '+';
        b += rows[i].sign != '-';
    }
    g_string_append(out, "@@");
    print_range(out, '-', rows[0].a, a);
    print_range(out, '+', rows[0].b, b);
    g_string_append(out, " @@\n");
    for (guint i = 0; i < count; i++) {
        const Line *line = rows[i].line;
        g_string_append_c(out, rows[i].sign);
        if (line->secret != NULL) {
            g_string_append_printf(out, "[line with %s, not shown]\n", line->secret);
            continue;
        }
        g_string_append_len(out, line->text, (gssize)line->size);
        if (line->text[line->size - 1] != '\n')
            g_string_append(out, "\n\\ No newline at end of file\n");
    }
}

char *ccb_textdiff(const char *a, size_t a_size, const char *b, size_t b_size)
{
    g_autoptr(GArray) a_lines = split(a, a_size);
    g_autoptr(GArray) b_lines = split(b, b_size);
    guint head = 0, a_end = a_lines->len, b_end = b_lines->len;
    Line *x = (Line *)(void *)a_lines->data, *y = (Line *)(void *)b_lines->data;
    if (MAX(a_end, b_end) > CCB_TEXTDIFF_LINES)
        return NULL;
    mark_secrets(a_lines, a, a_size);
    mark_secrets(b_lines, b, b_size);
    while (head < a_end && head < b_end && same(&x[head], &y[head]))
        head++;
    for (; a_end > head && b_end > head && same(&x[a_end - 1], &y[b_end - 1]); a_end--)
        b_end--;
    if (a_end == head || b_end == head) { /* only added or only removed: however much */
        for (guint i = head; i < a_end; i++)
            x[i].own = true;
        for (guint i = head; i < b_end; i++)
            y[i].own = true;
    } else if (!mark(x + head, (gint)(a_end - head), y + head, (gint)(b_end - head))) {
        return NULL;
    }
    g_autoptr(GArray) rows = make_rows(a_lines, b_lines);
    const Row *row = (const Row *)(void *)rows->data;
    GString *out = g_string_new(NULL);
    for (guint i = 0, last = 0; i < rows->len; i++) {
        if (row[i].sign == ' ')
            continue;
        guint begin = i - MIN(i - last, CONTEXT), end = i + 1;
        /* Two contexts hold so many common lines that the next change is in the same hunk. */
        for (guint k = end; k < rows->len && k - end <= 2 * CONTEXT; k++)
            end = row[k].sign != ' ' ? k + 1 : end;
        last = MIN(end + CONTEXT, rows->len);
        print_hunk(out, row + begin, last - begin);
        i = last - 1;
    }
    return g_string_free(out, FALSE);
}

bool ccb_textdiff_is_text(const char *data, size_t size)
{
    return g_utf8_validate_len(data, size, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff/textdiff.h"
#include "tap.h"

static void is_diff(const char *a, const char *b, const char *expected, const char *what)
{
    is_taken(ccb_textdiff(a, strlen(a), b, strlen(b)), expected, what);
}

/* The hunks are those of GNU diff -u. */
static void test_hunks(void)
{
    is_diff("a\nb\n", "a\nb\n", "", "equal texts have none");
    is_diff("", "", "", "nor have empty ones");
    is_diff("a\nb\nc\n", "a\nB\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", "a changed line");
    is_diff("", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n", "from nothing");
    is_diff("a\n", "", "@@ -1 +0,0 @@\n-a\n", "to nothing");
    is_diff("a\nb\n", "a\nx\nb\n", "@@ -1,2 +1,3 @@\n a\n+x\n b\n", "an added line");
    is_diff("a\n\nb\n", "a\nb\n", "@@ -1,3 +1,2 @@\n a\n-\n b\n", "a removed empty line");
    is_diff("a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n",
            "a line end that was missing");
    is_diff("x\na", "a", "@@ -1,2 +1 @@\n-x\n a\n\\ No newline at end of file\n",
            "a common last line without one");
    is_diff("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
            "@@ -6,3 +6,4 @@\n 6\n 7\n 8\n+9\n", "three lines of context");
}

/* Changes of the lines 1 and `gap` + 2. */
static char *two_changes(guint gap)
{
    g_autoptr(GString) a = g_string_new("a\n"), b = g_string_new("A\n");
    for (guint i = 0; i < gap; i++) {
        g_string_append_printf(a, "%u\n", i);
        g_string_append_printf(b, "%u\n", i);
    }
    g_string_append(a, "z\n");
    g_string_append(b, "Z\n");
    return ccb_textdiff(a->str, a->len, b->str, b->len);
}

static void test_distance(void)
{
    is_taken(two_changes(6), "@@ -1,8 +1,8 @@\n-a\n+A\n 0\n 1\n 2\n 3\n 4\n 5\n-z\n+Z\n",
             "six lines between two changes: one hunk");
    is_taken(two_changes(7),
             "@@ -1,4 +1,4 @@\n-a\n+A\n 0\n 1\n 2\n"
             "@@ -6,4 +6,4 @@\n 4\n 5\n 6\n-z\n+Z\n",
             "seven: two");
}

/* What the hunks make of `a`: the lines that they name are taken from them, the others from `a`. */
static char *apply(const char *a, size_t size, const char *hunks)
{
    GString *out = g_string_new(NULL);
    const char *end = a + size, *at = a, *h = hunks;
    guint line = 1, from, count;
    char last = ' ';
    while (*h != '\0') {
        const char *stop = strchr(h, '\n') + 1;
        if (*h == '@') {
            guint fields = (guint)sscanf(h, "@@ -%u,%u", &from, &count);
            from += fields == 2 && count == 0;
            for (; line < from; line++) {
                const char *next = memchr(at, '\n', (size_t)(end - at));
                g_string_append_len(out, at, next + 1 - at);
                at = next + 1;
            }
        } else if (*h == '\\') {
            if (last != '-')
                g_string_truncate(out, out->len - 1);
        } else {
            if (*h != '-')
                g_string_append_len(out, h + 1, stop - h - 1);
            if (*h != '+') {
                const char *next = memchr(at, '\n', (size_t)(end - at));
                at = next != NULL ? next + 1 : end;
                line++;
            }
        }
        last = *h;
        h = stop;
    }
    g_string_append_len(out, at, end - at);
    return g_string_free(out, FALSE);
}

static char *random_text(GRand *random)
{
    GString *text = g_string_new(NULL);
    for (gint n = g_rand_int_range(random, 0, 30); n > 0; n--)
        g_string_append_printf(text, "%c\n", 'a' + g_rand_int_range(random, 0, 4));
    if (text->len > 0 && g_rand_boolean(random))
        g_string_truncate(text, text->len - 1);
    return g_string_free(text, FALSE);
}

static guint count_edits(const char *hunks)
{
    g_auto(GStrv) lines = g_strsplit(hunks, "\n", -1);
    guint edits = 0;
    for (char **line = lines; *line != NULL; line++)
        edits += **line == '-' || **line == '+';
    return edits;
}

/* The length of the longest common subsequence, by the table that every textbook has. */
static guint shortest(const char *a, const char *b)
{
    g_auto(GStrv) x = g_strsplit(a, "\n", -1);
    g_auto(GStrv) y = g_strsplit(b, "\n", -1);
    guint n = g_strv_length(x), m = g_strv_length(y), table[64][64] = {0};
    for (guint i = 1; i <= n; i++)
        for (guint k = 1; k <= m; k++)
            table[i][k] = strcmp(x[i - 1], y[k - 1]) == 0 ? table[i - 1][k - 1] + 1
                                                          : MAX(table[i - 1][k], table[i][k - 1]);
    return n + m - 2 * table[n][m];
}

static void test_random(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    guint wrong = 0, longer = 0;
    for (int i = 0; i < 3000; i++) {
        g_autofree char *a = random_text(random), *b = random_text(random);
        g_autofree char *hunks = ccb_textdiff(a, strlen(a), b, strlen(b));
        g_autofree char *made = apply(a, strlen(a), hunks);
        wrong += strcmp(made, b) != 0;
        bool ends = g_str_has_suffix(a, "\n") && g_str_has_suffix(b, "\n");
        longer += ends && count_edits(hunks) != shortest(a, b);
    }
    is_int(wrong, 0, "the hunks make one text of the other");
    is_int(longer, 0, "and there are no shorter ones");
}

static char *numbers(guint count, guint step)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < count; i++)
        g_string_append_printf(text, "%u\n", i * step);
    return g_string_free(text, FALSE);
}

static void test_bounds(void)
{
    g_autofree char *many = numbers(CCB_TEXTDIFF_LINES + 1, 1);
    g_autofree char *most = numbers(CCB_TEXTDIFF_LINES, 1);
    g_autofree char *other = numbers(CCB_TEXTDIFF_LINES, 3);
    is_taken(ccb_textdiff(many, strlen(many), "", 0), NULL, "too many lines");
    is_taken(ccb_textdiff(most, strlen(most), other, strlen(other)), NULL, "too much differs");
    g_autofree char *all = ccb_textdiff("", 0, most, strlen(most));
    is_int(all != NULL ? count_edits(all) : 0, CCB_TEXTDIFF_LINES, "all lines new: no search");
}

static void test_text(void)
{
    ok(ccb_textdiff_is_text("gr\xc3\xbc\xc3\x9f\n", 7) && ccb_textdiff_is_text("", 0), "text");
    ok(!ccb_textdiff_is_text("a\0b", 3) && !ccb_textdiff_is_text("\xff", 1), "no text");
}

static const char seed[] =
    "# a\n[Unit]\nAfter=x.service\n\n[Service]\nExecStart=/bin/true\nType=a\n";

static void diff_with_seed(const char *data, gsize size)
{
    g_autofree char *hunks = ccb_textdiff(seed, strlen(seed), data, size);
    g_autofree char *back = ccb_textdiff(data, size, seed, strlen(seed));
    if (memchr(data, '\0', size) != NULL) /* apply() is for strings */
        return;
    g_autofree char *text = g_strndup(data, size);
    g_autofree char *made = apply(seed, strlen(seed), hunks);
    if (strcmp(made, text) != 0)
        ok(false, "a mutated text is made of the other");
}

int main(void)
{
    test_hunks();
    test_distance();
    test_random();
    test_bounds();
    test_text();
    fuzz(seed, strlen(seed), 20000, diff_with_seed);
    return done();
}

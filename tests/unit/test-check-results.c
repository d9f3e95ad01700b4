/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The results of checks as texts. */
#include "check/result.h"
#include "tap.h"

static void has(const char *text, const char *part, const char *what)
{
    if (!ok(strstr(text, part) != NULL, what))
        printf("# expected in it: %s\n", part);
}

static CcbResults *sample_results(bool strict)
{
    static const CcbResultRow rows[] = {
        {.id = "a.pass", .status = CCB_PASS, .detail = "d"},
        {.id = "a.fail", .status = CCB_FAIL, .detail = "<\"x\n\xff&"},
        {.id = "a.warn", .severity = CCB_SEVERITY_WARNING, .status = CCB_FAIL, .detail = "d"},
        {.id = "a.none", .status = CCB_NOT_APPLICABLE, .detail = "no"},
        {.id = "a.dark", .status = CCB_UNREADABLE, .detail = "\xef\xbf\xbf"},
        {.id = "b.waived", .status = CCB_FAIL, .detail = "d", .waiver = "it is\nmeant"}};
    CcbResults *results = ccb_results_new();
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        CcbResultRow row = rows[i];
        row.why = "w.";
        row.remedy = "r.";
        ccb_results_add(results, &row);
    }
    g_ptr_array_add(results->notes, g_strdup("assumed: 1 & 2"));
    results->strict = strict;
    return results;
}

static void test_tap(void)
{
    g_autoptr(CcbResults) results = sample_results(false), strict = sample_results(true);
    g_autofree char *text = ccb_results_to_tap(results);
    g_autofree char *severe = ccb_results_to_tap(strict);
    ok(g_str_has_prefix(text, "TAP version 13\n1..6\n# assumed: 1 & 2\nok 1 - a.pass\n"),
       "TAP: version, plan, notes");
    has(text,
        "\nnot ok 2 - a.fail\n  ---\n  message: \"<\\\"x \\\\xff&\"\n"
        "  severity: \"error\"\n  why: \"w.\"\n  remedy: \"r.\"\n  ...\n",
        "TAP: a failure with its diagnostics");
    has(text, "\nnot ok 3 - a.warn # TODO warning\n", "TAP: a warning is no failure");
    has(severe, "\nnot ok 3 - a.warn\n", "TAP: but with strict it is");
    has(text, "\nok 4 - a.none # SKIP no\n", "TAP: what does not apply");
    has(text, "\nnot ok 5 - a.dark\n", "TAP: what could not be read");
    has(text, "\nnot ok 6 - b.waived # TODO waived: it is meant\n", "TAP: what is waived");
}

static void test_junit(void)
{
    g_autoptr(CcbResults) results = sample_results(false), strict = sample_results(true);
    g_autofree char *text = ccb_results_to_junit(results, "a<b>.qcow2");
    g_autofree char *severe = ccb_results_to_junit(strict, "x");
    has(text,
        "<testsuite name=\"a&lt;b&gt;.qcow2\" tests=\"6\" failures=\"1\" errors=\"1\" "
        "skipped=\"2\">",
        "JUnit: the suite");
    has(severe, "failures=\"2\"", "JUnit: strict counts the warning");
    has(severe, "<failure type=\"warning\" message=\"d\">", "JUnit: and has it as a failure");
    has(text,
        "<failure type=\"error\" message=\"&lt;&quot;x \\xff&amp;\">why: w.\n"
        "remedy: r.</failure>",
        "JUnit: a failure");
    has(text, "<system-out>warning: d</system-out>", "JUnit: a warning passes");
    has(text, "<error type=\"unreadable\" message=\"\\xef\\xbf\\xbf\">", "JUnit: not readable");
    has(text, "<skipped message=\"waived: it is meant: d\"/>", "JUnit: waived");
    has(text, "<skipped message=\"no\"/>", "JUnit: what does not apply");
    has(text, "<system-out>assumed: 1 &amp; 2</system-out>", "JUnit: notes");
}

static void test_text(void)
{
    g_autoptr(CcbResults) results = sample_results(false);
    is_taken(ccb_results_to_text(results, false, false),
             "assumed: 1 & 2\n"
             "PASS a.pass    d\n"
             "N/A  a.none    no\n"
             "WAIVED b.waived  d\n     waived: it is meant\n"
             "WARN a.warn    d\n     why: w.\n     remedy: r.\n"
             "ERR  a.dark    \\xef\\xbf\\xbf\n     why: w.\n     remedy: r.\n"
             "FAIL a.fail    <\"x \\xff&\n     why: w.\n     remedy: r.\n"
             "1 passed, 1 failed, 1 unreadable, 1 warning, 1 waived, 1 not applicable\n",
             "passes first, failures last, then the counts");
    g_autofree char *quiet = ccb_results_to_text(results, true, true);
    is_str(quiet,
           "\033[33mWARN\033[0m a.warn  d\n     why: w.\n     remedy: r.\n"
           "\033[31mERR \033[0m a.dark  \\xef\\xbf\\xbf\n     why: w.\n     remedy: r.\n"
           "\033[31mFAIL\033[0m a.fail  <\"x \\xff&\n     why: w.\n     remedy: r.\n"
           "1 passed, 1 failed, 1 unreadable, 1 warning, 1 waived, 1 not applicable\n",
           "quiet: what does not pass, in colours");
    g_autoptr(CcbResults) good = ccb_results_new();
    ccb_results_add(good, &(CcbResultRow){.id = "a.pass", .status = CCB_PASS, .detail = "d"});
    is_taken(ccb_results_to_text(good, true, false), "", "quiet: nothing of a good image");
    is_taken(ccb_results_to_text(good, false, true),
             "\033[32mPASS\033[0m a.pass  d\n1 passed, 0 failed\n", "what there is none of");
    is_taken(ccb_results_printable("a\x1b[2J\xc2\x9b"
                                   "31m\xe2\x80\xae\n"),
             "a\\x1b[2J\\xc2\\x9b31m\\xe2\\x80\\xae ", "no escape of the image reaches a terminal");
}

static void test_strict(void)
{
    g_autoptr(CcbResults) results = ccb_results_new();
    g_autoptr(GError) error = NULL;
    ccb_results_add(
        results,
        &(CcbResultRow){.id = "a.warn", .severity = CCB_SEVERITY_WARNING, .status = CCB_FAIL});
    ok(ccb_results_is_good(results) && ccb_results_verdict(results, NULL),
       "a warning is no failure");
    results->strict = true;
    ok(!ccb_results_is_good(results) && !ccb_results_verdict(results, &error), "with strict it is");
    is_error(&error, "a.warn", "by name");
}

int main(void)
{
    test_text();
    test_tap();
    test_junit();
    test_strict();
    return done();
}

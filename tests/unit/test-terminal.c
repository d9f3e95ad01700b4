/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Colours and widths of text for people, and words that were misspelt. */
#include <fcntl.h>
#include <unistd.h>

#include "base/terminal.h"
#include "base/text.h"
#include "tap.h"

static int terminal = -1, file = -1;

/* With a terminal and a file as output: "yes no". */
static void is_colored(const char *when, const char *no_color, const char *force, const char *term,
                       const char *wanted)
{
    ccb_color_when = when;
    g_unsetenv("NO_COLOR");
    g_unsetenv("CLICOLOR_FORCE");
    if (no_color != NULL)
        g_setenv("NO_COLOR", no_color, true);
    if (force != NULL)
        g_setenv("CLICOLOR_FORCE", force, true);
    g_setenv("TERM", term, true);
    g_autofree char *what = g_strdup_printf("--color=%s NO_COLOR=%s CLICOLOR_FORCE=%s TERM=%s",
                                            when, no_color, force, term);
    g_autofree char *got = g_strdup_printf("%s %s", ccb_color_wanted(terminal) ? "yes" : "no",
                                           ccb_color_wanted(file) ? "yes" : "no");
    is_str(got, wanted, what);
}

static void test_color(void)
{
    terminal = posix_openpt(O_RDWR | O_NOCTTY);
    file = open("/dev/null", O_RDWR);
    ok(isatty(terminal) && !isatty(file), "a terminal and none");
    is_colored("auto", NULL, NULL, "xterm", "yes no");
    is_colored("auto", NULL, NULL, "dumb", "no no");
    is_colored("auto", "1", NULL, "xterm", "no no");
    is_colored("auto", "", NULL, "xterm", "yes no");
    is_colored("auto", NULL, "1", "xterm", "yes yes");
    is_colored("auto", NULL, "0", "xterm", "yes no");
    is_colored("auto", "1", "1", "xterm", "no no");
    is_colored("always", "1", NULL, "dumb", "yes yes");
    is_colored("never", NULL, "1", "xterm", "no no");
    is_taken(ccb_colored("x", CCB_RED, true), "\033[31mx\033[0m", "red");
    is_taken(ccb_colored("x", CCB_RED, false), "x", "as it is");
    is_int(ccb_terminal_columns(file), 80, "where there is no terminal");
    close(terminal);
    close(file);
}

static void is_wrapped(const char *before, const char *text, const char *wanted, const char *what)
{
    g_autoptr(GString) out = g_string_new(before);
    ccb_append_wrapped(out, text, 6, 14);
    is_str(out->str, wanted, what);
}

static void test_wrap(void)
{
    is_wrapped("  -a", "one two", "  -a  one two\n", "text behind a name");
    is_wrapped("  -ab", "one", "  -ab\n      one\n", "a name that leaves no room");
    is_wrapped("x\n", "one two", "x\n      one two\n", "a new line");
    is_wrapped("", "four fou", "      four fou\n", "a line that is full");
    is_wrapped("", "four four", "      four\n      four\n", "one that would be too wide");
    is_wrapped("", "muchtoolong x", "      muchtoolong\n      x\n", "a word that is too wide");
    is_wrapped("", "\u00e4\u00e4\u00e4\u00e4 fou", "      \u00e4\u00e4\u00e4\u00e4 fou\n",
               "characters, not bytes");
}

static void test_did_you_mean(void)
{
    static const char *const names[] = {"text", "json", "1", NULL};
    is_str(ccb_did_you_mean("jsn", names), "json", "a misspelt word");
    is_str(ccb_did_you_mean("4", names), NULL, "a word in which no letter is right");
    is_str(ccb_did_you_mean("svg", names), NULL, "another word");
}

static void test_lines(void)
{
    int null = open("/dev/null", O_WRONLY);
    g_setenv("COLUMNS", "50", TRUE);
    is_int(ccb_terminal_width(null), 0, "a file is no terminal, whatever COLUMNS is");
    is_taken(ccb_wrap_lines("a line of more than forty columns is not broken\n", 0),
             "a line of more than forty columns is not broken\n", "no terminal, no breaks");
    is_taken(ccb_wrap_lines("  a line of exactly the width of forty co\n"
                            "  a line of exactly the width of forty c\nshort\n",
                            40),
             "  a line of exactly the width of forty\n      co\n"
             "  a line of exactly the width of forty c\nshort\n",
             "a line that is one too wide, and one that fits");
    is_taken(ccb_wrap_lines("  0123456789012345678901234567890123456789012345 b", 40),
             "  0123456789012345678901234567890123456789012345\n      b",
             "a word that is too wide stays whole");
    is_taken(ccb_wrap_lines("aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg "
                            "hhhhhhhhh iiiiiiiii",
                            40),
             "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd\n    eeeeeeeee fffffffff ggggggggg\n"
             "    hhhhhhhhh iiiiiiiii",
             "what follows is indented");
    is_taken(ccb_wrap_lines("äää äää äää äää äää äää äää äää äää äää", 40),
             "äää äää äää äää äää äää äää äää äää äää", "characters count, not bytes");
}

int main(void)
{
    test_color();
    test_wrap();
    test_lines();
    test_did_you_mean();
    return done();
}

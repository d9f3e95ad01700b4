/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "systemd/unit.h"
#include "tap.h"

static const char sample[] = "\xef\xbb\xbf# comment\n"
                             "Stray=1\n"
                             "[Unit]\n"
                             "Description = NVIDIA Persistence Daemon  \n"
                             "Before=cloudmonitor.service \\\n"
                             "; a comment in between\n"
                             "   ollama.service\n"
                             "Before=\n"
                             "After=syslog.target\n"
                             "\n"
                             "[Service]\n"
                             "ExecStart=/usr/bin/nvidia-persistenced --user \"a b\" \\\\\n"
                             "ExecStartPost=/usr/bin/nvidia-smi conf-compute -srs 1\n"
                             "Restart\n"
                             "RemainAfterExit=Yes\n"
                             "[X-Unit]\n"
                             "Description=other\n"
                             "[Install]\n"
                             "WantedBy=multi-user.target\\";

static CcbUnit *parse(const char *text, const char *file)
{
    return ccb_unit_parse(text, strlen(text), file, NULL);
}

static void is_value(const CcbUnit *unit, const char *key, guint index, guint line,
                     const char *value)
{
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Unit", key);
    if (!ok(index < values->len, key))
        return;
    const CcbUnitValue *found = values->pdata[index];
    is_str(found->value, value, "... value");
    is_int(found->line, line, "... line");
    is_str(found->file, "a.service", "... file");
}

static void test_parse(void)
{
    g_autoptr(CcbUnit) unit = parse(sample, "a.service");
    is_str(ccb_unit_get(unit, "Unit", "Description"), "NVIDIA Persistence Daemon", "trimmed");
    is_value(unit, "Before", 0, 5, "cloudmonitor.service     ollama.service");
    is_value(unit, "After", 0, 9, "syslog.target");
    is_str(ccb_unit_get(unit, "Service", "ExecStart"),
           "/usr/bin/nvidia-persistenced --user \"a b\" \\\\", "two backslashes do not continue");
    is_str(ccb_unit_get(unit, "Install", "WantedBy"), "multi-user.target", "continued at the end");
    is_str(ccb_unit_get(unit, "Unit", "before"), NULL, "keys are case sensitive");
    ok(ccb_unit_get_bool(unit, "Service", "RemainAfterExit", false), "boolean");
    ok(ccb_unit_get_bool(unit, "Service", "ExecStart", true), "no boolean: the fallback");
}

static void test_merge(void)
{
    g_autoptr(CcbUnit) unit = parse("[Unit]\nAfter=a\n[Service]\nExecStart=x\nExecStart=y\n", "u");
    g_autoptr(CcbUnit) dropin =
        parse("[Unit]\nAfter=\nAfter=b\n[Service]\nExecStart=\nExecStart=z\nbad\n", "u.d/10.conf");
    ccb_unit_merge(unit, dropin);
    g_autoptr(GPtrArray) starts = ccb_unit_get_all(unit, "Service", "ExecStart");
    is_int(starts->len, 1, "an empty assignment resets a list");
    is_str(ccb_unit_get(unit, "Service", "ExecStart"), "z", "... and the next starts a new one");
    is_str(((CcbUnitValue *)starts->pdata[0])->file, "u.d/10.conf", "... of the drop-in");
    g_autoptr(GPtrArray) afters = ccb_unit_get_all(unit, "Unit", "After");
    is_int(afters->len, 2, "a dependency can't be reset");
    g_autoptr(CcbUnit) reset = parse("[Service]\nExecStart=\n", "r");
    ccb_unit_merge(unit, reset);
    is_str(ccb_unit_get(unit, "Service", "ExecStart"), NULL, "reset to nothing");
}

static void test_words(void)
{
    g_autoptr(GPtrArray) words =
        ccb_unit_words(" a.service \"b c\" d'e f' dev-x\\x2dy.device ''", NULL);
    is_int(words->len, 5, "words");
    is_str(words->pdata[0], "a.service", "plain");
    is_str(words->pdata[1], "b c", "double quotes");
    is_str(words->pdata[2], "de f", "single quotes");
    is_str(words->pdata[3], "dev-x\\x2dy.device", "backslash kept");
    is_str(words->pdata[4], "", "empty");
    GError *error = NULL;
    ok(ccb_unit_words("a 'b", &error) == NULL, "quote not closed");
    is_error(&error, "quote not closed", "... with a reason");
}

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(CcbUnit) unit = ccb_unit_parse(data, size, "f", NULL);
    const char *before = unit != NULL ? ccb_unit_get(unit, "Unit", "Before") : NULL;
    GPtrArray *words = before != NULL ? ccb_unit_words(before, NULL) : NULL;
    g_clear_pointer(&words, g_ptr_array_unref);
    g_autoptr(CcbUnit) dropin = parse(sample, "d");
    if (unit != NULL)
        ccb_unit_merge(unit, dropin);
}

static void is_span(const char *text, long long seconds)
{
    guint64 found = 0;
    bool known = ccb_unit_seconds(text, &found);
    is_int(known ? (long long)found : -1, seconds, text);
}

static void test_seconds(void)
{
    is_span("900", 900);
    is_span(" 15min ", 900);
    is_span("1h 30s", 3630);
    is_span("2 minutes 500ms", 120);
    is_span("0", 0);
    is_span("infinity", (long long)G_MAXUINT64);
    is_span("", -1);
    is_span("ten", -1);
    is_span("10parsecs", -1);
    is_span("5 mi", -1);
    is_span("-1", -1);
    is_span("18446744073709551615w", -1);
}

static void is_links(const char *install, const char *expected)
{
    g_autofree char *text = g_strconcat("[Install]\n", install, NULL);
    g_autoptr(CcbUnit) unit = ccb_unit_parse(text, strlen(text), "u", NULL);
    g_autoptr(GPtrArray) links = ccb_unit_links(unit, "x.service", NULL);
    g_autoptr(GString) all = g_string_new(NULL);
    for (guint i = 0; links != NULL && i < links->len; i++)
        g_string_append_printf(all, "%s\n", (char *)links->pdata[i] + strlen(CCB_UNIT_DIR "/"));
    is_str(links != NULL ? all->str : NULL, expected, install);
}

static void test_links(void)
{
    is_links("", "");
    is_links("WantedBy=a.target b.target\nWantedBy=c.target\n",
             "a.target.wants/x.service\nb.target.wants/x.service\nc.target.wants/x.service\n");
    is_links("Alias=y.service\nRequiredBy=a.target\n", "a.target.requires/x.service\ny.service\n");
    is_links("WantedBy=\"a.target\n", NULL);
}

int main(void)
{
    test_links();
    test_seconds();
    test_parse();
    test_merge();
    test_words();
    GError *error = NULL;
    ok(ccb_unit_parse("[Unit]\n[Ser\n", 12, "u", &error) == NULL, "section not closed");
    is_error(&error, "u:2: section", "... where");
    ok(ccb_unit_parse("[Unit]\n\0", 8, "u", &error) == NULL, "NUL byte");
    is_error(&error, "u: line 2", "... where");
    fuzz(sample, strlen(sample), 3000, fuzz_one);
    return done();
}

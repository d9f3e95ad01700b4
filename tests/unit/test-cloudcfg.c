/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "text/cloudcfg.h"

static const char sample[] = "# comment\n"
                             "datasource_list: [ AliYun, 'Ec2' ] # both\n"
                             "users:\n"
                             "  - &default\n"
                             "    name: x\n"
                             "growpart:\n"
                             "  mode: auto\n"
                             "  devices: ['/']\n"
                             "  nested:\n"
                             "    mode: other\n"
                             "cloud_init_modules:\n"
                             " - growpart\n"
                             "\n"
                             "   # a comment\n"
                             " - [resizefs, always]\n"
                             " - \"ssh\"\n"
                             "flat:\n"
                             "- a\n"
                             "- b\n"
                             "long: [ a,\n"
                             "  [b, c],\n"
                             "  d ]\n"
                             "map: {mode: off, other: 1}\n"
                             "alias: *log\n"
                             "scalar: yes\n"
                             "none:\n";

static void has_list(const char *text, const char *key, const char *expected)
{
    g_auto(GStrv) items = NULL;
    guint line = 0;
    g_autoptr(GError) error = NULL;
    if (!ccb_cloudcfg_list(text, strlen(text), key, &items, &line, &error)) {
        is_str("error", expected, key);
        return;
    }
    g_autofree char *joined = items != NULL ? g_strjoinv(" ", items) : NULL;
    is_str(joined, expected, key);
}

static void has_value(const char *key, const char *name, const char *expected)
{
    const char *what = key != NULL ? key : name;
    g_autofree char *value = NULL;
    guint line = 0;
    bool known = ccb_cloudcfg_value(sample, strlen(sample), key, name, &value, &line, NULL);
    is_str(known ? value : "error", expected, what);
}

static void fuzz_one(const char *data, gsize size)
{
    static const char *const keys[] = {"datasource_list", "cloud_init_modules", "long", "map"};
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_auto(GStrv) items = NULL;
        char *value = NULL;
        guint line;
        ccb_cloudcfg_list(data, size, keys[i], &items, &line, NULL);
        ccb_cloudcfg_value(data, size, keys[i], "mode", &value, &line, NULL);
        g_free(value);
        value = NULL;
        ccb_cloudcfg_value(data, size, NULL, keys[i], &value, &line, NULL);
        g_free(value);
    }
}

int main(void)
{
    has_list(sample, "datasource_list", "AliYun Ec2");
    has_list(sample, "cloud_init_modules", "growpart resizefs ssh");
    has_list(sample, "flat", "a b");
    has_list(sample, "long", "a b d");
    has_list(sample, "none", "");
    has_list(sample, "absent", NULL);
    has_list(sample, "data", NULL);
    has_list(sample, "alias", "error");
    has_list(sample, "scalar", "error");
    has_list(sample, "growpart", "error");
    has_list("a: [b\n", "a", "error");
    has_list("a: [b\nc: ]\n", "a", "error");
    has_list("a: [x]\nb: 1\na:\n- y\n", "a", "y");
    has_value("growpart", "mode", "auto");
    has_value("map", "mode", "off");
    has_value("map", "absent", NULL);
    has_value("absent", "mode", NULL);
    has_value("alias", "mode", "error");
    has_value(NULL, "scalar", "yes");
    has_value(NULL, "none", "");
    has_value(NULL, "mode", NULL);
    GError *error = NULL;
    char **items;
    guint line;
    ok(ccb_cloudcfg_list(sample, strlen(sample), "flat", &items, &line, NULL), "the line");
    g_strfreev(items);
    is_int(line, 17, "... of the key");
    ok(!ccb_cloudcfg_list(sample, strlen(sample), "alias", &items, &line, &error), "an alias");
    is_error(&error, "line 24: the value of alias is in a form that is not read", "... says so");
    fuzz(sample, strlen(sample), 3000, fuzz_one);
    return done();
}

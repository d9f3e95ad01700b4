/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a recipe's steps say of the image: files, units, orders, removed arguments. */
#include "check-fixture.h"

#include <glib/gstdio.h>

/* Files that are no matter of another check. */
#define EXPECTED                                                                                   \
    "{\"files\": ["                                                                                \
    "{\"path\": \"/etc/acme\", \"type\": \"directory\"},"                                          \
    "{\"path\": \"/etc/acme/a.conf\", \"type\": \"file\", \"mode\": \"0640\"},"                    \
    "{\"path\": \"/etc/acme/edited\", \"type\": \"any\"},"                                         \
    "{\"path\": \"/etc/acme/given\", \"type\": \"any\", \"mode\": \"0644\"},"                      \
    "{\"path\": \"/etc/acme/l\", \"type\": \"link\", \"target\": \"a.conf\"},"                     \
    "{\"path\": \"/etc/acme/gone\", \"type\": \"none\"}],"                                         \
    "\"enabled\": [\"acme.service\"], \"disabled\": [\"off.service\"],"                            \
    "\"masked\": [\"never.service\"], \"orders\": [\"acme.service after network.target\"],"        \
    "\"removed_args\": [\"quiet\", \"debug=1\"]}"

static void stage(void)
{
    put("root/etc/acme/a.conf", "a\n");
    put("root/etc/acme/edited", "by a command\n");
    put("root/etc/acme/given", "of the image\n");
    put_link("a.conf", "root/etc/acme/l");
    put("root/bin/true", "");
    put(UNITS "acme.service",
        "[Unit]\nAfter=a.target network.target\n[Service]\nExecStart=/bin/true\n"
        "[Install]\nWantedBy=multi-user.target\n");
    put_link("/etc/systemd/system/acme.service", WANTS "acme.service");
    put_link("/dev/null", UNITS "never.service");
}

static const struct {
    const char *what;
    const char *gone;                 /* a path that is removed */
    const char *path, *text, *target; /* that is written, or a link that is made */
    const char *mode;                 /* whether its mode is another one */
    const char *narrow;               /* that gets mode 0600 */
    const char *bad;
} cases[] = {
    {"all as the recipe says", .bad = ""},
    {"a file that a command changed after the step", .path = "root/etc/acme/edited", .text = "x",
     .bad = ""},
    {"a file that is missing", .gone = "root/etc/acme/edited", .bad = "recipe.files"},
    {"a file with other content", .path = "root/etc/acme/a.conf", .text = "b\n",
     .bad = "recipe.files"},
    {"a file with another mode", .mode = "root/etc/acme/a.conf", .bad = "recipe.files"},
    {"a file of the image that is missing", .gone = "root/etc/acme/given", .bad = "recipe.files"},
    {"a file of the image with another mode", .narrow = "root/etc/acme/given",
     .bad = "recipe.files"},
    {"a link with another target", .gone = "root/etc/acme/l", .path = "root/etc/acme/l",
     .target = "b.conf", .bad = "recipe.files"},
    {"a file in place of a link", .gone = "root/etc/acme/l", .path = "root/etc/acme/l",
     .text = "a\n", .bad = "recipe.files"},
    {"a removed file that is there again", .path = "root/etc/acme/gone", .text = "",
     .bad = "recipe.files"},
    {"a removed path that is a link to nothing", .path = "root/etc/acme/gone", .target = "nowhere",
     .bad = "recipe.files"},
    {"an enabled unit without its link", .gone = WANTS "acme.service", .bad = "recipe.units"},
    {"an enabled unit that is missing", .gone = UNITS "acme.service",
     .bad = "recipe.units recipe.order"},
    {"an enabled unit without its program", .gone = "root/bin/true", .bad = "recipe.units"},
    {"an enabled unit with a program that may be missing", .path = UNITS "acme.service",
     .text = "[Unit]\nAfter=a.target network.target\n[Service]\nExecStartPre=-/bin/gone\n"
             "ExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
     .bad = ""},
    {"a disabled unit that something wants", .path = UNITS "x.target.wants/off.service",
     .target = "/usr/lib/systemd/system/off.service", .bad = "recipe.units"},
    {"a disabled unit that something upholds", .path = UNITS "x.target.upholds/off.service",
     .target = "/usr/lib/systemd/system/off.service", .bad = "recipe.units"},
    {"a masked unit that is a file", .gone = UNITS "never.service", .path = UNITS "never.service",
     .text = "[Service]\nExecStart=/bin/true\n", .bad = "recipe.units"},
    {"a consumer that does not wait", .path = UNITS "acme.service",
     .text = "[Unit]\nAfter=a.target\n[Service]\nExecStart=/bin/true\n"
             "[Install]\nWantedBy=multi-user.target\n",
     .bad = "recipe.order"},
    {"a drop-in that takes the order back", .path = UNITS "acme.service.d/x.conf",
     .text = "[Unit]\nAfter=\nAfter=b.target\n", .bad = ""},
};

int main(void)
{
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "a\n", 2);
    json_auto_t *json = json_loads(EXPECTED, 0, NULL);
    json_object_set_new(json_array_get(json_object_get(json, "files"), 1), "sha256",
                        json_string(digest));
    g_auto(CcbExpectation) expect = {0};
    ccb_expectation_from_json(json, &expect);
    expect.gpus = 1;
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        begin(1, "570.148.08");
        stage();
        if (cases[i].gone)
            take_away(cases[i].gone);
        if (cases[i].text)
            put(cases[i].path, cases[i].text);
        if (cases[i].target)
            put_link(cases[i].target, cases[i].path);
        g_autofree char *file = staged("root/etc/acme/a.conf");
        if (g_chmod(file, cases[i].mode ? 0644 : 0640) != 0)
            g_error("chmod");
        g_autofree char *narrow = cases[i].narrow ? staged(cases[i].narrow) : NULL;
        if (narrow != NULL && g_chmod(narrow, 0600) != 0)
            g_error("chmod");
        pack();
        g_autoptr(CcbResults) results = check_staged(&expect);
        is_taken(bad_ids(results, false), cases[i].bad, cases[i].what);
        end();
    }
    begin(1, "570.148.08");
    stage();
    g_autofree char *file = staged("root/etc/acme/a.conf");
    g_autofree char *grub = get("root/etc/default/grub");
    g_autofree char *with =
        g_strdup_printf("%s\nGRUB_CMDLINE_LINUX=\"quiet swiotlb=4194304,any\"\n", grub);
    put("root/etc/default/grub", with);
    if (g_chmod(file, 0640) != 0)
        g_error("chmod");
    pack();
    g_autoptr(CcbResults) results = check_staged(&expect);
    is_taken(bad_ids(results, false), "kernel.args-default-grub",
             "an argument that the recipe removes");
    end();
    return done();
}

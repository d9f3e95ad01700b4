/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks of a recipe's own: each kind and each setting, where it holds and where it does not. */
#include "check-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/process.h"
#include "guest/rooted.h"

#define A      "\"path\": \"/etc/acme/a.conf\""
#define DIGEST "1b1e3a9c1b3cf2c2e6c1b1b5a3d1f4e5c6d7e8f901234567890abcdef0123456"

/* A definition without its name, what comes of it, and what it says. */
static const struct {
    const char *what, *definition;
    CcbCheckStatus status;
    const char *detail;
} cases[] = {
    {"a file", "\"file\": {" A "}", CCB_PASS, "/etc/acme/a.conf: file 0640"},
    {"a missing file", "\"file\": {\"path\": \"/etc/acme/none\"}", CCB_FAIL,
     "/etc/acme/none is missing"},
    {"nothing at a path", "\"file\": {\"path\": \"/etc/acme/none\", \"exists\": false}", CCB_PASS,
     "nothing is at /etc/acme/none"},
    {"something at such a path", "\"file\": {" A ", \"exists\": false}", CCB_FAIL,
     "/etc/acme/a.conf is there"},
    {"a link to nothing at such a path",
     "\"file\": {\"path\": \"/etc/acme/dangling\", \"exists\": \"false\"}", CCB_FAIL,
     "/etc/acme/dangling is there"},
    {"a link to nothing", "\"file\": {\"path\": \"/etc/acme/dangling\"}", CCB_FAIL,
     "/etc/acme/dangling is missing"},
    {"a link", "\"file\": {\"path\": \"/etc/acme/link\", \"type\": \"link\"}", CCB_PASS,
     "/etc/acme/link: link 0777"},
    {"a file behind a link", "\"file\": {\"path\": \"/etc/acme/link\", \"type\": \"file\"}",
     CCB_PASS, "/etc/acme/link: file 0640"},
    {"a file in place of a link", "\"file\": {" A ", \"type\": \"link\"}", CCB_FAIL,
     "/etc/acme/a.conf is a file, expected a link"},
    {"a directory", "\"file\": {\"path\": \"/etc/acme\", \"type\": \"directory\"}", CCB_PASS,
     "/etc/acme: directory"},
    {"a file in place of a directory", "\"file\": {" A ", \"type\": \"directory\"}", CCB_FAIL,
     "/etc/acme/a.conf is a file, expected a directory"},
    {"a mode", "\"file\": {" A ", \"mode\": \"0640\"}", CCB_PASS, "file 0640"},
    {"another mode", "\"file\": {" A ", \"mode\": \"0600\"}", CCB_FAIL,
     "/etc/acme/a.conf has mode 0640, expected 0600"},
    {"another owner", "\"file\": {" A ", \"owner\": \"4000:root\"}", CCB_FAIL, "expected 4000:0"},
    {"a content", "\"file\": {" A ", \"contains\": \"port = 80\"}", CCB_PASS,
     "content as expected"},
    {"another content", "\"file\": {" A ", \"contains\": \"port = 81\"}", CCB_FAIL,
     "/etc/acme/a.conf does not contain \"port = 81\""},
    {"text behind a NUL byte", "\"file\": {\"path\": \"/etc/acme/nul\", \"contains\": \"port\"}",
     CCB_PASS, "content as expected"},
    {"a line that matches", "\"file\": {" A ", \"matches\": \"^port = [0-9]+$\"}", CCB_PASS,
     "content as expected"},
    {"no line that matches", "\"file\": {" A ", \"matches\": \"^port = [a-z]\"}", CCB_FAIL,
     "nothing in /etc/acme/a.conf matches"},
    {"bytes that are no text", "\"file\": {\"path\": \"/etc/acme/nul\", \"matches\": \"\\\\xff\"}",
     CCB_PASS, "content as expected"},
    {"another digest", "\"file\": {" A ", \"sha256\": \"" DIGEST "\"}", CCB_FAIL,
     "/etc/acme/a.conf has the sha256 "},
    {"the content of a directory", "\"file\": {\"path\": \"/etc/acme\", \"contains\": \"a\"}",
     CCB_FAIL, "/etc/acme is a directory, which has no content"},
    {"all that is wrong at once", "\"file\": {" A ", \"mode\": \"0600\", \"contains\": \"tls\"}",
     CCB_FAIL, "expected 0600; /etc/acme/a.conf does not contain"},

    {"a unit", "\"unit\": {\"name\": \"acme.service\"}", CCB_PASS, "acme.service"},
    {"a missing unit", "\"unit\": {\"name\": \"acem.service\"}", CCB_FAIL,
     "the image has no unit acem.service"},
    {"an enabled unit", "\"unit\": {\"name\": \"acme.service\", \"enabled\": true}", CCB_PASS,
     "acme.service: enabled true"},
    {"a unit that is not enabled", "\"unit\": {\"name\": \"idle.service\", \"enabled\": true}",
     CCB_FAIL, "idle.service is not enabled"},
    {"a unit that shall not be", "\"unit\": {\"name\": \"idle.service\", \"enabled\": false}",
     CCB_PASS, "idle.service: enabled false"},
    {"one that is all the same", "\"unit\": {\"name\": \"acme.service\", \"enabled\": false}",
     CCB_FAIL, "acme.service is enabled: multi-user.target"},
    {"a masked unit", "\"unit\": {\"name\": \"never.service\", \"enabled\": \"masked\"}", CCB_PASS,
     "never.service: enabled masked"},
    {"a unit that is not masked", "\"unit\": {\"name\": \"acme.service\", \"enabled\": \"masked\"}",
     CCB_FAIL, "acme.service is not masked"},
    {"an enabled unit that is masked", "\"unit\": {\"name\": \"never.service\", \"enabled\": true}",
     CCB_FAIL, "never.service is masked"},
    {"an order",
     "\"unit\": {\"name\": \"acme.service\", \"after\": \"nvidia-persistenced.service\"}", CCB_PASS,
     "acme.service, in order"},
    {"an order by way of another unit",
     "\"unit\": {\"name\": \"idle.service\", \"after\": [\"nvidia-persistenced.service\"]}",
     CCB_PASS, "in order"},
    {"the wrong order",
     "\"unit\": {\"name\": \"nvidia-persistenced.service\", \"after\": [\"acme.service\"]}",
     CCB_FAIL, "nvidia-persistenced.service does not start after acme.service"},
    {"an order before", "\"unit\": {\"name\": \"acme.service\", \"before\": [\"idle.service\"]}",
     CCB_PASS, "in order"},
    {"the wrong order before",
     "\"unit\": {\"name\": \"acme.service\", \"before\": [\"nvidia-persistenced.service\"]}",
     CCB_FAIL, "nvidia-persistenced.service does not start after acme.service"},
    {"an order after a unit that is missing",
     "\"unit\": {\"name\": \"acme.service\", \"after\": [\"acem.service\"]}", CCB_FAIL,
     "the image has no acem.service"},

    {"a package", "\"package\": {\"name\": \"acme-lib\"}", CCB_PASS,
     "acme-lib-2:1.10-3.al8.x86_64"},
    {"a package with its architecture", "\"package\": {\"name\": \"acme-lib.x86_64\"}", CCB_PASS,
     "acme-lib-2:1.10-3.al8.x86_64"},
    {"a missing package", "\"package\": {\"name\": \"acme\"}", CCB_FAIL, "acme is not installed"},
    {"an absent package", "\"package\": {\"name\": \"acme\", \"absent\": true}", CCB_PASS,
     "acme is not installed"},
    {"one that is there", "\"package\": {\"name\": \"acme-lib\", \"absent\": true}", CCB_FAIL,
     "acme-lib-2:1.10-3.al8.x86_64 is installed"},
    {"a version", "\"package\": {\"name\": \"acme-lib\", \"version\": \"1.10\"}", CCB_PASS, "acme"},
    {"a version and release",
     "\"package\": {\"name\": \"acme-lib\", \"version\": \"= 1.10-3.al8\"}", CCB_PASS, "acme"},
    {"another release", "\"package\": {\"name\": \"acme-lib\", \"version\": \"1.10-2.al8\"}",
     CCB_FAIL, "acme-lib-2:1.10-3.al8.x86_64, expected version 1.10-2.al8"},
    {"a later version", "\"package\": {\"name\": \"acme-lib\", \"version\": \">= 1.9\"}", CCB_PASS,
     "acme"},
    {"an earlier version", "\"package\": {\"name\": \"acme-lib\", \"version\": \">1.10\"}",
     CCB_FAIL, "expected version >1.10"},
    {"a limit", "\"package\": {\"name\": \"acme-lib\", \"version\": \"< 1.11\"}", CCB_PASS, "acme"},
    {"an equal limit", "\"package\": {\"name\": \"acme-lib\", \"version\": \"<= 1.10-3.al8\"}",
     CCB_PASS, "acme"},
    {"an epoch", "\"package\": {\"name\": \"acme-lib\", \"version\": \">= 3:0.1\"}", CCB_FAIL,
     "expected version >= 3:0.1"},
    {"one of several versions", "\"package\": {\"name\": \"tool\", \"version\": \">= 2\"}",
     CCB_PASS, "tool-2.0-1.al8.noarch"},
    {"none of several versions", "\"package\": {\"name\": \"tool\", \"version\": \">= 3\"}",
     CCB_FAIL, "tool-1.0-1.al8.noarch, tool-2.0-1.al8.noarch, expected version >= 3"},

    {"an argument", "\"kernel-argument\": {\"name\": \"ro\"}", CCB_PASS, "ro: present in 1 boot"},
    {"a missing argument", "\"kernel-argument\": {\"name\": \"quiet\"}", CCB_FAIL,
     "quiet is missing"},
    {"a value", "\"kernel-argument\": {\"name\": \"swiotlb\", \"value\": \"4194304,any\"}",
     CCB_PASS, "swiotlb=4194304,any: present"},
    {"another value", "\"kernel-argument\": {\"name\": \"swiotlb\", \"value\": \"1\"}", CCB_FAIL,
     "swiotlb=4194304,any, expected swiotlb=1"},
    {"one of several values", "\"kernel-argument\": {\"name\": \"console\", \"value\": \"tty0\"}",
     CCB_PASS, "console=tty0: present"},
    {"an absent argument", "\"kernel-argument\": {\"name\": \"quiet\", \"absent\": true}", CCB_PASS,
     "quiet: absent"},
    {"one that is there", "\"kernel-argument\": {\"name\": \"ro\", \"absent\": true}", CCB_FAIL,
     "ro is there"},

    {"a command", "\"command\": {\"run\": [\"true\"]}", CCB_PASS, "true ended with status 0"},
    {"a command that fails", "\"command\": {\"run\": [\"sh\", \"-c\", \"echo why >&2; exit 3\"]}",
     CCB_FAIL, "why"},
    {"a command that is not there", "\"command\": {\"run\": [\"/no/such/command\"]}", CCB_FAIL,
     "/no/such/command"},
    {"a command that takes too long", "\"command\": {\"run\": [\"sleep\", \"9\"], \"limit\": 1}",
     CCB_FAIL, "sleep did not end within its limit of 1 s"},
    {"a status", "\"command\": {\"run\": [\"sh\", \"-c\", \"exit 3\"], \"status\": 3}", CCB_PASS,
     "ended with status 3"},
    {"another status", "\"command\": {\"run\": [\"true\"], \"status\": 3}", CCB_FAIL,
     "true ended with status 0, expected 3"},
    {"an output", "\"command\": {\"run\": [\"echo\", \"a b\"], \"output-contains\": \"a b\"}",
     CCB_PASS, "echo ended with status 0"},
    {"another output", "\"command\": {\"run\": [\"echo\", \"a\"], \"output-contains\": \"a b\"}",
     CCB_FAIL, "the output of echo does not contain \"a b\""},
    {"an output that matches",
     "\"command\": {\"run\": [\"echo\", \"v12\"], \"output-matches\": \"^v[0-9]+$\"}", CCB_PASS,
     "status 0"},
    {"an output that does not",
     "\"command\": {\"run\": [\"echo\", \"v\"], \"output-matches\": \"^v[0-9]+$\"}", CCB_FAIL,
     "nothing in the output of echo matches"},

    {"a definition of a later ccbake", "\"port\": {\"number\": 80}", CCB_UNREADABLE,
     "it can't be used: manifest:1:1: check has no key \"port\""},
    {"a definition that looks at nothing", "\"why\": \"so\"", CCB_UNREADABLE,
     "does not say what it looks at"},
};

static void stage(void)
{
    put("root/etc/acme/a.conf", "# of acme\nport = 80\nlog = /var/log/acme\n");
    put_link("a.conf", "root/etc/acme/link");
    put_link("nowhere", "root/etc/acme/dangling");
    g_autofree char *conf = staged("root/etc/acme/a.conf");
    g_autofree char *nul = staged("root/etc/acme/nul");
    if (g_chmod(conf, 0640) != 0 || !g_file_set_contents(nul, "a\0\xff port", 8, NULL))
        g_error("staging");
    put(UNITS "acme.service",
        "[Unit]\nAfter=nvidia-persistenced.service\n[Service]\nExecStart=/bin/true\n"
        "[Install]\nWantedBy=multi-user.target\n");
    put_link("/etc/systemd/system/acme.service", WANTS "acme.service");
    put(UNITS "idle.service", "[Unit]\nAfter=acme.service\n[Service]\nExecStart=/bin/true\n");
    put_link("/dev/null", UNITS "never.service");
    put("packages", "bash-4.4.20-4.al8.x86_64\nacme-lib-2:1.10-3.al8.x86_64\n"
                    "tool-1.0-1.al8.noarch\ntool-2.0-1.al8.noarch\n");
}

/* --- a copy whose commands are this host's */

static bool host_run(void *backend, CcbCommand *command, CcbLineFunc on_line, void *data,
                     GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_ptr_array_add(argv, "env"); /* says what it can't run, as bubblewrap does */
    for (const char *const *word = command->argv; *word != NULL; word++)
        g_ptr_array_add(argv, (char *)*word);
    g_ptr_array_add(argv, NULL);
    CcbProcess process = {.argv = (const char *const *)argv->pdata,
                          .name = command->argv[0],
                          .error_code = CCB_ERR_STEP,
                          .limit_s = command->limit_s,
                          .allow_failure = command->allow_failure,
                          .separate_stdout = command->ret_stdout != NULL,
                          .ret_stdout = command->ret_stdout};
    bool done = ccb_process_run(&process, error);
    command->ret_status = process.ret_status;
    return done;
}

static const CcbGuestOps host_ops = {
    .name = "host", .stat = ccb_rooted_stat, .get = ccb_rooted_get, .run = host_run};
static int host_root; /* of this host */
static guint copies;

static CcbGuest *open_copy(void *data, GError **error)
{
    copies++;
    return ccb_guest_new_with_ops(&host_ops, &host_root, -1);
}

static CcbGuest *fail_to_open(void *data, GError **error)
{
    ccb_fail(error, CCB_ERR_INPUT, "the file system is dirty");
    return NULL;
}

/* --- */

/* What is expected by these checks, own.c0, own.c1 ...; takes a NULL-terminated list of definitions. */
static void expect_checks(CcbExpectation *ret, const char *const *definitions)
{
    json_t *checks = json_array();
    for (guint i = 0; definitions[i] != NULL; i++) {
        g_autofree char *text = g_strdup_printf("{\"name\": \"c%u\", %s}", i, definitions[i]);
        json_t *check = json_loads(text, 0, NULL);
        if (check == NULL)
            g_error("%s", text);
        json_array_append_new(checks, check);
    }
    json_auto_t *json = json_pack("{siso}", "gpus", 1, "checks", checks);
    ccb_expectation_from_json(json, ret);
    json_auto_t *again = ccb_expectation_to_json(ret);
    if (!json_equal(json_object_get(json, "checks"), json_object_get(again, "checks")))
        ok(false, "the definitions survive the manifest");
}

static void test_cases(void)
{
    const char *definitions[G_N_ELEMENTS(cases) + 1] = {NULL};
    const CcbCheckSandbox sandbox = {open_copy, NULL};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        definitions[i] = cases[i].definition;
    g_auto(CcbExpectation) expect = {0};
    expect_checks(&expect, definitions);
    g_autoptr(CcbResults) results = check_tree(&expect, &(Tree){.sandbox = &sandbox});
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *id = g_strdup_printf("own.c%u", i);
        const CcbResultRow *row = find_row(results, id);
        is_int(row->status, cases[i].status, cases[i].what);
        ok(strstr(row->detail, cases[i].detail) != NULL, cases[i].detail);
        if (strstr(row->detail, cases[i].detail) == NULL)
            printf("# got: %s\n", row->detail);
    }
    is_int(copies, 1, "all commands have one copy");
}

/* The status of one check, and what the image as a whole is. */
static void test_one(const char *definition, const CcbCheckSandbox *sandbox, CcbCheckStatus status,
                     const char *detail, bool is_good, const char *what)
{
    g_auto(CcbExpectation) expect = {0};
    expect_checks(&expect, (const char *const[]){definition, NULL});
    g_autoptr(CcbResults) results = check_tree(&expect, &(Tree){.sandbox = sandbox});
    const CcbResultRow *row = results->rows->pdata[results->rows->len - 1];
    is_str(row->id, "own.c0", "the recipe's checks come last");
    is_int(row->status, status, what);
    if (!ok(strstr(row->detail, detail) != NULL, detail))
        printf("# got: %s\n", row->detail);
    ok(ccb_results_is_good(results) == is_good, is_good ? "the image is good" : "it is not");
}

static void test_digest_and_owner(void)
{
    g_autofree char *text = get("root/etc/acme/a.conf");
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    g_autofree char *definition = g_strdup_printf(
        "\"file\": {" A ", \"sha256\": \"%s\", \"owner\": \"%u:%u\"}", digest, getuid(), getgid());
    test_one(definition, NULL, CCB_PASS, "content as expected", true, "digest and owner");
}

int main(void)
{
    host_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const CcbCheckSandbox broken = {fail_to_open, NULL};
    begin(1, "570.148.08");
    stage();
    pack();
    test_cases();
    test_digest_and_owner();
    test_one("\"command\": {\"run\": [\"true\"]}", NULL, CCB_NOT_APPLICABLE, "not run", true,
             "without a copy no command is run, and none passes");
    test_one("\"command\": {\"run\": [\"true\"]}", &broken, CCB_UNREADABLE, "dirty", false,
             "a copy that can't be opened");
    test_one("\"file\": {\"path\": \"/none\"}", NULL, CCB_FAIL, "missing", false, "an error");
    test_one("\"severity\": \"warn\", \"file\": {\"path\": \"/none\"}", NULL, CCB_FAIL, "missing",
             true, "a warning");
    put("packages", "");
    test_one("\"package\": {\"name\": \"acme\", \"absent\": true}", NULL, CCB_UNREADABLE, "RPM",
             false, "packages that can't be read are not absent");
    end();
    return done();
}

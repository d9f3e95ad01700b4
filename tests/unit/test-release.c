/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two manifests compared. */
#include "cli/release.h"

#include "tap.h"

static json_t *parse(const char *text)
{
    g_autofree char *quoted = g_strdup(text);
    g_strdelimit(quoted, "'", '"');
    json_error_t error;
    json_t *json = json_loads(quoted, 0, &error);
    if (json == NULL)
        g_error("%s", error.text);
    return json;
}

/* "LIST: ~name a ► b" of all lists, a line each; caller frees. */
static char *compare(const char *old_text, const char *new_text)
{
    static const char *const lists[] = {"facts",    "checks", "packages",
                                        "payloads", "steps",  "files"};
    json_auto_t *old = parse(old_text), *now = parse(new_text);
    json_auto_t *json = ccb_release_compare("old", old, now, json_object_get(now, "checks"));
    GString *out = g_string_new(NULL);
    for (size_t l = 0; l < G_N_ELEMENTS(lists); l++) {
        size_t i;
        const json_t *item, *list = json_object_get(json, lists[l]);
        if (list == NULL)
            g_string_append_printf(out, "%s: not compared\n", lists[l]);
        json_array_foreach(list, i, item)
        {
            const char *a = json_string_value(json_object_get(item, "a"));
            const char *b = json_string_value(json_object_get(item, "b"));
            g_string_append_printf(out, "%s: %s %s: %s ► %s\n", lists[l],
                                   json_string_value(json_object_get(item, "change")),
                                   json_string_value(json_object_get(item, "name")),
                                   a != NULL ? a : "-", b != NULL ? b : "-");
        }
    }
    return g_string_free(out, FALSE);
}

#define OLD                                                                                        \
    "{'manifest': 1, 'kernel': '5.10', 'driver': '550', 'cuda': null, 'ccbake': '1',"              \
    " 'image': {'size': 1000, 'format': 'qcow2'},"                                                 \
    " 'packages': ['a-1-1.noarch', 'b-1-1.noarch'],"                                               \
    " 'payloads': [{'label': 'driver', 'url': 'u/550', 'sha256': 'aa'}],"                          \
    " 'steps': [{'id': 'one', 'kind': 'run', 'what': 'w'}, {'id': 'two', 'kind': 'run', 'what': "  \
    "'w'}],"                                                                                       \
    " 'files': [{'path': '/etc/x', 'mode': '0644', 'owner': '0:0', 'sha256': 'aa'}],"              \
    " 'checks': {'checks': [{'id': 'c.one', 'status': 'pass'}, {'id': 'c.two', 'status': "         \
    "'fail'}]}}"

int main(void)
{
    is_taken(compare(OLD, OLD), "", "equal manifests");
    is_taken(
        compare(OLD,
                "{'manifest': 1, 'kernel': '5.10', 'driver': '570', 'cuda': '12', 'ccbake': '1',"
                " 'image': {'size': 2000, 'format': 'qcow2'},"
                " 'packages': ['b-2-1.noarch', 'c-1-1.noarch', 'a-1-1.noarch'],"
                " 'payloads': [{'label': 'driver', 'url': 'u/570', 'sha256': 'bb'}],"
                " 'steps': [{'id': 'two', 'kind': 'run', 'what': 'v'}],"
                " 'files': [{'path': '/etc/x', 'mode': '0600', 'owner': '0:0', 'sha256': 'aa'},"
                "           {'path': '/etc/y', 'mode': '0644', 'owner': '0:0'}],"
                " 'checks': {'checks': [{'id': 'c.one', 'status': 'pass'},"
                "                       {'id': 'c.two', 'status': 'fail', 'waiver': 'known'}]}}"),
        "facts: changed driver: 550 ► 570\n"
        "facts: changed size of the file: 1.0 kB ► 2.0 kB\n"
        "facts: added CUDA: - ► 12\n"
        "checks: changed c.two: fail ► fail (waived)\n"
        "packages: changed b.noarch: 1-1 ► 2-1\n"
        "packages: added c.noarch: - ► 1-1\n"
        "payloads: changed driver: u/550, aa ► u/570, bb\n"
        "steps: removed one: run, w ► -\n"
        "steps: changed two: run, w ► run, v\n"
        "files: changed /etc/x: 0644, 0:0, aa ► 0600, 0:0, aa\n"
        "files: added /etc/y: - ► 0644, 0:0\n",
        "another release");
    is_taken(compare(OLD, "{'kernel': '5.11', 'image': {'format': 'qcow2'}, 'packages': []}"),
             "facts: changed kernel: 5.10 ► 5.11\n"
             "checks: not compared\n"
             "packages: removed a.noarch: 1-1 ► -\n"
             "packages: removed b.noarch: 1-1 ► -\n"
             "payloads: not compared\nsteps: not compared\nfiles: not compared\n",
             "an image without a manifest: what is not known is not gone");
    g_autofree char *odd = compare("{'packages': 1, 'steps': 'x', 'files': [1, {}], 'image': [],"
                                   " 'checks': {'checks': [3]}, 'recipe': 'r', 'kernel': {}}",
                                   OLD);
    ok(strstr(odd, "kernel") == NULL, "members of other types are as if they were not there");
    return done();
}

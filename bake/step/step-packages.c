/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packages from repositories.  `lock` asks the guest's own dnf what would be installed on this
 * base, and notes URL and sha256 of each package; the bake installs exactly those files, without a
 * network.
 */
#include <string.h>

#include "step/common.h"
#include "step/kinds.h"

static const CcbField repo_fields[] = {
    {"id", CCB_FIELD_STRING, true, "name of the repository", NULL, NULL},
    {"url", CCB_FIELD_STRING, true, "its base URL, as seen from where `ccbake lock` runs", NULL,
     NULL},
    {0},
};

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"install", CCB_FIELD_STRINGS, true, "package names or specs", NULL, NULL},
    {"repos", CCB_FIELD_MAPS, true, "repositories to resolve them from, and no others", NULL,
     repo_fields},
    {0},
};

/* Run by the guest's Python with its dnf module: argv is "id=url"... "--" package...; prints JSON.
 */
static const char resolver[] =
    "import dnf, dnf.subject, json, sys\n"
    "split = sys.argv.index('--')\n"
    "base = dnf.Base()\n"
    "base.conf.read()\n"
    "base.conf.cachedir = '/tmp/ccbake-dnf'\n"
    "base.conf.install_weak_deps = False\n"
    "for pair in sys.argv[1:split]:\n"
    "    name, url = pair.split('=', 1)\n"
    "    base.repos.add_new_repo(name, base.conf, baseurl=[url], gpgcheck=False)\n"
    "base.fill_sack(load_system_repo=True)\n"
    "for spec in sys.argv[split + 1:]:\n"
    "    try:\n"
    "        base.install(spec)\n"
    "    except dnf.exceptions.MarkingError:\n"
    "        if not dnf.subject.Subject(spec).get_best_query(base.sack).installed():\n"
    "            sys.exit('no repository has ' + spec)\n"
    "base.resolve()\n"
    "def entry(p):\n"
    "    kind, digest = p.returnIdSum()\n"
    "    return {'label': str(p), 'name': p.location.split('/')[-1], 'url': p.remote_location(),\n"
    "            'size': p.downloadsize, kind: digest}\n"
    "packages = sorted(base.transaction.install_set, key=str)\n"
    "print(json.dumps([entry(p) for p in packages]))\n";

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    g_auto(GStrv) names = ccb_node_get_strings(step->settings, "install");
    g_autofree char *list = g_strjoinv(", ", names);
    return g_strdup_printf("install %s: %u packages by the lock", list, step->payloads->len);
}

/* el8 keeps the Python that dnf runs on out of the way of the user's. */
static const char *find_python(CcbBake *bake)
{
    static const char el8[] = "/usr/libexec/platform-python";
    return ccb_guest_exists(bake->guest, el8) ? el8 : "/usr/bin/python3";
}

static GPtrArray *resolver_argv(CcbBake *bake, const CcbStep *step)
{
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(argv, g_strdup(find_python(bake)));
    g_ptr_array_add(argv, g_strdup("-"));
    const CcbNode *repos = ccb_node_get(step->settings, "repos");
    for (guint i = 0; i < repos->items->len; i++) {
        const CcbNode *repo = repos->items->pdata[i];
        g_ptr_array_add(argv, g_strdup_printf("%s=%s", ccb_node_get_text(repo, "id"),
                                              ccb_node_get_text(repo, "url")));
    }
    g_ptr_array_add(argv, g_strdup("--"));
    g_auto(GStrv) names = ccb_node_get_strings(step->settings, "install");
    for (char **name = names; *name != NULL; name++)
        g_ptr_array_add(argv, g_strdup(*name));
    g_ptr_array_add(argv, NULL);
    return argv;
}

static CcbPayload *payload_of(const json_t *item, GError **error)
{
    const char *name = json_string_value(json_object_get(item, "name"));
    const char *url = json_string_value(json_object_get(item, "url"));
    const char *sha256 = json_string_value(json_object_get(item, "sha256"));
    if (name == NULL || url == NULL) {
        ccb_fail(error, CCB_ERR_STEP, "the guest's dnf named a package without name or URL");
        return NULL;
    }
    CcbPayload *payload = g_new0(CcbPayload, 1);
    payload->label = g_strdup(json_string_value(json_object_get(item, "label")));
    payload->name = g_strdup(name);
    payload->urls = g_new0(char *, 2);
    payload->urls[0] = g_strdup(url);
    payload->sha256 =
        g_strdup(sha256); /* a repository with other digests leaves it to the download */
    payload->size = (uint64_t)json_integer_value(json_object_get(item, "size"));
    return payload;
}

static bool take_answer(const char *text, GPtrArray *ret_payloads, GError **error)
{
    json_t *list = json_loads(text, 0, NULL);
    bool ok = json_is_array(list) ||
              ccb_fail(error, CCB_ERR_STEP, "the guest's dnf did not answer with a list");
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        CcbPayload *payload = payload_of(json_array_get(list, i), error);
        ok = payload != NULL;
        if (ok)
            g_ptr_array_add(ret_payloads, payload);
    }
    json_decref(list);
    return ok;
}

static bool resolve(CcbBake *bake, const CcbStep *step, GPtrArray *ret_payloads, GError **error)
{
    g_autoptr(GPtrArray) argv = resolver_argv(bake, step);
    g_autoptr(GString) answer = g_string_new(NULL);
    CcbCommand command = {.argv = (const char *const *)argv->pdata,
                          .stdin_text = resolver,
                          .ret_stdout = answer,
                          .limit_s = ccb_step_limit(step)};
    return ccb_guest_run(bake->guest, &command, error) &&
           take_answer(answer->str, ret_payloads, error);
}

const CcbStepKind ccb_step_packages = {
    .name = "packages",
    .summary = "install packages from repositories, resolved by the lock",
    .version = 1,
    .fields = fields,
    .image_percent = 400,
    .describe = describe,
    .declare = ccb_step_declare_rpms,
    .resolve = resolve,
    .run = ccb_step_install_rpms,
};

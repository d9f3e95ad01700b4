/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packages from repositories.  `lock` asks the guest's own dnf what would be installed on this
 * base, and notes URL and sha256 of each package; the bake installs exactly those files, without a
 * network.
 */
#include "base/process.h"
#include "base/quantity.h"
#include "step/common.h"
#include "step/kinds.h"

typedef struct {
    char *id, *url;
} Repository;

typedef struct {
    CcbStepSettings common;
    char **install;
    GPtrArray *repos; /* Repository */
    char **keys;      /* see ccb_step_add_keys() */
} Settings;

static const CcbField repo_fields[] = {
    CCB_SETTING(Repository, id, "id", STRING, "name of the repository", .required = true),
    CCB_SETTING(Repository, url, "url", STRING,
                "its base URL, as seen from where `ccbake lock` runs", .required = true),
    {0},
};

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, install, "install", STRINGS, "package names or specs", .required = true),
    CCB_SETTING(Settings, repos, "repos", MAPS, "repositories to resolve them from, and no others",
                .required = true, .fields = repo_fields, .size = sizeof(Repository)),
    CCB_SETTING(Settings, keys, "keys", FILES,
                "public keys, one of which must have signed each package"),
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
    const Settings *s = step->settings;
    g_autofree char *list = g_strjoinv(", ", s->install);
    return g_strdup_printf("install %s: %u %s by the lock", list, step->payloads->len,
                           ccb_plural(step->payloads->len, "package", "packages"));
}

static CcbPayload *payload_of(const json_t *item, GError **error)
{
    const char *name = json_string_value(json_object_get(item, "name"));
    const char *url = json_string_value(json_object_get(item, "url"));
    if (name == NULL || url == NULL) {
        ccb_fail(error, CCB_ERR_STEP, "the guest's dnf named a package without name or URL");
        return NULL;
    }
    /* A repository with other digests leaves the SHA-256 to the download. */
    CcbPayload *payload =
        ccb_step_payload_new(json_string_value(json_object_get(item, "label")), name, url,
                             json_string_value(json_object_get(item, "sha256")));
    payload->size = (uint64_t)json_integer_value(json_object_get(item, "size"));
    return payload;
}

static bool resolve(CcbBake *bake, const CcbStep *step, GPtrArray *ret_payloads, GError **error)
{
    /* el8 keeps the Python that dnf runs on out of the way of the user's. */
    static const char el8[] = "/usr/libexec/platform-python";
    const Settings *s = step->settings;
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) answer = g_string_new(NULL);
    ccb_argv_add(argv, ccb_guest_exists(bake->guest, el8) ? el8 : "/usr/bin/python3", "-", NULL);
    for (guint i = 0; i < s->repos->len; i++) {
        const Repository *repo = s->repos->pdata[i];
        g_ptr_array_add(argv, g_strdup_printf("%s=%s", repo->id, repo->url));
    }
    ccb_argv_add(argv, "--", NULL);
    for (char **name = s->install; *name != NULL; name++)
        ccb_argv_add(argv, *name, NULL);
    g_ptr_array_add(argv, NULL);
    CcbCommand command = {
        .argv = (const char *const *)argv->pdata, .stdin_text = resolver, .ret_stdout = answer};
    if (!ccb_step_limited(bake, step, &command, error))
        return false;
    json_auto_t *list = json_loads(answer->str, 0, NULL);
    if (!json_is_array(list))
        return ccb_fail(error, CCB_ERR_STEP, "the guest's dnf did not answer with a list");
    return ccb_step_add_resolved(list, payload_of, ret_payloads, error);
}

const CcbStepKind ccb_step_packages = {
    .name = "packages",
    .summary = "install packages from repositories, resolved by the lock",
    .version = 1,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .image_percent = 400,
    .describe = describe,
    .changes = ccb_step_package_changes,
    .resolve = resolve,
    .run = ccb_step_install_rpms,
};

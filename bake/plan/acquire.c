/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/acquire.h"

#include <string.h>

#include "base/file.h"
#include "fetch/fetch.h"
#include "fetch/url.h"
#include "image/rpm.h"

CcbStore *ccb_plan_store(GError **error)
{
    g_autofree char *dir = g_build_filename(ccb_cache_dir(), "store", NULL);
    return ccb_store_open(dir, error);
}

/* Compares packages that are here with their keys. */
static bool check_signatures(const GPtrArray *payloads, GError **error)
{
    for (guint i = 0; i < payloads->len; i++) {
        const CcbPayload *payload = payloads->pdata[i];
        if (payload->keys == NULL || payload->keys[0] == NULL ||
            ccb_rpm_check_signature(payload->path, (const char *const *)payload->keys, error))
            continue;
        g_prefix_error(error, "%s (%s): ", payload->label, payload->name);
        return false;
    }
    return true;
}

bool ccb_payloads_fetch(GPtrArray *payloads, CcbStore *store, bool offline, GError **error)
{
    CcbFetchOptions options = ccb_fetch_defaults;
    options.offline = offline;
    if (!ccb_fetch_all(store, payloads, &options, error))
        return false;
    for (guint i = 0; i < payloads->len; i++) {
        CcbPayload *payload = payloads->pdata[i];
        if (payload->sha256 == NULL)
            payload->sha256 = g_strdup(payload->got_sha256);
        payload->size = payload->got_size;
    }
    return check_signatures(payloads, error);
}

char *ccb_payload_find(const CcbPayload *payload, const CcbStore *store)
{
    for (char **url = payload->urls; *url != NULL; url++) {
        g_autofree char *path = ccb_url_local_path(*url);
        if (path != NULL && g_file_test(path, G_FILE_TEST_IS_REGULAR))
            return g_steal_pointer(&path);
    }
    if (payload->sha256 && ccb_store_has(store, payload->sha256, payload->size))
        return ccb_store_object_path(store, payload->sha256);
    return NULL;
}

bool ccb_plan_check_local(const CcbPlan *plan, GError **error)
{
    g_autoptr(GPtrArray) all = ccb_payloads_of(plan->steps, 0, plan->steps->len);
    g_ptr_array_insert(all, 0, plan->base);
    return ccb_fetch_check_local(all, NULL, error);
}

CcbFacts *ccb_plan_known_base(const CcbPlan *plan, const CcbStore *store)
{
    g_autofree char *path = ccb_payload_find(plan->base, store);
    return path != NULL ? ccb_facts_cached(path, NULL) : NULL;
}

/* Steps that share a payload have each their own record of it; the fetch knew one. */
static void share_paths(CcbPlan *plan, const GPtrArray *fetched)
{
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        for (guint j = 0; j < step->payloads->len; j++) {
            CcbPayload *payload = step->payloads->pdata[j];
            for (guint k = 0; payload->path == NULL && k < fetched->len; k++) {
                const CcbPayload *other = fetched->pdata[k];
                if (strcmp(other->name, payload->name) == 0)
                    payload->path = g_strdup(other->path);
            }
        }
    }
}

bool ccb_plan_fetch_base(CcbPlan *plan, CcbStore *store, bool offline, GError **error)
{
    g_autoptr(GPtrArray) base = g_ptr_array_new();
    g_ptr_array_add(base, plan->base);
    return ccb_payloads_fetch(base, store, offline, error);
}

bool ccb_plan_fetch(CcbPlan *plan, guint first, CcbStore *store, bool offline, GError **error)
{
    g_autoptr(GPtrArray) all = ccb_payloads_of(plan->steps, first, plan->steps->len);
    g_ptr_array_insert(all, 0, plan->base);
    if (!ccb_payloads_fetch(all, store, offline, error))
        return false;
    share_paths(plan, all);
    for (guint i = first; i < plan->steps->len;
         i++) /* another step may want other keys for the same file */
        if (!check_signatures(((const CcbStep *)plan->steps->pdata[i])->payloads, error))
            return false;
    return true;
}

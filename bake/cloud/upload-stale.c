/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/upload-stale.h"

#include "base/error.h"

/* One that the server does not date is taken for new. */
static bool is_stale(const CcbUnfinished *unfinished, unsigned days)
{
    enum { DAY_S = 24 * 3600 };
    gint64 age = g_get_real_time() / G_USEC_PER_SEC - unfinished->begun;
    return days == 0 || (unfinished->begun != 0 && age >= (gint64)days * DAY_S);
}

/* A request is of a target: this one's key is another. */
static bool abort_one(const CcbS3 *s3, const CcbUnfinished *unfinished, GError **error)
{
    CcbTarget target = *s3->target;
    target.key = unfinished->key;
    CcbS3 of_key = {.target = &target, .credentials = s3->credentials, .pool = s3->pool};
    return ccb_object_abort(&of_key, unfinished->upload_id, error);
}

GPtrArray *ccb_stale_abort(CcbS3 *s3, unsigned days, GError **error)
{
    g_autoptr(GPtrArray) list = ccb_object_list_unfinished(s3, error);
    if (list == NULL && s3->answered)
        ccb_hint(error, "a lifecycle rule of the bucket can remove the parts of old uploads, too");
    for (guint i = list != NULL ? list->len : 0; i-- > 0;) {
        const CcbUnfinished *unfinished = list->pdata[i];
        if (!is_stale(unfinished, days))
            g_ptr_array_remove_index(list, i);
        else if (!abort_one(s3, unfinished, error))
            return NULL;
    }
    return g_steal_pointer(&list);
}

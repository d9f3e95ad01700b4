/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two streams of clusters are merged; one that only one of them has must be zeros. */
#include "image/compare.h"

#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "image/qcow2-reader.h"

enum { SECTOR = 512 };

typedef struct {
    CcbReader *reader;
    const CcbCluster *cluster; /* NULL: there is no other */
} Side;

static const uint8_t zeros[CCB_CLUSTER];

/* The next cluster with data. */
static bool advance(Side *side, GError **error)
{
    do
        if (!ccb_reader_next(side->reader, &side->cluster, error))
            return false;
    while (side->cluster != NULL && side->cluster->result == CCB_RESULT_ZERO);
    return true;
}

static uint64_t index_of(const Side *side)
{
    return side->cluster != NULL ? side->cluster->index : UINT64_MAX;
}

bool ccb_qcow2_compare(CcbQcow2Chain *chain_a, CcbQcow2Chain *chain_b, GError **error)
{
    const CcbReaderOptions options = {0};
    g_autoptr(CcbReader) reader_a = ccb_reader_new(chain_a, &options, error);
    g_autoptr(CcbReader) reader_b = reader_a ? ccb_reader_new(chain_b, &options, error) : NULL;
    Side a = {.reader = reader_a}, b = {.reader = reader_b};
    if (reader_b == NULL || !advance(&a, error) || !advance(&b, error))
        return false;
    while (a.cluster != NULL || b.cluster != NULL) {
        uint64_t index_a = index_of(&a), index_b = index_of(&b), index = MIN(index_a, index_b);
        const uint8_t *data_a = index_a == index ? a.cluster->data : zeros;
        const uint8_t *data_b = index_b == index ? b.cluster->data : zeros;
        ccb_progress_update(ccb_reader_position(a.reader));
        if (memcmp(data_a, data_b, CCB_CLUSTER) != 0) {
            unsigned sector = 0;
            while (memcmp(data_a + sector * SECTOR, data_b + sector * SECTOR, SECTOR) == 0)
                sector++;
            return ccb_fail(error, CCB_ERR_CHECK, "sector %" G_GUINT64_FORMAT " differs",
                            index * (CCB_CLUSTER / SECTOR) + sector);
        }
        if ((index_a == index && !advance(&a, error)) || (index_b == index && !advance(&b, error)))
            return false;
    }
    return true;
}

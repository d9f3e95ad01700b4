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

static bool same_data(uint64_t index, const uint8_t *a, const uint8_t *b, GError **error)
{
    unsigned sector = 0;
    if (memcmp(a, b, CCB_CLUSTER) == 0)
        return true;
    while (memcmp(a + sector * SECTOR, b + sector * SECTOR, SECTOR) == 0)
        sector++;
    return ccb_fail(error, CCB_ERR_CHECK, "sector %" G_GUINT64_FORMAT " differs",
                    index * (CCB_CLUSTER / SECTOR) + sector);
}

/* Compares the first of the two clusters at hand, and moves on. */
static bool step(Side *a, Side *b, GError **error)
{
    uint64_t index_a = index_of(a), index_b = index_of(b);
    const uint8_t *data_a = index_a <= index_b ? a->cluster->data : zeros;
    const uint8_t *data_b = index_b <= index_a ? b->cluster->data : zeros;
    return same_data(MIN(index_a, index_b), data_a, data_b, error) &&
           (index_a > index_b || advance(a, error)) && (index_b > index_a || advance(b, error));
}

static bool merge(Side *a, Side *b, GError **error)
{
    if (!advance(a, error) || !advance(b, error))
        return false;
    while (a->cluster != NULL || b->cluster != NULL) {
        ccb_progress_update(ccb_reader_position(a->reader));
        if (!step(a, b, error))
            return false;
    }
    return true;
}

bool ccb_qcow2_compare(CcbQcow2Chain *a, CcbQcow2Chain *b, GError **error)
{
    const CcbReaderOptions options = {0};
    g_autoptr(CcbReader) reader_a = ccb_reader_new(a, &options, error);
    g_autoptr(CcbReader) reader_b = reader_a ? ccb_reader_new(b, &options, error) : NULL;
    return reader_b != NULL &&
           merge(&(Side){.reader = reader_a}, &(Side){.reader = reader_b}, error);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/qcow2-huffman.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 2 * CCB_HUFFMAN_SYMBOLS };

/* Leaves sort by their frequency, equal ones by their symbol. */
typedef struct {
    uint64_t key[NODES];
    uint32_t weight[NODES];
    uint16_t parent[NODES];
    unsigned leaves;
} Tree;

enum { SYMBOL_BITS = 16 };

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void collect(Tree *tree, const uint32_t *frequency, unsigned n)
{
    tree->leaves = 0;
    for (unsigned i = 0; i < n; i++)
        if (frequency[i] > 0)
            tree->key[tree->leaves++] = (uint64_t)frequency[i] << SYMBOL_BITS | i;
    for (unsigned i = 0; tree->leaves < 2; i++)
        if (frequency[i] == 0)
            tree->key[tree->leaves++] = (uint64_t)1 << SYMBOL_BITS | i;
    qsort(tree->key, tree->leaves, sizeof tree->key[0], compare_keys);
    for (unsigned i = 0; i < tree->leaves; i++)
        tree->weight[i] = (uint32_t)(tree->key[i] >> SYMBOL_BITS);
}

/* Joins the two lightest nodes until one is left; sums come out in rising order, and so need no
 * heap. */
static void join(Tree *tree)
{
    unsigned leaf = 0, sum = tree->leaves;
    for (unsigned node = tree->leaves; node < 2 * tree->leaves - 1; node++) {
        tree->weight[node] = 0;
        for (int i = 0; i < 2; i++) {
            bool take_leaf =
                leaf < tree->leaves && (sum >= node || tree->weight[leaf] <= tree->weight[sum]);
            unsigned taken = take_leaf ? leaf++ : sum++;
            tree->weight[node] += tree->weight[taken];
            tree->parent[taken] = (uint16_t)node;
        }
    }
}

static void count_depths(Tree *tree, unsigned limit, unsigned *count)
{
    unsigned root = 2 * tree->leaves - 2;
    uint16_t depth[NODES];
    depth[root] = 0;
    for (unsigned i = root; i-- > 0;) {
        depth[i] = (uint16_t)(depth[tree->parent[i]] + 1);
        if (i < tree->leaves)
            count[depth[i] < limit ? depth[i] : limit]++;
    }
}

/* Codes that were cut to `limit` bits claim more than there is: lengthens shorter ones until all
 * fit. */
static void enforce_limit(unsigned *count, unsigned limit)
{
    uint32_t total = 0;
    for (unsigned l = 1; l <= limit; l++)
        total += (uint32_t)count[l] << (limit - l);
    for (; total > 1u << limit; total--) {
        unsigned l = limit - 1;
        while (count[l] == 0)
            l--;
        count[limit]--;
        count[l]--;
        count[l + 1] += 2;
    }
}

static uint16_t reversed(unsigned code, unsigned length)
{
    unsigned result = 0;
    for (unsigned i = 0; i < length; i++)
        result |= (code >> i & 1) << (length - 1 - i);
    return (uint16_t)result;
}

static void assign_codes(CcbHuffman *huffman, const unsigned *count, unsigned n)
{
    unsigned next[CCB_HUFFMAN_BITS + 2] = {0};
    for (unsigned l = 1; l <= CCB_HUFFMAN_BITS; l++)
        next[l + 1] = (next[l] + count[l]) << 1;
    for (unsigned i = 0; i < n; i++)
        if (huffman->length[i] > 0)
            huffman->code[i] = reversed(next[huffman->length[i]]++, huffman->length[i]);
}

void ccb_huffman_build(CcbHuffman *huffman, const uint32_t *frequency, unsigned n, unsigned limit)
{
    Tree tree;
    unsigned count[CCB_HUFFMAN_BITS + 1] = {0};
    memset(huffman->length, 0, sizeof huffman->length);
    collect(&tree, frequency, n);
    join(&tree);
    count_depths(&tree, limit, count);
    enforce_limit(count, limit);
    unsigned leaf = 0;
    for (unsigned l = limit; l > 0; l--)
        for (unsigned i = 0; i < count[l]; i++)
            huffman->length[tree.key[leaf++] & ((1u << SYMBOL_BITS) - 1)] = (uint8_t)l;
    assign_codes(huffman, count, n);
}

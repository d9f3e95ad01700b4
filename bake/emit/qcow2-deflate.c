/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 1. parse     finds matches with hash chains and one step of lazy evaluation; notes symbols
 * 2. flush     builds Huffman codes for the block's symbols and writes them
 */
#include "emit/qcow2-deflate.h"

#include <stdbool.h>
#include <string.h>

#include "emit/qcow2-huffman.h"

/* RFC 1951, 3.2.5 and 3.2.7. */
enum {
    END_OF_BLOCK = 256,
    LENGTH_BASE = 257,
    LENGTH_LONGEST = 285,
    LITERALS = 286,
    DISTANCES = 30,
    PRECODES = 19,
    PRECODE_LIMIT = 7,
    MATCH_MIN = 3,
    MATCH_MAX = 258,
    BLOCK_DYNAMIC = 2,
};

/* Chosen by measuring on driver and library files: 4 % larger than zlib's level 6 with the same
 * window, at more than five times its speed. */
enum {
    HASH3_BITS = 12,
    HASH4_BITS = 14,
    CHAIN_DEPTH = 6,      /* candidates looked at */
    NICE_LENGTH = 16,     /* a match that is good enough to end the search */
    LAZY_LENGTH = 5,      /* one that is taken without a look at the next byte */
    FAR_FOR_THREE = 2048, /* three literals are cheaper than a match of three from further away */
    HASH_INPUT = 4,       /* bytes that a position in the chains must have behind it */
    PATIENCE = 64,        /* literals until the search begins to leave bytes out */
    STRIDE_MAX = 16,      /* bytes left out, at most */
    HOPELESS_GAIN = 64, /* a block must save this part of its input, or the rest must look better */
    BLOCK_SYMBOLS = 16384, /* a code is made for */
    BLOCK_SLACK = 32,      /* more symbols than one step adds */
};

typedef struct {
    uint16_t length; /* 0: a literal */
    uint16_t value;  /* the literal, or the distance */
} Symbol;

typedef struct {
    uint8_t *at, *end;
    uint64_t bits;
    unsigned n;
    bool full;
} Writer;

struct CcbDeflate {
    uint16_t head3[1 << HASH3_BITS]; /* position + 1 */
    uint16_t head4[1 << HASH4_BITS];
    uint16_t previous[CCB_DEFLATE_WINDOW];
    const uint8_t *data;
    size_t size;
    unsigned n_symbols;
    Symbol symbols[BLOCK_SYMBOLS];
    uint32_t literal_count[LITERALS], distance_count[DISTANCES];
    CcbHuffman literal, distance, precode;
    uint8_t length_symbol[MATCH_MAX + 1];
    Writer out;
};

typedef struct {
    unsigned length, distance;
} Match;

static inline uint32_t load32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return GUINT32_FROM_LE(value);
}

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return GUINT64_FROM_LE(value);
}

static inline unsigned hash(uint32_t value, unsigned bits)
{
    return (value * 0x9e3779b1u) >> (32 - bits); /* Knuth's multiplicative hash */
}

static inline unsigned log2_floor(unsigned value)
{
    return 31u - (unsigned)__builtin_clz(value);
}

/* The symbol of a distance, and the number of bits that follow it. */
static inline unsigned distance_symbol(unsigned distance, unsigned *ret_extra)
{
    unsigned d = distance - 1;
    if (d < 4) {
        *ret_extra = 0;
        return d;
    }
    unsigned k = log2_floor(d);
    *ret_extra = k - 1;
    return 2 * k + (d >> (k - 1) & 1);
}

static unsigned length_symbol(unsigned length)
{
    unsigned l = length - MATCH_MIN;
    if (length == MATCH_MAX)
        return LENGTH_LONGEST - LENGTH_BASE;
    if (l < 8)
        return l;
    unsigned k = log2_floor(l);
    return 4 * (k - 1) + (l >> (k - 2) & 3);
}

static inline unsigned length_extra(unsigned length)
{
    unsigned l = length - MATCH_MIN;
    return l < 8 || length == MATCH_MAX ? 0 : log2_floor(l) - 2;
}

/* --- writing --- */

/* At most 48 bits at once: 7 may be waiting, and 8 bytes are stored each time. */
static inline void put(Writer *w, uint64_t bits, unsigned n)
{
    w->bits |= bits << w->n;
    w->n += n;
    if (G_UNLIKELY(w->end - w->at < 8)) {
        w->full = true;
        w->n &= 7;
        return;
    }
    uint64_t value = GUINT64_TO_LE(w->bits);
    memcpy(w->at, &value, sizeof value);
    w->at += w->n >> 3;
    w->bits = w->n >> 3 == 8 ? 0 : w->bits >> (w->n & ~7u);
    w->n &= 7;
}

static void put_symbols(CcbDeflate *d)
{
    for (unsigned i = 0; i < d->n_symbols; i++) {
        Symbol s = d->symbols[i];
        if (s.length == 0) {
            put(&d->out, d->literal.code[s.value], d->literal.length[s.value]);
            continue;
        }
        unsigned extra, symbol = LENGTH_BASE + d->length_symbol[s.length];
        unsigned n = d->literal.length[symbol], length_bits = length_extra(s.length);
        uint64_t bits = d->literal.code[symbol];
        bits |= (uint64_t)((s.length - MATCH_MIN) & ((1u << length_bits) - 1)) << n;
        n += length_bits;
        symbol = distance_symbol(s.value, &extra);
        bits |= (uint64_t)d->distance.code[symbol] << n;
        n += d->distance.length[symbol];
        bits |= (uint64_t)((s.value - 1u) & ((1u << extra) - 1)) << n;
        put(&d->out, bits, n + extra);
    }
    put(&d->out, d->literal.code[END_OF_BLOCK], d->literal.length[END_OF_BLOCK]);
}

/* Code lengths, run-length coded: symbol, and what the extra bits hold (3.2.7). */
typedef struct {
    uint8_t symbol[LITERALS + DISTANCES], extra[LITERALS + DISTANCES];
    unsigned n;
} Runs;

enum { RUN_SAME = 16, RUN_ZERO = 17, RUN_ZERO_LONG = 18 };

static void add_run(Runs *runs, unsigned symbol, unsigned extra)
{
    runs->symbol[runs->n] = (uint8_t)symbol;
    runs->extra[runs->n++] = (uint8_t)extra;
}

/* Writes part of a run of `n` equal lengths, and returns how many it took. */
static unsigned take_run(Runs *runs, unsigned value, unsigned n)
{
    if (value == 0 && n >= 11) {
        n = MIN(n, 138);
        add_run(runs, RUN_ZERO_LONG, n - 11);
    } else if (value == 0 && n >= 3) {
        add_run(runs, RUN_ZERO, n - 3);
    } else if (n >= 4) { /* the value itself, then 3 to 6 times again */
        n = MIN(n, 7);
        add_run(runs, value, 0);
        add_run(runs, RUN_SAME, n - 4);
    } else {
        add_run(runs, value, 0);
        n = 1;
    }
    return n;
}

static void find_runs(Runs *runs, const uint8_t *lengths, unsigned n)
{
    for (unsigned i = 0; i < n;) {
        unsigned same = 1;
        while (i + same < n && lengths[i + same] == lengths[i])
            same++;
        i += take_run(runs, lengths[i], same);
    }
}

static unsigned used(const CcbHuffman *huffman, unsigned n, unsigned at_least)
{
    while (n > at_least && huffman->length[n - 1] == 0)
        n--;
    return n;
}

static void put_runs(CcbDeflate *d, const Runs *runs)
{
    static const uint8_t extra_bits[] = {2, 3, 7};
    for (unsigned i = 0; i < runs->n; i++) {
        unsigned symbol = runs->symbol[i];
        put(&d->out, d->precode.code[symbol], d->precode.length[symbol]);
        if (symbol >= RUN_SAME)
            put(&d->out, runs->extra[i], extra_bits[symbol - RUN_SAME]);
    }
}

/* 3.2.7: the two codes, as code lengths, which are themselves Huffman coded. */
static void put_codes(CcbDeflate *d)
{
    static const uint8_t order[PRECODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                            11, 4,  12, 3, 13, 2, 14, 1, 15};
    Runs runs = {.n = 0};
    uint32_t count[PRECODES] = {0};
    uint8_t lengths[LITERALS + DISTANCES];
    unsigned literals = used(&d->literal, LITERALS, LENGTH_BASE);
    unsigned distances = used(&d->distance, DISTANCES, 1), n = PRECODES;
    memcpy(lengths, d->literal.length, literals);
    memcpy(lengths + literals, d->distance.length, distances);
    find_runs(&runs, lengths, literals + distances);
    for (unsigned i = 0; i < runs.n; i++)
        count[runs.symbol[i]]++;
    ccb_huffman_build(&d->precode, count, PRECODES, PRECODE_LIMIT);
    while (n > 4 && d->precode.length[order[n - 1]] == 0)
        n--;
    put(&d->out, literals - LENGTH_BASE, 5);
    put(&d->out, distances - 1, 5);
    put(&d->out, n - 4, 4);
    for (unsigned i = 0; i < n; i++)
        put(&d->out, d->precode.length[order[i]], 3);
    put_runs(d, &runs);
}

static void flush(CcbDeflate *d, bool last)
{
    d->literal_count[END_OF_BLOCK] = 1;
    ccb_huffman_build(&d->literal, d->literal_count, LITERALS, CCB_HUFFMAN_BITS);
    ccb_huffman_build(&d->distance, d->distance_count, DISTANCES, CCB_HUFFMAN_BITS);
    put(&d->out, (last ? 1u : 0u) | BLOCK_DYNAMIC << 1, 3);
    put_codes(d);
    put_symbols(d);
    d->n_symbols = 0;
    memset(d->literal_count, 0, sizeof d->literal_count);
    memset(d->distance_count, 0, sizeof d->distance_count);
}

/* --- parsing --- */

static inline void add_literal(CcbDeflate *d, uint8_t byte)
{
    d->symbols[d->n_symbols++] = (Symbol){0, byte};
    d->literal_count[byte]++;
}

static inline void add_match(CcbDeflate *d, Match match)
{
    unsigned extra;
    d->symbols[d->n_symbols++] = (Symbol){(uint16_t)match.length, (uint16_t)match.distance};
    d->literal_count[LENGTH_BASE + d->length_symbol[match.length]]++;
    d->distance_count[distance_symbol(match.distance, &extra)]++;
}

static inline unsigned common_length(const uint8_t *a, const uint8_t *b, unsigned limit)
{
    unsigned n = 0;
    while (n + 8 <= limit) {
        uint64_t difference = load64(a + n) ^ load64(b + n);
        if (difference != 0)
            return n + (unsigned)__builtin_ctzll(difference) / 8;
        n += 8;
    }
    while (n < limit && a[n] == b[n])
        n++;
    return n;
}

/* Notes the position in the chains; the caller has seen that HASH_INPUT bytes follow. */
static inline unsigned insert(CcbDeflate *d, unsigned at, unsigned *ret_three)
{
    uint32_t value = load32(d->data + at);
    unsigned h3 = hash(value << 8, HASH3_BITS), h4 = hash(value, HASH4_BITS);
    unsigned candidate = d->head4[h4];
    *ret_three = d->head3[h3];
    d->head3[h3] = d->head4[h4] = (uint16_t)(at + 1);
    d->previous[at % CCB_DEFLATE_WINDOW] = (uint16_t)candidate;
    return candidate;
}

/* The longest match at `at` that is longer than `best`; else length 0. */
static inline Match search(CcbDeflate *d, unsigned at, unsigned best, int depth)
{
    const uint8_t *here = d->data + at;
    unsigned limit = (unsigned)MIN(d->size - at, MATCH_MAX), three;
    unsigned candidate = insert(d, at, &three);
    uint32_t first = load32(here);
    Match match = {0, 0};
    if (best < MATCH_MIN && three > 0 && at + 1 - three <= FAR_FOR_THREE &&
        ((load32(d->data + three - 1) ^ first) & 0xffffff) == 0) {
        match = (Match){MATCH_MIN, at + 1 - three};
        best = MATCH_MIN;
    }
    best = MAX(best, MATCH_MIN);
    for (; candidate > 0 && at + 1 - candidate <= CCB_DEFLATE_WINDOW && best < limit && depth > 0;
         depth--) {
        const uint8_t *there = d->data + candidate - 1;
        if (load32(there + best - 3) == load32(here + best - 3) && load32(there) == first) {
            unsigned length = common_length(there, here, limit);
            if (length > best) {
                match = (Match){length, at + 1 - candidate};
                best = length;
                if (length >= NICE_LENGTH)
                    break;
            }
        }
        unsigned next = d->previous[(candidate - 1) % CCB_DEFLATE_WINDOW];
        if (next >= candidate)
            break; /* the ring holds a younger position there */
        candidate = next;
    }
    return match;
}

/* Notes every other position of a match, and only in the chains: little is lost. */
static void skip(CcbDeflate *d, unsigned from, unsigned to)
{
    for (; from < to && from + HASH_INPUT <= d->size; from += 2) {
        uint16_t *head = &d->head4[hash(load32(d->data + from), HASH4_BITS)];
        d->previous[from % CCB_DEFLATE_WINDOW] = *head;
        *head = (uint16_t)(from + 1);
    }
}

/* Takes the match at `at`, or a better one a byte later; returns where to go on. */
static unsigned take_match(CcbDeflate *d, unsigned at, Match match)
{
    while (match.length < LAZY_LENGTH && at + 1 + HASH_INPUT <= d->size) {
        Match next = search(d, at + 1, match.length, CHAIN_DEPTH / 2);
        if (next.length <= match.length) {
            add_match(d, match);
            skip(d, at + 2, at + match.length);
            return at + match.length;
        }
        add_literal(d, d->data[at++]);
        match = next;
    }
    add_match(d, match);
    skip(d, at + 1, at + match.length);
    return at + match.length;
}

/* Whether all bytes occur about as often: the squares of their counts sum up to about what random
 * data gives, n * n / 256 + n. */
static bool looks_random(const uint8_t *data, size_t n)
{
    uint32_t count[256] = {0};
    uint64_t sum = 0, square = (uint64_t)n * n;
    for (size_t i = 0; i < n; i++)
        count[data[i]]++;
    for (unsigned i = 0; i < 256; i++)
        sum += (uint64_t)count[i] * count[i];
    return sum * 256 < square + square / 16 + 256 * (uint64_t)n;
}

/* After a block that did not become smaller, with nothing better to come. */
static bool is_hopeless(const CcbDeflate *d, const uint8_t *begin, unsigned at)
{
    size_t written = (size_t)(d->out.at - begin);
    return written >= at - at / HOPELESS_GAIN && looks_random(d->data + at, d->size - at);
}

/* Takes what begins at `at`, and returns where to go on.  The longer no match was found, the more
 * bytes are passed over unsearched. */
static unsigned step(CcbDeflate *d, unsigned at, unsigned *misses)
{
    Match match = {0, 0};
    if (at + HASH_INPUT <= d->size)
        match = search(d, at, 0, CHAIN_DEPTH);
    if (match.length > 0) {
        *misses = 0;
        return take_match(d, at, match);
    }
    unsigned n = MIN(1 + ++*misses / PATIENCE, STRIDE_MAX);
    for (; n > 0 && at < d->size; n--)
        add_literal(d, d->data[at++]);
    return at;
}

static void parse(CcbDeflate *d)
{
    const uint8_t *begin = d->out.at;
    unsigned at = 0, misses = 0;
    while (at < d->size && !d->out.full) {
        at = step(d, at, &misses);
        if (d->n_symbols < BLOCK_SYMBOLS - BLOCK_SLACK || at == d->size)
            continue;
        flush(d, false);
        d->out.full |= is_hopeless(d, begin, at);
    }
    flush(d, true);
}

CcbDeflate *ccb_deflate_new(void)
{
    CcbDeflate *d = g_new0(CcbDeflate, 1);
    for (unsigned length = MATCH_MIN; length <= MATCH_MAX; length++)
        d->length_symbol[length] = (uint8_t)length_symbol(length);
    return d;
}

void ccb_deflate_free(CcbDeflate *deflate)
{
    g_free(deflate);
}

size_t ccb_deflate(CcbDeflate *d, const uint8_t *data, size_t size, uint8_t *out, size_t room)
{
    g_return_val_if_fail(size <= CCB_DEFLATE_INPUT_MAX, 0);
    memset(d->head3, 0, sizeof d->head3);
    memset(d->head4, 0, sizeof d->head4);
    d->data = data;
    d->size = size;
    d->out = (Writer){.at = out, .end = out + room};
    parse(d);
    if (d->out.full || (d->out.n > 0 && d->out.at == d->out.end))
        return 0;
    return (size_t)(d->out.at - out) + (d->out.n > 0 ? 1 : 0);
}

/* Resample a picture by Lanczos' filter with a = 3, as Pillow does it: across and down, with whole bytes between.
 *
 * Which comes first shows at hard edges, where values between are clipped, so it is decided as in Pillow 13: down, where
 * the height loses more than twice the pixels that the width does.
 * Pillow's shares have 22 bits behind the point and are added one by one; here they have 16 bits in all, so that the
 * processor multiplies and adds eight or sixteen at once. Each byte is within two of Pillow's : one for a sum across
 * that is rounded otherwise, times at most 1.6 as shares of either sign add up to that, and the rounding of the other.
 * Only as many rows are held as one row of the result needs, whatever the picture's height.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pixels.h"
#include "weigh.h"

#define SUPPORT 3.0
#define THIRD_OF_PI 1.04719755119659774615
#define MOST_SHIFT 21 /* Sums of 255 times shares, whose amounts add up to less than 4, are below 2^31. */
#define SLACK 4u      /* Rows by which a range may begin before an earlier one, as ranges are made even. */

/* Of each pixel of the result: the first pixel that counts, how many, and their shares times 2^shift. */
struct shares {
    uint32_t *first, *count;
    int16_t *share;
    size_t most;
    int shift;
};

struct work {
    struct shares x, y;
    int is_down_first;
    size_t stride;            /* bytes of a row of the ring */
    uint32_t room, next;      /* rows of the ring, and the row of the source that is taken next */
    uint8_t *ring, *row;      /* rows of the source or, as narrow as the result, across; and one row of the source */
    const uint8_t **near;     /* rows of the ring that a row of the result is made of */
};

/* sinc(x) * sinc(x / 3), with one sine: sin(3t) = 3 sin(t) - 4 sin(t)^3. */
static double lanczos(double x) {
    if (x <= -SUPPORT || x >= SUPPORT) return 0;
    if (x > -1e-8 && x < 1e-8) return 1;
    double t = THIRD_OF_PI * x, sine = sin(t);
    return sine * sine * (3 - 4 * sine * sine) / (SUPPORT * t * t);
}

/* The range as Pillow's precompute_coeffs has it, and the shares in full; the sum of the shares is 1. */
static void weigh_exactly(struct shares *s, double *exact, uint32_t at, uint32_t size, double middle, double wide) {
    double low = floor(middle - SUPPORT * wide + 0.5), high = floor(middle + SUPPORT * wide + 0.5), total = 0;
    uint32_t first = low < 0 ? 0 : (uint32_t)low, last = high > size ? size : (uint32_t)high;
    s->first[at] = first;
    s->count[at] = last - first;
    for (uint32_t i = first; i < last; i++) total += exact[i - first] = lanczos((i - middle + 0.5) / wide);
    for (uint32_t i = first; i < last && total != 0; i++) exact[i - first] /= total;
}

/* Make the number of shares a multiple of `even` by shares of 0, where the picture has so many pixels. */
static void round_shares(struct shares *s, const double *exact, uint32_t at, uint32_t size, uint32_t even) {
    uint32_t count = s->count[at], padded = (count + even - 1) / even * even, before = 0;
    if (padded <= size) {
        uint32_t first = s->first[at] < size - padded ? s->first[at] : size - padded;
        before = s->first[at] - first;
        s->first[at] = first;
        s->count[at] = padded;
    }
    int16_t *share = s->share + s->most * at + before;
    for (uint32_t i = 0; i < count; i++) share[i] = (int16_t)lrint(ldexp(exact[i], s->shift));
}

static int most_shift(const double *exact, size_t count) {
    double most = 0;
    for (size_t i = 0; i < count; i++) most = exact[i] > most ? exact[i] : most;
    int shift = MOST_SHIFT;
    while (shift && ldexp(most, shift) > INT16_MAX - 1) shift--;
    return shift;
}

static int prepare(struct shares *s, uint32_t size, double from, double to, uint32_t wanted, uint32_t even) {
    double scale = (to - from) / wanted, wide = scale < 1 ? 1 : scale;
    s->most = ((size_t)ceil(SUPPORT * wide) * 2 + 1 + even) / even * even;
    s->first = calloc(wanted, sizeof *s->first);
    s->count = calloc(wanted, sizeof *s->count);
    s->share = calloc(s->most * wanted, sizeof *s->share);
    double *exact = calloc(s->most * wanted, sizeof *exact);
    int is_ready = s->first && s->count && s->share && exact;
    for (uint32_t at = 0; is_ready && at < wanted; at++)
        weigh_exactly(s, exact + s->most * at, at, size, from + (at + 0.5) * scale, wide);
    s->shift = is_ready ? most_shift(exact, s->most * wanted) : 0;
    for (uint32_t at = 0; is_ready && at < wanted; at++) round_shares(s, exact + s->most * at, at, size, even);
    free(exact);
    return is_ready;
}

/* As Pillow's conversion from RGBA to RGBa, and back. */
static void weigh_colours(uint8_t *restrict out, const uint8_t *restrict row, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < 4; c++) {
            uint32_t product = row[4 * i + c] * (c < 3 ? row[4 * i + 3] : 255u) + 128;
            out[4 * i + c] = (uint8_t)((product + (product >> 8)) >> 8);
        }
}

static void unweigh_colours(uint8_t *row, size_t count) {
    for (uint8_t *at = row; at < row + 4 * count; at += 4)
        for (size_t c = 0; c < 3 && at[3] && at[3] < 255; c++) {
            uint32_t colour = 255u * at[c] / at[3];
            at[c] = (uint8_t)(colour > 255 ? 255 : colour);
        }
}

static void put_across(uint8_t *out, const uint8_t *row, const struct resampling *r, const struct shares *s) {
    for (uint32_t at = 0; at < r->across; at++, out += r->channels) {
        const int16_t *share = s->share + s->most * at;
        const uint8_t *from = row + (size_t)s->first[at] * r->channels;
        if (r->channels == 1) *out = clipped(sum_of_bytes(from, share, s->count[at]), s->shift);
        else put_four(out, sums_of_four(from, share, s->count[at]), s->shift);
    }
}

/* Put the source's next row into the ring. */
static void take_row(struct work *w, const struct resampling *r, const uint8_t *row) {
    uint8_t *out = w->ring + w->next++ % w->room * w->stride;
    if (r->is_weighted) weigh_colours(w->is_down_first ? out : w->row, row, r->width);
    else if (w->is_down_first) memcpy(out, row, w->stride);
    if (!w->is_down_first) put_across(out, r->is_weighted ? w->row : row, r, &w->x);
}

static void put_row(struct work *w, const struct resampling *r, const uint8_t *const *rows, uint32_t at, uint8_t *out) {
    uint32_t first = w->y.first[at], last = first + w->y.count[at], early = first > SLACK ? first - SLACK : 0;
    if (w->next < early) w->next = early;
    while (w->next < last) take_row(w, r, rows[w->next]);
    for (uint32_t i = first; i < last; i++) w->near[i - first] = w->ring + i % w->room * w->stride;
    uint8_t *sums = w->is_down_first ? w->row : out;
    put_sums(sums, w->near, w->y.share + w->y.most * at, w->y.count[at], w->stride, w->y.shift);
    if (w->is_down_first) put_across(out, sums, r, &w->x);
    if (r->is_weighted) unweigh_colours(out, r->across);
}

static int is_within(double from, double to, uint32_t size) { return from >= 0 && from < to && to <= size; }

static int is_side(uint32_t side) { return side && side <= PIXELS_MOST_WIDTH; }

static int is_known(const struct resampling *r) {
    return is_side(r->width) && is_side(r->height) && is_side(r->across) && is_side(r->down) &&
           (r->channels == 4 || (r->channels == 1 && !r->is_weighted)) && is_within(r->left, r->right, r->width) &&
           is_within(r->top, r->bottom, r->height);
}

static int opened(struct work *w, const struct resampling *r) {
    if (!prepare(&w->x, r->width, r->left, r->right, r->across, r->channels == 1 ? 8 : 4)) return 0;
    if (!prepare(&w->y, r->height, r->top, r->bottom, r->down, 2)) return 0;
    w->is_down_first = r->down < r->height && r->height - r->down > 2 * ((int64_t)r->width - r->across);
    w->stride = (size_t)(w->is_down_first ? r->width : r->across) * r->channels;
    w->room = w->y.most + SLACK < r->height ? (uint32_t)w->y.most + SLACK : r->height;
    w->ring = malloc(w->room * w->stride);
    w->row = malloc((size_t)r->width * r->channels);
    w->near = calloc(w->y.most, sizeof *w->near);
    return w->ring && w->row && w->near;
}

static void release(struct shares *s) {
    free(s->first);
    free(s->count);
    free(s->share);
}

int pixels_lanczos(const struct resampling *r, const uint8_t *const *rows, uint8_t *const *out) {
    if (!is_known(r)) return 0;
    struct work w = {0};
    int is_ready = opened(&w, r);
    for (uint32_t at = 0; is_ready && at < r->down; at++) put_row(&w, r, rows, at, out[at]);
    release(&w.x);
    release(&w.y);
    free(w.ring);
    free(w.row);
    free(w.near);
    return is_ready;
}

/* Means of squares of pixels of a decoded WebP, from its planes of brightness and colours at half resolution.
 *
 * The mean of pixels that are interpolated and converted one by one is the conversion of the planes' means, except where
 * a pixel is clipped. So the colours are interpolated as libwebp does it (3/4 of the near sample, 1/4 of the far one, in
 * both directions) only as weights of sums, and converted once for each square.
 */
#include <stdlib.h>
#include <string.h>

#include "pixels.h"

#define EDGE 32u /* Samples of slack, so that the arrays of a row have room for whole vectors. */

struct rows {
    uint16_t *y, *u, *v;    /* sums of a row of squares over its rows; colours are 4 times too large */
    uint32_t *sy, *su, *sv; /* sums of each square; colours are 16 times too large */
};

static void add(uint16_t *restrict sums, const uint8_t *restrict row, size_t count) {
    for (size_t i = 0; i < count; i++) sums[i] = (uint16_t)(sums[i] + row[i]);
}

static void add_between(uint16_t *restrict sums, const uint8_t *near, const uint8_t *far, size_t count) {
    for (size_t i = 0; i < count; i++) sums[i] = (uint16_t)(sums[i] + 3 * near[i] + far[i]);
}

/* The row of colours that is the far one for a row of brightness. */
static size_t far_of(size_t at, size_t count) {
    size_t near = at / 2;
    if (at % 2) return near + 1 < count ? near + 1 : near;
    return near ? near - 1 : near;
}

static void sum_brightness(uint32_t *restrict out, const uint16_t *restrict sums, size_t width, uint32_t factor) {
    size_t whole = width / factor;
    if (factor == 2)
        for (size_t i = 0; i < whole; i++) out[i] = (uint32_t)sums[2 * i] + sums[2 * i + 1];
    else
        for (size_t i = 0; i < whole; i++) {
            uint32_t sum = 0;
            for (uint32_t x = 0; x < factor; x++) sum += sums[factor * i + x];
            out[i] = sum;
        }
    if (whole * factor < width) {
        out[whole] = 0;
        for (size_t x = whole * factor; x < width; x++) out[whole] += sums[x];
    }
}

static uint32_t colour_of(const uint16_t *sums, size_t count, size_t from, size_t to) {
    uint32_t sum = 0;
    for (size_t x = from; x < to; x++) sum += 3u * sums[x / 2] + sums[far_of(x, count)];
    return sum;
}

static void sum_colour(uint32_t *restrict out, const uint16_t *restrict sums, size_t width, uint32_t factor) {
    size_t count = (width + 1) / 2, squares = (width + factor - 1) / factor, last = squares - 1;
    out[0] = colour_of(sums, count, 0, factor < width ? factor : width);
    if (factor == 2)
        for (size_t i = 1; i < last; i++) out[i] = 6u * sums[i] + sums[i - 1] + sums[i + 1];
    else
        for (size_t i = 1; i < last; i++) out[i] = colour_of(sums, count, factor * i, factor * (i + 1));
    if (last) out[last] = colour_of(sums, count, factor * last, width);
}

static int32_t clipped(float value) {
    value = value < 0 ? 0 : value;
    return (int32_t)(value > 255 ? 255 : value);
}

/* Convert by libwebp's factors (dsp/yuv.h), which include the rounding. */
static void convert(uint8_t *restrict out, const struct rows *r, size_t squares, float brightness, float colour) {
    for (size_t i = 0; i < squares; i++) {
        float y = 1.164368f * brightness * (float)r->sy[i], u = colour * (float)r->su[i], v = colour * (float)r->sv[i];
        int32_t red = clipped(y + 1.596008f * v - 222.40625f);
        int32_t green = clipped(y - 0.391785f * u - 0.812988f * v + 136.0625f);
        int32_t blue = clipped(y + 2.017212f * u - 276.328125f);
        uint32_t pixel = 0xff000000u | (uint32_t)blue << 16 | (uint32_t)green << 8 | (uint32_t)red;
        memcpy(out + 4 * i, &pixel, 4);
    }
}

static void put_means(const struct planes *p, struct rows *r, size_t top, uint8_t *out) {
    size_t rows = p->height - top < p->factor ? p->height - top : p->factor;
    size_t across = (p->width + 1) / 2, down = (p->height + 1) / 2, squares = (p->width + p->factor - 1) / p->factor;
    memset(r->y, 0, p->width * sizeof *r->y);
    memset(r->u, 0, across * sizeof *r->u);
    memset(r->v, 0, across * sizeof *r->v);
    for (size_t at = top; at < top + rows; at++) {
        size_t near = at / 2 * across, far = far_of(at, down) * across;
        add(r->y, p->y + at * p->width, p->width);
        add_between(r->u, p->u + near, p->u + far, across);
        add_between(r->v, p->v + near, p->v + far, across);
    }
    sum_brightness(r->sy, r->y, p->width, p->factor);
    sum_colour(r->su, r->u, p->width, p->factor);
    sum_colour(r->sv, r->v, p->width, p->factor);
    float each = 1.0f / (float)(p->factor * rows);
    size_t left = p->width % p->factor;
    convert(out, r, squares, each, each / 16);
    if (left) { /* the last square has fewer columns */
        struct rows last = {0, 0, 0, r->sy + squares - 1, r->su + squares - 1, r->sv + squares - 1};
        float narrow = 1.0f / (float)(left * rows);
        convert(out + 4 * (squares - 1), &last, 1, narrow, narrow / 16);
    }
}

int pixels_yuv_means(const struct planes *p, uint8_t *out) {
    if (!p->width || p->width > PIXELS_MOST_WIDTH || !p->height || p->height > PIXELS_MOST_WIDTH) return 0;
    if (!p->factor || p->factor > PIXELS_MOST_FACTOR) return 0;
    size_t room = p->width + EDGE, squares = (p->width + p->factor - 1) / p->factor;
    uint16_t *shorts = calloc(3 * room, sizeof *shorts);
    uint32_t *longs = calloc(3 * room, sizeof *longs);
    struct rows r = {shorts, shorts + room, shorts + 2 * room, longs, longs + room, longs + 2 * room};
    for (size_t top = 0; shorts && longs && top < p->height; top += p->factor, out += 4 * squares)
        put_means(p, &r, top, out);
    int is_done = shorts && longs;
    free(shorts);
    free(longs);
    return is_done;
}

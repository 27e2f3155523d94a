/* Interface of the module; chalicelib/engine/pixels.py calls it. One decoder is used by one thread at a time. */
#ifndef PIXELS_H
#define PIXELS_H

#include <stddef.h>
#include <stdint.h>

#define PIXELS_EXPORT __attribute__((visibility("default")))
#define PIXELS_MOST_WIDTH 65535u
#define PIXELS_MOST_FACTOR 8u

struct pixels;

/* A decoder of the file's pixels, or NULL where it is of a kind that is not known, or memory is short.
 *
 * The file must stay in place until pixels_close. `first` is where its first IDAT chunk begins, the length in front;
 * size and channels (1 grey, 2 grey and alpha, 3 RGB, 4 RGBA) are those of its header. Each pixel of the result is the
 * mean of factor x factor pixels; for grey with alpha the factor must be 1.
 *
 * It takes 1.6 MB at most besides zlib-ng's 40 KB: a batch of rows, the row before it, and a row of sums.
 */
PIXELS_EXPORT struct pixels *pixels_open(const uint8_t *file, size_t length, size_t first, uint32_t width,
                                         uint32_t height, uint32_t channels, uint32_t factor);

/* Write as many rows as there is room for and return their number: 0 after the last, -1 where the file is not right.
 * Pixels are as Pillow has them: a byte for grey, else four (grey three times and alpha; RGB and 255; RGBA). */
PIXELS_EXPORT int64_t pixels_read(struct pixels *p, uint8_t *out, size_t room);

/* Bytes of the stream with its checksum, after all rows; 0 unless it ends there with the correct checksum. */
PIXELS_EXPORT uint64_t pixels_finish(struct pixels *p);

/* Release the decoder; NULL is allowed. */
PIXELS_EXPORT void pixels_close(struct pixels *p);

/* 1 if the bytes have none of the marks in marks.c, the first four bytes of markup, PDF and archives; else 0. */
PIXELS_EXPORT int pixels_is_unmarked(const uint8_t *data, size_t length);

/* A picture of width x height, and the part of it that becomes across x down pixels. A pixel has one byte or four. Where
 * it is weighted the fourth is alpha, and colours count by it. */
struct resampling {
    float left, top, right, bottom;
    uint32_t width, height, across, down, channels, is_weighted;
};

/* Resample rows by Lanczos' filter into rows of the result; 0, with nothing read or written, where memory is short, a
 * side is beyond the bound above, or the part is not within the picture. It takes the bytes of some 6 rows of the result
 * for each time that it is less high than the part (of the picture, where down comes first), and of shares 60 for each
 * column and row of the part and 170 of the result. */
PIXELS_EXPORT int pixels_lanczos(const struct resampling *r, const uint8_t *const *rows, uint8_t *const *out);

/* A decoded picture: brightness, a byte for each pixel, and two colours, a byte for 2 x 2 of them; without gaps. */
struct planes {
    const uint8_t *y, *u, *v;
    uint32_t width, height, factor;
};

/* Write the mean of each factor x factor pixels, as red, green, blue and 255; 0 where memory is short, or a side or the
 * factor is beyond the bounds above. It takes 18 bytes for each column. */
PIXELS_EXPORT int pixels_yuv_means(const struct planes *p, uint8_t *out);

#endif

/* Decode the files on standard input in every way; the sanitizers it is compiled with end it at the first fault.
 *
 * Each file follows its length, four bytes, the upper first. Prints how many files there were, and of all decodes of
 * them how many ended as whole and right; in how many files no mark of another kind of file was found; and how many
 * pictures made of the bytes were resampled.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pixels.h"

#define HEADER 33u       /* Bytes of the signature and of IHDR. */
#define MOST_ROW 300000u /* Bytes: no row of 65,535 pixels is longer. */

static uint32_t number(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static size_t first_pixels(const uint8_t *file, size_t length) {
    size_t at = 8;
    while (length - at >= 12 && memcmp(file + at + 4, "IDAT", 4)) {
        uint32_t size = number(file + at);
        if (size > length - at - 12) break;
        at += (size_t)size + 12;
    }
    return at;
}

/* The result's buffer is as large as the rows that are asked for and no larger, so that a byte too much is seen. */
static int decodes(const uint8_t *file, size_t length, uint32_t channels, uint32_t factor, size_t room) {
    uint32_t width = number(file + 16), height = number(file + 20);
    struct pixels *p = pixels_open(file, length, first_pixels(file, length), width, height, channels, factor);
    if (!p) return 0;
    uint8_t *out = malloc(room);
    int64_t made;
    do made = pixels_read(p, out, room);
    while (made > 0);
    int is_right = !made && pixels_finish(p) > 0;
    free(out);
    pixels_close(p);
    return is_right;
}

static uint8_t *copied(const uint8_t *from, size_t size) {
    uint8_t *made = malloc(size);
    if (made) memcpy(made, from, size);
    return made;
}

/* Take the file's bytes as planes of a size that its header decides; each buffer is as large as it must be. */
static void averages(const uint8_t *file, size_t length) {
    uint32_t width = 1 + file[19] % 61, height = 1 + file[23] % 47;
    size_t whole = (size_t)width * height, half = ((size_t)width + 1) / 2 * ((height + 1) / 2);
    if (length < whole + 2 * half) return;
    uint8_t *y = copied(file, whole), *u = copied(file + whole, half), *v = copied(file + whole + half, half);
    for (uint32_t factor = 0; factor <= 9; factor++) {
        struct planes planes = {y, u, v, width, height, factor};
        uint32_t by = factor ? factor : 1;
        uint8_t *out = malloc((size_t)((width + by - 1) / by) * ((height + by - 1) / by) * 4);
        if (y && u && v && out && pixels_yuv_means(&planes, out) != (factor >= 1 && factor <= 8)) abort();
        free(out);
    }
    free(y);
    free(u);
    free(v);
}

/* lanczos.c without vectors, by plain.c; it must give the same bytes. */
int pixels_lanczos_plain(const struct resampling *r, const uint8_t *const *rows, uint8_t *const *out);

static uint8_t **rows_of(const uint8_t *from, uint32_t count, size_t size) {
    uint8_t **rows = calloc(count, sizeof *rows);
    for (uint32_t i = 0; rows && i < count; i++) rows[i] = from ? copied(from + i * size, size) : calloc(1, size);
    return rows;
}

static void release(uint8_t **rows, uint32_t count) {
    for (uint32_t i = 0; rows && i < count; i++) free(rows[i]);
    free(rows);
}

/* With what the module must refuse before it reads a row: there is none. */
static void refuses(struct resampling r) {
    const float bad[] = {-1, -0.001f, NAN, INFINITY, -INFINITY, 1e30f};
    const uint32_t sides[] = {0, 65536, 0x40000000, 0xffffffff};
    struct resampling wrong = r;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (size_t side = 0; side < 4; side++, wrong = r) {
            (side == 0 ? &wrong.left : side == 1 ? &wrong.top : side == 2 ? &wrong.right : &wrong.bottom)[0] = bad[i];
            if (pixels_lanczos(&wrong, NULL, NULL)) abort();
        }
    }
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        for (size_t side = 0; side < 5; side++, wrong = r) {
            (&wrong.width)[side] = sides[i];
            if (pixels_lanczos(&wrong, NULL, NULL)) abort();
        }
    }
    wrong.right = wrong.left;
    if (pixels_lanczos(&wrong, NULL, NULL)) abort();
}

/* Take the file's bytes as rows of a picture whose sizes its header decides; each row's buffer is as large as it must be. */
static unsigned resamples(const uint8_t *file, size_t length, uint32_t channels, uint32_t is_weighted) {
    struct resampling r = {.width = 1 + file[19] % 61, .height = 1 + file[23] % 47, .across = 1 + file[29] % 67,
                           .down = 1 + file[30] % 71, .channels = channels, .is_weighted = is_weighted};
    r.right = (float)r.width * (float)(1 + file[31]) / 256;
    r.bottom = (float)r.height * (float)(1 + file[32]) / 256;
    r.left = r.right * (float)file[28] / 256;
    r.top = r.bottom * (float)file[27] / 256;
    refuses(r);
    if (length < (size_t)r.width * r.height * channels) return 0;
    uint8_t **rows = rows_of(file, r.height, (size_t)r.width * channels);
    uint8_t **out = rows_of(NULL, r.down, (size_t)r.across * channels);
    uint8_t **plain = rows_of(NULL, r.down, (size_t)r.across * channels);
    const uint8_t *const *from = (const uint8_t *const *)rows;
    if (!pixels_lanczos(&r, from, out) || !pixels_lanczos_plain(&r, from, plain)) abort();
    for (uint32_t i = 0; i < r.down; i++)
        if (memcmp(out[i], plain[i], (size_t)r.across * channels)) abort();
    release(rows, r.height);
    release(out, r.down);
    release(plain, r.down);
    return 1;
}

int main(void) {
    uint8_t head[4];
    unsigned files = 0, right = 0, unmarked = 0, resampled = 0;
    while (fread(head, 1, 4, stdin) == 4) {
        size_t length = number(head);
        uint8_t *file = malloc(length ? length : 1);
        if (!file || fread(file, 1, length, stdin) != length) return 1;
        files++;
        unmarked += (unsigned)pixels_is_unmarked(file, length);
        if (length >= HEADER) averages(file, length);
        for (uint32_t kind = 0; length >= HEADER && kind < 3; kind++)
            resampled += resamples(file, length, kind ? 4 : 1, kind == 2);
        for (uint32_t channels = 1; length >= HEADER && channels <= 4; channels++)
            for (uint32_t factor = 1; factor <= 8; factor++) {
                uint32_t across = number(file + 16) / factor + 1;
                size_t stride = (size_t)across * 4 > MOST_ROW ? MOST_ROW : (size_t)across * 4;
                right += (unsigned)decodes(file, length, channels, factor, stride);
                right += (unsigned)decodes(file, length, channels, factor, 3 * stride + 1);
            }
        free(file);
    }
    printf("%u files, %u right, %u unmarked, %u resampled\n", files, right, unmarked, resampled);
    return 0;
}

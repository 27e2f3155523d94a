/* Rows of a PNG with 8 bits a sample and no interlacing, averaged over squares of pixels on the way.
 *
 * The bytes are not trusted. A file is either decoded whole and right, or refused: the caller then has it decoded by
 * Pillow, whose word counts. zlib-ng unpacks; what is here walks over the chunks, undoes the filters of rows (PNG,
 * section 9) and computes means. Means are weighted by alpha, so that colours of transparent pixels do not count.
 */
#include "pixels.h"

#include <stdlib.h>
#include <string.h>

#include "zlib-ng.h"

#define BATCH (1u << 18) /* Bytes of rows that are unpacked at once, which stay in the processor's cache. */
#define SLACK 16u        /* Bytes behind the rows and sums, as four lanes are read where three are meant. */
#define CHUNK 12u        /* Bytes of a chunk besides its body: length, name and checksum. */

typedef int16_t lanes __attribute__((vector_size(8)));
typedef uint8_t bytes4 __attribute__((vector_size(4)));
typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint16_t shorts4 __attribute__((vector_size(8)));
typedef uint16_t shorts16 __attribute__((vector_size(32)));
typedef int32_t ints4 __attribute__((vector_size(16)));
typedef int32_t ints16 __attribute__((vector_size(64)));
typedef float floats4 __attribute__((vector_size(16)));

enum stage { AT_HEADER, IN_ROWS, AT_CHECKSUM };

struct pixels {
    zng_stream stream;
    const uint8_t *file;
    size_t length, next; /* of the file, and where its next chunk is */
    enum stage stage;
    uint32_t width, height, channels, factor;
    uint32_t done;              /* rows without their filter */
    uint32_t added;             /* rows in the sums */
    size_t row;                 /* bytes of a row, the filter's number in front included */
    size_t most, filled, taken; /* rows of the batch */
    uint8_t *memory;            /* the row before the batch, then the batch */
    uint8_t *batch;
    uint32_t adler;
    uint16_t *sums;   /* of each sample, without alpha: up to 8 rows of 255 */
    int32_t *weighed; /* of red, green and blue times alpha, and of alpha: up to 8 rows of 65,025 */
};

static uint32_t number(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Give zlib-ng the body of the next chunk that has one, unless it still has input; 0 where none is left. */
static int has_input(struct pixels *p) {
    while (!p->stream.avail_in) {
        size_t left = p->length - p->next;
        if (left < CHUNK || memcmp(p->file + p->next + 4, "IDAT", 4)) return 0;
        uint32_t size = number(p->file + p->next);
        if (size > left - CHUNK) return 0;
        p->stream.next_in = p->file + p->next + 8;
        p->stream.avail_in = size;
        p->next += (size_t)size + CHUNK;
    }
    return 1;
}

/* The next byte of the chunks' bodies, or -1. */
static int next_byte(struct pixels *p) {
    if (!has_input(p)) return -1;
    p->stream.avail_in--;
    p->stream.total_in++;
    return *p->stream.next_in++;
}

/* Read the two bytes of zlib's header (RFC 1950): deflate, a window that exists, no dictionary. */
static int read_header(struct pixels *p) {
    int first = next_byte(p), second = next_byte(p);
    if (first < 0 || second < 0 || (first & 15) != 8 || first >> 4 > 7 || second & 0x20) return 0;
    p->stage = IN_ROWS;
    return (first << 8 | second) % 31 == 0;
}

/* Unpack so many bytes to the start of the batch; 0 where the stream is broken, or ends before. */
static int unpack(struct pixels *p, size_t size) {
    p->stream.next_out = p->batch;
    p->stream.avail_out = (uint32_t)size;
    while (p->stream.avail_out) {
        if (p->stage != IN_ROWS || !has_input(p)) return 0;
        int32_t said = zng_inflate(&p->stream, Z_NO_FLUSH);
        if (said == Z_STREAM_END)
            p->stage = AT_CHECKSUM;
        else if (said != Z_OK)
            return 0;
    }
    p->adler = zng_adler32(p->adler, p->batch, (uint32_t)size);
    return 1;
}

static lanes widened(const uint8_t *at) {
    bytes4 four;
    memcpy(&four, at, 4);
    return __builtin_convertvector(four, lanes);
}

static lanes absolute(lanes value) {
    lanes sign = value >> 15;
    return (value ^ sign) - sign;
}

static lanes pick(lanes mask, lanes one, lanes other) { return (mask & one) | (~mask & other); }

#define PUT(at, value, count)                                 \
    do {                                                      \
        bytes4 narrow = __builtin_convertvector(value, bytes4); \
        memcpy(at, &narrow, count);                           \
    } while (0)

/* The filters that use the pixel to the left, for pixels of N bytes: a is to the left, b above, c above to the left. */
#define FILTERS(N)                                                             \
    static void sub_##N(uint8_t *row, const uint8_t *above, size_t size) {     \
        lanes a = {0};                                                         \
        (void)above;                                                           \
        for (size_t i = 0; i < size; i += N) {                                 \
            a = (a + widened(row + i)) & 255;                                  \
            PUT(row + i, a, N);                                                \
        }                                                                      \
    }                                                                          \
    static void average_##N(uint8_t *row, const uint8_t *above, size_t size) { \
        lanes a = {0};                                                         \
        for (size_t i = 0; i < size; i += N) {                                 \
            a = (widened(row + i) + ((a + widened(above + i)) >> 1)) & 255;    \
            PUT(row + i, a, N);                                                \
        }                                                                      \
    }                                                                          \
    static void paeth_##N(uint8_t *row, const uint8_t *above, size_t size) {   \
        lanes a = {0}, c = {0};                                                \
        for (size_t i = 0; i < size; i += N) {                                 \
            lanes b = widened(above + i), pa = b - c, pb = a - c;              \
            lanes pc = absolute(pa + pb), least;                               \
            pa = absolute(pa);                                                 \
            pb = absolute(pb);                                                 \
            least = pick(pb < pc, pb, pc);                                     \
            least = pick(pa < least, pa, least);                               \
            a = (widened(row + i) + pick(least == pa, a, pick(least == pb, b, c))) & 255; \
            c = b;                                                             \
            PUT(row + i, a, N);                                                \
        }                                                                      \
    }

FILTERS(1)
FILTERS(2)
FILTERS(3)
FILTERS(4)

static void up(uint8_t *restrict row, const uint8_t *restrict above, size_t size) {
    for (size_t i = 0; i < size; i++) row[i] = (uint8_t)(row[i] + above[i]);
}

typedef void undo(uint8_t *, const uint8_t *, size_t);

/* Undo the filter of a row; 0 where there is no such filter. */
static int unfilter(uint8_t filter, uint8_t *row, const uint8_t *above, size_t size, uint32_t channels) {
    static undo *const subs[] = {sub_1, sub_2, sub_3, sub_4};
    static undo *const averages[] = {average_1, average_2, average_3, average_4};
    static undo *const paeths[] = {paeth_1, paeth_2, paeth_3, paeth_4};
    switch (filter) {
    case 0: return 1;
    case 1: subs[channels - 1](row, above, size); return 1;
    case 2: up(row, above, size); return 1;
    case 3: averages[channels - 1](row, above, size); return 1;
    case 4: paeths[channels - 1](row, above, size); return 1;
    default: return 0;
    }
}

/* The next row without its filter, or NULL. */
static const uint8_t *next_row(struct pixels *p) {
    if (p->taken == p->filled) {
        size_t left = p->height - p->done, rows = left < p->most ? left : p->most;
        if (p->filled) memcpy(p->memory, p->batch + (p->filled - 1) * p->row, p->row);
        if (!unpack(p, rows * p->row)) return NULL;
        p->filled = rows;
        p->taken = 0;
    }
    uint8_t *row = p->batch + p->taken * p->row;
    if (!unfilter(row[0], row + 1, row + 1 - p->row, p->row - 1, p->channels)) return NULL;
    p->taken++;
    p->done++;
    return row + 1;
}

static void add(uint16_t *restrict sums, const uint8_t *restrict row, size_t size) {
    for (size_t i = 0; i < size; i++) sums[i] = (uint16_t)(sums[i] + row[i]);
}

static void add_weighed(int32_t *restrict sums, const uint8_t *restrict row, size_t size) {
    static const shorts16 colours = {65535, 65535, 65535, 0, 65535, 65535, 65535, 0,
                                     65535, 65535, 65535, 0, 65535, 65535, 65535, 0};
    static const shorts16 alpha = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
    size_t i = 0;
    for (; i + 16 <= size; i += 16) {
        bytes16 four;
        ints16 sum;
        memcpy(&four, row + i, 16);
        memcpy(&sum, sums + i, 64);
        shorts16 wide = __builtin_convertvector(four, shorts16);
        shorts16 weight = __builtin_shufflevector(wide, wide, 3, 3, 3, 3, 7, 7, 7, 7, 11, 11, 11, 11, 15, 15, 15, 15);
        sum += __builtin_convertvector(wide * ((weight & colours) | alpha), ints16);
        memcpy(sums + i, &sum, 64);
    }
    for (; i < size; i += 4) {
        for (size_t c = 0; c < 3; c++) sums[i + c] += row[i + c] * row[i + 3];
        sums[i + 3] += row[i + 3];
    }
}

static bytes4 rounded(floats4 value) {
    return __builtin_convertvector(__builtin_convertvector(value + 0.5f, ints4), bytes4);
}

static void put_grey(const struct pixels *p, uint8_t *out, uint32_t x, uint32_t across) {
    uint32_t sum = 0, count = across * p->added;
    for (uint32_t i = 0; i < across; i++) sum += p->sums[x + i];
    *out = (uint8_t)((sum + count / 2) / count);
}

static void put_rgb(const struct pixels *p, uint8_t *out, uint32_t x, uint32_t across) {
    shorts4 sum = {0}; /* of up to 64 pixels of 255 */
    for (uint32_t i = 0; i < across; i++) {
        shorts4 one;
        memcpy(&one, p->sums + 3 * (size_t)(x + i), 8);
        sum += one;
    }
    bytes4 mean = rounded(__builtin_convertvector(sum, floats4) * (1.0f / (float)(across * p->added)));
    mean[3] = 255;
    memcpy(out, &mean, 4);
}

static void put_rgba(const struct pixels *p, uint8_t *out, uint32_t x, uint32_t across) {
    ints4 sum = {0};
    for (uint32_t i = 0; i < across; i++) {
        ints4 one;
        memcpy(&one, p->weighed + 4 * (size_t)(x + i), 16);
        sum += one;
    }
    float alpha = (float)sum[3], weight = alpha > 0 ? 1.0f / alpha : 0.0f;
    floats4 scale = {weight, weight, weight, 1.0f / (float)(across * p->added)};
    bytes4 mean = rounded(__builtin_convertvector(sum, floats4) * scale);
    memcpy(out, &mean, 4);
}

/* Write a row of means and begin new sums. Squares at the right edge and at the bottom have fewer pixels. */
static void put_means(struct pixels *p, uint8_t *out) {
    for (uint32_t x = 0; x < p->width; x += p->factor) {
        uint32_t left = p->width - x, across = left < p->factor ? left : p->factor;
        switch (p->channels) {
        case 1: put_grey(p, out, x, across); out += 1; break;
        case 3: put_rgb(p, out, x, across); out += 4; break;
        default: put_rgba(p, out, x, across); out += 4; break;
        }
    }
    size_t samples = (size_t)p->width * p->channels;
    if (p->sums) memset(p->sums, 0, samples * sizeof *p->sums);
    if (p->weighed) memset(p->weighed, 0, samples * sizeof *p->weighed);
    p->added = 0;
}

static void put_row(const struct pixels *p, uint8_t *restrict out, const uint8_t *restrict row) {
    if (p->channels == 1 || p->channels == 4) {
        memcpy(out, row, p->row - 1);
        return;
    }
    for (size_t i = 0; i < p->width; i++) {
        bytes4 pixel;
        memcpy(&pixel, row + p->channels * i, 4);
        if (p->channels == 2)
            pixel = (bytes4){pixel[0], pixel[0], pixel[0], pixel[1]};
        else
            pixel[3] = 255;
        memcpy(out + 4 * i, &pixel, 4);
    }
}

/* Add a row to the sums; return whether that completes a row of squares. */
static int completes(struct pixels *p, const uint8_t *row) {
    if (p->weighed)
        add_weighed(p->weighed, row, p->row - 1);
    else
        add(p->sums, row, p->row - 1);
    return ++p->added == p->factor || p->done == p->height;
}

static size_t stride(const struct pixels *p) {
    size_t across = (p->width + p->factor - 1) / p->factor;
    return across * (p->channels == 1 ? 1 : 4);
}

static int is_known(uint32_t width, uint32_t height, uint32_t channels, uint32_t factor) {
    if (!width || width > PIXELS_MOST_WIDTH || !height || height > INT32_MAX) return 0;
    if (!channels || channels > 4 || !factor || factor > PIXELS_MOST_FACTOR) return 0;
    return factor == 1 || channels != 2;
}

struct pixels *pixels_open(const uint8_t *file, size_t length, size_t first, uint32_t width, uint32_t height,
                           uint32_t channels, uint32_t factor) {
    if (!file || first > length || !is_known(width, height, channels, factor)) return NULL;
    struct pixels *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->file = file;
    p->length = length;
    p->next = first;
    p->width = width;
    p->height = height;
    p->channels = channels;
    p->factor = factor;
    p->adler = 1;
    p->row = (size_t)width * channels + 1;
    p->most = BATCH > p->row ? BATCH / p->row : 1;
    p->memory = calloc(1, p->row * (p->most + 1) + SLACK);
    p->batch = p->memory ? p->memory + p->row : NULL;
    size_t samples = (size_t)width * channels + SLACK;
    if (factor > 1 && channels == 4) p->weighed = calloc(samples, sizeof *p->weighed);
    if (factor > 1 && channels != 4) p->sums = calloc(samples, sizeof *p->sums);
    int lacks_sums = factor > 1 && !p->weighed && !p->sums;
    if (!p->memory || lacks_sums || zng_inflateInit2(&p->stream, -15) != Z_OK) {
        pixels_close(p);
        return NULL;
    }
    return p;
}

void pixels_close(struct pixels *p) {
    if (!p) return;
    zng_inflateEnd(&p->stream);
    free(p->memory);
    free(p->sums);
    free(p->weighed);
    free(p);
}

int64_t pixels_read(struct pixels *p, uint8_t *out, size_t room) {
    int64_t made = 0;
    size_t size = stride(p);
    if (p->stage == AT_HEADER && !read_header(p)) return -1;
    while (p->done < p->height && room >= size) {
        const uint8_t *row = next_row(p);
        if (!row) return -1;
        if (p->factor == 1)
            put_row(p, out, row);
        else if (completes(p, row))
            put_means(p, out);
        else
            continue;
        out += size;
        room -= size;
        made++;
    }
    return made;
}

uint64_t pixels_finish(struct pixels *p) {
    uint8_t surplus;
    uint32_t sum = 0;
    if (p->stage == AT_HEADER || p->done < p->height) return 0;
    while (p->stage != AT_CHECKSUM) { /* a last code may be left, but no byte more */
        p->stream.next_out = &surplus;
        p->stream.avail_out = 1;
        if (!has_input(p)) return 0;
        int32_t said = zng_inflate(&p->stream, Z_NO_FLUSH);
        if (!p->stream.avail_out || (said != Z_OK && said != Z_STREAM_END)) return 0;
        if (said == Z_STREAM_END) p->stage = AT_CHECKSUM;
    }
    for (int i = 0; i < 4; i++) {
        int byte = next_byte(p);
        if (byte < 0) return 0;
        sum = sum << 8 | (uint32_t)byte;
    }
    return sum == p->adler ? p->stream.total_in : 0;
}

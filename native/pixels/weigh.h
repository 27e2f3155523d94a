/* Sums of bytes times shares of 16 bits, by AVX2, by NEON, or in plain C (also with PIXELS_PLAIN, to compare them).
 *
 * All three have the same sums to the last bit, as they are sums of whole numbers below 2^31.
 */
#ifndef WEIGH_H
#define WEIGH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__) && !defined(PIXELS_PLAIN)
#define BY_AVX2 1
#include <immintrin.h>
#elif defined(__ARM_NEON) && !defined(PIXELS_PLAIN)
#define BY_NEON 1
#include <arm_neon.h>
#endif

struct four {
    int32_t sum[4];
};

static inline uint8_t clipped(int32_t sum, int shift) {
    int32_t value = shift ? (sum + (1 << (shift - 1))) >> shift : sum;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static inline int32_t sum_of_bytes(const uint8_t *from, const int16_t *share, uint32_t count) {
    int32_t sum = 0;
    uint32_t i = 0;
#ifdef BY_AVX2
    __m128i lanes = _mm_setzero_si128();
    for (; i + 8 <= count; i += 8) {
        __m128i wide = _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(from + i)));
        lanes = _mm_add_epi32(lanes, _mm_madd_epi16(wide, _mm_loadu_si128((const __m128i *)(share + i))));
    }
    lanes = _mm_add_epi32(lanes, _mm_shuffle_epi32(lanes, 0x4e));
    sum = _mm_cvtsi128_si32(_mm_add_epi32(lanes, _mm_shuffle_epi32(lanes, 0xb1)));
#elif defined(BY_NEON)
    int32x4_t lanes = vdupq_n_s32(0);
    for (; i + 8 <= count; i += 8) {
        int16x8_t wide = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(from + i))), shares = vld1q_s16(share + i);
        lanes = vmlal_s16(lanes, vget_low_s16(wide), vget_low_s16(shares));
        lanes = vmlal_s16(lanes, vget_high_s16(wide), vget_high_s16(shares));
    }
    sum = vgetq_lane_s32(lanes, 0) + vgetq_lane_s32(lanes, 1) + vgetq_lane_s32(lanes, 2) + vgetq_lane_s32(lanes, 3);
#endif
    for (; i < count; i++) sum += from[i] * share[i];
    return sum;
}

/* Of pixels of four bytes. */
static inline struct four sums_of_four(const uint8_t *from, const int16_t *share, uint32_t count) {
    struct four sums = {{0}};
    uint32_t i = 0;
#ifdef BY_AVX2
    const __m128i pairs = _mm_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
    const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
    __m256i wide = _mm256_setzero_si256();
    for (; i + 4 <= count; i += 4) {
        __m128i bytes = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(from + 4 * i)), pairs);
        __m256i shares = _mm256_castsi128_si256(_mm_loadl_epi64((const __m128i *)(share + i)));
        shares = _mm256_permutevar8x32_epi32(shares, spread);
        wide = _mm256_add_epi32(wide, _mm256_madd_epi16(_mm256_cvtepu8_epi16(bytes), shares));
    }
    __m128i both = _mm_add_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    _mm_storeu_si128((__m128i *)sums.sum, both);
#elif defined(BY_NEON)
    int32x4_t even = vdupq_n_s32(0), odd = even;
    for (; i + 2 <= count; i += 2) {
        int16x8_t two = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(from + 4 * i)));
        even = vmlal_n_s16(even, vget_low_s16(two), share[i]);
        odd = vmlal_n_s16(odd, vget_high_s16(two), share[i + 1]);
    }
    vst1q_s32(sums.sum, vaddq_s32(even, odd));
#endif
    for (; i < count; i++)
        for (uint32_t c = 0; c < 4; c++) sums.sum[c] += from[4 * i + c] * share[i];
    return sums;
}

static inline void put_four(uint8_t *out, struct four sums, int shift) {
#ifdef BY_AVX2
    __m128i value = _mm_add_epi32(_mm_loadu_si128((const __m128i *)sums.sum), _mm_set1_epi32((1 << shift) >> 1));
    value = _mm_sra_epi32(value, _mm_cvtsi32_si128(shift));
    value = _mm_packus_epi16(_mm_packs_epi32(value, value), value);
    int32_t four = _mm_cvtsi128_si32(value);
    memcpy(out, &four, 4);
#elif defined(BY_NEON)
    int32x4_t value = vaddq_s32(vld1q_s32(sums.sum), vdupq_n_s32((1 << shift) >> 1));
    int16x4_t words = vqmovn_s32(vshlq_s32(value, vdupq_n_s32(-shift)));
    uint32_t four = vget_lane_u32(vreinterpret_u32_u8(vqmovun_s16(vcombine_s16(words, words))), 0);
    memcpy(out, &four, 4);
#else
    for (uint32_t c = 0; c < 4; c++) out[c] = clipped(sums.sum[c], shift);
#endif
}

#ifdef BY_AVX2
static inline void put_sixteen(uint8_t *out, const uint8_t *const *rows, size_t x, const int16_t *share, uint32_t count,
                               int shift) {
    __m256i low = _mm256_set1_epi32((1 << shift) >> 1), high = low;
    for (uint32_t i = 0; i < count; i += 2) {
        int is_pair = i + 1 < count;
        __m128i one = _mm_loadu_si128((const __m128i *)(rows[i] + x));
        __m128i two = is_pair ? _mm_loadu_si128((const __m128i *)(rows[i + 1] + x)) : _mm_setzero_si128();
        uint32_t both = (uint16_t)share[i] | (is_pair ? (uint32_t)(uint16_t)share[i + 1] << 16 : 0);
        __m256i shares = _mm256_set1_epi32((int32_t)both);
        low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(one, two)), shares));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpackhi_epi8(one, two)), shares));
    }
    __m128i by = _mm_cvtsi32_si128(shift);
    __m256i words = _mm256_packs_epi32(_mm256_sra_epi32(low, by), _mm256_sra_epi32(high, by));
    words = _mm256_permute4x64_epi64(words, 0xd8);
    __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128((__m128i *)(out + x), bytes);
}
#elif defined(BY_NEON)
static inline void put_sixteen(uint8_t *out, const uint8_t *const *rows, size_t x, const int16_t *share, uint32_t count,
                               int shift) {
    int32x4_t sums[4];
    for (uint32_t q = 0; q < 4; q++) sums[q] = vdupq_n_s32((1 << shift) >> 1);
    for (uint32_t i = 0; i < count; i++) {
        uint8x16_t bytes = vld1q_u8(rows[i] + x);
        int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
        int16x8_t high = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(bytes)));
        sums[0] = vmlal_n_s16(sums[0], vget_low_s16(low), share[i]);
        sums[1] = vmlal_n_s16(sums[1], vget_high_s16(low), share[i]);
        sums[2] = vmlal_n_s16(sums[2], vget_low_s16(high), share[i]);
        sums[3] = vmlal_n_s16(sums[3], vget_high_s16(high), share[i]);
    }
    int32x4_t by = vdupq_n_s32(-shift);
    for (uint32_t q = 0; q < 4; q++) sums[q] = vshlq_s32(sums[q], by);
    int16x8_t low = vcombine_s16(vqmovn_s32(sums[0]), vqmovn_s32(sums[1]));
    int16x8_t high = vcombine_s16(vqmovn_s32(sums[2]), vqmovn_s32(sums[3]));
    vst1q_u8(out + x, vcombine_u8(vqmovun_s16(low), vqmovun_s16(high)));
}
#endif

/* Write each byte of a row as the sum of those above each other. */
static inline void put_sums(uint8_t *out, const uint8_t *const *rows, const int16_t *share, uint32_t count, size_t size,
                            int shift) {
    size_t x = 0;
#if defined(BY_AVX2) || defined(BY_NEON)
    for (; x + 16 <= size; x += 16) put_sixteen(out, rows, x, share, count, shift);
#endif
    for (; x < size; x++) {
        int32_t sum = 0;
        for (uint32_t i = 0; i < count; i++) sum += rows[i][x] * share[i];
        out[x] = clipped(sum, shift);
    }
}

#endif

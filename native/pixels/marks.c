/* Search a file for the marks of other kinds of files: markup, PDF, archives.
 *
 * Blocks are compared as vectors, two bytes of each mark; only where both are there are four bytes compared one by one.
 */
#include <string.h>

#include "pixels.h"

#define BLOCK 64u
#define MARK 4u

/* In lower case where letters of either case count. */
static const char marks[][MARK + 1] = {"<svg", "<scr", "<htm", "<bod", "<ifr", "<img", "<emb", "<obj", "<!do", "<?ph"};
static const char exact[][MARK + 1] = {"%PDF", "PK\3\4", "PK\5\6", "Rar!", "7z\xbc\xaf"};

static uint8_t lower(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte; }

static int is_mark(const uint8_t *at) {
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        if (!memcmp(at, exact[i], MARK)) return 1;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t same = 0;
        while (same < MARK && lower(at[same]) == (uint8_t)marks[i][same]) same++;
        if (same == MARK) return 1;
    }
    return 0;
}

/* Whether the first two bytes of a mark may begin in the block, which has a byte behind it. */
static int may_begin(const uint8_t *at) {
    uint8_t found = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        uint8_t first = at[i], second = at[i + 1], small = second | 0x20;
        uint8_t tag = (uint8_t)((small == 's') | (small == 'h') | (small == 'b') | (small == 'i') | (small == 'e') |
                                (small == 'o') | (second == '!') | (second == '?'));
        found |= (uint8_t)(((first == '<') & tag) | ((first == 'P') & (second == 'K')) |
                           ((first == '%') & (second == 'P')) | ((first == 'R') & (second == 'a')) |
                           ((first == '7') & (second == 'z')));
    }
    return found;
}

int pixels_is_unmarked(const uint8_t *data, size_t length) {
    size_t at = 0;
    for (; length - at >= BLOCK + MARK; at += BLOCK) {
        if (!may_begin(data + at)) continue;
        for (size_t i = 0; i < BLOCK; i++)
            if (is_mark(data + at + i)) return 0;
    }
    for (; length - at >= MARK; at++)
        if (is_mark(data + at)) return 0;
    return 1;
}

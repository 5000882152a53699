/*
 * JPEGs: our entropy decoder and our TurboJPEG, beside libjpeg-turbo as it is published.
 *
 * data[0] and data[1] say how, see jpeg_target.c; bit 6 of data[0]: 16 times data[1] zeroes follow the file. The fast
 * decoders work only where much input is still to come, so that a small file is decoded as a large one's beginning is.
 */

#include "target.h"

#include <stdlib.h>
#include <string.h>

/* Of a damaged picture the pixels are not compared. libjpeg-turbo's fast decoder leaves what it has made of zeroes where a
 * marker cuts a block short, and the slow one, which then takes over, writes beside that; ours has looked further ahead
 * and left the block to the slow one from the start. Nor is the error: to TurboJPEG it is a warning where one came before.
 */
static int
damaged(const Answer *answer) {
    return answer->warned || answer->failed;
}

/* What one cannot read is not whole for the other. */
static void
expect_damaged(const Answer *one, const Answer *other) {
    if ((one->failed && !damaged(other)) || (other->failed && !damaged(one))) {
        __builtin_trap();
    }
}

/* Half of the chroma is what the published library gives of it at the next smaller scale; luma stays as it is. */
static void
expect_halves(const uint8_t *how, const uint8_t *file, size_t size, const Answer *halves) {
    static Answer whole, smaller;
    uint8_t here[] = {how[0] & ~8, how[1]}, next[] = {here[0] + 1, how[1]};
    if ((how[0] & 3) == 3) {
        return; /* there is none */
    }
    published(here, file, size, &whole);
    published(next, file, size, &smaller);
    if (damaged(halves) || damaged(&whole) || damaged(&smaller)) {
        return;
    }
    if (halves->first != whole.first || halves->size - halves->first != smaller.size - smaller.first) {
        __builtin_trap();
    }
    expect_same(halves->result, whole.result, whole.first);
    expect_same(halves->result + halves->first, smaller.result + smaller.first, smaller.size - smaller.first);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static Answer one, other;
    if (size < 3) {
        return 0;
    }
    size_t length = size - 2, all = length + (data[0] & 64 ? 16 * (size_t)data[1] : 0);
    uint8_t *file = calloc(all, 1); /* of its own, so that a byte too many is noticed */
    memcpy(file, data + 2, length);
    changed(data, file, all, &one);
    if ((data[0] & 12) == 12) {
        expect_halves(data, file, all, &one);
    } else {
        published(data, file, all, &other);
        if (!damaged(&one) && !damaged(&other)) {
            expect_equal(&one, &other);
        } else if ((data[0] & 3) != 3 || !other.progressive) { /* else what is wrong may be in a scan that is passed over */
            expect_damaged(&one, &other);
        }
    }
    free(file);
    return 0;
}

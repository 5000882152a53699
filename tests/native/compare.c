#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
expect(int truth, const char *sentence, long one, long other) {
    if (!truth) {
        fprintf(stderr, "The two builds differ in %s: %ld and %ld.\n", sentence, one, other);
        abort();
    }
}

static void
expect_same_end(const Answer *one, const Answer *other) {
    expect(one->failed == other->failed, "the error", one->failed, other->failed);
    expect(one->size == other->size, "the size", (long)one->size, (long)other->size);
}

void
expect_same(const uint8_t *one, const uint8_t *other, size_t size) {
    for (size_t i = 0; i < size; i++) {
        expect(one[i] == other[i], "a byte of the result", one[i], other[i]);
    }
}

void
expect_equal(const Answer *one, const Answer *other) {
    expect_same_end(one, other);
    expect_same(one->result, other->result, one->size);
}

void
expect_near(const Answer *one, const Answer *other, int most) {
    expect_same_end(one, other);
    for (size_t i = 0; i < one->size; i++) {
        int far = abs(one->result[i] - other->result[i]);
        expect(far <= most, "a byte of the result by more than they may", one->result[i], other->result[i]);
    }
}

/*
 * What a library under test answers, and what a harness asks. Each build of a library (published, or with our changes)
 * is a shared object of its own with one function of this kind, so that two of them fit into one process.
 */

#ifndef TARGET_H
#define TARGET_H

#include <stddef.h>
#include <stdint.h>

#define LARGEST (1 << 22) /* bytes of a result; what would be larger is not tried */

typedef struct {
    int failed;              /* the library's own number of the error, 0 where there was none */
    int warned;              /* whether it had something to say about the file */
    int progressive;         /* whether it is a JPEG of several scans of a block */
    size_t size;             /* of the result, which holds nothing beyond what was decoded */
    size_t first;            /* of its first plane, where it has planes */
    uint8_t result[LARGEST];
} Answer;

/* Decodes or changes `data` in the way that `how` says, each harness in its own words. */
typedef void Target(const uint8_t *how, const uint8_t *data, size_t size, Answer *answer);

Target published, changed, joined;

/* Ends the process, which the fuzzer takes for a finding, unless both end with the same error or the same result. */
void expect_equal(const Answer *one, const Answer *other);

/* Likewise unless these bytes are the same. */
void expect_same(const uint8_t *one, const uint8_t *other, size_t size);

/* Likewise unless no byte differs by more than `most`. */
void expect_near(const Answer *one, const Answer *other, int most);

#endif

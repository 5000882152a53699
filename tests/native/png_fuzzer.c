/* A PNG's samples: our filters, our inflating in large pieces and our decoding in parts, beside Pillow as it is published. */

#include "target.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static Answer one, other;
    uint8_t how[6] = {'p'};
    if (size < 6) {
        return 0;
    }
    memcpy(how + 1, data, 5);
    changed(how, data + 5, size - 5, &one);
    published(how, data + 5, size - 5, &other);
    if (one.failed != 99 && other.failed != 99) { /* where samples end early, what is done of them depends on the pieces */
        expect_equal(&one, &other);
    }
    return 0;
}

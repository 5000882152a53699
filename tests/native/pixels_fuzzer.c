/*
 * Pixels resampled, reduced, premultiplied, turned: our changes beside pillow-simd's code without them, bit for bit, and that
 * beside Pillow as it is published, within what its 16 bits may be off.
 */

#include "target.h"

#include <string.h>

static const uint8_t ways[] = {'r', 'r', 'r', 'd', 't', 'm', 'u'};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static Answer one, other;
    uint8_t how[9];
    if (size < 10) {
        return 0;
    }
    memcpy(how, data, 9);
    how[0] = ways[data[0] % sizeof(ways)];
    how[2] &= 127;
    how[3] &= 127;
    changed(how, data + 9, size - 9, &one);
    joined(how, data + 9, size - 9, &other);
    expect_equal(&one, &other);
    if (how[0] != 'u') { /* its quotients are rounded otherwise, and colours beyond their alpha come out as they may */
        published(how, data + 9, size - 9, &other);
        expect_near(&one, &other, how[0] == 'r' ? 4 : how[0] == 'd');
    }
    return 0;
}

/*
 * What the machine has Pillow's C do: a PNG's samples decoded, pixels resampled, reduced, premultiplied and turned.
 * Compiled with each build of libImaging; TARGET names the function.
 *
 * how[0]: what is done; how[1]: a mode; how[2], how[3]: width and height less one; the rest as each of them says.
 */

#include "target.h"

#include <Python.h>
#include <string.h>
#include <zlib.h>

#include "Imaging.h"
#include "ZipCodecs.h"

/* What Pillow's own module gives libImaging. */
void *ImagingError_MemoryError(void) { return NULL; }
void *ImagingError_Mismatch(void) { return NULL; }
void *ImagingError_ModeError(void) { return NULL; }
void *ImagingError_ValueError(const char *message) { (void)message; return NULL; }
void ImagingSectionEnter(ImagingSectionCookie *cookie) { (void)cookie; }
void ImagingSectionLeave(ImagingSectionCookie *cookie) { (void)cookie; }

#define MODES(list) (sizeof(list) / sizeof(*(list)))

/* The bytes of the picture that mean something: three of a pixel's four in RGB, the outer ones in LA. */
static void
put(Imaging im, Answer *answer) {
    for (int y = 0; y < im->ysize; y++) {
        const UINT8 *row = (const UINT8 *)im->image[y];
        for (int i = 0; i < im->linesize; i++) {
            int channel = im->pixelsize == 4 && im->type == IMAGING_TYPE_UINT8 ? i & 3 : 0;
            if ((im->bands == 3 && channel == 3) || (im->bands == 2 && (channel == 1 || channel == 2))) {
                continue;
            }
            answer->result[answer->size++] = row[i];
        }
    }
}

static Imaging
drawn(ModeID mode, int width, int height, const uint8_t *data, size_t size) {
    Imaging im = ImagingNew(mode, width, height);
    for (int y = 0; im && y < height; y++) {
        for (int i = 0; size && i < im->linesize; i++) {
            ((UINT8 *)im->image[y])[i] = data[((size_t)y * (size_t)im->linesize + (size_t)i) % size];
        }
    }
    return im;
}

/* ---- A PNG's samples ---------------------------------------------------------------------------------------------- */

typedef struct {
    ModeID mode;
    RawModeID raw;
} Layout;

static const Layout layouts[] = {
    {IMAGING_MODE_1, IMAGING_RAWMODE_1},
    {IMAGING_MODE_L, IMAGING_RAWMODE_L_2},
    {IMAGING_MODE_L, IMAGING_RAWMODE_L_4},
    {IMAGING_MODE_L, IMAGING_RAWMODE_L},
    {IMAGING_MODE_I_16, IMAGING_RAWMODE_I_16B},
    {IMAGING_MODE_RGB, IMAGING_RAWMODE_RGB},
    {IMAGING_MODE_RGB, IMAGING_RAWMODE_RGB_16B},
    {IMAGING_MODE_P, IMAGING_RAWMODE_P_1},
    {IMAGING_MODE_P, IMAGING_RAWMODE_P_4},
    {IMAGING_MODE_P, IMAGING_RAWMODE_P},
    {IMAGING_MODE_LA, IMAGING_RAWMODE_LA},
    {IMAGING_MODE_LA, IMAGING_RAWMODE_LA_16B},
    {IMAGING_MODE_RGBA, IMAGING_RAWMODE_RGBA},
    {IMAGING_MODE_RGBA, IMAGING_RAWMODE_RGBA_16B},
};

typedef struct {
    struct ImagingCodecStateInstance state;
    ZIPSTATE context;
} Decoder;

/* As decode.c makes one and gives it its picture. */
static int
begin(Decoder *decoder, Imaging im, const Layout *layout, int interlaced) {
    int bits = 0;
    memset(decoder, 0, sizeof(*decoder));
    decoder->state.context = &decoder->context;
    decoder->state.shuffle = ImagingFindUnpacker(layout->mode, layout->raw, &bits);
    decoder->state.bits = bits;
    decoder->state.xsize = im->xsize;
    decoder->state.ysize = im->ysize;
    decoder->state.bytes = (bits * im->xsize + 7) / 8;
    decoder->state.buffer = calloc(1, (size_t)decoder->state.bytes);
    decoder->context.mode = ZIP_PNG;
    decoder->context.interlaced = interlaced;
    return decoder->state.shuffle != NULL && decoder->state.buffer != NULL;
}

static void
end(Decoder *decoder) {
    ImagingZipDecodeCleanup(&decoder->state);
    free(decoder->state.buffer);
}

/* Feeds the samples in pieces of `piece` bytes, as ImageFile.py does; returns 0, the decoder's error, or 99: too few. */
static int
decode(Imaging im, const Layout *layout, int interlaced, const uint8_t *data, size_t size, size_t piece) {
    Decoder decoder;
    size_t at = 0, given = 0;
    int failed = 99;
    if (!begin(&decoder, im, layout, interlaced)) {
        end(&decoder);
        return 98;
    }
    while (given < size) {
        given = size - given < piece ? size : given + piece;
        /* Of its own, so that a byte too many is noticed. */
        UINT8 *bytes = malloc(given - at);
        memcpy(bytes, data + at, given - at);
        int taken = ImagingZipDecode(im, &decoder.state, bytes, (Py_ssize_t)(given - at));
        free(bytes);
        if (taken < 0) {
            failed = decoder.state.errcode;
            break;
        }
        at += (size_t)taken;
    }
    end(&decoder);
    return failed;
}

#ifdef PARTS
/* As decode.py in formats/png does it: rows below rows, each some of them a picture of their own; returns 0 or not. */
static int
decode_parts(Imaging im, const Layout *layout, const uint8_t *data, size_t size, size_t piece, int rows) {
    Decoder decoder;
    size_t at = 0, given = 0;
    int failed = 1, top = 0;
    Imaging part = ImagingNew(layout->mode, im->xsize, rows < im->ysize ? rows : im->ysize);
    if (!begin(&decoder, part, layout, 0)) {
        goto end;
    }
    decoder.context.decoded_rows = im->ysize;
    while (given < size || at < given) {
        given = size - given < piece ? size : given + piece;
        UINT8 *bytes = malloc(given - at + 1);
        memcpy(bytes, data + at, given - at);
        int taken = ImagingZipDecode(part, &decoder.state, bytes, (Py_ssize_t)(given - at));
        free(bytes);
        int done = taken < 0 && decoder.state.errcode == 0, next = taken >= 0 && decoder.state.errcode == IMAGING_CODEC_END;
        if (done || next) {
            for (int y = 0; y < part->ysize; y++) {
                memcpy(im->image[top + y], part->image[y], (size_t)im->linesize);
            }
            top += part->ysize;
        }
        if (done) {
            failed = top != im->ysize;
            break;
        }
        if (taken < 0) {
            break;
        }
        at += (size_t)taken;
        if (next) { /* what decode.c does for the next part */
            ImagingDelete(part);
            rows = rows < im->ysize - top ? rows : im->ysize - top;
            part = ImagingNew(layout->mode, im->xsize, rows);
            decoder.state.errcode = 0;
            decoder.state.count += decoder.state.ysize;
            decoder.state.y = 0;
            decoder.state.ysize = rows;
        } else if (given == size) {
            break;
        }
    }
end:
    end(&decoder);
    ImagingDelete(part);
    return failed;
}
#endif

/* how[4]: bit 0 interlaced, bit 1: data is the samples themselves, not yet compressed, at the level of bits 4 and 5, bits 2
 * and 3: in parts; how[5]: rows of a part, bytes of a piece. */
static void
png(const uint8_t *how, const uint8_t *data, size_t size, Answer *answer) {
    const Layout *layout = &layouts[how[1] % MODES(layouts)];
    int interlaced = how[4] & 1;
    uLongf length = compressBound(size);
    uint8_t *compressed = NULL;
    Imaging im = ImagingNew(layout->mode, how[2] + 1, how[3] + 1);

    if (how[4] & 2) {
        compressed = malloc(length);
        compress2(compressed, &length, data, size, (how[4] >> 4) & 3 ? ((how[4] >> 4) & 3) * 3 : 1);
        data = compressed;
        size = length;
    }
#ifdef PARTS
    if (!interlaced && (how[4] & 12) == 12) {
        answer->failed = decode_parts(im, layout, data, size, PNG_PIECE + 1 + how[5], 1 + how[5] % 9);
    } else {
        answer->failed = decode(im, layout, interlaced, data, size, PNG_PIECE + 1 + how[5]);
    }
    if (answer->failed) { /* "it is an error, and whoever has fed the pieces has to start again with small ones" */
        ImagingDelete(im);
        im = ImagingNew(layout->mode, how[2] + 1, how[3] + 1);
        answer->failed = decode(im, layout, interlaced, data, size, PNG_PIECE);
    }
#else
    answer->failed = decode(im, layout, interlaced, data, size, 64);
#endif
    if (!answer->failed) {
        put(im, answer);
    }
    ImagingDelete(im);
    free(compressed);
}

/* ---- Pixels ------------------------------------------------------------------------------------------------------- */

static const ModeID modes[] = {IMAGING_MODE_L, IMAGING_MODE_LA, IMAGING_MODE_RGB, IMAGING_MODE_RGBa, IMAGING_MODE_CMYK};

/* how[4] to how[8]: width and height of the result, the filter, how much of each side is left out. */
static Imaging
resized(const uint8_t *how, Imaging im) {
    static const int filters[] = {1, 1, 2, 3, 4, 5}; /* Lanczos twice: it is what the machine uses */
    float wide = (float)im->xsize, high = (float)im->ysize;
    float box[] = {wide * how[7] / 1024, high * how[8] / 1024, wide - wide * how[8] / 1024, high - high * how[7] / 1024};
    return ImagingResample(im, how[4] % 96 + 1, how[5] % 96 + 1, filters[how[6] % MODES(filters)], box);
}

static Imaging
reduced(const uint8_t *how, Imaging im) {
    int left = how[6] % im->xsize, top = how[7] % im->ysize;
    int box[] = {left, top, im->xsize - left, im->ysize - top};
    return ImagingReduce(im, how[4] % 9 + 1, how[5] % 9 + 1, box);
}

static Imaging
turned(const uint8_t *how, Imaging im) {
    static Imaging (*const ways[])(Imaging, Imaging) = {
        ImagingRotate90, ImagingRotate270, ImagingTranspose, ImagingTransverse
    };
    Imaging out = ImagingNew(im->mode, im->ysize, im->xsize);
    return ways[how[4] % MODES(ways)](out, im) ? out : NULL;
}

static void
pixels(const uint8_t *how, const uint8_t *data, size_t size, Answer *answer) {
    int transparent = how[0] == 'm' || how[0] == 'u';
    ModeID mode = transparent ? IMAGING_MODE_RGBA : modes[how[1] % MODES(modes)];
    Imaging im = drawn(how[0] == 'u' ? IMAGING_MODE_RGBa : mode, how[2] + 1, how[3] + 1, data, size), made = NULL;
    switch (how[0]) {
        case 'r': made = resized(how, im); break;
        case 'd': made = reduced(how, im); break;
        case 't': made = turned(how, im); break;
        case 'm': made = ImagingConvert(NULL, im, IMAGING_MODE_RGBa, NULL, 0); break;
        case 'u': made = ImagingConvert(NULL, im, IMAGING_MODE_RGBA, NULL, 0); break;
    }
    if (made) {
        put(made, answer);
        ImagingDelete(made);
    } else {
        answer->failed = 1;
        PyErr_Clear();
    }
    ImagingDelete(im);
}

__attribute__((visibility("default"))) void
TARGET(const uint8_t *how, const uint8_t *data, size_t size, Answer *answer) {
    answer->failed = answer->warned = 0;
    answer->size = 0;
    (how[0] == 'p' ? png : pixels)(how, data, size, answer);
}

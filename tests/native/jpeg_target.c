/*
 * A JPEG decoded by libjpeg-turbo, through libjpeg's own interface and through TurboJPEG's planes. Compiled with each build
 * of the library; TARGET names the function.
 *
 * how[0]: what the file is decoded to: bits 0 and 1 the scale (1/1, 1/2, 1/4, 1/8), bit 2 planes, bit 3 planes with half
 * of the chroma (which only our build can give), bit 4 grey, bit 5 as many bytes at a time as how[1] says.
 */

#include "target.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>
#include <turbojpeg.h>

#ifdef HALVES
extern int tjHalveChroma(tjhandle handle); /* which no header tells of */
#endif

typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf out;
    int warned;
} Errors;

static void
leave(j_common_ptr info) {
    longjmp(((Errors *)info->err)->out, 1);
}

static void
note(j_common_ptr info, int level) {
    if (level < 0) {
        ((Errors *)info->err)->warned = 1;
    }
}

/* A source that gives a few bytes at a time and then none: the decoder suspends, as it does between a file's pieces. */
typedef struct {
    struct jpeg_source_mgr base;
    const uint8_t *data;
    size_t left, at_once;
} Pieces;

static void
nothing(j_decompress_ptr info) {
    (void)info;
}

static boolean
suspend(j_decompress_ptr info) {
    (void)info;
    return FALSE;
}

static void
skip(j_decompress_ptr info, long count) {
    Pieces *pieces = (Pieces *)info->src;
    while (count > 0) {
        if ((size_t)count <= pieces->base.bytes_in_buffer) {
            pieces->base.next_input_byte += count;
            pieces->base.bytes_in_buffer -= (size_t)count;
            return;
        }
        count -= (long)pieces->base.bytes_in_buffer;
        pieces->base.next_input_byte += pieces->base.bytes_in_buffer;
        pieces->base.bytes_in_buffer = 0;
        size_t passed = (size_t)count < pieces->left ? (size_t)count : pieces->left;
        pieces->base.next_input_byte += passed;
        pieces->left -= passed;
        return;
    }
}

/* More bytes, behind those that the decoder has not taken yet; 0 where there are none. */
static int
feed(Pieces *pieces) {
    size_t more = pieces->at_once < pieces->left ? pieces->at_once : pieces->left;
    pieces->base.bytes_in_buffer += more;
    pieces->left -= more;
    return more > 0;
}

static void
samples(const uint8_t *how, const uint8_t *data, size_t size, Answer *answer) {
    struct jpeg_decompress_struct info;
    Errors errors;
    Pieces pieces = {{0}, data, size, (how[0] & 32) ? how[1] + 1 : size};
    int status;

    memset(&info, 0, sizeof(info));
    memset(&errors, 0, sizeof(errors));
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = leave;
    errors.base.emit_message = note;
    if (setjmp(errors.out)) {
        answer->failed = errors.base.msg_code;
        goto end;
    }
    jpeg_create_decompress(&info);
    info.src = &pieces.base;
    pieces.base.init_source = nothing;
    pieces.base.fill_input_buffer = suspend;
    pieces.base.skip_input_data = skip;
    pieces.base.resync_to_restart = jpeg_resync_to_restart;
    pieces.base.term_source = nothing;
    pieces.base.next_input_byte = data;

    while ((status = jpeg_read_header(&info, TRUE)) == JPEG_SUSPENDED) {
        if (!feed(&pieces)) {
            answer->failed = -1;
            goto end;
        }
    }
    info.scale_num = 1;
    info.scale_denom = 1u << (how[0] & 3);
    if (how[0] & 16) {
        info.out_color_space = JCS_GRAYSCALE;
    }
    answer->progressive = info.progressive_mode;
    jpeg_calc_output_dimensions(&info);
    if ((size_t)info.image_width * info.image_height > LARGEST / 16 ||
        (size_t)info.output_width * info.output_height * 4 > LARGEST) {
        goto end;
    }
    while (!jpeg_start_decompress(&info)) {
        if (!feed(&pieces)) {
            answer->failed = -2;
            goto end;
        }
    }
    while (info.output_scanline < info.output_height) {
        JSAMPROW row = answer->result + answer->size;
        if (jpeg_read_scanlines(&info, &row, 1)) {
            answer->size += (size_t)info.output_width * (size_t)info.output_components;
        } else if (!feed(&pieces)) {
            answer->failed = -3;
            goto end;
        }
    }
end:
    answer->warned = errors.warned;
    jpeg_destroy_decompress(&info);
}

static void
planes(const uint8_t *how, const uint8_t *data, size_t size, Answer *answer) {
    static const int steps[][2] = {{1, 1}, {2, 1}, {2, 2}, {1, 1}, {1, 2}, {4, 1}};
    tjhandle handle = tjInitDecompress();
    int width, height, subsampling, colours, denominator = 1 << (how[0] & 3), half = how[0] & 8;
    unsigned char *places[3] = {0};
    size_t sizes[3] = {0};

    if (tjDecompressHeader3(handle, data, size, &width, &height, &subsampling, &colours)) {
        answer->failed = 1;
        goto end;
    }
    if ((size_t)width * (size_t)height > LARGEST / 16 || subsampling < 0 || subsampling > 5) {
        goto end;
    }
#ifdef HALVES
    if (half) {
        tjHalveChroma(handle);
    }
#endif
    int across = steps[subsampling][0], down = steps[subsampling][1], count = subsampling == TJSAMP_GRAY ? 1 : 3;
    int wide = (width + denominator - 1) / denominator, high = (height + denominator - 1) / denominator;
    int filled_wide = (wide + across - 1) / across * across, filled_high = (high + down - 1) / down * down;
    for (int i = 0; i < count; i++) {
        int by = i && half && denominator < 8 ? 2 : 1, x = i ? across * by : 1, y = i ? down * by : 1;
        sizes[i] = (size_t)((filled_wide + x - 1) / x) * (size_t)((filled_high + y - 1) / y);
        places[i] = calloc(sizes[i], 1); /* of its own, so that a byte too many is noticed */
    }
    answer->progressive = tj3Get(handle, TJPARAM_PROGRESSIVE) == 1;
    if (tjDecompressToYUVPlanes(handle, data, size, places, wide, NULL, high, 0)) {
        answer->warned = tjGetErrorCode(handle) == TJERR_WARNING; /* and the planes are there */
        answer->failed = !answer->warned;
    }
    for (int i = 0; i < count && !answer->failed; i++) {
        memcpy(answer->result + answer->size, places[i], sizes[i]);
        answer->size += sizes[i];
        answer->first = sizes[0];
    }
end:
    for (int i = 0; i < 3; i++) {
        free(places[i]);
    }
    tjDestroy(handle);
}

__attribute__((visibility("default"))) void
TARGET(const uint8_t *how, const uint8_t *data, size_t size, Answer *answer) {
    answer->failed = answer->warned = answer->progressive = 0;
    answer->size = answer->first = 0;
    (how[0] & 4 ? planes : samples)(how, data, size, answer);
}

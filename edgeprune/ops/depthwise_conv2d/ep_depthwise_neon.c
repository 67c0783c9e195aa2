#include "ep_depthwise_neon.h"

#include "ep_rows_neon.h"

enum { LANES = 16 };

static inline int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* All channels of the rows, 16 after the other. */
static void all_channels(ep_depthwise_job_neon *job, ep_depthwise_rows_neon *rows, int32_t tile_bytes, int8_t *out)
{
    const ep_depthwise_neon *p = job->p;
    job->stream = p->stream;
    for (int32_t c = 0; c < p->channels; c += LANES) {
        if (p->is_flat == 0) {
            job->count = least(p->channels - c, LANES);
            job->last_count = job->count;
        }
        job->plain = job->count < LANES ? 0 : job->last_count < LANES ? job->pixels - 1 : job->pixels;
        job->first = c;
        job->out = out + c;
        rows(job);
        job->stream += tile_bytes;
    }
}

void ep_depthwise_neon_run(const ep_depthwise_neon *p, ep_depthwise_rows_neon *rows, int32_t tile_bytes,
                           const int8_t *in, int8_t *out, void *scratch)
{
    const int8_t **pointers = scratch;
    const int32_t reach = (p->window_h - 1) * p->dilation_h + 1;
    const int32_t row_bytes = p->out_w * p->channels;
    ep_rows_neon ring = {
        .in = in,
        .in_h = p->in_h,
        .in_bytes = p->in_w * p->channels,
        .pad_top = p->pad_top,
        .left_bytes = p->pad_left * p->channels,
        .row_bytes = p->columns * p->channels,
        .slots = (p->band - 1) * p->stride_h + reach,
        .zero_point = (int8_t)p->in_zero_point,
        .ring = (int8_t *)scratch + p->ring_at,
    };
    ep_depthwise_job_neon job = {
        .rows = pointers,
        .tap = (int64_t)p->dilation_w * p->channels,
        .step = p->is_flat != 0 ? LANES : (int64_t)p->stride_w * p->channels,
        .out_step = p->is_flat != 0 ? LANES : p->channels,
        .out_row = row_bytes,
        .pixels = p->is_flat != 0 ? (row_bytes + LANES - 1) / LANES : p->out_w,
        .count = LANES,
        .last_count = (row_bytes - 1) % LANES + 1,
        .p = p,
    };
    ep_rows_neon_begin(&ring);
    for (int32_t y = 0; y < p->out_h; y += p->band) {
        const int32_t count = least(p->out_h - y, p->band);
        ep_rows_neon_advance(&ring, (y + count - 1) * p->stride_h + reach);
        const int8_t **to = pointers;
        for (int32_t i = 0; i < count; i++) {
            for (int32_t r = 0; r < p->window_h; r++) {
                *to++ = ep_rows_neon_at(&ring, (y + i) * p->stride_h + r * p->dilation_h);
            }
        }
        job.row_count = count;
        all_channels(&job, rows, tile_bytes, out);
        out += (int64_t)count * row_bytes;
    }
}

//! One panel of queries on its way over the keys: the online softmax (Milakov & Gimelshein 2018;
//! FlashAttention, Dao et al. 2022).

use super::edit::{edit, hide_outside};
use super::heads::HeadsMut;
use super::kernel::Kernel;
use super::lists::union;
use super::problem::Problem;
use super::tile::Tile;
use crate::number::to_f32;
use std::ops::Range;

/// Keys that nobody asked for between two ranges that cost less than to begin again after them.
const GAP: usize = 8;

/// Numbers that start on a cache line, so that no vector straddles two.
#[derive(Default)]
pub struct Aligned {
    data: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// All `x`, `len` of them.
    pub fn fill(&mut self, len: usize, x: f32) {
        self.make_room(len);
        self.get_mut().fill(x);
    }

    /// Room for `len` of them, whatever stands there.
    pub fn make_room(&mut self, len: usize) {
        const LINE: usize = 64;
        self.data.resize(len + LINE / size_of::<f32>(), 0.0);
        self.start = self
            .data
            .as_ptr()
            .align_offset(LINE)
            .min(LINE / size_of::<f32>());
        self.len = len;
    }

    pub fn get(&self) -> &[f32] {
        &self.data[self.start..self.start + self.len]
    }

    pub fn get_mut(&mut self) -> &mut [f32] {
        &mut self.data[self.start..self.start + self.len]
    }
}

/// One query of a panel: its place, and the keys [from, to) that it may attend to.
#[derive(Clone, Copy)]
pub struct Row {
    pub head: usize,
    pub query: usize,
    pub from: usize,
    pub to: usize,
}

/// The keys that a panel takes next: `from..to` of a tile.
#[derive(Clone, Copy)]
pub struct Span<'a, 'p> {
    pub problem: &'a Problem<'p>,
    pub kernel: &'a Kernel,
    pub tile: Tile<'a>,
    pub from: usize,
    pub to: usize,
}

impl<'a, 'p> Span<'a, 'p> {
    pub fn new(
        problem: &'a Problem<'p>,
        kernel: &'a Kernel,
        tile: Tile<'a>,
        (from, to): (usize, usize),
    ) -> Self {
        Self {
            problem,
            kernel,
            tile,
            from,
            to,
        }
    }
}

/// Queries side by side in the lanes, and what the softmax knows of them so far.
#[derive(Default)]
pub struct Panel {
    /// All of one key head.
    pub rows: Vec<Row>,
    /// The keys that any of its rows may attend to: sorted, disjoint ranges.
    pub spans: Vec<(usize, usize)>,
    /// Keys that all of its rows may attend to, masks aside.
    shared: (usize, usize),
    queries: Aligned,
    pub peak: Aligned,
    pub total: Aligned,
    shrink: Aligned,
    /// (dv in whole vectors, w): Σ e^(logit − peak) · value.
    output: Aligned,
    /// (w, d) or (w, dv) in whole vectors: rows on their way into lanes, or out of them.
    staged: Aligned,
    /// (keys, w): what `weigh_again` left.
    pub weighed: Aligned,
}

impl Panel {
    /// Takes rows `first..first + len` of the queries of all heads one after another; no key yet, and of the
    /// keys none outside `keys`.
    pub fn start(
        &mut self,
        problem: &Problem,
        kernel: &Kernel,
        (first, len): (usize, usize),
        keys: (usize, usize),
    ) {
        let w = len.div_ceil(kernel.lanes) * kernel.lanes;
        self.rows.clear();
        self.rows.extend((first..first + len).map(|row| {
            let (head, query) = (row / problem.shape.length, row % problem.shape.length);
            let (from, to) = problem.key_range(query);
            let to = to.min(keys.1);
            let from = from.max(keys.0).min(to);
            Row {
                head,
                query,
                from,
                to,
            }
        }));
        self.find_spans(problem, keys);
        self.start_sums(problem, w, keys.0 == 0);
        self.shrink.fill(w, 0.0);
        let whole = |depth: usize| depth.next_multiple_of(kernel.lanes);
        self.output.fill(whole(problem.shape.value_depth) * w, 0.0);
        self.pack_queries(problem, kernel, whole(problem.shape.depth), w);
    }

    /// The scaled queries of the rows, in lanes: (d in whole vectors, w). Turned about in squares of vectors: number by
    /// number it took 3 % of the time at N = 2048 and 12 % at 512.
    fn pack_queries(&mut self, problem: &Problem, kernel: &Kernel, padded: usize, w: usize) {
        self.staged.make_room(w * padded);
        let staged = self.staged.get_mut();
        for (row, room) in self.rows.iter().zip(staged.chunks_exact_mut(padded.max(1))) {
            let query = problem.queries.row(row.head, row.query);
            // The scale goes in first: q·k may leave float32 where q·scale·k does not.
            kernel.scale(query, problem.options.scale, room);
            room[query.len()..].fill(0.0);
        }
        staged[self.rows.len() * padded..].fill(0.0);
        self.queries.make_room(padded * w);
        if padded > 0 {
            kernel.transpose(staged, padded, self.queries.get_mut());
        }
    }

    fn find_spans(&mut self, problem: &Problem, keys: (usize, usize)) {
        self.spans.clear();
        self.shared = (0, 0);
        if problem.options.lists.is_none() {
            let last = self.rows.iter().map(|row| row.from).max();
            let first = self.rows.iter().map(|row| row.to).min();
            self.shared = last.zip(first).unwrap_or_default();
            let rows = self.rows.iter().filter(|row| row.from < row.to);
            let from = rows.clone().map(|row| row.from).min();
            let to = rows.map(|row| row.to).max();
            self.spans.extend(from.zip(to));
        } else {
            let mut before = 0..0;
            for row in &self.rows {
                let first = self.spans.len();
                for (n, range) in problem.ranges(row.head, row.query, keys).enumerate() {
                    // What the row before has too, as global tokens are, need not be sorted again.
                    if before
                        .clone()
                        .nth(n)
                        .is_none_or(|at| self.spans[at] != range)
                    {
                        self.spans.push(range);
                    }
                }
                before = first..self.spans.len();
            }
            union(&mut self.spans, GAP);
        }
    }

    /// Nothing seen yet; with sinks (where these are `first` among the keys) a logit of weight e^0 already.
    fn start_sums(&mut self, problem: &Problem, w: usize, first: bool) {
        self.peak.fill(w, f32::NEG_INFINITY);
        self.total.fill(w, 0.0);
        if let Some(sinks) = problem.options.sinks.filter(|_| first) {
            for (lane, row) in self.rows.iter().enumerate() {
                self.peak.get_mut()[lane] = sinks[row.head];
                self.total.get_mut()[lane] = 1.0;
            }
        }
    }

    /// The greatest magnitude among its scaled queries.
    pub fn largest_query(&self, kernel: &Kernel) -> f32 {
        kernel.largest(self.queries.get())
    }

    /// Which of its spans touch `from..to`.
    pub fn spans_in(&self, from: usize, to: usize) -> Range<usize> {
        let first = self.spans.partition_point(|span| span.1 <= from);
        let last = self.spans.partition_point(|span| span.0 < to);
        first..last
    }

    /// The logits (keys, w) of some keys, in the room for them.
    fn logits<'r>(&self, span: Span, room: &'r mut Aligned) -> &'r mut [f32] {
        let w = self.peak.get().len();
        let Span {
            problem,
            kernel,
            from,
            to,
            ..
        } = span;
        let keys = span.tile.keys(problem, from, to);
        let logits = &mut room.get_mut()[..(to - from) * w];
        kernel.scores(self.queries.get(), keys, problem.shape.depth, logits, w);
        edit(problem, kernel, &self.rows, from, logits, w);
        if from < self.shared.0 || to > self.shared.1 {
            hide_outside(problem, &self.rows, from, logits, w);
        }
        logits
    }

    /// Takes some keys into peak and total, and leaves their e^(logit − peak) in the room.
    pub fn weigh(&mut self, span: Span, room: &mut Aligned) {
        span.kernel.softmax(
            self.logits(span, room),
            self.peak.get_mut(),
            self.total.get_mut(),
            self.shrink.get_mut(),
        );
    }

    /// Takes some keys and their values into the output.
    pub fn attend(&mut self, span: Span, room: &mut Aligned) {
        self.weigh(span, room);
        let w = self.peak.get().len();
        span.kernel.accumulate(
            &room.get()[..(span.to - span.from) * w],
            span.tile.values(span.problem, span.from, span.to),
            span.problem.shape.value_depth,
            self.shrink.get(),
            self.output.get_mut(),
        );
    }

    /// Writes the rows' outputs and their log-sum-exp (rows,). A row of no keys: zeros, −inf.
    pub fn finish(&mut self, kernel: &Kernel, output: &mut HeadsMut, lse: &mut [f32]) {
        let (totals, sums) = (self.total.get(), self.output.get());
        let w = totals.len();
        let depth = sums.len() / w;
        self.staged.make_room(w * depth);
        if depth > 0 {
            kernel.transpose(sums, w, self.staged.get_mut());
        }
        let staged = self.staged.get();
        for (lane, (row, lse)) in self.rows.iter().zip(lse).enumerate() {
            let total = totals[lane];
            *lse = to_f32(f64::from(self.peak.get()[lane]) + f64::from(total).ln());
            // Not divided by the total: that took a twentieth of the time at N = 512.
            let sums = &staged[lane * depth..(lane + 1) * depth];
            kernel.scale(sums, part(total), output.row(row.head, row.query));
        }
    }

    /// What each row's e^(logit − peak) is multiplied by to be a weight: 1 / total.
    pub fn parts(&self) -> impl Iterator<Item = f32> + use<'_> {
        let totals = self.total.get()[..self.rows.len()].iter();
        totals.map(|&total| to_f32(part(total)))
    }

    /// Leaves the logits of some keys in the room and their e^(logit − peak) in `weighed`, both (keys, w), once the
    /// peaks of all keys are known.
    pub fn weigh_again(&mut self, span: Span, room: &mut Aligned) {
        let w = self.peak.get().len();
        let logits = self.logits(span, room);
        self.weighed.make_room(logits.len());
        self.weighed.get_mut().copy_from_slice(logits);
        // The peak is the greatest of all already and stays; the totals are not to be added up again.
        let mut unused = vec![0.0; w];
        span.kernel.softmax(
            self.weighed.get_mut(),
            self.peak.get_mut(),
            &mut unused,
            self.shrink.get_mut(),
        );
    }

    /// Writes the weights of some keys into their rows, once peak and total are known.
    pub fn write_weights(&mut self, span: Span, room: &mut Aligned, weights: &mut HeadsMut) {
        self.weigh_again(span, room);
        let w = self.peak.get().len();
        for (lane, (part, row)) in self.parts().zip(&self.rows).enumerate() {
            let column = self.weighed.get().iter().skip(lane).step_by(w);
            let weights = &mut weights.row(row.head, row.query)[span.from..span.to];
            for (x, power) in weights.iter_mut().zip(column) {
                *x = power * part;
            }
        }
    }
}

/// What e^(logit − peak) of a row with this total is multiplied by to be a weight; a row of no keys has none.
fn part(total: f32) -> f64 {
    if total > 0.0 {
        1.0 / f64::from(total)
    } else {
        0.0
    }
}

//! A few rows at a time: keys into the state, queries out of it.
//!
//! Keys lie with their numbers apart and neighbours side by side, (d, CHUNK) and (m, CHUNK): so their features are
//! the right side of one product (with queries) and the left side of the other (with values), with no transposing.

use super::features::{add_and_peak, elu, exp_less};
use super::problem::{FeatureMap, Problem};
use super::state::{width, State};
use crate::attention::HeadsMut;
use crate::number::{count, to_f32};
use crate::simd::lanes::Lanes;
use crate::simd::product::{add_product, Left};
use std::ops::Range;

/// Keys, or queries, at a time: whole vectors of every kind.
pub const CHUNK: usize = 64;
/// A sum of weights below which a row of a causal chunk is done again in smaller chunks: the peaks of later keys
/// may have left it too few digits.
const VANISHED: f32 = 1e-25;

/// Queries of one head and where their answers go.
pub struct Queries<'a> {
    pub head: usize,
    pub range: Range<usize>,
    pub output: HeadsMut<'a>,
    /// (rows,)
    pub lse: &'a mut [f32],
}

/// What one thread needs, made once.
#[derive(Default)]
pub struct Workspace {
    /// √scale·W, (m, d), and its transpose (d, m), m up to whole vectors.
    rows: Vec<f32>,
    columns: Vec<f32>,
    /// (CHUNK, d): keys or queries that stand apart in their array
    gathered: Vec<f32>,
    /// (d, CHUNK), keys
    keys: Vec<f32>,
    /// (CHUNK,): |k|²/2
    norms: Vec<f32>,
    /// (m, CHUNK)
    key_features: Vec<f32>,
    /// (CHUNK, w): values and a one
    values: Vec<f32>,
    /// (CHUNK, m), m up to whole vectors
    query_features: Vec<f32>,
    /// (CHUNK,): what was taken from each row's exponents
    taken: Vec<f32>,
    /// (CHUNK, CHUNK)
    weights: Vec<f32>,
    /// (CHUNK, w)
    sums: Vec<f32>,
    state: State,
    before: State,
}

impl Workspace {
    fn fit<V: Lanes>(&mut self, problem: &Problem) {
        if !self.keys.is_empty() {
            return;
        }
        let (d, m) = (problem.shape.depth, problem.features());
        let stride = m.next_multiple_of(V::LANES);
        let w = width(problem, V::LANES);
        if let FeatureMap::Positive {
            projection, scale, ..
        } = problem.map
        {
            let root = to_f32(scale.sqrt());
            self.rows = projection.iter().map(|x| x * root).collect();
            self.columns = vec![0.0; d * stride];
            for (f, row) in self.rows.chunks_exact(d.max(1)).enumerate() {
                for (c, &x) in row.iter().enumerate() {
                    self.columns[c * stride + f] = x;
                }
            }
        }
        self.keys = vec![0.0; d.max(1) * CHUNK];
        self.norms = vec![0.0; CHUNK];
        self.key_features = vec![0.0; m * CHUNK];
        self.values = vec![0.0; CHUNK * w];
        self.query_features = vec![0.0; CHUNK * stride];
        self.taken = vec![0.0; CHUNK];
        self.weights = vec![0.0; CHUNK * CHUNK];
        self.sums = vec![0.0; CHUNK * w];
    }

    /// Keys into the state.
    ///
    /// # Safety
    /// As `Lanes` asks.
    #[inline(always)]
    pub unsafe fn absorb<V: Lanes>(
        &mut self,
        problem: &Problem,
        kv_head: usize,
        keys: Range<usize>,
        state: &mut State,
    ) {
        self.fit::<V>(problem);
        for start in keys.clone().step_by(CHUNK) {
            let chunk = start..keys.end.min(start + CHUNK);
            // SAFETY: the caller vouches for V's features.
            unsafe {
                self.map_keys::<V>(problem, kv_head, &chunk, state);
                self.add_keys::<V>(problem, state);
            }
        }
    }

    /// Queries out of the state of the keys before; where causal, key by key out of `keys` too.
    ///
    /// # Safety
    /// As `Lanes` asks.
    #[inline(always)]
    pub unsafe fn attend<V: Lanes>(
        &mut self,
        problem: &Problem,
        mut queries: Queries<'_>,
        keys: Range<usize>,
        before: &State,
    ) {
        self.fit::<V>(problem);
        if !problem.causal {
            for start in queries.range.clone().step_by(CHUNK) {
                let chunk = start..queries.range.end.min(start + CHUNK);
                // SAFETY: the caller vouches for V's features.
                unsafe {
                    self.map_queries::<V>(problem, queries.head, &chunk, before);
                    self.look_up::<V>(problem, chunk.len(), before);
                }
                self.write::<V>(problem, &mut queries, &chunk);
            }
            return;
        }
        let mut state = std::mem::take(&mut self.state);
        state.clone_from(before);
        // Chunks still to do, the next one last.
        let mut chunks: Vec<_> = keys
            .clone()
            .step_by(CHUNK)
            .map(|start| start..keys.end.min(start + CHUNK))
            .rev()
            .collect();
        while let Some(chunk) = chunks.pop() {
            // SAFETY: the caller vouches for V's features.
            if !unsafe { self.attend_causal::<V>(problem, &mut queries, &chunk, &mut state) } {
                let middle = chunk.start + chunk.len() / 2;
                chunks.push(middle..chunk.end);
                chunks.push(chunk.start..middle);
            }
        }
        self.state = state;
    }

    /// One chunk of keys and the queries that stand at them; false, and nothing changed, where smaller chunks
    /// are wanted.
    #[inline(always)]
    unsafe fn attend_causal<V: Lanes>(
        &mut self,
        problem: &Problem,
        queries: &mut Queries<'_>,
        chunk: &Range<usize>,
        state: &mut State,
    ) -> bool {
        let rows = problem.queries_at(chunk);
        let exponential = matches!(problem.map, FeatureMap::Positive { .. });
        if exponential {
            self.before.clone_from(state);
        }
        // SAFETY: the caller vouches for V's features.
        unsafe {
            self.map_keys::<V>(problem, problem.shape.kv_head(queries.head), chunk, state);
            if !rows.is_empty() {
                self.map_queries::<V>(problem, queries.head, &rows, state);
                self.look_up::<V>(problem, rows.len(), state);
                self.look_at_chunk::<V>(problem, &rows, chunk);
                let w = width(problem, V::LANES);
                let sums = self.sums.chunks_exact(w).take(rows.len());
                let vanished = sums
                    .map(|row| row[problem.shape.value_depth])
                    .any(|sum| sum < VANISHED);
                if exponential && vanished && chunk.len() > 1 {
                    state.clone_from(&self.before);
                    return false;
                }
            }
            self.add_keys::<V>(problem, state);
        }
        if !rows.is_empty() {
            self.write::<V>(problem, queries, &rows);
        }
        true
    }

    /// φ of some keys, at the state's peaks, which rise where a key asks for it; and their values.
    #[inline(always)]
    unsafe fn map_keys<V: Lanes>(
        &mut self,
        problem: &Problem,
        kv_head: usize,
        chunk: &Range<usize>,
        state: &mut State,
    ) {
        let (d, dv, m) = (
            problem.shape.depth,
            problem.shape.value_depth,
            problem.features(),
        );
        let (w, last) = (width(problem, V::LANES), chunk.len() - 1);
        for (j, row) in self.values.chunks_exact_mut(w).enumerate() {
            row.fill(0.0);
            if j <= last {
                row[..dv].copy_from_slice(problem.values.row(kv_head, chunk.start + j));
                row[dv] = 1.0;
            }
        }
        // Behind the last key its copies stand, which raise no peak and whose values are zeros.
        let keys = problem
            .keys
            .rows(kv_head, (chunk.start, chunk.end), &mut self.gathered);
        for (c, row) in self.keys.chunks_exact_mut(CHUNK).take(d).enumerate() {
            for (j, x) in row.iter_mut().enumerate() {
                *x = keys[j.min(last) * d + c];
            }
        }
        let features = &mut self.key_features[..m * CHUNK];
        let FeatureMap::Positive { scale, .. } = problem.map else {
            features.copy_from_slice(&self.keys[..m * CHUNK]);
            // SAFETY: the caller vouches for V's features.
            return unsafe { elu::<V>(features) };
        };
        let half = to_f32(scale / 2.0);
        self.norms.fill(0.0);
        for row in self.keys.chunks_exact(CHUNK).take(d) {
            for (norm, x) in self.norms.iter_mut().zip(row) {
                *norm -= x * x * half;
            }
        }
        features.fill(0.0);
        let rows = Left {
            data: &self.rows,
            row: d,
            step: 1,
        };
        // SAFETY: the caller vouches for V's features.
        unsafe {
            add_product::<V>(rows, &self.keys, features, [m, d, CHUNK]);
            for (f, row) in features.chunks_exact_mut(CHUNK).enumerate() {
                state.raise(f, add_and_peak(row, &self.norms));
                exp_less::<V>(row, state.peak[f]);
            }
        }
    }

    /// state += φ(K)·(V, 1)
    #[inline(always)]
    unsafe fn add_keys<V: Lanes>(&mut self, problem: &Problem, state: &mut State) {
        let shape = [problem.features(), CHUNK, width(problem, V::LANES)];
        let features = Left {
            data: &self.key_features,
            row: CHUNK,
            step: 1,
        };
        // SAFETY: the caller vouches for V's features.
        unsafe { add_product::<V>(features, &self.values, &mut state.sums, shape) }
    }

    /// φ of some queries, times e^peak of each feature, each row less what makes its greatest exponent 0.
    #[inline(always)]
    unsafe fn map_queries<V: Lanes>(
        &mut self,
        problem: &Problem,
        head: usize,
        rows: &Range<usize>,
        state: &State,
    ) {
        let (d, m) = (problem.shape.depth, problem.features());
        let stride = m.next_multiple_of(V::LANES);
        let queries = problem
            .queries
            .rows(head, (rows.start, rows.end), &mut self.gathered);
        if matches!(problem.map, FeatureMap::Elu) {
            for (row, query) in self
                .query_features
                .chunks_exact_mut(stride.max(1))
                .zip(queries.chunks_exact(d.max(1)))
            {
                row[..m].copy_from_slice(query);
            }
            // SAFETY: the caller vouches for V's features.
            return unsafe { elu::<V>(&mut self.query_features[..rows.len() * stride]) };
        }
        let features = &mut self.query_features[..rows.len() * stride];
        features.fill(0.0);
        let queries = Left {
            data: queries,
            row: d,
            step: 1,
        };
        // SAFETY: the caller vouches for V's features.
        unsafe {
            add_product::<V>(queries, &self.columns, features, [rows.len(), d, stride]);
            for (row, taken) in features.chunks_exact_mut(stride).zip(&mut self.taken) {
                *taken = add_and_peak(&mut row[..m], &state.peak);
                exp_less::<V>(row, *taken);
            }
        }
    }

    /// sums = φ(Q)·state
    #[inline(always)]
    unsafe fn look_up<V: Lanes>(&mut self, problem: &Problem, rows: usize, state: &State) {
        let (m, w) = (problem.features(), width(problem, V::LANES));
        let features = Left {
            data: &self.query_features,
            row: m.next_multiple_of(V::LANES),
            step: 1,
        };
        self.sums[..rows * w].fill(0.0);
        // SAFETY: the caller vouches for V's features.
        unsafe { add_product::<V>(features, &state.sums, &mut self.sums, [rows, m, w]) }
    }

    /// sums += (φ(Q)·φ(K)ᵀ, keys ahead left out)·(V, 1)
    #[inline(always)]
    unsafe fn look_at_chunk<V: Lanes>(
        &mut self,
        problem: &Problem,
        rows: &Range<usize>,
        chunk: &Range<usize>,
    ) {
        let (m, w) = (problem.features(), width(problem, V::LANES));
        let features = Left {
            data: &self.query_features,
            row: m.next_multiple_of(V::LANES),
            step: 1,
        };
        let weights = &mut self.weights[..rows.len() * CHUNK];
        weights.fill(0.0);
        // SAFETY: the caller vouches for V's features.
        unsafe {
            add_product::<V>(
                features,
                &self.key_features,
                weights,
                [rows.len(), m, CHUNK],
            )
        };
        for (query, row) in rows.clone().zip(weights.chunks_exact_mut(CHUNK)) {
            let seen = query + problem.shape.keys_length + 1 - problem.shape.length - chunk.start;
            row[seen..].fill(0.0);
        }
        let weights = Left {
            data: weights,
            row: CHUNK,
            step: 1,
        };
        // SAFETY: the caller vouches for V's features.
        unsafe {
            add_product::<V>(
                weights,
                &self.values,
                &mut self.sums,
                [rows.len(), CHUNK, w],
            );
        }
    }

    /// The sums of values over the sums of weights; where the latter vanished, zeros; where either is beyond float32, NaN
    /// in place of the logarithm. (A look at all of an output of 1 GB afterwards took 0.06 s of 1.8.)
    #[inline(always)]
    fn write<V: Lanes>(&self, problem: &Problem, queries: &mut Queries<'_>, rows: &Range<usize>) {
        let w = width(problem, V::LANES);
        for (n, i) in rows.clone().enumerate() {
            let sums = &self.sums[n * w..(n + 1) * w];
            let total = sums[problem.shape.value_depth];
            let output = queries.output.row(queries.head, i);
            if total == 0.0 {
                output.fill(0.0);
                continue;
            }
            let mut beyond = !total.is_finite();
            for (y, sum) in output.iter_mut().zip(sums) {
                *y = sum / total;
                beyond |= !y.is_finite();
            }
            if beyond {
                queries.lse[i - queries.range.start] = f32::NAN;
                continue;
            }
            let mut log = f64::from(total).ln();
            if let FeatureMap::Positive { scale, .. } = problem.map {
                let row = problem.queries.row(queries.head, i);
                let norm: f32 = row.iter().map(|x| x * x).sum();
                log += f64::from(self.taken[n])
                    - f64::from(norm) * scale / 2.0
                    - count(problem.features()).ln();
            }
            queries.lse[i - queries.range.start] = to_f32(log);
        }
    }
}

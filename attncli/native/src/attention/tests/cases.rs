//! Arguments that own their arrays, drawn at random.

use super::super::kernel::Kernel;
use super::super::{
    attention_with, weights_with, Broadcast, Heads, HeadsMut, KeyLists, Options, Problem,
};
use crate::error::Result;
use std::sync::atomic::{AtomicBool, AtomicUsize};

/// splitmix64 (Steele et al. 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In 0..n.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n).unwrap()).unwrap()
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// About normal: mean 0, variance 1.
    pub fn normal(&mut self) -> f32 {
        let sum: i32 = (0..12)
            .map(|_| i32::try_from(self.next() >> 50).unwrap())
            .sum();
        let uniform = f64::from(sum) / f64::from(1 << 14);
        crate::number::to_f32(uniform - 6.0)
    }

    pub fn normals(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.normal()).collect()
    }
}

/// What `Problem` borrows.
#[derive(Clone, Default, Debug)]
pub struct Case {
    pub queries: (Vec<f32>, [usize; 3]),
    pub keys: (Vec<f32>, [usize; 3]),
    pub values: (Vec<f32>, [usize; 3]),
    pub scale: f64,
    pub causal: bool,
    pub left: Option<usize>,
    pub right: Option<usize>,
    pub softcap: f64,
    pub mask: Option<(Vec<bool>, [usize; 3])>,
    pub bias: Option<(Vec<f32>, [usize; 3])>,
    pub slopes: Option<Vec<f32>>,
    pub relative: Option<Vec<f32>>,
    pub sinks: Option<Vec<f32>>,
    pub positions: Option<Vec<i64>>,
    /// Queries to a list, starts, ranges.
    pub lists: Option<(usize, Vec<u32>, Vec<u32>)>,
}

impl Case {
    /// Normal queries (H, N, d), keys (Hkv, M, d), values (Hkv, M, dv), no options.
    pub fn plain(random: &mut Random, [h, n, d]: [usize; 3], [hkv, m, dv]: [usize; 3]) -> Self {
        Self {
            queries: (random.normals(h * n * d), [h, n, d]),
            keys: (random.normals(hkv * m * d), [hkv, m, d]),
            values: (random.normals(hkv * m * dv), [hkv, m, dv]),
            scale: 0.3,
            ..Self::default()
        }
    }

    /// Any shapes and options.
    pub fn any(random: &mut Random) -> Self {
        let hkv = 1 + random.below(3);
        let h = hkv * (1 + random.below(3));
        let long = if random.chance(10) { 600 } else { 70 };
        let (n, m) = (1 + random.below(long), random.below(long));
        let (d, dv) = (random.below(40), random.below(40));
        let mut case = Self::plain(random, [h, n, d], [hkv, m, dv]);
        case.causal = random.chance(40);
        case.left = random.chance(30).then(|| random.below(60));
        case.right = random.chance(30).then(|| random.below(60));
        case.softcap = if random.chance(30) {
            0.5 + f64::from(random.normal()).abs()
        } else {
            0.0
        };
        let shape =
            |random: &mut Random| [h, n, m].map(|full| if random.chance(50) { 1 } else { full });
        if random.chance(40) {
            let shape = shape(random);
            let size = shape.iter().product::<usize>();
            case.mask = Some(((0..size).map(|_| random.chance(70)).collect(), shape));
        }
        if random.chance(40) {
            let shape = shape(random);
            let mut bias = random.normals(shape.iter().product());
            for x in &mut bias {
                if random.chance(10) {
                    *x = f32::NEG_INFINITY;
                }
            }
            case.bias = Some((bias, shape));
        }
        if random.chance(30) {
            case.slopes = Some((0..h).map(|_| random.normal().abs()).collect());
        }
        if random.chance(20) {
            let size = 1 + 2 * random.below(9);
            case.relative = Some(random.normals(h * size));
        }
        case.sinks = random.chance(20).then(|| random.normals(h));
        if random.chance(20) {
            let at = |_| i64::try_from(random.below(m + 20)).unwrap() - 9;
            case.positions = Some((0..n).map(at).collect());
        }
        if random.chance(40) {
            case.lists = Some(lists(random, [h, n, m]));
        }
        case
    }

    pub fn problem(&self) -> Result<Problem<'_>> {
        let options = Options {
            scale: self.scale,
            causal: self.causal,
            left: self.left,
            right: self.right,
            softcap: self.softcap,
            mask: self.mask.as_ref().map(|(data, shape)| Broadcast {
                data,
                shape: *shape,
            }),
            bias: self.bias.as_ref().map(|(data, shape)| Broadcast {
                data,
                shape: *shape,
            }),
            alibi_slopes: self.slopes.as_deref(),
            relative_bias: self.relative.as_deref(),
            sinks: self.sinks.as_deref(),
            positions: self.positions.as_deref(),
            lists: self.lists.as_ref().map(|(block, starts, ranges)| KeyLists {
                block: *block,
                starts,
                ranges,
            }),
        };
        Problem::new(
            Heads::of("queries", &self.queries.0, self.queries.1)?,
            Heads::of("keys", &self.keys.0, self.keys.1)?,
            Heads::of("values", &self.values.0, self.values.1)?,
            options,
        )
    }

    /// The kernel's (output, lse).
    pub fn attention(&self, kernel: &Kernel, threads: usize) -> (Vec<f32>, Vec<f32>) {
        let (going_on, done) = (AtomicBool::new(false), AtomicUsize::new(0));
        let problem = self.problem().unwrap();
        let ([h, n, _], [_, _, dv]) = (self.queries.1, self.values.1);
        // What is there before does not count.
        let mut numbers = vec![f32::NAN; h * n * dv];
        let output = HeadsMut::of("output", &mut numbers, [h, n, dv]).unwrap();
        let lse = attention_with(kernel, &problem, output, threads, &going_on, &done).unwrap();
        assert_eq!(done.into_inner(), lse.len());
        (numbers, lse)
    }

    pub fn weights(&self, kernel: &Kernel, threads: usize) -> Vec<f32> {
        let going_on = AtomicBool::new(false);
        weights_with(kernel, &self.problem().unwrap(), threads, &going_on).unwrap()
    }
}

/// Any lists of keys, for each head or for all.
fn lists(random: &mut Random, [h, n, m]: [usize; 3]) -> (usize, Vec<u32>, Vec<u32>) {
    let most = if random.chance(50) { 4 } else { 80 };
    let block = 1 + random.below(most);
    let lists = n.div_ceil(block) * if random.chance(50) { 1 } else { h };
    let most = if random.chance(50) { 6 } else { 90 };
    let step = 1 + random.below(most);
    let (mut starts, mut ranges) = (vec![0], vec![]);
    for _ in 0..lists {
        let mut from = random.below(2 * step);
        while from < m {
            let to = m.min(from + 1 + random.below(step));
            ranges.extend([from, to].map(|at| u32::try_from(at).unwrap()));
            from = to + 1 + random.below(2 * step);
        }
        starts.push(u32::try_from(ranges.len() / 2).unwrap());
    }
    (block, starts, ranges)
}

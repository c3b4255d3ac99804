//! The greatest magnitude of each tile's keys and values, which tells whether float32 is wide enough for them. Several
//! blocks look at a tile: the first one finds it, the others look it up. (Found anew by each block, it took 2.5 % of the
//! time at N = 2048 and 6 % at 512.)

use super::kernel::Kernel;
use super::problem::Shape;
use super::tile::{Tile, TILE};
use crate::error::Result;
use crate::memory::collect;
use crate::pair::{pack, unpack};
use std::sync::atomic::{AtomicU64, Ordering};

/// What is not known yet: two NaN, which no magnitude is.
const UNKNOWN: u64 = u64::MAX;

/// For each tile that begins at a multiple of `TILE`: the bits of its largest key and of its largest value.
#[derive(Debug)]
pub struct Magnitudes {
    found: Vec<AtomicU64>,
    tiles: usize,
    keys_length: usize,
}

impl Magnitudes {
    /// Of arrays of this shape, nothing known.
    pub fn new(shape: &Shape) -> Result<Self> {
        // Keys and values of no width take no memory, however many they are, and are to take none here.
        let tiles = if shape.depth + shape.value_depth > 0 {
            shape.keys_length.div_ceil(TILE)
        } else {
            0
        };
        let all = shape.kv_heads.saturating_mul(tiles);
        let unknown = std::iter::repeat_with(|| AtomicU64::new(UNKNOWN));
        Ok(Self {
            found: collect(unknown, all)?,
            tiles,
            keys_length: shape.keys_length,
        })
    }

    /// (largest key, largest value) of a tile, keys `from..to` of a key head.
    pub fn of(
        &self,
        kernel: &Kernel,
        kv_head: usize,
        (from, to): (usize, usize),
        tile: &Tile,
    ) -> (f32, f32) {
        let whole = from.is_multiple_of(TILE) && to == self.keys_length.min(from + TILE);
        let place = self.found.get(kv_head * self.tiles + from / TILE);
        let place = place.filter(|_| whole);
        let known = place.map_or(UNKNOWN, |place| place.load(Ordering::Relaxed));
        if known != UNKNOWN {
            let (key, value) = unpack(known);
            return (f32::from_bits(key), f32::from_bits(value));
        }
        let (keys, values) = tile.all();
        let (key, value) = (kernel.largest(keys), kernel.largest(values));
        if let Some(place) = place {
            place.store(pack(key.to_bits(), value.to_bits()), Ordering::Relaxed);
        }
        (key, value)
    }
}

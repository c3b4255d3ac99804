//! How queries are cut into blocks.

use super::super::kernel::available;
use super::super::sizes::rows_of_blocks;
use super::cases::{Case, Random};

#[test]
fn blocks_hold_all_rows_and_cross_no_key_head() {
    let mut random = Random(12);
    for [heads, kv_heads, length] in [
        [1, 1, 1],
        [4, 4, 256],
        [8, 2, 100],
        [6, 1, 1000],
        [32, 4, 96],
        [3, 3, 2048],
        [64, 1, 1],
    ] {
        let case = Case::plain(&mut random, [heads, length, 4], [kv_heads, 3, 4]);
        let problem = case.problem().unwrap();
        for kernel in available() {
            for threads in [1, 2, 3, 8] {
                let blocks = rows_of_blocks(&problem, &kernel, threads);
                let name = format!("{heads} {kv_heads} {length} {} {threads}", kernel.lanes);
                assert_eq!(blocks.iter().sum::<usize>(), heads * length, "{name}");
                let mut start = 0;
                for rows in blocks {
                    let (end, whole) = (start + rows, start % length == 0 && rows % length == 0);
                    let one_head = start / length == (end - 1) / length;
                    assert!(one_head || whole, "{name}");
                    let of_key_head = length * heads / kv_heads;
                    assert_eq!(start / of_key_head, (end - 1) / of_key_head, "{name}");
                    start = end;
                }
            }
        }
    }
}

#[test]
fn there_are_blocks_for_all_threads() {
    let mut random = Random(13);
    for kernel in available() {
        for ([heads, kv_heads, length], threads, enough) in [
            ([32, 4, 96], 8, 8),
            ([4, 4, 256], 2, 4),
            ([1, 1, 2048], 2, 8),
            ([2, 1, 300], 2, 4),
        ] {
            let case = Case::plain(&mut random, [heads, length, 4], [kv_heads, 3, 4]);
            let blocks = rows_of_blocks(&case.problem().unwrap(), &kernel, threads);
            assert!(blocks.len() >= enough, "{heads} {length} {blocks:?}");
        }
    }
}

//! How many rows of queries stand in a block, and in a panel of it.

use super::kernel::Kernel;
use super::problem::Problem;

/// Queries in a block at most. A tile of keys and values serves all of their panels from the near caches; with 384 it
/// came from farther off twice as often (119 GFLOP/s in place of 129, Ice Lake).
const QUERIES: usize = 768;

/// The rows of each block, in order. A block has `QUERIES` rows, or fewer where that would leave threads
/// idle; heads that share keys stand in one panel where their queries leave room for it.
pub fn rows_of_blocks(problem: &Problem, kernel: &Kernel, threads: usize) -> Vec<usize> {
    let (length, group) = (problem.shape.length, problem.shape.group());
    if length == 0 || group == 0 {
        return Vec::new();
    }
    let most = most_rows(problem, kernel, threads);
    let part = even_part(problem, kernel, most);
    let mut rows = Vec::new();
    for _ in 0..problem.shape.kv_heads {
        let mut left = group;
        while left > 0 {
            let heads = heads_together(problem, most).min(left);
            if heads > 1 {
                rows.push(heads * length);
            } else {
                let starts = (0..length).step_by(part);
                rows.extend(starts.map(|start| part.min(length - start)));
            }
            left -= heads;
        }
    }
    rows
}

/// Whole heads in a block of at most so many rows; 1 where it may be a part of one.
fn heads_together(problem: &Problem, most: usize) -> usize {
    (most / problem.shape.length).clamp(1, problem.shape.group())
}

/// `QUERIES` in whole panels, halved until there are blocks enough for all threads to end at about one time.
fn most_rows(problem: &Problem, kernel: &Kernel, threads: usize) -> usize {
    let (panel, shape) = (kernel.panel(), &problem.shape);
    let mut panels = QUERIES.div_ceil(panel);
    // Heads that are alike can be shared out evenly, two for each thread, and their keys are gone over once.
    let alike = shape.group() == 1 && problem.options.lists.is_none();
    let even = shape.heads >= 2 * threads && shape.heads.is_multiple_of(threads);
    if alike && even && shape.length <= panels * panel {
        return panels * panel;
    }
    let blocks = |most: usize| {
        let of_a_key_head = shape.group().div_ceil(heads_together(problem, most));
        shape.kv_heads * of_a_key_head * shape.length.div_ceil(most)
    };
    while panels > 1 && threads > 1 && blocks(panels * panel) < 4 * threads {
        panels /= 2;
    }
    panels * panel
}

/// The rows of each part of a head that is cut. In panels of 48, 256 rows are 144 and 112, not 192 and 64; lists of keys
/// are for blocks of queries of their own.
fn even_part(problem: &Problem, kernel: &Kernel, most: usize) -> usize {
    if problem.options.lists.is_some() {
        return most;
    }
    let length = problem.shape.length;
    length
        .div_ceil(length.div_ceil(most))
        .next_multiple_of(kernel.panel())
}

/// The rows of each panel of a block that begins at row `first`: as many as fit, but where blocks of queries
/// have lists of keys in common, rows of one list alone, so that no other block's keys are looked at.
pub fn rows_of_panels(problem: &Problem, kernel: &Kernel, first: usize, rows: usize) -> Vec<usize> {
    let most = kernel.panel();
    let lists = problem.options.lists.map_or(1, |lists| lists.block);
    let mut lengths = Vec::new();
    let mut left = rows;
    while left > 0 {
        let query = (first + rows - left) % problem.shape.length;
        let alike = if lists < kernel.lanes {
            left
        } else {
            left.min(lists - query % lists)
                .min(problem.shape.length - query)
        };
        // Alike in vectors: 64 rows in lanes of 16 are 32 and 32, not 48 and 16.
        let even = alike.div_ceil(alike.div_ceil(most));
        let len = alike.min(even.next_multiple_of(kernel.lanes));
        lengths.push(len);
        left -= len;
    }
    lengths
}

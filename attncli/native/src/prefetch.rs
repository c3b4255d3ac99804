//! Memory asked for ahead of its use, and in large pages.

/// Asks for the memory of `table[index]`; an index beyond the table asks for nothing of use.
#[inline(always)]
pub fn prefetch<T>(table: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
        // SAFETY: a prefetch reads nothing and cannot fault, wherever it points.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(table.as_ptr().wrapping_add(index).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (table, index);
}

/// An empty vector with room for `count` values where there is that much, in pages of 2 MB where the system has them.
/// (An array of ids is written once: with the first touch of each small page, encoding of 20 MB took 1.17 times as long
/// on multilingual text, 1.3 times on code.)
pub fn with_large_pages<T>(count: usize) -> Vec<T> {
    let mut empty = Vec::<T>::new();
    if empty.try_reserve_exact(count).is_ok() {
        ask_for_large_pages(empty.spare_capacity_mut());
    }
    empty
}

/// So many times `x` in such pages, or `None` where there is not that much memory; of zeros nothing is taken before it is
/// written to, so that each thread touches its own part first.
pub fn filled_in_large_pages<T: Clone>(x: T, count: usize) -> Option<Vec<T>> {
    // Asking first costs nothing, and `vec!` alone would end the process; only `vec!` takes pages that the system has
    // zeroed.
    Vec::<T>::new().try_reserve_exact(count).ok()?;
    let mut all = vec![x; count];
    ask_for_large_pages(&mut all);
    Some(all)
}

fn ask_for_large_pages<T>(memory: &mut [T]) {
    #[cfg(target_os = "linux")]
    {
        extern "C" {
            fn madvise(start: *mut u8, length: usize, advice: i32) -> i32;
        }
        const LARGE_PAGE: usize = 2 << 20;
        const MADV_HUGEPAGE: i32 = 14;
        let start = memory.as_mut_ptr().cast::<u8>();
        let length = size_of_val(memory);
        let aside = start.align_offset(LARGE_PAGE);
        if length >= aside.saturating_add(LARGE_PAGE) {
            let whole = (length - aside) / LARGE_PAGE * LARGE_PAGE;
            // SAFETY: these pages lie within memory that is lent to this function alone, and the advice changes nothing
            // of what they hold. (Where the system does not know it, it answers so, and nothing has happened.)
            unsafe { madvise(start.wrapping_add(aside), whole, MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

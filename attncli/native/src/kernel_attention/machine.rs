//! The loops compiled for each kind of processor, and the choice among them.

use super::chunk::{Queries, Workspace};
use super::problem::Problem;
use super::state::State;
use crate::simd::lanes::Plain;
#[cfg(target_arch = "x86_64")]
use crate::simd::x86::{Avx2, Avx512};
use std::ops::Range;

type Keys = Range<usize>;

/// The loops for one kind of processor. Only `available` makes them, after a look at the processor.
#[derive(Clone, Copy)]
pub struct Machine {
    /// Numbers in a vector.
    pub lanes: usize,
    absorb: unsafe fn(&mut Workspace, &Problem, usize, Keys, &mut State),
    attend: unsafe fn(&mut Workspace, &Problem, Queries<'_>, Keys, &State),
}

/// What this processor can run, the fastest first.
pub fn available() -> Vec<Machine> {
    crate::simd::available!(MACHINE)
}

/// The fastest of them.
pub fn fastest() -> Machine {
    available().first().copied().unwrap_or(plain::MACHINE)
}

impl Machine {
    /// Keys of a key head into the state.
    pub fn absorb(
        &self,
        workspace: &mut Workspace,
        problem: &Problem,
        kv_head: usize,
        keys: Keys,
        state: &mut State,
    ) {
        // SAFETY: the processor has the features (`available`).
        unsafe { (self.absorb)(workspace, problem, kv_head, keys, state) }
    }

    /// The answers of some queries, from the state of all keys, or where causal from that of the keys before
    /// `keys` and from `keys` one by one.
    pub fn attend(
        &self,
        workspace: &mut Workspace,
        problem: &Problem,
        queries: Queries<'_>,
        keys: Keys,
        before: &State,
    ) {
        // SAFETY: the processor has the features (`available`).
        unsafe { (self.attend)(workspace, problem, queries, keys, before) }
    }
}

macro_rules! compiled {
    ($module:ident, $lanes:ident $(, $feature:literal)?) => {
        mod $module {
            use super::*;
            use crate::simd::lanes::Lanes;

            pub const MACHINE: Machine = Machine { lanes: $lanes::LANES, absorb, attend };

            $(#[target_feature(enable = $feature)])?
            unsafe fn absorb(
                workspace: &mut Workspace,
                problem: &Problem,
                kv_head: usize,
                keys: Keys,
                state: &mut State,
            ) {
                // SAFETY: compiled with the features of the vectors.
                unsafe { workspace.absorb::<$lanes>(problem, kv_head, keys, state) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn attend(
                workspace: &mut Workspace,
                problem: &Problem,
                queries: Queries<'_>,
                keys: Keys,
                before: &State,
            ) {
                // SAFETY: compiled with the features of the vectors.
                unsafe { workspace.attend::<$lanes>(problem, queries, keys, before) }
            }
        }
    };
}

compiled!(plain, Plain);
#[cfg(target_arch = "x86_64")]
compiled!(avx2, Avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
compiled!(avx512, Avx512, "avx512f,avx512dq");

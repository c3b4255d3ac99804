//! Some inputs that predict the same outputs, learned from at once.

use super::kernel::{Kernel, Loops, WIDTH};
use crate::error::{Error, Result};
use crate::number::{count, to_f32};
use std::marker::PhantomData;

/// A matrix (count, width) that several threads change with no lock (Hogwild; Recht et al. 2011).
///
/// Two threads may write the same number at once, and then one update is lost: word2vec's updates are small, sparse and
/// many, and it is robust to that (it is how the original, gensim and fastText train). With one thread nothing is shared.
#[derive(Debug)]
pub struct Rows<'a> {
    first: *mut f32,
    count: usize,
    width: usize,
    numbers: PhantomData<&'a mut [f32]>,
}

// SAFETY: the numbers are reached only through the vector instructions of `kernel`, which read and write them as plain
// memory; every bit pattern is a float, so that a torn or lost update is a float too. `Rows` borrows the numbers
// mutably, so nobody else holds a reference to them while threads do.
unsafe impl Sync for Rows<'_> {}

impl<'a> Rows<'a> {
    /// Cuts numbers into rows. Fails where they do not come out even, or the width is none that the loops take.
    pub fn new(numbers: &'a mut [f32], width: usize) -> Result<Self> {
        if width == 0 || !width.is_multiple_of(WIDTH) || !numbers.len().is_multiple_of(width) {
            return Err(Error::Invalid(format!(
                "{} numbers are no rows of {width}, a multiple of {WIDTH}",
                numbers.len()
            )));
        }
        Ok(Self {
            first: numbers.as_mut_ptr(),
            count: numbers.len() / width,
            width,
            numbers: PhantomData,
        })
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.width
    }
}

/// Where what the scores say of the loss adds up.
#[derive(Debug, Default, Clone, Copy)]
pub struct Loss {
    /// −log σ(score) where a pair is true, −log σ(−score) where it is noise.
    pub sum: f64,
    /// Pairs of an input and an output.
    pub pairs: u64,
}

/// Inputs and outputs, all of one width, and room for what comes of them.
#[derive(Debug)]
pub struct Batch<'a> {
    kernel: Kernel,
    width: usize,
    inputs: Vec<*mut f32>,
    outputs: Vec<*mut f32>,
    labels: Vec<f32>,
    scores: Vec<f32>,
    change: Vec<f32>,
    mean: Vec<f32>,
    rows: PhantomData<&'a ()>,
}

impl<'a> Batch<'a> {
    /// An empty one, for rows so wide.
    pub fn new(kernel: Kernel, width: usize) -> Self {
        Self {
            kernel,
            width,
            inputs: Vec::new(),
            outputs: Vec::new(),
            labels: Vec::new(),
            scores: Vec::new(),
            change: Vec::new(),
            mean: vec![0.0; width],
            rows: PhantomData,
        }
    }

    /// Forgets all inputs and outputs.
    pub fn clear(&mut self) {
        self.inputs.clear();
        self.outputs.clear();
        self.labels.clear();
    }

    /// One more input; a row that is not there is none.
    pub fn input(&mut self, rows: &Rows<'a>, index: u32) {
        self.inputs.extend(self.row(rows, index));
    }

    /// One more output, which each input should predict (label 1) or not (0).
    pub fn output(&mut self, rows: &Rows<'a>, index: u32, label: f32) {
        if let Some(row) = self.row(rows, index) {
            self.outputs.push(row);
            self.labels.push(label);
        }
    }

    /// A step of stochastic gradient descent on −log σ(±input·output), all scores taken before any change.
    /// With `mean` the inputs' mean is what predicts, and the step is added to each of them (CBOW).
    pub fn learn(&mut self, mean: bool, rate: f32, loss: Option<&mut Loss>) {
        if self.inputs.is_empty() || self.outputs.is_empty() {
            return;
        }
        let averaged = [self.mean.as_mut_ptr()];
        if mean {
            let share = to_f32(1.0 / count(self.inputs.len()));
            let loops = Loops {
                change: averaged[0],
                ..self.loops(&self.inputs)
            };
            // SAFETY: as below; `mean` has room for a row.
            unsafe { (self.kernel.mean)(loops, share) }
        }
        let inputs = if mean { 1 } else { self.inputs.len() };
        self.make_room(inputs);
        let predicting = if mean { &averaged[..] } else { &self.inputs };
        let loops = Loops {
            scores: self.scores.as_mut_ptr(),
            change: self.change.as_mut_ptr(),
            ..self.loops(predicting)
        };
        // SAFETY: the processor has the kernel's features; all rows are `width` long (`row`), and `make_room` has made
        // scores and change as large as `Loops` asks, the scores rounded up to whole vectors.
        unsafe { (self.kernel.score)(loops) }
        if let Some(loss) = loss {
            self.tell(inputs, loss);
        }
        self.gradients(inputs, rate);
        let loops = Loops {
            scores: self.scores.as_mut_ptr(),
            change: self.change.as_mut_ptr(),
            ..loops
        };
        // SAFETY: as above.
        unsafe { (self.kernel.spread)(loops) }
        for (i, &row) in self.inputs.iter().enumerate() {
            let change = if mean {
                &self.change
            } else {
                &self.change[i * self.width..]
            };
            // SAFETY: both are `width` long.
            unsafe { (self.kernel.add)(row, change.as_ptr(), self.width) }
        }
    }

    /// Scores become gradients: rate·(label − σ(score)).
    fn gradients(&mut self, inputs: usize, rate: f32) {
        let pairs = inputs * self.outputs.len();
        let vectors = pairs.div_ceil(self.kernel.lanes);
        // SAFETY: the processor has the kernel's features, and the scores have room for whole vectors (`make_room`).
        unsafe { (self.kernel.sigmoid)(self.scores.as_mut_ptr(), vectors, rate) }
        for row in self.scores[..pairs].chunks_exact_mut(self.outputs.len()) {
            for (gradient, label) in row.iter_mut().zip(&self.labels) {
                *gradient += rate * label;
            }
        }
    }

    fn tell(&self, inputs: usize, loss: &mut Loss) {
        for row in self.scores.chunks_exact(self.outputs.len()).take(inputs) {
            for (&score, &label) in row.iter().zip(&self.labels) {
                let signed = if label > 0.5 { -score } else { score };
                // log(1 + e^x), for which e^x is never too large.
                let softplus = signed.max(0.0) + (-signed.abs()).exp().ln_1p();
                loss.sum += f64::from(softplus);
                loss.pairs += 1;
            }
        }
    }

    fn make_room(&mut self, inputs: usize) {
        let scores = (inputs * self.outputs.len()).next_multiple_of(WIDTH);
        if self.scores.len() < scores {
            self.scores.resize(scores, 0.0);
        }
        if self.change.len() < inputs * self.width {
            self.change.resize(inputs * self.width, 0.0);
        }
    }

    fn loops(&self, inputs: &[*mut f32]) -> Loops {
        Loops {
            inputs: inputs.as_ptr(),
            input_count: inputs.len(),
            outputs: self.outputs.as_ptr(),
            output_count: self.outputs.len(),
            width: self.width,
            scores: std::ptr::null_mut(),
            change: std::ptr::null_mut(),
        }
    }

    fn row(&self, rows: &Rows<'a>, index: u32) -> Option<*mut f32> {
        let index = index as usize;
        // SAFETY: the row lies within the numbers that `Rows` borrows.
        (index < rows.count && rows.width == self.width)
            .then(|| unsafe { rows.first.add(index * rows.width) })
    }
}

//! The pictures of one moment of one run.

use super::film::Shot;
use super::picture::Pyramid;
use super::run::{Kept, Subject};
use crate::factorize::Factors;
use crate::matrix::{Arrangement, Matrix, Orders, inverse, permuted};
use std::sync::Arc;

/// The factors at one moment of one run.
#[derive(Clone)]
pub enum Moment {
    /// Before there are any.
    Nothing,
    /// While it goes on, or at an earlier iteration.
    Shot(Arc<Shot>),
    /// In the end.
    End(Arc<Kept>),
}

impl Moment {
    /// The step, `None` in the end and before the start.
    pub fn step(&self) -> Option<usize> {
        match self {
            Self::Shot(shot) => Some(shot.step),
            _ => None,
        }
    }

    /// A·B.
    pub fn product(&self) -> Option<Matrix> {
        self.factors().map(|factors| factors.product())
    }

    fn factors(&self) -> Option<Factors> {
        match self {
            Self::Nothing => None,
            Self::Shot(shot) => Some(shot.factors()),
            Self::End(kept) => Some(kept.factors()),
        }
    }
}

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => true,
            (Self::Shot(a), Self::Shot(b)) => Arc::ptr_eq(a, b),
            (Self::End(a), Self::End(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// What is to be shown.
#[derive(Clone)]
pub struct Request {
    /// W, where it is known.
    pub subject: Option<Subject>,
    /// The factors.
    pub moment: Moment,
    /// How rows and columns are ordered.
    pub arrangement: Arrangement,
}

impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        let layer = |request: &Self| request.subject.as_ref().map(|subject| Arc::as_ptr(&subject.layer));
        layer(self) == layer(other) && self.moment == other.moment && self.arrangement == other.arrangement
    }
}

/// One axis of a picture: where its entries stand in the matrix.
#[derive(Clone, Default)]
pub struct Axis(Option<Arc<(Vec<u32>, Vec<u32>)>>);

impl Axis {
    fn new(order: Vec<u32>) -> Self {
        let back = inverse(&order);
        Self(Some(Arc::new((order, back))))
    }

    /// The index of what is shown at a position.
    pub fn index(&self, position: usize) -> usize {
        self.0.as_ref().and_then(|axis| axis.0.get(position)).map_or(position, |&index| index as usize)
    }

    /// Where an index is shown.
    pub fn position(&self, index: usize) -> usize {
        self.0.as_ref().and_then(|axis| axis.1.get(index)).map_or(index, |&position| position as usize)
    }
}

/// The pictures of one moment.
pub struct Pictures {
    /// W, where it is known.
    pub w: Option<Arc<Pyramid>>,
    /// A, `[out, k]`.
    pub a: Option<Arc<Pyramid>>,
    /// B, `[k, in]`.
    pub b: Option<Arc<Pyramid>>,
    /// A·B.
    pub product: Option<Arc<Pyramid>>,
    /// W − A·B.
    pub error: Option<Arc<Pyramid>>,
    /// The order of outputs, inner indices and inputs.
    pub out: Axis,
    /// See `out`.
    pub inner: Axis,
    /// See `out`.
    pub input: Axis,
    /// Which step the factors are from; `None` in the end.
    pub step: Option<usize>,
}

impl Pictures {
    /// Heavy for large matrices: not for the window's thread.
    pub fn new(request: &Request) -> Self {
        let step = request.moment.step();
        let w = request.subject.as_ref();
        let nothing = Self {
            w: w.map(Subject::picture),
            a: None,
            b: None,
            product: None,
            error: None,
            out: Axis::default(),
            inner: Axis::default(),
            input: Axis::default(),
            step,
        };
        let Some(mut factors) = request.moment.factors() else { return nothing };
        let mut axes = [Axis::default(), Axis::default(), Axis::default()];
        let mut picture = nothing.w;
        if request.arrangement != Arrangement::Stored {
            let orders = Orders::of(&factors.a, &factors.b, request.arrangement);
            factors.a = permuted(&factors.a, &orders.out, &orders.inner);
            factors.b = permuted(&factors.b, &orders.inner, &orders.input);
            picture = w.map(|w| {
                let w = &w.layer.weight;
                Arc::new(Pyramid::new(Arc::new(permuted(w, &orders.out, &orders.input))))
            });
            axes = [orders.out, orders.inner, orders.input].map(Axis::new);
        }
        let product = factors.product();
        let error = picture.as_ref().map(|w| w.matrix()).filter(|w| w.shape() == product.shape()).map(|w| {
            let entries = w.as_slice().iter().zip(product.as_slice()).map(|(w, p)| w - p).collect();
            Matrix::from_vec(w.rows(), w.cols(), entries)
        });
        let draw = |matrix: Matrix| Some(Arc::new(Pyramid::new(Arc::new(matrix))));
        let [out, inner, input] = axes;
        Self {
            w: picture,
            a: draw(factors.a),
            b: draw(factors.b),
            product: draw(product),
            error: error.and_then(draw),
            out,
            inner,
            input,
            step,
        }
    }
}

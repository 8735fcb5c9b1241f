//! The pictures of one iteration of one run.

use crate::app::state::factors_at::FactorsAt;
use crate::app::state::pane::Pane;
use crate::app::widgets::picture::Pyramid;
use crate::compute::multiplied;
use crate::matrix::{Arrangement, Matrix, Orders, ReplacementKind, inverse, permuted};
use crate::model::Layer;
use crate::tasks::shared;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Pictures that are wanted.
#[derive(Clone, Serialize, Deserialize)]
pub struct DrawRequest {
    /// W, where it is known.
    #[serde(with = "shared::option")]
    pub layer: Option<Arc<Layer>>,
    /// Factors to draw as A and B.
    pub factors: FactorsAt,
    /// Order of rows and columns.
    pub arrangement: Arrangement,
}

impl PartialEq for DrawRequest {
    fn eq(&self, other: &Self) -> bool {
        let layer = |request: &Self| request.layer.as_ref().map(Arc::as_ptr);
        layer(self) == layer(other) && self.factors == other.factors && self.arrangement == other.arrangement
    }
}

/// One axis of a picture: where its entries stand in the matrix.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Axis(Option<(Vec<u32>, Vec<u32>)>);

impl Axis {
    fn new(order: Vec<u32>) -> Self {
        let back = inverse(&order);
        Self(Some((order, back)))
    }

    /// The index of what is shown at a position.
    pub fn index(&self, position: usize) -> usize {
        self.0.as_ref().and_then(|axis| axis.0.get(position)).map_or(position, |&index| index as usize)
    }

    /// Returns the position at which an index is shown.
    pub fn position(&self, index: usize) -> usize {
        self.0.as_ref().and_then(|axis| axis.1.get(index)).map_or(index, |&position| position as usize)
    }
}

/// The pictures of one iteration.
pub struct Pictures {
    /// W, where it is known.
    pub w: Option<Arc<Pyramid>>,
    drawn: Arc<Drawn>,
}

impl Pictures {
    /// W and what was drawn of one request.
    pub fn new(w: Option<Arc<Pyramid>>, drawn: Arc<Drawn>) -> Self {
        Self { w, drawn }
    }

    /// Whether they are what was drawn there.
    pub fn is_of(&self, drawn: &Arc<Drawn>) -> bool {
        Arc::ptr_eq(&self.drawn, drawn)
    }

    /// The matrix that a view shows.
    pub fn of_pane(&self, pane: Pane) -> Option<&Arc<Pyramid>> {
        match pane {
            Pane::W => self.w.as_ref(),
            Pane::A => self.a.as_ref(),
            Pane::B => self.b.as_ref(),
            Pane::Product => self.product.as_ref(),
            Pane::Error => self.error.as_ref(),
            _ => None,
        }
    }

    /// Made here and now, without W's own.
    #[cfg(test)]
    pub fn of(request: DrawRequest) -> Self {
        Self { w: None, drawn: Arc::new(Drawn::new(&request)) }
    }
}

impl std::ops::Deref for Pictures {
    type Target = Drawn;

    fn deref(&self) -> &Drawn {
        &self.drawn
    }
}

/// All pictures that change from iteration to iteration.
#[derive(Serialize, Deserialize)]
pub struct Drawn {
    /// W, if its rows and columns stand in another order than in its file.
    #[serde(with = "shared::option")]
    pub arranged_w: Option<Arc<Pyramid>>,
    /// Factor A, `[out, k]`.
    #[serde(with = "shared::option")]
    pub a: Option<Arc<Pyramid>>,
    /// Factor B, `[k, in]`.
    #[serde(with = "shared::option")]
    pub b: Option<Arc<Pyramid>>,
    /// Product A·B, `[out, in]`.
    #[serde(with = "shared::option")]
    pub product: Option<Arc<Pyramid>>,
    /// Error W − A·B, `[out, in]`.
    #[serde(with = "shared::option")]
    pub error: Option<Arc<Pyramid>>,
    /// ‖W − A·B‖ / ‖W‖ of what is drawn, in f64.
    pub relative_error: Option<f64>,
    /// Order of the outputs: rows of W and of A.
    pub out: Axis,
    /// Order of the inner indices: columns of A, rows of B.
    pub inner: Axis,
    /// Order of the inputs: columns of W and of B.
    pub input: Axis,
    /// Step that the factors are from; `None` in the end.
    pub step: Option<usize>,
    /// Kind of replacement that is drawn: it says what the factors are called.
    pub kind: ReplacementKind,
}

impl Drawn {
    /// Heavy for large matrices: not for the window's thread.
    pub fn new(request: &DrawRequest) -> Self {
        let (step, kind) = (request.factors.step(), request.factors.kind());
        let nothing = Self {
            arranged_w: None,
            a: None,
            b: None,
            product: None,
            error: None,
            relative_error: None,
            out: Axis::default(),
            inner: Axis::default(),
            input: Axis::default(),
            step,
            kind,
        };
        let Some([mut a, mut b]) = request.factors.dense_factors() else { return nothing };
        let mut axes = [Axis::default(), Axis::default(), Axis::default()];
        let mut w = request.layer.as_ref().map(|layer| layer.weight.clone());
        let mut arranged = None;
        if request.arrangement != Arrangement::Stored {
            let orders = match kind {
                // An identity stays one.
                ReplacementKind::Sparse => {
                    let (out, input) = request.arrangement.of(&b);
                    Orders { inner: out.clone(), out, input }
                }
                _ => Orders::of(&a, &b, request.arrangement),
            };
            if !a.is_empty() {
                a = permuted(&a, &orders.out, &orders.inner);
            }
            b = permuted(&b, &orders.inner, &orders.input);
            w = w.map(|w| Arc::new(permuted(&w, &orders.out, &orders.input)));
            arranged = w.clone().map(|w| Arc::new(Pyramid::new(w)));
            axes = [orders.out, orders.inner, orders.input].map(Axis::new);
        }
        let product = match kind {
            // Instead of a product with an identity.
            ReplacementKind::Sparse => b.clone(),
            _ => multiplied(&a, &b),
        };
        let error = w.filter(|w| w.shape() == product.shape()).map(|w| {
            let entries = w.as_slice().iter().zip(product.as_slice()).map(|(w, p)| w - p).collect();
            Matrix::from_vec(w.rows(), w.cols(), entries)
        });
        let norms = error.as_ref().zip(request.layer.as_ref());
        let relative_error = norms.map(|(error, layer)| (error.norm_squared() / layer.weight.norm_squared()).sqrt());
        let relative_error = relative_error.filter(|error| error.is_finite());
        let draw = |matrix: Matrix| Some(Arc::new(Pyramid::new(Arc::new(matrix))));
        let [out, inner, input] = axes;
        Self {
            arranged_w: arranged,
            a: Some(a).filter(|a| !a.is_empty()).and_then(draw),
            b: draw(b),
            product: draw(product),
            error: error.and_then(draw),
            relative_error,
            out,
            inner,
            input,
            step,
            kind,
        }
    }
}

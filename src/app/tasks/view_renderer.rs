//! The pictures of one moment of one run.

use crate::app::state::factors_at::FactorsAt;
use crate::app::state::kept::Parts;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::app::widgets::picture::Pyramid;
use crate::matrix::{Arrangement, Matrix, Orders, inverse, permuted};
use crate::model::Layer;
use crate::tasks::{Queue, SilentTask, shared};
use eframe::egui::Context;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What is to be shown.
#[derive(Clone, Serialize, Deserialize)]
pub struct Request {
    /// W, where it is known.
    #[serde(with = "shared::option")]
    pub layer: Option<Arc<Layer>>,
    /// The factors.
    pub moment: FactorsAt,
    /// How rows and columns are ordered.
    pub arrangement: Arrangement,
}

impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        let layer = |request: &Self| request.layer.as_ref().map(Arc::as_ptr);
        layer(self) == layer(other) && self.moment == other.moment && self.arrangement == other.arrangement
    }
}

/// W as it is stored: one picture for all moments.
#[derive(Serialize, Deserialize)]
pub struct DrawLayer(#[serde(with = "shared")] Arc<Layer>);

impl SilentTask for DrawLayer {
    const NAME: &'static str = "draw layer";
    const QUEUE: Queue = Queue::Views;
    type Output = Pyramid;

    fn make(self) -> Pyramid {
        Pyramid::new(self.0.weight.clone())
    }
}

impl SilentTask for Request {
    const NAME: &'static str = "draw";
    const QUEUE: Queue = Queue::Views;
    type Output = Drawn;

    fn make(self) -> Drawn {
        Drawn::new(&self)
    }
}

/// A layer, compared by identity.
#[derive(Clone)]
struct Whose(Arc<Layer>);

impl PartialEq for Whose {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Sees that the pictures of what is wanted are made.
#[derive(Default)]
pub struct ViewRenderer {
    layer: AsyncMemo<Whose, DrawLayer>,
    drawn: AsyncMemo<Request, Request>,
    /// What was made last, put together.
    pictures: Option<Arc<Pictures>>,
}

impl ViewRenderer {
    /// Those of `request`, not more often than every `pause`.
    pub fn want(&mut self, ctx: &Context, request: Request, pause: Duration) {
        if let Some(layer) = &request.layer {
            self.layer.want(ctx, Whose(layer.clone()), |Whose(layer)| DrawLayer(layer.clone()));
        }
        self.drawn.want_slowly(ctx, request, pause, Clone::clone);
        let Some((request, drawn)) = self.drawn.entry() else { return };
        let layer = request.layer.as_ref().and_then(|layer| self.layer.of(&Whose(layer.clone())));
        let w = drawn.w.as_ref().or(layer);
        let same = |pictures: &Arc<Pictures>| {
            Arc::ptr_eq(&pictures.drawn, drawn) && pictures.w.as_ref().map(Arc::as_ptr) == w.map(Arc::as_ptr)
        };
        // Another layer's factors do not stand beside this one: the last pictures stay until W's is there.
        if !self.pictures.as_ref().is_some_and(same) && (w.is_some() || request.layer.is_none()) {
            self.pictures = Some(Arc::new(Pictures { w: w.cloned(), drawn: drawn.clone() }));
        }
    }

    /// The last ones.
    pub fn latest(&self) -> Option<&Arc<Pictures>> {
        self.pictures.as_ref()
    }

    /// Whether they are those that were wanted last.
    pub fn is_settled(&self) -> bool {
        let whole =
            |pictures: &Arc<Pictures>| self.drawn.latest().is_some_and(|drawn| Arc::ptr_eq(&pictures.drawn, drawn));
        self.drawn.is_settled() && self.pictures.as_ref().is_some_and(whole)
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

    /// Where an index is shown.
    pub fn position(&self, index: usize) -> usize {
        self.0.as_ref().and_then(|axis| axis.1.get(index)).map_or(index, |&position| position as usize)
    }
}

/// The pictures of one moment.
pub struct Pictures {
    /// W, where it is known.
    pub w: Option<Arc<Pyramid>>,
    drawn: Arc<Drawn>,
}

impl Pictures {
    /// Made here and now, without W's own.
    #[cfg(test)]
    pub fn of(request: Request) -> Self {
        Self { w: None, drawn: Arc::new(Drawn::new(&request)) }
    }
}

impl std::ops::Deref for Pictures {
    type Target = Drawn;

    fn deref(&self) -> &Drawn {
        &self.drawn
    }
}

/// Of one moment all that changes with it.
#[derive(Serialize, Deserialize)]
pub struct Drawn {
    /// W, if its rows and columns stand in another order than in its file.
    #[serde(with = "shared::option")]
    w: Option<Arc<Pyramid>>,
    /// A, `[out, k]`.
    #[serde(with = "shared::option")]
    pub a: Option<Arc<Pyramid>>,
    /// B, `[k, in]`.
    #[serde(with = "shared::option")]
    pub b: Option<Arc<Pyramid>>,
    /// A·B.
    #[serde(with = "shared::option")]
    pub product: Option<Arc<Pyramid>>,
    /// W − A·B.
    #[serde(with = "shared::option")]
    pub error: Option<Arc<Pyramid>>,
    /// The order of outputs, inner indices and inputs.
    pub out: Axis,
    /// See `out`.
    pub inner: Axis,
    /// See `out`.
    pub input: Axis,
    /// Which step the factors are from; `None` in the end.
    pub step: Option<usize>,
    /// What the factors are called.
    pub parts: Parts,
}

impl Drawn {
    /// Heavy for large matrices: not for the window's thread.
    fn new(request: &Request) -> Self {
        let (step, parts) = (request.moment.step(), request.moment.parts());
        let nothing = Self {
            w: None,
            a: None,
            b: None,
            product: None,
            error: None,
            out: Axis::default(),
            inner: Axis::default(),
            input: Axis::default(),
            step,
            parts,
        };
        let Some(mut factors) = request.moment.factors() else { return nothing };
        let mut axes = [Axis::default(), Axis::default(), Axis::default()];
        let mut w = request.layer.as_ref().map(|layer| layer.weight.clone());
        let mut arranged = None;
        if request.arrangement != Arrangement::Stored {
            let orders = match parts {
                // An identity stays one.
                Parts::Alone => {
                    let (out, input) = request.arrangement.of(&factors.b);
                    Orders { inner: out.clone(), out, input }
                }
                _ => Orders::of(&factors.a, &factors.b, request.arrangement),
            };
            if !factors.a.is_empty() {
                factors.a = permuted(&factors.a, &orders.out, &orders.inner);
            }
            factors.b = permuted(&factors.b, &orders.inner, &orders.input);
            w = w.map(|w| Arc::new(permuted(&w, &orders.out, &orders.input)));
            arranged = w.clone().map(|w| Arc::new(Pyramid::new(w)));
            axes = [orders.out, orders.inner, orders.input].map(Axis::new);
        }
        let product = match parts {
            // Instead of a product with an identity.
            Parts::Alone => factors.b.clone(),
            _ => factors.product(),
        };
        let error = w.filter(|w| w.shape() == product.shape()).map(|w| {
            let entries = w.as_slice().iter().zip(product.as_slice()).map(|(w, p)| w - p).collect();
            Matrix::from_vec(w.rows(), w.cols(), entries)
        });
        let draw = |matrix: Matrix| Some(Arc::new(Pyramid::new(Arc::new(matrix))));
        let [out, inner, input] = axes;
        Self {
            w: arranged,
            a: Some(factors.a).filter(|a| !a.is_empty()).and_then(draw),
            b: draw(factors.b),
            product: draw(product),
            error: error.and_then(draw),
            out,
            inner,
            input,
            step,
            parts,
        }
    }
}

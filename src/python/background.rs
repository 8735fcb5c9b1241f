//! Work on a thread of its own, while Python goes on.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Between two looks for Ctrl-C.
const LOOK: Duration = Duration::from_millis(50);

/// What work says while it goes on.
pub enum News {
    /// The share that is done, what it is about, and the error so far.
    Progress(f64, String, Option<f64>),
    /// A sentence beside the result.
    Note(String),
}

/// What work speaks through.
#[derive(Clone)]
pub struct Line {
    news: Sender<News>,
    cancelled: Arc<AtomicBool>,
}

impl Line {
    /// Says something. Returns whether to go on.
    pub fn say(&self, news: News) -> bool {
        self.goes_on() && self.news.send(news).is_ok()
    }

    /// Whether nobody has cancelled the work.
    pub fn goes_on(&self) -> bool {
        !self.cancelled.load(Ordering::Relaxed)
    }
}

/// What came of work.
pub struct Done<T> {
    /// What it returned.
    pub value: T,
    /// What a callback raised, or Ctrl-C: the work was cancelled then.
    pub raised: Option<PyErr>,
}

/// Runs `work` on a thread of its own, to the end. What it says goes to `tell`, which is called here, and ends the work by
/// an error, or by `false`.
pub fn run<T: Send + 'static>(
    py: Python<'_>,
    mut tell: impl FnMut(News) -> PyResult<bool>,
    work: impl FnOnce(&Line) -> T + Send + 'static,
) -> PyResult<Done<T>> {
    let (sender, mut receiver) = channel();
    let cancelled = Arc::new(AtomicBool::new(false));
    let line = Line { news: sender, cancelled: cancelled.clone() };
    let thread = std::thread::Builder::new().name("dsf".into());
    let worker = thread.spawn(move || work(&line)).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    let mut raised = None;
    loop {
        let (back, news) = py.detach(move || newest(receiver));
        receiver = back;
        let over = matches!(news, Err(RecvTimeoutError::Disconnected));
        if raised.is_none() {
            let told = news.map_or(Ok(true), &mut tell);
            match told.and_then(|wanted| py.check_signals().map(|()| wanted)) {
                Ok(true) => {}
                Ok(false) => cancelled.store(true, Ordering::Relaxed),
                Err(error) => {
                    cancelled.store(true, Ordering::Relaxed);
                    raised = Some(error);
                }
            }
        }
        if over {
            break;
        }
    }
    let joined = py.detach(|| worker.join());
    let value = joined.map_err(|_| PyRuntimeError::new_err("the work broke off; this is a defect of dsf_explorer"))?;
    Ok(Done { value, raised })
}

/// The next news; of progress only the newest, so that a slow callback holds nothing up.
fn newest(receiver: Receiver<News>) -> (Receiver<News>, Result<News, RecvTimeoutError>) {
    let mut news = receiver.recv_timeout(LOOK);
    while let Ok(News::Progress(..)) = news {
        match receiver.try_recv() {
            Ok(next) => news = Ok(next),
            Err(_) => break,
        }
    }
    (receiver, news)
}

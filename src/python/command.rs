//! Commands of the command line, called from Python.

use super::background::{self, Line, News};
use super::error;
use crate::cli::{self, Listener};
use crate::compress;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::ffi::OsString;
use std::sync::{Arc, Mutex};

/// Runs the command of these words. What it would print is returned; `tell(share, what, None)` is called while it works and
/// returns whether to go on, `note(text)` with what it says beside.
#[pyfunction]
pub fn call(
    py: Python<'_>,
    words: Vec<OsString>,
    tell: &Bound<'_, PyAny>,
    note: &Bound<'_, PyAny>,
) -> PyResult<String> {
    let hear = |news: News| match news {
        News::Progress(share, what, error) => tell.call1((share, what, error))?.extract(),
        News::Note(text) => note.call1((text,)).map(|_| true),
    };
    let done = background::run(py, hear, move |line| {
        let heard = Arc::new(Heard { line: line.clone(), result: Mutex::default() });
        cli::call(words, heard.clone()).map(|()| heard.take())
    })?;
    match (done.raised, done.value) {
        (Some(raised), _) => Err(raised),
        (None, value) => value.map_err(|failure| error::of_command(py, &failure)),
    }
}

/// The options of a command, as JSON.
#[pyfunction]
pub fn options(command: &str) -> PyResult<String> {
    let options = cli::options(command).ok_or_else(|| PyValueError::new_err(format!("no command {command:?}")))?;
    serde_json::to_string(&options).map_err(|why| PyValueError::new_err(why.to_string()))
}

/// The program `dsf-explorer` with these words, of which the first is its name. Returns the exit code.
#[pyfunction]
pub fn program(py: Python<'_>, words: Vec<OsString>) -> u8 {
    py.detach(|| cli::main(words))
}

/// The code in Python that `compress` writes beside factors, by which transformers builds their model.
#[pyfunction]
pub fn modeling_code() -> &'static str {
    compress::MODELING_SOURCE
}

/// What a command says, on its way to Python.
struct Heard {
    line: Line,
    result: Mutex<String>,
}

impl Heard {
    fn take(&self) -> String {
        self.result.lock().map(|mut result| std::mem::take(&mut *result)).unwrap_or_default()
    }
}

impl Listener for Heard {
    fn progress(&self, share: f64, what: &str) -> bool {
        self.line.say(News::Progress(share, what.to_owned(), None))
    }

    fn note(&self, text: &str) {
        self.line.say(News::Note(text.to_owned()));
    }

    fn result(&self, text: &str) {
        if let Ok(mut result) = self.result.lock() {
            result.push_str(text);
            result.push('\n');
        }
    }
}

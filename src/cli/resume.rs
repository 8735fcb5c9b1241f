//! The output folder of a long measurement, from which `sweep` and `table` resume. Two charts of the same numbers share
//! them.

use super::Failure;
use crate::export;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Files of a measurement: `<numbers>.json` grows with every record, those called `<name>` are written at the end.
pub struct ResumableOutput {
    name: &'static str,
    /// Name of the numbers' file, without its ending.
    numbers: &'static str,
    out: Option<PathBuf>,
    /// Identity of the measurement: records of another one are not reused.
    identity: Value,
}

impl ResumableOutput {
    /// The files in `out`; without it nothing is written.
    pub fn new([name, numbers]: [&'static str; 2], out: Option<PathBuf>, identity: Value) -> Self {
        Self { name, numbers, out, identity: json!({ "program": env!("CARGO_PKG_VERSION"), "of": identity }) }
    }

    fn file(&self, ending: &str) -> Option<PathBuf> {
        let name = if ending == "json" { self.numbers } else { self.name };
        self.out.as_ref().map(|out| out.join(format!("{name}.{ending}")))
    }

    /// Records of an earlier run. `replace` allows to drop those of another measurement.
    pub fn before<R: DeserializeOwned>(&self, replace: bool) -> Result<Vec<R>, Failure> {
        let (Some(out), Some(file)) = (&self.out, self.file("json")) else { return Ok(Vec::new()) };
        std::fs::create_dir_all(out).map_err(|error| {
            Failure::new(format!("{} cannot be made ({error})", out.display()), "give another folder")
        })?;
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Files that are not ours are not replaced unasked.
                for file in ["csv", "png", "svg"].into_iter().filter_map(|ending| self.file(ending)) {
                    export::check_writable(&file, replace)?;
                }
                return Ok(Vec::new());
            }
            Err(error) => return Err(Failure::unexplained(format!("{} cannot be read: {error}", file.display()))),
        };
        let mut found: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let records = found.get_mut("records").map(Value::take).map(serde_json::from_value);
        match records {
            Some(Ok(records)) if found["identity"] == self.identity => Ok(records),
            _ if replace => Ok(Vec::new()),
            None | Some(Err(_)) => {
                let what = format!("{} is broken, or not of this program", file.display());
                Err(Failure::new(what, "--force replaces it"))
            }
            Some(Ok(_)) => Err(Failure::new(
                format!("{} is of something else", file.display()),
                "go on with its settings, give another --out, or --force to replace it",
            )),
        }
    }

    /// Writes the records so far.
    pub fn keep(&self, title: &str, records: &impl Serialize) -> Result<(), Failure> {
        let Some(file) = self.file("json") else { return Ok(()) };
        let value = json!({ "title": title, "identity": self.identity, "records": records });
        Ok(export::write(&file, format!("{value:#}\n").as_bytes(), true)?)
    }

    /// Writes the table and the chart; returns all files.
    pub fn finish(&self, csv: &str, svg: &str) -> Result<Vec<PathBuf>, Failure> {
        let mut written = Vec::from_iter(self.file("json"));
        let png = if self.out.is_some() { export::svg_to_png(svg, 1.5)? } else { Vec::new() };
        for (ending, bytes) in [("csv", csv.as_bytes()), ("png", &png), ("svg", svg.as_bytes())] {
            if let Some(file) = self.file(ending) {
                export::write(&file, bytes, true)?;
                written.push(file);
            }
        }
        Ok(written)
    }
}

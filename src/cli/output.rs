//! Writing to the terminal.

use super::Failure;
use super::listener::{Listener, listener};
use crate::export::{self, error_text};
use crate::job::Progress;
use crate::model::printable;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::borrow::Cow;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

/// Prints lines to standard output, without anything that a terminal would obey.
pub fn print(text: &str) -> Result<(), Failure> {
    let lines: Vec<_> = text.split('\n').map(printable).collect();
    match lines.iter().all(|line| matches!(line, Cow::Borrowed(_))) {
        true => print_raw(text),
        false => print_raw(&lines.join("\n")),
    }
}

/// Says something beside the result, on standard error.
pub fn note(text: &str) {
    match listener() {
        Some(listener) => listener.note(&one_line(text)),
        None => eprintln!("note: {}", one_line(text)),
    }
}

/// Says how something went, on standard error.
pub fn say(text: &str) {
    match listener() {
        Some(listener) => listener.note(&one_line(text)),
        None => eprintln!("{}", one_line(text)),
    }
}

/// Says where the work stands where no bar is seen.
pub fn step(text: &str) {
    if listener().is_none() && !std::io::stderr().is_terminal() {
        eprintln!("{}", printable(text));
    }
}

/// A reader that has gone (`… | head`) is no failure.
fn print_raw(text: &str) -> Result<(), Failure> {
    if let Some(listener) = listener() {
        listener.result(text);
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::unexplained(format!("the result cannot be printed: {error}")))
        }
        _ => Ok(()),
    }
}

/// The most memory that this process has had, in bytes, where the system tells.
pub fn peak_resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| 1024 * kilobytes)
}

/// One value as JSON.
pub fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    print_raw(&serde_json::to_string_pretty(value).map_err(Failure::unexplained)?)
}

/// Text from files or the system may hold line breaks; a failure is one line.
pub fn one_line(text: &str) -> String {
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}

/// Checks an output file before the work: what `flag` names must end in `ending`, as what is written there is of this
/// kind, and be possible to write.
pub fn check_file(flag: &str, file: &Path, ending: &'static str, replace: bool) -> Result<(), Failure> {
    refuse_standard_output(flag, file)?;
    export::check_ending(file, ending).map_err(|error| Failure::from(error).of(flag).usage())?;
    Ok(export::check_writable(file, replace)?)
}

/// Checks the name of an output folder before the work: one that looks like a file is mistaken for one by whoever sees it.
pub fn check_folder(flag: &str, folder: &Path) -> Result<(), Failure> {
    const OF_FILES: [&str; 9] = ["safetensors", "npy", "npz", "json", "csv", "png", "svg", "html", "txt"];
    refuse_standard_output(flag, folder)?;
    match folder.extension().and_then(|found| found.to_str()) {
        Some(found) if OF_FILES.iter().any(|ending| found.eq_ignore_ascii_case(ending)) => {
            let what = format!("{flag} {} is called as a file is, and several files are written", folder.display());
            let hint = format!("give the name of a folder, such as {}", folder.with_extension("").display());
            Err(Failure::new(what, hint).usage())
        }
        _ => Ok(()),
    }
}

fn refuse_standard_output(flag: &str, path: &Path) -> Result<(), Failure> {
    if path.as_os_str() != "-" {
        return Ok(());
    }
    let what = format!("{flag} - does not stand for standard output, where text or --json is printed");
    Err(Failure::new(what, "give a name").usage())
}

/// Columns as wide as their widest cell: the first aligned left, the others right. A cell is one line, whatever is in it.
pub fn table(rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    let rows = rows.iter().map(|row| row.iter().map(|cell| printable(cell)));
    // As wide as it needs to be, on a narrow terminal too: what is cut off cannot be searched.
    table.set_content_arrangement(ContentArrangement::Disabled).load_style(NOTHING).add_rows(rows);
    for column in table.column_iter_mut() {
        let first = column.index == 0;
        column.set_padding((if first { 0 } else { 2 }, 0));
        column.set_cell_alignment(if first { CellAlignment::Left } else { CellAlignment::Right });
    }
    table.trim_fmt()
}

/// A bar that begins with `name` and ends with what `template` says.
fn styled(name: &str, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template(&format!("{{prefix}} {{wide_bar}} {template}"));
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(one_line(name));
    bar
}

fn say_above(bar: &ProgressBar, note: &str) {
    bar.suspend(|| self::note(note));
}

/// A bar on standard error, only where that is a terminal.
pub struct Bar(ProgressBar);

impl Bar {
    /// For a run called `name`.
    pub fn new(name: &str) -> Self {
        Self(styled(name, "{pos}/{len} steps, {msg}"))
    }

    /// Shows where the run stands.
    pub fn update(&self, progress: &Progress) {
        self.0.set_length(progress.steps as u64);
        self.0.set_position(progress.step as u64);
        let news = match (&progress.report, progress.layer_error) {
            (Some(report), _) => format!("error {}", error_text(report.error, 4)),
            (None, Some(error)) => format!("layer error {error:.5}"),
            (None, None) => progress.stage.title().to_owned(),
        };
        self.0.set_message(format!("{news}, {:.0} s left", progress.remaining_secs()));
    }

    /// Says something above it.
    pub fn say(&self, note: &str) {
        say_above(&self.0, note);
    }

    /// Leaves the screen as if it had never been there.
    pub fn finish(self) {
        self.0.finish_and_clear();
    }
}

/// A bar for work of equal steps, with the time that is left.
pub struct Steps {
    bar: ProgressBar,
    name: &'static str,
    listener: Option<Arc<dyn Listener>>,
}

impl Steps {
    /// For work called `name`, counted in `unit`.
    pub fn new(name: &'static str, unit: &str) -> Self {
        let bar = styled(name, &format!("{{pos}}/{{len}} {unit}, {{eta}} left"));
        Self { bar, name, listener: listener() }
    }

    /// Shows where it stands. Returns whether to go on.
    pub fn update(&self, done: usize, all: usize) -> bool {
        if let Some(listener) = &self.listener {
            return listener.progress(done as f64 / all.max(1) as f64, self.name);
        }
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
        true
    }

    /// Leaves the screen as if it had never been there.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// A bar for work of unequal parts.
pub struct Share {
    bar: ProgressBar,
    listener: Option<Arc<dyn Listener>>,
}

impl Share {
    /// For work called `name`.
    pub fn new(name: &str) -> Self {
        let bar = styled(name, "{percent} %, {msg}");
        bar.set_length(1000);
        Self { bar, listener: listener() }
    }

    /// Shows the share that is done, the seconds left if they are known, and what it is about. Returns whether to go on.
    pub fn update(&self, share: f64, left: f64, what: &str) -> bool {
        if let Some(listener) = &self.listener {
            return listener.progress(share, what);
        }
        self.bar.set_position((1000.0 * share) as u64);
        let left = if left > 0.0 { format!("{left:.0} s left, ") } else { String::new() };
        self.bar.set_message(format!("{left}{what}"));
        true
    }

    /// Says something above it.
    pub fn say(&self, note: &str) {
        say_above(&self.bar, note);
    }

    /// Leaves the screen as if it had never been there.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// A bar for each of several things that go on at the same time.
pub struct Several {
    all: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl Several {
    /// Of these names.
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let all = MultiProgress::new();
        let bar = |name: &str| {
            let bar = all.add(styled(&format!("{name:<14}"), "{percent:>3} %"));
            bar.set_length(1000);
            bar.tick();
            bar
        };
        let bars = names.map(bar).collect();
        Self { all, bars }
    }

    /// The share of one of them that is done.
    pub fn update(&self, at: usize, share: f64) {
        self.bars[at].set_position((1000.0 * share) as u64);
    }

    /// One is over, with an error or a reason.
    pub fn done(&self, at: usize, error: Result<f64, &Failure>) {
        let bar = &self.bars[at];
        bar.finish_and_clear();
        let name = bar.prefix();
        // Where no bars are seen, neither are these lines.
        let _ = match error {
            Ok(error) => self.all.println(format!("{name} error {}", error_text(error, 4))),
            Err(why) => self.all.println(format!("{name} {why}")),
        };
    }

    /// Leaves the screen to what comes next.
    pub fn finish(self) {
        let _ = self.all.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::HumanBytes;

    fn rows<const N: usize>(rows: [[&str; 2]; N]) -> Vec<Vec<String>> {
        rows.map(|row| row.map(str::to_owned).to_vec()).to_vec()
    }

    #[test]
    fn tables_line_up() {
        let written = table(&rows([["density", "error"], ["25 %", "0.3"]]));
        assert_eq!(written, "density  error\n25 %       0.3");
        let written = table(&rows([["  product", "–"], ["", "0.25 ×"], ["‖W‖", ""]]));
        assert_eq!(written, "  product       –\n           0.25 ×\n‖W‖");
    }

    #[test]
    fn tables_may_be_long() {
        let row = ["model.layers.0.mlp.experts.17.gate_proj.weight", "4096×11008"].map(str::to_owned).to_vec();
        assert_eq!(table(&vec![row; 90_000]).lines().count(), 90_000);
    }

    #[test]
    fn a_cell_is_one_line_and_obeys_nobody() {
        let written = table(&rows([["a\nb\u{1b}[31m", "1"]]));
        assert_eq!(written, "a\\nb\\u{1b}[31m  1");
        assert_eq!(one_line("a\n\tb\u{202e}"), "a b\\u{202e}");
    }

    #[test]
    fn sizes_are_readable() {
        let sizes = [512, 131_072, 3 << 30].map(|bytes| HumanBytes(bytes).to_string());
        assert_eq!(sizes, ["512 B", "128.00 KiB", "3.00 GiB"]);
    }
}

//! One run on one page: an HTML file that needs no other, to be kept, sent or printed.

use super::picture::{factor_images, pruned_images};
use super::{Chart, Export, Image, Layout, Look, Palette, Rule, RunReport, Series, error_text};
use crate::Named;
use crate::factorize::{Preset, Settings};
use crate::matrix::{Matrix, ReplacementKind};
use crate::methods::Method;
use crate::model::{Dtype, acts, printable};
use base64::{Engine, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

const STYLE: &str = include_str!("html.css");
const CHART: (u32, u32) = (760, 380);

/// Content of the page of a run.
#[derive(Clone, Copy, Debug)]
pub struct HtmlReport<'a> {
    /// Method that replaced W.
    pub method: Method,
    /// Results of the run.
    pub report: &'a RunReport,
    /// Settings of the run; `None` for a method without a run.
    pub settings: Option<&'a Settings>,
    /// Captions and pictures, for example [`report_pictures`].
    pub pictures: &'a [(String, Image)],
    /// Charts, for example [`history_chart`].
    pub charts: &'a [Chart],
    /// The name of the file the factors were written to, and what it holds.
    pub file: Option<(&'a str, &'a Export)>,
}

/// The page. It refers to nothing outside of itself and runs no script; its pictures are in it.
pub fn html_report(page: &HtmlReport) -> String {
    let HtmlReport { method, report, settings, pictures, charts, file } = *page;
    let what = match method.kind() {
        ReplacementKind::Factors => "a product of two sparse matrices",
        ReplacementKind::LowRank | ReplacementKind::Blocks => "a product of two matrices",
        ReplacementKind::Sparse => "one sparse matrix",
        ReplacementKind::Chain => "a product of three sparse matrices",
    };
    let title = format!("{} of {} as {what}", report.tensor, report.source);
    let how = match method {
        Method::Dsf => "W ≈ A·B by Double Sparse Factorization".to_owned(),
        method => format!("{}: {}", method.title(), method.about()),
    };
    let json = visible(&serde_json::to_string_pretty(report).unwrap_or_default());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (printable(&title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (printable(&title)) }
                p {
                    (how) ". " (report.nnz) " nonzeros instead of " (report.rows * report.cols)
                    " entries of W, with a relative error ‖W − Ŵ‖/‖W‖ of "
                    strong { (error_text(report.relative_error, 4)) } "."
                }
                @for note in &report.notes { p { strong { "Note: " } (printable(note)) "." } }
                (facts(report))
                @for chart in charts { figure { (PreEscaped(chart.to_svg(CHART.0, CHART.1))) } }
                @if !pictures.is_empty() {
                    h2 { "Pictures" }
                    div.pictures { @for (caption, image) in pictures { (figure(caption, image)) } }
                }
                @if let Some(settings) = settings { (settings_table(settings, report.preset.as_deref())) }
                @if let Some((name, export)) = file {
                    h2 { "In Python" }
                    pre { code { (python(name, export)) } }
                }
                details {
                    summary { "The report as JSON" }
                    pre { code { (json) } }
                }
                footer { "dsf-explorer " (env!("CARGO_PKG_VERSION")) }
            }
        }
    };
    page.into_string()
}

/// W, A, B, A·B and W − A·B of the values as written, at most `max_side` pixels a side.
///
/// # Panics
/// Panics if `export` is not of `w`.
pub fn report_pictures(w: &Matrix, export: &Export, max_side: usize) -> Vec<(String, Image)> {
    let draw = |picture: super::Picture<'_>| picture.max_side(max_side).palette(Palette::Light).image();
    let computed = export.merged().is_none().then(|| export.replacement().to_dense());
    let Some(product) = export.merged().or(computed.as_ref()) else { return Vec::new() };
    if !export.replacement().kind().is_two_factors() {
        let captions = [
            format!("W, {}×{}", w.rows(), w.cols()),
            format!("Ŵ, {} nonzeros, in the colours of W", product.nnz()),
            "W − Ŵ, in the colours of W".to_owned(),
        ];
        return captions.into_iter().zip(pruned_images(w, product, draw)).collect();
    }
    let [a, b] = export.replacement().dense_factors();
    let images = factor_images(w, &a, &b, product, draw);
    let shape = |matrix: &Matrix| format!("{}×{}, {} nonzeros", matrix.rows(), matrix.cols(), matrix.nnz());
    let captions = [
        format!("W, {}×{}", w.rows(), w.cols()),
        format!("A, {}", shape(&a)),
        format!("B, {}", shape(&b)),
        "A·B, in the colours of W".to_owned(),
        "W − A·B, in the colours of W".to_owned(),
    ];
    captions.into_iter().zip(images).collect()
}

/// The error after each outer iteration, and levels to compare it with.
pub fn history_chart(report: &RunReport, rules: Vec<Rule>) -> Chart {
    // With calibration the solver works on W scaled by the inputs' norms.
    let of = if report.layer_error.is_some() { "relative error (inputs scaled)" } else { "relative error" };
    let points = report.history.iter().enumerate().map(|(at, &error)| ((at + 1) as f64, error)).collect();
    let name = report.preset.as_ref().map_or("DSF".to_owned(), |preset| format!("DSF, {preset}"));
    Chart {
        title: "Error over the run".into(),
        x_label: "outer iteration".into(),
        y_label: of.into(),
        log_x: false,
        log_y: true,
        series: vec![Series { name, color: Method::Dsf.color(), look: Look::Line, points }],
        rules,
    }
}

/// A number, or a dash where there is none.
fn count(number: Option<usize>) -> String {
    number.map_or("–".into(), |number| number.to_string())
}

fn facts(report: &RunReport) -> Markup {
    let share = |bytes: u64| {
        let of_dense = 100.0 * bytes as f64 / (report.bytes_dense as f64).max(1.0);
        format!("{bytes} bytes, {of_dense:.1} % of dense")
    };
    let threads = if report.threads == 1 { "thread" } else { "threads" };
    let mut rows = vec![
        ("File", report.source.clone()),
        ("Tensor", report.tensor.clone()),
        ("W", format!("{}×{}", report.rows, report.cols)),
        ("Inner dimension k", count(report.inner_dim)),
        ("Density asked for", format!("{} %", (1e6 * report.density).round() / 1e4)),
        ("Nonzeros of A", count(report.nnz_a)),
        ("Nonzeros of B", count(report.nnz_b)),
        ("Nonzeros together", report.nnz.to_string()),
        ("Dense, 16-bit values", format!("{} bytes", report.bytes_dense)),
        ("Values and bit masks", report.bytes_bitmask.map_or("–".into(), share)),
        ("Values and column indices (CSR)", report.bytes_csr.map_or("–".into(), share)),
        ("The least of what it can be stored in", share(report.bytes)),
        ("Relative error", format!("{:.6}", report.relative_error)),
    ];
    let layer_errors = [
        ("Layer-wise error", report.layer_error),
        ("Layer-wise error before it was finalized", report.layer_error_before_finalize),
        ("Layer-wise error on held-out inputs", report.layer_error_held_out),
    ];
    rows.extend(layer_errors.into_iter().filter_map(|(name, error)| Some((name, format!("{:.6}", error?)))));
    rows.push(("Time", format!("{:.2} s on {} {threads}", report.seconds, report.threads)));
    rows.extend(report.adapter.clone().map(|adapter| ("Device", adapter)));
    rows.extend(report.seed.map(|seed| ("Seed", seed.to_string())));
    html! {
        h2 { "Result" }
        table { @for (name, value) in rows { tr { th { (name) } td { (printable(&value)) } } } }
    }
}

/// All settings; those that are not the preset's in bold.
fn settings_table(settings: &Settings, preset: Option<&str>) -> Markup {
    let preset = preset.and_then(Preset::named);
    // Density and seed are no part of a preset.
    let usual = |preset| Settings { factor_density: None, ..settings.clone() }.with_preset(preset);
    let (used, usual) = (serde_json::json!(settings), preset.map(|preset| serde_json::json!(usual(preset))));
    let own = |name: &str, value: &Value| usual.as_ref().is_some_and(|usual| usual[name] != *value);
    let text = |value: &Value| match value {
        Value::Null => "default".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    html! {
        h2 { "Settings" }
        @if let Some(preset) = preset { p { "Preset " (preset.name()) "; what differs from it is in bold." } }
        table.settings {
            @for (name, value) in used.as_object().into_iter().flatten() {
                tr {
                    th { (name.replace('_', " ")) }
                    td { @if own(name, value) { strong { (text(value)) } } @else { (text(value)) } }
                }
            }
        }
    }
}

fn figure(caption: &str, image: &Image) -> Markup {
    let png = BASE64_STANDARD.encode(image.to_png());
    html! {
        figure {
            img alt=(caption) width=(image.width) height=(image.height) src={ "data:image/png;base64," (png) };
            figcaption { (caption) }
        }
    }
}

/// Code in which every character is seen: within strings, where JSON and Python know the same escapes.
fn visible(code: &str) -> String {
    let mut visible = String::with_capacity(code.len());
    for c in code.chars() {
        match u32::from(c) {
            _ if c == '\n' || !acts(c) => visible.push(c),
            code if code <= 0xffff => visible.push_str(&format!("\\u{code:04x}")),
            // Beyond 16 bits they do not.
            _ => visible.push('\u{fffd}'),
        }
    }
    visible
}

/// Returns Python code that reads the file `name`, by its layout.
fn python(name: &str, export: &Export) -> String {
    // JSON's strings are Python's.
    let quoted = |text: &str| visible(&Value::from(text).to_string());
    let (file, a, b) = (quoted(name), quoted(&format!("{}.A", export.stem())), quoted(&format!("{}.B", export.stem())));
    let numpy = match export.dtype() {
        // NumPy has no bf16.
        Dtype::BF16 => format!(
            "from safetensors.torch import load_file\n\n\
             d = {{name: (x.float() if x.is_floating_point() else x).numpy() for name, x in load_file({file}).items()}}\n"
        ),
        Dtype::F64 | Dtype::F32 | Dtype::F16 => {
            format!("from safetensors.numpy import load_file\n\nd = load_file({file})\n")
        }
    };
    let product = "y = A @ (B @ x)  # instead of W @ x\n";
    match export.layout() {
        Layout::Dense => format!(
            "{numpy}A = d[{}]  # [out, k]\nB = d[{}]  # [k, in]\n{product}",
            quoted(&format!("{}.A.weight", export.stem())),
            quoted(&format!("{}.B.weight", export.stem()))
        ),
        Layout::Merged => format!(
            "from safetensors.torch import load_file\n\n\
             state = load_file({file})  # with what replaces {tensor}\nmodel.load_state_dict(state, strict=False)\n",
            tensor = quoted(export.tensor())
        ),
        Layout::Csr => format!(
            "import torch\nfrom safetensors.torch import load_file\n\n\
             d = load_file({file})\n\n\
             def csr(p):\n    \
                 crow, col, values = d[p + \".crow_indices\"], d[p + \".col_indices\"], d[p + \".values\"].float()\n    \
                 return torch.sparse_csr_tensor(crow, col, values, size=tuple(d[p + \".shape\"].tolist()))\n\n\
             A, B = csr({a}), csr({b})  # [out, k], [k, in]\n{product}"
        ),
        Layout::Bitmask => format!(
            "import numpy as np\n{numpy}\n\
             def dense(p):\n    \
                 rows, cols = d[p + \".shape\"]\n    \
                 mask = np.unpackbits(d[p + \".bitmask\"], axis=1, bitorder=\"little\")[:, :cols].astype(bool)\n    \
                 matrix = np.zeros((rows, cols), np.float32)\n    \
                 matrix[mask] = d[p + \".compressed\"]\n    \
                 return matrix\n\n\
             A, B = dense({a}), dense({b})  # [out, k], [k, in]\n{product}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Factors, Replacement};
    use crate::measure::Storage;
    use crate::model::Layer;
    use std::sync::Arc;

    /// W = [[2, 1], [0, 2]] by A = [1, 0]ᵀ, B = [2, 0].
    fn run() -> (Layer, Arc<Replacement>, RunReport, Settings) {
        let weight = Matrix::from_vec(2, 2, vec![2.0, 1.0, 0.0, 2.0]);
        let layer = Layer {
            name: "a<b>.weight".into(),
            file: "it's & more.safetensors".into(),
            shape: vec![2, 2],
            dtype: Dtype::F32,
            transposed: false,
            weight: weight.into(),
        };
        let (a, b) = (Matrix::from_vec(2, 1, vec![1.0, 0.0]), Matrix::from_vec(1, 2, vec![2.0, 0.0]));
        let factors = Arc::new(Replacement::Factors(Factors::from_dense(&a, &b)));
        let settings = Settings { ridge: 0.125, ..Settings::default() };
        let storage = Storage::of_factors(2, 2, 1, 1, 1);
        let report = RunReport {
            method: "dsf".into(),
            preset: Some("published".into()),
            source: layer.file.clone(),
            tensor: layer.name.clone(),
            rows: 2,
            cols: 2,
            inner_dim: Some(1),
            density: 0.25,
            nnz_a: Some(1),
            nnz_b: Some(1),
            nnz: 2,
            bytes_dense: storage.dense,
            bytes_bitmask: Some(storage.bitmask),
            bytes_csr: Some(storage.csr),
            bytes: storage.bitmask.min(storage.csr),
            relative_error: (5.0f64 / 9.0).sqrt(),
            layer_error: None,
            layer_error_before_finalize: None,
            layer_error_held_out: Some(0.0625),
            notes: vec!["<b>\u{1b}[2J".into()],
            seconds: 1.5,
            backend: "cpu".into(),
            adapter: None,
            threads: 2,
            seed: Some(0),
            outer: Some(40),
            inner: Some(5),
            history: vec![0.9, 0.8],
        };
        (layer, factors, report, settings)
    }

    fn page(layout: Layout, dtype: Dtype) -> String {
        let (layer, factors, report, settings) = run();
        let export = Export::new(&layer, &factors, layout, Some(dtype)).unwrap();
        let pictures = report_pictures(&layer.weight, &export, 16);
        let charts = [history_chart(&report, vec![Rule { name: "level".into(), y: 0.5, color: [160, 110, 190] }])];
        html_report(&HtmlReport {
            method: Method::Dsf,
            report: &report,
            settings: Some(&settings),
            pictures: &pictures,
            charts: &charts,
            file: Some(("q.safetensors", &export)),
        })
    }

    #[test]
    fn everything_of_the_run_is_on_the_page() {
        let html = page(Layout::Dense, Dtype::F32);
        let row = |name: &str, value: &str| format!("<tr><th>{name}</th><td>{value}</td></tr>");
        for row in [
            row("W", "2×2"),
            row("Nonzeros together", "2"),
            // Two values and one byte of mask for each factor, against four values.
            row("Values and bit masks", "6 bytes, 75.0 % of dense"),
            row("Relative error", "0.745356"),
            row("Layer-wise error on held-out inputs", "0.062500"),
            row("Time", "1.50 s on 2 threads"),
            row("ridge", "<strong>0.125</strong>"),
            row("outer", "40"),
            row("factor density", "default"),
            row("schedule", "cubic"),
        ] {
            assert!(html.contains(&row), "{row} in {html}");
        }
        assert!(!html.contains("<th>Layer-wise error</th>"), "there is none");
        assert!(html.contains("<svg") && html.contains(">level</text>"));
        assert!(html.contains("&quot;history&quot;: ["));
        assert_eq!(html.matches("src=\"data:image/png;base64,").count(), 5);
        let (_, rest) = html.split_once("base64,").unwrap();
        let png = BASE64_STANDARD.decode(rest.split_once('"').unwrap().0).unwrap();
        let (layer, ..) = run();
        assert_eq!(png, super::super::Picture::new(&layer.weight).max_side(16).image().to_png());
    }

    #[test]
    fn text_is_text_and_nothing_comes_from_elsewhere() {
        for &layout in Layout::ALL {
            let html = page(layout, Dtype::F32);
            assert!(!html.contains("a<b>") && !html.contains("it's & "), "{html}");
            assert!(html.contains("a&lt;b&gt;.weight of it's &amp; more.safetensors"), "{html}");
            // A note with a terminal's command in it, in the text and in the report as JSON.
            assert!(!html.contains('\u{1b}') && html.contains("&lt;b&gt;\\u{1b}[2J"), "{html}");
            // The namespace of SVG is a name.
            let outside = html.replace("http://www.w3.org/2000/svg", "");
            assert!(!outside.contains("http") && !outside.contains("<script") && !outside.contains("<link"));
            for tag in ["table", "tr", "figure", "pre", "code", "details", "svg", "html", "body", "h2", "div"] {
                let (opened, closed) =
                    (html.matches(&format!("<{tag}")).count(), html.matches(&format!("</{tag}>")).count());
                assert_eq!(opened, closed, "{tag}");
            }
        }
    }

    #[test]
    fn python_reads_what_was_written() {
        for (layout, dtype, says) in [
            (Layout::Dense, Dtype::F32, "A = d[\"a<b>.A.weight\"]"),
            (Layout::Dense, Dtype::BF16, "safetensors.torch"),
            (Layout::Merged, Dtype::F32, "# with what replaces \"a<b>.weight\""),
            (Layout::Csr, Dtype::F16, "csr(\"a<b>.A\"), csr(\"a<b>.B\")"),
            (Layout::Bitmask, Dtype::F32, "np.unpackbits"),
        ] {
            let html = page(layout, dtype);
            let written = |text: &str| html.contains(&html! { (text) }.into_string());
            assert!(written(says), "{layout:?}: {html}");
            assert!(written("load_file(\"q.safetensors\")"), "{html}");
        }
    }

    #[test]
    fn parts_that_are_not_there_leave_no_trace() {
        let (_, _, report, settings) = run();
        let report = RunReport { preset: None, history: Vec::new(), ..report };
        let html = html_report(&HtmlReport {
            method: Method::Dsf,
            report: &report,
            settings: Some(&settings),
            pictures: &[],
            charts: &[],
            file: None,
        });
        assert!(
            !["In Python", "Pictures", "<figure", "<strong>0.125", "Preset"].iter().any(|part| html.contains(part))
        );
        history_chart(&report, Vec::new()).to_svg(400, 300);
    }
}

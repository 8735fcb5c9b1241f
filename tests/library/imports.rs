//! Imports run in one direction: a room uses only rooms before it, and no two files need each other.
//!
//! Read from the text of `src/`: `use` lines and paths that begin with `crate::` or `super::`. Tests inside of files
//! may use what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// From the ground up.
const ROOMS: [&str; 20] = [
    "hint",
    "tasks",
    "matrix",
    "compute",
    "measure",
    "factorize",
    "model",
    "stories",
    "language",
    "glyphs",
    "vision",
    "job",
    "methods",
    "finetune",
    "export",
    "compress",
    "compare",
    "app",
    "cli",
    "python",
];

/// The window's own rooms, and at the end the entry points.
const WINDOW: [&str; 10] =
    ["widgets", "platform", "state", "tasks", "panels", "explorer", "update", "shell", "frame_bench", "page"];

/// A file by its module path: `src/matrix/csr.rs` is `matrix::csr`, `src/matrix/mod.rs` is `matrix`.
type Module = Vec<String>;

struct Source {
    /// Absolute paths that it names, each as segments.
    paths: BTreeSet<Module>,
    /// Names that it passes on from elsewhere.
    exports: BTreeMap<String, Module>,
}

#[test]
fn imports_run_downward() {
    let edges = edges();
    let upward: Vec<String> = edges
        .iter()
        .filter(|(from, to)| rank(&ROOMS, &from[0]) < rank(&ROOMS, &to[0]))
        .map(|(from, to)| format!("{} uses {}", from.join("::"), to.join("::")))
        .collect();
    assert!(upward.is_empty(), "{} imports run upward:\n{}", upward.len(), upward.join("\n"));
}

/// That `Explorer` is named only in and after `explorer.rs` follows from it.
#[test]
fn the_windows_rooms_import_in_one_direction() {
    let edges = edges().into_iter().filter(|(from, to)| from.len() > 1 && to.len() > 1 && from[0] == "app");
    let upward: Vec<String> = edges
        .filter(|(from, to)| to[0] == "app" && rank(&WINDOW, &from[1]) < rank(&WINDOW, &to[1]))
        .map(|(from, to)| format!("{} uses {}", from.join("::"), to.join("::")))
        .collect();
    assert!(upward.is_empty(), "{} imports run upward:\n{}", upward.len(), upward.join("\n"));
}

#[test]
fn the_windows_background_work_stands_in_one_room_without_egui() {
    let mut misplaced = Vec::new();
    each_file(&window(), &mut |path, text| {
        let in_tasks = path.starts_with(window().join("tasks"));
        let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        let is_task = |line: &str| {
            ["Task", "SilentTask", "Actor"].iter().any(|kind| line.starts_with(&format!("impl {kind} for ")))
        };
        let draws = |line: &str| {
            let names = |line: &str| line.split(|c: char| !c.is_alphanumeric()).any(|word| word == "Ui");
            line.contains("egui::Ui") || line.starts_with("use eframe::egui::") && names(line)
        };
        for line in code {
            if !in_tasks && is_task(line) || in_tasks && draws(line) {
                misplaced.push(format!("{}: {line}", path.display()));
            }
        }
    });
    assert!(misplaced.is_empty(), "{}", misplaced.join("\n"));
}

#[test]
fn the_windows_folders_only_join_their_files() {
    let mut code = Vec::new();
    each_file(&window(), &mut |path, text| {
        let joins = |line: &str| {
            let starts = ["//", "mod ", "pub mod ", "pub use ", "#[cfg(", "    ", "};"];
            line.is_empty() || starts.iter().any(|start| line.starts_with(start))
        };
        if path.file_name().is_some_and(|name| name == "mod.rs") {
            let others = text.lines().filter(|line| !joins(line));
            code.extend(others.map(|line| format!("{}: {line}", path.display())));
        }
    });
    assert!(code.is_empty(), "{}", code.join("\n"));
}

fn window() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/app")).to_owned()
}

/// All Rust files below a folder, with their text.
fn each_file(folder: &Path, look: &mut dyn FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).expect("a folder of src") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            each_file(&path, look);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            look(&path, &std::fs::read_to_string(&path).expect("a source file"));
        }
    }
}

#[test]
fn no_two_files_need_each_other() {
    let edges = edges();
    let mut reached: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
    for (from, _) in &edges {
        let mut waiting = vec![from];
        while let Some(file) = waiting.pop() {
            let next = edges.iter().filter(|(user, _)| user == file).map(|(_, used)| used);
            waiting.extend(next.filter(|used| reached.entry(from).or_default().insert(used)).collect::<Vec<_>>());
        }
    }
    let reaches = |from: &Module, to: &Module| reached.get(from).is_some_and(|files| files.contains(to));
    let ties: Vec<&(Module, Module)> = edges.iter().filter(|(from, to)| reaches(to, from)).collect();
    let files: BTreeSet<&Module> = ties.iter().map(|(from, _)| from).collect();
    let ties: Vec<String> =
        ties.iter().map(|(from, to)| format!("{} uses {}", from.join("::"), to.join("::"))).collect();
    assert!(ties.is_empty(), "{} files in circles:\n{}", files.len(), ties.join("\n"));
}

fn rank(order: &[&str], name: &str) -> usize {
    order.iter().position(|room| *room == name).unwrap_or_else(|| panic!("{name} is no known room"))
}

/// Which file uses which; the crate's root and the programs, which only join rooms, are left out.
fn edges() -> BTreeSet<(Module, Module)> {
    let mut sources = BTreeMap::new();
    read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &[], &mut sources);
    let resolved = sources.iter().flat_map(|(from, source)| {
        source.paths.iter().filter_map(|path| resolve(&sources, path)).map(|to| (from.clone(), to))
    });
    resolved.filter(|(from, to)| from != to && !from.is_empty() && !to.is_empty()).collect()
}

/// The file in which a path ends, through what other files pass on.
fn resolve(sources: &BTreeMap<Module, Source>, path: &[String]) -> Option<Module> {
    let (length, source) = (0..=path.len()).rev().find_map(|n| Some((n, sources.get(&path[..n])?)))?;
    match path.get(length).and_then(|name| source.exports.get(name)) {
        Some(other) if other[..] != path[..] => resolve(sources, other),
        _ => Some(path[..length].to_vec()),
    }
}

fn read(folder: &Path, module: &[String], sources: &mut BTreeMap<Module, Source>) {
    for entry in std::fs::read_dir(folder).expect("a folder of src") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let inner = [module, std::slice::from_ref(&name)].concat();
        if path.is_dir() && name != "bin" {
            read(&path, &inner, sources);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !["lib", "main", "tests"].contains(&&*name) {
            let own = if name == "mod" { module.to_vec() } else { inner };
            let text = std::fs::read_to_string(&path).expect("a source file");
            sources.insert(own.clone(), parse(&text, &own, name == "mod"));
        }
    }
}

fn parse(text: &str, own: &[String], is_folder: bool) -> Source {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let (mut paths, mut exports) = (BTreeSet::new(), BTreeMap::new());
    for statement in code.split(';') {
        let Some(at) = statement.rfind("use ").filter(|&at| at == 0 || statement[..at].ends_with([' ', '\n'])) else {
            continue;
        };
        let line = statement[..at].rsplit('\n').next().unwrap_or_default().trim();
        if !(line.is_empty() || line.starts_with("pub")) {
            continue;
        }
        for (path, name) in expand(&statement[at + 4..]) {
            let Some(path) = absolute(&path, own, is_folder) else { continue };
            if line.starts_with("pub") {
                exports.insert(name, path);
            } else {
                paths.insert(path);
            }
        }
    }
    for start in ["crate::", "super::", "dsf_explorer::"] {
        // The second `super` of two is a part of the first one's path.
        let begins = |at: usize| !["pub(in ", "super::"].iter().any(|before| code[..at].ends_with(before));
        for (at, _) in code.match_indices(start).filter(|&(at, _)| begins(at)) {
            let end = code[at..].find(|c: char| !(c.is_alphanumeric() || "_:".contains(c))).unwrap_or(code.len() - at);
            // A list is a `use`, which was read above.
            if !code[at + end..].starts_with('{') {
                paths.extend(absolute(code[at..at + end].trim_end_matches(':'), own, is_folder));
            }
        }
    }
    Source { paths, exports }
}

/// `a::{b, c::{d as e}}` as single paths, each with the name that it has afterwards.
fn expand(tree: &str) -> Vec<(String, String)> {
    let tree = tree.trim();
    let Some((prefix, rest)) = tree.split_once('{') else {
        let (path, name) = tree.split_once(" as ").unwrap_or((tree, tree.rsplit("::").next().unwrap_or_default()));
        return vec![(path.trim().trim_end_matches("::self").into(), name.trim().into())];
    };
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in rest[..rest.rfind('}').unwrap_or(rest.len())].chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("a part").push(c);
    }
    let inner = parts.iter().filter(|part| !part.trim().is_empty()).flat_map(|part| expand(part));
    inner.map(|(path, name)| (format!("{prefix}{path}"), name)).collect()
}

/// From the crate's root; `None` for other crates.
fn absolute(path: &str, own: &[String], is_folder: bool) -> Option<Module> {
    let segments: Vec<String> = path.split("::").map(|part| part.trim().to_owned()).collect();
    let parent = |levels: usize| own.len().checked_sub(levels).map(|left| own[..left].to_vec());
    let file = usize::from(!is_folder);
    match &*segments[0] {
        "crate" | "dsf_explorer" => Some(segments[1..].to_vec()),
        "self" => Some([own, &segments[1..]].concat()),
        "super" => {
            let ups = segments.iter().take_while(|part| *part == "super").count();
            Some([parent(ups)?, segments[ups..].to_vec()].concat())
        }
        // A module beside it, in a folder's mod.rs.
        _ if is_folder => Some([own, &segments[..]].concat()),
        _ => parent(file).filter(|_| false),
    }
}

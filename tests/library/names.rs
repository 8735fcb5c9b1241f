//! One spelling of every variant: its name, what serde writes and what the command line takes.

use clap::ValueEnum;
use dsf_explorer::Named;
use serde::{Serialize, de::DeserializeOwned};
use std::fs;
use std::path::{Path, PathBuf};

/// Names are there once, lead back to their variants, and are what serde reads and writes.
fn check_serde<T: Named + Serialize + DeserializeOwned>() {
    check_names::<T>();
    for &variant in T::ALL {
        let written = serde_json::to_value(variant).unwrap();
        assert_eq!(written, variant.name(), "as serde writes it");
        assert_eq!(serde_json::from_value::<T>(written).unwrap().name(), variant.name());
    }
}

/// The same, and the command line takes all of them, in this order.
fn check_flag<T: Named + Serialize + DeserializeOwned + ValueEnum>() {
    check_serde::<T>();
    let flags: Vec<String> =
        T::value_variants().iter().map(|value| value.to_possible_value().unwrap().get_name().to_owned()).collect();
    assert_eq!(flags, T::ALL.iter().map(|variant| variant.name()).collect::<Vec<_>>());
}

fn check_names<T: Named>() {
    assert!(!T::ALL.is_empty());
    for &variant in T::ALL {
        assert_eq!(T::named(variant.name()).map(T::name), Some(variant.name()));
    }
    assert!(T::named("no such name").is_none());
}

/// Every enum with names stands in one of these lists.
#[test]
fn every_spelling_is_the_name() {
    let mut checked = Vec::new();
    macro_rules! all {
        ($check:ident: $($path:ty),* $(,)?) => { $($check::<$path>(); checked.push(stringify!($path));)* };
    }
    all!(check_flag:
        dsf_explorer::compare::Figure,
        dsf_explorer::compare::Quantity,
        dsf_explorer::compress::MeasuredBy,
        dsf_explorer::compress::Parallel,
        dsf_explorer::export::Layout,
        dsf_explorer::factorize::Objective,
        dsf_explorer::factorize::Orientation,
        dsf_explorer::factorize::Preset,
        dsf_explorer::factorize::Schedule,
        dsf_explorer::factorize::Split,
        dsf_explorer::factorize::Start,
        dsf_explorer::finetune::Decay,
        dsf_explorer::finetune::Distill,
        dsf_explorer::finetune::OptimizerKind,
        dsf_explorer::finetune::Train,
        dsf_explorer::job::Backend,
        dsf_explorer::methods::Method,
        dsf_explorer::methods::ThresholdScope,
    );
    all!(check_serde:
        dsf_explorer::compute::sparse::Instructions,
        dsf_explorer::compute::sparse::Positions,
        dsf_explorer::compute::sparse::ValueFormat,
        dsf_explorer::factorize::Phase,
        dsf_explorer::job::bench_sparse::Kind,
        dsf_explorer::matrix::Arrangement,
        dsf_explorer::model::Dtype,
    );
    // Serde's spelling is another, or there is none.
    all!(check_names: dsf_explorer::factorize::Setting, dsf_explorer::language::Linear, dsf_explorer::language::BlockStage);
    #[cfg(feature = "gui")]
    all!(check_serde: dsf_explorer::app::Pane, dsf_explorer::app::picture::Shade);
    #[cfg(feature = "gui")]
    all!(check_names: dsf_explorer::app::Action);

    let mut named = named_enums(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    // Not public: their own files check them.
    let private = |file: &Path| file.ends_with("series.rs") || file.ends_with("ggml.rs");
    named.retain(|(file, _)| !private(file) && (cfg!(feature = "gui") || !file.starts_with("src/app")));
    for (file, name) in &named {
        let last = |path: &&&str| path.rsplit("::").next().map(str::trim) == Some(name);
        assert!(checked.iter().any(|path| last(&path)), "{name} of {} is not checked here", file.display());
    }
    assert_eq!(named.len(), checked.len());
}

/// The enums of the library that derive names, or that the command line takes, with their files.
fn named_enums(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // The program's own enums are no part of the library.
            if !path.ends_with("src/cli") {
                found.extend(named_enums(&path));
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // From each `#[derive(…)]` to the next item.
            for part in text.split("#[derive(").skip(1) {
                let (derived, after) = part.split_once(")]").unwrap();
                let item = after.lines().find_map(|line| line.trim_start().strip_prefix("pub ")).unwrap_or_default();
                if derived.contains("VariantArray") || derived.contains("ValueEnum") {
                    let name = item.trim_start_matches("enum ").trim_end_matches(" {");
                    found.push((path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_owned(), name.to_owned()));
                }
            }
        }
    }
    found
}
